"""`difference` on print: stains, scratches, missing, moved and smeared print, smudges:
`DATA=/path/to/data python -m tests.bench.vision.print_faults`, without DATA on the board that
ships.

A photograph is taken again and again: moved by up to 4 px and 0.7 degrees, light +-7 %, noise sigma
4, another focus; in rows that bend, also bent by 0.8 px (sigma of noise that a blur of 60 px made
smooth). Ten such parts teach; others, good ones and ones with a fault drawn where there is print,
are asked, with the settings as they are by default. A fault is there if it changes 60 px by 20 gray
levels or more before the part is taken (a smear along a line changes nothing): other places are not
counted. Sizes: stain 12 px across and scratch 3 px wide, both 60 levels; missing 24 x 16 px, in the
levels around it; moved by 2 or 5 px and smeared along 15 px: 45 x 22 px; smudge of 35 levels, 26 px
across.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame, View
from node.tools import difference
from schemas import Difference, Problem, Region

SHIPPED = Path(__file__).resolve().parents[2] / "data"
TAUGHT = 10
MOVED_PX, TURNED_DEG, LIGHT, NOISE = 4.0, 0.7, 0.07, 4.0
BENT_OVER_PX = 60.0  # sigma of the blur that makes a bend of noise
THERE_PX, THERE_LEVELS = 60, 20
PRINT = 18.0  # gray levels, standard deviation of a place with print in it
GOOD, EACH = 48, 24
Floats = NDArray[np.float32]
Draw = Callable[[Floats, int, int, np.random.Generator], None]


class Photo(NamedTuple):
    """A photograph, what is looked at in it, and how far its parts bend (sigma, px)."""

    name: str
    gray: Floats
    region: Region
    bend_px: float = 0.0
    taught_tolerance_px: int = 0  # the setting; 0 is the default


def photos(data: Path | None) -> Iterator[Photo]:
    """The board that ships, with DATA a printed box and a page too; the board also bending, once
    with another setting."""
    board = _read(SHIPPED / "board.jpg")
    where = Region(x=150, y=100, width=300, height=300)
    yield Photo("board", board, where)
    if data is not None:
        box, page = _read(data / "parts" / "box.png"), _read(data / "parts" / "imageTextN.png")
        yield Photo("box", box, Region(x=30, y=20, width=250, height=180))
        yield Photo("page", page, _middle(page, 300, 240))
    yield Photo("board, bending", board, where, 0.8)
    yield Photo("board, bending, taught_tolerance_px 1", board, where, 0.8, 1)


def _read(path: Path) -> Floats:
    pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None, path
    return pixels.astype(np.float32)


def _middle(gray: Floats, width: int, height: int) -> Region:
    rows, columns = gray.shape
    width, height = min(width, columns - 40), min(height, rows - 40)
    return Region(x=(columns - width) // 2, y=(rows - height) // 2, width=width, height=height)


def taken(photo: Photo, gray: Floats, dice: np.random.Generator) -> View:
    """The view of one part, of that source, as the camera shows it."""
    (cx, cy), (rows, columns) = photo.region.centre, gray.shape
    turn = cv2.getRotationMatrix2D((cx, cy), dice.uniform(-TURNED_DEG, TURNED_DEG), 1.0)
    turn[:, 2] += dice.uniform(-MOVED_PX, MOVED_PX, 2)
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    back = cv2.invertAffineTransform(turn).astype(np.float32)
    from_x = back[0, 0] * x + back[0, 1] * y + back[0, 2]
    from_y = back[1, 0] * x + back[1, 1] * y + back[1, 2]
    if photo.bend_px:
        for axis in (from_x, from_y):
            bend = cv2.GaussianBlur(
                dice.normal(0, 1, gray.shape).astype(np.float32), (0, 0), BENT_OVER_PX
            )
            axis += photo.bend_px / bend.std() * bend
    shot = cv2.remap(gray, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    shot = cv2.GaussianBlur(shot, (0, 0), dice.uniform(0.5, 0.8))
    lit = shot * dice.uniform(1 - LIGHT, 1 + LIGHT) + dice.normal(0, NOISE, gray.shape)
    pixels = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    return Frame(pixels, 0, 0.0, "bench", simulated=True).view(photo.region)


def _level(gray: Floats, x: int, y: int, by: float) -> float:
    """The mean around, darker by that much, or lighter where it is dark."""
    here = float(gray[y - 8 : y + 9, x - 8 : x + 9].mean())
    return here - by if here > 110 else here + by


def _stain(gray: Floats, x: int, y: int, _dice: np.random.Generator) -> None:
    cv2.circle(gray, (x, y), 6, _level(gray, x, y, 60), -1, cv2.LINE_AA)


def _scratch(gray: Floats, x: int, y: int, dice: np.random.Generator) -> None:
    turn = dice.uniform(0, math.pi)
    step = round(18 * math.cos(turn)), round(18 * math.sin(turn))
    level = _level(gray, x, y, 60)
    cv2.line(gray, (x - step[0], y - step[1]), (x + step[0], y + step[1]), level, 3, cv2.LINE_AA)


def _missing(gray: Floats, x: int, y: int, _dice: np.random.Generator) -> None:
    around = gray[y - 12 : y + 12, x - 16 : x + 16]
    rim = np.concatenate([around[:3].ravel(), around[-3:].ravel()])
    gray[y - 8 : y + 8, x - 12 : x + 12] = np.median(rim)


def _shifted(px: int) -> Draw:
    def draw(gray: Floats, x: int, y: int, _dice: np.random.Generator) -> None:
        from_x = slice(x - 22 - px, x + 23 - px)
        gray[y - 11 : y + 11, x - 22 : x + 23] = gray[y - 11 : y + 11, from_x].copy()

    return draw


def _smeared(gray: Floats, x: int, y: int, _dice: np.random.Generator) -> None:
    here = slice(y - 11, y + 11), slice(x - 22, x + 23)
    gray[here] = cv2.blur(gray, (15, 1))[here]


def _smudged(gray: Floats, x: int, y: int, dice: np.random.Generator) -> None:
    rows, columns = gray.shape
    down, across = np.mgrid[:rows, :columns]
    cover = np.clip(1.5 - np.hypot(across - x, down - y) / 13 * 1.5 + 0.25, 0, 1)
    gray -= 35 * cover * (1 if float(gray[y, x]) > 60 else -1) * dice.choice([1.0])


KINDS: dict[str, Draw] = {
    "stain": _stain,
    "scratch": _scratch,
    "missing print": _missing,
    "moved by 2 px": _shifted(2),
    "moved by 5 px": _shifted(5),
    "smeared": _smeared,
    "smudge of 35 levels": _smudged,
}


def spoilt(photo: Photo, draw: Draw, dice: np.random.Generator) -> Floats:
    """The photograph with one fault that is there."""
    where = photo.region
    while True:
        x = int(dice.integers(where.x + 34, where.right - 34))
        y = int(dice.integers(where.y + 24, where.bottom - 24))
        if photo.gray[y - 11 : y + 11, x - 22 : x + 23].std() < PRINT:
            continue
        gray = photo.gray.copy()
        draw(gray, x, y, dice)
        gray = np.clip(gray, 0, 255)
        if np.count_nonzero(np.abs(gray - photo.gray) >= THERE_LEVELS) >= THERE_PX:
            return gray


def measure(data: Path | None, good: int = GOOD, each: int = EACH) -> list[dict[str, Any]]:
    """One row a photograph: good ones asked and flagged (or refused), share of each fault that was
    found, ms of the thread."""
    return list(_rows(data, good, each))


def _rows(data: Path | None, good: int, each: int) -> Iterator[dict[str, Any]]:
    for photo in photos(data):
        dice = np.random.default_rng([round(10 * photo.bend_px), 11])
        settings = Difference(
            name="print",
            region=photo.region,
            model="0" * 64 + ".npz",
            taught_tolerance_px=photo.taught_tolerance_px,
        )
        model = difference.teach([taken(photo, photo.gray, dice) for _ in range(TAUGHT)], settings)
        learned = difference.learn(taken(photo, photo.gray, dice), settings, model)
        times: list[float] = []

        def found(
            view: View,
            settings: Difference = settings,
            learned: Any = learned,
            times: list[float] = times,
        ) -> bool:
            began = time.thread_time()
            try:
                return difference.measure(view, settings, learned).value > 0
            except Problem:
                return True
            finally:
                times.append(1000 * (time.thread_time() - began))

        flagged = sum(found(taken(photo, photo.gray, dice)) for _ in range(good))
        shares = {
            kind: sum(found(taken(photo, spoilt(photo, draw, dice), dice)) for _ in range(each))
            / each
            for kind, draw in KINDS.items()
        }
        yield {
            "photo": photo.name,
            "good": good,
            "good_flagged": flagged,
            "each": each,
            **{kind: round(share, 3) for kind, share in shares.items()},
            "ms": round(float(np.median(times)), 1),
        }


def main() -> None:
    """Print the table."""
    data = os.environ.get("DATA")
    print("| photograph | good flagged | " + " | ".join(KINDS) + " | ms |")
    print("|---|" + "---|" * (len(KINDS) + 2))
    for row in _rows(Path(data) if data else None, GOOD, EACH):
        shares = " | ".join(f"{row[kind]:.2f}" for kind in KINDS)
        print(
            f"| {row['photo']} | {row['good_flagged']} of {row['good']} | {shares} |"
            f" {row['ms']:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
