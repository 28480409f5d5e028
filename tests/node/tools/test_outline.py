"""Outline: the share of the contour that is there, whatever the light; noise is no outline."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import IN_PLACE, Placement
from node.tools.outline import learn, measure
from schemas import Outline, Problem
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(100, 60, 150, 120)


def tool(**changes) -> Outline:  # type: ignore[no-untyped-def]
    return Outline(**({"name": "shape", "region": WHERE, "low": 0.8} | changes))


def plate(
    dx: float = 0.0,
    dy: float = 0.0,
    light: float = 170.0,
    ground: float = 60.0,
    length: float = 100.0,
) -> Scene:
    """A plate of 100 x 60 px; a shorter one lacks its right end."""
    return Scene.plain(320, 240, ground).rectangle(124.5 + dx, 89.5 + dy, length, 60, light)


def value(scene: Scene, noise: float = 5.0, placement: Placement = IN_PLACE, **changes) -> float:  # type: ignore[no-untyped-def]
    learned = learn(plate().frame(5).view(WHERE), tool(**changes))
    return measure(scene.frame(noise, 1).view(WHERE, placement), tool(**changes), learned).value


def test_the_same_part_agrees() -> None:
    assert value(plate()) > 0.98
    assert value(plate(), tolerance_px=0) > 0.95


@settings(max_examples=25, deadline=None)
@given(gain=st.floats(0.4, 1.4), offset=st.floats(-15, 20), ramp=st.floats(-0.3, 0.3))
def test_brightness_and_contrast_do_not_matter(gain: float, offset: float, ramp: float) -> None:
    assert value(plate().lit(gain, offset, ramp), noise=3) > 0.95


@settings(max_examples=15, deadline=None)
@given(dx=st.floats(-40, 40), dy=st.floats(-40, 40))
def test_a_moved_part_agrees_where_it_lies(dx: float, dy: float) -> None:
    assert value(plate(dx, dy), placement=Placement(dx, dy)) > 0.95


@pytest.mark.parametrize("length", [25.0, 50.0, 75.0])
def test_the_value_is_the_share_of_the_contour_that_is_there(length: float) -> None:
    # the left end and what is left of the long sides; the right end is elsewhere
    there = (2 * length + 60) / 320
    assert value(plate(length=length)) == pytest.approx(there, abs=0.06)


def test_a_part_out_of_place_agrees_only_along_the_edges_that_stay_in_line() -> None:
    assert value(plate(dx=10)) == pytest.approx(2 * 90 / 320, abs=0.06)
    assert value(plate(dx=10, dy=10)) < 0.1


@pytest.mark.parametrize(("tolerance", "agrees"), [(0, False), (1, False), (3, True), (5, True)])
def test_the_tolerance_is_how_far_the_contour_may_be_away(tolerance: int, agrees: bool) -> None:
    # the gradient of a sharp step reaches 2 px to each side, so 4 px away only a tolerance finds it
    for dx, dy in ((4.0, 0.0), (0.0, 4.0), (-2.8, 2.8) if agrees else (-4.0, 4.0)):
        moved = value(plate(dx=dx, dy=dy), tolerance_px=tolerance)
        assert (moved > 0.9) is agrees


def test_a_light_part_is_not_the_outline_of_a_dark_one() -> None:
    assert value(plate(light=60.0, ground=170.0)) < 0.05


@pytest.mark.parametrize("tolerance", [0, 1])
def test_noise_is_no_outline(tolerance: int) -> None:
    assert value(Scene.plain(320, 240, 100.0), noise=5, tolerance_px=tolerance) < 0.05


def test_a_disc_is_not_the_outline_of_a_plate() -> None:
    assert value(Scene.plain(320, 240, 60.0).disc(174.5, 119.5, 35, 170.0)) < 0.5


def test_a_view_of_one_value_is_a_problem_and_no_number() -> None:
    for gray in (0.0, 100.0, 255.0):
        with pytest.raises(Problem, match="NO_CONTRAST"):
            value(Scene.plain(320, 240, gray), noise=0)


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_a_master_without_a_contour_teaches_nothing(noise: float) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(Scene.plain(320, 240).frame(noise).view(WHERE), tool())


@pytest.mark.parametrize("tolerance", [0, 5])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_region_too_small_for_a_contour_teaches_nothing(size: int, tolerance: int) -> None:
    small = tool(region=region(123, 88, size, size), tolerance_px=tolerance)
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(plate().frame().view(small.region), small)


def test_without_a_master_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(plate().frame().view(WHERE), tool(), None)


def test_the_marks_tell_what_is_there_from_what_is_missing() -> None:
    learned = learn(plate().frame().view(WHERE), tool())
    there, missing = measure(plate(length=50).frame().view(WHERE), tool(), learned).marks()
    assert len(there.points) + len(missing.points) == len(learned.x)
    assert missing.points[:, 0].min() > 170
    assert there.points[:, 0].max() < 180


@pytest.mark.parametrize("tolerance", [1, 2, 3, 5])
def test_no_texture_and_no_noise_is_the_outline_whatever_the_tolerance(tolerance: int) -> None:
    master = Scene.plain(320, 240, 110.0).part(105, 65, 3, (140, 110))
    given_ = tool(tolerance_px=tolerance)
    learned = learn(master.frame(2).view(WHERE), given_)
    plain = Scene.plain(320, 240, 110.0)
    checks = np.kron(np.indices((30, 40)).sum(0) % 2, np.ones((8, 8))) * 150 + 50.0
    others = [plain.waves(finest_px=f, contrast=60, seed=f) for f in (3, 5, 8)]
    others += [plain.clutter(seed, 200) for seed in range(3)] + [Scene(checks)]
    for scene, noise in (*((one, 2.0) for one in others), (plain, 20.0), (plain, 40.0)):
        assert measure(scene.frame(noise, 1).view(WHERE), given_, learned).value < 0.65
    turned = Placement(0, 0, 0.6, 1.005, 175.0, 120.0)  # a part that a locator places a little off
    assert measure(master.frame(2, 1).view(WHERE, turned), given_, learned).value > 0.9


@pytest.mark.parametrize("share", [0.1, 0.25, 0.3])
def test_pale_print_is_no_outline_unless_the_limit_says_so(share: float) -> None:
    pale = Scene(60 + (plate().light - 60) * share)
    with pytest.raises(Problem, match=r"NO_CONTRAST.*of the master's"):
        value(pale, noise=3)
    assert value(Scene(60 + (plate().light - 60) * 0.5), noise=3) > 0.9
    assert value(pale, noise=1, contrast_low=0) > 0.2
