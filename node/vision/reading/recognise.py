"""The characters of one line of text: several looks by a network, and how sure it is of the least
sure character.

The network's own figure, the mean over the characters, is 0.9 or more for many texts with one wrong
character, and for print that nobody could read. Here a text counts if two looks agree on it (as it
is, and smoothed, which closes the dots of a dot matrix), with the lesser sureness of the two best.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels

HEIGHT, LEAST_WIDTH = 48, 320  # px, as the network was trained
# blur of each look, sigma in relation to the height of a line with space around it
LOOSE = (0.0, 0.035, 0.07, 0.02)
TIGHT = (0.0, 0.07, 0.1, 0.04)  # the same for one that was cut out close
SURE = 0.9  # two looks that agree so well need no further one
BEYOND_DOUBT = 0.99  # one look that is so sure of each character was never wrong: it needs no other
ALONE = 0.4  # of what one look says and no other
LEAST_SHARE = 0.02  # of what the network sees: less is none of the allowed characters
MOST_WIDE = 40.0  # times its height: a longer line is cut

# 1 x 3 x 48 x w to steps x characters
Network = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Reading(NamedTuple):
    """A text, and how sure it is: 0 to 1."""

    text: str
    confidence: float


def recognise(
    line: Pixels,
    network: Network,
    characters: list[str],
    allowed: str | None = None,
    tight: bool = False,
) -> Reading:
    """What two looks agree on; nothing if there is nothing.

    line: BGR; tight: whether it was cut out close. characters: what the network's columns stand
    for, the first for none. allowed: the only characters there may be, and spaces; the likeliest of
    them is taken, and a place that looks like none of them is not sure at all.
    """
    columns = None if allowed is None else _columns(characters, allowed)
    seen: list[Reading] = []
    for blur in TIGHT if tight else LOOSE:
        look = cv2.GaussianBlur(line, (0, 0), max(0.5, blur * line.shape[0])) if blur else line
        seen.append(_decoded(network(_fitted(look)), characters, columns))
        reading = _agreed(seen)
        if reading.confidence >= SURE:
            break
    return reading


def _agreed(seen: list[Reading]) -> Reading:
    best = max(seen, key=lambda each: each.confidence)
    if len(seen) == 1 and best.confidence >= BEYOND_DOUBT:
        return best
    same = sorted(each.confidence for each in seen if _bare(each.text) == _bare(best.text))
    return Reading(best.text, same[-2] if len(same) > 1 else ALONE * best.confidence)


def _bare(text: str) -> str:
    return text.replace(" ", "")


def _fitted(line: Pixels) -> NDArray[np.float32]:
    height, width = line.shape[:2]
    wide = max(8, min(math.ceil(HEIGHT * width / height), int(HEIGHT * MOST_WIDE)))
    small = cv2.resize(
        line, (wide, HEIGHT), interpolation=cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    )
    padded = np.zeros((1, 3, HEIGHT, max(LEAST_WIDTH, wide)), np.float32)
    padded[0, :, :, :wide] = small.transpose(2, 0, 1) / np.float32(127.5) - 1
    return padded


def _columns(characters: list[str], allowed: str) -> NDArray[np.bool_]:
    return np.array(
        [place == 0 or each == " " or each in allowed for place, each in enumerate(characters)]
    )


def _decoded(
    seen: NDArray[np.float32], characters: list[str], columns: NDArray[np.bool_] | None
) -> Reading:
    """The likeliest character at each step, runs taken once (A. Graves et al. 2006, Connectionist
    temporal classification).

    The confidence is that of the least sure character, spaces left out, each by its surest step.
    """
    text, confidence = "", 1.0
    if columns is not None:
        share = np.where(columns, seen, 0)
        whole = share.sum(axis=1, keepdims=True)
        confidence = 1.0 if whole.min() >= LEAST_SHARE else 0.0
        seen = share / np.maximum(whole, 1e-9)
    best, sure = seen.argmax(axis=1), seen.max(axis=1)
    starts = [0, *(np.flatnonzero(np.diff(best)) + 1).tolist(), len(best)]
    for start, end in itertools.pairwise(starts):
        if best[start] != 0:
            text += characters[int(best[start])]
            confidence = (
                confidence if text.endswith(" ") else min(confidence, float(sure[start:end].max()))
            )
    return Reading(text.strip(), confidence if text.strip() else 0.0)
