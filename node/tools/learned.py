"""How unlike the good pictures a region is: distance of its features to the nearest in a memory of good ones.

Patch features and coreset as in K. Roth et al. 2022, Towards total recall in industrial anomaly detection (PatchCore). Each
distance is taken in relation to what good parts have at that place, so that edges that never lie quite alike do not hide a
scratch elsewhere; and a little to how unusual the picture is as a whole, so that other light is no defect.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Heat, Measurement, View, outlines
from node.models.archive import unpack
from node.tools.bank import SHAPES, Bank, threshold
from node.tools.features import Floats, Maps, backbone, maps
from schemas import Problem
from schemas.tools.learned import Learned as Settings


@dataclass(frozen=True)
class Learned:
    """The memory, and the score that is 1.0."""

    bank: Bank
    threshold: float


def learn(view: View | None, settings: Settings, model: bytes | None = None) -> Learned | None:
    """What was taught; None if nothing was. Raises Problem MODEL_INVALID, also if the region or the network is another."""
    if model is None:
        return None
    bank = Bank.of(unpack(model, "learned", SHAPES))
    if bank.backbone != backbone().digest:
        raise Problem("MODEL_INVALID", "it was taught with another backbone; teach it again")
    if view is not None:
        _check(bank, view, settings)
    return Learned(bank, threshold(bank.scores, bank.bad_scores, settings.false_reject_rate))


def measure(view: View, settings: Settings, learned: Learned | None) -> Measurement:
    """Mean of the three greatest relative distances, divided by the threshold's.

    Raises Problem NOT_TAUGHT, NO_CONTRAST if the view has one value only, MODEL_INVALID if it has another size than taught.
    """
    if learned is None:
        raise Problem("NOT_TAUGHT", f"tool {settings.name}")
    _check(learned.bank, view, settings)
    if view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    seen = maps(view, settings.size_px)
    distances = learned.bank.relative(seen)
    value = learned.bank.score(distances, seen.counts) / learned.threshold
    heat = _heat(distances / learned.threshold, seen)
    return Measurement(value, lambda: outlines(view, _hot(view, heat)), heat=lambda: _placed(view, heat, seen))


def _check(bank: Bank, view: View, settings: Settings) -> None:
    if (view.width, view.height, settings.size_px) != bank.site:
        raise Problem("MODEL_INVALID", "the region or size_px was changed since it was taught; teach it again")


def _heat(relative: Floats, seen: Maps) -> Floats:
    """rows x columns, 0 where places do not count."""
    counted = relative if seen.counts is None else np.where(seen.counts, relative, np.float32(0))
    return counted.reshape(seen.rows, seen.columns)


def _hot(view: View, heat: Floats) -> NDArray[np.uint8]:
    large = cv2.resize(heat, (view.width, view.height), interpolation=cv2.INTER_LINEAR)
    return view.counted((large >= 1.0).astype(np.uint8) * 255)


def _placed(view: View, heat: Floats, seen: Maps) -> Heat:
    last = [0.0, 0.0, 1.0]
    return Heat(heat, (np.vstack([view.matrix, last]) @ np.vstack([seen.matrix, last]))[:2])
