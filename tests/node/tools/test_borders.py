"""What lies across the border of a region that is not an upright rectangle counts, in every tool,
by as much of it as lies inside.

A disc is moved across the border of each shape, with the part in place and moved, turned and made
larger; the truth is the drawn disc cut with the drawn shape, by samples 1/8 px apart, and may be
off by the pixels that the cut's own border crosses.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from node.frame import Frame, Placement
from node.tools import area, blobs, colour_area, difference, edge_pixels, line
from schemas import Area, Blobs, ColourArea, Difference, EdgePixels, Line, Problem
from schemas.geometry import AnyRegion, Circle, Corner, Polygon, Ring, RotatedRectangle
from tests.rooms.pictures.scenes import Scene

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
MIDDLE = np.array([200.0, 150.0])
GROUND, LIGHT = 60.0, 180.0
RED, GRAY = (40.0, 40.0, 200.0), (90.0, 90.0, 90.0)
SAMPLE_PX, MARGIN_PX = 0.125, 5.0


def _own(x: Floats, y: Floats, angle_deg: float) -> tuple[Floats, Floats]:
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return c * (x - 200) + s * (y - 150), -s * (x - 200) + c * (y - 150)


def _polygon(points: list[tuple[float, float]]) -> Polygon:
    return Polygon(points=tuple(Corner(x=x, y=y) for x, y in points))


def _ellipse() -> Polygon:
    """60 corners, so that it leaves the ellipse by 0.1 px at most."""
    c, s = math.cos(math.radians(30)), math.sin(math.radians(30))
    turns = [math.tau * n / 60 for n in range(60)]
    return _polygon(
        [
            (
                200 + 90 * math.cos(t) * c - 50 * math.sin(t) * s,
                150 + 90 * math.cos(t) * s + 50 * math.sin(t) * c,
            )
            for t in turns
        ]
    )


def _in_ellipse(x: Floats, y: Floats) -> NDArray[np.bool_]:
    u, v = _own(x, y, 30)
    return (u / 90) ** 2 + (v / 50) ** 2 <= 1


def _in_corner(x: Floats, y: Floats) -> NDArray[np.bool_]:
    """An L: all of a square but its upper right quarter."""
    u, v = x - 200, y - 150
    return (np.abs(u) <= 70.3) & (np.abs(v) <= 70.3) & ~((u > 10.4) & (v < -5.2))


def _in_turned(x: Floats, y: Floats) -> NDArray[np.bool_]:
    u, v = _own(x, y, 25)
    return (np.abs(u) <= 75) & (np.abs(v) <= 60)


SHAPES: dict[str, tuple[AnyRegion, Callable[[Floats, Floats], NDArray[np.bool_]]]] = {
    "turned": (RotatedRectangle(x=200, y=150, width=150, height=120, angle_deg=25.0), _in_turned),
    "circle": (Circle(x=200, y=150, radius=80), lambda x, y: np.hypot(x - 200, y - 150) <= 80),
    "ring": (
        Ring(x=200, y=150, radius=85, inner_radius=30),
        lambda x, y: (np.hypot(x - 200, y - 150) <= 85) & (np.hypot(x - 200, y - 150) >= 30),
    ),
    "ellipse": (_ellipse(), _in_ellipse),
    "corner": (
        _polygon(
            [
                (129.7, 79.7),
                (210.4, 79.7),
                (210.4, 144.8),
                (270.3, 144.8),
                (270.3, 220.3),
                (129.7, 220.3),
            ]
        ),
        _in_corner,
    ),
}


class Cut:
    """A disc of the master and what lies of it in a shape; lengths in px."""

    def __init__(
        self,
        inside: Callable[[Floats, Floats], NDArray[np.bool_]],
        x: float,
        y: float,
        radius: float,
    ) -> None:
        self.x, self.y, self.radius, self._inside = x, y, radius, inside
        side = np.arange(-radius - MARGIN_PX, radius + MARGIN_PX, SAMPLE_PX) + SAMPLE_PX / 2
        across, down = np.meshgrid(x + side, y + side)
        self.seen = inside(across, down) & (np.hypot(across - x, down - y) <= radius)
        self.area = float(self.seen.sum()) * SAMPLE_PX**2
        steps = sum(np.count_nonzero(np.diff(self.seen, axis=axis)) for axis in (0, 1)) * SAMPLE_PX
        # for a round shape the steps along both axes are 4 / pi of its length
        self.border = 0.8 * steps

    def inner(self, reach_px: float) -> float:
        """Area of what lies further than that from everything that is not cut."""
        turns = np.arange(12) * math.tau / 12
        shifts = [
            np.rint(reach_px / SAMPLE_PX * axis).astype(int).tolist()
            for axis in (np.cos(turns), np.sin(turns))
        ]
        kept = np.all(
            [np.roll(self.seen, shift, (1, 0)) for shift in zip(*shifts, strict=True)], axis=0
        )
        return float(kept.sum()) * SAMPLE_PX**2

    def within(self, more_px: float) -> NDArray[np.bool_]:
        """Which of 360 points of the disc's rim, made that much larger, lie in the shape."""
        turns = np.arange(360) * math.tau / 360
        reach = self.radius + more_px
        return self._inside(self.x + reach * np.cos(turns), self.y + reach * np.sin(turns))

    @property
    def arc(self) -> float:
        """Length of the rim in the shape."""
        return float(self.within(0).mean()) * math.tau * self.radius


@st.composite
def cuts(draw: st.DrawFn, reach: float = 14.0) -> tuple[AnyRegion, Placement, Cut]:
    """A disc of 6 to 10 px that lies near the border of a shape; the part moved, turned and scaled,
    or in place."""
    where, inside = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]
    turn, radius = draw(st.floats(0, math.tau)), draw(st.floats(6, 10))
    away = np.arange(0, 130, 0.25)
    along = inside(200 + away * math.cos(turn), 150 + away * math.sin(turn))
    crossings = away[1:][np.diff(along)]
    at = draw(st.sampled_from(crossings.tolist())) + draw(st.floats(-reach, reach))
    placement = Placement()
    if draw(st.booleans()):
        placement = Placement(
            draw(st.floats(-9, 9)), draw(st.floats(-9, 9)), draw(st.floats(-40, 40)), 1.0, *MIDDLE
        )
        placement = placement._replace(scale=draw(st.floats(0.95, 1.05)))
    return (
        where,
        placement,
        Cut(inside, 200 + at * math.cos(turn), 150 + at * math.sin(turn), radius),
    )


def drawn(
    cut: Cut, placement: Placement, colours: tuple[object, object] = (GROUND, LIGHT)
) -> Frame:
    """The disc where the part now lies, and one far off that no region reaches, so that the picture
    never has just one value."""
    x, y = placement.matrix @ (cut.x, cut.y, 1.0)
    scene = Scene.plain(400, 300, colours[0])  # type: ignore[arg-type]
    return scene.disc(x, y, placement.scale * cut.radius, colours[1]).frame(2, 1)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(case=cuts())
def test_areas_at_a_border_are_those_of_the_cut(case: tuple[AnyRegion, Placement, Cut]) -> None:
    where, placement, cut = case
    view, coloured = (
        drawn(cut, placement).view(where, placement),
        drawn(cut, placement, (GRAY, RED)).view(where, placement),
    )
    bound = 0.25 * cut.border + 3
    whole = {"name": "t", "region": where, "low": 0.0}
    light = area.measure(
        view, Area(**whole, threshold=120, polarity="light", relative_to="region"), None
    ).value
    assert light * view.size_px == pytest.approx(cut.area, abs=bound)
    total = blobs.measure(
        view, Blobs(**whole, threshold=120, polarity="light", value="total", area_low_px=1), None
    ).value
    assert total == pytest.approx(cut.area, abs=bound)
    hues = {"hue_low_deg": 340.0, "hue_high_deg": 20.0, "saturation_low": 0.4}
    red = colour_area.measure(
        coloured, ColourArea(**whole, **hues, relative_to="region"), None
    ).value
    # mixed px have the hue, too
    assert red * view.size_px == pytest.approx(cut.area, abs=bound + 0.5 * cut.border)


@settings(max_examples=25, deadline=None)
@given(case=cuts())
def test_a_blob_is_left_out_if_the_border_cuts_it_and_counted_if_not(
    case: tuple[AnyRegion, Placement, Cut],
) -> None:
    where, placement, cut = case
    view = drawn(cut, placement).view(where, placement)
    given_ = Blobs(
        name="t",
        region=where,
        threshold=120,
        polarity="light",
        border="leave_out",
        value="total",
        low=0.0,
    )
    found = blobs.measure(view, given_, None).value
    if cut.within(2.2).all():
        assert found == pytest.approx(cut.area, abs=0.25 * cut.border + 3)
    elif not cut.within(-1.2).all():
        assert found == 0


@settings(max_examples=25, deadline=None)
@given(case=cuts())
def test_edges_at_a_border_are_as_long_as_the_arc_in_the_region(
    case: tuple[AnyRegion, Placement, Cut],
) -> None:
    where, placement, cut = case
    view = drawn(cut, placement).view(where, placement)
    given_ = EdgePixels(name="t", region=where, gradient_low=20, relative_to="region", low=0.0)
    found = edge_pixels.measure(view, given_, None).value * view.size_px
    # whole discs of this size count 0.85 to 1.2 of their rim
    assert 0.7 * cut.arc - 6 <= found <= 1.25 * cut.arc + 6


TEXTURE = Scene.plain(400, 300, 110.0).waves(seed=4, finest_px=14, contrast=25)


@settings(max_examples=25, deadline=None)
@given(case=cuts(reach=20.0))
def test_a_defect_at_a_border_is_one_if_enough_of_it_lies_inside(
    case: tuple[AnyRegion, Placement, Cut],
) -> None:
    where, _, cut = case
    given_ = Difference(name="t", region=where, high=0.0)
    learned = difference.learn(TEXTURE.frame(2, 1).view(where), given_)
    found = difference.measure(
        TEXTURE.disc(cut.x, cut.y, cut.radius, 230.0).frame(2, 2).view(where), given_, learned
    ).value
    rim = given_.tolerance_px + 1.5
    if cut.area == 0 and not cut.within(rim).any():
        assert found == 0
    elif cut.inner(rim) >= 2 * given_.area_low_px:
        assert found == 1


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(SHAPES)),
    tilt_deg=st.floats(-12, 12),
    aside=st.floats(-70, 70),
    sigma_px=st.floats(0.6, 1.5),
    seed=st.integers(0, 99),
)
def test_a_line_that_the_border_cuts_is_where_it_is_drawn_or_is_none(
    name: str, tilt_deg: float, aside: float, sigma_px: float, seed: int
) -> None:
    """A straight edge through the shape, whose border is none of its points; a distance is told
    from such lines."""
    shape, inside = SHAPES[name]
    own_deg = shape.angle_deg if isinstance(shape, RotatedRectangle) else 0.0
    turn, across = math.radians(own_deg + tilt_deg), math.radians(own_deg)
    ux, uy = math.cos(turn), math.sin(turn)
    at = np.array([200 - aside * math.sin(across), 150 + aside * math.cos(across)])
    y, x = np.mgrid[0:300, 0:400].astype(np.float64)
    beyond = (y - at[1]) * ux - (x - at[0]) * uy
    noise = np.random.default_rng(seed).normal(0, 2, beyond.shape)
    light = GROUND + (LIGHT - GROUND) / (1 + np.exp(-1.7 * beyond / sigma_px)) + noise
    frame = Frame(light.astype(np.uint8), 0, 0.0, "test", simulated=True)
    wanted = Line(name="edge", region=shape, scan="down", value="angle", low=-90, high=90)
    along = np.arange(-200, 200, 0.5)
    seen = 0.5 * np.count_nonzero(inside(at[0] + along * ux, at[1] + along * uy))
    try:
        found = line.measure(frame.view(shape), wanted)
    except Problem as problem:
        if problem.code != "NO_CONTRAST" or abs(aside) <= 10:  # most of the scans show it
            raise
        return
    assert math.radians(abs(found.value - tilt_deg)) * seen / 2 < 0.1
    assert found.feature is not None
    assert abs((found.feature.y - at[1]) * ux - (found.feature.x - at[0]) * uy) < 0.1
