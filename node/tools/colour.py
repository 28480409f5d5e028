"""Mean colour in CIE L*a*b*, and its difference from the master's by CIEDE2000.

The picture is taken for sRGB. It is turned into L*a*b* per pixel (white point D65) and then
averaged, so a pattern of two colours has the mean of the two. The light is made linear by a table:
OpenCV's own way from sRGB is off by up to 0.45.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from node.frame import View
from node.measurement import Measurement
from node.vision.light import burnt
from schemas import Colour, Problem

LEVELS = np.arange(256) / 255
# IEC 61966-2-1
LINEAR = np.where(LEVELS <= 0.04045, LEVELS / 12.92, ((LEVELS + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
# share of pixels that are black or white (a highlight), above which the colour is not known
MOST_CLIPPED = 0.5
# share of pixels of which one or two channels are burnt out: their hue is not the part's
MOST_BURNT = 0.1


@dataclass(frozen=True)
class ColourLearned:
    """Mean L*, a*, b* of the master's region."""

    lab: tuple[float, float, float]


def learn(view: View, _settings: Colour) -> ColourLearned:
    """The master's mean colour. Raises Problem NO_CONTRAST if it is black or burnt out,
    IMAGE_INVALID if it is gray."""
    return ColourLearned(_mean(view))


def measure(view: View, settings: Colour, learned: ColourLearned | None) -> Measurement:
    """Delta E 2000, L*, a* or b*.

    Raises Problem NO_CONTRAST on a view that is black or of which a channel is burnt out,
    IMAGE_INVALID on a gray frame.
    """
    lab = _mean(view)
    if settings.value != "delta_e":
        return Measurement(lab[("lightness", "a", "b").index(settings.value)])
    if settings.reference is not None:
        wanted = (settings.reference.lightness, settings.reference.a, settings.reference.b)
    elif learned is not None:
        wanted = learned.lab
    else:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"tool {settings.name} compares with it")
    return Measurement(_delta_e_2000(wanted, lab))


def _mean(view: View) -> tuple[float, float, float]:
    bgr = view.bgr
    white, black = (
        cv2.inRange(bgr, (255, 255, 255), (255, 255, 255)),
        cv2.inRange(bgr, (0, 0, 0), (0, 0, 0)),
    )
    if cv2.countNonZero(view.counted(cv2.bitwise_or(white, black))) > MOST_CLIPPED * view.size_px:
        raise Problem("NO_CONTRAST", "the region is black or burnt out, its colour is not known")
    coloured = cv2.bitwise_xor(burnt(view), white)
    share = cv2.countNonZero(view.counted(coloured)) / view.size_px
    if share > MOST_BURNT:
        raise Problem(
            "NO_CONTRAST",
            f"a channel is burnt out in {share:.0%} of the region, its colour is not known: less"
            " light",
        )
    lab = view.once("lab", lambda: cv2.cvtColor(cv2.LUT(bgr, LINEAR), cv2.COLOR_LBGR2Lab))
    lightness, a, b, _ = cv2.mean(lab, view.mask)
    return lightness, a, b


def _delta_e_2000(one: tuple[float, float, float], two: tuple[float, float, float]) -> float:
    """CIEDE2000 with kL = kC = kH = 1. Source: G. Sharma, W. Wu, E. N. Dalal 2005, The CIEDE2000
    color-difference formula."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    mean_c = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = (1 - math.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))) / 2
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (
        math.degrees(math.atan2(b, a)) % 360 if a or b else 0.0 for a, b in ((a1, b1), (a2, b2))
    )
    turn = h2 - h1
    if c1 * c2 == 0:
        turn, mean_h = 0.0, h1 + h2
    elif abs(turn) <= 180:
        mean_h = (h1 + h2) / 2
    else:
        turn += 360 if turn < 0 else -360
        mean_h = (h1 + h2 + (360 if h1 + h2 < 360 else -360)) / 2
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * math.cos(math.radians(mean_h - 30))
        + 0.24 * math.cos(math.radians(2 * mean_h))
        + 0.32 * math.cos(math.radians(3 * mean_h + 6))
        - 0.20 * math.cos(math.radians(4 * mean_h - 63))
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / math.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    r_c = 2 * math.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))
    r_t = -math.sin(math.radians(60 * math.exp(-(((mean_h - 275) / 25) ** 2)))) * r_c
    d_l, d_c = (l2 - l1) / s_l, (c2 - c1) / s_c
    d_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2)) / s_h
    return math.sqrt(max(d_l**2 + d_c**2 + d_h**2 + r_t * d_c * d_h, 0.0))
