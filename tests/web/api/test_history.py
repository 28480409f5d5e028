import csv
import io
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from schemas import CATALOGUE, new_id
from schemas.store.history import statistics
from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.ledgers import fill, payload, result_id
from web.site import NAME

PICTURE = b"\xff\xd8\xff picture"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("web")
    (folder / "state").mkdir()
    fill(folder / "state" / "ledger.db", 3000)
    made = application(folder)
    yield made
    made.extensions[NAME].close()


@pytest.fixture(scope="module")
def viewer(app: Flask) -> Someone:
    return Someone(app, "VIEWER")


def test_pages_lead_through_all_results_of_a_filter(viewer: Someone) -> None:
    found, cursor = [], ""
    while True:
        data = viewer.get(f"/results?verdict=NG&station=cam2&limit=20{cursor}")
        found += [row["result_id"] for row in data["results"]]
        if data["cursor"] is None:
            break
        cursor = f"&cursor={data['cursor']}"
    assert found == [result_id(n) for n in range(3000, 0, -1) if n % 50 == 0 and n % 1000]


def test_a_bad_part_is_seen_for_everybody_by_an_operator(app: Flask, viewer: Someone) -> None:
    operator = Someone(app, "OPERATOR")
    assert viewer.get("/stations/cam2/seen") == {"result_id": None, "by": None, "at": None}
    bad, good = result_id(50), result_id(2)
    for station, result, refused in [
        ("cam2", good, (422, "VALIDATION_FAILED")),
        ("cam1", bad, (422, "VALIDATION_FAILED")),
        ("cam2", "none", (404, "RESULT_NOT_FOUND")),
        ("cam9", bad, (404, "STATION_NOT_FOUND")),
    ]:
        body = {"result_id": result}
        assert operator.refused("POST", f"/stations/{station}/seen", json=body) == refused
    assert operator.ask("POST", "/stations/cam2/seen", json={"result_id": bad}).status_code == 200
    seen = viewer.get("/stations/cam2/seen")
    assert (seen["result_id"], seen["by"]) == (bad, operator.username)
    assert viewer.get("/stations/cam1/seen")["result_id"] is None
    assert viewer.refused("POST", "/stations/cam2/seen", json={"result_id": bad}) == (
        403,
        "PERMISSION_DENIED",
    )


def test_a_row_and_an_export_say_why_a_part_is_not_ok(viewer: Someone) -> None:
    row = viewer.get("/results?verdict=NG&limit=1")["results"][0]
    assert row["why"] == {
        "tool": "cap",
        "value": 0.5,
        "unit": "score",
        "low": 0.0,
        "high": 1.0,
        "code": None,
        "more": 0,
    }
    assert {each["why"] for each in viewer.get("/results?verdict=OK&limit=5")["results"]} == {None}
    error = viewer.get("/results?verdict=ERROR&limit=1")["results"][0]
    assert (error["why"], error["code"]) == (
        None,
        "CAMERA_TIMEOUT",
    ), "no tool has looked at it: the code says why"
    [line] = csv.DictReader(
        io.StringIO(viewer.ask("GET", "/results/export?verdict=NG&format=csv&rows=1").text)
    )
    assert line["why"] == "cap 0.5"


def test_every_filter_can_be_asked_for_in_the_query(viewer: Someone) -> None:
    query = "since=2026-09-21T00:00:00Z&until=2026-12-01T00:00:00%2B01:00&tool=cap&tool_low=0.5&tool_high=0.5&tool_verdict=NG"  # noqa: E501
    data = viewer.get(f"/results?{query}&program=bottle-cap&limit=200")
    found = data["results"]
    while data["cursor"]:  # values of tools are searched for a limited time only
        data = viewer.get(f"/results?{query}&program=bottle-cap&limit=200&cursor={data['cursor']}")
        found += data["results"]
    assert len(found) == 29
    assert [row["part_id"] for row in viewer.get("/results?part_id=SN7")["results"]] == ["SN7"]
    assert len(viewer.get("/results?code=CAMERA_TIMEOUT&order=oldest")["results"]) == 3


@pytest.mark.parametrize(
    "query",
    [
        "page=-1",
        "limit=1000000000",
        "limit=0",
        "limit=-1",
        "limit=1.5",
        "limit=ten",
        "sort=payload",
        "order=payload",
        "order=newest;DROP%20TABLE%20results",
        "verdict=OK'--",
        "station=../../etc/passwd",
        "since=yesterday",
        "since=2026-09-21T00:00:00",
        "tool_low=1",
        "tool=cap&tool_low=nan",
        "tool=cap&tool_low=1e999",
        "cursor=AAAA",
        "cursor=%00",
        "part_id=%00",
        "part_id=a&part_id=b",
        f"part_id={'x' * 2000}",
        "__proto__=1",
    ],
)
def test_what_no_filter_is_is_refused(viewer: Someone, query: str) -> None:
    assert viewer.refused("GET", f"/results?{query}") == (422, "VALIDATION_FAILED")


def test_sql_in_a_text_is_only_text(viewer: Someone) -> None:
    assert viewer.get("/results?part_id=x'%20OR%201=1%20--")["results"] == []


def test_one_result_is_what_was_published_and_others_are_not_there(viewer: Someone) -> None:
    assert viewer.get(f"/results/{result_id(49)}") == {**payload(49, "cam1", 25), "kept": []}
    assert viewer.refused("GET", f"/results/{new_id()}") == (404, "RESULT_NOT_FOUND")
    assert viewer.refused("GET", "/results/..%2F..%2Fetc%2Fpasswd")[0] == 404


def test_a_picture_is_given_once_and_then_kept_by_the_browser(app: Flask, viewer: Someone) -> None:
    name = f"{new_id()}.annotated.jpg"
    folder = Path(app.extensions[NAME].state) / "pictures" / name[:7]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(PICTURE)
    answer = viewer.ask("GET", f"/pictures/{name}")
    assert (answer.data, answer.mimetype) == (PICTURE, "image/jpeg")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    again = viewer.ask(
        "GET", f"/pictures/{name}", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.data) == (304, b"")


def test_a_small_picture_is_given_or_the_annotated_one_of_results_from_before(
    app: Flask, viewer: Someone
) -> None:
    ids = new_id(), new_id()
    for each in ids:
        folder = Path(app.extensions[NAME].state) / "pictures" / each[:7]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{each}.annotated.jpg").write_bytes(PICTURE)
    (folder / f"{ids[1]}.thumb.jpg").write_bytes(PICTURE[:-1])
    old, new = (viewer.ask("GET", f"/pictures/{each}.thumb.jpg") for each in ids)
    assert (old.status_code, old.data, new.data) == (200, PICTURE, PICTURE[:-1])
    assert old.headers["ETag"] != new.headers["ETag"]
    assert viewer.refused("GET", f"/pictures/{new_id()}.thumb.jpg") == (404, "RESULT_NOT_FOUND")
    assert viewer.refused("GET", f"/pictures/{ids[0]}.thumb.png") == (404, "RESULT_NOT_FOUND")


def test_one_result_knows_its_neighbours_its_advice_and_that_its_program_was_deleted(
    viewer: Someone,
) -> None:
    found = viewer.get(f"/results/{result_id(1000)}/around")
    assert (found["previous"], found["next"]) == (result_id(998), result_id(1002))
    assert found["advice"] == CATALOGUE["CAMERA_TIMEOUT"].advice
    assert found["newest_version"] is None
    assert viewer.refused("GET", f"/results/{new_id()}/around") == (404, "RESULT_NOT_FOUND")


def test_filters_are_offered_what_there_is(viewer: Someone) -> None:
    found = viewer.get("/results/choices")
    assert (found["stations"], found["programs"]) == (["cam1", "cam2"], [])
    assert found["codes"] == [
        {"code": "CAMERA_TIMEOUT", "message": CATALOGUE["CAMERA_TIMEOUT"].message}
    ]


def test_a_list_names_no_picture_that_is_gone_but_one_that_is_just_being_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").mkdir()
    fill(tmp_path / "state" / "ledger.db", 3)
    app = application(tmp_path)
    old, kept, new = (result_id(number) for number in (1, 2, 3))
    with sqlite3.connect(tmp_path / "state" / "ledger.db") as db:
        for result, age_s in ((old, 3600), (kept, 3600), (new, 0)):
            db.execute(
                "UPDATE results SET pictures = 1, finished_at = ? WHERE result_id = ?",
                (time.time() - age_s, result),
            )
    folder = tmp_path / "state" / "pictures" / kept[:7]
    folder.mkdir(parents=True)
    (folder / f"{kept}.annotated.jpg").write_bytes(PICTURE)
    found = {
        row["result_id"]: row["images"] for row in Someone(app, "VIEWER").get("/results")["results"]
    }
    assert found[old] is None
    assert found[kept]["annotated"] == f"{kept}.annotated.jpg"
    assert found[new] is not None
    app.extensions[NAME].close()


@pytest.mark.parametrize(
    "name",
    [
        "../ledger.db",
        "..%2Fledger.db",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2fledger.db",
        "....//ledger.db",
        "%2Fetc%2Fpasswd",
        "..%5cledger.db",
        "ledger.db",
        "x.jpg%00.png",
        "tmp",
        "01a1ee56-5e00-75b1-80ec-3eb4d84321b3.jpg",
        "01a1ee56-5e00-75b1-80ec-3eb4d84321b3.svg",
    ],
)
def test_a_name_that_is_no_picture_leads_nowhere(viewer: Someone, name: str) -> None:
    status, code = viewer.refused("GET", f"/pictures/{name}")
    assert (status, code in ("NOT_FOUND", "RESULT_NOT_FOUND")) == (404, True)


def test_exports_hold_the_filter_and_say_how_many(viewer: Someone) -> None:
    answer = viewer.ask("GET", "/results/export?verdict=NG&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == int(answer.headers["X-Total-Count"]) == 57
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = viewer.ask("GET", "/results/export?format=jsonl&rows=5").text.splitlines()
    assert [json.loads(line)["result_id"] for line in lines] == [
        result_id(n) for n in range(3000, 2995, -1)
    ]
    assert viewer.refused("GET", "/results/export?format=xlsx") == (422, "VALIDATION_FAILED")


def test_statistics_answer_from_the_ledger(
    viewer: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "SAMPLE_S", 60.0)  # all of them, however busy the machine is
    data = viewer.get("/statistics?bucket_s=3600")
    assert data["counts"] == {"total": 3000, "OK": 2940, "NG": 57, "ERROR": 3, "yield": 0.98}
    assert sum(bucket["total"] for bucket in data["buckets"]) == 3000
    assert data["rejects"]["reasons"][0] == {"reason": "tool:cap", "count": 57}
    (tool,) = viewer.get("/statistics/tools?tool=cap")["tools"]
    assert tool["count"] == 2000  # the newest that have the tool
    assert viewer.get("/statistics/stations")["cam1"]["total"] == 1500
    assert viewer.refused("GET", "/statistics?bucket_s=1&since=1970-01-01T00:00:00Z") == (
        422,
        "VALIDATION_FAILED",
    )
    assert viewer.refused("GET", "/statistics?tool=cap") == (422, "VALIDATION_FAILED")


def test_without_a_session_nothing_is_told(app: Flask) -> None:
    for path in (
        "results",
        f"results/{result_id(1)}",
        "results/export",
        "statistics",
        "pictures/x.jpg",
        "events",
        "stations",
        "programs",
    ):
        assert app.test_client().get(f"/api/v1/{path}").status_code == 401, path


def test_the_last_verdicts_of_every_station_are_those_of_its_last_results(viewer: Someone) -> None:
    recent = viewer.get("/statistics/recent")
    for station in ("cam1", "cam2"):
        rows = viewer.get(f"/results?station={station}&limit=60")["results"]
        assert len(rows) == 60
        assert recent[station]["verdicts"] == "".join(row["verdict"][0] for row in reversed(rows))
        assert recent[station]["last_seq"] == rows[0]["seq"]
        assert recent[station]["at"] == rows[0]["finished_at"]
