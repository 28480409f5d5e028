"""Rows of the history: filtered, paged, walked and exported without ever holding up who writes.

One file: pages, walks and exports are held against the same rows.
"""

import csv
import io
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas import Problem
from schemas.store.history.export import as_csv, json_lines
from schemas.store.history.filter import Filter
from schemas.store.history.rows import History
from schemas.store.history.statistics import Statistics
from schemas.store.history.walk import Order
from schemas.store.ledger import Ledger
from tests.rooms.promise.ledgers import BEGAN, STEP_S, fill, payload, result_id, verdict_of

COUNT = 30_000


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> History:
    path = tmp_path_factory.mktemp("history") / "ledger.db"
    fill(path, COUNT)
    return History(path)


def at(number: float) -> datetime:
    return datetime.fromtimestamp(BEGAN + STEP_S * number, UTC)


def numbers(history: History, which: Filter, limit: int = 50, order: Order = "newest") -> list[int]:
    """Every result of a filter, through all its pages."""
    found, cursor = [], None
    while True:
        page = history.page(which, limit, cursor, order)
        found += [int(row.result_id[24:], 16) for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"verdict": "NG"}, lambda n: verdict_of(n) == "NG"),
        (
            {"verdict": "ERROR", "station": "cam2"},
            lambda n: verdict_of(n) == "ERROR" and n % 2 == 0,
        ),
        ({"code": "CAMERA_TIMEOUT"}, lambda n: n % 1000 == 0),
        ({"part_id": "SN7"}, lambda n: n == 7),
        ({"program": "old-program"}, lambda n: n <= 100),
        (
            {"program": "old-program", "station": "cam1", "verdict": "OK"},
            lambda n: n <= 100 and n % 2 and verdict_of(n) == "OK",
        ),
        ({"since": at(100), "until": at(200)}, lambda n: 100 <= n < 200),
        (
            {"since": at(100), "until": at(2000), "verdict": "NG"},
            lambda n: 100 <= n < 2000 and verdict_of(n) == "NG",
        ),
        ({"station": "cam9"}, lambda n: False),
        (
            {"until": at(3000), "tool": "cap", "tool_low": 0.5, "tool_high": 0.51},
            lambda n: n < 3000 and n % 100 in (50, 51) and n % 1000,
        ),
        (
            {"until": at(3000), "tool": "cap", "tool_verdict": "NG"},
            lambda n: n < 3000 and verdict_of(n) == "NG",
        ),
        ({"tool": "cap", "tool_low": 0.9, "verdict": "NG"}, lambda n: False),
    ],
)
def test_all_pages_of_a_filter_are_exactly_its_results_newest_first(
    full: History, given: dict, wanted: object
) -> None:
    expected = [n for n in range(COUNT, 0, -1) if wanted(n)]  # type: ignore[operator]
    assert numbers(full, Filter(**given), limit=17 if len(expected) < 1000 else 200) == expected


@pytest.mark.parametrize("given", [{}, {"station": "cam1"}, {"until": at(1000)}])
def test_the_oldest_first_is_the_reverse(full: History, given: dict) -> None:
    newest = [row.seq for row in full.page(Filter(**given), 5, order="oldest").rows]
    assert newest == sorted(newest)
    assert newest[0] == 1


def test_a_page_that_could_not_be_filled_in_time_says_so_and_its_cursor_goes_on(
    full: History,
) -> None:
    hasty = History(full.ledger.path, budget_s=0.0)
    page = hasty.page(Filter(tool="cap", tool_low=0.5, tool_high=0.5))
    assert page.complete is False
    assert page.cursor is not None
    wanted = Filter(tool="cap", tool_low=0.5, tool_high=0.5, until=at(2000))
    assert numbers(hasty, wanted) == [n for n in range(1999, 0, -1) if n % 100 == 50 and n % 1000]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!!!", "bnVsbA", "W10", "e30", "A" * 500, "../../etc/passwd", "' OR 1=1 --", "é"],
)
def test_a_cursor_that_is_none_is_refused(full: History, cursor: str) -> None:
    with pytest.raises(Problem, match="VALIDATION_FAILED"):
        full.page(Filter(), 10, cursor)


def test_a_cursor_of_another_filter_is_refused(full: History) -> None:
    cursor = full.page(Filter(verdict="NG"), 10).cursor
    for other in (Filter(), Filter(verdict="ERROR"), Filter(verdict="NG", station="cam1")):
        with pytest.raises(Problem, match="another filter"):
            full.page(other, 10, cursor)
    with pytest.raises(Problem, match="another filter"):
        full.page(Filter(verdict="NG"), 10, cursor, "oldest")


@pytest.mark.parametrize("limit", [0, -1, 201, 10**9])
def test_a_limit_beyond_its_bounds_is_refused(full: History, limit: int) -> None:
    with pytest.raises(Problem, match="limit"):
        full.page(Filter(), limit)


def test_sql_in_a_filter_is_only_text(full: History) -> None:
    assert full.page(Filter(part_id="SN7' OR '1'='1")).rows == []
    assert full.page(Filter(part_id="%")).rows == []


def test_no_page_of_a_plain_filter_is_sorted_or_reads_the_whole_table(full: History) -> None:
    from schemas.store.history.walk import Walk

    for given in (
        {},
        {"station": "cam1"},
        {"verdict": "NG"},
        {"code": "X"},
        {"part_id": "x"},
        {"since": at(5)},
    ):
        walk = Walk(Filter(**given), "newest")
        seen: list[str] = []
        with full.ledger.connection(5) as db:
            db.set_trace_callback(seen.append)
            _, position, _ = walk.search(db, None, 5, 0)
            walk.search(db, position, 5, 0)
            db.set_trace_callback(None)
            for sql in seen:
                plan = " ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}"))
                assert "TEMP B-TREE" not in plan, (given, plan)
                assert "SEARCH" in plan or given == {}, (given, plan)


def test_one_result_is_what_was_published(full: History) -> None:
    assert json.loads(full.one(result_id(7))) == payload(7, "cam1", 4)
    with pytest.raises(Problem, match="RESULT_NOT_FOUND"):
        full.one("../../etc/passwd")


def test_what_a_stream_missed_comes_in_the_order_of_seq(full: History) -> None:
    assert [seq for seq, _ in full.after("cam1", 14_990, 5)] == [
        14_991,
        14_992,
        14_993,
        14_994,
        14_995,
    ]
    assert full.last_seq("cam1") == 15_000
    assert full.last_seq("cam9") == 0


def test_counts_yield_and_cycle_times_cover_every_result(full: History) -> None:
    figures = Statistics(full)
    assert figures.counts(Filter()) == {
        "total": 30_000,
        "OK": 29_400,
        "NG": 570,
        "ERROR": 30,
        "yield": 0.98,
    }
    assert figures.counts(Filter(station="cam9"))["yield"] is None
    assert figures.cycle(Filter()) == {
        "of": 10_000,
        "last": 5.0,
        "average": 9.5,
        "p95": 14.0,
        "max": 14.0,
    }


def test_counts_since_the_reset_are_exact(tmp_path: Path) -> None:
    fill(tmp_path / "ledger.db", 2000)
    figures = Statistics(History(tmp_path / "ledger.db"))
    assert figures.since_reset("cam2")["total"] == 1000
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute(
            "INSERT INTO stations (station, reset_at, reset_seq) VALUES ('cam2', 1790000000, 900)"
        )
    found = figures.since_reset("cam2")  # numbers 1802 to 2000, the even ones
    assert {name: found[name] for name in ("total", "OK", "NG", "ERROR")} == {
        "total": 100,
        "OK": 96,
        "NG": 3,
        "ERROR": 1,
    }
    assert figures.since_reset("cam9")["total"] == 0


def test_yield_over_time_adds_up_and_too_many_steps_are_refused(full: History) -> None:
    found = Statistics(full).over_time(Filter(since=at(0), until=at(8640)))
    assert found["bucket_s"] == 900
    assert sum(bucket["total"] for bucket in found["buckets"]) == 8639
    assert len(found["buckets"]) == 97  # the first begins within a step
    with pytest.raises(Problem, match="1000 steps"):
        Statistics(full).over_time(Filter(), 60)


def test_the_reasons_of_rejects_are_tools_and_codes(full: History) -> None:
    found = Statistics(full).reasons(Filter())
    assert found == {
        "of": 600,
        "reasons": [
            {"reason": "tool:cap", "count": 570},
            {"reason": "CAMERA_TIMEOUT", "count": 30},
        ],
    }


def test_a_sample_of_rejects_keeps_the_shares_of_bad_parts_and_errors(full: History) -> None:
    # the newest 40 bad parts go back to number 27,950
    found = Statistics(full).reasons(Filter(), sample=80)
    assert found == {
        "of": 43,
        "reasons": [{"reason": "tool:cap", "count": 40}, {"reason": "CAMERA_TIMEOUT", "count": 3}],
    }


def test_a_result_knows_its_neighbours_in_the_station(full: History) -> None:
    assert full.beside("cam1", 2) == (result_id(1), result_id(5))
    assert full.beside("cam1", 1) == (None, result_id(3))
    assert full.beside("cam2", full.last_seq("cam2"))[1] is None


def test_the_codes_are_those_that_results_have(full: History) -> None:
    assert full.codes() == ["CAMERA_TIMEOUT"]


@pytest.mark.parametrize(
    "given", [{}, {"station": "cam1"}, {"verdict": "NG"}, {"program": "bottle-cap"}]
)
def test_an_incomplete_search_tells_how_far_it_has_come(full: History, given: dict) -> None:
    page = History(full.ledger.path, budget_s=0.0).page(Filter(tool="cap", tool_low=5.0, **given))
    assert not page.complete
    assert page.searched_to is not None
    assert datetime.fromisoformat(page.searched_to) < at(COUNT)


def test_the_figures_of_a_tool_are_those_of_its_values(full: History) -> None:
    found = Statistics(full).tools(Filter(since=at(101), until=at(601), tool="cap"))
    assert found["of"] == 500
    (tool,) = found["tools"]
    assert (tool["count"], tool["min"], tool["max"]) == (500, 0.0, 0.99)
    assert tool["mean"] == pytest.approx(0.495, abs=1e-3)
    assert tool["standard_deviation"] == pytest.approx(0.2886, abs=1e-3)
    assert tool["ppk"] == pytest.approx(0.495 / (3 * 0.2886), rel=1e-2)
    assert sum(tool["histogram"]["counts"]) == 500
    assert len(tool["trend"]) <= 200
    both = Statistics(full).tools(Filter(until=at(501), tool="cap"))["tools"]
    assert [each["program"] for each in both] == ["old-program", "bottle-cap"]
    assert [each["name"] for each in Statistics(full).tools(Filter())["tools"]] == ["cap", "label"]


def test_csv_and_json_lines_hold_every_result_of_the_filter(full: History) -> None:
    lines = b"".join(json_lines(full, Filter(verdict="NG"))).splitlines()
    assert [json.loads(line)["result_id"] for line in lines][:2] == [
        result_id(29_950),
        result_id(29_900),
    ]
    assert len(lines) == 570
    rows = list(csv.DictReader(io.StringIO("".join(as_csv(full, Filter(verdict="NG"))))))
    assert len(rows) == 570
    assert (rows[0]["cap.value"], rows[0]["cap.verdict"], rows[0]["label.low"]) == (
        "0.5",
        "NG",
        "90.0",
    )
    assert len(list(json_lines(full, Filter(), rows=700))) == 700


def test_values_in_another_unit_have_columns_of_their_own(tmp_path: Path) -> None:
    fill(tmp_path / "ledger.db", 2)
    value = payload(1, "cam1", 1)
    value["tools"][0] |= {"unit": "mm", "value": 12.5}
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        changed = "UPDATE results SET payload = ? WHERE seq = 1 AND station = 'cam1'"
        db.execute(changed, (json.dumps(value).encode(),))
    rows = list(
        csv.DictReader(io.StringIO("".join(as_csv(History(tmp_path / "ledger.db"), Filter()))))
    )
    assert [row["cap [mm].value"] for row in rows].count("12.5") >= 1
    for row in rows:
        assert (row["cap [mm].value"] == "") != (row["cap [score].value"] == "")
        assert row["label.unit"] == "px"


def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(tmp_path: Path) -> None:
    fill(tmp_path / "ledger.db", 1)
    value = {
        **payload(1, "cam1", 1),
        "part_id": "=HYPERLINK(1)",
        "trigger_id": "-2+3",
        "source": "@x",
        "program": 'a"b\r\nc',
    }
    value["tools"][0]["value"] = -1.5
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute("UPDATE results SET payload = ?", (json.dumps(value).encode(),))
    (row,) = csv.DictReader(
        io.StringIO("".join(as_csv(History(tmp_path / "ledger.db"), Filter())), newline="")
    )
    assert (row["part_id"], row["trigger_id"], row["source"]) == ("'=HYPERLINK(1)", "'-2+3", "'@x")
    assert row["program"] == 'a"b\r\nc'
    assert row["cap.value"] == "-1.5"  # a number stays one


def test_before_the_node_was_ever_started_the_history_is_empty(tmp_path: Path) -> None:
    history = History(tmp_path / "ledger.db")
    assert history.page(Filter()).rows == []
    assert Statistics(history).counts(Filter())["total"] == 0
    assert Statistics(history).over_time(Filter())["buckets"] == []
    assert Statistics(history).since_reset("cam1")["total"] == 0
    fill(tmp_path / "ledger.db", 3)
    assert len(history.page(Filter()).rows) == 3


def test_a_query_that_takes_too_long_is_ended_and_the_next_one_works(full: History) -> None:
    with pytest.raises(Problem, match="QUERY_LIMIT"), full.ledger.connection(0.05) as db:
        db.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
        ).fetchall()
    assert len(full.page(Filter(), 5).rows) == 5


def test_a_ledger_of_another_release_is_told(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.db").close()
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(Problem, match="STORE_NEWER"):
        History(tmp_path / "ledger.db").page(Filter())


def test_a_ledger_of_version_1_is_brought_to_version_2_with_a_copy_first(tmp_path: Path) -> None:
    from importlib.resources import files

    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as db:
        db.executescript(
            files("schemas.store.ledger").joinpath("ledger.sql").read_text()
            + "PRAGMA user_version=1;"
        )
    with pytest.raises(Problem, match="start the node"):
        History(path).page(Filter())
    fill(path, 10)
    assert len(History(path).page(Filter(verdict="OK")).rows) == 10
    assert (tmp_path / "ledger.db.before-2").exists()
