"""Faults drawn on good pictures, to ask a taught tool what it would catch: stains, holes and
scratches of a known size."""

import math
from collections.abc import Iterator

import cv2
import numpy as np

from node.frame import Frame, View

SIZES = (0.05, 0.1)  # across, of the root of the region's area
PLACES = 2  # of each kind and size
LEVELS = 80  # gray levels darker or lighter


def drawn(view: View, seed: int) -> Iterator[View]:
    """The same view of the same part with one fault each: dark and light stains, and scratches,
    inside of what counts."""
    dice = np.random.default_rng(seed)
    side = math.sqrt(view.size_px)
    counted = np.argwhere(
        np.ones((view.height, view.width), bool) if view.mask is None else view.mask > 0
    )
    for size in SIZES:
        for kind in range(3 * PLACES):
            pixels = view.frame.pixels.copy()
            row, column = counted[dice.integers(len(counted))]
            x, y = view.to_frame([(column, row)])[0]
            cover = np.zeros(pixels.shape[:2], np.uint8)
            if kind % 3 == 2:
                turn, reach = dice.uniform(0, math.tau), 1.5 * size * side
                dx, dy = reach * math.cos(turn), reach * math.sin(turn)
                start, end = ((round(x + s * dx), round(y + s * dy)) for s in (-1, 1))
                cv2.line(cover, start, end, 255, max(1, round(size * side / 8)), cv2.LINE_AA)
            else:
                cv2.circle(
                    cover,
                    (round(x), round(y)),
                    max(1, round(size * side / 2)),
                    255,
                    -1,
                    cv2.LINE_AA,
                )
            level = LEVELS if kind % 3 == 1 else -LEVELS
            share = cover.astype(np.float32) * np.float32(level / 255)
            lit = pixels + (share if pixels.ndim == 2 else share[:, :, None])
            frame = Frame(
                np.clip(lit, 0, 255).astype(np.uint8),
                view.frame.exposed_ns,
                view.frame.taken_at_s,
                "drawn",
                True,
            )
            yield View(frame, view.site, view.placement, view.matrix, view.cut, view._key)
