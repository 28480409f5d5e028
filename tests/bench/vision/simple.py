"""Error and time of the tools that look at gray levels, colours and shapes, and of the locators by
marks and corners, on drawn scenes: `python -m tests.bench.vision.simple`. Truth is drawn; noise
sigma 5; the plain way is the obvious OpenCV call.

One file: one table; each of its rows is made by a function.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from node.frame import Pixels, View
from node.locate import locate
from node.locators import LOCATORS
from node.measurement import Given, Measurement
from node.tools import TOOLS
from schemas import (
    Area,
    Blobs,
    Brightness,
    Colour,
    ColourArea,
    Compare,
    Contrast,
    CornerLocator,
    Count,
    EdgePixels,
    Expression,
    Marks,
    Outline,
    PatternTool,
    Text,
    Tool,
)
from schemas.tools.base import RegionTool
from schemas.trigger import EMPTY
from tests.bench.vision.row import Row, Trial, fresh, row, timed, trial
from tests.gallery import pictures
from tests.rooms.pictures.scenes import Scene, region

SEEDS = 20
WHERE = region(225, 180, 150, 120)
SHADE = (30.0, 30.0, 30.0)
RED = (50.0, 50.0, 235.0)
GIVEN = Given(EMPTY, {"a": Measurement(3.0), "b": Measurement(4.0)}, {"a": True, "b": False})


def measure(data: Path | None = None) -> list[Row]:
    """One row per tool; the pictures are drawn, with or without data."""
    del data
    return list(_rows())


def _rows() -> Iterator[Row]:
    dice = np.random.default_rng(1)
    radii = 30 + 16 * dice.random(SEEDS)
    at = dice.random((SEEDS, 2)) * 6 - 3 + (299.5, 239.5)
    discs = [
        Scene.plain(640, 480, SHADE).disc(x, y, r, RED) for (x, y), r in zip(at, radii, strict=True)
    ]
    master = Scene.plain(640, 480, SHADE).disc(299.5, 239.5, 40, RED).pixels(5, 99)
    shots = [disc.pixels(5, seed) for seed, disc in enumerate(discs)]
    ratios = [(r / 40) ** 2 for r in radii]
    tool: Tool = Area(name="t", region=WHERE, low=0.0)
    yield row(
        "area",
        "disc, ratio to the master's",
        "ratio",
        _each(tool, master, shots, ratios, _otsu),
        0.02,
    )
    tool = ColourArea(
        name="t", region=WHERE, hue_low_deg=340, hue_high_deg=20, saturation_low=0.4, low=0.0
    )
    yield row(
        "colour_area",
        "disc, ratio to the master's",
        "ratio",
        _each(tool, master, shots, ratios, _in_range),
        0.04,
    )
    tool = EdgePixels(name="t", region=WHERE, low=0.0)
    around = [r / 40 for r in radii]
    yield row(
        "edge_pixels",
        "edge of a disc, ratio to the master's",
        "ratio",
        _each(tool, master, shots, around, _canny),
        0.03,
    )
    tones = 70 + 120 * dice.random(SEEDS)
    plain_tones = [Scene.plain(640, 480, tone).pixels(5, seed) for seed, tone in enumerate(tones)]
    tool = Brightness(name="t", region=WHERE, low=0.0)
    yield row(
        "brightness",
        "gray level",
        "gray",
        _each(tool, None, plain_tones, tones, lambda v, _: float(v.gray.mean())),
        0.6,
    )
    steps = [(tone - 60) / 2 for tone in tones]
    halves = [Scene.plain(640, 480, 60.0).rectangle(300, 0, 340, 480, tone) for tone in tones]
    tool = Contrast(name="t", region=WHERE, low=0.0)
    seen = [scene.pixels(2, seed) for seed, scene in enumerate(halves)]
    yield row(
        "contrast",
        "standard deviation of two tones",
        "gray",
        _each(tool, None, seen, steps, lambda v, _: float(v.gray.std())),
        0.6,
    )
    tool = Compare(
        name="t", region=region(310, 180, 60, 120), other=region(228, 180, 60, 120), low=0.0
    )
    against = [tone / 60 for tone in tones]
    yield row(
        "compare", "ratio of two tones", "ratio", _each(tool, None, seen, against, _two_means), 0.01
    )
    tool = Colour(name="t", region=WHERE, value="lightness", low=0.0)
    grays = [
        Scene.plain(640, 480, (tone, tone, tone)).pixels(5, seed)
        for seed, tone in enumerate(np.rint(tones))
    ]
    light = [_lightness(tone) for tone in np.rint(tones)]
    yield row("colour", "lightness of a gray", "L*", _each(tool, None, grays, light, _lab), 0.3)
    yield _outline()
    yield _blobs(dice)
    yield _pattern(dice)
    yield row(
        "count",
        "two tools",
        "count",
        [_asked(Count(name="t", tools=("a", "b"), low=1.0), 1.0) for _ in range(SEEDS)],
        0,
    )
    sums = Expression(name="t", expression="sqrt(a ** 2 + b ** 2)", low=0.0)
    yield row(
        "expression", "sqrt(a ** 2 + b ** 2)", "", [_asked(sums, 5.0) for _ in range(SEEDS)], 0
    )
    yield from _locators()
    yield from _text()


def _each(
    tool: Any,
    master: Pixels | None,
    shots: list[Pixels],
    truths: Any,
    plain: Callable[[View, View | None], float],
) -> Iterator[Trial]:
    kind = TOOLS[tool.kind]
    known = fresh(master).view(tool.region) if master is not None else None
    learned = kind.learn(known, tool) if known is not None else None
    for pixels, truth in zip(shots, truths, strict=True):
        ours, other = fresh(pixels), fresh(pixels)
        yield trial(
            lambda ours=ours: float(kind.measure(ours.view(tool.region), tool, learned).value),  # type: ignore[misc]
            lambda other=other: plain(other.view(tool.region), known),  # type: ignore[misc]
            float(truth),
        )


def _otsu(view: View, master: View | None) -> float:
    assert master is not None
    counts = [
        np.count_nonzero(cv2.threshold(v.gray, 0, 255, cv2.THRESH_OTSU)[1]) for v in (view, master)
    ]
    return counts[0] / counts[1]


def _in_range(view: View, master: View | None) -> float:
    assert master is not None
    counts = []
    for v in (view, master):
        hsv = cv2.cvtColor(np.ascontiguousarray(v.bgr), cv2.COLOR_BGR2HSV)
        low, high = (
            cv2.inRange(hsv, (0, 102, 0), (10, 255, 255)),
            cv2.inRange(hsv, (170, 102, 0), (180, 255, 255)),
        )  # type: ignore[arg-type, call-overload]
        counts.append(np.count_nonzero(low | high))
    return counts[0] / counts[1]


def _canny(view: View, master: View | None) -> float:
    assert master is not None
    counts = [np.count_nonzero(cv2.Canny(v.gray, 60, 120)) for v in (view, master)]
    return counts[0] / max(counts[1], 1)


def _two_means(view: View, _: View | None) -> float:
    return float(view.gray.mean() / view.other(region(228, 180, 60, 120)).gray.mean())


def _lab(view: View, _: View | None) -> float:
    return float(
        cv2.cvtColor(np.ascontiguousarray(view.bgr), cv2.COLOR_BGR2Lab)[:, :, 0].mean() / 2.55
    )


def _lightness(gray: float) -> float:
    """L* of an sRGB gray (IEC 61966-2-1, CIE 15)."""
    linear = (gray / 255 + 0.055) / 1.055
    return 116 * (linear**2.4) ** (1 / 3) - 16


def _outline() -> Row:
    """The same part in different light has a score of 1; the plain way is normalised
    correlation."""
    master = Scene.plain(640, 480, 60.0).part(240.3, 190.6).pixels(5, 99)
    shots = [
        Scene.plain(640, 480, 60.0).part(240.3, 190.6).lit(0.6 + 0.03 * n, 10, 0.4).pixels(5, n)
        for n in range(SEEDS)
    ]
    tool = Outline(name="t", region=WHERE, low=0.0)

    def correlated(view: View, known: View | None) -> float:
        assert known is not None
        pair = (np.ascontiguousarray(v.gray) for v in (view, known))
        return float(cv2.matchTemplate(*pair, cv2.TM_CCOEFF_NORMED)[0, 0])

    return row(
        "outline",
        "1 - score, same part in other light",
        "score",
        _each(tool, master, shots, [1.0] * SEEDS, correlated),
        0.02,
    )


def _blobs(dice: np.random.Generator) -> Row:
    """1 to 15 discs in a light ramp; the plain way is Otsu's threshold and connected components."""
    shots, truths = [], []
    for seed in range(SEEDS):
        scene, count = Scene.plain(640, 480, 60.0), 1 + seed % 15
        for number in range(count):
            x, y = (
                245 + 27 * (number % 5) + dice.uniform(-4, 4),
                200 + 34 * (number // 5) + dice.uniform(-4, 4),
            )
            scene = scene.disc(x, y, dice.uniform(4, 9), 180.0)
        shots.append(scene.pixels(5, seed))
        truths.append(count)
    master = Scene.plain(640, 480, 60.0).disc(300, 240, 20, 180.0).pixels(5, 99)
    tool = Blobs(name="t", region=WHERE, polarity="light", area_low_px=20, low=0.0)

    def components(view: View, _: View | None) -> float:
        return cv2.connectedComponents(cv2.threshold(view.gray, 0, 255, cv2.THRESH_OTSU)[1])[0] - 1

    return row(
        "blobs",
        "number of 1 to 15 discs",
        "count",
        _each(tool, master, shots, truths, components),
        0,
    )


def _pattern(dice: np.random.Generator) -> Row:
    """1 to 5 copies; the plain way counts the peaks found by matchTemplate."""
    where = region(60, 60, 520, 360)
    tool = PatternTool(
        name="t", region=where, pattern=region(100, 100, 60, 50), value="count", low=0.0
    )
    whole = Scene.plain(640, 480, 60.0)
    shots, truths = [], []
    for seed in range(SEEDS):
        scene, count = whole, 1 + seed % 5
        for place in dice.permutation(12)[:count]:
            x, y = 80 + 125 * (place % 4), 80 + 115 * (place // 4)
            scene = scene.part(x + dice.uniform(0, 30), y + dice.uniform(0, 30), size=(60, 50))
        shots.append(scene.pixels(5, seed))
        truths.append(count)

    def peaks(view: View, known: View | None) -> float:
        assert known is not None
        score = cv2.matchTemplate(
            view.gray, known.frame.gray[100:150, 100:160], cv2.TM_CCOEFF_NORMED
        )
        return cv2.connectedComponents((score > 0.7).astype(np.uint8))[0] - 1

    return row(
        "pattern", "number of 1 to 5 copies, 520 x 360 px", "count",
        _each(tool, whole.part(100, 100, size=(60, 50)).pixels(5, 99), shots, truths, peaks), 0,
    )  # fmt: skip


def _asked(tool: Tool, truth: float) -> Trial:
    assert not isinstance(tool, RegionTool)
    learned = TOOLS[tool.kind].learn(None, tool)
    return trial(
        lambda: float(TOOLS[tool.kind].measure(None, tool, learned, GIVEN).value), None, truth
    )


def _locators() -> Iterator[Row]:
    marks = Marks.model_validate(
        {
            "first": {"region": region(78, 78, 65, 65), "search": region(20, 20, 200, 200)},
            "second": {"region": region(498, 338, 65, 65), "search": region(420, 260, 200, 200)},
        }
    )
    corner = CornerLocator.model_validate(
        {
            "first": {
                "shape": "rotated",
                "x": 350,
                "y": 130,
                "width": 110,
                "height": 180,
                "angle_deg": 90,
            },
            "second": {
                "shape": "rotated",
                "x": 180,
                "y": 260,
                "width": 110,
                "height": 140,
                "angle_deg": 0,
            },
        }
    )
    for settings, draw, point, plain in (
        (marks, pictures.fiducials, (320.0, 240.0), _matched_marks),
        (corner, pictures.plate, (180.0, 130.0), None),
    ):
        learned = LOCATORS[settings.kind].learn(fresh(draw().pixels(4, 99)), settings)
        px, degrees = [], []
        for seed in range(SEEDS):
            dx, dy, angle = 9 * math.sin(seed), 9 * math.cos(2 * seed), 4 * math.sin(3 * seed)
            pixels = draw(dx, dy, angle).pixels(5, seed)
            found, ms = timed(lambda p=pixels, s=settings, k=learned: locate(fresh(p), s, k)[1])  # type: ignore[misc]
            away = found.matrix @ (*point, 1.0) - (point[0] + dx, point[1] + dy)
            other = timed(lambda p=pixels, plain=plain: plain(p)) if plain else None  # type: ignore[misc]
            error = None if other is None else math.dist(other[0], (point[0] + dx, point[1] + dy))
            px.append(Trial(math.hypot(*away), ms, error, None if other is None else other[1]))
            degrees.append(Trial(abs(found.angle_deg - angle), ms))
        yield row(f"{settings.kind} (locator)", "place, moved by 9 px and 4 degrees", "px", px, 0.1)
        yield row(f"{settings.kind} (locator)", "turn", "degree", degrees, 0.06)


def _matched_marks(pixels: Pixels) -> tuple[float, float]:
    """Midway between the best places of matchTemplate."""
    master = cv2.cvtColor(pictures.fiducials().pixels(4, 99), cv2.COLOR_BGR2GRAY)
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    found = []
    for x, y, left, top in ((78, 78, 20, 20), (498, 338, 420, 260)):
        score = cv2.matchTemplate(
            gray[top : top + 200, left : left + 200],
            master[y : y + 65, x : x + 65],
            cv2.TM_CCOEFF_NORMED,
        )
        best = cv2.minMaxLoc(score)[3]
        found.append((left + best[0] + 32, top + best[1] + 32))
    return (found[0][0] + found[1][0]) / 2, (found[0][1] + found[1][1]) / 2


def _text() -> Iterator[Row]:
    try:
        import rapidocr_onnxruntime  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        return
    lines = ("BATCH 4711", "EXP 2027-03", "SN 88-1204", "TYPE M12 X 40", "24 V 1.5 A", "MADE 2026")
    trials = []
    for line in lines:
        tool = Text(name="t", region=region(120, 170, 400, 80), lines="one", low=0.0)
        frame = fresh(pictures.label(line))
        found, ms = timed(
            lambda f=frame, t=tool: TOOLS["text"].measure(f.view(t.region), t, None, GIVEN)
        )  # type: ignore[misc]
        trials.append(
            Trial(float((found.text or "").replace(" ", "") != line.replace(" ", "")), ms)
        )
    wrong = sum(t.error for t in trials) / len(trials)
    yield Row(
        "text",
        "share of drawn labels misread",
        wrong,
        None,
        "share",
        trials[-1].ms,
        None,
        "at most 0",
        wrong == 0,
    )


def main() -> None:
    """Print the rows."""
    for found in measure():
        print(*found, sep="  ")


if __name__ == "__main__":
    main()
