"""Width: outside and inside, of what is light or dark, square to its edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Placement
from node.measurement import Given, Measurement
from node.tools.width import learn, measure
from schemas import Problem, Scale, Width
from schemas.geometry import RotatedRectangle
from schemas.trigger import EMPTY
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(100, 60, 120, 40)
PLAIN = Scene.plain(320, 240, 60.0)
# walls of 24.9 px about a bore of 30.6 px
TUBE = bar(bar(PLAIN, 159.5, 80, 80.4, 200, 180.0), 159.5, 80, 30.6, 200, 60.0)


def measured(
    scene: Scene,
    noise: float = 3.0,
    seed: int = 1,
    placement: Placement = Placement(),  # noqa: B008
    **changes,
) -> Measurement:  # type: ignore[no-untyped-def]
    tool = Width(**({"name": "w", "region": WHERE, "low": 0.0} | changes))
    return measure(scene.frame(noise, seed).view(tool.region, placement, tool.ignore), tool)


@pytest.mark.parametrize(
    ("jaws", "between", "width"),
    [
        ("outside", "light", 80.4),
        ("outside", "any", 80.4),
        ("inside", "dark", 30.6),
        ("inside", "any", 30.6),
        ("outside", "dark", 30.6),
    ],
)
def test_jaws_close_from_outside_and_open_from_inside(
    jaws: str, between: str, width: float
) -> None:
    found = measured(TUBE, measure=jaws, between=between)
    assert found.value == pytest.approx(width, abs=0.05)
    assert found.feature is not None
    assert found.feature.x == pytest.approx(159.5, abs=0.05)
    assert len(found.marks()) == 2


def test_the_median_error_in_noise_is_below_a_twentieth_of_a_px() -> None:
    errors = []
    for seed in range(15):
        width = 40 + 0.13 * seed
        scene = bar(PLAIN, 160.3, 80, width, 200, 120.0, 0.7 * seed - 5).blurred(0.8)
        errors.append(abs(measured(scene, noise=5.0, seed=seed).value - width))
    assert np.median(errors) < 0.05


@settings(max_examples=20, deadline=None)
@given(width=st.floats(10, 60), angle_deg=st.floats(-20, 20))
def test_the_width_is_square_to_the_edges_however_the_bar_is_turned(
    width: float, angle_deg: float
) -> None:
    scene = bar(PLAIN, 160.0, 80.0, width, 200, 160.0, angle_deg)
    assert measured(scene, noise=0, between="light").value == pytest.approx(width, abs=0.06)


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.3])
def test_light_does_not_matter(gain: float) -> None:
    assert measured(TUBE.lit(gain, 8, ramp=0.2)).value == pytest.approx(80.4, abs=0.05)


def test_a_moved_and_turned_part_keeps_its_width() -> None:
    placement = Placement(12.3, 5.6, 25.0, 1.0, 159.5, 80.0)
    scene = bar(PLAIN, 171.8, 85.6, 44.4, 200, 160.0, 25.0)
    assert measured(scene, placement=placement).value == pytest.approx(44.4, abs=0.05)


def test_a_turned_region_measures_along_its_own_axis() -> None:
    where = RotatedRectangle(x=160, y=120, width=90, height=21, angle_deg=-40.0)
    scene = bar(PLAIN, 160, 120, 44.4, 200, 160.0, -40.0)
    assert measured(scene, region=where).value == pytest.approx(44.4, abs=0.05)


def test_a_wedge_is_measured_in_the_middle() -> None:
    left = bar(PLAIN, 250.0, 80, 200, 400, 160.0, 6.0)  # its left edge leans by 6 degrees
    scene = Scene(np.minimum(left.light, bar(PLAIN, 70.0, 80, 200, 400, 160.0, -6.0).light))
    middle = (70 + 100 / np.cos(np.radians(6))) - (250 - 100 / np.cos(np.radians(6)))
    y = 79.5 - 80
    assert measured(scene, noise=0).value == pytest.approx(
        middle + 2 * y * np.tan(np.radians(6)), abs=0.15
    )


@pytest.mark.parametrize(
    ("scene", "changes"),
    [
        (PLAIN, {}),
        (bar(PLAIN, 260, 80, 200, 200, 160.0), {}),  # one edge
        (bar(PLAIN, 160, 80, 40, 200, 160.0), {"between": "dark"}),
        # beside the middle
        (bar(PLAIN, 190, 80, 20, 200, 160.0), {"measure": "inside", "between": "light"}),
    ],
)
def test_half_a_pair_is_no_width(scene: Scene, changes: dict[str, str]) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measured(scene, **changes)
    tool = Width(name="w", region=WHERE, low=0.0, **changes)  # type: ignore[arg-type]
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(scene.frame(3).view(WHERE), tool)


def test_a_width_in_mm() -> None:
    tool = Width(name="w", region=WHERE, low=0.0, unit="mm")
    found = measure(
        TUBE.frame(3).view(WHERE), tool, None, Given(EMPTY, {}, {}, Scale(mm_per_px=0.02))
    )
    assert found.value == pytest.approx(80.4 * 0.02, abs=0.001)
