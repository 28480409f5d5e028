"""Calipers and calibration, drawn and real, next to OpenCV: `python -m
tests.bench.vision.calipers`.

Drawn edges have noise sigma 5. The plain way for an edge or a line is Canny's points and a line
through them; for a circle, HoughCircles. Real edges have no truth: the figure is how far their
points lie from a line or an ellipse through them (RMS).

One file: one table; each of its rows is made by a function.
"""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from node.calibration import from_checkerboard, in_px
from node.frame import Pixels
from node.measurement import Given, Measurement
from node.tools import angle, circle, distance, edge, line, pitch, width
from node.vision.edges.fit import line as line_through
from schemas import Angle, CircleTool, Distance, Edge, Line, Pitch, Problem, Region, Width
from schemas.geometry import Ring
from schemas.trigger import EMPTY
from tests.bench.vision.row import Row, Trial, fresh, row, timed, trial
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

SEEDS = 20
WHERE = region(40, 30, 80, 40)
GRAY = 60.0
MOST_PX = 0.05  # what the calipers promise at noise sigma 5
STRAIGHT = {
    "right": (308, 40, 16, 140),
    "down": (60, 0, 200, 12),
    "up": (60, 208, 200, 15),
    "printed": (13, 40, 14, 130),
}
ROUND = ((132.0, 157.0, 38.0, 68.0), (64.0, 66.6, 8.0, 40.0))


def measure(data: Path | None) -> list[Row]:
    """The real pictures only with `data`."""
    return list(_rows(data))


def _rows(data: Path | None) -> Iterator[Row]:
    for contrast, blur_px, angle_deg in (
        (60, 0.8, 0),
        (60, 0.8, 3),
        (60, 0.8, 30),
        (60, 3, 0),
        (25, 1.5, 0),
        (25, 1.5, 10),
    ):
        what = f"step of {contrast}, blur {blur_px:g}, {angle_deg} degrees"
        yield row("edge", what, "px", _edges(contrast, blur_px, angle_deg), MOST_PX)
    yield row("width", "bar of 31 px", "px", _widths(), MOST_PX)
    yield row("pitch", "mean of 6 bars", "px", _pitches(), MOST_PX)
    yield row("circle", "diameter, radius 38 to 42 px", "px", _circles(), MOST_PX)
    yield row("line", "angle, 80 px long", "degree", _lines("angle"), 0.1)
    yield row("line", "straightness of a straight edge", "px", _lines("straightness"))
    yield row(
        "distance", "between two lines", "px", (_between(seed)[0] for seed in range(SEEDS)), MOST_PX
    )
    yield row(
        "angle", "between two lines", "degree", (_between(seed)[1] for seed in range(SEEDS)), 0.1
    )
    if data is not None:
        yield from _real(data)
        yield _boards(data)


def _leaning(x: float, angle_deg: float, contrast: float, blur_px: float) -> Scene:
    """An edge that crosses row 49.5 at x."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    scene = bar(
        Scene.plain(160, 100, GRAY),
        x + 150 * c,
        49.5 + 150 * s,
        300,
        300,
        GRAY + contrast,
        angle_deg,
    )
    return scene.blurred(blur_px)


def _edges(contrast: float, blur_px: float, angle_deg: float) -> Iterator[Trial]:
    tool = Edge(name="t", region=WHERE, low=0.0, contrast_low=8)
    for seed in range(3 * SEEDS):
        x = 79.5 + 0.031 * seed
        pixels = _leaning(x, angle_deg, contrast, blur_px).pixels(5, seed)
        yield trial(
            lambda p=pixels: edge.measure(fresh(p).view(WHERE), tool).value + 40,  # type: ignore[misc]
            lambda p=pixels: _canny(p[30:70, 40:120])[0] + 40,  # type: ignore[misc]
            x,
        )


def _canny(gray: Pixels) -> tuple[float, float]:
    """Where a line through the points crosses the middle row, and its angle from upright in
    degrees."""
    y, x = np.nonzero(cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), 40, 80))
    fitted = line_through(np.column_stack([x, y]).astype(float))
    if fitted is None or fitted.uy == 0:
        return 1e3, 90.0
    slope = fitted.ux / fitted.uy
    return fitted.x + ((gray.shape[0] - 1) / 2 - fitted.y) * slope, -math.degrees(math.atan(slope))


def _widths() -> Iterator[Trial]:
    tool = Width(name="t", region=region(30, 30, 100, 40), low=0.0)

    def plain(pixels: Pixels) -> float:
        columns = np.nonzero(
            cv2.threshold(
                pixels[30:70, 30:130].mean(axis=0).astype(np.uint8), 0, 255, cv2.THRESH_OTSU
            )[1]
        )[0]
        return float(columns.max() - columns.min() + 1)

    for seed in range(SEEDS):
        size, turn = 31 + 0.037 * seed, -8 + 0.8 * seed
        pixels = (
            bar(Scene.plain(160, 100, GRAY), 79.7, 49.2, size, 300, 120.0, turn)
            .blurred(0.8)
            .pixels(5, seed)
        )
        yield trial(
            lambda p=pixels: width.measure(fresh(p).view(tool.region), tool).value,
            lambda p=pixels: plain(p),
            size,
        )  # type: ignore[misc]


def _pitches() -> Iterator[Trial]:
    tool = Pitch(name="t", region=region(10, 30, 140, 40), low=0.0)

    def plain(pixels: Pixels) -> float:
        rise = np.diff(cv2.GaussianBlur(pixels[30:70, 10:150], (5, 5), 0).mean(axis=0))
        peaks = np.nonzero((rise[1:-1] > 8) & (rise[1:-1] >= rise[:-2]) & (rise[1:-1] > rise[2:]))[
            0
        ]
        return float(np.diff(peaks).mean()) if len(peaks) > 1 else 0.0

    for seed in range(SEEDS):
        step, scene = 21.3 + 0.043 * seed, Scene.plain(160, 100, GRAY)
        for number in range(6):
            scene = scene.rectangle(20.2 + number * step, 0, 9.4, 100, 120.0)
        pixels = scene.blurred(0.8).pixels(5, seed)
        yield trial(
            lambda p=pixels: pitch.measure(fresh(p).view(tool.region), tool).value,
            lambda p=pixels: plain(p),
            step,
        )  # type: ignore[misc]


def _circles() -> Iterator[Trial]:
    tool = CircleTool(name="t", region=Ring(x=100, y=100, radius=60, inner_radius=22), low=0.0)

    def plain(pixels: Pixels) -> float:
        found = cv2.HoughCircles(
            pixels, cv2.HOUGH_GRADIENT, 1, 200, param1=100, param2=20, minRadius=22, maxRadius=60
        )
        return 0.0 if found is None else 2 * float(found[0, 0, 2])

    for seed in range(SEEDS):
        x, y, radius = 98 + 0.23 * seed, 99 + 0.11 * seed, 38 + 0.21 * seed
        pixels = Scene.plain(200, 200, GRAY).disc(x, y, radius, 120.0).blurred(0.8).pixels(5, seed)
        yield trial(
            lambda p=pixels: circle.measure(fresh(p).view(tool.region), tool).value,
            lambda p=pixels: plain(p),
            2 * radius,
        )  # type: ignore[misc]


def _lines(value: Any) -> Iterator[Trial]:
    where = region(50, 10, 60, 80)
    tool = Line(name="t", region=where, value=value, low=-90.0)
    for seed in range(SEEDS):
        turn = -10 + seed * 1.03
        pixels = _leaning(79.7, turn, 60, 0.8).pixels(5, seed)
        plain = (lambda p=pixels: _canny(p[10:90, 50:110])[1]) if value == "angle" else None  # type: ignore[misc]
        yield trial(
            lambda p=pixels: line.measure(fresh(p).view(where), tool).value,
            plain,
            turn if value == "angle" else 0.0,
        )  # type: ignore[misc]


def _between(seed: int) -> tuple[Trial, Trial]:
    """Distance and angle of two leaning edges, with the time of all three tools."""
    turn, gap = -6 + 0.61 * seed, 52 + 0.17 * seed
    pixels = (
        bar(Scene.plain(200, 100, GRAY), 99.6, 49.5, gap, 300, 120.0, turn)
        .blurred(0.8)
        .pixels(5, seed)
    )
    wheres = region(55, 20, 40, 60), region(105, 20, 40, 60)

    def ours() -> tuple[float, float]:
        frame = fresh(pixels)
        measured: dict[str, Measurement | None] = {
            name: line.measure(frame.view(w), Line(name=name, region=w, low=-90.0))
            for name, w in zip("ab", wheres, strict=True)
        }
        given = Given(EMPTY, measured, {})
        between = (
            Distance(name="d", first="a", second="b", low=0.0),
            Angle(name="e", first="a", second="b", low=0.0),
        )
        return distance.measure(None, between[0], None, given).value, angle.measure(
            None, between[1], None, given
        ).value

    def plain() -> tuple[float, float]:
        (x1, turn1), (x2, turn2) = (_canny(pixels[w.y : w.bottom, w.x : w.right]) for w in wheres)
        return (x2 + 50 - x1) * math.cos(math.radians((turn1 + turn2) / 2)), abs(turn1 - turn2)

    (found, found_deg), ms = timed(ours)
    (other, other_deg), other_ms = timed(plain)
    return Trial(abs(found - gap), ms, abs(other - gap), other_ms), Trial(
        found_deg, ms, other_deg, other_ms
    )


def _real(data: Path) -> Iterator[Row]:
    """Three sides and a printed line of a box, and two shapes of a sheet."""
    box = cv2.imread(str(data / "parts" / "box.png"), cv2.IMREAD_GRAYSCALE)
    blobs = cv2.imread(str(data / "parts" / "detect_blob.png"), cv2.IMREAD_GRAYSCALE)
    if box is None or blobs is None:
        return
    trials = []
    for name, (x, y, w, h) in STRAIGHT.items():
        printed: dict[str, Any] = (
            {"polarity": "light_to_dark", "which": "first"} if name == "printed" else {}
        )
        scan = "right" if name in ("right", "printed") else "down"
        tool = Line(
            name="t", region=region(x, y, w, h), low=-90.0, found_low=0.3, scan=scan, **printed
        )
        trials.append(
            _residuals(lambda t=tool: _line_rms(box, t), lambda t=tool: _canny_rms(box, t.region))
        )  # type: ignore[misc, arg-type]
    yield row("line", "real straight edges, RMS of the points", "px", trials, 0.128)
    trials = [
        _residuals(
            lambda r=ring: _ellipse_rms(blobs, r), lambda r=ring: _canny_ellipse_rms(blobs, r)
        )
        for ring in ROUND
    ]  # type: ignore[misc]
    yield row("circle", "real ellipses, RMS of the points on rays", "px", trials, 0.089)


def _residuals(ours: Callable[[], float], plain: Callable[[], float]) -> Trial:
    return trial(ours, plain, 0.0)


def _rms(residuals: Any) -> float:
    return float(np.sqrt(np.mean(np.square(residuals))))


def _line_rms(pixels: Any, tool: Line) -> float:
    try:
        fitted = line._find(fresh(pixels).view(tool.region), tool, in_px).fitted
    except Problem:
        return math.inf
    return _rms(fitted.residuals[fitted.good])


def _canny_rms(pixels: Any, where: Region) -> float:
    y, x = np.nonzero(
        cv2.Canny(
            cv2.GaussianBlur(pixels[where.y : where.bottom, where.x : where.right], (5, 5), 0),
            40,
            80,
        )
    )
    fitted = line_through(np.column_stack([x, y]).astype(float))
    return math.inf if fitted is None else _rms(fitted.residuals[fitted.good])


def _ellipse_rms(pixels: Any, ring: tuple[float, float, float, float]) -> float:
    x, y, inner, outer = ring
    where = Ring(x=x, y=y, radius=outer, inner_radius=inner)
    tool = CircleTool(name="t", region=where, low=0.0)
    view = fresh(pixels).view(where)
    points, _ = circle._points(
        view, tool, np.array([x, y]) - view.matrix[:, 2], (inner + outer) / 2
    )
    return _rms(_from_ellipse(points))


def _canny_ellipse_rms(pixels: Any, ring: tuple[float, float, float, float]) -> float:
    x, y, inner, outer = ring
    down, across = np.nonzero(cv2.Canny(cv2.GaussianBlur(pixels, (5, 5), 0), 40, 80))
    away = np.hypot(across - x, down - y)
    on = (away > inner) & (away < outer)
    return _rms(_from_ellipse(np.column_stack([across[on], down[on]]).astype(float)))


def _from_ellipse(points: Any) -> Any:
    """Distances of points from the ellipse through them (nearest point by Newton's method on its
    parameter)."""
    (x, y), (wide, high), turn = cv2.fitEllipseDirect(points.astype(np.float32))
    c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    own = (points - (x, y)) @ np.array([[c, -s], [s, c]])
    at = np.arctan2(own[:, 1] / high, own[:, 0] / wide)
    for _ in range(20):
        on = np.stack([wide / 2 * np.cos(at), high / 2 * np.sin(at)], axis=1)
        along = np.stack([-wide / 2 * np.sin(at), high / 2 * np.cos(at)], axis=1)
        at = at + ((own - on) * along).sum(axis=1) / (along * along).sum(axis=1)
    return np.hypot(*(own - np.stack([wide / 2 * np.cos(at), high / 2 * np.sin(at)], axis=1)).T)


def _boards(data: Path) -> Row:
    """The reprojection error over all boards; the plain way refines by cornerSubPix."""
    pictures = [
        cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        for path in sorted((data / "calibration").glob("*.jpg"))
    ]
    ours, ms = timed(lambda: from_checkerboard(pictures, 9, 6, 25.0).error_px)  # type: ignore[arg-type]
    plain, plain_ms = timed(lambda: _plain_boards(pictures))
    return Row(
        "calibration",
        "reprojection error, 13 boards",
        ours,
        plain,
        "px",
        ms,
        plain_ms,
        "at most 0.41",
        ours <= 0.41,
    )


def _plain_boards(pictures: list[Any]) -> float:
    grid = np.zeros((54, 3), np.float32)
    grid[:, :2] = np.mgrid[:9, :6].T.reshape(-1, 2)
    found = [cv2.findChessboardCorners(picture, (9, 6)) for picture in pictures]
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 0.01)
    corners: Any = [
        cv2.cornerSubPix(p, c, (11, 11), (-1, -1), criteria)
        for p, (seen, c) in zip(pictures, found, strict=True)
        if seen
    ]
    size = pictures[0].shape[::-1]
    return float(cv2.calibrateCamera([grid] * len(corners), corners, size, None, None)[0])  # type: ignore[call-overload]


def main() -> None:
    """Print the rows; the environment variable DATA names the real pictures."""
    data = os.environ.get("DATA")
    for found in measure(Path(data) if data else None):
        print(*found, sep="  ")


if __name__ == "__main__":
    main()
