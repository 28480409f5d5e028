"""Area: drawn areas are counted, whatever the noise and wherever the part lies; a blind view gives
a problem."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Placement
from node.tools.area import learn, measure
from schemas import Area, Problem
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(300, 100, 150, 120)
DARK, LIGHT = 60.0, 180.0


def tool(**changes) -> Area:  # type: ignore[no-untyped-def]
    return Area(**({"name": "label", "region": WHERE, "low": 0.95} | changes))


def disc(
    radius: float, x: float = 370.3, y: float = 160.6, colour: float = LIGHT, ground: float = DARK
) -> Scene:
    return Scene.plain(colour=ground).disc(x, y, radius, colour)


@settings(max_examples=25, deadline=None)
@given(
    radius=st.floats(15, 45),
    x=st.floats(350, 395),
    y=st.floats(150, 170),
    noise=st.sampled_from([0.0, 5.0]),
)
def test_the_ratio_to_the_master_is_that_of_the_drawn_areas(
    radius: float, x: float, y: float, noise: float
) -> None:
    learned = learn(disc(40).frame(noise).view(WHERE), tool())
    value = measure(disc(radius, x, y).frame(noise, 1).view(WHERE), tool(), learned).value
    assert value == pytest.approx((radius / 40) ** 2, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(
    x=st.floats(310, 340), y=st.floats(110, 140), width=st.floats(20, 100), height=st.floats(20, 70)
)
def test_relative_to_the_region_it_is_the_share_of_covered_pixels(
    x: float, y: float, width: float, height: float
) -> None:
    given_ = tool(relative_to="region", threshold=120, polarity="light")
    value = measure(
        Scene.plain(colour=DARK).rectangle(x, y, width, height, LIGHT).frame(5).view(WHERE),
        given_,
        None,
    ).value
    assert value == pytest.approx(width * height / (150 * 120), abs=(width + height) / (150 * 120))


def test_auto_counts_the_rarer_pixels_of_the_master() -> None:
    for ground, colour in ((DARK, LIGHT), (LIGHT, DARK)):
        learned = learn(disc(40, colour=colour, ground=ground).frame(3).view(WHERE), tool())
        assert learned.light is (colour == LIGHT)
        assert learned.count == pytest.approx(math.pi * 40**2, rel=0.01)


def test_the_threshold_is_the_masters_so_a_missing_label_is_no_area() -> None:
    learned = learn(disc(40).frame(5).view(WHERE), tool())
    assert measure(Scene.plain(colour=DARK).frame(5, 1).view(WHERE), tool(), learned).value == 0
    assert measure(Scene.plain(colour=LIGHT).frame(5, 1).view(WHERE), tool(), learned).value > 3


@pytest.mark.parametrize(
    "light", [{"gain": 0.8}, {"offset": 25.0}, {"offset": -25.0}, {"ramp": 0.2}]
)
def test_a_change_of_light_moves_the_area_by_less_than_two_percent(light: dict[str, float]) -> None:
    learned = learn(disc(40).frame(5).view(WHERE), tool())
    value = measure(disc(40).lit(**light).frame(5, 1).view(WHERE), tool(), learned).value
    assert value == pytest.approx(1, abs=0.02)


def test_a_moved_part_is_measured_where_it_lies() -> None:
    learned = learn(disc(40).frame(5).view(WHERE), tool())
    moved = disc(40, 370.3 + 57.4, 160.6 - 31.7).frame(5, 1)
    assert measure(
        moved.view(WHERE, Placement(57.4, -31.7)), tool(), learned
    ).value == pytest.approx(1, abs=0.01)
    assert measure(moved.view(WHERE), tool(), learned).value < 0.9


@pytest.mark.parametrize(
    ("level", "light", "count"),
    [(99, True, 20), (100, True, 0), (99, False, 80), (100, False, 100)],
)
def test_a_pixel_is_light_above_the_threshold_and_dark_up_to_it(
    level: int, light: bool, count: int
) -> None:
    scene = Scene.plain(10, 10, 50.0).rectangle(-0.5, -0.5, 2, 10, 100.0)
    given_ = tool(
        region=region(0, 0, 10, 10),
        threshold=level,
        polarity="light" if light else "dark",
        relative_to="region",
    )
    assert measure(scene.frame().view(given_.region), given_, None).value == count / 100


def test_a_view_of_one_value_is_a_problem_and_no_number() -> None:
    learned = learn(disc(40).frame(5).view(WHERE), tool())
    for gray in (0.0, 60.0, 180.0, 255.0):
        with pytest.raises(Problem, match="NO_CONTRAST"):
            measure(Scene.plain(colour=gray).frame().view(WHERE), tool(), learned)


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_a_master_without_light_and_dark_teaches_nothing(noise: float) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(Scene.plain(colour=DARK).frame(noise).view(WHERE), tool())


@pytest.mark.parametrize(
    "changes", [{"polarity": "light"}, {"polarity": "dark", "threshold": 10}, {"polarity": "auto"}]
)
def test_a_master_without_a_pixel_that_counts_teaches_nothing(changes: dict[str, object]) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(disc(40).frame().view(WHERE), tool(**({"threshold": 250} | changes)))


@pytest.mark.parametrize(
    "changes", [{}, {"threshold": 120}, {"threshold": 120, "polarity": "light"}]
)
def test_without_a_master_a_tool_that_needs_one_says_so(changes: dict[str, object]) -> None:
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(disc(40).frame().view(WHERE), tool(**changes), None)


def test_the_marks_are_drawn_around_what_was_counted() -> None:
    frame = disc(40).frame()
    (mark,) = measure(frame.view(WHERE), tool(), learn(frame.view(WHERE), tool())).marks()
    middle = (mark.points.min(axis=0) + mark.points.max(axis=0)) / 2
    assert middle == pytest.approx([370.3, 160.6], abs=1)
