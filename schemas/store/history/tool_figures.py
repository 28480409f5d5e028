"""The values of tools over many parts: what belongs together, and how well it keeps its limits.

Tools of one name may be of other programs, kinds or units: those are never one series. Limits
belong to the version that judged, so how well values keep them is told for each span of versions
with the same limits.
"""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

BINS = 30
POINTS = 200
D2 = 1.128  # mean range of two values of a normal distribution, in standard deviations (ISO 7870-2)


class SeriesKey(NamedTuple):
    """What values have in common that form one series."""

    program: str
    name: str
    kind: str
    unit: str


class ToolValue(NamedTuple):
    """What one tool said about one part; value: None if it measured nothing."""

    station: str
    version: int
    at: str
    value: float | None
    low: float | None
    high: float | None
    verdict: str


def figures(results: Iterable[dict[str, Any]], tool: str | None = None) -> list[dict[str, Any]]:
    """Figures of every series in results as published, oldest first; with `tool`, of those of that
    name only, and with histogram and trend."""
    series: dict[SeriesKey, list[ToolValue]] = {}
    for result in results:
        for each in result["tools"]:
            if tool in (None, each["name"]):
                key = SeriesKey(result["program"] or "", each["name"], each["kind"], each["unit"])
                series.setdefault(key, []).append(
                    ToolValue(
                        result["station"],
                        result["program_version"] or 0,
                        result["finished_at"],
                        each["value"],
                        each["low"],
                        each["high"],
                        each["verdict"],
                    )
                )
    return [_figures(key, measured, whole=tool is not None) for key, measured in series.items()]


def _figures(key: SeriesKey, series: list[ToolValue], *, whole: bool) -> dict[str, Any]:
    values = [each.value for each in series if each.value is not None]
    spans = _spans(series)
    shown: dict[str, Any] = {
        **key._asdict(),
        **spans[-1],
        "verdicts": {
            verdict: sum(each.verdict == verdict for each in series)
            for verdict in ("OK", "NG", "ERROR")
        },
        "count": len(values),
        "min": min(values, default=None),
        "max": max(values, default=None),
        "mean": statistics.fmean(values) if values else None,
        "standard_deviation": statistics.stdev(values) if len(values) > 1 else None,
        "spans": spans,
    }
    if whole and values:
        shown["histogram"] = _histogram(values)
        shown["trend"] = _trend([each for each in series if each.value is not None])
    return shown


def _spans(series: Sequence[ToolValue]) -> list[dict[str, Any]]:
    """Versions with the same limits, one after the other, and how well the values kept them."""
    by_version = sorted(series, key=lambda each: each.version)
    spans = []
    for (low, high), group in groupby(by_version, key=lambda each: (each.low, each.high)):
        judged = list(group)
        values = [each.value for each in judged if each.value is not None]
        mean = statistics.fmean(values) if values else None
        whole = statistics.stdev(values) if len(values) > 1 else None
        spans.append(
            {
                "from_version": judged[0].version,
                "to_version": judged[-1].version,
                "low": low,
                "high": high,
                "of": len(values),
                "cpk": capability(mean, _within(judged), low, high),
                "ppk": capability(mean, whole, low, high),
            }
        )
    return spans


def _within(series: Sequence[ToolValue]) -> float | None:
    """Standard deviation from part to part, by the mean moving range of each station (ISO 7870-2):
    what drifts slowly is not in it. None without two parts of one station in a row."""
    last: dict[str, list[float]] = {}
    for each in series:
        if each.value is not None:
            last.setdefault(each.station, []).append(each.value)
    ranges = [abs(b - a) for values in last.values() for a, b in pairwise(values)]
    return statistics.fmean(ranges) / D2 if ranges else None


def capability(
    mean: float | None, deviation: float | None, low: float | None, high: float | None
) -> float | None:
    """Distance of the mean to the nearer limit over three standard deviations (ISO 22514-2, normal
    distribution): Cpk by that from part to part, Ppk by that of all values.

    None without a limit, with fewer than two values, or where all values are equal.
    """
    if mean is None or not deviation:
        return None
    sides = [mean - low] if low is not None else []
    sides += [high - mean] if high is not None else []
    return min(sides) / (3 * deviation) if sides else None


def _histogram(values: list[float]) -> dict[str, Any]:
    """BINS equal bins from the least to the greatest value."""
    first, last = min(values), max(values)
    width = (last - first) / BINS
    if not width > 0:
        return {"from": first, "to": last, "counts": [len(values)]}
    counts = Counter(min(int((value - first) / width), BINS - 1) for value in values)
    return {"from": first, "to": last, "counts": [counts[each] for each in range(BINS)]}


def _trend(series: list[ToolValue]) -> list[dict[str, Any]]:
    """At most POINTS groups of consecutive values: when the group ended, and its least, mean and
    greatest value."""
    step = math.ceil(len(series) / POINTS)
    groups = (series[first : first + step] for first in range(0, len(series), step))
    points = []
    for group in groups:
        values = [each.value for each in group if each.value is not None]
        points.append(
            {
                "at": group[-1].at,
                "min": min(values),
                "mean": statistics.fmean(values),
                "max": max(values),
            }
        )
    return points
