"""Calipers: edges where they were drawn, to a fraction of a px, at any contrast, blur and slant."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Placement
from node.measurement import Measurement
from node.tools import TOOLS
from node.vision.edges.caliper import every, one_each, profile, strip
from node.vision.edges.fit import circle, line, peak_to_valley
from schemas import CircleTool, Edge, Line, Pitch, Problem, Tool, Width
from schemas.geometry import RotatedRectangle
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, frame, region

pytestmark = pytest.mark.slow

WHERE = region(40, 30, 80, 40)
MIDDLE_Y = 49.5
GROUND = Scene.plain(160, 100, 60.0)
CLUTTER = Scene.plain(320, 240, 60.0).clutter(3, 60).pixels(4)
NOISE = Scene.plain(320, 240, 90.0).pixels(4)


def half(x: float, contrast: float = 60.0, blur_px: float = 0.0, angle_deg: float = 0.0) -> Scene:
    """Light to the right of an edge that crosses the region's middle row at x."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    scene = bar(GROUND, x + 150 * c, MIDDLE_Y + 150 * s, 300, 300, 60.0 + contrast, angle_deg)
    return scene.blurred(blur_px) if blur_px else scene


def found(scene: Scene, noise: float = 0.0, seed: int = 0, **changes) -> list[float]:  # type: ignore[no-untyped-def]
    """Columns at which edges cross the middle of the region."""
    tool = Edge(**({"name": "e", "region": WHERE, "low": 0.0, "contrast_low": 10.0} | changes))
    where = strip(scene.frame(noise, seed).view(tool.region), tool)
    edges = every(*profile(where), tool)
    return where.to_frame(edges.at, where.middle)[:, 0].tolist()


@pytest.mark.parametrize("angle_deg", [0.0, 1.0, -4.0, 12.0, -30.0])
@pytest.mark.parametrize(
    ("contrast", "blur_px"), [(40.0, 0.0), (60.0, 0.7), (60.0, 1.5), (-60.0, 1.0), (150.0, 2.5)]
)
def test_an_edge_is_found_to_a_twentieth_of_a_px_in_noise(
    contrast: float, blur_px: float, angle_deg: float
) -> None:
    errors = []
    for seed in range(9):
        x = 80 + 0.11 * seed - 0.4
        at = found(
            half(x, contrast, blur_px, angle_deg).lit(offset=60 if contrast < 0 else 0), 5.0, seed
        )
        assert len(at) == 1
        errors.append(abs(at[0] - x))
    assert np.median(errors) < 0.05
    assert max(errors) < 0.2


@settings(max_examples=20, deadline=None)
@given(
    x=st.floats(75, 85),
    contrast=st.floats(40, 180),
    blur_px=st.floats(0.4, 2),
    angle_deg=st.floats(-35, 35),
)
def test_without_noise_only_the_rounding_to_gray_levels_is_left(
    x: float, contrast: float, blur_px: float, angle_deg: float
) -> None:
    at = found(half(x, contrast, blur_px, angle_deg))
    assert len(at) == 1
    # upright, all rows are rounded alike
    assert at[0] == pytest.approx(x, abs=0.06 if abs(angle_deg) < 1 else 0.02)


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.3])
def test_light_does_not_move_an_edge(gain: float) -> None:
    scene = half(80.3, 100.0, 1.0)
    assert found(scene.lit(gain, 10, ramp=0.2)) == pytest.approx(found(scene), abs=0.03)


def test_a_ramp_of_light_is_no_edge() -> None:
    assert found(Scene.plain(160, 100, 120.0).lit(ramp=1.0)) == []


def test_noise_is_no_edge() -> None:
    for seed in range(20):
        assert found(Scene.plain(160, 100, 120.0), 5.0, seed) == []


def test_a_soft_edge_is_one_edge() -> None:
    for seed in range(10):
        assert len(found(half(80.0, 150.0, 4.0), 5.0, seed)) == 1


@pytest.mark.parametrize("width", [2.0, 3.0, 4.5, 7.0, 12.0])
def test_the_edges_of_a_thin_line_do_not_pull_each_other(width: float) -> None:
    for x in (80.0, 80.3, 80.5):
        left, right = found(bar(GROUND, x, MIDDLE_Y, width, 90, 160.0))
        assert left == pytest.approx(x - width / 2, abs=0.05 if width >= 3 else 0.15)
        assert right == pytest.approx(x + width / 2, abs=0.05 if width >= 3 else 0.15)


def test_the_region_scanned_down_is_the_region_turned() -> None:
    scene = half(80.3, angle_deg=7.0)
    turned = Scene(scene.light.T.copy())
    tool = Edge(name="e", region=region(30, 40, 40, 80), low=0.0, scan="down")
    where = strip(turned.frame().view(tool.region), tool)
    edges = every(*profile(where), tool)
    assert where.to_frame(edges.at, where.middle)[0] == pytest.approx([MIDDLE_Y, 80.3], abs=0.02)


def test_edges_in_what_does_not_count_are_not_seen() -> None:
    scene = bar(bar(GROUND, 60.0, MIDDLE_Y, 8, 90, 160.0), 100.0, MIDDLE_Y, 8, 90, 160.0)
    tool = Edge(name="e", region=WHERE, low=0.0, ignore=(region(50, 0, 20, 100),))
    view = scene.frame(5).view(WHERE, ignore=tool.ignore)
    assert every(*profile(strip(view, tool)), tool).at + 40 == pytest.approx([96, 104], abs=0.05)


def test_rows_that_do_not_count_do_not_blur_an_edge() -> None:
    scene = half(80.3, 100.0).rectangle(40, 50, 80, 10, 250.0)
    tool = Edge(name="e", region=WHERE, low=0.0, ignore=(region(0, 50, 160, 10),))
    at = every(*profile(strip(scene.frame().view(WHERE, ignore=tool.ignore), tool)), tool).at + 40
    assert at == pytest.approx([80.3], abs=0.02)


def test_each_scan_gives_its_first_last_or_strongest_edge() -> None:
    scene = bar(bar(GROUND, 60.0, MIDDLE_Y, 10, 90, 110.0), 100.0, MIDDLE_Y, 10, 90, 210.0)
    tool = Line(name="l", region=WHERE, low=0.0)
    values = scene.frame().view(WHERE).gray.astype(float)
    counts = np.ones(values.shape, bool)
    for polarity, which, x in (
        ("any", "first", 55),
        ("any", "last", 105),
        ("dark_to_light", "strongest", 95),
        ("light_to_dark", "first", 65),
    ):
        edges = one_each(values, counts, tool, polarity, which)  # type: ignore[arg-type]
        assert edges.at + 40 == pytest.approx(np.full(40, x), abs=0.02)
        assert np.all((edges.step > 0) == (x in (55, 95)))


def test_a_line_is_fitted_to_what_most_points_agree_on() -> None:
    along = np.linspace(0, 100, 50)
    points = np.stack([20 + 0.3 * along, along], axis=1)
    points[::4] += (9.0, 0.0)
    fitted = line(points)
    assert fitted is not None
    assert fitted.ux / fitted.uy == pytest.approx(0.3, abs=1e-9)
    assert np.all(fitted.good == (np.arange(50) % 4 > 0))


def test_a_circle_is_fitted_to_what_most_points_agree_on() -> None:
    turns = np.linspace(0, 5, 60)
    points = np.stack([30 + 17 * np.cos(turns), 40 + 17 * np.sin(turns)], axis=1)
    points[::3] *= 1.3
    fitted = circle(points)
    assert fitted is not None
    assert (fitted.x, fitted.y, fitted.radius) == pytest.approx((30, 40, 17), abs=1e-6)


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.zeros((1, 2)), np.ones((9, 2))])
def test_no_points_and_one_point_many_times_are_no_line_and_no_circle(points: np.ndarray) -> None:  # type: ignore[type-arg]
    assert line(points) is None
    assert circle(points) is None


def test_points_on_a_line_are_no_circle() -> None:
    assert circle(np.stack([np.arange(9.0), 2 * np.arange(9.0)], axis=1)) is None


def test_one_wrong_point_is_not_the_form_of_an_edge_and_a_dent_is() -> None:
    residuals = np.zeros(60)
    residuals[7] = 5.0
    assert peak_to_valley(residuals, closed=False) == 0
    residuals[30:36] = -2.0
    assert peak_to_valley(residuals, closed=False) == 2
    assert peak_to_valley(np.roll(residuals, 27), closed=True) == 2


def calipers(where) -> tuple[Tool, ...]:  # type: ignore[no-untyped-def]
    """One tool of each kind that looks at a region."""
    return (
        Edge(name="e", region=where, low=0.0),
        Edge(name="n", region=where, low=0.0, value="count", scan="down"),
        Width(name="w", region=where, low=0.0),
        Pitch(name="p", region=where, low=0.0, scan="down"),
        CircleTool(name="c", region=where, low=0.0, value="roundness", which="first"),
        Line(name="l", region=where, low=0.0),
    )


@settings(max_examples=25, deadline=None)
@given(
    x=st.integers(0, 319),
    y=st.integers(0, 239),
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    placement=st.sampled_from(
        [Placement(), Placement(0.4, -0.3), Placement(3, 2, 20.0, 1.1, 100, 100)]
    ),
)
@pytest.mark.parametrize("number", range(6))
def test_any_region_gives_a_finite_number_or_a_problem(
    number: int, x: int, y: int, width: int, height: int, placement: Placement
) -> None:
    for where in (
        region(x, y, width, height),
        RotatedRectangle(x=x, y=y, width=width, height=height, angle_deg=33.0),
    ):
        tool = calipers(where)[number]
        for pixels in (CLUTTER, NOISE):
            try:
                measured: Measurement = TOOLS[tool.kind].measure(
                    frame(pixels).view(where, placement), tool, None
                )
            except Problem as problem:
                assert problem.code in ("NO_CONTRAST", "NO_VALUE", "REGION_INVALID")  # noqa: PT017
            else:
                assert math.isfinite(measured.value)
                assert all(np.isfinite(mark.points).all() for mark in measured.marks())


@pytest.mark.parametrize("number", [0, 2, 3, 4, 5])
def test_where_there_is_nothing_to_see_there_is_no_number(number: int) -> None:
    tool = calipers(WHERE)[number]
    for scene, noise in (
        (GROUND, 0.0),
        (GROUND, 3.0),
        (Scene.plain(160, 100, 0.0), 0.0),
        (Scene.plain(160, 100, 255.0), 0.0),
    ):
        with pytest.raises(Problem, match="NO_CONTRAST"):
            TOOLS[tool.kind].measure(scene.frame(noise).view(WHERE), tool, None)
        with pytest.raises(Problem, match="NO_CONTRAST"):
            TOOLS[tool.kind].learn(scene.frame(noise).view(WHERE), tool)
