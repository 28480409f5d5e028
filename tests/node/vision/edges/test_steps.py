"""Edges near each other: widths and places as drawn, to a fifth of a px, or the answer that they
are not known."""

import math
from functools import lru_cache

import numpy as np
import pytest

from node.frame import Frame, Placement
from node.measurement import Given
from node.tools import circle, distance, edge, line, pitch, width
from node.vision.edges.steps import together
from schemas import CircleTool, Distance, Edge, Line, Pitch, Problem, Width
from schemas.trigger import EMPTY
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

BLURS = (0.6, 0.9, 1.3, 1.5, 2.0)
WIDTHS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
SEEDS = range(4)
WHERE = region(20, 5, 80, 60)


@lru_cache(maxsize=512)
def thin(wide: float, blur: float, seed: int, light: bool = False, angle_deg: float = 0.0) -> Frame:
    """A thin bar of 120 gray levels about (60 + 0.17 seed, 34.5), through a lens of this blur, with
    noise of 3."""
    ground, colour = (60.0, 180.0) if light else (180.0, 60.0)
    return (
        bar(Scene.plain(120, 70, ground), 60 + 0.17 * seed, 34.5, wide, 110, colour, angle_deg)
        .blurred(blur)
        .frame(3, seed)
    )


def values(measure, tool, wide: float, blur: float, **more: float) -> list[float]:  # type: ignore[no-untyped-def]
    """What is measured in some pictures, leaving out those where it is not known."""
    found = []
    for seed in SEEDS:
        try:
            found.append(measure(thin(wide, blur, seed, **more).view(tool.region), tool).value)
        except Problem as problem:
            assert problem.code in ("NO_VALUE", "NO_CONTRAST")  # noqa: PT017
    return found


@pytest.mark.parametrize("blur", BLURS)
@pytest.mark.parametrize("wide", WIDTHS)
def test_a_width_is_right_to_a_tenth_of_a_px_or_is_not_given(wide: float, blur: float) -> None:
    light = wide in (2.0, 4.0)
    tool = Width(name="w", region=WHERE, between="light" if light else "dark", low=0.0)
    found = values(width.measure, tool, wide, blur, light=light)
    assert np.abs(np.array(found) - wide).max(initial=0) <= 0.1
    assert len(found) < 2 or np.std(found) <= 0.03
    if wide >= 4.5 * math.hypot(blur, 0.29):
        assert len(found) == len(SEEDS)


@pytest.mark.parametrize("angle_deg", [-8.0, 3.0, 15.0])
@pytest.mark.parametrize(
    ("wide", "blur"), [(3.0, 0.6), (4.0, 0.9), (6.0, 1.3), (2.0, 1.3), (1.5, 2.0)]
)
def test_a_thin_line_that_leans_is_as_wide(wide: float, blur: float, angle_deg: float) -> None:
    tool = Width(name="w", region=WHERE, between="dark", low=0.0)
    found = values(width.measure, tool, wide, blur, angle_deg=angle_deg)
    assert np.abs(np.array(found) - wide).max(initial=0) <= 0.1
    assert (len(found) == len(SEEDS)) == (wide > 2)


@pytest.mark.parametrize("which", ["first", "last"])
@pytest.mark.parametrize("blur", [0.6, 1.3, 2.0])
@pytest.mark.parametrize("wide", WIDTHS)
def test_an_edge_of_a_thin_line_is_where_it_is_or_is_not_given(
    wide: float, blur: float, which: str
) -> None:
    tool = Edge(name="e", region=WHERE, which=which, low=0.0)  # type: ignore[arg-type]
    for seed in SEEDS:
        try:
            found = edge.measure(thin(wide, blur, seed).view(WHERE), tool).value
        except Problem as problem:
            assert problem.code in ("NO_VALUE", "NO_CONTRAST")  # noqa: PT017
        else:
            assert found == pytest.approx(
                40 + 0.17 * seed + (wide / 2 if which == "last" else -wide / 2), abs=0.1
            )


def test_the_edges_of_a_thin_line_are_counted_even_where_they_are_not_known() -> None:
    tool = Edge(name="e", region=WHERE, value="count", low=2.0, high=2.0)
    assert edge.measure(thin(2.0, 1.3, 0, light=True).view(WHERE), tool).value == 2


@pytest.mark.parametrize("polarity", ["dark_to_light", "light_to_dark"])
@pytest.mark.parametrize("blur", [0.6, 0.9, 1.3, 2.0])
@pytest.mark.parametrize("wide", [1.5, 3.0, 4.0, 6.0])
def test_the_diameter_of_a_thin_ring_is_right_or_not_given(
    wide: float, blur: float, polarity: str
) -> None:
    tool = CircleTool(name="c", region=region(40, 20, 121, 121), polarity=polarity, low=0.0)  # type: ignore[arg-type]
    for seed in range(3):
        outer = 45 + 0.13 * seed
        scene = (
            Scene.plain(200, 160, 180.0)
            .disc(100.2, 80.3, outer, 60.0)
            .disc(100.2, 80.3, outer - wide, 180.0)
            .blurred(blur)
        )
        due = 2 * (outer if polarity == "dark_to_light" else outer - wide)
        try:
            found = circle.measure(scene.frame(3, seed).view(tool.region), tool).value
        except Problem as problem:
            assert problem.code in ("NO_VALUE", "NO_CONTRAST")  # noqa: PT017
            assert wide < 5 * math.hypot(blur, 0.29)
        else:
            assert found == pytest.approx(due, abs=0.15)


@pytest.mark.parametrize(
    ("wide", "blur", "known"),
    [(4.0, 0.9, True), (6.0, 1.3, True), (2.0, 1.3, False), (3.0, 2.0, False)],
)
def test_a_distance_from_a_thin_line_is_right_or_not_given(
    wide: float, blur: float, known: bool
) -> None:
    scene = bar(
        bar(Scene.plain(320, 160, 180.0), 100, 80, wide, 200, 60.0), 260, 80, 80, 200, 60.0
    ).blurred(blur)
    tools = [
        Line(name=name, region=where, polarity="light_to_dark", low=-90.0)
        for name, where in (("thin", region(70, 40, 60, 80)), ("wide", region(190, 40, 60, 80)))
    ]
    measured = {
        tool.name: line.measure(scene.frame(3, 1).view(tool.region), tool) for tool in tools
    }
    gap = Distance(name="d", first="thin", second="wide", low=0.0)
    given = Given(EMPTY, measured, {}, None)
    if known:
        assert distance.measure(None, gap, None, given).value == pytest.approx(
            220 - (100 - wide / 2), abs=0.1
        )
    else:
        with pytest.raises(Problem, match=r"NO_VALUE.*thin"):
            distance.measure(None, gap, None, given)


@pytest.mark.parametrize("value", ["mean", "min", "max"])
def test_the_pitch_of_thin_lines_is_right(value: str) -> None:
    scene = Scene.plain(320, 160, 180.0)
    for number in range(14):
        scene = bar(scene, 110 + 7.0 * number, 80, 3.0, 200, 60.0)
    tool = Pitch(name="p", region=region(100, 50, 120, 60), value=value, low=0.0)  # type: ignore[arg-type]
    for seed in SEEDS:
        view = scene.blurred(0.8).frame(3, seed).view(tool.region)
        try:
            assert pitch.measure(view, tool).value == pytest.approx(
                7.0, abs=0.02 if value == "mean" else 0.1
            )
        except Problem as problem:
            assert problem.code == "NO_VALUE"  # noqa: PT017
            assert value != "mean"


def test_a_thin_line_turned_with_the_part_is_as_wide() -> None:
    tool = Width(name="w", region=region(100, 50, 120, 60), between="dark", low=0.0)
    scene = bar(Scene.plain(320, 160, 180.0), 160, 80, 4.0, 200, 60.0, 25.0).blurred(0.8)
    view = scene.frame(3, 1).view(tool.region, Placement(0, 0, 25.0, 1.0, 160.0, 80.0))
    assert width.measure(view, tool).value == pytest.approx(4.0, abs=0.1)


def test_steps_fitted_together_tell_how_well_they_are_known() -> None:
    """The stated sigma of the width is the spread that noise gives it."""
    x = np.arange(60)
    fine = (np.arange(60 * 32) + 0.5) / 32 - 0.5
    sharp = np.where(np.abs(fine - 29.7) < 2.0, 60.0, 180.0)
    kernel = np.exp(-0.5 * (np.arange(-160, 161) / 32 / 0.9) ** 2)
    clean = (
        np.convolve(np.pad(sharp, 160, mode="edge"), kernel / kernel.sum(), "valid")
        .reshape(60, 32)
        .mean(axis=1)
    )
    found, stated = [], []
    for seed in range(60):
        noisy = clean + np.random.default_rng(seed).normal(0, 0.5, len(x))
        steps = together(noisy, np.ones(len(x)), np.array([27.2, 32.2]), 0.9)
        assert steps is not None
        found.append(steps.at[1] - steps.at[0])
        c = steps.covariance
        stated.append(math.sqrt(c[0, 0] + c[1, 1] - 2 * c[0, 1]))
    assert np.mean(found) == pytest.approx(4.0, abs=0.02)
    assert np.median(stated) == pytest.approx(np.std(found), rel=0.35)
