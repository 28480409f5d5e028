"""Line: angle and straightness of an edge, with some of its points wrong."""

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Placement
from node.measurement import Given, Measurement
from node.tools.line import learn, measure
from schemas import Line, Problem, Scale
from schemas.geometry import RotatedRectangle
from schemas.trigger import EMPTY
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(100, 60, 80, 100)
PLAIN = Scene.plain(320, 240, 60.0)


def half(x: float, angle_deg: float = 0.0, colour: float = 170.0) -> Scene:
    """Light to the right of an edge through (x, 109.5), turned clockwise against upright."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return bar(PLAIN, x + 200 * c, 109.5 + 200 * s, 400, 400, colour, angle_deg)


def measured(
    scene: Scene,
    noise: float = 3.0,
    seed: int = 1,
    placement: Placement = Placement(),  # noqa: B008
    **changes,
) -> Measurement:  # type: ignore[no-untyped-def]
    tool = Line(**({"name": "l", "region": WHERE, "low": -90.0} | changes))
    return measure(scene.frame(noise, seed).view(tool.region, placement, tool.ignore), tool)


@settings(max_examples=15, deadline=None)
@given(angle_deg=st.floats(-35, 35), x=st.floats(136, 144))
def test_the_angle_and_the_place_are_those_of_the_edge(angle_deg: float, x: float) -> None:
    found = measured(half(x, angle_deg), 0.0)
    assert found.value == pytest.approx(angle_deg, abs=0.03)
    feature = found.feature
    assert feature is not None
    assert feature.direction is not None
    normal = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    assert (feature.x - x) * normal[0] + (feature.y - 109.5) * normal[1] == pytest.approx(
        0, abs=0.03
    )
    assert feature.direction[0] * normal[0] + feature.direction[1] * normal[1] == pytest.approx(
        0, abs=0.001
    )


def test_the_median_error_in_noise_is_below_a_twentieth_of_a_px_and_of_a_degree() -> None:
    places, angles = [], []
    for seed in range(9):
        x, angle_deg = 138 + 0.43 * seed, 3.3 * seed - 13
        found = measured(half(x, angle_deg, 120.0).blurred(0.8), 5.0, seed)
        assert found.feature is not None
        angles.append(abs(found.value - angle_deg))
        c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
        places.append(abs((found.feature.x - x) * c + (found.feature.y - 109.5) * s))
    assert np.median(places) < 0.05
    assert np.median(angles) < 0.05


def test_a_straight_edge_is_straight_and_a_bent_one_is_not() -> None:
    assert measured(half(140.3, 4.0), value="straightness").value < 0.15
    rows = np.arange(240)[:, None]
    bend = 4.0 * ((rows - 109.5) / 50) ** 2  # 4 px deep over the region
    bent = Scene(60 + 110 * np.clip(np.arange(320)[None, :] + 0.5 - 140 - bend, 0, 1))
    assert measured(bent, value="straightness", found_low=0.2).value == pytest.approx(4, abs=0.4)


def test_a_notch_is_straightness_and_does_not_turn_the_line() -> None:
    notched = half(140.0).rectangle(130, 70, 16, 15, 60.0)
    assert measured(notched).value == pytest.approx(0, abs=0.05)
    assert measured(notched, value="straightness").value == pytest.approx(6, abs=0.3)


@pytest.mark.parametrize(("top", "high"), [(70, 16), (70, 40), (60, 20), (138, 22)])
def test_a_piece_of_the_edge_that_is_missing_is_never_straight(top: int, high: int) -> None:
    broken = half(140.0).rectangle(100, top, 120, high, 60.0)  # deeper than the region is long
    assert measured(broken).value == pytest.approx(0, abs=0.05)
    with pytest.raises(Problem, match="no edge shows in"):
        measured(broken, value="straightness")
    known = region(90, top - 2, 100, high + 4)
    assert measured(broken, value="straightness", ignore=(known,)).value < 0.3


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.3])
def test_light_does_not_matter(gain: float) -> None:
    assert measured(half(140, 6.0).lit(gain, 10, ramp=0.2)).value == pytest.approx(6, abs=0.05)


@pytest.mark.parametrize("turned", [0.0, 20.0, -75.0])
def test_the_angle_is_against_the_region_and_turns_with_the_part(turned: float) -> None:
    placement = Placement(8.3, -4.2, turned, 1.0, 140.0, 109.5)
    c, s = np.cos(np.radians(turned + 5)), np.sin(np.radians(turned + 5))
    scene = bar(PLAIN, 148.3 + 100 * c, 105.3 + 100 * s, 200, 300, 170.0, turned + 5)
    assert measured(scene, placement=placement).value == pytest.approx(5, abs=0.05)


def test_a_turned_region_and_one_scanned_down_measure_the_same() -> None:
    # its upper edge falls to the right by 5 degrees
    scene = bar(PLAIN, 160, 220, 300, 200, 170.0, 5.0)
    down = measured(scene, region=region(110, 90, 100, 60), scan="down")
    turned = measured(
        scene, region=RotatedRectangle(x=160, y=120, width=60, height=100, angle_deg=90)
    )
    assert down.value == pytest.approx(5, abs=0.05)
    assert turned.value == pytest.approx(5, abs=0.05)


def test_what_is_ignored_is_not_the_line() -> None:
    blob = half(140.0).rectangle(120, 60, 40, 60, 250.0)
    assert measured(blob, found_low=0.9, ignore=(region(100, 58, 80, 64),)).value == pytest.approx(
        0, abs=0.05
    )


@pytest.mark.parametrize(
    "scene", [PLAIN, Scene.plain(320, 240, 100.0).clutter(4, 150), PLAIN.disc(140, 110, 36, 170.0)]
)
def test_what_is_no_line_gives_no_number(scene: Scene) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measured(scene, 4.0)
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(scene.frame(4).view(WHERE), Line(name="l", region=WHERE, low=0.0))


def test_an_edge_of_the_wrong_polarity_is_a_problem_that_says_so() -> None:
    with pytest.raises(Problem, match=r"only 0 of .* scans show an edge light to dark"):
        measured(half(140.0), polarity="light_to_dark")


def test_straightness_in_mm_and_no_angle_in_mm() -> None:
    notched = half(140.0).rectangle(130, 70, 16, 15, 60.0).frame(3)
    tool = Line(name="l", region=WHERE, high=1.0, value="straightness", unit="mm")
    found = measure(notched.view(WHERE), tool, None, Given(EMPTY, {}, {}, Scale(mm_per_px=0.01)))
    assert found.value == pytest.approx(0.06, abs=0.003)
    with pytest.raises(ValueError, match="an angle is no length"):
        Line(name="l", region=WHERE, high=1.0, unit="mm")


def seen_through(x: float, angle_deg: float, blur: float) -> Scene:
    """The same as `half`, seen through a blur, calculated."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    rows, columns = np.mgrid[:240, :320]
    away = ((columns - x) * c + (rows - 109.5) * s) / np.hypot(blur, 0.29)
    table = np.linspace(-6, 6, 2401)
    return Scene(
        60.0
        + 110.0 * np.interp(away, table, [0.5 + 0.5 * math.erf(at / math.sqrt(2)) for at in table])
    )


@settings(max_examples=25, deadline=None)
@given(
    angle_deg=st.floats(-25, 25),
    x=st.floats(88, 126),
    blur=st.sampled_from([0.5, 0.8, 1.5]),
    which=st.sampled_from(["first", "last", "strongest"]),
)
def test_a_straight_edge_that_leaves_its_region_is_straight_or_a_problem(
    angle_deg: float, x: float, blur: float, which: str
) -> None:
    scene = seen_through(x, angle_deg, blur)
    for value, due, limit in (("straightness", 0.0, 0.6), ("angle", angle_deg, 0.15)):
        with contextlib.suppress(Problem):
            assert measured(scene, value=value, which=which, found_low=0.5).value == pytest.approx(
                due, abs=limit
            )


def test_scans_whose_edges_lie_in_two_heaps_are_no_failure() -> None:
    light = PLAIN.light.copy()
    light[60:110, 110:130], light[110:160, 150:170] = 170.0, 170.0
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measured(Scene(light), which="first", found_low=0.9)
