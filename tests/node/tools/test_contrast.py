"""Contrast: spreads of drawn scenes and of noise are known; a blind view gives a problem."""

import pytest

from node.tools.contrast import learn, measure
from schemas import Contrast, Problem
from schemas.geometry import Circle
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(20, 20, 200, 160)


def tool(**changes) -> Contrast:  # type: ignore[no-untyped-def]
    return Contrast(**({"name": "print", "region": WHERE, "low": 1.0} | changes))


@pytest.mark.parametrize("sigma", [3.0, 8.0, 20.0])
def test_the_deviation_is_that_of_the_noise(sigma: float) -> None:
    assert measure(
        Scene.plain(240, 200, 120.0).frame(sigma).view(WHERE), tool(), None
    ).value == pytest.approx(sigma, rel=0.03)


@pytest.mark.parametrize("sigma", [3.0, 8.0, 20.0])
def test_the_range_of_normal_noise_is_two_times_1645_of_its_deviation(sigma: float) -> None:
    value = measure(
        Scene.plain(240, 200, 120.0).frame(sigma).view(WHERE), tool(method="range"), None
    ).value
    assert value == pytest.approx(2 * 1.645 * sigma, rel=0.03)


def test_half_light_and_half_dark_are_half_their_distance_apart() -> None:
    scene = Scene.plain(240, 200, 60.0).rectangle(119.5, -0.5, 200, 200, 180.0)
    assert measure(scene.frame().view(WHERE), tool(), None).value == pytest.approx(60)
    assert measure(scene.frame().view(WHERE), tool(method="range"), None).value == pytest.approx(
        120, abs=1
    )


def test_a_few_odd_pixels_do_not_move_the_range() -> None:
    plain = Scene.plain(240, 200, 100.0)
    odd = plain.rectangle(60, 60, 30, 30, 250.0)
    one, two = (
        measure(scene.frame(4).view(WHERE), tool(method="range"), None).value
        for scene in (plain, odd)
    )
    assert two == pytest.approx(one, rel=0.15)
    assert (
        measure(odd.frame(4).view(WHERE), tool(), None).value
        > 3 * measure(plain.frame(4).view(WHERE), tool(), None).value
    )


def test_relative_to_the_master_it_is_a_ratio() -> None:
    scene = Scene.plain(240, 200, 120.0).waves()
    given = tool(relative_to="master")
    learned = learn(scene.frame().view(WHERE), given)
    assert measure(scene.lit(0.5).frame().view(WHERE), given, learned).value == pytest.approx(
        0.5, abs=0.02
    )
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(scene.frame().view(WHERE), given, None)


def test_only_pixels_that_count_are_measured() -> None:
    scene = Scene.plain(240, 200, 100.0).disc(100, 100, 20, 240.0)
    hole = Circle(x=100, y=100, radius=23)
    for method in ("deviation", "range"):
        view = scene.frame(3).view(WHERE, ignore=(hole,))
        assert measure(view, tool(method=method), None).value < 11
    assert measure(scene.frame(3).view(WHERE), tool(), None).value > 20


@pytest.mark.parametrize("gray", [0.0, 128.0, 255.0])
@pytest.mark.parametrize("method", ["deviation", "range"])
def test_a_view_of_one_value_is_a_problem_and_no_number(gray: float, method: str) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measure(Scene.plain(240, 200, gray).frame().view(WHERE), tool(method=method), None)


def test_a_master_of_one_value_teaches_nothing() -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(Scene.plain(240, 200, 128.0).frame().view(WHERE), tool(relative_to="master"))
