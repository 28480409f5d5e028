"""Figures over results: counts and yield over time, cycle times, the values of each tool."""

from typing import Annotated

from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas.store.history.filter import Filter
from web.access import requires
from web.api.history.base import SLOW, filter_of, history
from web.command import stations
from web.records import Counters, Counts, Spread, records
from web.response import ok


class FiguresQuery(Filter):
    """Figures over results."""

    bucket_s: Annotated[int, Field(ge=1, le=366 * 86400)] | None = Field(
        default=None, description="Length of the steps in seconds; fitting if missing."
    )


class Bucket(Counts):
    """Counts of one step in time."""

    at: str


class Reason(TypedDict):
    """What parts were rejected for."""

    reason: str
    count: int


class Rejects(TypedDict):
    """The most frequent reasons among `of` results."""

    of: int
    reasons: list[Reason]


class Over(TypedDict):
    """Counts and cycle times over time."""

    counts: Counts
    bucket_s: int
    buckets: list[Bucket]
    cycle_ms: Spread
    rejects: Rejects


class LimitSpan(TypedDict):
    """Versions of a program with the same limits: how many values they judged, and how well those
    keep them: Cpk by the deviation from part to part, Ppk by that of all."""

    from_version: int
    to_version: int
    low: float | None
    high: float | None
    of: int
    cpk: float | None
    ppk: float | None


class ToolFigures(LimitSpan):
    """The values of one tool of one program in one unit, beside the newest span of limits."""

    program: str
    name: str
    kind: str
    unit: str
    verdicts: dict[str, int]
    count: int
    min: float | None
    max: float | None
    mean: float | None
    standard_deviation: float | None
    spans: list[LimitSpan]


ToolList = TypedDict("ToolList", {"of": int, "from": str | None, "tools": list[ToolFigures]})


@history.get("/statistics")
@requires("VIEWER", query=FiguresQuery, data=Over, codes=SLOW)
def statistics(query: FiguresQuery) -> ResponseReturnValue:
    """Counts and yield, both over time, cycle times, and what parts were rejected for."""
    figures, wanted = records().statistics, filter_of(query)
    return records().kept.answer(
        lambda: {
            **figures.over_time(wanted, query.bucket_s),
            "cycle_ms": figures.cycle(wanted),
            "rejects": figures.reasons(wanted),
        }
    )


@history.get("/statistics/tools")
@requires("VIEWER", query=Filter, data=ToolList, codes=SLOW)
def tools(query: Filter) -> ResponseReturnValue:
    """Each tool's values against its limits: least, greatest, mean, deviation, Cpk; with `tool`,
    histogram and trend."""
    return records().kept.answer(lambda: records().statistics.tools(filter_of(query)))


@history.get("/statistics/stations")
@requires("SCREEN", data=dict[str, Counters], codes=SLOW)
def since_reset() -> ResponseReturnValue:
    """Counts, yield and cycle times of every station since its counters were reset."""
    return ok({station: records().statistics.since_reset(station) for station in stations()})
