"""Fine registration: lays a part's picture over the master's view to a fraction of a px, where a
locator only came near.

Three steps, each starting from the one before. A search over shift and angle in a small picture
(normalised correlation), within what the caller allows. A full affine fit by least squares on the
master's steep pixels (S. Baker, I. Matthews 2004, Lucas-Kanade 20 years on, inverse compositional
form), with gain and offset of the light and with robust weights, so that defects do not pull. Then,
if asked, small shifts on a coarse grid for what is not affine (a line scan's wobble, bent foil):
the same least squares for all nodes at once, held together by a thin plate, at two sizes, and never
above a few px (D. Rueckert et al. 1999, Nonrigid registration using free-form deformations).

A full affine fit rather than a rigid one: on pairs of real boards it is worth more than any
threshold of the comparison. Small systems are solved by numpy, products over all points by OpenCV:
numpy's BLAS would start threads for them, which are slower than one where the cores are busy.

One file: the levels of one registration, with the sums that they share.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels, View
from node.vision.bend_grid import BendGrid, GridPoints, in_nodes
from schemas import Problem

Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]  # 2 x 3

COARSE_SIDE = 96  # longest side of the searched picture
MIDDLE_SIDE = 192  # of the first affine fit
FINE_SIDE = 400  # of the last one
MOST_POINTS = 2400
MIDDLE_POINTS = 1200  # it only has to bring the last fit near
LEAST_POINTS = 48
LEAST_GRADIENT = 1.5  # gray levels per px of the level, after smoothing: less is noise
ANGLE_STEP_DEG = 1.5
LIGHT_ROUNDS = 2
BEND_ROUNDS = 4, 3  # at the middle size and at the fine one
# how many times the greatest bend a node may be off while it is looked for: what is affine among
# the shifts goes to the map afterwards, and only the rest is limited
BEND_REACH = 3.0
ENOUGH_PX = 0.02  # a smaller step is the last one
LEAST_SCORE = 0.5
# at the view's border: what noise and defects may make of a part of the right size
STRETCH_SLACK_PX = 0.4


@dataclass(frozen=True, eq=False)
class RegistrationLevel:
    """The master at one size: its steep pixels as columns and rows of the view, and what a least
    squares step needs of them."""

    factor: int
    x: Floats
    y: Floats
    level: Floats  # gray
    across: Floats  # gradient, gray levels per px of the view
    down: Floats
    rows: Floats  # n x 8: change of the gray level with the six affine parameters, gain, offset
    light: Floats  # n x 6: the same with gain and offset, and with their slopes over the view


@dataclass(frozen=True, eq=False)
class Reference:
    """What registration keeps of the master's view of width x height px."""

    width: int
    height: int
    factor: int
    small: Pixels
    small_mask: Pixels | None
    middle: RegistrationLevel
    fine: RegistrationLevel
    grid: BendGrid
    middle_points: GridPoints
    fine_points: GridPoints


@dataclass(frozen=True, eq=False)
class Registration:
    """Where the view lies in a picture.

    matrix: 2 x 3, view to picture. shift: rows x columns x 2, what is added to a point of the view
    first (px, bilinear between the nodes of a grid, `cell` px apart, the first half a cell outside
    of the view), None if nothing. gain, offset: picture = gain * master + offset. score:
    correlation of the two at the master's steep pixels. seen: the share of these that lie in the
    picture.
    """

    matrix: Matrix
    width: int
    height: int
    shift: Floats | None = None
    cell: int = 1
    gain: float = 1.0
    offset: float = 0.0
    score: float = 0.0
    seen: float = 1.0

    def to_picture(self, points: Any) -> NDArray[np.float64]:
        """Points of the view (n x 2, x and y) as points of the picture."""
        moved = np.asarray(points, float).reshape(-1, 2)
        if self.shift is not None:
            x, y = (in_nodes(axis.astype(np.float32), self.cell)[None] for axis in moved.T)
            moved = (
                moved
                + cv2.remap(self.shift, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
            )
        return moved @ self.matrix[:, :2].T + self.matrix[:, 2]

    def sample(self, pixels: Any) -> Any:
        """The picture in the view's own axes; what lies outside of it is its nearest border
        pixel."""
        if self.shift is not None:
            return cv2.remap(
                pixels, self._map, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.width, self.height)
        return cv2.warpAffine(
            pixels, self.matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )

    def inside(self, pixels: Pixels, rim: int) -> Pixels:
        """255 for pixels of the view that lie in the picture, at least rim px from its border."""
        height, width = pixels.shape[:2]
        right, bottom = width - 1 - rim, height - 1 - rim
        if self.shift is not None:
            least, most = (rim - 0.5, rim - 0.5), (right + 0.5, bottom + 0.5)
            return cv2.inRange(self._map, least, most)
        corners = np.array([[rim, rim], [right, rim], [right, bottom], [rim, bottom]], float)
        back = cv2.invertAffineTransform(self.matrix)
        mask = np.zeros((self.height, self.width), np.uint8)
        if right >= rim and bottom >= rim:
            cv2.fillConvexPoly(
                mask,
                np.rint((corners @ back[:, :2].T + back[:, 2]) * 16).astype(np.int32),
                255,
                shift=4,
            )
        return mask

    @cached_property
    def _map(self) -> Floats:
        """height x width x 2: where each pixel of the view lies in the picture. Bilinear, so
        mapping the nodes is enough."""
        assert self.shift is not None
        (rows, columns), cell = self.shift.shape[:2], self.cell
        x, y = np.meshgrid(
            (np.arange(columns) - 0.5) * cell - 0.5, (np.arange(rows) - 0.5) * cell - 0.5
        )
        nodes = np.stack([x, y], axis=2) + self.shift
        placed = (nodes @ self.matrix[:, :2].T + self.matrix[:, 2]).astype(np.float32)
        whole = cv2.resize(placed, (columns * cell, rows * cell), interpolation=cv2.INTER_LINEAR)
        return whole[cell : cell + self.height, cell : cell + self.width]


def reference(gray: Pixels, mask: Pixels | None = None) -> Reference:
    """What registration keeps of the master's gray view. Raises Problem NO_CONTRAST if it has too
    few steep pixels."""
    height, width = gray.shape
    factor = _factor(width, height, COARSE_SIDE)
    small = shrunk(gray, factor)
    small_mask = None
    if mask is not None:
        small_mask = np.where(shrunk(mask, factor) > 127, np.uint8(255), np.uint8(0))
        small_mask = small_mask if 0 < np.count_nonzero(small_mask) < small_mask.size else None
    middle = _level(gray, mask, _factor(width, height, MIDDLE_SIDE), MIDDLE_POINTS)
    fine = _level(gray, mask, _factor(width, height, FINE_SIDE), MOST_POINTS)
    grid = BendGrid.over(width, height)
    return Reference(
        width,
        height,
        factor,
        small,
        small_mask,
        middle,
        fine,
        grid,
        GridPoints.of(grid, middle.x, middle.y),
        GridPoints.of(grid, fine.x, fine.y),
    )


def affine(
    view: View,
    known: Reference,
    search_px: int = 16,
    search_deg: float = 1.5,
    bend_px: float = 0.0,
    stretch: float = math.inf,
) -> Registration:
    """Where the master's view lies in the frame, starting from where the locator put it.

    search_px, search_deg: how far it may be from there. bend_px: greatest local shift beyond the
    affine map, 0 for none. stretch: by what share its width and height may differ, and how much it
    may be sheared. The registration's picture is the frame. Raises Problem PART_NOT_FOUND if the
    two do not agree anywhere near, or only with another size or sheared.
    """
    if (known.width, known.height) != (view.width, view.height):
        raise Problem("REGION_INVALID", "it was learned in a region of another size")
    registration = register(view.frame.gray, view.matrix, known, search_px, search_deg, bend_px)
    if not registration.score >= LEAST_SCORE:
        raise Problem(
            "PART_NOT_FOUND",
            f"the region does not look like the master's (correlation {registration.score:.2f})",
        )
    _check_size(registration, view, stretch)
    return registration


def _check_size(registration: Registration, view: View, most: float) -> None:
    """Raises Problem PART_NOT_FOUND if the part's width, height or shear is off the view's by more
    than that share."""
    linear = np.linalg.inv(view.matrix[:, :2]) @ registration.matrix[:, :2]
    wide, high = np.hypot(*linear).tolist()
    shear = float(linear[:, 0] @ linear[:, 1]) / (wide * high)
    for told, share, size in (
        ("of another width:", abs(wide - 1), view.width),
        ("of another height:", abs(high - 1), view.height),
        ("sheared by", abs(shear), min(view.width, view.height)),
    ):
        if not share <= most + STRETCH_SLACK_PX / (size / 2):
            raise Problem(
                "PART_NOT_FOUND", f"the part is {told} {share:.1%}, {most:.1%} are allowed"
            )


def register(
    pixels: Pixels,
    start: Matrix,
    known: Reference,
    search_px: int,
    search_deg: float,
    bend_px: float,
) -> Registration:
    """The same in any gray picture, from a 2 x 3 map of the view into it; the score is for the
    caller to judge."""
    corners = np.array(
        [[0, 0], [known.width - 1, 0], [known.width - 1, known.height - 1], [0, known.height - 1]],
        float,
    )
    placed = corners @ start[:, :2].T + start[:, 2]
    spare = search_px + 4 + math.radians(search_deg) * math.hypot(known.width, known.height) / 2
    left, top = np.maximum(np.floor(placed.min(axis=0) - spare), 0).astype(int)
    right, bottom = np.ceil(placed.max(axis=0) + spare + 1).astype(int)
    crop = pixels[top:bottom, left:right]
    if crop.size == 0:
        return Registration(start, known.width, known.height, score=0.0, seen=0.0)
    origin = np.array([left, top], float)
    matrix = start.copy()
    matrix[:, 2] -= origin
    sizes = {1: crop}
    if search_px or search_deg:
        matrix = _search(_at(sizes, known.factor), matrix, known, search_px, search_deg)
    fit = Registration(matrix, known.width, known.height)
    middle, fine = (
        cv2.GaussianBlur(_at(sizes, level.factor), (0, 0), 1.0)
        for level in (known.middle, known.fine)
    )
    fit = _fitted(middle, fit, known.middle, known, 6)
    fit = _fitted(fine, fit, known.fine, known, 3)
    if bend_px > 0:
        fit = _bent(middle, fine, fit, known, bend_px)
    fit = _scored(fine, fit, known)
    placed_matrix = fit.matrix.copy()
    placed_matrix[:, 2] += origin
    return replace(fit, matrix=placed_matrix)


def _at(sizes: dict[int, Pixels], factor: int) -> Pixels:
    """The picture made smaller, from the next larger one there is."""
    if factor not in sizes:
        larger = max(size for size in sizes if size < factor)
        sizes[factor] = shrunk(sizes[larger], factor // larger)
    return sizes[factor]


def shrunk(pixels: Pixels, factor: int) -> Pixels:
    """The picture made smaller: means of factor x factor px; a rest at the right and bottom is left
    out."""
    if factor == 1:
        return pixels
    height, width = max(pixels.shape[0] // factor, 1), max(pixels.shape[1] // factor, 1)
    whole = pixels[: height * factor, : width * factor]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)


def _factor(width: int, height: int, side: int) -> int:
    """Power of two that brings the longer side to `side` or below, as long as the shorter one keeps
    24 px."""
    factor = 1
    while max(width, height) / factor > side and min(width, height) / factor >= 48:
        factor *= 2
    return factor


def _scaled(matrix: Matrix, factor: int) -> Matrix:
    """The map between two pictures, for both made smaller: centres of small pixels lie at factor *
    i + (factor - 1) / 2."""
    half = (factor - 1) / 2
    shift = matrix[:, :2] @ np.array([half, half]) + matrix[:, 2] - half
    return np.hstack([matrix[:, :2], shift[:, None] / factor])


def _level(gray: Pixels, mask: Pixels | None, factor: int, most: int) -> RegistrationLevel:
    smooth = cv2.GaussianBlur(shrunk(gray, factor).astype(np.float32), (0, 0), 1.0)
    gx, gy = (cv2.Sobel(smooth, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
    steep = np.asarray(cv2.magnitude(gx, gy))
    usable = np.zeros(smooth.shape, bool)
    usable[2:-2, 2:-2] = True
    if mask is not None:
        usable &= cv2.erode(shrunk(mask, factor), np.ones((5, 5), np.uint8)) == 255
    if not usable.any():
        raise Problem("NO_CONTRAST", "the region is too small to lay over the master")
    least = max(LEAST_GRADIENT, 0.15 * float(np.percentile(steep[usable], 99)))
    y, x = np.nonzero(usable & (steep >= least))
    if len(x) < LEAST_POINTS:
        raise Problem(
            "NO_CONTRAST",
            f"{len(x)} px of the master are steep enough to lay a part over, {LEAST_POINTS} are"
            " needed",
        )
    chosen = np.linspace(0, len(x) - 1, min(len(x), most)).astype(np.intp)
    y, x = y[chosen], x[chosen]
    across, down, gray_level = (np.asarray(a, np.float32)[y, x] for a in (gx, gy, smooth))
    across, down = across / np.float32(factor), down / np.float32(factor)
    half = (factor - 1) / 2
    px, py = (place.astype(np.float32) * factor + half for place in (x, y))
    u, v = _unit(px, py, gray.shape[1], gray.shape[0])
    rows = np.stack(
        [across * u, across * v, across, down * u, down * v, down, gray_level, np.ones_like(u)],
        axis=1,
    )
    share, one = gray_level / np.float32(255), np.ones_like(u)
    light = np.stack([share, one, share * u, share * v, u, v], axis=1)
    return RegistrationLevel(
        factor,
        px,
        py,
        gray_level,
        across,
        down,
        np.ascontiguousarray(rows, np.float32),
        np.ascontiguousarray(light, np.float32),
    )


def _unit(x: Any, y: Any, width: int, height: int) -> tuple[Any, Any]:
    """Points of the view from its centre, in halves of its longer side: all affine parameters are
    then of one size."""
    half = max(width, height) / 2
    return (x - (width - 1) / 2) / half, (y - (height - 1) / 2) / half


def _search(
    picture: Pixels, matrix: Matrix, known: Reference, search_px: int, search_deg: float
) -> Matrix:
    """The best shift and angle by normalised correlation at the smallest size."""
    factor, (rows, columns) = known.factor, known.small.shape
    reach = math.ceil(search_px / factor)
    size = (columns + 2 * reach, rows + 2 * reach)
    steps = math.ceil(search_deg / ANGLE_STEP_DEG)
    angles = np.linspace(-search_deg, search_deg, 2 * steps + 1) if steps else np.zeros(1)
    best, chosen = -2.0, matrix
    for angle in angles:
        turned = _about_centre(matrix, known, math.radians(angle))
        small = _scaled(turned, factor)
        small[:, 2] -= small[:, :2] @ np.array([reach, reach])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        looked = cv2.warpAffine(picture, small, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        scores = cv2.matchTemplate(looked, known.small, cv2.TM_CCOEFF_NORMED, mask=known.small_mask)
        np.nan_to_num(scores, copy=False, nan=-1.0, posinf=-1.0, neginf=-1.0)
        _, score, _, (x, y) = cv2.minMaxLoc(scores)
        if score > best:
            best = score
            chosen = turned.copy()
            chosen[:, 2] += turned[:, :2] @ np.array(
                [(x - reach) * factor, (y - reach) * factor], float
            )
    return chosen


def _about_centre(matrix: Matrix, known: Reference, angle: float) -> Matrix:
    """First a turn of the view about its own centre, then the map."""
    c, s = math.cos(angle), math.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    centre = np.array([(known.width - 1) / 2, (known.height - 1) / 2])
    return np.hstack(
        [matrix[:, :2] @ turn, (matrix[:, :2] @ (centre - turn @ centre) + matrix[:, 2])[:, None]]
    )


def _seen(
    picture: Any, fit: Registration, level: RegistrationLevel, shift: Floats | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Gray levels of the picture (made smaller by the level's factor) at the level's points, and
    which lie in it."""
    half, factor = (level.factor - 1) / 2, level.factor
    x = level.x if shift is None else level.x + shift[:, 0]
    y = level.y if shift is None else level.y + shift[:, 1]
    (a, b, c), (d, e, f) = fit.matrix.tolist()  # plain numbers keep the arrays at 32 bit
    across = x * (a / factor) + y * (b / factor) + (c - half) / factor
    down = x * (d / factor) + y * (e / factor) + (f - half) / factor
    inside = (
        (across >= 0)
        & (across <= picture.shape[1] - 1)
        & (down >= 0)
        & (down <= picture.shape[0] - 1)
    )
    gray = cv2.remap(
        picture, across[None], down[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )[0]
    return np.asarray(gray, np.float32), np.asarray(inside)


def _weights(rest: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Less for what does not fit (S. Geman, D. McClure 1987)."""
    some = np.abs(rest[::4][inside[::4]])  # enough for a median
    spread = (
        1.4826 * float(np.partition(some, len(some) // 2)[len(some) // 2]) if len(some) else 1.0
    )
    flat = 1 / (1 + np.square(rest * (1 / max(2 * spread, 4.0))))
    return flat * flat * inside  # type: ignore[no-any-return]


def _fitted(
    picture: Any, fit: Registration, level: RegistrationLevel, known: Reference, rounds: int
) -> Registration:
    """Affine map and light, refined."""
    picture = picture.astype(np.float32)
    half = max(known.width, known.height) / 2
    for _ in range(rounds):
        gray, inside = _seen(picture, fit, level)
        rest = (gray - np.float32(fit.offset)) / np.float32(fit.gain) - level.level
        weighted = level.rows * _weights(rest, inside)[:, None]
        normal = _product(weighted, level.rows)
        # what cannot be seen (a shift along straight lines) stays as it is
        stay = 1e-4 * (normal[2, 2] + normal[5, 5])
        if not stay > 0:  # none of its steep pixels lies in the picture
            break
        normal[np.diag_indices(8)] += [
            *[stay] * 6,
            1e-6 * normal[6, 6] + 1e-6,
            1e-6 * normal[7, 7] + 1e-6,
        ]
        try:
            step = np.linalg.solve(normal, _product(weighted, rest[:, None]))[:, 0]
        except np.linalg.LinAlgError:  # too few pixels still fit to say where it lies
            break
        gain = float(np.clip(1 + step[6], 0.5, 2.0))
        fit = replace(
            fit,
            offset=fit.offset + fit.gain * float(step[7]),
            gain=float(np.clip(fit.gain * gain, 0.1, 10)),
        )
        move = np.asarray(step[:6].reshape(2, 3) / gain, float)
        moved = np.abs(move).sum(axis=1).max()
        if moved > half / 4:  # it runs away
            break
        fit = replace(fit, matrix=_composed(fit.matrix, move, known))
        if moved < ENOUGH_PX * level.factor:
            break
    return fit


def _product(a: Floats, b: Floats) -> NDArray[np.float64]:
    """The transposed a times b."""
    return np.asarray(cv2.gemm(a, b, 1, None, 0, flags=cv2.GEMM_1_T), np.float64)


def _composed(matrix: Matrix, move: Matrix, known: Reference) -> Matrix:
    """The map after the inverse of a small affine move (px, of points in `_unit`)."""
    half = max(known.width, known.height) / 2
    centre = np.array([(known.width - 1) / 2, (known.height - 1) / 2])
    linear = np.eye(2) + move[:, :2] / half
    shift = move[:, 2] - move[:, :2] / half @ centre
    back = np.linalg.inv(linear)
    return np.hstack([matrix[:, :2] @ back, (matrix[:, 2] - matrix[:, :2] @ back @ shift)[:, None]])


def _bent(
    middle: Any, fine: Any, fit: Registration, known: Reference, bend_px: float
) -> Registration:
    """Shifts on the grid's nodes, first at the middle size, where fine print is not taken for its
    neighbour. What is affine among them goes to the map, and the rest is limited."""
    bend = np.zeros((known.grid.count, 2))
    reach = BEND_REACH * bend_px
    for picture, level, points, rounds in (
        (middle, known.middle, known.middle_points, BEND_ROUNDS[0]),
        (fine, known.fine, known.fine_points, BEND_ROUNDS[1]),
    ):
        bend = _nodes_fitted(picture, fit, level, points, bend, reach, rounds)
    fit, bend = _without_affine(fit, known, bend)
    limited = np.clip(bend, -bend_px, bend_px)
    return replace(fit, shift=known.grid.shaped(limited), cell=known.grid.cell)


def _nodes_fitted(
    picture: Any,
    fit: Registration,
    level: RegistrationLevel,
    points: GridPoints,
    bend: NDArray[np.float64],
    reach: float,
    rounds: int,
) -> NDArray[np.float64]:
    """The shifts of the nodes (n x 2), refined: minimises the sum of (g . (new - old) + rest)^2 and
    what the plate costs."""
    picture = picture.astype(np.float32)
    grid, (gx, gy) = points.grid, (level.across, level.down)
    for _ in range(rounds):
        gray, inside = _seen(picture, fit, level, points.shifts(grid.shaped(bend)))
        rest = (gray - np.float32(fit.offset)) / np.float32(fit.gain) - level.level
        rest = _lit_evenly(rest, inside, level)
        weight = _weights(rest, inside)
        xx, xy, yy = (points.by_nodes(both * weight) for both in (gx * gx, gx * gy, gy * gy))
        seen = np.sort(np.diag(xx) + np.diag(yy))[grid.count * 3 // 4]
        cost = max(float(seen), 1e-6) * grid.cost
        normal = np.block([[xx + cost, xy], [xy, yy + cost]])
        pull = np.stack([points.at_nodes(axis * rest * weight) for axis in (gx, gy)], axis=1)
        # OpenCV's, not numpy's: BLAS would start threads
        solved, step = cv2.solve(
            normal, -(pull + cost @ bend).T.reshape(-1, 1), flags=cv2.DECOMP_CHOLESKY
        )
        if not solved or not np.isfinite(step).all():
            break
        new = np.clip(bend + step.reshape(2, -1).T, -reach, reach)
        moved = np.abs(new - bend).max()
        bend = new
        if moved < 2 * ENOUGH_PX:
            break
    return bend


def _lit_evenly(rest: Floats, inside: NDArray[np.bool_], level: RegistrationLevel) -> Floats:
    """What is left without a light that gets stronger over the view: at edges it looks like a
    shift."""
    for _ in range(LIGHT_ROUNDS):
        weighted = level.light * _weights(rest, inside)[:, None]
        normal = _product(weighted, level.light)
        normal[np.diag_indices(6)] += 1e-3 * normal.diagonal() + 1e-6
        slope = np.linalg.solve(normal, _product(weighted, rest[:, None]))
        rest = rest - (level.light @ slope.astype(np.float32))[:, 0]
    return rest


def _without_affine(
    fit: Registration, known: Reference, bend: NDArray[np.float64]
) -> tuple[Registration, NDArray[np.float64]]:
    """The same map, with what is affine among the shifts at the fine level's points in its matrix:
    else a bend would hide a little of another size."""
    level = known.fine
    shift = np.asarray(known.fine_points.shifts(known.grid.shaped(bend)), float)
    u, v = _unit(level.x, level.y, known.width, known.height)
    rows = np.stack([u, v, np.ones_like(u)], axis=1).astype(np.float64)
    normal = rows.T @ rows
    normal[np.diag_indices(3)] += 1e-6 * np.trace(normal)  # points may lie on one line
    move = np.linalg.solve(normal, rows.T @ shift).T
    half = max(known.width, known.height) / 2
    linear = np.eye(2) + move[:, :2] / half
    centre = np.array([(known.width - 1) / 2, (known.height - 1) / 2])
    offset = move[:, 2] - move[:, :2] / half @ centre
    matrix = np.hstack(
        [
            fit.matrix[:, :2] @ linear,
            (fit.matrix[:, :2] @ offset + fit.matrix[:, 2])[:, None],
        ]
    )
    places = known.grid.places()
    rest = (places + bend - offset) @ np.linalg.inv(linear).T - places
    return replace(fit, matrix=matrix), rest


def _scored(picture: Any, fit: Registration, known: Reference) -> Registration:
    """The correlation at the level's points."""
    level, shift = known.fine, None
    if fit.shift is not None:
        shift = known.fine_points.shifts(fit.shift)
    gray, inside = _seen(picture, fit, level, shift)
    if np.count_nonzero(inside) < LEAST_POINTS // 2:
        return replace(fit, score=0.0, seen=float(inside.mean()))
    ours, theirs = gray[inside], level.level[inside]
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    length = float(np.linalg.norm(ours) * np.linalg.norm(theirs))
    return replace(
        fit, score=float(ours @ theirs) / length if length > 0 else 0.0, seen=float(inside.mean())
    )
