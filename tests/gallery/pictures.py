"""Pictures for the gallery: real ones that ship, moved and spoilt by known amounts, and drawn
parts."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from node.frame import Pixels
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
SCREWS = ROOT / "deploy" / "pictures" / "screws"
BELT = (52.0, 46.0, 44.0)

Change = Callable[[Any], Any]


def read(path: Path) -> Any:
    """A picture as BGR."""
    found = cv2.imread(str(path))
    if found is None:
        raise FileNotFoundError(path)
    return found


def board(change: Change = lambda pixels: pixels) -> Pixels:
    """The photo of a circuit board with something done to it."""
    return np.ascontiguousarray(change(read(DATA / "board.jpg")), np.uint8)


def close(pixels: Any, x: int, y: int) -> Any:
    """A nearer look: 320 x 240 px of a picture from (x, y), twice as large."""
    return cv2.resize(pixels[y : y + 240, x : x + 320], (640, 480), interpolation=cv2.INTER_CUBIC)


def taken(
    pixels: Any, seed: int, dx: float, dy: float, angle_deg: float, gain: float = 1.0
) -> Pixels:
    """Taken again: moved, turned about its middle, in different light and with a camera's noise."""
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -angle_deg, 1)
    matrix[:, 2] += dx, dy
    seen = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=BELT)
    noisy = seen * gain + np.random.default_rng(seed).normal(0, 3, seen.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def shifted(
    box: tuple[int, int, int, int], dx: float, dy: float, angle_deg: float = 0.0, scale: float = 1.0
) -> Change:
    """What lies in the box (x, y, width, height) is moved, turned and scaled about its middle, over
    the board's green."""

    def change(pixels: Any) -> Any:
        x, y, width, height = box
        middle = x + (width - 1) / 2, y + (height - 1) / 2
        matrix = cv2.getRotationMatrix2D(middle, -angle_deg, scale)
        matrix[:, 2] += dx, dy
        cover = np.zeros(pixels.shape[:2], np.float32)
        cover[y : y + height, x : x + width] = 1
        size = pixels.shape[1::-1]
        ground = pixels.copy()
        ground[y : y + height, x : x + width] = np.median(_rim(pixels, box), axis=0)
        over = cv2.GaussianBlur(cv2.warpAffine(cover, matrix, size), (3, 3), 0)[:, :, None]
        return (
            ground * (1 - over) + cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_CUBIC) * over
        )

    return change


def round_changed(x: float, y: float, radius: float, scale: float, dx: float = 0.0) -> Change:
    """What lies in a disc is scaled about its middle and moved to the right; the rest of the disc
    is dark."""

    def change(pixels: Any) -> Any:
        matrix = cv2.getRotationMatrix2D((x, y), 0, scale)
        matrix[0, 2] += dx
        seen = cv2.warpAffine(pixels, matrix, pixels.shape[1::-1], flags=cv2.INTER_CUBIC)
        cover = _disc(pixels, x + dx, y, radius * scale)
        return (pixels * (1 - _disc(pixels, x, y, radius)) + 40.0 * _disc(pixels, x, y, radius)) * (
            1 - cover
        ) + seen * cover

    return change


def sheared(box: tuple[int, int, int, int], angle_deg: float) -> Change:
    """What lies in the box leans to the right by an angle, about its middle."""

    def change(pixels: Any) -> Any:
        x, y, width, height = box
        slope = math.tan(math.radians(angle_deg))
        matrix = np.array([[1, -slope, slope * (y + height / 2)], [0, 1, 0.0]])
        cover = np.zeros(pixels.shape[:2], np.float32)
        cover[y : y + height, x : x + width] = 1
        size = pixels.shape[1::-1]
        over = cv2.GaussianBlur(cv2.warpAffine(cover, matrix, size), (3, 3), 0)[:, :, None]
        return (
            pixels * (1 - over) + cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_CUBIC) * over
        )

    return change


def painted(box: tuple[int, int, int, int]) -> Change:
    """A box is painted over in the board's green."""

    def change(pixels: Any) -> Any:
        x, y, width, height = box
        spoilt = pixels.copy()
        spoilt[y : y + height, x : x + width] = (58, 92, 40)
        return spoilt

    return change


def _disc(pixels: Any, x: float, y: float, radius: float) -> Any:
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    return np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1)[:, :, None]


def stained(x: int, y: int, size: int, seed: int = 1) -> Change:
    """A stain of flux and a scratch."""

    def change(pixels: Any) -> Any:
        spoilt = pixels.copy()
        cv2.ellipse(
            spoilt, (x, y), (size, size * 2 // 3), 20, 0, 360, (40, 90, 120), -1, cv2.LINE_AA
        )
        spoilt = cv2.addWeighted(pixels, 0.3, spoilt, 0.7, 0)
        cv2.line(
            spoilt,
            (x + 2 * size, y - size),
            (x + 4 * size, y + 2 * size),
            (190, 200, 205),
            2,
            cv2.LINE_AA,
        )
        return spoilt

    return change


def covered(x: int, y: int, radius: int) -> Change:
    """Something dark lies on it."""

    def change(pixels: Any) -> Any:
        spoilt = pixels.copy()
        cv2.circle(spoilt, (x, y), radius, (30, 34, 38), -1, cv2.LINE_AA)
        return spoilt

    return change


def _rim(pixels: Any, box: tuple[int, int, int, int]) -> Any:
    x, y, width, height = box
    return np.vstack([pixels[y - 3, x : x + width], pixels[y + height + 3, x : x + width]])


def blister(missing: bool = False, broken: bool = False) -> Scene:
    """A pack of ten tablets."""
    scene = Scene.plain(640, 480, BELT).rectangle(90, 110, 460, 250, (120.0, 112.0, 108.0))
    for number in range(10):
        x, y = 150 + 85 * (number % 5), 175 + 120 * (number // 5)
        scene = scene.disc(x, y, 36, (96.0, 90.0, 88.0))
        if missing and number == 7:
            continue
        scene = scene.disc(x, y, 29, (215.0, 222.0, 226.0))
        if broken and number == 3:
            scene = scene.disc(x + 18, y - 16, 22, (96.0, 90.0, 88.0))
    return scene.blurred(0.9)


def fiducials(dx: float = 0, dy: float = 0, angle_deg: float = 0, count: int = 2) -> Scene:
    """A bare board with two round marks and a stripe of contacts, turned about its middle."""
    scene = Scene.plain(640, 480, (70.0, 96.0, 38.0))
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))

    def at(x: float, y: float) -> tuple[float, float]:
        u, v = x - 320, y - 240
        return 320 + dx + c * u - s * v, 240 + dy + s * u + c * v

    for number in range(9):
        scene = scene.disc(*at(200 + 30 * number, 240), 10, (150.0, 200.0, 214.0))
    for x, y in ((110, 110), (530, 370))[:count]:
        scene = scene.disc(*at(x, y), 26, (30.0, 42.0, 24.0)).disc(
            *at(x, y), 13, (150.0, 205.0, 220.0)
        )
    return scene.blurred(0.9)


def plate(dx: float = 0, dy: float = 0, angle_deg: float = 0, there: bool = True) -> Scene:
    """A bare metal plate whose left top corner lies at (180, 130), with a hole."""
    scene = Scene.plain(640, 480, BELT)
    if not there:
        return scene
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))

    def at(x: float, y: float) -> tuple[float, float]:
        return 180 + dx + c * x - s * y, 130 + dy + s * x + c * y

    scene = bar(scene, *at(170, 130), 340, 260, (178.0, 172.0, 168.0), angle_deg)
    return scene.disc(*at(170, 130), 44, (60.0, 54.0, 52.0)).blurred(0.8)


def label(*lines: str) -> Pixels:
    """A printed label on a box."""
    pixels = np.full((480, 640, 3), (96, 130, 160), np.uint8)
    cv2.rectangle(pixels, (110, 150), (530, 330), (232, 238, 240), -1)
    for number, line in enumerate(lines):
        cv2.putText(
            pixels,
            line,
            (140, 225 + 70 * number),
            cv2.FONT_HERSHEY_DUPLEX,
            1.5,
            (30, 26, 24),
            2,
            cv2.LINE_AA,
        )
    noisy = cv2.GaussianBlur(pixels, (3, 3), 0) + np.random.default_rng(1).normal(
        0, 3, pixels.shape
    )
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def on_table(pixels: Any) -> Pixels:
    """A picture of any size, whole on a gray table of 640 x 480 px."""
    table = np.full((480, 640, 3), 170, np.uint8)
    factor = min(560 / pixels.shape[1], 400 / pixels.shape[0])
    small = cv2.resize(
        pixels,
        None,
        fx=factor,
        fy=factor,
        interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC,
    )
    height, width = small.shape[:2]
    x, y = (640 - width) // 2, (480 - height) // 2
    table[y : y + height, x : x + width] = small
    return table
