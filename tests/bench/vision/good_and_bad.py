"""Sets of good and bad pictures with known truth: what DATA holds, one photograph taken again and
again, and drawn parts.

Defects are drawn where none are given: scratches, cracks, stains, dents, holes, and places where
the structure is gone. Many are small and faint on purpose: a set on which nothing escapes says
nothing.

One file: a function for each kind of drawn fault, which use one another.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from node.cameras.synthetic import BODY, _Scene, truth
from node.frame import Pixels
from schemas import SyntheticCamera
from tests.rooms.pictures.scenes import Scene

Pictures = list[Pixels]
Both = tuple[Pictures, Pictures]
HERE = Path(__file__).parents[2] / "data"
SITES = ((10, 105), (318, 100), (45, 450), (360, 435))  # of the screws, 210 px squared
SITE_PX = 210
GOOD, BAD = 120, 60  # of drawn and moved ones: 100 are taught at most
SIDE = 256
KINDS = ("scratch", "stain", "dent", "crack", "hole", "gone")


def sets(data: Path | None) -> dict[str, Callable[[], Both]]:
    """What makes each set, by its name; the first few need no DATA."""
    found: dict[str, Callable[[], Both]] = {
        "board, moved": lambda: _moved(HERE / "board.jpg", (150, 100, 300, 300)),
        "drawn texture": _texture,
        "synthetic line": _line,
        "drawn: moulded part": lambda: _drawn(_moulded),
        "drawn: turned disc": lambda: _drawn(_turned),
        "drawn: brushed metal": lambda: _drawn(_brushed),
        "drawn: uneven tile": lambda: _drawn(_tile),
    }
    if data is not None:
        okng, parts = data / "okng", data / "parts"
        found |= {
            "cookies": lambda: (
                _read(okng, "cookies/*normal-*"),
                _read(okng, "cookies/*anomaly-*"),
            ),
            "hazelnut": lambda: (_read(okng, "hazelnut/*_ok/*"), _read(okng, "hazelnut/test_ng/*")),
            "screws": lambda: screws(data),
            "printed box, moved": lambda: _moved(parts / "box.png", (30, 20, 250, 180)),
            "sweets, moved": lambda: _moved(parts / "smarties.png", (60, 40, 280, 280)),
            "board, its own defects": lambda: _board(data / "pcb"),
            "PCB tiles, all unlike": lambda: _tiles(data / "pcb"),
        }
    return found


def _read(folder: Path, pattern: str) -> Pictures:
    return [_picture(path) for path in sorted(folder.glob(pattern))]


def _picture(path: Path) -> Pixels:
    found = cv2.imread(str(path))
    assert found is not None, path
    return found  # type: ignore[return-value]


def screws(data: Path) -> Both:
    """Sites with a screw, and without."""
    sites: Both = ([], [])
    for path in sorted((data / "screws").glob("*.jpg")):
        pixels = _picture(path)
        for bit, (x, y) in zip(path.stem[-4:], SITES, strict=True):
            sites[bit == "0"].append(pixels[y : y + SITE_PX, x : x + SITE_PX])
    return sites


def _tiles(folder: Path) -> Both:
    good, bad = [], []
    for path in sorted(folder.glob("*_test.jpg")):
        pixels = _picture(path)
        boxes = np.loadtxt(str(path).replace("_test.jpg", ".txt"), ndmin=2)[:, :4]
        for y in range(0, 640, 160):
            for x in range(0, 640, 160):
                tile = pixels[y : y + 160, x : x + 160]
                over = (
                    (boxes[:, 0] < x + 160)
                    & (boxes[:, 2] > x)
                    & (boxes[:, 1] < y + 160)
                    & (boxes[:, 3] > y)
                )
                within = (
                    (boxes[:, 0] > x)
                    & (boxes[:, 2] < x + 160)
                    & (boxes[:, 1] > y)
                    & (boxes[:, 3] < y + 160)
                )
                if within.any():
                    bad.append(tile)
                elif not over.any() and tile.std() > 20:
                    good.append(tile)
    return good[:150], bad[:80]


def _moved(path: Path, box: tuple[int, int, int, int]) -> Both:
    """One photograph taken again and again: moved by some px, turned, with other light and noise;
    and with drawn defects."""
    pixels, (x, y, width, height) = _picture(path), box
    dice = np.random.default_rng(1)

    def taken(source: Pixels) -> Pixels:
        turn = cv2.getRotationMatrix2D(
            (x + width / 2, y + height / 2), dice.normal(0, 0.5), 1 + dice.normal(0, 0.003)
        )
        turn[:, 2] += dice.normal(0, 2, 2)
        flags = cv2.INTER_CUBIC
        shot = cv2.warpAffine(
            source, turn, source.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REFLECT
        )
        light = (1 + dice.normal(0, 0.05)) * (1 + dice.normal(0, 0.04) * np.linspace(-1, 1, width))[
            None, :, None
        ]
        noisy = (
            shot[y : y + height, x : x + width] * light
            + dice.normal(0, 3)
            + dice.normal(0, 4, (height, width, 3))
        )
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)

    good = [taken(pixels) for _ in range(GOOD)]
    bad = [taken(_spoilt(pixels, dice, kind, box)) for kind in list(_kinds()) * 15]
    return good, bad


def _kinds() -> Iterator[str]:
    yield from ("scratch", "stain", "other", "blur")


def _spoilt(
    pixels: Pixels, dice: np.random.Generator, kind: str, box: tuple[int, int, int, int]
) -> Pixels:
    x, y, width, height = box
    spoilt = pixels.copy()
    size = int(dice.uniform(0.06, 0.12) * width)
    at = int(x + dice.uniform(0.2, 0.8) * width), int(y + dice.uniform(0.2, 0.8) * height)
    colour = tuple(float(value) for value in dice.uniform(0, 255, 3))
    here = slice(at[1] - size, at[1] + size), slice(at[0] - size, at[0] + size)
    if kind == "scratch":
        turn, long = dice.uniform(0, math.pi), dice.uniform(0.1, 0.18) * width
        step = int(long * math.cos(turn)), int(long * math.sin(turn))
        cv2.line(
            spoilt,
            (at[0] - step[0], at[1] - step[1]),
            (at[0] + step[0], at[1] + step[1]),
            colour,
            2,
            cv2.LINE_AA,
        )
    elif kind == "stain":
        cv2.ellipse(
            spoilt, at, (size, size * 3 // 4), dice.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA
        )
        spoilt = cv2.addWeighted(pixels, 0.4, spoilt, 0.6, 0).astype(np.uint8)
    elif kind == "other":  # something else there
        other = (
            int(dice.integers(0, pixels.shape[0] - 2 * size)),
            int(dice.integers(0, pixels.shape[1] - 2 * size)),
        )
        spoilt[here] = pixels[other[0] : other[0] + 2 * size, other[1] : other[1] + 2 * size]
    else:
        spoilt[here] = cv2.GaussianBlur(pixels, (0, 0), 5)[here]
    return spoilt


def _texture() -> Both:
    dice = np.random.default_rng(2)
    good, bad = [], []
    for number in range(GOOD + BAD):
        scene = Scene.plain(200, 200, 110.0).waves(
            seed=1000 + number, finest_px=3, contrast=dice.uniform(18, 26)
        )
        pixels = cv2.cvtColor(
            scene.lit(dice.uniform(0.92, 1.08), ramp=dice.normal(0, 0.05)).pixels(4, number),
            cv2.COLOR_GRAY2BGR,
        )
        if number < GOOD:
            good.append(pixels)
        else:
            bad.append(
                _spoilt(pixels, dice, ("scratch", "stain", "blur")[number % 3], (0, 0, 200, 200))
            )
    return good, bad  # type: ignore[return-value]


def _line() -> Both:
    settings = SyntheticCamera(seed=5, defect_rate=0.5)
    scene, (x, y, width, height) = _Scene(settings), BODY
    good: Pictures = []
    bad: Pictures = []
    for number in range(2 * GOOD):
        part = truth(settings, number)
        if part.defect == "part_missing":
            continue
        left, top = round(x + part.dx) - 10, round(y + part.dy) - 10
        (good if part.verdict == "OK" else bad).append(
            scene.draw(part)[top : top + height + 20, left : left + width + 20]
        )
    return good, bad


def _drawn(draw: Callable[[np.random.Generator], Any]) -> Both:
    """Parts that differ as real parts do, each in its own light."""
    dice = np.random.default_rng(3)
    good = [_lit(draw(dice), dice) for _ in range(GOOD)]
    return good, [
        _lit(_faulty(draw(dice), dice, KINDS[number % len(KINDS)]), dice) for number in range(BAD)
    ]


def _lit(gray: Any, dice: np.random.Generator) -> Pixels:
    light = (1 + dice.normal(0, 0.05)) * (
        1 + dice.normal(0, 0.04) * np.linspace(-1, 1, gray.shape[1])
    )[None]
    noisy = gray * light + dice.normal(0, 3) + dice.normal(0, 3, gray.shape)
    return cv2.cvtColor(np.clip(np.rint(noisy), 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def _faulty(gray: Any, dice: np.random.Generator, kind: str) -> Any:
    """The same part with one defect, of 25 to 70 gray levels."""
    spoilt = gray.astype(np.float32)
    x, y = (int(v) for v in dice.uniform(0.2, 0.8, 2) * SIDE)
    here = float(gray[y - 8 : y + 8, x - 8 : x + 8].mean())
    level = here + (1 if here < 128 and kind not in ("crack", "hole") else -1) * dice.uniform(
        25, 70
    )
    if kind in ("scratch", "crack"):
        turn, path = dice.uniform(0, math.tau), [(x, y)]
        for _ in range(10):
            turn += dice.normal(0, 0.1 if kind == "scratch" else 0.6)
            path.append(
                (int(path[-1][0] + 6 * math.cos(turn)), int(path[-1][1] + 6 * math.sin(turn)))
            )
        cv2.polylines(
            spoilt, [np.array(path[: int(dice.integers(5, 11))])], False, level, 1, cv2.LINE_AA
        )
        return spoilt
    size = {"stain": 13, "dent": 10, "hole": 5, "gone": 18}[kind] * dice.uniform(0.7, 1.3)
    down, across = np.mgrid[:SIDE, :SIDE]
    apart = np.hypot(across - x, down - y) / size
    if kind == "gone":
        return np.where(apart < 1, cv2.GaussianBlur(spoilt, (0, 0), size), spoilt)
    if kind == "dent":
        return spoilt + 1.5 * (level - here) * np.exp(-apart * apart) * (across - x) / size
    cover = cv2.GaussianBlur((apart < 1).astype(np.float32), (0, 0), size / 5) * (
        0.6 if kind == "stain" else 1
    )
    return spoilt * (1 - cover) + level * cover


def _grain(dice: np.random.Generator, spread: float, across: float, down: float) -> Any:
    grain = cv2.GaussianBlur(
        dice.normal(0, 1, (SIDE, SIDE)).astype(np.float32), (0, 0), sigmaX=across, sigmaY=down
    )
    return grain * (spread / grain.std())


def _moulded(dice: np.random.Generator) -> Any:
    """A wheel with six ribs in slanting light, a few px off and turned a little."""
    height = np.zeros((SIDE, SIDE), np.float32)
    centre, turn = 128 + dice.normal(0, 1.5, 2), math.radians(dice.normal(0, 1))
    for radius, level in ((100, 6), (76, 2), (28, 8)):
        cv2.circle(
            height, tuple(int(v * 16) for v in centre), radius * 16, level, -1, cv2.LINE_AA, 4
        )
    for rib in range(6):
        way = np.array([math.cos(turn + rib * math.pi / 3), math.sin(turn + rib * math.pi / 3)])
        ends = [tuple(int(v * 16) for v in centre + reach * way) for reach in (76, 28)]
        cv2.line(height, *ends, 7, 6, cv2.LINE_AA, 4)
    soft, light = cv2.GaussianBlur(height, (0, 0), 1.6), math.radians(225 + dice.normal(0, 6))
    slope = cv2.Sobel(soft, cv2.CV_32F, 1, 0) * math.cos(light) + cv2.Sobel(
        soft, cv2.CV_32F, 0, 1
    ) * math.sin(light)
    return np.where(
        height > 0.5,
        95 + 9 * slope + 1.5 * soft + _grain(dice, 3, 1.2, 1.2) + _grain(dice, 5, 25, 25),
        35,
    )


def _turned(dice: np.random.Generator) -> Any:
    """A disc with the rings of a lathe, different ones each time."""
    down, across = np.mgrid[:SIDE, :SIDE]
    centre = 128 + dice.normal(0, 2, 2)
    radius, angle = (
        np.hypot(across - centre[0], down - centre[1]),
        np.arctan2(down - centre[1], across - centre[0]),
    )
    rings = cv2.GaussianBlur(dice.normal(0, 1, (1, 200)).astype(np.float32), (0, 0), 1.5)[0]
    shine = (
        110
        + 10 / rings.std() * rings[radius.astype(int)]
        + 30 * np.cos(2 * angle + dice.normal(0, 0.1)) ** 8
    )
    return cv2.GaussianBlur(
        np.where(radius < 35, 40, np.where(radius > 118, 60, shine)), (0, 0), 0.8
    )


def _brushed(dice: np.random.Generator) -> Any:
    return 120 + _grain(dice, 14, 14, 0.7) + _grain(dice, 8, 40, 40)


def _tile(dice: np.random.Generator) -> Any:
    """A dull surface with uneven light and grain, different each time; half of them with a dark
    rim."""
    gray = (
        dice.uniform(70, 120)
        + _grain(dice, 18, 60, 60)
        + _grain(dice, dice.uniform(4, 9), 1.5, 1.5)
    )
    gray += _grain(dice, dice.uniform(1, 6), 1, 20)
    if dice.uniform() < 0.5:
        gray[:, : int(dice.integers(5, 40))] *= dice.uniform(0.4, 0.8)
    return gray


def _board(folder: Path) -> Both:
    """The middle of a golden board taken again and again; each with one of the tested board's own
    defects."""
    dice = np.random.default_rng(4)
    label = max(sorted(folder.glob("*.txt")), key=lambda path: len(_within(path)))
    golden, tested = (
        _picture(label.with_name(f"{label.stem}_{end}.jpg")) for end in ("temp", "test")
    )

    def taken(source: Pixels) -> Pixels:
        turn = cv2.getRotationMatrix2D((320, 320), dice.normal(0, 0.4), 1 + dice.normal(0, 0.002))
        turn[:, 2] += dice.normal(0, 1.5, 2)
        shot = cv2.GaussianBlur(cv2.warpAffine(source, turn, (640, 640)), (0, 0), 0.8)[
            160:480, 160:480
        ]
        return np.clip(
            shot * (1 + dice.normal(0, 0.05)) + dice.normal(0, 5, shot.shape), 0, 255
        ).astype(np.uint8)

    bad = []
    boxes = _within(label)
    for number in range(BAD):
        x1, y1, x2, y2 = (int(v) for v in boxes[number % len(boxes)])
        spoilt = golden.copy()
        spoilt[y1 - 4 : y2 + 4, x1 - 4 : x2 + 4] = tested[y1 - 4 : y2 + 4, x1 - 4 : x2 + 4]
        bad.append(taken(spoilt))
    return [taken(golden) for _ in range(GOOD)], bad


def _within(label: Path) -> Any:
    """Labelled boxes in the middle of a board."""
    boxes = np.loadtxt(label, ndmin=2)[:, :4]
    return boxes[(boxes[:, :2] > 175).all(axis=1) & (boxes[:, 2:] < 465).all(axis=1)]
