"""Number of edge pixels, the length of all edges, as a ratio to the master's number or to the
region."""

from dataclasses import dataclass

import cv2

from node.frame import GRADIENT_SCALE, Pixels, View
from node.measurement import Measurement, outlines
from node.vision.light import Cells, known
from node.vision.light import gain as light_gain
from schemas import EdgePixels, Problem


@dataclass(frozen=True)
class EdgePixelsLearned:
    """Edge pixels of the master's region, and its light if that is followed."""

    count: int
    cells: Cells | None = None


def learn(view: View, settings: EdgePixels) -> EdgePixelsLearned | None:
    """The master's count and light; None if neither is needed. Raises Problem NO_CONTRAST if the
    count is 0 and needed."""
    cells = known(view) if settings.light == "follow" else None
    if settings.relative_to == "region" and cells is None:
        return None
    count = cv2.countNonZero(_mask(view, settings))
    if count == 0 and settings.relative_to == "master":
        raise Problem(
            "NO_CONTRAST", f"the master has no edge of {settings.gradient_low:g} gray levels per px"
        )
    return EdgePixelsLearned(count, cells)


def measure(view: View, settings: EdgePixels, learned: EdgePixelsLearned | None) -> Measurement:
    """Pixels with a gradient of at least gradient_low, divided by the master's count or by the
    region's pixels.

    The gradient is the magnitude of `View.gradients`: a sharp step of C gray levels has 3/8 C. An
    edge counts 1 px for each px of its length. Raises Problem NO_CONTRAST if the view has one value
    only.
    """
    if learned is None and settings.light == "follow":
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} takes its light from it")
    gain = 1.0 if learned is None or learned.cells is None else light_gain(view, learned.cells)
    mask = _mask(view, settings, gain)
    count = cv2.countNonZero(mask)
    if count == 0 and view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    if settings.relative_to == "region":
        whole = view.size_px
    elif learned is not None:
        whole = learned.count
    else:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
    return Measurement(count / whole, lambda: outlines(view, mask))


def _mask(view: View, settings: EdgePixels, gain: float = 1.0) -> Pixels:
    """255 on an edge, thinned across it to 1 px (J. Canny 1986).

    Not all steep pixels: how thick an edge is depends on focus, light and where it lies between the
    pixels, and moved the ratio of the same part by up to 0.48 (measured); thinned, by 0.02.
    """
    across, down = view.gradients
    steep = gain * settings.gradient_low * GRADIENT_SCALE
    return view.counted(cv2.Canny(across, down, steep, steep, L2gradient=True))
