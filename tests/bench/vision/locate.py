"""Locating moved real pictures: accuracy, share found and ms of `pattern` next to plain OpenCV
methods, in one run.

Found: within 2 px and 1 degree. ms: of the thread itself, as machines are shared. Then: how often a
pattern is found in pictures of other parts, and the time at 1280 x 960 px next to a brute force
search of all angles.

`DATA=... python -m tests.bench.vision.locate [--full] [--large]`: six real pictures; without DATA
the one that ships. --full (takes minutes): all pictures of parts, boards and screws. --large: only
the times at 2448 x 2048 px.
"""

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from node.locators import pattern
from node.vision.patterns import coarse
from node.vision.patterns import turned as turned_pattern
from node.vision.patterns.turned_fit import gradients, reduced
from schemas import Pattern, Pose, Problem, Region
from tests.bench.vision.locate_pictures import (
    FINE,
    LARGE,
    Gray,
    Shot,
    apart,
    framed,
    kind_of,
    others_of,
    patterns,
    rendered,
    shots,
    sources,
)
from tests.bench.vision.locate_plain import Finder, directions, features, pyramid, sweep
from tests.bench.vision.row import timed

LARGE_PATTERNS = ((160, 120), (320, 240), (640, 480))  # px of the patterns of a large picture
EASY, HARD = 6, 18  # moves per picture and range; of all pictures 1 and FEW
FEW = 4  # hard moves that the plain methods are given too, and half as many easy ones
ABSENT, MANY_ABSENT = 30, 60  # pictures without the part per pattern, of all pictures MANY_ABSENT


def ours(master: Gray, where: Region, half_range_deg: float) -> Finder:
    """The locator as shipped, with default settings. Raises Problem if it refuses the pattern."""
    settings = Pattern(region=where, angle_deg=half_range_deg)
    learned = pattern.learn(framed(master), settings)

    def find(picture: Gray) -> Pose | None:
        try:
            return pattern.find(framed(picture), settings, learned)
        except Problem:
            return None

    return find


METHODS: dict[str, Callable[[Gray, Region, float], Finder]] = {
    "pattern": ours,
    "gray correlation, pyramid": pyramid,
    "edge directions, pyramid": directions,
    "SIFT + RANSAC": features,
}


def measure(data: Path | None, full: bool = False) -> list[dict[str, Any]]:
    """One row per method, range and difficulty: found, median px and degrees of those found, median
    ms; what was refused.

    full: all pictures, with fewer moves of each, and only `pattern`.
    """
    rows: dict[tuple[str, float, bool], list[tuple[bool, float, float, float, str]]] = {}
    refused: dict[float, list[str]] = {}
    for number, name, source, where, master in patterns(data, full):
        for half_range_deg in (15.0, 180.0):
            methods = {"pattern": ours} if full else METHODS
            try:
                finders = {
                    method: make(master, where, half_range_deg) for method, make in methods.items()
                }
            except Problem:  # of `pattern`, when it is taught: a person draws another
                refused.setdefault(half_range_deg, []).append(name)
                continue
            for hard in (False, True):
                moves = (FEW if hard else 1) if full else HARD if hard else EASY
                for nth, shot in enumerate(
                    shots(source, where, half_range_deg, hard, moves, number)
                ):
                    for method, find in finders.items():
                        if method == "pattern" or nth < (FEW if hard else FEW // 2):
                            row = rows.setdefault((method, half_range_deg, hard), [])
                            row.append((*_tried(find, shot), name))
    return [
        _row(key, found) | {"refused": ", ".join(refused.get(key[1], []))}
        for key, found in rows.items()
    ]


def _tried(find: Finder, shot: Shot) -> tuple[bool, float, float, float]:
    """Whether it was found, px and degrees off, ms."""
    began = time.thread_time()
    pose = find(shot.pixels)
    ms = 1000 * (time.thread_time() - began)
    if pose is None:
        return False, math.inf, math.inf, ms
    px = math.hypot(pose.x - shot.truth.x, pose.y - shot.truth.y)
    degrees = apart(pose.angle_deg, shot.truth.angle_deg)
    return px <= 2 and degrees <= 1, px, degrees, ms


def _row(
    key: tuple[str, float, bool], found: list[tuple[bool, float, float, float, str]]
) -> dict[str, Any]:
    good = [one for one in found if one[0]]
    lost = sorted({one[4] for one in found if not one[0]})
    return {
        "method": key[0],
        "range": f"+-{key[1]:g}",
        "pictures": "hard" if key[2] else "easy",
        "shots": len(found),
        "found": round(len(good) / len(found), 3),
        "px": round(float(np.median([one[1] for one in good])), 4) if good else None,
        "deg": round(float(np.median([one[2] for one in good])), 4) if good else None,
        "ms": round(float(np.median([one[3] for one in found])), 1),
        "lost in": ", ".join(lost),
    }


def absent(data: Path | None, full: bool = False) -> dict[str, Any]:
    """How often a pattern is found where it is not: other parts, textures, boards, codes, clutter,
    noise, flat pictures."""
    count = {"pictures": 0, "found": 0, "refused": 0}
    worst = [""]
    others = list(others_of(data))
    for number, name, _, where, master in patterns(data, full):
        try:
            find = ours(master, where, (15.0, 180.0)[number % 2])
        except Problem:
            count["refused"] += 1
            continue
        rng = np.random.default_rng(number)
        foreign = [one for one in others if kind_of(one[0]) != kind_of(name)]
        for place in rng.choice(
            len(foreign), min(len(foreign), MANY_ABSENT if full else ABSENT), replace=False
        ).tolist():
            count["pictures"] += 1
            if find(foreign[place][1]) is not None:
                count["found"] += 1
                worst.append(f"{name} in {foreign[place][0]}")
    return count | {
        "share": round(count["found"] / max(count["pictures"], 1), 5),
        "which": ", ".join(worst[1:]),
    }


def against_brute(data: Path | None) -> dict[str, Any]:
    """Time at 1280 x 960 px, full circle, and of matchTemplate over the same angles at full
    resolution."""
    _, source = next(sources(data))
    source = cv2.resize(source, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    where = Region(x=480, y=360, width=320, height=240)
    master = rendered(source, where, size=(1280, 960))
    picture = rendered(source, where, (40.0, -30.0, 3.3, 1.0), size=(1280, 960))
    find = ours(master, where, 180.0)
    times = []
    for _ in range(5):
        began = time.thread_time()
        pose = find(picture)
        times.append(time.thread_time() - began)
    brute = sweep(master, where, 2.0, 0)  # 4 of the 360 angles, as all of them take minutes
    began = time.thread_time()
    brute(picture)
    whole = (time.thread_time() - began) * 90
    ms = 1000 * float(np.median(times))
    x, y = where.centre
    return {
        "px": None if pose is None else round(math.hypot(pose.x - x - 40, pose.y - y + 30), 4),
        "ms": round(ms, 1),
        "brute ms": round(1000 * whole),
        "times faster": round(1000 * whole / ms),
    }


def large(data: Path | None) -> Iterator[dict[str, Any]]:
    """Full circle at 2448 x 2048 px: ms of patterns of some sizes, and of their coarse correlation,
    ours and one by one."""
    _, source = next(sources(data))
    source = cv2.resize(source, (FINE * LARGE[0], FINE * LARGE[1]), interpolation=cv2.INTER_CUBIC)  # type: ignore[assignment]
    for size in LARGE_PATTERNS:
        where = Region(x=1000, y=800, width=size[0], height=size[1])
        settings = Pattern(region=where, angle_deg=180, alone=False)
        learned = pattern.learn(framed(rendered(source, where, size=LARGE)), settings)
        picture = rendered(source, where, (40.0, -30.0, 73.3, 1.0), size=LARGE)
        assert isinstance(learned, turned_pattern.TurnedPattern)
        gray = reduced(picture, learned.level.factor)
        doubled = coarse.doubled_of(gradients(gray), picture.shape, learned.coarse)
        spectra = learned.coarse.spectra
        rows, columns = spectra.across.shape[1:]
        halves = tuple(
            np.repeat(part[:, :, : columns // 2 + 1], 2, axis=0)
            for part in (spectra.across, spectra.down)
        )

        def correlated() -> None:
            spectra.spare.append(coarse.correlated(doubled, spectra)[0])  # noqa: B023

        def one_by_one() -> Any:
            own = [np.fft.rfft2(part, s=(rows, columns)) for part in doubled]  # noqa: B023
            return np.fft.irfft2(halves[0] * own[0] + halves[1] * own[1], s=(rows, columns))  # noqa: B023

        ms: dict[str, float] = {}
        for what, work in (
            ("ms", lambda: pattern.find(framed(picture), settings, learned)),  # noqa: B023
            ("correlation ms", correlated),
            ("one by one ms", one_by_one),
        ):
            ms[what] = round(min(timed(work)[1] for _ in range(12)), 1)
        yield {"pattern": f"{size[0]} x {size[1]} px"} | ms


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--full", action="store_true", help="all pictures (minutes)")
    arguments.add_argument("--large", action="store_true", help="only times of a large picture")
    given = arguments.parse_args()
    full = given.full
    data = Path(os.environ["DATA"]) if os.environ.get("DATA") else None
    if not given.large:
        _tables(data, full)
    for row in large(data):
        print(f"{LARGE[0]} x {LARGE[1]} px, full circle: {row}")


def _tables(data: Path | None, full: bool) -> None:
    rows = measure(data, full)
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in sorted(rows, key=lambda row: (row["range"], row["pictures"], row["method"])):
        print("| " + " | ".join(str(value) for value in row.values()) + " |")
    print(f"\nwithout the part: {absent(data, full)}")
    print(f"1280 x 960 px, full circle: {against_brute(data)}")


if __name__ == "__main__":
    main()
