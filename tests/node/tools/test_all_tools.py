"""What every tool of the table keeps to."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.tools import TOOLS
from schemas import Problem, Region, Tool
from tests.bench.tools_bench import tools
from tests.scenes import Scene, region

SCENE = Scene.plain(320, 240, (60.0, 60.0, 60.0)).clutter(3).part(100, 70)


def measured(tool: Tool, where: Region, scene: Scene, seed: int) -> float | str:
    """The value, or the code of the problem."""
    module = TOOLS[tool.kind]
    try:
        learned = module.learn(SCENE.frame(4).view(where), tool)
        return float(module.measure(scene.frame(4, seed).view(where), tool, learned).value)
    except Problem as problem:
        return problem.code


@pytest.mark.parametrize("kind", TOOLS)
def test_a_module_has_learn_and_measure_and_nothing_else_in_public(kind: str) -> None:
    module = TOOLS[kind]
    own = {n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module.__name__}
    assert {name for name in own if not name.startswith("_")} - {"Learned"} == {"learn", "measure"}


@settings(max_examples=40, deadline=None)
@given(x=st.integers(0, 319), y=st.integers(0, 239), width=st.integers(1, 60), height=st.integers(1, 60))
@pytest.mark.parametrize("number", range(5))
def test_any_region_gives_a_finite_number_or_a_problem(number: int, x: int, y: int, width: int, height: int) -> None:
    where = region(x, y, width, height)
    for scene in (SCENE, SCENE.lit(0.8), Scene.plain(320, 240, (90.0, 90.0, 90.0))):
        answer = measured(tools(where)[number], where, scene, 1)
        assert answer in ("NO_CONTRAST", "REGION_INVALID") or (isinstance(answer, float) and 0 <= answer < math.inf)


@pytest.mark.parametrize("number", range(5))
def test_the_master_measures_as_itself(number: int) -> None:
    where = region(90, 60, 140, 120)
    value = measured(tools(where)[number], where, SCENE, 0)
    assert value == pytest.approx(SCENE.frame(4).view(where).gray.mean() if number == 1 else 1)
