"""Whether a pattern fixes the place: what moves along one straight edge, or turns about its own
centre, looks the same.

The changes of the pattern by shift, turn and size are the columns of the least squares system by
which a place is found (B. Lucas, T. Kanade 1981). What of them the light could make too (gain,
offset, a shading of second order) says nothing, and neither does the noise of the master. What is
left has a least direction: if there is next to nothing, the place along it is a guess.
"""

import math
from typing import Any, NamedTuple

import cv2
import numpy as np

from node.frame import Frame, Pixels
from node.vision.patterns.turned_fit import noise_of
from schemas import Problem, Region

SMOOTH_PX = 1.0
# of its variance in the squared slope of what is smoothed by 1 px: (1 - exp(-1)) / (8 pi)
NOISE_SHARE = 0.0252
ROUNDING = 0.05  # the same of 8 bits
MOST_NOISE = 10.0  # gray levels; more is texture
CLEAR = 0.3  # how often the noise's own share structure must be there
LEAST_SHARE = 0.012  # of what there is in the best direction


class Weakest(NamedTuple):
    """share: structure in the weakest direction against the strongest; clear: against the noise's
    own.

    direction: of shift (x, y), turn and size, as far as these are asked for.
    """

    share: float
    clear: float
    direction: tuple[float, ...]


def check(
    frame: Frame,
    region: Region,
    turns: bool = False,
    sizes: bool = False,
    kept: Pixels | None = None,
) -> None:
    """Raises Problem NO_CONTRAST, saying in which direction the region of the frame does not fix
    its place.

    turns, sizes: whether these are looked for too. kept: which pixels of the region count (1 or 0),
    None for all.
    """
    weakest = weakest_of(frame, region, turns, sizes, kept)
    if weakest.share >= LEAST_SHARE and weakest.clear >= CLEAR:
        return
    x, y, *others = weakest.direction
    if others and max(abs(value) for value in others) > math.hypot(x, y):
        turned = turns and abs(others[0]) == max(abs(value) for value in others)
        what = (
            "it looks the same however it is turned" if turned else "it looks the same in any size"
        )
        hint = "set angle_deg to 0" if turned else "set the scale to 1"
        raise Problem(
            "NO_CONTRAST",
            f"the locator's region is round: {what}; draw it around something else too, or {hint}",
        )
    degrees = math.degrees(math.atan2(y, x)) % 180
    raise Problem(
        "NO_CONTRAST",
        "the locator's region has structure in one direction only: it does not fix the place along"
        f" {degrees:.0f} degrees (0: to the right, 90: down); draw it around a corner, a hole or"
        " print",
    )


def weakest_of(
    frame: Frame, region: Region, turns: bool, sizes: bool, kept: Pixels | None = None
) -> Weakest:
    """The direction in which the place is fixed least."""
    gray: Any = np.ascontiguousarray(frame.view(region).gray)
    noise = min(noise_of(gray), MOST_NOISE)
    smooth: Any = cv2.GaussianBlur(gray.astype(np.float32), (0, 0), SMOOTH_PX)
    down, right = np.gradient(smooth)
    rows, columns = smooth.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    x, y = x - (columns - 1) / 2, y - (rows - 1) / 2
    reach = math.sqrt(float(np.mean(x * x + y * y)))
    changes = [right, down]
    if turns:
        changes.append((down * x - right * y) / reach)
    if sizes:
        changes.append((right * x + down * y) / reach)
    u, v = x / reach, y / reach
    own = (smooth - smooth.mean()) / max(float(smooth.std()), 1e-6)
    light = np.stack(
        [column.ravel() for column in (np.ones_like(u), u, v, u * u, u * v, v * v, own)], axis=1
    ).astype(np.float64)
    moved = np.stack([column.ravel() for column in changes], axis=1).astype(np.float64)
    if kept is not None:
        light, moved = light[kept.ravel() > 0], moved[kept.ravel() > 0]
    system = light.T @ light  # of columns of a like size: no need of an orthogonal basis
    system += 1e-9 * np.trace(system) * np.eye(len(system))
    moved -= light @ np.linalg.solve(system, light.T @ moved)
    energy, directions = np.linalg.eigh(moved.T @ moved)
    by_chance = moved.shape[0] * (NOISE_SHARE * noise * noise + ROUNDING)
    least, most = energy[0] - by_chance, max(energy[-1] - by_chance, 1e-9)
    return Weakest(float(least / most), float(least / by_chance), tuple(directions[:, 0].tolist()))
