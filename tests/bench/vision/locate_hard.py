"""What the locator `pattern` must not do, and what is hard for it: rates over many real pictures.

- pictures without the part, in every mode and with `seen_low`: at most 1 find in 1,000
- moved, easy and hard, in every mode (`locate` has only two, next to other methods)
- half of the part covered (gray, or another picture; noise sigma 4), with `seen_low`; what lies
  beyond the photograph is gray there, for its mirror image would show the covered half once more
- another size where the size is fixed: 0.9 and 1.1 refused, 1.0 found
- a small pattern in 2448 x 2048 px of other boards, codes, parts and cookies, full circle

Patterns, moves and what counts as found are those of `locate`, with --full of all pictures there.
`DATA=... nice python -m tests.bench.vision.locate_hard [absent] [moved] [half] [size] [clutter]
[--full] [--kept] [--why]`: all five, or those named; --full takes about 30 minutes of one core.
--kept: only those patterns that nothing was tuned on (of odd number). --why: where each half
covered part was lost (`locate_why`). Rows come as they are measured.
"""

import argparse
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from node.locators import pattern
from schemas import Pattern, Pose, Problem, Region
from tests.bench.vision.locate_pictures import (
    LARGE,
    SIZE,
    Gray,
    Shot,
    apart,
    framed,
    kind_of,
    others_of,
    patterns,
    rendered,
    shots,
)
from tests.bench.vision.locate_why import why

MODES: dict[str, dict[str, float]] = {
    "shift only": {},
    "+-15": {"angle_deg": 15},
    "full circle": {"angle_deg": 180},
    "+-15, sizes 0.9 to 1.1": {"angle_deg": 15, "scale_low": 0.9, "scale_high": 1.1},
}
HALVES = ((0.5, 0.8), (0.45, 0.85))  # seen_low, low
FIRST_PHOTO = 30  # of the other pictures: before it there are drawn ones

Taught = tuple[int, str, Gray, Region, Gray]  # number, name, source, pattern, master
Others = list[tuple[str, Gray]]


class Counted:
    """How many pictures were found at the right place, at a wrong one, and the ms of each."""

    def __init__(self) -> None:
        self.right = self.wrong = 0
        self.ms: list[float] = []
        self.which: list[str] = []

    def look(
        self, name: str, picture: Gray, settings: Pattern, learned: Any, truth: Pose | None
    ) -> None:
        """One picture; truth: None if the part is not there, or must not be found."""
        began = time.thread_time()
        try:
            pose = pattern.find(framed(picture), settings, learned)
        except Problem:
            pose = None
        self.ms.append(1000 * (time.thread_time() - began))
        if pose is None:
            return
        right = (
            truth is not None
            and math.hypot(pose.x - truth.x, pose.y - truth.y) <= 2
            and apart(pose.angle_deg, truth.angle_deg) <= 1
        )
        self.right += right
        self.wrong += not right
        if not right:
            self.which.append(f"{name} {pose.score:.2f}")

    def row(self, **what: Any) -> dict[str, Any]:
        """For the table."""
        count = max(len(self.ms), 1)
        return what | {
            "pictures": len(self.ms),
            "found": round(self.right / count, 3),
            "wrong": f"{self.wrong} ({self.wrong / count:.4f})",
            "ms": round(float(np.median(self.ms)), 1) if self.ms else None,
            "which": ", ".join(self.which[:12]),
        }


def learned_of(
    taught: Iterable[Taught], mode: str, large: bool = False, **more: Any
) -> Iterator[tuple[Taught, Pattern, Any]]:
    """Each pattern with its settings and what was learned, except for those that are refused."""
    for each in taught:
        settings = Pattern(region=each[3], **MODES[mode], **more)
        master = each[4]
        if large:
            master = np.full(LARGE[::-1], 128, np.uint8)
            master[: SIZE[1], : SIZE[0]] = each[4]
        try:
            yield each, settings, pattern.learn(framed(master), settings)
        except Problem:
            continue


def foreign(others: Others, name: str) -> Others:
    """Pictures of other parts."""
    return [other for other in others if kind_of(other[0]) != kind_of(name)]


def absent(taught: list[Taught], others: Others, each: int) -> Iterator[dict[str, Any]]:
    """Pictures without the part, `each` for each pattern."""
    asked: list[tuple[str, str, dict[str, Any]]] = [("", mode, {}) for mode in MODES]
    asked += [
        (f", {seen_low}, {low}", mode, {"seen_low": seen_low, "low": low})
        for mode in ("shift only", "full circle")
        for seen_low, low in HALVES
    ]
    for what, mode, more in asked:
        counted = Counted()
        for (number, name, *_), settings, learned in learned_of(taught, mode, **more):
            rng, there = np.random.default_rng(number), foreign(others, name)
            for place in rng.choice(len(there), min(len(there), each), replace=False).tolist():
                counted.look(
                    f"{name} in {there[place][0]}", there[place][1], settings, learned, None
                )
        yield counted.row(what=f"without the part{what}", mode=mode)


def half_covered(shot: Shot, where: Region, others: Others, rng: np.random.Generator) -> Gray:
    """Half of the pattern, on one side of its own axes, under gray or another picture."""
    wide, high = where.width / 2 + 6, where.height / 2 + 6
    left, right, top, bottom = (
        (-wide, 0, -high, high),
        (0, wide, -high, high),
        (-wide, wide, -high, 0),
        (-wide, wide, 0, high),
    )[int(rng.integers(4))]
    c, s = (f(math.radians(shot.truth.angle_deg)) for f in (math.cos, math.sin))
    box = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    box = box @ np.array([[c, s], [-s, c]]) + (shot.truth.x, shot.truth.y)
    share = np.zeros(shot.pixels.shape, np.uint8)
    cv2.fillPoly(share, [np.rint(box * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)  # type: ignore[call-overload]
    cover: Any = float(rng.integers(0, 256))
    if rng.random() < 0.5:
        cover = others[FIRST_PHOTO + int(rng.integers(len(others) - FIRST_PHOTO))][1].astype(float)
    mixed = shot.pixels + (cover - shot.pixels) * (share / 255)
    return np.clip(np.rint(mixed + rng.normal(0, 4, share.shape)), 0, 255).astype(np.uint8)


def moved(taught: list[Taught], _others: Others, each: int) -> Iterator[dict[str, Any]]:
    """Moved, `each` times easy and `each` times hard for each pattern; without mirror images, which
    may be second parts."""
    for mode in MODES:
        counted = {False: Counted(), True: Counted()}
        for (number, name, source, where, _), settings, learned in learned_of(taught, mode):
            for hard, count in counted.items():
                for shot in shots(
                    source, where, settings.angle_deg, hard, each, number + 900, False
                ):
                    count.look(name, shot.pixels, settings, learned, shot.truth)
        for hard, count in counted.items():
            yield count.row(what="moved, " + ("hard" if hard else "easy"), mode=mode)


def half(
    taught: list[Taught], others: Others, each: int, reasons: bool = False
) -> Iterator[dict[str, Any]]:
    """Half covered, `each` moves for each pattern; reasons: say where each was lost."""
    for mode in ("shift only", "full circle"):
        for seen_low, low in HALVES:
            counted, patterns_ = Counted(), 0
            told = learned_of(taught, mode, seen_low=seen_low, low=low)
            for (number, name, source, where, _), settings, learned in told:
                patterns_ += 1
                rng = np.random.default_rng([number, 4])
                for shot in shots(source, where, settings.angle_deg, False, each, number, False):
                    picture = half_covered(shot, where, others, rng)
                    counted.look(name, picture, settings, learned, shot.truth)
                    if reasons:
                        print(f"{mode}, {name}: {why(picture, settings, learned, shot.truth)}")
            told_ = f"half covered, {seen_low}, {low}, {patterns_} of {len(taught)} patterns"
            yield counted.row(what=told_, mode=mode)


def sizes(taught: list[Taught], _others: Others, each: int) -> Iterator[dict[str, Any]]:
    """Another size where it is fixed; what is accepted counts as wrong."""
    for mode in ("shift only", "+-15"):
        counted = {size: Counted() for size in (0.9, 1.0, 1.1)}
        for (number, name, source, where, _), settings, learned in learned_of(taught, mode):
            rng = np.random.default_rng([number, 9])
            for _ in range(each):
                dx, dy = rng.uniform(-20, 20, 2).tolist()
                turn = float(rng.uniform(-1, 1)) * settings.angle_deg
                x, y = where.centre
                for size, count in counted.items():
                    picture = rendered(source, where, (dx, dy, turn, size))
                    noisy = picture + rng.normal(0, 4, picture.shape)
                    truth = Pose(x=x + dx, y=y + dy, angle_deg=turn) if size == 1 else None
                    pixels = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
                    count.look(name, pixels, settings, learned, truth)
        for size, count in counted.items():
            yield count.row(what=f"size {size}", mode=mode)


def clutter(taught: list[Taught], others: Others, each: int) -> Iterator[dict[str, Any]]:
    """The part's picture in a large one of others."""
    counted = {False: Counted(), True: Counted()}
    rows, columns = LARGE[1], LARGE[0]
    for (number, name, source, where, _), settings, learned in learned_of(
        taught, "full circle", large=True
    ):
        tiles = [other for other in foreign(others, name) if other[0] not in ("flat", "noise")]
        for hard, count in counted.items():
            rng = np.random.default_rng([number, hard, 77])
            for shot in shots(source, where, 180.0, hard, each, number + 500):
                picks = rng.choice(len(tiles), 20, replace=False).tolist()
                lines = [
                    np.hstack([tiles[n][1] for n in picks[k : k + 4]]) for k in range(0, 20, 4)
                ]
                whole = np.ascontiguousarray(np.vstack(lines)[:rows, :columns])
                x, y = int(rng.integers(0, columns - SIZE[0])), int(rng.integers(0, rows - SIZE[1]))
                whole[y : y + SIZE[1], x : x + SIZE[0]] = shot.pixels
                truth = shot.truth.model_copy(update={"x": shot.truth.x + x, "y": shot.truth.y + y})
                count.look(name, whole, settings, learned, truth)
    for hard, count in counted.items():
        yield count.row(what="in clutter, " + ("hard" if hard else "easy"), mode="full circle")


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser()
    names = ["absent", "moved", "half", "size", "clutter"]
    arguments.add_argument("kinds", nargs="*", choices=[*names, []])
    arguments.add_argument("--full", action="store_true", help="all pictures (half an hour)")
    arguments.add_argument("--kept", action="store_true", help="patterns of odd number only")
    arguments.add_argument("--why", action="store_true", help="where the half covered were lost")
    given = arguments.parse_args()
    kinds: dict[str, tuple[Callable[..., Iterator[dict[str, Any]]], int, int]] = {
        "absent": (absent, 12, 60),
        "moved": (moved, 2, 4),
        "half": (partial(half, reasons=given.why), 2, 3),
        "size": (sizes, 2, 2),
        "clutter": (clutter, 2, 2),
    }
    data = Path(os.environ["DATA"]) if os.environ.get("DATA") else None
    taught, others = list(patterns(data, given.full)), list(others_of(data))
    if given.kept:
        taught = [each for each in taught if each[0] % 2]
    print(f"{len(taught)} patterns; load {os.getloadavg()[0]:.0f}", flush=True)
    for kind in given.kinds or kinds:
        measure, few, many = kinds[kind]
        for row in measure(taught, others, many if given.full else few):
            print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
