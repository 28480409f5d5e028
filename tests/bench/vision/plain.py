"""Times and errors of the plain tools on drawn scenes, next to the plain OpenCV way: `python -m
tests.bench.vision.plain`."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from node.frame import Frame, View
from node.measurement import Given, Measurement
from node.tools import TOOLS
from schemas import Blobs, Colour, Compare, Contrast, Count, Expression, PatternTool, Region, Tool
from schemas.tools.base import RegionTool
from schemas.trigger import EMPTY
from tests.rooms.pictures.scenes import Scene, region

ROUNDS = 40
SMALL, LARGE = region(225, 180, 150, 120), region(120, 90, 400, 300)
GIVEN = Given(EMPTY, {"a": Measurement(3.0), "b": Measurement(4.0)}, {"a": True, "b": False})


def tools(where: Region) -> tuple[Tool, ...]:
    """One tool of each kind, looking at a region of at least 8 x 8 px; the pattern is its
    middle."""
    side = region(
        where.x + where.width // 4,
        where.y + where.height // 4,
        max(8, where.width // 4),
        max(8, where.height // 4),
    )
    return (
        Blobs(name="b", region=where, polarity="light", low=0.0),
        Blobs(
            name="b", region=where, polarity="light", value="total", circularity_low=0.1, low=0.0
        ),
        Colour(name="c", region=where, high=1.0),
        Compare(name="d", region=where, other=where, low=0.0),
        Compare(name="d", region=where, other=where, figure="correlation", low=0.0),
        Contrast(name="e", region=where, low=0.0),
        Contrast(name="e", region=where, method="range", low=0.0),
        PatternTool(name="f", region=where, pattern=side, low=0.0),
        PatternTool(name="f", region=where, pattern=side, value="count", low=0.0),
        Count(name="g", tools=("a", "b"), low=1.0),
        Expression(name="h", expression="sqrt(a ** 2 + b ** 2) / max(a, b)", low=0.0),
    )


def measured(tool: Tool, learned: Any, frame: Frame) -> float:
    """The value of a tool."""
    view = frame.view(tool.region, ignore=tool.ignore) if isinstance(tool, RegionTool) else None
    more = (GIVEN,) if tool.asks else ()
    return float(TOOLS[tool.kind].measure(view, tool, learned, *more).value)


def learned_of(tool: Tool, frame: Frame) -> Any:
    """What it learns from a master."""
    return TOOLS[tool.kind].learn(
        frame.view(tool.region) if isinstance(tool, RegionTool) else None, tool
    )


def _plain_way(tool: Tool, learned: Any) -> Callable[[View], object] | None:
    """The same by the obvious OpenCV calls, to compare times."""
    if isinstance(tool, Blobs):
        return lambda view: len(
            cv2.findContours(cv2.threshold(view.gray, learned.threshold, 255, 0)[1], 1, 2)[0]
        )
    if isinstance(tool, Colour):
        return lambda view: cv2.mean(
            cv2.cvtColor(view.bgr.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
        )
    if isinstance(tool, Compare) and tool.figure == "brightness":
        return lambda view: view.gray.mean() / view.gray.mean()
    if isinstance(tool, Compare):
        return lambda view: cv2.matchTemplate(
            view.gray, np.ascontiguousarray(view.gray), cv2.TM_CCOEFF_NORMED
        )
    if isinstance(tool, Contrast):
        return lambda view: (
            view.gray.std() if tool.method == "deviation" else np.percentile(view.gray, (5, 95))
        )
    if isinstance(tool, PatternTool):
        return lambda view: cv2.matchTemplate(view.gray, learned.levels[0], cv2.TM_CCOEFF_NORMED)
    return None


def _scene(seed: int) -> Scene:
    return Scene.plain(640, 480, (60, 60, 60)).clutter(seed).part(240.3, 190.6)


def _ms(work: Callable[[Frame], object], frames: list[Frame]) -> float:
    times = []
    for number in range(ROUNDS):
        frame = Frame(frames[number % len(frames)].pixels, 0, 0.0, "bench", True)
        assert frame.gray.size
        start = time.perf_counter()
        work(frame)
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def measure(data: Path | None = None) -> list[dict[str, Any]]:
    """One row per tool: ms at 150 x 120 and 400 x 300 px, and the ratio to the plain way at 400 x
    300 px."""
    del data
    frames = [_scene(seed).frame(5, seed) for seed in (1, 2, 3)]
    rows = []
    for small, large in zip(tools(SMALL), tools(LARGE), strict=True):
        kept = [learned_of(tool, frames[0]) for tool in (small, large)]
        ms = [
            _ms(lambda frame, t=tool, k=known: measured(t, k, frame), frames)  # type: ignore[misc]
            for tool, known in zip((small, large), kept, strict=True)
        ]
        way = _plain_way(large, kept[1])
        plain_ms = _ms(lambda frame, w=way: w(frame.view(LARGE)), frames) if way else None  # type: ignore[misc]
        detail = getattr(large, "figure", getattr(large, "method", getattr(large, "value", "")))
        rows.append(
            {
                "tool": f"{large.kind} {detail}".strip(),
                "ms_150x120": round(ms[0], 3),
                "ms_400x300": round(ms[1], 3),
                "plain_ms_400x300": None if plain_ms is None else round(plain_ms, 3),
                "ratio": None if plain_ms is None else round(ms[1] / plain_ms, 2),
            }
        )
    return rows


def main() -> None:
    """Print the table."""
    print(
        "| tool | 150 x 120 px, ms | 400 x 300 px, ms | plain OpenCV at 400 x 300 px, ms | ratio"
        " |\n|---|---|---|---|---|"
    )
    for row in measure():
        print("| " + " | ".join("-" if cell is None else str(cell) for cell in row.values()) + " |")


if __name__ == "__main__":
    main()
