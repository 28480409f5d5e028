"""Figures over the history: counts and yield, cycle times, reject reasons, and each tool's values
against its limits.

Counts cover every result of the filter and come from indexes alone. Percentiles, reasons and tool
figures are those of the newest results, whose number each answer gives as `of`: payloads must be
read for them, and a bounded sample answers in time.
"""

import json
import math
import sqlite3
import statistics
import time
from collections import Counter
from typing import Any

from schemas.base import utc
from schemas.errors import Problem
from schemas.store.history.filter import Filter
from schemas.store.history.rows import History
from schemas.store.history.tool_figures import figures
from schemas.store.history.walk import Order

LIMIT_S = 5.0
SAMPLE = 2000  # payloads
SAMPLE_S = 2.0
CYCLES = 10_000  # durations
POINTS = 200
MAX_BUCKETS = 1000
STEPS_S = (60, 300, 900, 3600, 4 * 3600, 86400, 7 * 86400, 30 * 86400)
NEWEST: Order = "newest"


class Statistics:
    """See the head of this file. Raises Problem STORE_FAILED, STORE_NEWER, QUERY_LIMIT."""

    def __init__(self, history: History) -> None:
        self._history = history

    def counts(self, wanted: Filter, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """total, OK, NG, ERROR, and yield: the share of good parts among all, None without any."""
        sql, values = _where(wanted)
        with self._history.ledger.connection(limit_s) as db:
            return _counted(_sums(db, sql, values))

    def since_reset(self, station: str) -> dict[str, Any]:
        """The same for a station since its counters were reset, exact by seq, with its cycle times:
        for the Run page."""
        with self._history.ledger.connection(LIMIT_S) as db:
            row = db.execute(
                "SELECT reset_at, reset_seq FROM stations WHERE station = ?", (station,)
            ).fetchone()
            at, reset = row or (0.0, 0)
            first, last = db.execute(
                "SELECT (SELECT seq FROM results WHERE station = ?1 ORDER BY seq LIMIT 1),"
                " (SELECT seq FROM results WHERE station = ?1 ORDER BY seq DESC LIMIT 1)",
                (station,),
            ).fetchone()
            total = 0 if last is None else last - max(reset, first - 1)
            totals = dict(
                db.execute(
                    "SELECT verdict, count(*) FROM results INDEXED BY results_not_ok WHERE verdict"
                    " IN ('NG', 'ERROR') AND verdict <> 'OK' AND station = ? AND seq > ? GROUP BY"
                    " verdict",
                    (station, reset),
                )
            )
            durations = [
                row[0]
                for row in db.execute(
                    "SELECT duration_ms FROM results WHERE station = ? AND seq > ? ORDER BY seq"
                    " DESC LIMIT 1000",
                    (station, reset),
                )
            ]
        totals["OK"] = max(0, total - sum(totals.values()))
        return {
            **_counted(totals),
            "since": utc(at) if at else None,
            "last_seq": last or 0,
            "cycle_ms": _spread(durations),
        }

    def over_time(self, wanted: Filter, bucket_s: int | None = None) -> dict[str, Any]:
        """Counts, altogether and in steps of `bucket_s` (None: fitting) from since to until; empty
        steps are left out.

        Without `since` it begins with the oldest result. Raises Problem VALIDATION_FAILED for more
        than 1000 steps.
        """
        _where(wanted)  # refuses conditions on tools
        with self._history.ledger.connection(LIMIT_S) as db:
            ends = [
                db.execute(
                    "SELECT finished_at FROM results INDEXED BY results_by_time ORDER BY"
                    f" finished_at {way} LIMIT 1"
                ).fetchone()
                for way in ("ASC", "DESC")
            ]
            first = (ends[0] or (time.time(),))[0]
            if wanted.since is not None:
                # the steps fit the time with results, not the empty time before it
                first = max(first, wanted.since.timestamp())
            last = wanted.until.timestamp() if wanted.until else (ends[1] or (time.time(),))[0]
            span = max(0.0, last - first)
            step = bucket_s or next(
                (each for each in STEPS_S if span / each <= POINTS), math.ceil(span / POINTS)
            )
            if span / step > MAX_BUCKETS:
                raise Problem(
                    "VALIDATION_FAILED", f"bucket_s: that would be more than {MAX_BUCKETS} steps"
                )
            buckets = []
            rest = "".join(f" AND {column} = ?" for column in wanted.fixed())
            # grouping by an expression would sort every row
            for bucket in range(int(first // step), int(last // step) + 1):
                begin, end = max(first, bucket * step), float((bucket + 1) * step)
                if wanted.until is not None:
                    end = min(end, last)
                sums = _sums(
                    db,
                    f"finished_at >= ? AND finished_at < ?{rest}",
                    [begin, end, *wanted.fixed().values()],
                )
                if any(sums.values()):
                    buckets.append((bucket, sums))
        total = {name: sum(sums[name] for _, sums in buckets) for name in ("OK", "NG", "ERROR")}
        return {
            "counts": _counted(total),
            "bucket_s": step,
            "buckets": [{"at": utc(bucket * step), **_counted(sums)} for bucket, sums in buckets],
        }

    def cycle(self, wanted: Filter) -> dict[str, Any]:
        """Durations in ms of the newest results: last, average, p95, greatest."""
        sql, values = _where(wanted)
        with self._history.ledger.connection(LIMIT_S) as db:
            rows = db.execute(
                f"SELECT duration_ms FROM results INDEXED BY results_by_time WHERE {sql}"
                f" ORDER BY finished_at DESC, id DESC LIMIT {CYCLES}",
                values,
            ).fetchall()
        return _spread([row[0] for row in rows])

    def reasons(self, wanted: Filter, top: int = 10, sample: int = SAMPLE) -> dict[str, Any]:
        """What the newest NG and ERROR results were rejected for: `tool:NAME` or an error's code,
        the most frequent first."""
        rejected: list[dict[str, Any]] = []
        complete_from = ""
        for verdict in ("NG", "ERROR"):
            if wanted.verdict in (None, verdict):
                walk = self._history.walk(
                    wanted.model_copy(update={"verdict": verdict}),
                    sample // 2,
                    NEWEST,
                    SAMPLE_S,
                    partial=True,
                )
                results = [json.loads(payload) for payload in walk]
                if len(results) == sample // 2:
                    complete_from = max(complete_from, results[-1]["finished_at"])
                rejected += results
        # as far back as both verdicts were read: there their shares are right
        rejected = [result for result in rejected if result["finished_at"] >= complete_from]
        of = len(rejected)
        counts = Counter(reason for result in rejected for reason in _reasons(result))
        return {
            "of": of,
            "reasons": [
                {"reason": reason, "count": count} for reason, count in counts.most_common(top)
            ],
        }

    def tools(self, wanted: Filter, sample: int = SAMPLE) -> dict[str, Any]:
        """Figures of every tool in the newest results of the filter; histogram and trend if the
        filter names a tool."""
        results = [
            json.loads(payload)
            for payload in self._history.walk(
                wanted, min(sample, SAMPLE), NEWEST, SAMPLE_S, partial=True
            )
        ]
        return {
            "of": len(results),
            "from": results[-1]["finished_at"] if results else None,
            "tools": figures(reversed(results), wanted.tool),
        }


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    if wanted.tool is not None:
        raise Problem(
            "VALIDATION_FAILED",
            "tool: counts know no conditions on tools; see the figures of tools",
        )
    sql, values = wanted.range()
    fixed = wanted.fixed()
    return sql + "".join(f" AND {column} = ?" for column in fixed), [*values, *fixed.values()]


def _sums(db: sqlite3.Connection, sql: str, values: list[Any]) -> dict[str, int]:
    """Results by verdict, in one pass over the index without sorting."""
    row = db.execute(
        "SELECT coalesce(sum(verdict = 'OK'), 0), coalesce(sum(verdict = 'NG'), 0),"
        f" coalesce(sum(verdict = 'ERROR'), 0) FROM results INDEXED BY results_by_time WHERE {sql}",
        values,
    ).fetchone()
    return dict(zip(("OK", "NG", "ERROR"), row, strict=True))


def _counted(totals: dict[str, int]) -> dict[str, Any]:
    total = sum(totals.values())
    counts = {verdict: totals.get(verdict, 0) for verdict in ("OK", "NG", "ERROR")}
    return {"total": total, **counts, "yield": round(counts["OK"] / total, 6) if total else None}


def _spread(newest_first: list[float]) -> dict[str, Any]:
    if not newest_first:
        return {"of": 0, "last": None, "average": None, "p95": None, "max": None}
    ordered = sorted(newest_first)
    return {
        "of": len(ordered),
        "last": newest_first[0],
        "average": round(statistics.fmean(ordered), 3),
        "p95": ordered[math.ceil(0.95 * len(ordered)) - 1],
        "max": ordered[-1],
    }


def _reasons(result: dict[str, Any]) -> list[str]:
    if result["error"]:
        return [result["error"]["code"]]
    return [f"tool:{tool['name']}" for tool in result["tools"] if tool["verdict"] != "OK"] or [
        "judgement"
    ]
