"""What of a locator's pattern recurs in good parts: the rest (glare, dirt, background, a label that
differs) is left out.

Each good picture is brought into the master's frame by the pose that the whole pattern found. There
its gradients, made as strong as the master's, must agree in direction and length, and its gray
levels but for the light (gain, offset and slopes, fitted without what does not agree: J. Tukey's
biweight). A pixel is kept if it agrees in nearly all pictures.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame, Pixels
from node.model_file import pack, unpack
from node.vision.patterns.turned_fit import TUKEY, dull_of, noise_of, slopes_of
from schemas import Pattern, Pose, Problem

LEAST = 5  # good pictures in which the part is found
RECURS = 0.8  # share of them in which a pixel must agree
MOST_DROPPED = 0.6  # of the outline's points; with less a place is hardly told
SMOOTH_PX = 1.0  # sigma: poses are off by a fraction of a px
# difference of two gradients against the master's own that still agrees: 35 degrees, or its length
TURNED = 0.6
FAINT = 1.2  # the same against the gradient from which on there is an edge
OTHER = 0.3  # difference of gray levels that still agrees, against the pattern's contrast
LEAST_GRAY = 10.0  # the same in gray levels
FITS = 12  # steps of the fit of the light
SPECK_PX = 5  # of the median that takes single pixels away
RIM_PX = 2  # around what is left out, where it is smoothed in
PLACES = 5  # that are named, the largest first
SHAPES = {"kept": ("u", 1), "region": ("i", 1), "master": ("U", 0)}
ANEW = "teach the locator again, or take its model away"


class Place(NamedTuple):
    """A box in the master, in px, and how many of the outline's points are left out in it."""

    x: int
    y: int
    width: int
    height: int
    points: int


@dataclass(frozen=True, eq=False)
class KeptPixels:
    """mask: what is kept of the region (rows x columns, 1 or 0); points: of the outline, and how
    many of them are left out."""

    mask: Pixels
    points: int
    dropped: int
    places: tuple[Place, ...]


def patch_of(frame: Frame, settings: Pattern, pose: Pose) -> tuple[Pixels, NDArray[np.bool_]]:
    """The part as it would lie in the master's region, and which of its pixels are in sight."""
    rows, columns = settings.region.height, settings.region.width
    turn = math.radians(pose.angle_deg)
    c, s = pose.scale * math.cos(turn), pose.scale * math.sin(turn)
    u, v = (columns - 1) / 2, (rows - 1) / 2
    matrix = np.array([[c, -s, pose.x - c * u + s * v], [s, c, pose.y - s * u - c * v]])
    flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (columns, rows)
    patch: Any = cv2.warpAffine(
        frame.gray, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    seen: Any = cv2.warpAffine(np.full_like(frame.gray, 255), matrix, size, flags=flags)
    return patch, seen > 250


def kept_of(
    master: Frame, settings: Pattern, patches: Sequence[tuple[Pixels, NDArray[np.bool_]]]
) -> KeptPixels:
    """What of the master's pattern recurs in the patches. Raises Problem PICTURES_UNFIT if too
    little does."""
    region = settings.region
    own = _smooth(np.ascontiguousarray(master.view(region).gray))
    across, down = slopes_of(own)
    length = np.hypot(across, down)
    edge = dull_of(across, down)
    steep = length >= edge
    agreed = np.zeros(own.shape, np.int32)
    for patch, in_sight in patches:
        agreed += _agrees(own, (across, down), edge, steep, patch) & in_sight
    mask = (agreed >= math.ceil(RECURS * len(patches))).astype(np.uint8)
    mask = cv2.medianBlur(mask, SPECK_PX)
    mask = cv2.erode(mask, np.ones((2 * RIM_PX + 1,) * 2, np.uint8), borderValue=1)
    points, dropped = int(steep.sum()), int((steep & (mask == 0)).sum())
    if dropped > MOST_DROPPED * points:
        raise Problem(
            "PICTURES_UNFIT",
            f"{dropped} of the outline's {points} points differ from picture to picture,"
            f" {MOST_DROPPED:.0%} may at most: draw the locator's region around what all parts"
            " have",
        )
    return KeptPixels(mask, points, dropped, _places(mask, steep, region.x, region.y))


def model_of(kept: KeptPixels, settings: Pattern, master: Frame) -> bytes:
    """The model file; it is for this region of this master only."""
    arrays = {
        "kept": np.packbits(kept.mask),
        "region": _box(settings),
        "master": np.array(_digest(master)),
    }
    return pack("pattern", arrays)


def mask_of(model: bytes, settings: Pattern, master: Frame) -> Pixels:
    """What is kept of the region, rows x columns, 1 or 0. Raises Problem MODEL_INVALID if the model
    is for something else."""
    arrays = unpack(model, "pattern", SHAPES)
    if str(arrays["master"]) != _digest(master):
        raise Problem("MODEL_INVALID", f"it was taught with another master image: {ANEW}")
    if not np.array_equal(arrays["region"], _box(settings)):
        raise Problem("MODEL_INVALID", f"it was taught with another region: {ANEW}")
    rows, columns = settings.region.height, settings.region.width
    if arrays["kept"].dtype != np.uint8 or arrays["kept"].size != (rows * columns + 7) // 8:
        raise Problem("MODEL_INVALID", f"its mask has another size than the region: {ANEW}")
    mask: Any = np.unpackbits(arrays["kept"], count=rows * columns).reshape(rows, columns)
    return np.ascontiguousarray(mask)


def _digest(master: Frame) -> str:
    """Of its pixels: an import stores the same picture as another file."""
    return hashlib.sha256(repr(master.pixels.shape).encode() + master.pixels.tobytes()).hexdigest()


def _box(settings: Pattern) -> NDArray[np.int64]:
    region = settings.region
    return np.array([region.x, region.y, region.width, region.height], np.int64)


def _smooth(gray: Pixels) -> Any:
    return cv2.GaussianBlur(gray.astype(np.float32), (0, 0), SMOOTH_PX)


def _agrees(
    own: Any, slopes: tuple[Any, Any], edge: float, steep: Any, patch: Pixels
) -> NDArray[np.bool_]:
    """Which pixels of a good part are like the master's, but for the light."""
    there = _smooth(patch)
    light = _light(own, there, slopes, steep)
    if light is None:
        return np.zeros(own.shape, np.bool_)
    gain, rest = light
    across, down = (slope / np.float32(gain) for slope in slopes_of(there))
    off = np.hypot(across - slopes[0], down - slopes[1])
    length = np.hypot(*slopes)
    noise = noise_of(patch) / gain
    low, high = np.quantile(own, (0.05, 0.95))
    # an edge may lie a px beside
    allowed = max(OTHER * float(high - low), LEAST_GRAY, 3 * noise) + length
    return (off <= np.maximum(TURNED * length, max(FAINT * edge, noise))) & (  # type: ignore[no-any-return]
        np.abs(rest) <= allowed
    )


def _light(own: Any, there: Any, slopes: tuple[Any, Any], steep: Any) -> tuple[float, Any] | None:
    """The gain of a part's gray levels over the master's, and what of them the light does not
    explain, in the master's gray levels.

    None if they have nothing in common.
    """
    across, down = slopes_of(there)
    along = (across * slopes[0] + down * slopes[1])[steep]
    own_length, length = np.hypot(*slopes)[steep], np.hypot(across, down)[steep]
    same = along > 0.7 * own_length * length
    if same.sum() < 16:
        return None
    gain = float(np.median(length[same] / own_length[same]))
    if not gain > 0.02:
        return None
    rows, columns = own.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    system = np.stack(
        [own.ravel(), np.ones(own.size), x.ravel() / columns - 0.5, y.ravel() / rows - 0.5]
    ).astype(np.float64)
    flat = there.ravel().astype(np.float64)
    offset = float(np.median((there - gain * own)[steep][same]))
    fitted = np.array([gain, offset, 0.0, 0.0])
    for _ in range(FITS):
        rest = flat - fitted @ system
        spread = 1.4826 * float(np.median(np.abs(rest))) + 1.0
        weight = np.clip(1 - (rest / (TUKEY * spread)) ** 2, 0, 1) ** 2
        weighted = system * weight
        fitted = np.linalg.solve(weighted @ system.T + 1e-6 * np.eye(4), weighted @ flat)
    if not fitted[0] > 0.02:
        return None
    return float(fitted[0]), ((flat - fitted @ system) / fitted[0]).reshape(own.shape)


def _places(mask: Pixels, steep: Any, left: int, top: int) -> tuple[Place, ...]:
    """Where the outline is left out, most points first."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask)
    points = np.bincount(labels[steep], minlength=count)
    order = [n for n in (1 + np.argsort(points[1:])[::-1]).tolist() if points[n]][:PLACES]
    return tuple(
        Place(
            int(stats[n, 0]) + left,
            int(stats[n, 1]) + top,
            int(stats[n, 2]),
            int(stats[n, 3]),
            int(points[n]),
        )
        for n in order
    )
