"""Brightness: the mean that was drawn; all black and all white are blind."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.tools.brightness import learn, measure
from schemas import Brightness, Problem
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(30, 20, 100, 80)


def tool(relative_to: str = "none") -> Brightness:
    return Brightness(name="lamp", region=WHERE, low=1, relative_to=relative_to)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(gray=st.floats(30, 220), share=st.floats(0, 1), noise=st.sampled_from([0.0, 5.0]))
def test_the_value_is_the_mean_of_what_was_drawn(gray: float, share: float, noise: float) -> None:
    scene = Scene.plain(160, 120, 100.0).rectangle(29.5, 19.5, 100 * share, 80, gray)
    value = measure(scene.frame(noise).view(WHERE), tool(), None).value
    assert value == pytest.approx(share * gray + (1 - share) * 100, abs=0.6)
    assert tool().unit == "gray"


@pytest.mark.parametrize("gain", [0.8, 1.0, 1.2])
def test_relative_to_the_master_it_is_the_change_of_light(gain: float) -> None:
    learned = learn(Scene.plain(160, 120, 100.0).frame(5).view(WHERE), tool("master"))
    value = measure(
        Scene.plain(160, 120, 100.0).lit(gain).frame(5, 1).view(WHERE), tool("master"), learned
    ).value
    assert value == pytest.approx(gain, abs=0.005)


def test_nothing_is_learned_for_a_value_in_gray_levels() -> None:
    assert learn(Scene.plain(160, 120).frame().view(WHERE), tool()) is None


@pytest.mark.parametrize("gray", [0.0, 255.0])
@pytest.mark.parametrize("relative_to", ["none", "master"])
def test_all_black_and_all_white_are_a_problem_and_no_number(gray: float, relative_to: str) -> None:
    blind = Scene.plain(160, 120, gray).frame().view(WHERE)
    learned = learn(Scene.plain(160, 120).frame().view(WHERE), tool(relative_to))
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measure(blind, tool(relative_to), learned)
    if relative_to == "master":
        with pytest.raises(Problem, match="NO_CONTRAST"):
            learn(blind, tool(relative_to))


def test_one_pixel_that_is_not_black_is_enough_to_see() -> None:
    scene = Scene.plain(160, 120, 0.0).rectangle(59.5, 59.5, 1, 1, 255.0)
    assert measure(scene.frame().view(WHERE), tool(), None).value == pytest.approx(255 / 8000)


def test_without_a_master_a_ratio_is_a_problem() -> None:
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(Scene.plain(160, 120).frame().view(WHERE), tool("master"), None)
