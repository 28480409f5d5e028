"""Pitch: least, greatest and mean distance of like edges."""

import numpy as np
import pytest

from node.frame import Placement
from node.measurement import Given
from node.tools.pitch import learn, measure
from schemas import Pitch, Problem, Scale
from schemas.trigger import EMPTY
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(60, 60, 200, 40)
PLAIN = Scene.plain(320, 240, 60.0)


def comb(
    steps: list[float], angle_deg: float = 0.0, tooth: float = 6.0, colour: float = 170.0
) -> Scene:
    """Teeth at these distances along an axis turned about (90, 79.5)."""
    scene = PLAIN
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    for at in np.cumsum([0.0, *steps]):
        scene = bar(scene, 90 + c * at, 79.5 + s * at, tooth, 120, colour, angle_deg)
    return scene


def value(
    scene: Scene,
    noise: float = 3.0,
    seed: int = 1,
    placement: Placement = Placement(),  # noqa: B008
    **changes,
) -> float:  # type: ignore[no-untyped-def]
    tool = Pitch(**({"name": "p", "region": WHERE, "low": 0.0} | changes))
    return measure(scene.frame(noise, seed).view(tool.region, placement, tool.ignore), tool).value


@pytest.mark.parametrize("polarity", ["dark_to_light", "light_to_dark"])
def test_mean_least_and_greatest(polarity: str) -> None:
    scene = comb([14.2, 13.1, 15.6, 14.2])
    assert value(scene, polarity=polarity) == pytest.approx(14.275, abs=0.03)
    assert value(scene, polarity=polarity, value="min") == pytest.approx(13.1, abs=0.06)
    assert value(scene, polarity=polarity, value="max") == pytest.approx(15.6, abs=0.06)


def test_the_median_error_in_noise_is_below_a_twentieth_of_a_px() -> None:
    errors = []
    for seed in range(9):
        pitch = 11 + 0.37 * seed
        errors.append(
            abs(value(comb([pitch] * 7, tooth=4.5).blurred(0.8), noise=5, seed=seed) - pitch)
        )
    assert np.median(errors) < 0.05


def test_slanted_teeth_are_measured_square_to_them() -> None:
    assert value(comb([14.0] * 6, angle_deg=9.0), noise=0) == pytest.approx(14.0, abs=0.03)


def test_a_moved_and_turned_part_keeps_its_pitch() -> None:
    scene = comb([14.0] * 6, angle_deg=30.0)
    placement = Placement(0, 0, 30.0, 1.0, 90.0, 79.5)
    assert value(scene, placement=placement, region=region(70, 65, 130, 30)) == pytest.approx(
        14.0, abs=0.03
    )


def test_a_missing_tooth_is_a_greatest_pitch_of_two() -> None:
    assert value(comb([14, 14, 28, 14]), value="max") == pytest.approx(28, abs=0.05)


def test_what_is_ignored_is_no_tooth() -> None:
    blob = comb([14, 14, 14, 14]).rectangle(96, 57, 3, 46, 250.0)  # a burr between two teeth
    assert value(blob, value="min") < 13
    assert value(blob, value="min", ignore=(region(94, 55, 7, 50),)) == pytest.approx(14, abs=0.06)


@pytest.mark.parametrize("scene", [PLAIN, comb([]), bar(PLAIN, 260, 80, 200, 200, 160.0)])
def test_one_edge_has_no_pitch(scene: Scene) -> None:
    with pytest.raises(Problem, match="fewer than two edges dark to light"):
        value(scene)
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(scene.frame(3).view(WHERE), Pitch(name="p", region=WHERE, low=0.0))


def test_a_pitch_in_mm() -> None:
    tool = Pitch(name="p", region=WHERE, low=0.0, unit="mm")
    view = comb([14.0] * 6).frame(3).view(WHERE)
    assert measure(
        view, tool, None, Given(EMPTY, {}, {}, Scale(mm_per_px=0.1))
    ).value == pytest.approx(1.4, abs=0.005)


@pytest.mark.parametrize("which", ["mean", "min", "max"])
def test_teeth_that_are_all_alike_do_not_excuse_one_that_the_border_cuts(which: str) -> None:
    scene = comb([14.0] * 6)
    whole = region(80, 60, 100, 40)  # the first tooth begins at 87
    assert value(scene, value=which, region=whole, polarity="dark_to_light") == pytest.approx(
        14, abs=0.06
    )
    with pytest.raises(Problem, match="cuts an edge off"):
        value(scene, value=which, region=region(86, 60, 94, 40), polarity="dark_to_light")
