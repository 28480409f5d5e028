"""How unlike the good pictures a region is: distance of its features to the nearest in a memory of
good ones.

Patch features and coreset as in K. Roth et al. 2022, Towards total recall in industrial anomaly
detection (PatchCore). What is unlike all that was taught is no picture of the part.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import View
from node.measurement import Heat, Measurement, outlines
from node.model_file import unpack
from node.networks.features import CELL, Floats, Maps, backbone, maps, shape
from node.networks.memory_bank import SHAPES, PatchBank, foreign, top, unlike
from node.networks.promise import threshold
from schemas import Problem
from schemas.tools.learned import Learned as Settings


@dataclass(frozen=True)
class LearnedMemory:
    """The memory, and the score that counts as 1.0."""

    bank: PatchBank
    threshold: float


def learn(
    view: View | None, settings: Settings, model: bytes | None = None
) -> LearnedMemory | None:
    """What was taught; None if nothing was. Raises Problem MODEL_INVALID, also if the region or the
    network is another."""
    if model is None:
        return None
    bank = PatchBank.of(unpack(model, "learned", SHAPES))
    if bank.backbone != backbone().digest:
        raise Problem("MODEL_INVALID", "it was taught with another backbone; teach it again")
    if view is not None:
        _check(bank, view, settings)
    bank.prepare()
    return LearnedMemory(bank, threshold(bank.scores, bank.bad_scores, settings.false_reject_rate))


def measure(view: View, settings: Settings, learned: LearnedMemory | None) -> Measurement:
    """Mean of the two greatest distances, divided by the threshold's.

    Raises Problem NOT_TAUGHT, NO_CONTRAST if the view has one value only, MODEL_INVALID if it has
    another size than taught, NO_VALUE if as a whole it is unlike all that was taught: a number
    would say how bad the part is, and this may be no part. What is a little so, and beyond `high`
    by its worst places, has a value.
    """
    if learned is None:
        raise Problem("NOT_TAUGHT", f"tool {settings.name}")
    _check(learned.bank, view, settings)
    if view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    seen = maps(view, settings.size_px)
    distances = learned.bank.distances(seen)
    relative = distances / np.float32(learned.threshold)
    value = top(relative, seen.counts)
    strange = learned.bank.strange(seen, distances)
    bad = settings.high is not None and value > settings.high  # large defects change the whole, too
    if foreign(*strange) > 1 or (unlike(*strange) > 1 and not bad):
        raise Problem(
            "NO_VALUE", "it is unlike all good pictures as a whole: is it the part, and lit?"
        )
    heat = _heat(relative, seen)
    return Measurement(
        value, lambda: outlines(view, _hot(view, heat)), heat=lambda: _placed(view, heat, seen)
    )


def _check(bank: PatchBank, view: View, settings: Settings) -> None:
    width, height = shape(view.width, view.height, settings.size_px)
    if (view.width, view.height, settings.size_px) != bank.site or (
        height // CELL,
        width // CELL,
    ) != bank.places:
        raise Problem(
            "MODEL_INVALID", "the region or size_px was changed since it was taught; teach it again"
        )


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
