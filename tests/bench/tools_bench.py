"""Times of the tools and of the locator: `python -m tests.bench.tools_bench` prints the table of
docs/tools-measured.md."""

import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

from node.frame import Frame
from node.locate import locate
from node.locators import pattern
from node.tools import TOOLS
from schemas import Area, Brightness, ColourArea, EdgePixels, Outline, Pattern, Region, Tool
from tests.gallery.case import Case
from tests.gallery.tools import cases, inspected, loaded
from tests.rooms.pictures.scenes import Scene, region

ROUNDS = 60


def tools(where: Region) -> tuple[Tool, ...]:
    """One tool of each kind."""
    return (
        Area(name="a", region=where, low=0.0),
        Brightness(name="b", region=where, low=0.0),
        ColourArea(name="c", region=where, hue_low_deg=340, hue_high_deg=20, low=0.0),
        EdgePixels(name="e", region=where, low=0.0),
        Outline(name="o", region=where, low=0.0),
    )


def scene(width: int, height: int, seed: int, x: float, y: float) -> Frame:
    """A coloured part in clutter, with its gray levels already made."""
    frame = Scene.plain(width, height, (60, 60, 60)).clutter(seed).part(x, y).frame(5, seed)
    assert frame.gray.size
    return frame


def middle_ms(work: Callable[[Frame], object], frames: list[Frame]) -> float:
    """Median over the rounds in ms; views are made anew each time, and nothing is shared between
    rounds."""
    times = []
    for number in range(ROUNDS):
        frame = frames[number % len(frames)]
        frame = Frame(frame.gray if not frame.coloured else frame.pixels, 0, 0.0, "bench", True)
        assert frame.gray.size
        start = time.perf_counter()
        work(frame)
        times.append(time.perf_counter() - start)
    return 1000 * median(times)


def on_its_card(case: Case) -> float:
    """Median over the rounds in ms that a kind of tool takes on the good part of its card in the
    gallery, at the size that has there."""
    program = loaded(case)
    parts = [inspected(program, case.good) for _ in range(ROUNDS)]
    kinds = {tool.name: tool.kind for tool in program.program.tools}
    return median(
        max(seen.result.ms for seen in part.findings if kinds[seen.result.name] == case.kind)
        for part in parts
    )


def main() -> None:
    """Print the tables."""
    frames = [scene(640, 480, seed, 240.3, 190.6) for seed in (1, 2, 3)]
    print("| tool | 150 x 120 px, ms | 400 x 300 px, ms |\n|---|---|---|")
    small, large = tools(region(225, 180, 150, 120)), tools(region(120, 90, 400, 300))
    for pair in zip(small, large, strict=True):
        cells = []
        for settings in pair:
            tool = TOOLS[settings.kind]
            learned = tool.learn(frames[0].view(settings.region), settings)

            def work(frame: Frame, tool=tool, settings=settings, learned=learned) -> object:  # type: ignore[no-untyped-def]
                return tool.measure(frame.view(settings.region), settings, learned)

            cells.append(f"{middle_ms(work, frames):.3f}")
        print(f"| {pair[0].kind} | {' | '.join(cells)} |")
    print("\n| locator: pattern of 104 x 84 px in | ms |\n|---|---|")
    for width, height, search in (
        (640, 480, region(150, 100, 400, 300)),
        (640, 480, None),
        (1280, 960, None),
    ):
        settings = Pattern(region=region(258, 208, 104, 84), search=search)
        learned = pattern.learn(scene(width, height, 1, 250, 200), settings)
        frames = [scene(width, height, seed, 262.4, 181.7) for seed in (1, 2, 3)]
        ms = middle_ms(lambda frame, s=settings, known=learned: locate(frame, s, known), frames)  # type: ignore[misc]
        print(f"| {'400 x 300 of ' if search else 'all of '}{width} x {height} px | {ms:.2f} |")
    print("\n| tool, on the good part of its card (`make gallery`) | ms |\n|---|---|")
    for case in cases():
        there = any(tool["kind"] == case.kind for tool in case.document["tools"])
        if there and (case.extra is None or find_spec(case.extra) is not None):
            print(f"| {case.kind} | {on_its_card(case):.3f} |")


if __name__ == "__main__":
    main()
