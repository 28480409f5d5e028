"""Draws turned bars whose edges are known to a fraction of a px: calipers are tested on them."""

import math

import numpy as np
from numpy.typing import NDArray

from tests.rooms.pictures.scenes import Colour, Scene

# samples a pixel and axis; across an edge they are soft, so that its place is exact to 0.001 px
FINE = 16


def bar(
    scene: Scene,
    x: float,
    y: float,
    width: float,
    length: float,
    colour: Colour,
    angle_deg: float = 0.0,
) -> Scene:
    """A bar about (x, y), `width` px along an axis that is turned clockwise by angle_deg, `length`
    px across it."""
    cover = np.zeros((scene.height, scene.width))
    reach = math.hypot(width, length) / 2 + 2
    top, bottom = max(0, math.floor(y - reach)), min(scene.height, math.ceil(y + reach) + 1)
    left, right = max(0, math.floor(x - reach)), min(scene.width, math.ceil(x + reach) + 1)
    down = (np.arange((bottom - top) * FINE) + 0.5) / FINE - 0.5 + top - y
    across = (np.arange((right - left) * FINE) + 0.5) / FINE - 0.5 + left - x
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    for row in range(bottom - top):
        rows = down[row * FINE : (row + 1) * FINE, None]
        fine = _inside(c * across + s * rows, width) * _inside(-s * across + c * rows, length)
        cover[top + row, left:right] = fine.mean(axis=0).reshape(-1, FINE).mean(axis=1)
    return scene.painted(cover, colour)


def _inside(away: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    return np.clip((size / 2 - np.abs(away)) * FINE + 0.5, 0, 1)
