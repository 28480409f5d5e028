"""`learned` and `classify` on pictures with known truth: AUROC, false rejects, escapes, times, beside per-pixel statistics.

`DATA=/path/to/data python -m tests.bench.vision.learned`; without DATA only what ships and what is drawn. Good pictures are
divided into three parts, each is tested with what was taught by the others; all bad pictures are tested each time.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from node.cameras.synthetic import BODY, _Scene, truth
from node.frame import Frame, Pixels
from node.tools import bank, features, learned, logistic
from schemas import Learned, Region, SyntheticCamera
from tests.scenes import Scene

Pictures = list[Pixels]
HERE = Path(__file__).parents[2] / "data"
PARTS = 3
SITES = ((10, 105), (318, 100), (45, 450), (360, 435))  # of the screws, 210 px squared
SITE_PX = 210


def measure(data: Path | None) -> list[dict[str, Any]]:
    """One row a set for `learned`, and one for `classify`."""
    return list(_rows(data))


def _rows(data: Path | None) -> Iterator[dict[str, Any]]:
    for name, make in _sets(data).items():
        yield _learned(name, *make())
    if data is not None:
        yield _classify(data)


def _sets(data: Path | None) -> dict[str, Callable[[], tuple[Pictures, Pictures]]]:
    sets: dict[str, Callable[[], tuple[Pictures, Pictures]]] = {
        "board, moved": lambda: _moved(HERE / "board.jpg", (150, 100, 300, 300)),
        "drawn texture": _texture,
        "synthetic line": _line,
    }
    if data is not None:
        okng, parts = data / "okng", data / "parts"
        sets |= {
            "cookies": lambda: (_read(okng, "cookies/*normal-*"), _read(okng, "cookies/*anomaly-*")),
            "hazelnut": lambda: (_read(okng, "hazelnut/*_ok/*"), _read(okng, "hazelnut/test_ng/*")),
            "screws": lambda: _screws(data)[:2],
            "printed box, moved": lambda: _moved(parts / "box.png", (30, 20, 250, 180)),
            "sweets, moved": lambda: _moved(parts / "smarties.png", (60, 40, 280, 280)),
            "PCB tiles, all unlike": lambda: _tiles(data / "pcb"),
        }
    return sets


def _learned(name: str, good: Pictures, bad: Pictures) -> dict[str, Any]:
    height, width = good[0].shape[:2]
    settings = Learned(name="tool", region=Region(x=0, y=0, width=width, height=height))
    order = np.random.default_rng(1).permutation(len(good))
    aucs, plain_aucs, rejects, escapes, taught_s, ms, plain_ms, parted = [], [], [], [], [], [], [], []
    for part in range(PARTS):
        test = [good[place] for place in order[part::PARTS]]
        teach = [good[place] for number, place in enumerate(order) if number % PARTS != part][:50]
        began = time.perf_counter()
        maps = [(str(number), features.maps_of(pixels, settings.size_px)) for number, pixels in enumerate(teach)]
        made = bank.teach(maps, (), (width, height, settings.size_px)).bank
        taught_s.append(time.perf_counter() - began)
        kept = learned.learn(None, settings, made.packed())
        values, times = zip(*(_timed(settings, kept, pixels) for pixels in (*test, *bad)), strict=True)
        ok, ng = np.array(values[: len(test)]), np.array(values[len(test) :])
        began = time.perf_counter()
        plain = _plain(teach, [*test, *bad])
        plain_ms.append(1e3 * (time.perf_counter() - began) / len(plain))
        aucs.append(_auroc(ok, ng))
        plain_aucs.append(_auroc(plain[: len(test)], plain[len(test) :]))
        rejects.append((ok > 1).mean())
        escapes.append((ng <= 1).mean())
        parted.append((ng <= np.quantile(ok, 0.98)).mean())
        ms.append(float(np.median(times)))
    return {
        "set": name,
        "good_taught": len(teach),
        "bad": len(bad),
        "auroc": round(float(np.mean(aucs)), 3),
        "auroc_plain": round(float(np.mean(plain_aucs)), 3),
        "false_rejects": round(float(np.mean(rejects)), 3),
        "escapes": round(float(np.mean(escapes)), 3),
        "escapes_if_2%_known": round(float(np.mean(parted)), 3),
        "teach_s": round(float(np.median(taught_s)), 1),
        "ms": round(float(np.median(ms)), 1),
        "ms_by_plain": round(float(np.median(ms) / np.median(plain_ms)), 1),
    }


def _timed(settings: Learned, kept: Any, pixels: Pixels) -> tuple[float, float]:
    view = Frame(np.ascontiguousarray(pixels), 0, 0.0, "bench", simulated=True).view(settings.region)
    began = time.perf_counter()
    return learned.measure(view, settings, kept).value, 1e3 * (time.perf_counter() - began)


def _plain(teach: Pictures, test: Pictures) -> Any:
    """The plain way: mean and spread of each pixel of the good ones, after a blur; the mean of the 100 most unusual pixels."""

    def small(pixels: Pixels) -> Any:
        gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        return cv2.GaussianBlur(cv2.resize(gray, (256, 256), interpolation=cv2.INTER_AREA), (0, 0), 1.5).astype(np.float32)

    stack = np.stack([small(pixels) for pixels in teach])
    mean, spread = stack.mean(axis=0), stack.std(axis=0) + 3
    return np.array([np.sort((np.abs(small(pixels) - mean) / spread).ravel())[-100:].mean() for pixels in test])


def _auroc(good: Any, bad: Any) -> float:
    return float((bad[:, None] > good[None]).mean() + 0.5 * (bad[:, None] == good[None]).mean())


def _classify(data: Path) -> dict[str, Any]:
    """Screw present or missing: 10 of 56 sites taught, the others asked, 60 times."""
    good, bad = _screws(data)
    began = time.perf_counter()
    vectors = np.stack([features.vector(features.maps_of(pixels, 128)) for pixels in (*good, *bad)])
    ms = 1e3 * (time.perf_counter() - began) / len(vectors)
    labels = np.array([1] * len(good) + [0] * len(bad))
    dice = np.random.default_rng(0)
    wrong = unsure = asked = 0
    for _ in range(60):
        missing = int(dice.integers(3, 6))
        taught = np.concatenate(
            [
                dice.permutation(np.flatnonzero(labels == 1))[: 10 - missing],
                dice.permutation(np.flatnonzero(labels == 0))[:missing],
            ]
        )
        rest = np.setdiff1d(np.arange(len(labels)), taught)
        chances = logistic.fit(vectors[taught], labels[taught], 2).probabilities(vectors[rest])
        sure = np.abs(chances[:, 1] - chances[:, 0]) >= 0.3
        wrong += int((sure & (chances.argmax(axis=1) != labels[rest])).sum())
        unsure += int((~sure).sum())
        asked += len(rest)
    return {"set": "classify: screws", "taught": 10, "asked": asked, "wrong": wrong, "unsure": unsure, "ms": round(ms, 1)}


def _read(folder: Path, pattern: str) -> Pictures:
    return [_picture(path) for path in sorted(folder.glob(pattern))]


def _picture(path: Path) -> Pixels:
    found = cv2.imread(str(path))
    assert found is not None, path
    return found  # type: ignore[return-value]


def _screws(data: Path) -> tuple[Pictures, Pictures]:
    sites: tuple[Pictures, Pictures] = ([], [])
    for path in sorted((data / "screws").glob("*.jpg")):
        pixels = _picture(path)
        for bit, (x, y) in zip(path.stem[-4:], SITES, strict=True):
            sites[bit == "0"].append(pixels[y : y + SITE_PX, x : x + SITE_PX])
    return sites


def _tiles(folder: Path) -> tuple[Pictures, Pictures]:
    good, bad = [], []
    for path in sorted(folder.glob("*_test.jpg")):
        pixels = _picture(path)
        boxes = np.loadtxt(str(path).replace("_test.jpg", ".txt"), ndmin=2)[:, :4]
        for y in range(0, 640, 160):
            for x in range(0, 640, 160):
                tile = pixels[y : y + 160, x : x + 160]
                over = (boxes[:, 0] < x + 160) & (boxes[:, 2] > x) & (boxes[:, 1] < y + 160) & (boxes[:, 3] > y)
                within = (boxes[:, 0] > x) & (boxes[:, 2] < x + 160) & (boxes[:, 1] > y) & (boxes[:, 3] < y + 160)
                if within.any():
                    bad.append(tile)
                elif not over.any() and tile.std() > 20:
                    good.append(tile)
    return good[:150], bad[:80]


def _moved(path: Path, box: tuple[int, int, int, int]) -> tuple[Pictures, Pictures]:
    """One photograph taken again and again: moved by some px, turned, with other light and noise; and with drawn defects."""
    pixels, (x, y, width, height) = _picture(path), box
    dice = np.random.default_rng(1)

    def taken(source: Pixels) -> Pixels:
        turn = cv2.getRotationMatrix2D((x + width / 2, y + height / 2), dice.normal(0, 0.5), 1 + dice.normal(0, 0.003))
        turn[:, 2] += dice.normal(0, 2, 2)
        flags = cv2.INTER_CUBIC
        shot = cv2.warpAffine(source, turn, source.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REFLECT)
        light = (1 + dice.normal(0, 0.05)) * (1 + dice.normal(0, 0.04) * np.linspace(-1, 1, width))[None, :, None]
        noisy = shot[y : y + height, x : x + width] * light + dice.normal(0, 3) + dice.normal(0, 4, (height, width, 3))
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)

    good = [taken(pixels) for _ in range(75)]
    bad = [taken(_spoilt(pixels, dice, kind, box)) for kind in list(_kinds()) * 15]
    return good, bad


def _kinds() -> Iterator[str]:
    yield from ("scratch", "stain", "other", "blur")


def _spoilt(pixels: Pixels, dice: np.random.Generator, kind: str, box: tuple[int, int, int, int]) -> Pixels:
    x, y, width, height = box
    spoilt = pixels.copy()
    size = int(dice.uniform(0.06, 0.12) * width)
    at = int(x + dice.uniform(0.2, 0.8) * width), int(y + dice.uniform(0.2, 0.8) * height)
    colour = tuple(float(value) for value in dice.uniform(0, 255, 3))
    here = slice(at[1] - size, at[1] + size), slice(at[0] - size, at[0] + size)
    if kind == "scratch":
        turn, long = dice.uniform(0, math.pi), dice.uniform(0.1, 0.18) * width
        step = int(long * math.cos(turn)), int(long * math.sin(turn))
        cv2.line(spoilt, (at[0] - step[0], at[1] - step[1]), (at[0] + step[0], at[1] + step[1]), colour, 2, cv2.LINE_AA)
    elif kind == "stain":
        cv2.ellipse(spoilt, at, (size, size * 3 // 4), dice.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        spoilt = cv2.addWeighted(pixels, 0.4, spoilt, 0.6, 0).astype(np.uint8)
    elif kind == "other":  # something else there
        other = int(dice.integers(0, pixels.shape[0] - 2 * size)), int(dice.integers(0, pixels.shape[1] - 2 * size))
        spoilt[here] = pixels[other[0] : other[0] + 2 * size, other[1] : other[1] + 2 * size]
    else:
        spoilt[here] = cv2.GaussianBlur(pixels, (0, 0), 5)[here]
    return spoilt


def _texture() -> tuple[Pictures, Pictures]:
    dice = np.random.default_rng(2)
    good, bad = [], []
    for number in range(135):
        scene = Scene.plain(200, 200, 110.0).waves(seed=1000 + number, finest_px=3, contrast=dice.uniform(18, 26))
        pixels = cv2.cvtColor(
            scene.lit(dice.uniform(0.92, 1.08), ramp=dice.normal(0, 0.05)).pixels(4, number), cv2.COLOR_GRAY2BGR
        )
        if number < 75:
            good.append(pixels)
        else:
            bad.append(_spoilt(pixels, dice, ("scratch", "stain", "blur")[number % 3], (0, 0, 200, 200)))
    return good, bad  # type: ignore[return-value]


def _line() -> tuple[Pictures, Pictures]:
    settings = SyntheticCamera(seed=5, defect_rate=0.5)
    scene, (x, y, width, height) = _Scene(settings), BODY
    good: Pictures = []
    bad: Pictures = []
    for number in range(150):
        part = truth(settings, number)
        if part.defect == "part_missing":
            continue
        left, top = round(x + part.dx) - 10, round(y + part.dy) - 10
        (good if part.verdict == "OK" else bad).append(scene.draw(part)[top : top + height + 20, left : left + width + 20])
    return good, bad


if __name__ == "__main__":
    given = os.environ.get("DATA")
    for row in _rows(Path(given) if given else None):
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
