"""What a measurement gives: one figure with its target, and how medians and ratios are taken."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the table. `met` is None for a figure without a target; `detail` holds what it
    rests on."""

    name: str
    value: float
    unit: str
    target: str
    met: bool | None
    detail: dict[str, float | str]


def share(values: Sequence[float], part: float) -> float:
    """The value that `part` (0 to 1) of the values do not exceed: nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * round(part * 1000) // 1000) - 1))]


def ratio(
    name: str,
    rounds: Sequence[tuple[float, float]],
    unit: str,
    target: str,
    met: Callable[[float], bool],
) -> Figure:
    """The median over rounds of ours / theirs; absolute medians and the spread of the ratios are
    the detail."""
    ratios = [ours / theirs for ours, theirs in rounds]
    detail: dict[str, float | str] = {
        f"node {unit}": round(median(ours for ours, _ in rounds), 3),
        f"other {unit}": round(median(theirs for _, theirs in rounds), 3),
        "ratios": f"{min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} rounds",
    }
    value = median(ratios)
    return Figure(name, round(value, 3), "x", target, met(value), detail)
