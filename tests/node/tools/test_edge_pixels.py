"""Edge pixels: a step of known height and length has a known number of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Frame, Placement
from node.tools.edge_pixels import learn, measure
from schemas import EdgePixels, Problem
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(100, 80, 150, 120)


def tool(**changes) -> EdgePixels:  # type: ignore[no-untyped-def]
    return EdgePixels(
        **({"name": "thread", "region": WHERE, "low": 0.9, "gradient_low": 20.0} | changes)
    )


def stripes(count: int, dx: float = 0.0, dy: float = 0.0, light: float = 160.0) -> Scene:
    """Light stripes on dark ground, 8 px wide, every 24 px, 60 px long: two edges each."""
    scene = Scene.plain(320, 240, 40.0)
    for number in range(count):
        scene = scene.rectangle(109.5 + 24 * number + dx, 109.5 + dy, 8, 60, light)
    return scene


@settings(max_examples=30, deadline=None)
@given(step=st.integers(10, 200), low=st.floats(2, 40))
def test_a_sharp_step_has_one_edge_pixel_a_row_if_three_eighths_of_it_reach_the_limit(
    step: int, low: float
) -> None:
    scene = Scene.plain(320, 240, 30.0).rectangle(149.5, -10, 300, 300, 30.0 + step)
    count = (
        18000
        * measure(
            scene.frame().view(WHERE), tool(gradient_low=low, relative_to="region"), None
        ).value
    )
    if 3 / 8 * step > low + 0.5:  # the smoothed gray levels are rounded to whole ones
        assert count == pytest.approx(120, abs=2)
    elif 3 / 8 * step < low - 0.5:
        assert count == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5])
def test_the_ratio_to_the_master_is_that_of_the_drawn_edges(count: int) -> None:
    learned = learn(stripes(5).frame(5).view(WHERE), tool())
    assert measure(stripes(count).frame(5, 1).view(WHERE), tool(), learned).value == pytest.approx(
        count / 5, abs=0.02
    )


@settings(max_examples=15, deadline=None)
@given(
    dx=st.floats(-30, 30), dy=st.floats(-30, 30), sigma=st.floats(0.3, 1.2), count=st.integers(1, 5)
)
def test_a_moved_part_is_measured_where_it_lies(
    dx: float, dy: float, sigma: float, count: int
) -> None:
    def ring(dx: float, dy: float, seed: int) -> Frame:
        scene = (
            Scene.plain(320, 240, 40.0)
            .disc(174.5 + dx, 139.5 + dy, 40, 160.0)
            .disc(174.5 + dx, 139.5 + dy, 20, 40.0)
        )
        return scene.blurred(sigma).frame(5, seed)

    learned = learn(ring(0, 0, 0).view(WHERE), tool())
    assert measure(
        ring(dx, dy, 1).view(WHERE, Placement(dx, dy)), tool(), learned
    ).value == pytest.approx(1, abs=0.03)
    learned = learn(stripes(count).frame(5).view(WHERE), tool())
    moved = stripes(count, dx, dy).frame(5, 1).view(WHERE, Placement(dx, dy))
    assert measure(moved, tool(), learned).value == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("light", [{"gain": 0.8}, {"offset": 30.0}, {"ramp": 0.2}])
def test_a_change_of_light_matters_little(light: dict[str, float]) -> None:
    learned = learn(stripes(5).frame(5).view(WHERE), tool())
    assert measure(
        stripes(5).lit(**light).frame(5, 1).view(WHERE), tool(), learned
    ).value == pytest.approx(1, abs=0.03)


def test_noise_alone_has_no_edges() -> None:
    noise = Scene.plain(320, 240, 100.0).frame(10).view(WHERE)
    assert measure(noise, tool(relative_to="region"), None).value < 0.0005


def test_a_view_of_one_value_is_a_problem_and_no_number() -> None:
    learned = learn(stripes(5).frame(5).view(WHERE), tool())
    for gray in (0.0, 100.0, 255.0):
        with pytest.raises(Problem, match="NO_CONTRAST"):
            measure(Scene.plain(320, 240, gray).frame().view(WHERE), tool(), learned)


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_a_master_without_edges_teaches_nothing(noise: float) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(Scene.plain(320, 240).frame(noise).view(WHERE), tool())


def test_without_a_master_a_ratio_to_it_is_a_problem() -> None:
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(stripes(1).frame().view(WHERE), tool(), None)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 40), (40, 1), (2, 2), (3, 3)])
def test_the_smallest_regions_give_a_number_unless_they_are_blind(width: int, height: int) -> None:
    small = tool(region=region(149, 100, width, height), relative_to="region")
    scene = Scene.plain(320, 240, 30.0).rectangle(149.5, -10, 300, 300, 230.0)
    view = scene.frame().view(small.region)
    if view.uniform:
        with pytest.raises(Problem, match="NO_CONTRAST"):
            measure(view, small, None)
    else:
        assert 0 <= measure(view, small, None).value <= 1


def test_the_marks_lie_on_the_edges() -> None:
    marks = measure(stripes(1).frame().view(WHERE), tool(relative_to="region"), None).marks()
    assert marks
    assert all(107 <= x <= 120 and 107 <= y <= 172 for mark in marks for x, y in mark.points)
