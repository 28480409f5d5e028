"""Regions of every shape, turned and scaled with the part: which pixels are seen, and which
count."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.frame import Frame, Placement, site
from schemas import Problem, as_program
from schemas.geometry import Circle, Corner, Polygon, Region, Ring, RotatedRectangle


def ramp(width: int = 200, height: int = 160) -> Frame:
    """Gray is the column: a sample tells where it was taken."""
    return Frame(
        np.tile(np.arange(width, dtype=np.uint8), (height, 1)), 1, 0.0, "ramp", simulated=True
    )


def polygon(*points: tuple[float, float]) -> Polygon:
    return Polygon(points=tuple(Corner(x=float(x), y=float(y)) for x, y in points))


@pytest.mark.parametrize(
    ("region", "area"),
    [
        (Region(x=10, y=20, width=30, height=40), 1200),
        (RotatedRectangle(x=80.0, y=70.0, width=30, height=40, angle_deg=30.0), 1200),
        (Circle(x=80.0, y=70.0, radius=30.0), math.pi * 900),
        (Ring(x=80.0, y=70.0, radius=30.0, inner_radius=20.0), math.pi * 500),
        (polygon((20, 20), (120, 20), (20, 120)), 5000),
    ],
)
def test_the_pixels_that_count_are_the_area_of_the_shape(region, area: float) -> None:  # type: ignore[no-untyped-def]
    assert site(region).size_px == pytest.approx(area, rel=0.02)
    view = ramp().view(region)
    assert view.gray.shape == (view.height, view.width)


def test_what_is_ignored_does_not_count() -> None:
    region = Region(x=10, y=10, width=20, height=10)
    hole = Circle(x=15.0, y=15.0, radius=3.0)
    assert site(region, (hole,)).size_px == 200 - site(hole).size_px
    with pytest.raises(Problem, match="REGION_INVALID"):
        site(region, (region,))


@given(
    angle=st.floats(-180, 180),
    scale=st.floats(0.8, 1.2),
    dx=st.floats(-5, 5),
    dy=st.floats(-5, 5),
    turn=st.floats(-180, 180),
)
def test_a_view_samples_where_the_part_now_lies(
    angle: float, scale: float, dx: float, dy: float, turn: float
) -> None:
    placement = Placement(dx, dy, angle, scale, 100.0, 80.0)
    region = RotatedRectangle(x=110.0, y=75.0, width=24, height=16, angle_deg=turn)
    view = ramp().view(region, placement)
    points = np.array([(0, 0), (23, 0), (23, 15), (11, 7)], float)
    where = view.to_frame(points)
    for (u, v), (x, _) in zip(points.astype(int), where, strict=True):
        assert abs(float(view.gray[v, u]) - x) <= 0.6
    centre = view.to_frame([(11.5, 7.5)])[0]
    c, s = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    assert centre == pytest.approx((100 + dx + c * 10 + s * 5, 80 + dy + s * 10 - c * 5), abs=1e-6)


def test_a_part_that_is_turned_looks_in_its_view_as_in_the_master() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (40, 50), np.uint8)
    pixels = cv2.GaussianBlur(
        cv2.resize(noise, (200, 160), interpolation=cv2.INTER_CUBIC), (5, 5), 1
    )
    master = Frame(pixels.copy(), 1, 0.0, "m", simulated=True)
    placement = Placement(3.4, -2.2, 25.0, 1.0, 100.0, 80.0)
    turned = cv2.warpAffine(pixels, placement.matrix, (200, 160), flags=cv2.INTER_CUBIC)
    part = Frame(turned, 1, 0.0, "p", simulated=True)
    for region in (Region(x=80, y=60, width=40, height=30), Circle(x=100.0, y=80.0, radius=20.0)):
        one, other = master.view(region), part.view(region, placement)
        assert np.abs(one.gray.astype(int) - other.gray).mean() < 3


def test_a_turned_region_that_leaves_the_frame_is_an_error() -> None:
    region = Region(x=0, y=0, width=60, height=60)
    assert ramp().view(region).size_px == 3600
    with pytest.raises(Problem, match="REGION_INVALID"):
        ramp().view(region, Placement(0, 0, 20.0, 1.0, 30.0, 30.0))
    with pytest.raises(Problem, match="REGION_INVALID"):
        ramp().view(Circle(x=20.0, y=20.0, radius=25.0))


@pytest.mark.parametrize(
    "region",
    [
        {"shape": "circle", "x": 50, "y": 50, "radius": 0},
        {"shape": "ring", "x": 50, "y": 50, "radius": 10, "inner_radius": 10},
        {"shape": "polygon", "points": [{"x": 1, "y": 1}, {"x": 5, "y": 5}]},
        {
            "shape": "polygon",
            "points": [{"x": 1, "y": 1}, {"x": 50, "y": 50}, {"x": 50, "y": 1}, {"x": 1, "y": 50}],
        },
        {"shape": "polygon", "points": [{"x": n % 100, "y": n // 100} for n in range(10_000)]},
        {"shape": "rotated", "x": 50, "y": 50, "width": 10, "height": 0, "angle_deg": 3},
        {"shape": "star", "x": 50, "y": 50},
        {"x": 1, "y": 1, "width": 10},
    ],
)
def test_a_shape_that_is_none_is_refused_with_the_tool(region: dict[str, object]) -> None:
    tool = {"kind": "brightness", "name": "lamp", "region": region, "low": 1}
    with pytest.raises(Problem, match="tool lamp: region"):
        as_program({"id": "p", "name": "P", "tools": [tool]})
