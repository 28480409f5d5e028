"""Triggers and results for a ledger, and ledgers full of results whose numbers are known, filled by
SQL in seconds."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas import Fault, Images, Result, new_id
from schemas.base import utc
from schemas.store.ledger import Ledger, NewTrigger

BEGAN = 1_790_000_000.0  # 2026-09-21
STEP_S = 10.0


def new(trigger_id: str, payload: bytes = b"{}", station: str = "cam1") -> NewTrigger:
    """A trigger to be accepted."""
    return NewTrigger(station, trigger_id, payload, "{}", False, "mqtt", 1000.0, 5)


def build(trigger_id: str, station: str = "cam1") -> Callable[[int], Result]:
    """Gives what makes its result, an ERROR / TIMEOUT, once it is given a seq."""

    def make(seq: int) -> Result:
        return Result(
            schema="result/1",
            result_id=new_id(),
            trigger_id=trigger_id,
            assigned=False,
            node="node-01",
            station=station,
            seq=seq,
            verdict="ERROR",
            evaluation=3,
            program=None,
            program_version=None,
            program_hash=None,
            part_id=None,
            meta=None,
            source="mqtt",
            received_at=utc(),
            captured_at=None,
            finished_at=utc(),
            duration_ms=1.0,
            timings_ms={},
            pose=None,
            tools=(),
            outputs="none",
            error=Fault(code="TIMEOUT", message="late"),
            images=Images(raw=None, annotated=None),
            simulated=True,
        )

    return make


def payload(number: int, station: str, seq: int) -> dict[str, Any]:
    """Result `number` (from 1): every 50th is NG by its cap, every 1000th an ERROR; cap goes from
    0.00 to 0.99."""
    verdict = verdict_of(number)
    cap = (number % 100) / 100
    return {
        "schema": "result/1",
        "result_id": result_id(number),
        "trigger_id": f"t-{number}",
        "assigned": False,
        "node": "node-01",
        "station": station,
        "seq": seq,
        "verdict": verdict,
        "evaluation": {"OK": 1, "NG": 2, "ERROR": 3}[verdict],
        "program": program_of(number),
        "program_version": 1,
        "program_hash": None,
        "part_id": part_of(number),
        "meta": None,
        "source": "mqtt",
        "received_at": "2026-09-21T00:00:00.000Z",
        "captured_at": None,
        "finished_at": utc(BEGAN + STEP_S * number),
        "duration_ms": 5.0 + number % 10,
        "timings_ms": {},
        "pose": None,
        "tools": []
        if verdict == "ERROR"
        else [
            _tool("cap", "pattern", verdict, cap, "score", 0.0, 1.0),
            _tool("label", "area", "OK", 100.0 + number % 5, "px", 90.0, None),
        ],
        "error": {"code": "CAMERA_TIMEOUT", "message": "late"} if verdict == "ERROR" else None,
        "images": {"raw": None, "annotated": None},
        "simulated": False,
    }


def _tool(
    name: str, kind: str, verdict: str, value: float, unit: str, low: float, high: float | None
) -> dict[str, Any]:
    found = {
        "name": name,
        "kind": kind,
        "verdict": verdict,
        "value": value,
        "unit": unit,
        "low": low,
        "high": high,
    }
    return {**found, "ms": 1.0, "text": None, "error": None}


def verdict_of(number: int) -> str:
    """Verdict of result `number`."""
    return "ERROR" if number % 1000 == 0 else "NG" if number % 50 == 0 else "OK"


def program_of(number: int) -> str:
    """The program of result `number`: another one judged the first hundredth."""
    return "old-program" if number <= 100 else "bottle-cap"


def part_of(number: int) -> str | None:
    """Every 7th part has an id."""
    return f"SN{number}" if number % 7 == 0 else None


def result_id(number: int) -> str:
    """A result id that contains the number."""
    return f"019a0000-0000-7000-8000-{number:012x}"


def fill(path: Path, count: int, *, bytes_each: int = 0) -> None:
    """A ledger with `count` confirmed results, cam1 and cam2 in turn, one every 10 s from BEGAN
    on."""
    Ledger(path).close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    for first in range(1, count + 1, 10_000):
        numbers = range(first, min(first + 10_000, count + 1))
        db.executemany(
            "INSERT INTO triggers VALUES (?, ?, ?, x'00', '{}', 0, 'mqtt', ?, 0, 'boot')",
            ((n, _station(n), f"t-{n}", BEGAN + STEP_S * n) for n in numbers),
        )
        db.executemany(
            "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, 0, ?)",
            (_row(n, bytes_each) for n in numbers),
        )
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _station(number: int) -> str:
    return "cam1" if number % 2 else "cam2"


def _row(n: int, bytes_each: int) -> tuple[Any, ...]:
    value = payload(n, _station(n), (n + 1) // 2)
    code = value["error"]["code"] if value["error"] else None
    text = json.dumps(value, separators=(",", ":")).encode()
    return (
        n,
        value["result_id"],
        value["station"],
        value["seq"],
        value["verdict"],
        code,
        value["program"],
        value["part_id"],
        BEGAN + STEP_S * n,
        value["duration_ms"],
        text.ljust(bytes_each),
    )
