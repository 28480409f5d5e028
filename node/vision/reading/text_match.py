"""Which of the texts that were read are right (expected, matching a pattern, or said by the
trigger), and in which order."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from schemas import Problem, Trigger
from schemas.base import plain
from schemas.tools.reading import ReadingTool
from schemas.tools.regular import compiled, matches

SAME_LINE = 0.5  # of the lower box's height
MOST_SHOWN = 1000  # characters of a text in a result
MOST_STEPS = 2_000_000  # for one match: characters times states of the pattern; 0.5 s at worst


def judge(
    settings: ReadingTool, trigger: Trigger, without_spaces: bool = False
) -> Callable[[str], bool]:
    """Whether a text is right, as a function of the text; any is, if nothing says which.

    Raises Problem NO_VALUE if the trigger does not say what to compare with.
    """
    fold = _without_spaces if without_spaces else str
    pattern = settings.pattern
    if pattern is not None:
        return lambda text: _matches(pattern, fold(text))
    wanted = settings.expected if settings.match is None else _said(settings.match, trigger)
    if wanted is None:
        return lambda _: True
    wanted = fold(wanted)
    return lambda text: wanted in (fold(text), fold(plain(text, len(text))))


def shown(texts: list[str]) -> str | None:
    """Texts for a result: what cannot be printed (NUL, group separators) is escaped; None if there
    is none."""
    return (
        plain(", ".join(plain(text, MOST_SHOWN) for text in texts), MOST_SHOWN) if texts else None
    )


def in_order(boxes: list[NDArray[np.float64]]) -> list[int]:
    """Which box is read first, second ..: lines from top to bottom, each from left to right,
    however the label is turned.

    boxes: 4 x 2 each, from the left top corner clockwise. Boxes are of one line if they overlap by
    half across its direction, the mean of all boxes' upper and lower sides, long ones counting
    more.
    """
    if not boxes:
        return []
    along = sum((box[1] - box[0]) + (box[2] - box[3]) for box in boxes)
    along = along / max(float(np.hypot(*along)), 1e-9)
    # right and down in the label
    places = [box @ np.array([[along[0], -along[1]], [along[1], along[0]]]) for box in boxes]
    spans = [
        (place[:, 0].min(), *(place[ends, 1].mean() for ends in ([0, 1], [2, 3])))
        for place in places
    ]
    lines: list[list[int]] = []
    for number in sorted(range(len(boxes)), key=lambda one: spans[one][1] + spans[one][2]):
        _, top, bottom = spans[number]
        for line in reversed(lines):
            _, first, last = (np.mean([spans[other][end] for other in line]) for end in range(3))
            if min(last, bottom) - max(first, top) >= SAME_LINE * min(last - first, bottom - top):
                line.append(number)
                break
        else:
            lines.append([number])
    return [number for line in lines for number in sorted(line, key=lambda one: spans[one][0])]


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def _matches(pattern: str, text: str) -> bool:
    if len(text) * len(compiled(pattern)) > MOST_STEPS:
        raise Problem("NO_VALUE", f"a text of {len(text)} characters is too long for this pattern")
    return matches(pattern, text)


def _said(source: str, trigger: Trigger) -> str:
    """The trigger's part_id, or a text or whole number of its meta."""
    said = (
        trigger.part_id
        if source == "part_id"
        else (trigger.meta or {}).get(source.removeprefix("meta."))
    )
    if isinstance(said, bool) or not isinstance(said, str | int) or said == "":
        raise Problem("NO_VALUE", f"the trigger has no {source} to compare with")
    return str(said)
