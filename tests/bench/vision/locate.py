"""Locating moved real pictures: accuracy, share found and ms of `pattern` next to plain OpenCV
methods, in one run.

A picture is rendered from a source three times as fine (Lanczos, then means of 3 x 3 px), as master
and moved by a known similarity, so no method gains from the interpolation. hard: blur of 1.2 px, a
light ramp of +-30 %, a disc of any gray over a fifth of the pattern, noise sigma 8. Found: within 2
px and 1 degree. ms: of the thread itself, for machines are shared. Then: how often a pattern is
found in pictures of other parts, and the time at 1280 x 960 px next to all angles by brute force.

`DATA=... python -m tests.bench.vision.locate [--full]`: six real pictures; without DATA the one
that ships. --full (minutes): all pictures of parts, boards and screws.

One file: one table; ours and seven others find the same parts.
"""

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame
from node.locators import pattern
from node.vision.patterns import coarse
from node.vision.patterns import turned as turned_pattern
from node.vision.patterns.turned_fit import gradients, reduced
from schemas import Pattern, Pose, Problem, Region
from tests.bench.vision.row import timed
from tests.rooms.pictures.scenes import Scene

SIZE = (640, 480)
FINE = 3
SHIPPED = Path(__file__).parents[2] / "data"
PICTURES = (  # one of each kind: a board, print, sweets, a wall, screws, a printed board
    "parts/board.jpg",
    "parts/box_in_scene.png",
    "parts/smarties.png",
    "parts/graf1.png",
    "screws/11_1111.jpg",
    "pcb/44000108_temp.jpg",
)
ALL = ("parts/*", "screws/*.jpg", "pcb/*_temp.jpg")
OTHERS = (
    "parts/*",
    "screws/*.jpg",
    "pcb/*.jpg",
    "okng/**/*.jpg",
    "codes/**/*.png",
    "codes/**/*.jpg",
    "calibration/*.jpg",
)
SIZES = ((160, 120), (120, 120), (200, 150), (96, 96))  # of the pattern in px
# px of a large picture and of its patterns
LARGE, LARGE_PATTERNS = (2448, 2048), ((160, 120), (320, 240), (640, 480))
BRUTE_STEP_DEG = 1.0
EASY, HARD = 6, 18  # moves a picture and range; of all pictures 1 and FEW
FEW = 4  # hard moves that the plain methods are given too, and half as many easy ones
ABSENT, MANY_ABSENT = 30, 60  # pictures without the part a pattern, of all pictures MANY_ABSENT
LIKE = 0.8  # correlation of a pattern with another place of the master that makes it no pattern
# gray levels' standard deviation that each of so many ninths of a pattern has
LEAST_BLOCK, LEAST_BLOCKS = 6.0, 7

Gray = NDArray[np.uint8]
Move = tuple[float, float, float, float]  # dx, dy in px, degrees, scale
Finder = Callable[[Gray], Pose | None]


class Shot(NamedTuple):
    """A moved picture and where the centre of the pattern truly lies."""

    pixels: Gray
    truth: Pose


def sources(data: Path | None, names: Sequence[str] = PICTURES) -> Iterator[tuple[str, Gray]]:
    """Name and gray picture three times as fine as what is rendered of it; without data the one
    that ships."""
    for path in (
        [path for name in names for path in sorted(data.glob(name))]
        if data
        else [SHIPPED / "board.jpg"]
    ):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
        if picture is not None:
            yield path.stem, _covering(picture, (FINE * SIZE[0], FINE * SIZE[1]))  # type: ignore[arg-type]


def _covering(picture: Gray, size: tuple[int, int]) -> Gray:
    """The picture large enough for that size."""
    rows, columns = picture.shape
    scale = max(size[0] / columns, size[1] / rows)
    wide = (math.ceil(columns * scale), math.ceil(rows * scale))
    return cv2.resize(picture, wide, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)  # type: ignore[return-value]


def taught(source: Gray, size: tuple[int, int]) -> Region:
    """Where a person would teach a pattern of that size: the place with most corners, at least 100
    px from the border."""
    corners = cv2.cornerMinEigenVal(rendered(source, Region(x=0, y=0, width=8, height=8)), 7)
    mean = cv2.blur(np.minimum(corners, np.quantile(corners, 0.95)), size)
    inner = (
        slice(100 + size[1] // 2, -100 - size[1] // 2),
        slice(100 + size[0] // 2, -100 - size[0] // 2),
    )
    row, column = np.unravel_index(int(mean[inner].argmax()), mean[inner].shape)
    return Region(x=100 + int(column), y=100 + int(row), width=size[0], height=size[1])


def patterns(
    data: Path | None, full: bool = False
) -> Iterator[tuple[int, str, Gray, Region, Gray]]:
    """Number, name and source of a picture, the pattern taught in it and the master.

    full: of all pictures but those in which nobody would teach it, in one size each; else of every
    picture, in the first size in which a person would, if there is one.
    """
    for number, (name, source) in enumerate(sources(data, ALL if full else PICTURES)):
        own = SIZES[number % len(SIZES)]
        for size in (own,) if full else (own, *SIZES, own):
            where = taught(source, size)
            master = rendered(source, where)
            if teachable(master, where):
                break
        else:
            if full:
                continue
        yield number, name, source, where, master


def rendered(
    source: Gray, where: Region, move: Move = (0.0, 0.0, 0.0, 1.0), size: tuple[int, int] = SIZE
) -> Gray:
    """The picture with the pattern moved: turned and scaled about its centre, then shifted."""
    dx, dy, angle_deg, scale = move
    cx, cy = where.centre
    c, s = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    turn = np.array([[c, -s, cx + dx - c * cx + s * cy], [s, c, cy + dy - s * cx - c * cy]])
    # between fine and coarse pixels: the centre of the top left pixel is (0, 0) in both
    half = (FINE - 1) / 2
    turn[:, 2] = FINE * (turn[:, 2] + turn[:, :2] @ (-half / FINE, -half / FINE)) + half
    wide = (FINE * size[0], FINE * size[1])
    fine = cv2.warpAffine(
        source, turn, wide, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101
    )
    return cv2.resize(fine, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def spoilt(picture: Gray, truth: Pose, where: Region, rng: np.random.Generator) -> Gray:
    """The hard case of a picture."""
    light: Any = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.2)
    light *= np.linspace(0.7, 1.3, picture.shape[1], dtype=np.float32)[
        :: 1 if rng.random() < 0.5 else -1
    ]
    radius = math.sqrt(0.2 * where.width * where.height / math.pi)
    u, v = (rng.random(2) - 0.5) * (where.width - radius, where.height - radius)
    c, s = math.cos(math.radians(truth.angle_deg)), math.sin(math.radians(truth.angle_deg))
    middle = (int(truth.x + c * u - s * v), int(truth.y + s * u + c * v))
    cv2.circle(light, middle, round(radius), float(rng.integers(0, 256)), -1, cv2.LINE_AA)
    light += rng.normal(0, 8, light.shape)
    return np.asarray(np.clip(np.rint(light), 0, 255), np.uint8)


def shots(
    source: Gray, where: Region, half_range_deg: float, hard: bool, count: int, seed: int
) -> Iterator[Shot]:
    """Moved pictures; the whole pattern lies in each."""
    rng = np.random.default_rng([seed, int(half_range_deg), hard])
    x, y = where.centre
    reach = math.hypot(where.width, where.height) / 2 + 2
    for _ in range(count):
        to_x, to_y = rng.uniform((reach, reach), (SIZE[0] - reach, SIZE[1] - reach))
        move = (to_x - x, to_y - y, float(rng.uniform(-half_range_deg, half_range_deg)), 1.0)
        truth = Pose(x=to_x, y=to_y, angle_deg=move[2])
        picture = rendered(source, where, move)
        yield Shot(spoilt(picture, truth, where, rng) if hard else picture, truth)


def framed(pixels: Gray) -> Frame:
    """A frame of the pixels."""
    return Frame(pixels, 0, 0.0, "bench", simulated=True)


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


def turned(pattern_: Gray, angle_deg: float) -> tuple[Gray, Gray, float, float]:
    """A pattern turned about its centre, its mask, and the centre in the turned picture."""
    rows, columns = pattern_.shape
    c, s = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
    width, height = math.ceil(columns * c + rows * s), math.ceil(columns * s + rows * c)
    turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), -angle_deg, 1.0)
    turn[:, 2] += ((width - columns) / 2, (height - rows) / 2)
    mask = cv2.warpAffine(
        np.full_like(pattern_, 255), turn, (width, height), flags=cv2.INTER_NEAREST
    )
    return cv2.warpAffine(pattern_, turn, (width, height)), mask, (width - 1) / 2, (height - 1) / 2  # type: ignore[return-value]


def sweep(master: Gray, where: Region, half_range_deg: float, halvings: int) -> Finder:
    """matchTemplate over all angles at a pyramid level, then over 1 degree around the best at full
    resolution."""
    model = master[where.y : where.bottom, where.x : where.right]

    def halved(picture: Gray, times: int) -> Gray:
        for _ in range(times):
            picture = cv2.pyrDown(picture)  # type: ignore[assignment]
        return picture

    def made(
        angles: NDArray[np.float64], times: int
    ) -> list[tuple[float, Gray, Gray, float, float]]:
        small = halved(model, times)
        return [(float(angle), *turned(small, float(angle))) for angle in angles]

    step = BRUTE_STEP_DEG * 2**halvings
    coarse = made(np.arange(-half_range_deg, half_range_deg, step), halvings)

    def best(
        picture: Gray, models: list[tuple[float, Gray, Gray, float, float]]
    ) -> tuple[float, float, float, float]:
        top = (-1.0, 0.0, 0.0, 0.0)
        for angle, pixels, mask, x, y in models:
            if pixels.shape[0] > picture.shape[0] or pixels.shape[1] > picture.shape[1]:
                continue
            if abs(angle) < 0.1:
                scores = cv2.matchTemplate(picture, pixels, cv2.TM_CCOEFF_NORMED)
            else:
                scores = cv2.matchTemplate(picture, pixels, cv2.TM_CCOEFF_NORMED, mask=mask)
            scores[~np.isfinite(scores) | (scores > 1.001)] = -1
            _, score, _, place = cv2.minMaxLoc(scores)
            top = max(top, (score, place[0] + x, place[1] + y, angle))
        return top

    def find(picture: Gray) -> Pose | None:
        score, x, y, angle = best(halved(picture, halvings), coarse)
        if halvings:
            scale = 2**halvings
            x, y = scale * x, scale * y
            reach = math.hypot(where.width, where.height) / 2 + scale + 2
            left, top = max(int(x - reach), 0), max(int(y - reach), 0)
            window = picture[top : int(y + reach), left : int(x + reach)]
            fine = [
                (a, *turned(model, a))
                for a in np.arange(angle - step / 2, angle + step / 2 + 0.01, BRUTE_STEP_DEG / 2)
            ]
            score, x, y, angle = best(window, fine)
            x, y = x + left, y + top
        return Pose(x=x, y=y, angle_deg=angle, score=max(score, 0)) if score > 0.3 else None

    return find


def features(master: Gray, where: Region, half_range_deg: float) -> Finder:
    """SIFT and RANSAC."""
    sift = cv2.SIFT.create()
    model = master[where.y : where.bottom, where.x : where.right]
    points, words = sift.detectAndCompute(model, None)
    matcher = cv2.BFMatcher()

    def find(picture: Gray) -> Pose | None:
        seen, seen_words = sift.detectAndCompute(picture, None)
        if words is None or seen_words is None or len(seen) < 2:
            return None
        pairs = [
            p
            for p in matcher.knnMatch(words, seen_words, k=2)
            if len(p) == 2 and p[0].distance < 0.8 * p[1].distance
        ]
        if len(pairs) < 3:
            return None
        from_ = np.array([points[p[0].queryIdx].pt for p in pairs])
        to = np.array([seen[p[0].trainIdx].pt for p in pairs])
        turn, _ = cv2.estimateAffinePartial2D(from_, to, ransacReprojThreshold=2.0)
        if turn is None or not np.isfinite(turn).all():
            return None
        x, y = turn @ ((where.width - 1) / 2, (where.height - 1) / 2, 1)
        return Pose(
            x=float(x), y=float(y), angle_deg=math.degrees(math.atan2(turn[1, 0], turn[0, 0]))
        )

    return find


def pyramid(master: Gray, where: Region, half_range_deg: float) -> Finder:
    """The sweep at a quarter of the size."""
    return sweep(master, where, half_range_deg, 2)


def directions(master: Gray, where: Region, half_range_deg: float) -> Finder:
    """Directions of steep gradients, summed over the pattern, at a quarter of the size; then 1
    degree around at full size."""

    def field(picture: Any) -> Any:
        across, down = (cv2.Sobel(picture, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
        length = cv2.magnitude(across, down)
        return cv2.merge(
            [np.where(length > 4, part / (length + 1e-6), 0) for part in (across, down)]
        )

    def quarter(picture: Any) -> Any:
        return cv2.pyrDown(cv2.pyrDown(picture))

    def made(model: Gray, angles: NDArray[np.float64]) -> list[tuple[float, Any, float, float]]:
        found = []
        for angle in angles.tolist():
            pixels, mask, x, y = turned(model, angle)
            inside = cv2.erode(mask, np.ones((5, 5), np.uint8), borderValue=0) > 0
            parts = field(pixels) * inside[:, :, None]
            found.append(
                (angle, parts / max(float(np.count_nonzero(np.any(parts, axis=2))), 1.0), x, y)
            )
        return found

    def best(
        picture: Any, models: list[tuple[float, Any, float, float]]
    ) -> tuple[float, float, float, float]:
        top = (-1.0, 0.0, 0.0, 0.0)
        for angle, parts, x, y in models:
            if parts.shape[0] <= picture.shape[0] and parts.shape[1] <= picture.shape[1]:
                _, score, _, place = cv2.minMaxLoc(cv2.matchTemplate(picture, parts, cv2.TM_CCORR))
                top = max(top, (score, place[0] + x, place[1] + y, angle))
        return top

    model = np.ascontiguousarray(master[where.y : where.bottom, where.x : where.right])
    step = 4 * BRUTE_STEP_DEG
    coarse = made(quarter(model), np.arange(-half_range_deg, half_range_deg, step))

    def find(picture: Gray) -> Pose | None:
        score, x, y, angle = best(field(quarter(picture)), coarse)
        reach = math.hypot(where.width, where.height) / 2 + 6
        left, top = max(int(4 * x - reach), 0), max(int(4 * y - reach), 0)
        window = field(picture[top : int(4 * y + reach), left : int(4 * x + reach)])
        fine = made(model, np.arange(angle - step / 2, angle + step / 2 + 0.01, BRUTE_STEP_DEG / 2))
        score, x, y, angle = best(window, fine)
        return (
            Pose(x=x + left, y=y + top, angle_deg=angle, score=min(max(score, 0), 1))
            if score > 0.2
            else None
        )

    return find


METHODS: dict[str, Callable[[Gray, Region, float], Finder]] = {
    "pattern": ours,
    "gray correlation, pyramid": pyramid,
    "edge directions, pyramid": directions,
    "SIFT + RANSAC": features,
}


def apart(one: float, other: float) -> float:
    """Difference of two angles in degrees."""
    return abs((one - other + 180) % 360 - 180)


def measure(data: Path | None, full: bool = False) -> list[dict[str, Any]]:
    """One row a method, range and difficulty: found, median px and degrees of those found, median
    ms; what was refused.

    full: all pictures, fewer moves of each, and `pattern` alone.
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


def teachable(master: Gray, where: Region) -> bool:
    """Whether a person would take it for a pattern: there is something to see in most of it, and
    nowhere else the like."""
    pattern_ = master[where.y : where.bottom, where.x : where.right].astype(np.float32)
    blocks = [
        block.std()
        for rows in np.array_split(pattern_, 3)
        for block in np.array_split(rows, 3, axis=1)
    ]
    if sum(block > LEAST_BLOCK for block in blocks) < LEAST_BLOCKS:
        return False
    small, model = (
        cv2.resize(p, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        for p in (master, pattern_.astype(np.uint8))
    )
    best = 0.0
    for angle in range(-180, 180, 12):
        pixels, mask, x, y = turned(model, angle)  # type: ignore[arg-type]
        found = cv2.matchTemplate(small, pixels, cv2.TM_CCOEFF_NORMED, mask=mask)
        found[~np.isfinite(found) | (found > 1.001)] = -1
        if abs(angle) <= 12:
            column, row = round(where.centre[0] / 4 - x), round(where.centre[1] / 4 - y)
            found[max(row - 6, 0) : max(row + 7, 0), max(column - 6, 0) : max(column + 7, 0)] = -1
        best = max(best, float(found.max()))
    return best < LIKE


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


def kind_of(name: str) -> str:
    """What pictures of the same part have in common in their names: boards of one series, views of
    one scene."""
    letters = "".join(c for c in name if not c.isdigit())
    return name[:5] if letters in ("_temp", "_test") else letters.split("-")[0].split("_")[0]


def others_of(data: Path | None) -> Iterator[tuple[str, Gray]]:
    """Pictures of 640 x 480 px without the parts that are looked for."""
    rng = np.random.default_rng(5)
    for level in (0, 128, 255):
        yield "flat", np.full(SIZE[::-1], level, np.uint8)
        yield "noise", np.clip(rng.normal(level, 12, SIZE[::-1]), 0, 255).astype(np.uint8)
    for seed in range(12):
        scene = Scene.plain(*SIZE).clutter(seed, 80)
        yield (
            "clutter",
            (scene.part(200, 150, seed, (180, 140)) if seed % 2 else scene).pixels(4.0, seed),
        )
        yield "waves", Scene.plain(*SIZE, 128.0).waves(finest_px=4 + seed).pixels(4.0, seed)
    for glob in OTHERS if data else ("pcb/*.jpg", "codes/*.png"):
        for path in sorted((data or SHIPPED).glob(glob)):
            picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if picture is not None:
                wide = _covering(picture, SIZE)  # type: ignore[arg-type]
                yield path.stem, np.ascontiguousarray(wide[: SIZE[1], : SIZE[0]])


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
    brute = sweep(master, where, 2.0, 0)  # 4 of the 360 angles, for it takes minutes
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
    full = arguments.parse_args().full
    data = Path(os.environ["DATA"]) if os.environ.get("DATA") else None
    rows = measure(data, full)
    print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
    for row in sorted(rows, key=lambda row: (row["range"], row["pictures"], row["method"])):
        print("| " + " | ".join(str(value) for value in row.values()) + " |")
    print(f"\nwithout the part: {absent(data, full)}")
    print(f"1280 x 960 px, full circle: {against_brute(data)}")
    for row in large(data):
        print(f"{LARGE[0]} x {LARGE[1]} px, full circle: {row}")


if __name__ == "__main__":
    main()
