"""Faults that come between the camera and a good part, or with the camera: what people, dirt and
stands do, and nobody thinks of when a program is made."""

import math
from functools import partial
from typing import Any

import cv2
import numpy as np

from node.faults.fault import DrawnFault
from node.frame import Pixels
from schemas import Region

PAPER, INK = 225, 40  # gray levels of a label
SKIN = (120, 150, 205)  # of a finger, BGR
TURNED_DEG, LEAST_MOVED_PX, MOVED = 1.0, 4, 0.01  # of the picture's width
MOTION_PX = 9
CAST = (0.75, 1.0, 1.15)  # times blue, green and red: a lamp of another kind
GRAINS, GRAIN_PX = 80, (1, 2)
HAIR, LEAST_HAIR_PX = 0.02, 2  # of the root of a region's area
BENT = 0.15  # of a hair's length


def between(pixels: Pixels, part: Region) -> list[DrawnFault]:
    """Faults of a picture as a whole; part: what the program looks at."""
    drawn = [
        DrawnFault("label over left half", None, partial(_labelled, pixels, part, False)),
        DrawnFault("label over right half", None, partial(_labelled, pixels, part, True)),
        DrawnFault("finger in the picture", None, partial(_finger, pixels, part)),
        DrawnFault("dust", None, partial(_dusty, pixels, part)),
        DrawnFault("motion blur", None, partial(_moving, pixels)),
        DrawnFault("camera turned by 1 degree", None, partial(_camera, pixels, TURNED_DEG, 0)),
    ]
    by = max(LEAST_MOVED_PX, round(MOVED * pixels.shape[1]))
    drawn.append(DrawnFault(f"camera moved by {by} px", None, partial(_camera, pixels, 0.0, by)))
    if pixels.ndim == 3:
        drawn.append(DrawnFault("colour cast", None, partial(_cast, pixels)))
    at = _half_in_view(pixels, part)
    if at is not None:
        drawn.append(
            DrawnFault("second part half in view", None, partial(_second, pixels, part, at))
        )
    return drawn


def hair(pixels: Pixels, place: Region, number: int) -> Pixels:
    """With a hair across the middle of a region, at a slant that follows from the number."""
    dice = np.random.default_rng([3, number])
    turn, bend = dice.uniform(0, math.pi), dice.uniform(-BENT, BENT)
    (x, y), length = place.centre, math.hypot(place.width, place.height)
    thick = max(LEAST_HAIR_PX, round(HAIR * math.sqrt(place.width * place.height)))
    along = np.linspace(-0.5, 0.5, 33) * length
    away = bend * length * (1 - (2 * along / length) ** 2) - bend * length
    points = np.stack(
        [
            x + along * math.cos(turn) - away * math.sin(turn),
            y + along * math.sin(turn) + away * math.cos(turn),
        ],
        axis=1,
    )
    own = pixels[place.y : place.bottom, place.x : place.right]
    ink = (25,) * 3 if float(own.mean()) > 100 else (230,) * 3
    where = [np.rint(points).astype(np.int32).reshape(-1, 1, 2)]
    return cv2.polylines(pixels.copy(), where, False, ink, thick, cv2.LINE_AA)


def _labelled(pixels: Pixels, part: Region, right: bool) -> Pixels:
    """A printed label over half of the part."""
    made, wide = pixels.copy(), part.width // 2
    left = part.right - wide if right else part.x
    own = np.s_[part.y : part.bottom, left : left + wide]
    made[own] = PAPER
    line = max(2, part.height // 14)
    for row in range(part.y + line, part.bottom - line, 2 * line):
        made[row : row + max(1, line // 2), left + line : left + wide - line] = INK
    noise = np.random.default_rng(4).normal(0, 2, made.shape)
    made[own] = np.clip(made[own] + noise[own], 0, 255).astype(np.uint8)
    return made


def _finger(pixels: Pixels, part: Region) -> Pixels:
    """A finger from below as far as the middle of the part, soft as what is nearer to the lens."""
    x, y = part.centre
    wide = max(4.0, min(part.width, part.height) / 5)
    rows, columns = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    below = np.maximum(y + wide - rows, 0.0)
    inside = (np.hypot(columns - x, below) < wide).astype(np.float32)
    cover = cv2.GaussianBlur(inside, (0, 0), max(1.0, wide / 8))
    skin: Any = np.array(SKIN, float) if pixels.ndim == 3 else float(np.mean(SKIN))
    cover = cover[:, :, None] if pixels.ndim == 3 else cover
    return np.asarray(np.rint(pixels * (1 - cover) + skin * cover), np.uint8)


def _dusty(pixels: Pixels, part: Region) -> Pixels:
    """White grains all over the part."""
    dice, made = np.random.default_rng(5), pixels.copy()
    for _ in range(GRAINS):
        at = int(dice.integers(part.x, part.right)), int(dice.integers(part.y, part.bottom))
        cv2.circle(made, at, int(dice.integers(*GRAIN_PX, endpoint=True)), (250,) * 3, -1)
    return made


def _moving(pixels: Pixels) -> Pixels:
    """The belt had not stopped."""
    return np.asarray(cv2.blur(pixels, (MOTION_PX, 1)), np.uint8)


def _camera(pixels: Pixels, angle_deg: float, by: int) -> Pixels:
    """Somebody touched the stand."""
    high, wide = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D(((wide - 1) / 2, (high - 1) / 2), angle_deg, 1.0)
    turn[:, 2] += by
    border = cv2.BORDER_REPLICATE
    return cv2.warpAffine(pixels, turn, (wide, high), flags=cv2.INTER_LINEAR, borderMode=border)


def _cast(pixels: Pixels) -> Pixels:
    return np.asarray(np.rint(np.clip(pixels * np.array(CAST), 0, 255)), np.uint8)


def _half_in_view(pixels: Pixels, part: Region) -> Region | None:
    """Where half of a second part, cut off by the picture's border, fits beside the first."""
    high, wide = pixels.shape[:2]
    half_wide, half_high = part.width // 2, part.height // 2
    if part.right + half_wide <= wide:
        return Region(x=wide - half_wide, y=part.y, width=half_wide, height=part.height)
    if part.x >= half_wide:
        return Region(x=0, y=part.y, width=half_wide, height=part.height)
    if part.bottom + half_high <= high:
        return Region(x=part.x, y=high - half_high, width=part.width, height=half_high)
    if part.y >= half_high:
        return Region(x=part.x, y=0, width=part.width, height=half_high)
    return None


def _second(pixels: Pixels, part: Region, at: Region) -> Pixels:
    """The half of the part that a border leaves of it."""
    rows = slice(part.bottom - at.height, part.bottom) if at.y == 0 else slice(part.y, None)
    columns = slice(part.right - at.width, part.right) if at.x == 0 else slice(part.x, None)
    half = pixels[rows, columns][: at.height, : at.width]
    made = pixels.copy()
    made[at.y : at.bottom, at.x : at.right] = half
    return made
