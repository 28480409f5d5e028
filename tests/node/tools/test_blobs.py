"""Blobs: drawn discs and bars are counted by size and shape; a blind view gives a problem."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Placement, site
from node.tools.blobs import learn, measure
from schemas import Blobs, Problem
from schemas.geometry import Circle, Corner, Polygon, Ring, RotatedRectangle
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(100, 80, 200, 150)
GROUND, LIGHT = 60.0, 180.0


def tool(**changes) -> Blobs:  # type: ignore[no-untyped-def]
    return Blobs(**({"name": "pins", "region": WHERE, "polarity": "light", "low": 0.0} | changes))


def pins(radii: list[float], colour: float = LIGHT, ground: float = GROUND) -> Scene:
    scene = Scene.plain(400, 300, ground)
    for number, radius in enumerate(radii):
        scene = scene.disc(125.3 + 40 * (number % 5), 105.6 + 45 * (number // 5), radius, colour)
    return scene


def value(scene: Scene, given_: Blobs, master: Scene | None = None, noise: float = 5) -> float:
    view = scene.frame(noise, 1).view(given_.region, ignore=given_.ignore)
    return measure(
        view, given_, learn((master or scene).frame(noise).view(given_.region), given_)
    ).value


@settings(max_examples=25, deadline=None)
@given(radii=st.lists(st.floats(4, 15), min_size=1, max_size=15))
def test_number_and_areas_are_those_of_the_drawn_discs(radii: list[float]) -> None:
    scene = pins(radii)
    assert value(scene, tool()) == len(radii)
    assert value(scene, tool(value="largest")) == pytest.approx(
        math.pi * max(radii) ** 2, rel=0.03, abs=5
    )
    assert value(scene, tool(value="total")) == pytest.approx(
        math.pi * sum(r * r for r in radii), rel=0.03, abs=5 * len(radii)
    )


def test_dark_blobs_are_found_on_a_light_ground() -> None:
    scene = pins([8, 9, 10], colour=GROUND, ground=LIGHT)
    assert value(scene, tool(polarity="dark")) == 3
    assert value(scene, tool(polarity="light", value="count")) == 1  # the ground itself


@pytest.mark.parametrize(
    ("limits", "number"),
    [
        ({"area_low_px": 150}, 3),
        ({"area_high_px": 150}, 2),
        ({"area_low_px": 100, "area_high_px": 350}, 3),
        ({"width_low_px": 20}, 2),
        ({"width_high_px": 12}, 2),
        ({"height_low_px": 20}, 2),
        ({"height_high_px": 12}, 2),
    ],
)
def test_only_blobs_within_the_limits_count(limits: dict[str, int], number: int) -> None:
    assert value(pins([5.0, 6.0, 8.0, 10.0, 13.0]), tool(**limits)) == number


def test_shapes_are_told_apart() -> None:
    scene = (
        Scene.plain(400, 300, GROUND)
        .disc(140, 120, 14, LIGHT)
        .rectangle(169.5, 109.5, 24, 24, LIGHT)
        .rectangle(209.5, 109.5, 80, 8, LIGHT)
    )
    assert value(scene, tool(), noise=0) == 3
    assert value(scene, tool(circularity_low=0.98), noise=0) == 1
    assert value(scene, tool(circularity_low=0.9), noise=0) == 2
    assert value(scene, tool(elongation_low=5), noise=0) == 1
    assert value(scene, tool(elongation_high=2), noise=0) == 2
    assert value(scene, tool(elongation_low=9.5, elongation_high=10.5), noise=0) == 1  # 80 / 8


def test_blobs_at_the_border_can_be_left_out() -> None:
    scene = pins([8, 8]).disc(100, 150, 10, LIGHT)
    assert value(scene, tool()) == 3
    assert value(scene, tool(border="leave_out")) == 2


SHAPES = {
    "circle": Circle(x=200, y=150, radius=90),
    "ring": Ring(x=200, y=150, radius=90, inner_radius=25),
    "polygon": Polygon(
        points=tuple(
            Corner(x=200 + 110 * math.cos(a), y=150 + 110 * math.sin(a))
            for a in (0.3, 1.9, 3.2, 4.9)
        )
    ),
    "rotated": RotatedRectangle(x=200, y=150, width=150, height=120, angle_deg=25.0),
}


@pytest.mark.parametrize("placement", [Placement(), Placement(4.3, -2.6, 20.0, 1.0, 200, 150)])
@pytest.mark.parametrize("shape", SHAPES)
def test_blobs_cut_by_the_border_of_any_shape_are_left_out_and_whole_ones_are_not(
    shape: str, placement: Placement
) -> None:
    """Discs of 8 px on a walk along a line from the middle outwards, which leaves the shape at
    `edge` px from there."""
    for turn_deg in range(7, 360, 40):
        c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
        where = SHAPES[shape]
        cover = site(where).mask
        away = np.arange(30, 125)
        x, y = 200 + c * away, 150 + s * away
        if isinstance(where, RotatedRectangle):
            u, v = _own_axes(where, x, y)
            inside = (np.abs(u) <= 75) & (np.abs(v) <= 60)
        else:
            assert cover is not None
            left, top = site(where).upright or (0, 0)
            column, row = np.rint(x).astype(int) - left, np.rint(y).astype(int) - top
            fits = (column >= 0) & (row >= 0) & (column < cover.shape[1]) & (row < cover.shape[0])
            inside = fits & (
                cover[row.clip(0, cover.shape[0] - 1), column.clip(0, cover.shape[1] - 1)] > 0
            )
        edge = float(away[inside].max())
        moved = placement.matrix
        for at, number in ((edge - 24, 1), (edge, 0), (edge + 4, 0)):
            px, py = moved @ (200 + c * at, 150 + s * at, 1.0)
            scene = Scene.plain(400, 300, GROUND).disc(px, py, 8, LIGHT)
            given_ = tool(region=where, border="leave_out", threshold=120, area_low_px=3)
            assert (
                measure(scene.frame(5, turn_deg).view(where, placement), given_, None).value
                == number
            ), (turn_deg, at)


def _own_axes(where: RotatedRectangle, x, y):  # type: ignore[no-untyped-def]
    c, s = math.cos(math.radians(where.angle_deg)), math.sin(math.radians(where.angle_deg))
    return c * (x - where.x) + s * (y - where.y), -s * (x - where.x) + c * (y - where.y)


def test_a_blob_cut_by_a_rings_bore_is_left_out() -> None:
    given_ = tool(region=SHAPES["ring"], border="leave_out", threshold=120)
    for turn_deg in range(0, 360, 30):
        c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
        for at, number in ((25, 0), (19, 0), (45, 1)):
            scene = Scene.plain(400, 300, GROUND).disc(200 + c * at, 150 + s * at, 8, LIGHT)
            assert (
                measure(scene.frame(5, turn_deg).view(given_.region), given_, None).value == number
            )


def test_a_blob_at_what_is_ignored_is_not_at_the_border() -> None:
    hole = Circle(x=200, y=150, radius=20)
    given_ = tool(region=SHAPES["circle"], ignore=(hole,), border="leave_out", threshold=120)
    scene = Scene.plain(400, 300, GROUND).disc(222, 150, 8, LIGHT)
    assert (
        measure(scene.frame(5).view(given_.region, ignore=given_.ignore), given_, None).value == 1
    )


def test_what_is_ignored_does_not_count() -> None:
    scene = pins([8, 8, 8])
    assert value(scene, tool(ignore=(Circle(x=125, y=105, radius=12),))) == 2


def test_the_threshold_is_the_masters_so_missing_pins_are_none() -> None:
    assert value(Scene.plain(400, 300, GROUND), tool(), master=pins([8, 8])) == 0


def test_a_moved_and_turned_part_is_counted_where_it_lies() -> None:
    given_ = tool(border="leave_out")
    learned = learn(pins([8, 8, 8]).frame(5).view(WHERE), given_)
    scene = Scene.plain(400, 300, GROUND)
    c, s = math.cos(math.radians(30)), math.sin(math.radians(30))
    for number in range(3):
        x, y = 125.3 + 40 * number - 200, 105.6 - 155
        scene = scene.disc(203 + c * x - s * y, 150 + s * x + c * y, 8, LIGHT)
    view = scene.frame(5, 2).view(region(110, 90, 180, 60), Placement(3, -5, 30, 1, 200, 155))
    found = measure(view, given_, learned)
    assert found.value == 3
    middles = sorted(
        float(mark.points[:, 0].min() + mark.points[:, 0].max()) / 2
        for mark in found.marks()
        if len(mark.points) > 8
    )
    assert middles == pytest.approx(
        sorted(203 + c * (x - 200) + s * 49.4 for x in (125.3, 165.3, 205.3)), abs=1.5
    )


def test_the_marks_are_only_those_of_counted_blobs() -> None:
    frame = pins([5, 12]).frame()
    given_ = tool(area_low_px=200)
    marks = measure(frame.view(WHERE), given_, learn(frame.view(WHERE), given_)).marks()
    assert len(marks) == 1


@pytest.mark.parametrize("gray", [0.0, 60.0, 255.0])
def test_a_view_of_one_value_is_a_problem_and_no_number(gray: float) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        value(Scene.plain(400, 300, gray), tool(threshold=120), noise=0)


def test_a_master_without_light_and_dark_teaches_nothing() -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(Scene.plain(400, 300, GROUND).frame(2).view(WHERE), tool())


def test_without_a_master_the_threshold_must_be_given() -> None:
    assert tool().needs_master
    assert not tool(threshold=120).needs_master
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(pins([8]).frame().view(WHERE), tool(), None)
    assert measure(pins([8]).frame().view(WHERE), tool(threshold=120), None).value == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"area_low_px": 9, "area_high_px": 8},
        {"width_low_px": 9, "width_high_px": 8},
        {"elongation_low": 3, "elongation_high": 2},
    ],
)
def test_limits_that_exclude_each_other_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="pins"):
        tool(**changes)


@settings(max_examples=30, deadline=None)
@given(
    sides=st.tuples(st.floats(20, 90), st.floats(5, 16)),
    angle_deg=st.floats(-90, 90),
    x=st.floats(196, 204),
    y=st.floats(151, 159),
    blur=st.sampled_from([0.3, 0.7, 1.0]),
)
def test_the_box_along_a_bars_own_axes_is_the_drawn_one(
    sides: tuple[float, float], angle_deg: float, x: float, y: float, blur: float
) -> None:
    length, breadth = sides
    scene = bar(Scene.plain(400, 300, GROUND), x, y, length, breadth, LIGHT, angle_deg).blurred(
        blur
    )
    found = measure(scene.frame(3, 1).view(WHERE), tool(extents="own", threshold=120), None)
    corners = found.marks()[-1].points
    one, other = sorted(
        (corners[1] - corners[0], corners[2] - corners[1]), key=lambda side: -float(np.hypot(*side))
    )
    assert np.hypot(*one) == pytest.approx(length, abs=0.5)
    assert np.hypot(*other) == pytest.approx(breadth, abs=0.5)
    # 0.35 px at the ends
    assert abs((math.degrees(math.atan2(one[1], one[0])) - angle_deg + 90) % 180 - 90) * length < 40
    assert corners.mean(axis=0) == pytest.approx((x, y), abs=0.25)


@pytest.mark.parametrize("angle_deg", [0, 20, 45, 70, 90, 135])
def test_own_extents_are_those_of_the_blob_however_it_lies(angle_deg: float) -> None:
    scene = bar(Scene.plain(400, 300, GROUND), 200, 150, 60, 12, LIGHT, angle_deg)
    for sides, number in (
        ({"width_low_px": 60, "width_high_px": 61}, 1),
        ({"height_low_px": 12, "height_high_px": 13}, 1),
        ({"width_high_px": 59}, 0),
        ({"width_low_px": 62}, 0),
        ({"height_low_px": 14}, 0),
        ({"height_high_px": 11}, 0),
    ):
        assert value(scene, tool(extents="own", threshold=120, **sides), noise=2) == number, sides


def test_own_extents_end_at_the_regions_border_and_at_what_is_ignored() -> None:
    scene = bar(Scene.plain(400, 300, GROUND), 290, 150, 60, 12, LIGHT)  # the region ends at 299.5
    given_ = tool(extents="own", threshold=120, ignore=(region(260, 100, 20, 100),))
    corners = (
        measure(scene.frame().view(WHERE, ignore=given_.ignore), given_, None).marks()[-1].points
    )
    assert (corners.min(axis=0)[0], corners.max(axis=0)[0]) == pytest.approx(
        (279.5, 299.5), abs=0.05
    )
