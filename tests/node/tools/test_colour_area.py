"""Colour area: patches of known hue and size, the wrap through red, gray frames refused."""

import colorsys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Placement
from node.tools.colour_area import learn, measure
from schemas import ColourArea, Problem
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(30, 20, 120, 90)
GROUND = (70.0, 70.0, 70.0)


def bgr(hue_deg: float, saturation: float = 0.8, value: float = 0.8) -> tuple[float, float, float]:
    red, green, blue = colorsys.hsv_to_rgb(hue_deg % 360 / 360, saturation, value)
    return 255 * blue, 255 * green, 255 * red


def patch(
    hue_deg: float,
    x: float = 49.5,
    width: float = 60.0,
    saturation: float = 0.8,
    value: float = 0.8,
) -> Scene:
    return Scene.plain(200, 140, GROUND).rectangle(
        x, 39.5, width, 50, bgr(hue_deg, saturation, value)
    )


def tool(low: float, high: float, **changes) -> ColourArea:  # type: ignore[no-untyped-def]
    given_ = {"name": "cap", "region": WHERE, "low": 0.9, "hue_low_deg": low, "hue_high_deg": high}
    return ColourArea(**(given_ | {"relative_to": "region"} | changes))


def share(scene: Scene, settings_: ColourArea, noise: float = 0.0) -> float:
    return measure(scene.frame(noise).view(WHERE), settings_, None).value


@settings(max_examples=40, deadline=None)
@given(hue=st.integers(0, 359), half=st.integers(6, 80), beside=st.integers(6, 90))
def test_a_hue_counts_inside_the_range_and_not_outside_also_through_red(
    hue: int, half: int, beside: int
) -> None:
    around = tool((hue - half) % 360, (hue + half) % 360)
    assert share(patch(hue), around) == pytest.approx(3000 / 10800)
    assert share(patch(hue + half + beside), around) == 0
    assert share(patch(hue - half - beside), around) == 0


@pytest.mark.parametrize(
    ("low", "high", "seen", "unseen"),
    [
        (350, 10, [350, 355, 0, 5, 10], [20, 340, 180]),
        (350, 360, [350, 0], [10, 340]),
        (360, 10, [0, 10], [350, 20]),
        (0, 360, [0, 90, 180, 270, 358], []),
        (0, 358, [0, 90, 180, 270, 358], []),
        (180.5, 180, [0, 90, 180, 270], []),
        (121, 121, [121, 122], [110, 130]),
        (360, 360, [0], [20, 340]),
    ],
)
def test_the_ends_of_the_hue_range(
    low: float, high: float, seen: list[int], unseen: list[int]
) -> None:
    for hue in seen:
        assert share(patch(hue), tool(low, high)) == pytest.approx(3000 / 10800), hue
    for hue in unseen:
        assert share(patch(hue), tool(low, high)) == 0, hue


@pytest.mark.parametrize(
    ("limits", "counts"),
    [
        ({"saturation_low": 0.7, "saturation_high": 0.9}, True),
        ({"saturation_low": 0.9}, False),
        ({"saturation_high": 0.7}, False),
        ({"value_low": 0.9}, False),
        ({"value_high": 0.7}, False),
        ({"value_low": 0.7, "value_high": 0.9}, True),
    ],
)
def test_saturation_and_value_limit_what_counts(limits: dict[str, float], counts: bool) -> None:
    assert (share(patch(120), tool(100, 140, **limits)) > 0) is counts


@settings(max_examples=15, deadline=None)
@given(width=st.floats(10, 90), x=st.floats(35, 55))
def test_the_ratio_to_the_master_is_that_of_the_drawn_areas(width: float, x: float) -> None:
    wrap = tool(340, 20, relative_to="master")
    learned = learn(patch(0).frame(5).view(WHERE), wrap)
    value = measure(patch(0, x, width).frame(5, 1).view(WHERE), wrap, learned).value
    assert value == pytest.approx(width / 60, abs=0.03)


@pytest.mark.parametrize("light", [{"gain": 0.8}, {"gain": 1.15}, {"ramp": 0.2}])
def test_a_change_of_light_leaves_the_hue(light: dict[str, float]) -> None:
    green = tool(100, 140, relative_to="master")
    learned = learn(patch(120).frame(5).view(WHERE), green)
    assert measure(
        patch(120).lit(**light).frame(5, 1).view(WHERE), green, learned
    ).value == pytest.approx(1, abs=0.01)


def test_a_moved_part_is_measured_where_it_lies() -> None:
    green = tool(100, 140, relative_to="master")
    learned = learn(patch(120).frame(5).view(WHERE), green)
    moved = patch(120, 49.5 + 30.3).frame(5, 1)
    assert measure(moved.view(WHERE, Placement(30.3, 0)), green, learned).value == pytest.approx(
        1, abs=0.02
    )


def test_a_gray_frame_is_a_problem_to_learn_from_and_to_measure() -> None:
    gray = Scene.plain(200, 140).clutter().frame().view(WHERE)
    for settings_ in (tool(0, 30), tool(0, 30, relative_to="master")):
        with pytest.raises(Problem, match="IMAGE_INVALID"):
            learn(gray, settings_)
        with pytest.raises(Problem, match="IMAGE_INVALID"):
            measure(gray, settings_, None)


def test_a_master_without_the_colour_teaches_nothing() -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(patch(120).frame(2).view(WHERE), tool(200, 220, relative_to="master"))


@pytest.mark.parametrize("colour", [GROUND, bgr(120)])
def test_a_view_of_one_value_is_a_problem_and_no_number(colour: tuple[float, float, float]) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        share(Scene.plain(200, 140, colour), tool(100, 140))


def test_a_part_all_of_the_colour_is_a_number_where_it_can_be_seen() -> None:
    assert share(Scene.plain(200, 140, bgr(120)), tool(100, 140), noise=3) == pytest.approx(
        1, abs=0.001
    )


def test_the_marks_go_around_the_colour_on_both_sides_of_red() -> None:
    scene = patch(350, 39.5, 30).rectangle(99.5, 39.5, 30, 50, bgr(10))
    marks = measure(scene.frame().view(WHERE), tool(340, 20), None).marks()
    assert sorted(mark.points.min(axis=0).tolist() for mark in marks) == [[40, 40], [100, 40]]


ORANGE, RED = (30.0, 110.0, 200.0), (40.0, 40.0, 190.0)


def lit(colour: tuple[float, float, float], gain: float, width: float = 60.0) -> Scene:
    """A patch under more light, each channel cut at 255 as a camera cuts it."""
    seen = tuple(min(gain * level, 255.0) for level in colour)
    return Scene.plain(200, 140, GROUND).rectangle(49.5, 39.5, width, 50, seen)


@pytest.mark.parametrize(
    ("relative_to", "gain"), [("region", 2.2), ("master", 2.2), ("region", 3.0), ("master", 1.9)]
)
def test_an_orange_part_under_too_much_light_is_not_yellow(relative_to: str, gain: float) -> None:
    """Red at 255 and green still rising: the hue runs from orange to yellow, the part stays
    orange."""
    yellow = tool(42, 70, relative_to=relative_to)
    learned = learn(lit((30.0, 190.0, 200.0), 1.0).frame().view(WHERE), yellow)
    with pytest.raises(Problem, match=r"NO_CONTRAST.*burnt out"):
        measure(lit(ORANGE, gain).frame(2).view(WHERE), yellow, learned)


def test_a_colour_that_must_not_be_there_is_not_missed_because_it_is_burnt_out() -> None:
    no_red = ColourArea(
        name="red", region=WHERE, high=0.01, hue_low_deg=345, hue_high_deg=15, relative_to="region"
    )
    assert share(lit(RED, 1.0), no_red) > 0.2
    with pytest.raises(Problem, match=r"NO_CONTRAST.*burnt out"):
        share(
            Scene.plain(200, 140, GROUND).rectangle(49.5, 39.5, 60, 50, (60.0, 160.0, 255.0)),
            no_red,
        )


def test_a_master_whose_colour_is_burnt_out_teaches_nothing() -> None:
    with pytest.raises(Problem, match=r"NO_CONTRAST.*burnt out"):
        learn(lit(ORANGE, 2.2).frame().view(WHERE), tool(42, 70, relative_to="master"))


def test_burnt_out_pixels_of_a_hue_that_no_light_brings_into_the_range_do_not_matter() -> None:
    green = tool(100, 140)
    scene = lit((40.0, 200.0, 40.0), 1.0).rectangle(120, 39.5, 25, 50, (30.0, 110.0, 255.0))
    assert share(scene, green) == pytest.approx(3000 / 10800, rel=0.01)


def test_white_highlights_have_no_hue() -> None:
    scene = lit(RED, 1.0).disc(80, 60, 12, (255.0, 255.0, 255.0))
    assert share(scene, tool(345, 15)) == pytest.approx((3000 - 452) / 10800, rel=0.03)
