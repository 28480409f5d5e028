"""Correlation of a region with its mirror image (Pearson), over the pixels that count in both."""

import numpy as np

from inspection_symmetry.settings import Symmetry
from node.frame import View
from node.measurement import Measurement
from schemas import Problem


def learn(_view: View | None, _settings: Symmetry) -> None:
    """Nothing is kept of the master."""


def measure(view: View, _settings: Symmetry, _learned: None) -> Measurement:
    """0 to 1. Raises Problem NO_CONTRAST if all pixels that count have one value."""
    gray = view.gray.astype(np.float64)
    mirrored = gray[:, ::-1]
    if view.mask is not None:
        counts = (view.mask > 0) & (view.mask[:, ::-1] > 0)
        gray, mirrored = gray[counts], mirrored[counts]
    if view.uniform or gray.size == 0 or gray.std() == 0:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    return Measurement(max(0.0, float(np.corrcoef(gray.ravel(), mirrored.ravel())[0, 1])))
