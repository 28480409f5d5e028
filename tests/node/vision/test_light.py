"""Thresholds that follow the light: the same value in different light, and a problem if the lamp
has failed."""

import numpy as np
import pytest

from node.tools import TOOLS
from schemas import Area, Blobs, EdgePixels, Problem
from schemas.geometry import Circle
from schemas.tools.base import RegionTool
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(40, 30, 200, 140)
SCENE = Scene.plain(300, 200, 70.0)
for _number in range(9):
    SCENE = SCENE.disc(
        80.3 + 60 * (_number % 3), 56.6 + 44 * (_number // 3), 11 + _number / 2, 170.0
    )
SCENE = SCENE.blurred(2.0)
COMMON = {"name": "t", "low": 0.0, "light": "follow"}
TOOLS_OF: tuple[RegionTool, ...] = (
    Area(region=WHERE, **COMMON),  # type: ignore[arg-type]
    Area(region=WHERE, threshold=140, polarity="light", relative_to="region", **COMMON),  # type: ignore[arg-type]
    Area(region=Circle(x=140, y=100, radius=68), **COMMON),  # type: ignore[arg-type]
    Blobs(region=WHERE, polarity="light", value="total", **COMMON),  # type: ignore[arg-type]
    Blobs(region=WHERE, polarity="light", value="largest", threshold=150, **COMMON),  # type: ignore[arg-type]
    EdgePixels(region=WHERE, gradient_low=8, **COMMON),  # type: ignore[arg-type]
    EdgePixels(region=WHERE, gradient_low=8, relative_to="region", **COMMON),  # type: ignore[arg-type]
)


def value(tool: RegionTool, scene: Scene, noise: float = 2.0) -> float:
    module = TOOLS[tool.kind]  # type: ignore[attr-defined]
    learned = module.learn(SCENE.frame(noise).view(tool.region), tool)
    return float(module.measure(scene.frame(noise, 1).view(tool.region), tool, learned).value)


@pytest.mark.parametrize("tool", TOOLS_OF, ids=lambda tool: tool.kind)
def test_the_value_changes_by_at_most_one_percent_at_ten_percent_more_or_less_light(
    tool: RegionTool,
) -> None:
    due = value(tool, SCENE)
    seen = [value(tool, SCENE.lit(gain)) for gain in (0.9, 0.95, 1.05, 1.1)]
    assert np.abs(np.array(seen) / due - 1).max() <= 0.01
    fixed = tool.model_copy(update={"light": "fixed"})
    assert (
        isinstance(tool, EdgePixels)
        or max(abs(value(fixed, SCENE.lit(gain)) / due - 1) for gain in (0.9, 1.1)) > 0.02
    )  # thinned edges hardly change


@pytest.mark.parametrize("tool", TOOLS_OF, ids=lambda tool: tool.kind)
@pytest.mark.parametrize("gain", [0.0, 0.3, 0.6, 1.7])
def test_a_lamp_that_fails_is_a_problem_and_no_number(tool: RegionTool, gain: float) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        value(tool, SCENE.lit(gain))


def test_what_is_missing_is_no_other_light() -> None:
    tool = TOOLS_OF[0]
    less = Scene.plain(300, 200, 70.0).disc(80.3, 62.6, 8, 170.0).blurred(2.0)
    assert value(tool, less) < 0.2
    assert value(tool, less.lit(0.9)) == pytest.approx(value(tool, less), abs=0.01)


def test_the_light_is_the_masters_so_one_is_needed() -> None:
    for tool in TOOLS_OF:
        assert tool.needs_master
        with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
            TOOLS[tool.kind].measure(SCENE.frame(2).view(tool.region), tool, None)  # type: ignore[attr-defined]


def test_a_master_too_dark_to_tell_the_light_by_is_refused() -> None:
    tool = TOOLS_OF[5]
    with pytest.raises(Problem, match=r"NO_CONTRAST.*fixed"):
        TOOLS[tool.kind].learn(  # type: ignore[attr-defined]
            Scene.plain(300, 200, 3.0).disc(100, 80, 4, 90.0).frame(1).view(tool.region), tool
        )
