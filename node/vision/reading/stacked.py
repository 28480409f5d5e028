"""Linear codes of one text that stand above each other: zxing-cpp takes the lines of both for one
code.

What it found is laid upright. Rows in which hardly a bar is seen divide it; each part that says the
same when it is read by itself is a code, if the parts are of one height, as labels of one print
are. Parts of other heights are one code with a scratch across it, unless that would be wider than a
scratch is. A gap narrower than labels are ever apart is a scratch.
"""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from node.frame import Pixels

LEAST_ROWS = 3  # of a part
LEAST_GAP_ROWS = 8  # of two labels: a narrower one is a scratch
FAINT = 0.35  # of the usual change along a row: less is not a row of bars
UNLIKE = 0.08  # by how much parts of one print differ in height
SCRATCH = 0.3  # of the height: what is wider parts two codes
FEW_ROWS = 3  # of a code that was read on one or two lines only
AROUND = 12  # rows that are looked at again above and below such a one
QUIET = 30  # px of light around what is read by itself
Corners = NDArray[np.float64]


def parted(
    pixels: Pixels, corners: Corners, text: str, form: zxingcpp.BarcodeFormat
) -> list[Corners]:
    """The codes that a linear one (4 x 2, clockwise from the left top) is: itself, several, or none
    if it is not confirmed."""
    width, height = (
        max(float(np.hypot(*(corners[a] - corners[b]))), 1.0) for a, b in ((1, 0), (3, 0))
    )
    if height < FEW_ROWS:
        return [corners] if _confirmed(pixels, corners, width, text, form) else []
    strip = _upright(pixels, corners, round(width), round(height))
    parts = _parts(strip)
    if len(parts) < 2:
        return [corners]
    parts = [part for part in parts if _says(strip[part[0] : part[1]], text, form)]
    heights = [end - start for start, end in parts]
    gaps = [after[0] - before[1] for before, after in pairwise(parts)]
    if len(parts) < 2 or not (
        max(heights) <= (1 + UNLIKE) * min(heights) + 2 or max(gaps) > SCRATCH * height
    ):
        return [corners]
    left, right = (corners[3] - corners[0]) / len(strip), (corners[2] - corners[1]) / len(strip)
    return [
        np.stack(
            [
                corners[0] + start * left,
                corners[1] + start * right,
                corners[1] + end * right,
                corners[0] + end * left,
            ]
        )
        for start, end in parts
    ]


def _upright(pixels: Pixels, corners: Corners, width: int, height: int) -> Pixels:
    to = np.array([(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], np.float32)
    turn = cv2.getPerspectiveTransform(corners.astype(np.float32), to)
    return cv2.warpPerspective(pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _parts(strip: Pixels) -> list[tuple[int, int]]:
    """First and last row (excluded) of the runs of rows with bars."""
    steps = cv2.absdiff(strip[:, 1:], strip[:, :-1])
    change = cv2.reduce(steps, 1, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    bars = np.concatenate([[False], change > FAINT * np.quantile(change, 0.75), [False]])
    starts, ends = np.flatnonzero(~bars[:-1] & bars[1:]), np.flatnonzero(bars[:-1] & ~bars[1:])
    runs: list[tuple[int, int]] = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if runs and start - runs[-1][1] < LEAST_GAP_ROWS:
            runs[-1] = runs[-1][0], end
        else:
            runs.append((start, end))
    return [run for run in runs if run[1] - run[0] >= LEAST_ROWS]


def _says(strip: Pixels, text: str, form: zxingcpp.BarcodeFormat) -> bool:
    light = float(np.quantile(strip, 0.9))
    wide = cv2.copyMakeBorder(
        strip, QUIET, QUIET, QUIET, QUIET, cv2.BORDER_CONSTANT, value=(light,)
    )
    return _read(wide, text, form)


def _confirmed(
    pixels: Pixels, corners: Corners, width: float, text: str, form: zxingcpp.BarcodeFormat
) -> bool:
    """Whether the rows around a code that was read on a line or two say the same once they are
    averaged a little."""
    along = (corners[1] - corners[0]) / width
    across = np.array([-along[1], along[0]])
    out, away = along * QUIET, across * AROUND
    wide = np.stack(
        [
            corners[0] - out - away,
            corners[1] + out - away,
            corners[2] + out + away,
            corners[3] - out + away,
        ]
    )
    strip = _upright(pixels, wide, round(width) + 2 * QUIET, 2 * AROUND + FEW_ROWS)
    away_px = AROUND - FEW_ROWS  # from the line itself, which has said so already
    return any(
        _read(cv2.blur(rows, (1, 5)), text, form) for rows in (strip[:away_px], strip[-away_px:])
    )


def _read(pixels: Any, text: str, form: zxingcpp.BarcodeFormat) -> bool:
    formats = zxingcpp.BarcodeFormats([form])
    barcodes = zxingcpp.read_barcodes(
        pixels, formats=formats, text_mode=zxingcpp.TextMode.Plain, try_rotate=False
    )
    return any(code.text == text for code in barcodes)
