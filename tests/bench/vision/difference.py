"""Defects of printed boards against golden ones: `python -m tests.bench.vision.difference`, with
DATA= on all the pairs there are.

Each pair is a golden board, a board under test and labelled boxes of its defects (`ID_temp.jpg`,
`ID_test.jpg`, `ID.txt`). The tool gets both as they are, then the tested picture moved, turned,
darkened and with noise, without a locator. A box counts if it overlaps a labelled one by a third
(intersection over union); tiles of 160 px that touch no label are good ones. The labelled boxes are
drawn about 10 px around a defect, so the margin of the boxes matters. Even and odd pairs are also
scored separately: a setting that helps only one half is tuned to its pictures.

One file: one table; each of its rows is made by a function.
"""

import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame, Pixels
from node.tools import difference
from schemas import Difference, Problem, Region

SHIPPED = Path(__file__).resolve().parents[2] / "data"
TILE = 160
OVERLAP = 0.33


class Pair(NamedTuple):
    """A golden board, a tested one, and the boxes of its defects (x1, y1, x2, y2)."""

    golden: Pixels
    tested: Pixels
    boxes: NDArray[np.float64]


class Variant(NamedTuple):
    """How the tested picture is changed."""

    name: str
    shift_px: float = 0
    turn_deg: float = 0
    noise: float = 0
    gain: float = 1
    least_f: float = 0.95


VARIANTS = (
    Variant("as given"),
    Variant("8 px, 1 deg", 8, 1, least_f=0.94),
    Variant("20 px, 2 deg, noise 15, gain -20 %", 20, 2, 15, 0.8, 0.88),
)
Found = list[NDArray[np.float64]]  # corners in the frame
Counts = NDArray[np.int_]


def pairs(folder: Path) -> list[Pair]:
    """All pairs of a folder."""
    found = []
    for label in sorted(folder.glob("*.txt")):
        golden, tested = (
            cv2.imread(str(label.with_name(f"{label.stem}_{end}.jpg")), cv2.IMREAD_GRAYSCALE)
            for end in ("temp", "test")
        )
        if golden is None or tested is None:
            continue
        boxes = [
            [float(v) for v in line.split()[:4]]
            for line in label.read_text().splitlines()
            if line.strip()
        ]
        found.append(Pair(golden, tested, np.array(boxes).reshape(-1, 4)))  # type: ignore[arg-type]
    return found


def moved(pair: Pair, variant: Variant, seed: int) -> tuple[Pixels, NDArray[np.float64]]:
    """The tested picture in its variant, and the map from the given picture to it. The seed draws
    the direction."""
    rng = np.random.default_rng(seed)
    height, width = pair.tested.shape
    along, turn = rng.uniform(0, math.tau), variant.turn_deg * rng.choice([-1, 1])
    matrix = np.asarray(
        cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn, 1.0), float
    )
    matrix[:, 2] += np.array([math.cos(along), math.sin(along)]) * variant.shift_px
    if variant.shift_px == 0:
        return pair.tested, np.eye(2, 3)
    light = (
        cv2.warpAffine(
            pair.tested, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE
        ).astype(float)
        * variant.gain
    )
    if variant.noise:
        light += rng.normal(0, variant.noise, light.shape)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8), matrix


def settings_for(golden: Pixels) -> Difference:
    """The tool over the whole picture. Without a locator the search has to reach as far as the
    pictures are moved."""
    whole = Region(x=0, y=0, width=golden.shape[1], height=golden.shape[0])
    return Difference(name="board", region=whole, search_px=24, search_deg=2.5)


def ours(golden: Pixels) -> Callable[[Pixels], Found]:
    """The tool, learned from the golden board."""
    settings = settings_for(golden)
    learned = difference.learn(_frame(golden).view(settings.region), settings)

    def find(tested: Pixels) -> Found:
        try:
            measured = difference.measure(_frame(tested).view(settings.region), settings, learned)
        except Problem:
            return []
        return [mark.points for mark in measured.marks()]

    return find


def plain(golden: Pixels, registered: bool) -> Callable[[Pixels], Found]:
    """Absolute difference, after a rigid registration (ECC at half size) or none; pieces of at
    least 16 px, the same margin."""
    small = cv2.resize(golden, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)

    def find(tested: Pixels) -> Found:
        matrix: Any = np.eye(2, 3, dtype=np.float32)
        if registered:
            half = cv2.resize(tested, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            try:
                _, matrix = cv2.findTransformECC(
                    small, half, matrix, cv2.MOTION_EUCLIDEAN, (3, 50, 1e-4)
                )
            except cv2.error:
                matrix = np.eye(2, 3, dtype=np.float32)
            matrix[:, 2] *= 2
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        laid = cv2.warpAffine(
            tested, matrix, golden.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        differs = cv2.threshold(cv2.absdiff(golden, laid), 70, 255, cv2.THRESH_BINARY)[1]
        differs = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(differs, connectivity=8)
        found = []
        for x, y, w, h, area in stats[1:]:
            if area >= 16:
                corners = np.array(
                    [
                        [x - 8, y - 8],
                        [x + w + 8, y - 8],
                        [x + w + 8, y + h + 8],
                        [x - 8, y + h + 8],
                    ],
                    float,
                )
                found.append(corners @ matrix[:, :2].T + matrix[:, 2])
        return found

    return find


METHODS: dict[str, Callable[[Pixels], Callable[[Pixels], Found]]] = {
    "difference": ours,
    "absolute difference": lambda golden: plain(golden, False),
    "absolute difference after ECC": lambda golden: plain(golden, True),
}


def measure(data: Path | None) -> list[dict[str, Any]]:
    """One row per method and variant: F (also of each half), precision, recall, good tiles flagged,
    ms of the thread per pair."""
    known = pairs((data or SHIPPED) / "pcb")
    rows = []
    for variant in VARIANTS:
        pictures = [moved(pair, variant, number) for number, pair in enumerate(known)]
        for name, method in METHODS.items():
            counts, tiles, times = np.zeros((2, 3), int), np.zeros(2, int), []
            for number, (pair, (tested, matrix)) in enumerate(zip(known, pictures, strict=True)):
                find = method(pair.golden)
                began = time.thread_time()
                found = find(tested)
                times.append(time.thread_time() - began)
                hits, flagged = _scored(pair, tested.shape, matrix, found)
                counts[number % 2] += hits
                tiles += flagged
            rows.append(_row(variant, name, counts, tiles, 1000 * median(times), len(known)))
    return rows


def _row(
    variant: Variant,
    name: str,
    counts: NDArray[np.int_],
    tiles: NDArray[np.int_],
    ms: float,
    number: int,
) -> dict[str, Any]:
    right, wrong, missed = (int(v) for v in counts.sum(axis=0))
    halves = [round(2 * r / max(2 * r + w + m, 1), 3) for r, w, m in counts.tolist()]
    return {
        "variant": variant.name,
        "method": name,
        "pairs": number,
        "f": round(2 * right / max(2 * right + wrong + missed, 1), 3),
        "f_halves": halves,
        "target_f": variant.least_f,
        "precision": round(right / max(right + wrong, 1), 3),
        "recall": round(right / max(right + missed, 1), 3),
        "good_tiles_flagged": round(float(tiles[0] / max(tiles[1], 1)), 4),
        "ms": round(ms, 1),
    }


def _scored(
    pair: Pair, shape: tuple[int, ...], matrix: NDArray[np.float64], found: Found
) -> tuple[Counts, Counts]:
    """(right, wrong, missed) boxes and (flagged, all) good tiles; labels moved out of the frame do
    not count."""
    back = cv2.invertAffineTransform(matrix)
    boxes = []
    # upright about the same centre, as the labels are: a turn back must not make boxes larger
    for corners in found:
        size = [np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[1])]
        centre = back[:, :2] @ corners.mean(axis=0) + back[:, 2]
        boxes.append(np.concatenate([centre - np.array(size) / 2, centre + np.array(size) / 2]))
    middles = (pair.boxes[:, :2] + pair.boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    counts_too = [bool(0 <= x < shape[1] and 0 <= y < shape[0]) for x, y in middles]
    taken: set[int] = set()
    right = missed = 0
    for label, counted in zip(pair.boxes, counts_too, strict=True):
        best = max(
            (
                (_overlap(label, box), place)
                for place, box in enumerate(boxes)
                if place not in taken
            ),
            default=(0.0, -1),
        )
        if best[0] >= OVERLAP:
            taken.add(best[1])
            right += int(counted)
        else:
            missed += int(counted)
    flagged = good = 0
    for y in range(0, shape[0] - TILE + 1, TILE):
        for x in range(0, shape[1] - TILE + 1, TILE):
            tile = np.array([x, y, x + TILE, y + TILE], float)
            if not any(_overlap(tile, label) > 0 for label in pair.boxes):
                good += 1
                flagged += any(
                    x <= (b[0] + b[2]) / 2 < x + TILE and y <= (b[1] + b[3]) / 2 < y + TILE
                    for b in boxes
                )
    return np.array([right, len(boxes) - len(taken), missed]), np.array([flagged, good])


def _overlap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def _frame(pixels: Pixels) -> Frame:
    return Frame(pixels.copy(), 0, 0.0, "bench", simulated=True)


def main() -> None:
    """Print the table; ratios are against the absolute difference after ECC."""
    data = os.environ.get("DATA")
    rows = measure(Path(data) if data else None)
    if not rows or rows[0]["pairs"] == 0:
        sys.exit("there are no pairs in DATA/pcb")
    print(
        "| variant | method | F (halves) | target | precision | recall | good tiles flagged | ms |"
        " errors, ms / ECC's |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        by = next(
            r
            for r in rows
            if r["variant"] == row["variant"] and r["method"] == "absolute difference after ECC"
        )
        halves = ", ".join(f"{half:.3f}" for half in row["f_halves"])
        ratio = f"{(1 - row['f']) / max(1 - by['f'], 1e-6):.2f}, {row['ms'] / by['ms']:.2f}"
        print(
            f"| {row['variant']} | {row['method']} | {row['f']:.3f} ({halves}) | {row['target_f']}"
            f" | {row['precision']:.3f} | {row['recall']:.3f} | {row['good_tiles_flagged']:.2%} |"
            f" {row['ms']:.1f} | {ratio} |"
        )


if __name__ == "__main__":
    main()
