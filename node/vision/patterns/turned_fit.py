"""Moves poses of a turned pattern to where it agrees best, all poses at once, and says how much is
seen of it there.

A pose is a row of (x, y, turn in rad, size): where the centre of the pattern lies in the search
region. Fields are gradients shortened to a length from 0 to 1: light changes the length of a
gradient, hardly its direction (C. Steger 2002, Occlusion, clutter, and illumination invariant
object recognition). A picture's field is made once and read at some points of the pattern only, the
steep ones. They are fitted from the pattern's side, so everything that can be is computed once (S.
Baker, I. Matthews 2004, Lucas-Kanade 20 years on), and points that do not agree lose their weight,
so what covers the part does not pull it away. The last fit is one of gray levels, with gain, offset
and slope of the light.

One file: the functions of one fit, which share its arrays.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame, Pixels
from schemas import Problem, Region

Floats = NDArray[np.float32]
Poses = NDArray[np.float64]
# to the right and down, in SLOPE-ths of a gray level per px
Gradients = tuple[NDArray[np.int16], NDArray[np.int16]]

SLOPE = 8  # sum of a Sobel kernel's weights on each side, times its reach

DULL = 0.4  # gradients of this share of the pattern's root mean square are shortened to 0.7
NOISE = 0.75  # gray levels per px: gradients of this length may be noise at any contrast
OUTLIER = 0.5  # squared difference of two fields at which a point's weight has fallen to a quarter
MARGIN = 2  # px of the surroundings that the slope of a field needs
STEEP = 0.5  # length of a field that makes a pixel a point
GRAY_POINTS = 4000  # most points whose gray levels are fitted
TUKEY = 4.7  # standard deviations beyond which a gray level does not count (J. Tukey's biweight)
WINDOW = 7  # px of the window of a local correlation
# share of the contrast that must be seen: what covers a fifth of a pattern may cover more of that
SEEN = 0.7
BLOCKS = 4  # of a pattern each way, of which some may be covered
MISSING = 0.4  # local correlation below which a place of the pattern is not there
# most score per share of the pattern's own contrast that is there: all but a sixth must be there
# for 1
PRESENT = 1.2
# the same by what is there of what fixes the place in its weakest direction
FIXING = 2.0
LEAST_KEPT = 0.2  # share of a pattern's pixels; with less a place is hardly told
SMOOTHED = 0.6  # of the noise's variance is left by the interpolation of a picture
BEND = np.array([1.0, -2.0, 1.0])  # both ways it answers to noise, not to edges (J. Immerkaer 1996)
NOISE_PX, NOISE_BANDS = 20_000, 8


@dataclass(frozen=True, eq=False)
class Level:
    """Steep points of the pattern, n of them, where a px is `factor` px of the frame.

    points: 3 x n, x and y from the pattern's centre in px of the frame, and 1. field: 2 n, total:
    the sum of its lengths. slopes: p x 2 n, its change by shift, turn and size; products: p p x n,
    of any two of them; small: p x p, keeps the fit solvable; dull: the gradient that is shortened
    to 0.7.
    """

    factor: int
    points: Floats
    field: Floats
    total: float
    slopes: Floats
    products: Floats
    small: Floats
    dull: float


@dataclass(frozen=True, eq=False)
class Grays:
    """What gray levels at steep points (3 x n) are a sum of: the pattern's change by shift, turn
    (and size), itself, 1 and slopes of light, a row each."""

    factor: int
    points: Floats
    columns: Floats


@dataclass(frozen=True, eq=False)
class Likeness:
    """The pattern at a size, its local means and spreads, and its noise at full size: what `seen`
    compares with.

    slopes: 3 x pixels, local means of the products of its slopes to the right and down; whole: 2 x
    2, that makes their sum 1 in all directions. kept: the weights of its pixels, 1 or 0, None if
    all count.
    """

    factor: int
    full: tuple[int, int]
    gray: Floats
    mean: Floats
    variance: Floats
    spread: Floats
    most: float
    noise: float
    slopes: Floats
    whole: Poses
    kept: Floats | None = None


def reduced(image: Pixels, factor: int) -> Pixels:
    """Means of factor x factor px; odd last rows and columns are left out. Halving twice is faster
    than one step by 4."""
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    image = image[: factor * rows, : factor * columns]
    while factor > 1:
        step = factor if factor % 2 else 2
        factor //= step
        image = cv2.resize(image, (columns * factor, rows * factor), interpolation=cv2.INTER_AREA)
    return image


def surrounded(frame: Frame, region: Region, factor: int) -> Pixels:
    """The region and MARGIN coarse px around it, or the frame's rim again and again, at that
    factor."""
    wide, high = region.width // factor * factor, region.height // factor * factor
    x = np.arange(region.x - MARGIN * factor, region.x + wide + MARGIN * factor).clip(
        0, frame.width - 1
    )
    y = np.arange(region.y - MARGIN * factor, region.y + high + MARGIN * factor).clip(
        0, frame.height - 1
    )
    return reduced(frame.gray[np.ix_(y, x)], factor)


def slopes_of(image: Any) -> tuple[Any, Any]:
    """Change of an image to the right and down, per px."""
    return cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(
        image, cv2.CV_32F, 0, 1, scale=1 / 8
    )


def dull_of(across: Any, down: Any) -> float:
    """The gradient that is shortened to 0.7."""
    return max(NOISE, DULL * math.sqrt(float(np.mean(across * across + down * down))))


def field_of(across: Any, down: Any, dull: float) -> tuple[Any, Any]:
    """Gradients to the right and down, each shortened in place to a length from 0 to 1."""
    length = across * across
    length += down * down
    length += np.float32(dull * dull)
    np.sqrt(length, out=length)
    across /= length
    down /= length
    return across, down


def gradients(image: Pixels) -> Gradients:
    """Of a picture, made once for all that reads them."""
    return cv2.spatialGradient(image)


def kept_at(kept: Pixels | None, factor: int) -> Any:
    """Which pixels of a reduced pattern are made of kept ones only; None if all are kept."""
    return None if kept is None else reduced(kept * np.uint8(255), factor) == 255


def level_of(
    wide: Pixels,
    factor: int,
    full: tuple[int, int],
    scaled: bool,
    most: int,
    kept: Pixels | None = None,
) -> Level:
    """At most that many points of a pattern, given with MARGIN px around it; full: its (rows,
    columns) in the frame.

    kept: which of its pixels count (rows x columns at full size, 1 or 0), None for all.
    """
    cut = slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN)
    px, py = _places(wide[cut].shape, factor, full)
    across, down = slopes_of(wide)
    dull = dull_of(across[cut], down[cut])
    parts = field_of(across, down, dull)
    length = np.hypot(parts[0][cut], parts[1][cut])
    # there it depends on what lies beside the pattern
    length[:1] = length[-1:] = length[:, :1] = length[:, -1:] = 0
    chosen = _steep(length, STEEP, most, kept_at(kept, factor))
    px, py = px.ravel()[chosen], py.ravel()[chosen]
    field, slopes = [], []
    for part in parts:
        right, below = (slope[cut].ravel()[chosen] / factor for slope in slopes_of(part))
        field.append(part[cut].ravel()[chosen])
        slopes.append(
            np.stack(
                [right, below, below * px - right * py, right * px + below * py][
                    : 4 if scaled else 3
                ]
            )
        )
    products = np.stack(
        [
            sum(s[i] * s[j] for s in slopes)
            for i in range(len(slopes[0]))
            for j in range(len(slopes[0]))
        ]
    )
    both = np.concatenate(slopes, axis=1)
    return Level(
        factor,
        np.stack([px, py, np.ones(px.size)]).astype(np.float32),
        np.concatenate(field).astype(np.float32),
        float(np.hypot(*field).sum()) + 1e-9,
        both.astype(np.float32),
        products.astype(np.float32),
        (1e-3 * np.diag(np.einsum("ij,ij->i", both, both)) + 1e-12 * np.eye(len(both))).astype(
            np.float32
        ),
        dull,
    )


def places_of(factor: int, points: Floats, poses: Poses) -> Floats:
    """2 x poses x n: where the pattern's points (3 x n) lie in a picture, `factor` px of the frame
    per px."""
    c, s = poses[:, 3] * np.cos(poses[:, 2]) / factor, poses[:, 3] * np.sin(poses[:, 2]) / factor
    x, y = (poses[:, 0] - (factor - 1) / 2) / factor, (poses[:, 1] - (factor - 1) / 2) / factor
    turns = np.concatenate([np.stack([c, -s, x], axis=1), np.stack([s, c, y], axis=1)]).astype(
        np.float32
    )
    return (turns @ points).reshape(2, len(poses), -1)


def sampled(image: Any, places: Floats, method: int = cv2.INTER_LINEAR) -> Floats:
    """The image at places (2 x rows x columns)."""
    return np.asarray(
        cv2.remap(image, places[0], places[1], method, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def fields(slopes: Gradients, level: Level, poses: Poses) -> Floats:
    """Poses x 2 n: a picture's field at the points, as seen from the turned pattern."""
    places = places_of(level.factor, level.points, poses)
    across, down = field_of(
        sampled(slopes[0], places), sampled(slopes[1], places), SLOPE * level.dull
    )
    c, s = (f(poses[:, 2]).astype(np.float32)[:, None] for f in (np.cos, np.sin))
    return np.concatenate([c * across + s * down, c * down - s * across], axis=1)


def agreement(slopes: Gradients, level: Level, poses: Poses, share: float = SEEN) -> Floats:
    """Mean cosine between the gradients of pattern and picture at each pose, -1 to 1.

    share: if less than SEEN, as where much may be covered, of the best blocks with that much of it.
    """
    there = fields(slopes, level, poses)
    if share >= SEEN:
        return there @ level.field / np.float32(level.total)
    there *= level.field
    half = level.field.size // 2
    block = _blocks(level.points)
    long = np.hypot(level.field[:half], level.field[half:]) @ block
    block, long = block[:, long > 0], long[long > 0]
    means = (there[:, :half] + there[:, half:]) @ block / long
    order = np.argsort(-means, axis=1)
    long = long[order]
    enough = share * level.total
    before = np.cumsum(long, axis=1) - long
    counted = np.clip(enough - before, 0, long)
    return np.asarray((np.take_along_axis(means, order, 1) * counted).sum(axis=1) / enough)


def _blocks(points: Floats) -> Floats:
    """Which of BLOCKS x BLOCKS blocks of the pattern its points (3 x n) lie in: n x blocks, 0 or
    1."""
    low, high = points[:2].min(axis=1, keepdims=True), points[:2].max(axis=1, keepdims=True)
    cells = np.minimum(BLOCKS * (points[:2] - low) / (high - low + 1e-6), BLOCKS - 1).astype(int)
    return np.asarray(np.eye(BLOCKS**2, dtype=np.float32)[cells[0] * BLOCKS + cells[1]])


def followed(slopes: Gradients, level: Level, poses: Poses, steps: int) -> Poses:
    """The poses after some steps towards the best agreement."""
    count = len(level.slopes)
    half = level.field.size // 2
    for _ in range(steps):
        off = fields(slopes, level, poses)
        off -= level.field
        weight = off[:, :half] ** 2
        weight += off[:, half:] ** 2
        weight = np.float32(1) / (1 + weight / np.float32(OUTLIER)) ** 2
        off[:, :half] *= weight
        off[:, half:] *= weight
        system = (weight @ level.products.T).reshape(-1, count, count) + level.small
        poses = moved(
            poses,
            np.linalg.solve(system, (off @ level.slopes.T)[:, :, None])[:, :, 0],
            level.factor,
        )
    return poses


def moved(poses: Poses, by: NDArray[Any], limit_px: float) -> Poses:
    """The poses, moved by how far the patch lay off, in its own axes; at most limit_px and 3
    degrees a step."""
    c, s = poses[:, 3] * np.cos(poses[:, 2]), poses[:, 3] * np.sin(poses[:, 2])
    right, down = np.clip(by[:, 0], -limit_px, limit_px), np.clip(by[:, 1], -limit_px, limit_px)
    size = 1 + np.clip(by[:, 3], -0.05, 0.05) if by.shape[1] > 3 else 1.0
    turn = poses[:, 2] - np.clip(by[:, 2], -0.05, 0.05)
    return np.stack(
        [
            poses[:, 0] - c * right + s * down,
            poses[:, 1] - s * right - c * down,
            turn,
            poses[:, 3] / size,
        ],
        axis=1,
    )


def grays_of(
    pattern: Pixels, factor: int, full: tuple[int, int], scaled: bool, kept: Pixels | None = None
) -> Grays:
    """The steep points of a pattern, given at that factor, for `settled`; kept: as for
    `level_of`."""
    gray = pattern.astype(np.float32)
    right, down = (np.gradient(gray, axis=axis) / factor for axis in (1, 0))
    px, py = _places(gray.shape, factor, full)
    reach = max(float(np.abs(px).max()), float(np.abs(py).max()), 1.0)
    steep = np.hypot(right, down)
    steep[:2] = steep[-2:] = steep[:, :2] = steep[:, -2:] = 0
    chosen = _steep(
        steep, 0.5 * math.sqrt(float(np.mean(steep * steep))), GRAY_POINTS, kept_at(kept, factor)
    )
    changes = [right, down, down * px - right * py, right * px + down * py][: 4 if scaled else 3]
    columns = np.stack([*changes, gray, np.ones_like(gray), px / reach, py / reach])
    columns = columns.reshape(len(columns), -1)[:, chosen]
    points = np.stack([px.ravel()[chosen], py.ravel()[chosen], np.ones(len(chosen))])
    return Grays(factor, points.astype(np.float32), np.ascontiguousarray(columns, np.float32))


def settled(image: Pixels, grays: Grays, pose: Poses, steps: int = 5) -> Poses | None:
    """One pose (1 x 4) after the fit of gray levels; None if there is nothing like the pattern."""
    columns = grays.columns
    count = len(columns) - 4
    weighted: Any = columns
    for step in range(steps):
        patch = sampled(image, places_of(grays.factor, grays.points, pose), cv2.INTER_CUBIC)[0]
        for _ in range(1 if step else 3):
            system = weighted @ columns.T
            change = np.linalg.solve(
                system + 1e-6 * np.diag(np.diag(system)) + 1e-9 * np.eye(len(system)),
                weighted @ patch,
            )
            rest = patch - change.astype(np.float32) @ columns
            spread = 1.4826 * _median(np.abs(rest)) + 0.3
            weight = np.clip(1 - (rest / np.float32(TUKEY * spread)) ** 2, 0, 1)
            weighted = columns * (weight * weight)
        if not change[count] > 0.05:
            return None
        by = change[None, :count] / change[count]
        pose = moved(pose, by, 1.0)
        if max(abs(by[0, 0]), abs(by[0, 1])) < 0.004 and abs(by[0, 2]) < 5e-5:
            break
    return pose


def likeness_of(pattern: Pixels, factor: int, kept: Pixels | None = None) -> Likeness:
    """What `seen` needs of the pattern, given at full size; kept: as for `level_of`.

    Raises Problem NO_CONTRAST if too little is kept.
    """
    gray = reduced(pattern, factor).astype(np.float32)
    counts = kept_at(kept, factor)
    weights = None if counts is None else counts.astype(np.float32)
    if weights is not None and float(weights.mean()) < LEAST_KEPT:
        raise Problem(
            "NO_CONTRAST", f"only {weights.mean():.0%} of the locator's region recur in good parts"
        )
    mean = _mean(gray, weights)
    variance = np.maximum(_mean(gray * gray, weights) - mean * mean, 0)
    spread = np.sqrt(variance)
    most = float(np.quantile(spread if counts is None else spread[counts], 0.9))
    spread = np.minimum(spread, most) if weights is None else np.minimum(spread, most) * weights
    across, down = slopes_of(gray)
    slopes = np.stack(
        [
            _mean(each, weights) * (1 if weights is None else weights)
            for each in (across * across, across * down, down * down)
        ]
    ).reshape(3, -1)
    values, vectors = np.linalg.eigh(_tensor(slopes.sum(axis=1, dtype=np.float64)))
    whole = vectors / np.sqrt(np.maximum(values, 1e-6 * values[-1] + 1e-9))
    return Likeness(
        factor,
        pattern.shape,
        gray,
        mean,
        variance,
        spread,
        most,
        noise_of(pattern),
        slopes,
        whole,
        weights,
    )


def _tensor(slopes: Any) -> Poses:
    """2 x 2, of the sums of three products."""
    return np.array([[slopes[0], slopes[1]], [slopes[1], slopes[2]]], float)


def seen(
    image: Pixels, like: Likeness, pose: Poses, share: float = SEEN, place: bool = True
) -> tuple[float, float]:
    """How well the pattern is seen at one pose, 0 to 1, and the most that may be said of it.

    The first: local correlations of the best share of what there is.

    A place counts by the contrast of the pattern and by that of the picture: what is there too much
    is as wrong as what is missing. Noise that the picture has beyond the pattern's does not count
    as contrast. The second: by the share of the pattern's own contrast that is there, for a corner
    with nothing beside it is not a crossing; and, where the pattern is to fix a place, by the share
    in the direction of which the least is there, for parallel lines with nothing across do not.
    Where less than SEEN is asked for, the share that is there counts against that, and no place is
    fixed: half of a pattern may well be parallel lines.
    """
    (rows, columns), (x, y, turn, size) = like.full, pose[0].tolist()
    c, s = size * math.cos(turn), size * math.sin(turn)
    u, v = (columns - 1) / 2, (rows - 1) / 2
    matrix = np.array([[c, -s, x - c * u + s * v], [s, c, y - s * u - c * v]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    full: Any = cv2.warpAffine(
        image, matrix, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    noise = SMOOTHED * max(noise_of(full) ** 2 - like.noise**2, 0.0) / like.factor**2
    patch = reduced(full, like.factor).astype(np.float32)
    kept = like.kept
    mean = _mean(patch, kept)
    variance = np.maximum(_mean(patch * patch, kept) - mean * mean - np.float32(noise), 0)
    local = (_mean(patch * like.gray, kept) - mean * like.mean) / np.sqrt(
        (variance + 1) * (like.variance + 1)
    )
    spread = np.sqrt(variance)
    middle = like.spread if kept is None else like.spread[kept > 0]
    # half of a drawing is flat
    strong = like.spread >= max(_median(middle), like.most / 2)
    gain = max(_median(spread[strong] / np.maximum(like.spread[strong], 1e-3)), 0.05)
    weight = np.maximum(like.spread, np.minimum(spread / gain, like.most))
    if kept is not None:
        weight *= kept
    order = np.argsort(local, axis=None)[::-1]
    weight = weight.ravel()[order]
    counted = int(np.searchsorted(np.cumsum(weight), share * float(weight.sum()))) + 1
    score = float(np.average(local.ravel()[order[:counted]], weights=weight[:counted] + 1e-9))
    there = local >= MISSING
    present = float(like.spread[there].sum()) / max(float(like.spread.sum()), 1e-9)
    most = present * (PRESENT if share >= SEEN else 1 / share)
    if place and share >= SEEN:
        slopes = _tensor(like.slopes @ there.ravel().astype(np.float32))
        fixing = float(np.linalg.eigvalsh(like.whole.T @ slopes @ like.whole)[0])
        most = min(most, FIXING * max(fixing, 0.0))
    return min(max(score, 0.0), 1.0), most


def noise_of(image: Pixels) -> float:
    """Standard deviation of the noise, in gray levels; told from at most some NOISE_PX, in bands
    evenly over the image."""
    bands = max(1, min(NOISE_BANDS, image.shape[0] // 8))
    high = max(NOISE_PX // (bands * image.shape[1]), 4)
    if bands * high >= image.shape[0]:
        parts = [image]
    else:
        parts = [
            image[top : top + high]
            for top in np.linspace(0, image.shape[0] - high, bands).astype(int).tolist()
        ]
    blobs = [np.abs(cv2.sepFilter2D(part, cv2.CV_16S, BEND, BEND)[1:-1, 1:-1]) for part in parts]
    return _median(np.concatenate(blobs)) / (0.6745 * 6)


def corners(pose: Poses, shape: tuple[int, int]) -> Poses:
    """Centres of the corner pixels (4 x 2) of a pattern of (rows, columns) at one pose."""
    x, y, turn, size = pose[0].tolist()
    c, s = size * math.cos(turn), size * math.sin(turn)
    u, v = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    return np.array(
        [[x + c * a - s * b, y + s * a + c * b] for a, b in ((-u, -v), (u, -v), (u, v), (-u, v))]
    )


def _places(shape: tuple[int, ...], factor: int, full: tuple[int, int]) -> tuple[Any, Any]:
    """Where the pixels of a reduced pattern lie from its centre, in px of the frame."""
    x = factor * np.arange(shape[1]) + (factor - full[1]) / 2
    y = factor * np.arange(shape[0]) + (factor - full[0]) / 2
    return np.meshgrid(x, y)


def _steep(steep: Any, least: float, most: int, kept: Any = None) -> NDArray[np.intp]:
    """Flat places of the steep pixels, evenly chosen if there are too many, the steepest if there
    are too few.

    kept: which may be taken, None for all.
    """
    flat = steep.ravel() if kept is None else np.where(kept, steep, -1.0).ravel()
    places = np.flatnonzero(flat >= least)
    few = min(flat.size if kept is None else max(int(kept.sum()), 1), 64)
    if places.size < few:
        return np.sort(np.argsort(flat)[-few:])
    return places[np.linspace(0, places.size - 1, min(places.size, most)).astype(np.intp)]


def _median(values: Any) -> float:
    """The upper one of two middle ones: numpy's own median takes twice the time for a thousand."""
    flat = values.ravel()
    return float(np.partition(flat, flat.size // 2)[flat.size // 2])


def _mean(image: Any, kept: Any = None) -> Any:
    """Means over the window; of those pixels that are kept."""
    window, border = (WINDOW, WINDOW), cv2.BORDER_REFLECT
    if kept is None:
        return cv2.boxFilter(image, -1, window, borderType=border)
    among = cv2.boxFilter(kept, -1, window, borderType=border)
    return cv2.boxFilter(image * kept, -1, window, borderType=border) / np.maximum(
        among, 0.5 / WINDOW**2
    )
