"""Compare: two drawn regions have known ratios, differences and correlations, wherever the part
lies."""

import pytest

from node.frame import Placement
from node.tools.compare import learn, measure
from schemas import Compare, Problem
from schemas.geometry import Circle
from tests.rooms.pictures.scenes import Scene, region

LEFT, RIGHT = region(20, 20, 80, 60), region(120, 20, 80, 60)


def tool(**changes) -> Compare:  # type: ignore[no-untyped-def]
    return Compare(**({"name": "halves", "region": LEFT, "other": RIGHT, "low": 0.5} | changes))


def halves(left: float, right: float) -> Scene:
    return Scene.plain(240, 120, right).rectangle(-0.5, -0.5, 110, 120, left)


def value(
    scene: Scene,
    given: Compare,
    placement: Placement = Placement(),  # noqa: B008
    noise: float = 5,
) -> float:
    return measure(
        scene.frame(noise, 1).view(given.region, placement, given.ignore), given, None
    ).value


def test_brightness_as_ratio_and_as_difference() -> None:
    assert value(halves(60, 120), tool()) == pytest.approx(0.5, abs=0.01)
    assert value(halves(60, 120), tool(operation="difference")) == pytest.approx(-60, abs=0.5)
    assert value(halves(60, 120).lit(0.6), tool()) == pytest.approx(0.5, abs=0.01)


def test_contrast_as_ratio_and_as_difference() -> None:
    scene = Scene.plain(240, 120, 100.0).waves(contrast=20)
    dull = Scene((scene.light - 100) * 0.5 + 100).within(region(0, 0, 110, 120))
    light = scene.light.copy()
    light[:, :110] = dull.light
    one, two = float(light[20:80, 20:100].std()), float(light[20:80, 120:200].std())
    assert value(Scene(light), tool(figure="contrast"), noise=0) == pytest.approx(
        one / two, abs=0.01
    )
    assert value(
        Scene(light), tool(figure="contrast", operation="difference"), noise=0
    ) == pytest.approx(one - two, abs=0.1)


def test_like_regions_correlate_and_unlike_ones_do_not() -> None:
    part = Scene.plain(240, 120, 60.0).part(25.0, 22.0, 3, (70, 50))
    assert value(part.part(125.0, 22.0, 3, (70, 50)), tool(figure="correlation")) > 0.97
    assert (
        value(part.part(125.0, 22.0, 3, (70, 50)).lit(ramp=0.3), tool(figure="correlation")) > 0.95
    )
    assert value(part.part(125.0, 22.0, 4, (70, 50)), tool(figure="correlation")) < 0.7


def test_both_regions_follow_the_part() -> None:
    moved = (
        Scene.plain(300, 160, 10.0)
        .rectangle(39.5, 29.5, 90, 80, 60.0)
        .rectangle(129.5, 29.5, 110, 80, 120.0)
    )
    assert value(moved, tool(), Placement(25, 15)) == pytest.approx(0.5, abs=0.01)
    assert value(moved, tool()) < 0.45


def test_pixels_that_do_not_count_are_left_out_of_both() -> None:
    scene = halves(60, 120).disc(60, 50, 10, 250.0).disc(160, 50, 10, 10.0)
    clean = tool(
        ignore=(Circle(x=60, y=50, radius=12),), other_ignore=(Circle(x=160, y=50, radius=12),)
    )
    assert value(scene, clean) == pytest.approx(0.5, abs=0.01)
    assert value(scene, tool()) > 0.52
    part = (
        Scene.plain(240, 120, 60.0)
        .part(25.0, 22.0, 3, (70, 50))
        .part(125.0, 22.0, 3, (70, 50))
        .disc(150, 50, 12, 250.0)
    )
    masked = tool(figure="correlation", ignore=(Circle(x=50, y=50, radius=15),))
    assert value(part, masked) > 0.97 > value(part, tool(figure="correlation"))


@pytest.mark.parametrize("figure", ["brightness", "contrast", "correlation"])
def test_nothing_to_compare_is_a_problem_and_no_number(figure: str) -> None:
    for left, right in (
        ((60, 0), (0, 60), (255, 255)) if figure == "brightness" else ((60, 120), (60, 60))
    ):
        with pytest.raises(Problem, match="NO_CONTRAST"):
            value(halves(left, right), tool(figure=figure), noise=0)


def test_another_region_that_leaves_the_frame_is_refused_when_learned() -> None:
    given = tool(other=region(180, 20, 80, 60))
    with pytest.raises(Problem, match="REGION_INVALID"):
        learn(halves(60, 120).frame(5).view(LEFT), given)


def test_regions_of_two_sizes_cannot_be_correlated() -> None:
    with pytest.raises(ValueError, match="halves: other is not of the same width"):
        tool(figure="correlation", other=region(120, 20, 81, 60))
    given = tool(figure="correlation", other=Circle(x=160, y=50, radius=20))
    with pytest.raises(Problem, match="REGION_INVALID"):
        learn(halves(60, 120).frame(5).view(LEFT), given)


@pytest.mark.parametrize("operation", ["ratio", "difference"])
@pytest.mark.parametrize("gray", [0.8, 253.5])
def test_two_regions_that_are_both_dark_or_burnt_out_are_not_alike(
    gray: float, operation: str
) -> None:
    with pytest.raises(Problem, match="both regions"):
        value(halves(gray, gray), tool(operation=operation), noise=2)
    assert value(halves(gray, 120), tool(operation="difference"), noise=2) == pytest.approx(
        gray - 120, abs=2
    )


def test_two_regions_whose_print_is_gone_have_no_ratio_of_contrast() -> None:
    with pytest.raises(Problem, match="nothing but noise"):
        value(halves(100, 100), tool(figure="contrast"), noise=2)
    assert value(
        halves(100, 100), tool(figure="contrast", operation="difference"), noise=2
    ) == pytest.approx(0, abs=0.2)
