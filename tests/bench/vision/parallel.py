"""Are a program's tools faster side by side? `python -m tests.bench.vision.parallel` prints serial
ms and those of two threads.

Tools of one kind are measured one after the other, and by a pool of two threads, in turns; the
least of the rounds counts, since machines are shared. The views share nothing, so the only waits
are for the interpreter and the cores.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from node.frame import Frame
from node.tools import TOOLS
from schemas import (
    Area,
    Blobs,
    CircleTool,
    ColourArea,
    Edge,
    EdgePixels,
    Outline,
    PatternTool,
    Region,
    Tool,
)
from schemas.geometry import Ring
from tests.rooms.pictures.scenes import Scene, region

ROUNDS = 15
SIZES = ((640, 480), (1280, 960))


def tools_at(where: Region) -> dict[str, Tool]:
    """One tool of each typical kind, in a region."""
    x, y = where.centre
    ring = Ring(
        x=x,
        y=y,
        radius=min(where.width, where.height) / 2 - 2,
        inner_radius=min(where.width, where.height) / 8,
    )
    corner = region(
        where.x + where.width // 8, where.y + where.height // 8, where.width // 3, where.height // 3
    )
    return {
        "area": Area(name="t", region=where, low=0.0),
        "colour_area": ColourArea(
            name="t", region=where, hue_low_deg=340, hue_high_deg=20, low=0.0
        ),
        "edge_pixels": EdgePixels(name="t", region=where, low=0.0),
        "outline": Outline(name="t", region=where, low=0.0),
        "blobs": Blobs(name="t", region=where, polarity="light", circularity_low=0.1, low=0.0),
        "edge": Edge(name="t", region=where, low=0.0),
        "circle": CircleTool(name="t", region=ring, low=0.0, contrast_low=5, found_low=0.2),
        "pattern": PatternTool(name="t", region=where, pattern=corner, low=0.0),
    }


def places(width: int, height: int, count: int) -> list[Region]:
    """Regions of a 4 x 4 grid that do not overlap; a single one takes the whole middle."""
    if count == 1:
        return [region(width // 4, height // 4, width // 2, height // 2)]
    side = 2 if count == 4 else 4
    w, h = width // side - 8, height // side - 8
    return [region(4 + (w + 8) * (n % side), 4 + (h + 8) * (n // side), w, h) for n in range(count)]


def compare(
    kind: str, size: tuple[int, int], count: int, pool: ThreadPoolExecutor
) -> tuple[float, float]:
    """Least ms of a program of that many tools, one after the other and side by side."""
    scene = Scene.plain(*size, (60.0, 60.0, 60.0)).clutter(1)
    for where in places(*size, count):
        scene = scene.disc(*where.centre, min(where.width, where.height) / 3, (60.0, 60.0, 220.0))
    pixels = scene.pixels(4, 1)
    settings = [tools_at(where)[kind] for where in places(*size, count)]
    module = TOOLS[kind]
    first = Frame(pixels.copy(), 0, 0.0, "bench", simulated=True)
    learned = [module.learn(first.view(tool.region), tool) for tool in settings]  # type: ignore[union-attr]
    best = [1e9, 1e9]
    for _ in range(ROUNDS):
        for way in (0, 1):
            frame = Frame(pixels.copy(), 0, 0.0, "bench", simulated=True)
            assert frame.gray.size

            def one(number: int, frame: Frame = frame) -> Any:
                return module.measure(
                    frame.view(settings[number].region), settings[number], learned[number]
                )  # type: ignore[union-attr]

            began = time.perf_counter()
            list(map(one, range(count)) if way == 0 else pool.map(one, range(count)))
            best[way] = min(best[way], time.perf_counter() - began)
    return 1000 * best[0], 1000 * best[1]


def main() -> None:
    """Print the table."""
    print(
        "| kind | " + " | ".join(f"{n} at {w} x {h}" for w, h in SIZES for n in (1, 4, 16)) + " |"
    )
    print("|---|" + "---|" * 6)
    with ThreadPoolExecutor(2) as pool:
        for kind in sys.argv[1:] or tools_at(region(0, 0, 99, 99)):
            cells = []
            for size in SIZES:
                for count in (1, 4, 16):
                    serial, beside = compare(kind, size, count, pool)
                    cells.append(f"{serial:.2f} / {beside:.2f} ({serial / beside:.2f})")
            print(f"| {kind} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
