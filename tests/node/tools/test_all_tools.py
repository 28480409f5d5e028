"""What every tool of the table keeps to."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.tools import TOOLS
from schemas import (
    CircleTool,
    Classify,
    Difference,
    Edge,
    Learned,
    Line,
    Pitch,
    Problem,
    Region,
    Tool,
    Width,
)
from tests.bench.tools_bench import tools
from tests.bench.vision.plain import learned_of
from tests.bench.vision.plain import measured as plain_measured
from tests.bench.vision.plain import tools as plain_tools
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

SCENE = Scene.plain(320, 240, (60.0, 60.0, 60.0)).clutter(3).part(100, 70)
FRAMES = [
    SCENE.frame(4),
    SCENE.lit(0.8).frame(4, 1),
    Scene.plain(320, 240, (90.0, 90.0, 90.0)).frame(),
]


def calipers(where: Region) -> tuple[Tool, ...]:
    """Those that scan for edges, in each of their ways."""
    return (
        Edge(name="t", region=where, low=0.0, contrast_low=8),
        Edge(name="t", region=where, value="count", scan="down", low=0.0, smoothing_px=2),
        Width(name="t", region=where, measure="inside", low=0.0, contrast_low=8),
        Pitch(name="t", region=where, scan="down", low=0.0, contrast_low=8),
        CircleTool(name="t", region=where, low=0.0, contrast_low=8, found_low=0.2),
        Line(name="t", region=where, low=-90.0, contrast_low=8, found_low=0.2),
        Line(
            name="t",
            region=where,
            value="straightness",
            scan="down",
            low=0.0,
            contrast_low=8,
            found_low=0.2,
        ),
    )


def measured(tool: Tool, where: Region, scene: Scene, seed: int) -> float | str:
    """The value, or the code of the problem."""
    module = TOOLS[tool.kind]
    try:
        learned = module.learn(SCENE.frame(4).view(where), tool)
        return float(module.measure(scene.frame(4, seed).view(where), tool, learned).value)
    except Problem as problem:
        return problem.code


@pytest.mark.parametrize("kind", TOOLS)
def test_a_module_has_learn_and_measure_and_perhaps_teach_in_public(kind: str) -> None:
    module: Any = TOOLS[kind]
    own = {
        n
        for n, v in vars(module).items()
        if callable(v) and getattr(v, "__module__", "") == module.__name__
    }
    public = {name for name in own if not name.startswith("_") and "Learned" not in name}
    assert public - {"teach"} == {"learn", "measure"}


@settings(max_examples=40, deadline=None)
@given(
    x=st.integers(0, 319),
    y=st.integers(0, 239),
    width=st.integers(1, 60),
    height=st.integers(1, 60),
)
@pytest.mark.parametrize("number", range(5))
def test_any_region_gives_a_finite_number_or_a_problem(
    number: int, x: int, y: int, width: int, height: int
) -> None:
    where = region(x, y, width, height)
    for scene in (SCENE, SCENE.lit(0.8), Scene.plain(320, 240, (90.0, 90.0, 90.0))):
        answer = measured(tools(where)[number], where, scene, 1)
        assert answer in ("NO_CONTRAST", "REGION_INVALID") or (
            isinstance(answer, float) and 0 <= answer < math.inf
        )


@pytest.mark.parametrize("number", range(5))
def test_the_master_measures_as_itself(number: int) -> None:
    where = region(90, 60, 140, 120)
    value = measured(tools(where)[number], where, SCENE, 0)
    assert value == pytest.approx(SCENE.frame(4).view(where).gray.mean() if number == 1 else 1)


@settings(max_examples=25, deadline=None)
@given(
    x=st.integers(0, 319),
    y=st.integers(0, 239),
    width=st.integers(8, 60),
    height=st.integers(8, 60),
)
@pytest.mark.parametrize("number", range(11))
def test_plain_tools_give_a_finite_number_or_a_problem(
    number: int, x: int, y: int, width: int, height: int
) -> None:
    tool = plain_tools(region(x, y, width, height))[number]
    for seen in FRAMES:
        answer: float | str
        try:
            answer = plain_measured(tool, learned_of(tool, FRAMES[0]), seen)
        except Problem as problem:
            answer = problem.code
        assert answer in ("NO_CONTRAST", "NO_VALUE", "REGION_INVALID") or (
            isinstance(answer, float) and math.isfinite(answer)
        )


@pytest.mark.parametrize(("number", "value"), [(2, 0), (3, 1), (4, 1), (7, 1), (9, 1), (10, 1.25)])
def test_the_master_measures_as_itself_with_plain_tools(number: int, value: float) -> None:
    tool = plain_tools(region(90, 60, 140, 120))[number]
    master = SCENE.frame(4)
    assert plain_measured(tool, learned_of(tool, master), master) == pytest.approx(value, abs=1e-3)


@settings(max_examples=10, deadline=None)
@given(
    x=st.integers(0, 319),
    y=st.integers(0, 239),
    width=st.integers(1, 90),
    height=st.integers(1, 90),
)
@pytest.mark.parametrize("number", range(len(calipers(region(0, 0, 9, 9)))))
def test_calipers_give_a_finite_number_or_a_problem_in_any_region(
    number: int, x: int, y: int, width: int, height: int
) -> None:
    tool = calipers(region(x, y, width, height))[number]
    for seen in FRAMES:
        answer: float | str
        try:
            answer = plain_measured(tool, learned_of(tool, seen), seen)
        except Problem as problem:
            answer = problem.code
        assert answer in ("NO_CONTRAST", "NO_VALUE", "REGION_INVALID") or (
            isinstance(answer, float) and math.isfinite(answer)
        )


@settings(max_examples=25, deadline=None)
@given(
    x=st.integers(0, 319),
    y=st.integers(0, 239),
    width=st.integers(1, 90),
    height=st.integers(1, 90),
)
def test_difference_gives_a_count_or_a_problem_in_any_region(
    x: int, y: int, width: int, height: int
) -> None:
    where = region(x, y, width, height)
    for scene in (SCENE, SCENE.lit(0.8), Scene.plain(320, 240, (90.0, 90.0, 90.0))):
        answer = measured(Difference(name="d", region=where), where, scene, 1)
        assert answer in ("NO_CONTRAST", "REGION_INVALID", "PART_NOT_FOUND") or (
            isinstance(answer, float) and answer >= 0
        )


def test_the_master_does_not_differ_from_itself() -> None:
    where = region(90, 60, 140, 120)
    assert measured(Difference(name="d", region=where), where, SCENE, 0) == 0


@pytest.mark.parametrize(
    "tool",
    [
        Learned(name="look", region=region(0, 0, 50, 40)),
        Classify(name="site", region=region(0, 0, 50, 40), expected="good"),
    ],
)
def test_tools_that_were_not_taught_give_a_problem_and_no_number(tool: Tool) -> None:
    module = TOOLS[tool.kind]
    assert module.learn(None, tool, None) is None
    for seen in FRAMES:
        with pytest.raises(Problem, match="NOT_TAUGHT"):
            module.measure(seen.view(region(0, 0, 50, 40)), tool, None)
