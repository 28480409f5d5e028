"""Where lines of text are looked for, and how much of the picture around each is read.

The network that finds lines wants some ground around them, and sees no line in dots that are far
apart, or in letters that are large. So the picture is looked at with ground added, and where
nothing is read in it made smaller, and with what is dark or light joined.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels
from node.vision.reading.recognise import Reading

AROUND_PX = 32  # of ground added on each side
SMALLER, SMALLER_PX = 0.7, 0.8  # and blurred by so much
JOINED_PX, SPECKS_PX = 7, 1.0  # what is nearer to each other is joined, when specks are smoothed
SMALL = 0.35
SAME = 0.5  # of the smaller one's area: two that share more are one line
MARGIN = 0.3  # of a line's height, read around it: what was found often cuts its outermost dots

Corners = NDArray[np.float32]  # 4 x 2: from the upper left one, clockwise


def looks(pixels: Pixels) -> Iterator[tuple[Pixels, float]]:
    """The pictures in which lines are looked for, one after the other, and how large each is in
    relation to pixels.

    pixels: BGR.
    """
    yield _bordered(pixels), 1.0
    smaller = cv2.resize(pixels, None, fx=SMALLER, fy=SMALLER, interpolation=cv2.INTER_AREA)
    yield _bordered(cv2.GaussianBlur(smaller, (0, 0), SMALLER_PX)), SMALLER
    yield _bordered(_joined(pixels)), 1.0
    small = cv2.resize(pixels, None, fx=SMALL, fy=SMALL, interpolation=cv2.INTER_AREA)
    yield _bordered(small), SMALL


def placed(found: Corners, scale: float, size: tuple[int, int]) -> Corners | None:
    """Corners in the picture of width x height px that was looked at; None if most of the line lies
    in the ground that was added.

    found: corners in one of its looks. scale: of that look.
    """
    corners = (found - AROUND_PX) / np.float32(scale)
    last = np.array(size, np.float32) - 1
    middle = corners.mean(axis=0)
    if (middle < 0).any() or (middle > last).any():
        return None
    return np.asarray(np.clip(corners, 0, last), np.float32)


def grown(lines: list[Corners]) -> list[Corners]:
    """Each line with a margin around it; without one if that would reach into another line."""
    wider = [_wider(line) for line in lines]
    return [
        own
        if any(_meet(large, other) for place, other in enumerate(lines) if place != number)
        else large
        for number, (own, large) in enumerate(zip(lines, wider, strict=True))
    ]


def merged(
    known: list[tuple[Reading, Corners]], further: list[tuple[Reading, Corners]]
) -> list[tuple[Reading, Corners]]:
    """What two looks read. Of what lies in one place, that with more characters, and of as many the
    surer one: a look may find a part of a line only."""
    for own in further:
        same = [each for each in known if _one_place(own[1], each[1])]
        characters = sum(len(_bare(each[0].text)) for each in same)
        better = (len(_bare(own[0].text)), own[0].confidence) > (
            characters,
            max((each[0].confidence for each in same), default=0.0),
        )
        if better:
            known = [each for each in known if not any(each is one for one in same)] + [own]
    return known


def _one_place(one: Corners, other: Corners) -> bool:
    """Whether more than half of one lies in the other."""
    shared = cv2.intersectConvexConvex(one, other)[0]
    return shared > SAME * min(cv2.contourArea(one), cv2.contourArea(other))


def _bare(text: str) -> str:
    return text.replace(" ", "")


def _wider(corners: Corners) -> Corners:
    right = corners[1] - corners[0] + corners[2] - corners[3]
    down = corners[3] - corners[0] + corners[2] - corners[1]
    width, height = (max(float(np.linalg.norm(each)), 1e-6) for each in (right, down))
    margin = MARGIN * min(width, height) / 2  # each is the sum of two sides
    right, down = right * (margin / width), down * (margin / height)
    outwards = np.stack([-right - down, right - down, right + down, down - right])
    return np.asarray(corners + outwards, np.float32)


def _meet(one: Corners, other: Corners) -> bool:
    return cv2.intersectConvexConvex(one, other)[0] > 0


def _bordered(pixels: Pixels) -> Pixels:
    return cv2.copyMakeBorder(pixels, *(AROUND_PX,) * 4, cv2.BORDER_REPLICATE)


def _joined(pixels: Pixels) -> Pixels:
    """What is dark joined over gaps, if the darkest lie farther from the ground (the median) than
    the lightest, else what is light."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), SPECKS_PX)
    dark, ground, light = np.percentile(smooth, (2, 50, 98))
    way = cv2.MORPH_OPEN if ground - dark > light - ground else cv2.MORPH_CLOSE
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (JOINED_PX, JOINED_PX))
    return cv2.morphologyEx(smooth, way, around)
