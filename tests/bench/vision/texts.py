"""`text` on drawn lines: printed from clear to hardly readable, of separate dots, and lines that
nobody could read: `python -m tests.bench.vision.texts [LINES OF EACH KIND]` (needs the extra
`text`).

Printed: a date, a lot, a part number or digits in nine fonts that OpenCV carries, lines of 20 to 60
px, blur up to 0.1 of that, noise up to 15, 15 to 150 gray levels. Dots: digits of 5 x 7 dots, 3.5
to 8 px apart, 0.4 to 0.9 of that across, jitter up to 0.2 of it, noise up to 12, 30 to 150 gray
levels. Unreadable: far too blurred, letters of 4 px,
half of the height covered, smeared along two letters. A text is right if it is the one that was
drawn, without spaces; `characters` names digits for the dots. Lines are also looked for (`many`).
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from node.frame import Frame, Pixels
from node.measurement import Given
from node.tools import text as text_tool
from schemas import Problem, Region, Text
from schemas.trigger import EMPTY

LINES = 40
GIVEN = Given(EMPTY, {}, {})
# columns of 5 x 7 dots, the lowest bit uppermost
DIGITS = ("3E5149453E", "00427F4000", "4261514946", "2141454B31", "1814127F10",
          "2745454539", "3C4A494930", "0171090503", "3649494936", "064949291E")  # fmt: skip
FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
    cv2.FONT_HERSHEY_SIMPLEX | cv2.FONT_ITALIC,
)
FACES = ("sans", "serif", "italic")
UPRIGHT_PX = 30  # about: a letter with what goes below the line, at scale 1
HEIGHT = 48  # px of a printed line's letters, about, before it is made smaller
Drawn = tuple[Pixels, str]
Dice = np.random.Generator


def worded(dice: Dice) -> str:
    """One of four forms."""
    digits = "".join(str(v) for v in dice.integers(0, 10, 8))
    return (
        f"EXP 20{digits[:2]}-0{1 + int(digits[2]) % 9}",
        f"LOT {digits[:6]}",
        f"{''.join(dice.choice(list('ABCDEFHKLMNPRSTUVX'), 3).tolist())}-{digits[:5]}",
        digits,
    )[int(dice.integers(4))]


def _clear(text: str, dice: Dice) -> tuple[Any, float, float]:
    """A line with space around it in floats, with the levels of ground and print."""
    ground = float(dice.uniform(150, 230))
    ink = ground - float(dice.uniform(15, 150))
    pixels = np.full((2 * HEIGHT, (len(text) + 2) * HEIGHT, 3), ground, np.uint8)
    kind, colour = int(dice.integers(len(FONTS) + len(FACES))), (max(ink, 0.0),) * 3
    at = (HEIGHT // 2, round(1.5 * HEIGHT))
    if kind < len(FONTS):
        cv2.putText(pixels, text, at, FONTS[kind], HEIGHT / UPRIGHT_PX, colour, 4, cv2.LINE_AA)
    else:
        cv2.putText(pixels, text, at, colour, cv2.FontFace(FACES[kind - len(FONTS)]), HEIGHT, 400)
    columns = np.flatnonzero(np.abs(pixels[:, :, 0].astype(float) - ground).max(axis=0) > 5)
    return pixels[:, : int(columns[-1]) + HEIGHT // 2].astype(np.float32), ground, ink


def _camera(light: Any, height: float, noise: float, dice: Dice) -> Pixels:
    """The line made so high in px, with noise."""
    factor = height / light.shape[0]
    small = cv2.resize(light, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small + dice.normal(0, noise, small.shape)), 0, 255).astype(np.uint8)


def printed(dice: Dice) -> Drawn:
    """From clear to hardly readable."""
    text = worded(dice)
    light, _, _ = _clear(text, dice)
    soft = cv2.GaussianBlur(light, (0, 0), max(0.3, dice.uniform(0, 0.1) * light.shape[0]))
    return _camera(soft, dice.uniform(20, 60), dice.uniform(1, 15), dice), text


def dotted(dice: Dice) -> Drawn:
    """Digits of separate dots, as an ink jet prints them."""
    text = "".join(str(v) for v in dice.integers(0, 10, 6))
    pitch, ground = float(dice.uniform(3.5, 8)), float(dice.uniform(170, 230))
    radius, jitter = pitch * dice.uniform(0.4, 0.9) / 2, pitch * dice.uniform(0, 0.2)
    ink = ground - float(dice.uniform(30, 150))
    pixels = np.full((round(12 * pitch), round((7 * len(text) + 6) * pitch), 3), ground, np.uint8)
    for place, digit in enumerate(text):
        for column, bits in enumerate(bytes.fromhex(DIGITS[int(digit)])):
            for row in (row for row in range(7) if bits >> row & 1):
                off_x, off_y = dice.normal(0, jitter, 2).tolist()
                x, y = (3 + 7 * place + column) * pitch + off_x, (2.5 + row) * pitch + off_y
                at = (round(16 * x), round(16 * y))
                cv2.circle(pixels, at, round(16 * radius), (ink,) * 3, -1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.6).astype(np.float32)
    return _camera(soft, soft.shape[0], dice.uniform(1, 12), dice), text


def unreadable(dice: Dice) -> Drawn:
    """Nobody could read it; whatever is read is wrong."""
    light, ground, _ = _clear(worded(dice), dice)
    kind, height = int(dice.integers(4)), float(dice.uniform(30, 60))
    if kind == 0:
        light = cv2.GaussianBlur(light, (0, 0), 0.22 * HEIGHT * dice.uniform(1, 1.5))
    elif kind == 1:
        light = cv2.resize(_camera(light, 8, 0, dice), None, fx=5, fy=5).astype(np.float32)
    elif kind == 2:
        light[light.shape[0] // 2 :] = ground
    else:
        light = cv2.blur(light, (round(2.0 * HEIGHT), 1))
    return _camera(light, height, 4, dice), ""


KINDS: dict[str, tuple[Callable[[Dice], Drawn], str | None, str]] = {  # drawn by, characters, lines
    "printed": (printed, None, "one"),
    "dots": (dotted, "0123456789", "one"),
    "unreadable": (unreadable, None, "one"),
    "dots, looked for": (dotted, "0123456789", "many"),
    "unreadable, looked for": (unreadable, None, "many"),
    "printed, looked for": (printed, None, "many"),
}


def read(pixels: Pixels, characters: str | None, lines: str) -> tuple[str, float]:
    """What is read, without spaces, and how sure: with any text being right."""
    where = Region(x=0, y=0, width=pixels.shape[1], height=pixels.shape[0])
    tool = Text(name="t", region=where, low=0.5, lines=lines, characters=characters)  # type: ignore[arg-type]
    view = Frame(pixels, 0, 0.0, "bench", simulated=True).view(where)
    try:
        found = text_tool.measure(view, tool, None, GIVEN)
    except Problem:
        return "", 0.0
    return (found.text or "").replace(" ", ""), found.value


def measure(lines: int = LINES) -> list[dict[str, Any]]:
    """One row a kind: lines, how many were read rightly and wrongly, how many of those that were
    sure to 0.9 are wrong, and ms of the thread."""
    rows = []
    for number, (kind, (draw, characters, how)) in enumerate(KINDS.items()):
        dice = np.random.default_rng([number, 3])
        row = {"kind": kind, "lines": lines, "right": 0, "wrong": 0, "sure": 0, "sure_wrong": 0}
        times = []
        for _ in range(lines):
            pixels, text = draw(dice)
            began = time.process_time()
            found, sureness = read(pixels, characters, how)
            times.append(1000 * (time.process_time() - began))
            right = bool(text) and found == text.replace(" ", "")
            row["right"] += right
            row["wrong"] += bool(found) and not right
            row["sure"] += sureness >= 0.9
            row["sure_wrong"] += sureness >= 0.9 and not right
        rows.append(row | {"ms": round(float(np.median(times)))})
    return rows


def main() -> None:
    """Print the table."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    print("| lines | read rightly | wrongly | sure to 0.9, of these wrong | ms |")
    print("|---|---|---|---|---|")
    for row in measure(lines):
        print(
            f"| {row['lines']} {row['kind']} | {row['right'] / lines:.2f} |"
            f" {row['wrong'] / lines:.2f} | {row['sure']}, {row['sure_wrong']} | {row['ms']} |"
        )


if __name__ == "__main__":
    main()
