"""Moves poses of a turned pattern to where it agrees best, all poses at once, and says how much is seen of it there.

A pose is a row of (x, y, turn in rad, size): where the centre of the pattern lies in the search region. Fields are gradients
shortened to a length from 0 to 1: light changes the length of a gradient, hardly its direction (C. Steger 2002,
Occlusion, clutter, and illumination invariant object recognition). They are fitted from the pattern's side, so all that can
be is computed once (S. Baker, I. Matthews 2004, Lucas-Kanade 20 years on), and pixels that do not agree lose their weight, so
what covers the part does not pull it away. The last fit is one of gray levels, with gain, offset and slope of the light.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels

Floats = NDArray[np.float32]
Poses = NDArray[np.float64]

DULL = 0.4  # gradients of this share of the pattern's root mean square are shortened to 0.7
NOISE = 0.75  # gray levels per px: gradients of this length may be noise at any contrast
OUTLIER = 0.5  # squared difference of two fields at which a pixel's weight has fallen to a quarter
MARGIN = 2  # px of the surroundings that the slope of a field needs
TUKEY = 4.7  # standard deviations beyond which a gray level does not count (J. Tukey's biweight)
WINDOW = 7  # px of the window of a local correlation
SEEN = 0.8  # share of the pattern that must be seen: the worse rest may be covered


@dataclass(frozen=True, eq=False)
class Level:
    """The pattern, n px of it, at one level of the pyramid, `factor` px of the frame a px.

    points: 3 x n, x and y from the pattern's centre in px of the frame, and 1. field: 2 n, total: the sum of its lengths.
    slopes: p x 2 n, its change by shift, turn and size; products: p p x n, of any two of them; small: p x p, keeps the
    fit solvable. gray: its gray levels; dull: the gradient that is shortened to 0.7.
    """

    factor: int
    shape: tuple[int, int]
    points: Floats
    field: Floats
    total: float
    slopes: Floats
    products: Floats
    small: Floats
    gray: Floats
    dull: float


@dataclass(frozen=True, eq=False)
class Likeness:
    """Local means, spreads and weights of the pattern at a level: what `seen` compares with."""

    level: Level
    mean: Floats
    variance: Floats
    weight: Floats


def reduced(image: Pixels, factor: int) -> Pixels:
    """Means of factor x factor px; odd last rows and columns are left out."""
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    whole = image[: factor * rows, : factor * columns]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA) if factor > 1 else image  # type: ignore[return-value]


def slopes_of(image: Any) -> tuple[Any, Any]:
    """Change of an image to the right and down, per px."""
    return cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)


def field_of(gray: Any, dull: float) -> tuple[Floats, Floats]:
    """Gradients to the right and down, each shortened to a length from 0 to 1."""
    across, down = slopes_of(gray)
    length = across * across
    length += down * down
    length += dull * dull
    np.sqrt(length, out=length)
    across /= length
    down /= length
    return across, down


def level_of(wide: Pixels, factor: int, full: tuple[int, int], scaled: bool) -> Level:
    """The level of a pattern, given with MARGIN px around it; full: its (rows, columns) in the frame."""
    cut = slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN)
    rows, columns = wide[cut].shape
    x = factor * np.arange(columns) + (factor - full[1]) / 2
    y = factor * np.arange(rows) + (factor - full[0]) / 2
    px, py = np.meshgrid(x, y)
    across, down = slopes_of(wide)
    dull = max(NOISE, DULL * float(np.sqrt(np.mean((across**2 + down**2)[cut]))))
    inner = np.zeros((rows, columns))
    inner[1:-1, 1:-1] = 1  # at the rim a field depends on what lies beside the pattern
    count = 4 if scaled else 3
    field, slopes = [], []
    for part in field_of(wide, dull):
        right, below = (slope[cut] * inner / factor for slope in slopes_of(part))
        field.append((part[cut] * inner).ravel())
        slopes.append(np.stack([right, below, below * px - right * py, right * px + below * py])[:count].reshape(count, -1))
    products = np.stack([sum(s[i] * s[j] for s in slopes) for i in range(count) for j in range(count)])
    both = np.concatenate(slopes, axis=1)
    return Level(
        factor,
        (rows, columns),
        np.stack([px.ravel(), py.ravel(), np.ones(px.size)]).astype(np.float32),
        np.concatenate(field).astype(np.float32),
        float(np.hypot(*field).sum()),
        both.astype(np.float32),
        products.astype(np.float32),
        (1e-3 * np.diag(np.einsum("ij,ij->i", both, both))).astype(np.float32),
        wide[cut].astype(np.float32),
        dull,
    )


def sampled(image: Pixels, level: Level, poses: Poses, method: int = cv2.INTER_LINEAR) -> Pixels:
    """The patches at the poses one below the other, each as the pattern lies; image: at the level's size."""
    factor, count = level.factor, len(poses)
    c, s = poses[:, 3] * np.cos(poses[:, 2]) / factor, poses[:, 3] * np.sin(poses[:, 2]) / factor
    x, y = (poses[:, 0] - (factor - 1) / 2) / factor, (poses[:, 1] - (factor - 1) / 2) / factor
    turns = np.concatenate([np.stack([c, -s, x], axis=1), np.stack([s, c, y], axis=1)]).astype(np.float32)
    maps = (turns @ level.points).reshape(2, count * level.shape[0], level.shape[1])
    return cv2.remap(image, maps[0], maps[1], method, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def fields(image: Pixels, level: Level, poses: Poses) -> Floats:
    """The fields at the poses, one a row; a patch's rim sees its neighbour but does not count."""
    across, down = field_of(sampled(image, level, poses), level.dull)
    return np.concatenate([across.reshape(len(poses), -1), down.reshape(len(poses), -1)], axis=1)


def agreement(image: Pixels, level: Level, poses: Poses) -> Floats:
    """Mean cosine between the gradients of pattern and picture at each pose, -1 to 1."""
    return fields(image, level, poses) @ level.field / np.float32(level.total)


def followed(image: Pixels, level: Level, poses: Poses, steps: int) -> Poses:
    """The poses after some steps towards the best agreement."""
    count = len(level.slopes)
    half = level.field.size // 2
    for _ in range(steps):
        off = fields(image, level, poses)
        off -= level.field
        weight = off[:, :half] ** 2
        weight += off[:, half:] ** 2
        weight = np.float32(1) / (1 + weight / np.float32(OUTLIER)) ** 2
        off[:, :half] *= weight
        off[:, half:] *= weight
        system = (weight @ level.products.T).reshape(-1, count, count) + level.small
        poses = moved(poses, np.linalg.solve(system, (off @ level.slopes.T)[:, :, None])[:, :, 0], level.factor)
    return poses


def moved(poses: Poses, by: NDArray[Any], limit_px: float) -> Poses:
    """Poses of which the patch lay off by that much, in its own axes; at most limit_px and 3 degrees a step."""
    c, s = poses[:, 3] * np.cos(poses[:, 2]), poses[:, 3] * np.sin(poses[:, 2])
    right, down = np.clip(by[:, 0], -limit_px, limit_px), np.clip(by[:, 1], -limit_px, limit_px)
    size = 1 + np.clip(by[:, 3], -0.05, 0.05) if by.shape[1] > 3 else 1.0
    turn = poses[:, 2] - np.clip(by[:, 2], -0.05, 0.05)
    return np.stack([poses[:, 0] - c * right + s * down, poses[:, 1] - s * right - c * down, turn, poses[:, 3] / size], axis=1)


def columns_of(level: Level, scaled: bool) -> Floats:
    """What a patch of gray levels is a sum of: the pattern's change by shift, turn (and size), itself, 1, slopes of light."""
    right, down = (np.gradient(level.gray, axis=axis) / level.factor for axis in (1, 0))
    px, py = (axis.reshape(level.shape) for axis in level.points[:2])
    reach = max(float(np.abs(level.points[:2]).max()), 1.0)
    changes = [right, down, down * px - right * py, right * px + down * py][: 4 if scaled else 3]
    stack = np.stack([*changes, level.gray, np.ones_like(level.gray), px / reach, py / reach])
    return np.ascontiguousarray(stack[:, 2:-2, 2:-2].reshape(len(stack), -1), np.float32)


def settled(image: Pixels, level: Level, columns: Floats, pose: Poses, steps: int = 5) -> Poses | None:
    """One pose (1 x 4) after the fit of gray levels; None if there is nothing like the pattern."""
    count = len(columns) - 4
    weighted: Any = columns
    for step in range(steps):
        patch = sampled(image, level, pose, cv2.INTER_CUBIC).astype(np.float32)[2:-2, 2:-2].ravel()
        for _ in range(1 if step else 3):
            system = weighted @ columns.T
            found = np.linalg.solve(system + 1e-6 * np.diag(np.diag(system)) + 1e-9 * np.eye(len(system)), weighted @ patch)
            rest = patch - found.astype(np.float32) @ columns
            spread = 1.4826 * float(np.median(np.abs(rest[::4]))) + 0.3
            weight = np.clip(1 - (rest / np.float32(TUKEY * spread)) ** 2, 0, 1)
            weighted = columns * (weight * weight)
        if not found[count] > 0.05:
            return None
        by = found[None, :count] / found[count]
        pose = moved(pose, by, 1.0)
        if max(abs(by[0, 0]), abs(by[0, 1])) < 0.004 and abs(by[0, 2]) < 5e-5:
            break
    return pose


def likeness_of(level: Level) -> Likeness:
    """What `seen` needs of the pattern."""
    mean = _mean(level.gray)
    variance = np.maximum(_mean(level.gray * level.gray) - mean * mean, 0)
    spread = np.sqrt(variance)
    return Likeness(level, mean, variance, np.minimum(spread, np.quantile(spread, 0.9)))


def seen(image: Pixels, like: Likeness, pose: Poses) -> float:
    """How well the pattern is seen at one pose, 0 to 1: local correlations of the best four fifths of its contrast."""
    patch = sampled(image, like.level, pose).astype(np.float32)
    mean = _mean(patch)
    variance = np.maximum(_mean(patch * patch) - mean * mean, 0)
    local = (_mean(patch * like.level.gray) - mean * like.mean) / np.sqrt((variance + 1) * (like.variance + 1))
    order = np.argsort(local, axis=None)[::-1]
    weight = like.weight.ravel()[order]
    counted = np.searchsorted(np.cumsum(weight), SEEN * float(weight.sum())) + 1
    score = float(np.average(local.ravel()[order[:counted]], weights=weight[:counted] + 1e-9))
    return min(max(score, 0.0), 1.0)


def _mean(image: Any) -> Any:
    return cv2.boxFilter(image, -1, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT)


def corners(pose: Poses, shape: tuple[int, int]) -> Poses:
    """Centres of the corner pixels (4 x 2) of a pattern of (rows, columns) at one pose."""
    x, y, turn, size = pose[0].tolist()
    c, s = size * math.cos(turn), size * math.sin(turn)
    u, v = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    return np.array([[x + c * a - s * b, y + s * a + c * b] for a, b in ((-u, -v), (u, -v), (u, v), (-u, v))])
