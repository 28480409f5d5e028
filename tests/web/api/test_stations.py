"""Stations and programs through the web with the real broker and a real node with the synthetic
line.

One file: one node and broker are started for all of it.
"""

import base64
import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask import Flask

from tests.node.test_calibration import POSES, board
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.promise import Line, wait_for
from web.records import records
from web.site import NAME

pytestmark = pytest.mark.system


@pytest.fixture
def operator(app_with_shared: Flask) -> Someone:
    return Someone(app_with_shared, "OPERATOR")


@pytest.fixture
def admin(app_with_shared: Flask) -> Someone:
    return Someone(app_with_shared, "ADMIN")


@pytest.fixture
def alone(app_with_node: Flask) -> Someone:
    """An administrator of a web whose node no other test has."""
    return Someone(app_with_node, "ADMIN")


def picture(width: int, height: int) -> bytes:
    return cv2.imencode(".png", np.full((height, width, 3), 128, np.uint8))[1].tobytes()


def test_an_operator_triggers_sees_the_result_pauses_resumes_and_resets(
    app_with_shared: Flask, operator: Someone, ready: Line
) -> None:
    before = operator.get("/stations/cam1/counters")["total"]
    data = operator.get("/stations")
    assert (data["broker"], data["node"]) == ("ok", "ok")
    assert [(each["id"], each["state"], each["simulated"]) for each in data["stations"]] == [
        ("cam1", "Ready", True)
    ]
    answer = operator.ask("POST", "/stations/cam1/trigger", json={"part_id": "SN1"}).json["data"]
    result = answer["result"]
    assert (result["source"], result["part_id"], result["trigger_id"]) == (
        "command",
        "SN1",
        answer["trigger_id"],
    )
    assert operator.get(f"/results/{result['result_id']}")["seq"] == result["seq"] > 0
    station = operator.get("/stations/cam1")
    assert station["counters"]["total"] == before + 1
    wait_for(lambda: operator.get("/stations/cam1")["latest"], 5, "the newest result")
    assert operator.ask("POST", "/stations/cam1/pause", json={}).status_code == 200
    ready.state("Halted")
    assert operator.refused("PUT", "/stations/cam1/outputs/ok", json={"active": True}) == (
        403,
        "PERMISSION_DENIED",
    )
    assert operator.ask("POST", "/stations/cam1/resume").status_code == 200
    ready.state("Ready")
    assert operator.ask("POST", "/stations/cam1/counters/reset").status_code == 200
    assert operator.get("/stations/cam1/counters")["total"] == 0
    actions = [
        entry.action
        for entry in app_with_shared.extensions[NAME].accounts.audit(
            None, 20, operator.username, None
        )
    ]
    assert {"station.trigger", "station.pause", "station.resume", "station.reset_counters"} <= set(
        actions
    )


def test_a_trigger_id_answers_only_the_trigger_that_it_was_given_for(
    operator: Someone, ready: Line
) -> None:
    one = {"trigger_id": "web-1", "part_id": "SN1"}
    first = operator.ask("POST", "/stations/cam1/trigger", json=one).json["data"]
    assert (first["repeated"], first["result"]["part_id"]) == (False, "SN1")
    again = operator.ask("POST", "/stations/cam1/trigger", json=one).json["data"]
    assert (again["repeated"], again["state"], again["verdict"]) == (
        True,
        "answered",
        first["result"]["verdict"],
    )
    assert again["result"] == first["result"]
    refused = operator.refused("POST", "/stations/cam1/trigger", json={**one, "part_id": "SN2"})
    assert refused == (409, "TRIGGER_KNOWN")
    counted = operator.ask("POST", "/stations/cam1/trigger", json={"trigger_id": 4711}).json["data"]
    assert counted["result"]["trigger_id"] == counted["trigger_id"] == "4711"
    wait_for(
        lambda: [result["trigger_id"] for result in ready.results()] == ["web-1", "4711"],
        10,
        "both results, each once",
    )


def test_the_eleventh_manual_inspection_of_a_minute_is_refused(
    operator: Someone, ready: Line
) -> None:
    for _ in range(10):
        assert (
            operator.ask("POST", "/stations/cam1/trigger", json={"wait": False}).status_code == 200
        )
    answer = operator.ask("POST", "/stations/cam1/trigger", json={"wait": False})
    assert (answer.status_code, answer.json["error"]) == (429, "RATE_LIMITED")
    assert int(answer.headers["Retry-After"]) >= 1
    wait_for(lambda: len(ready.results()) == 10, 10, "the ten before it")


def test_lines_are_set_by_hand_by_administrators_in_maintenance_only(
    operator: Someone, admin: Someone
) -> None:
    assert operator.refused("POST", "/stations/cam1/pause", json={"maintenance": True}) == (
        403,
        "PERMISSION_DENIED",
    )
    assert admin.refused("PUT", "/stations/cam1/outputs/ok", json={"active": True}) == (
        409,
        "NOT_IN_MAINTENANCE",
    )
    assert admin.ask("POST", "/stations/cam1/pause", json={"maintenance": True}).status_code == 200
    answer = admin.ask("PUT", "/stations/cam1/outputs/ng", json={"active": True})
    assert answer.json["data"]["lines"]["ng"] is True
    assert admin.refused("PUT", "/stations/cam1/outputs/OUT9", json={"active": True}) == (
        422,
        "VALIDATION_FAILED",
    )
    assert admin.refused("PUT", "/stations/cam1/outputs/ng", json={"active": 1}) == (
        422,
        "VALIDATION_FAILED",
    )
    assert admin.ask("POST", "/stations/cam1/resume").status_code == 200


def test_nobody_but_an_administrator_takes_the_lines_from_who_tests_them(
    app_with_shared: Flask,
    operator: Someone,
    admin: Someone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[dict[str, Any]] = []
    with app_with_shared.app_context():
        live = records().live
    monkeypatch.setattr(
        live,
        "tell",
        lambda kind, leaf, data, seq=0: told.append({"kind": kind, "leaf": leaf, **data}),
    )
    assert admin.ask("POST", "/stations/cam1/pause", json={"maintenance": True}).status_code == 200
    wait_for(
        lambda: operator.get("/stations/cam1/outputs")["maintenance"],
        10,
        "the node tells that it is in maintenance",
    )
    assert operator.get("/stations/cam1/outputs")["maintenance"]["by"] == admin.username
    assert admin.ask("PUT", "/stations/cam1/outputs/ng", json={"active": True}).status_code == 200
    for path, body in [
        ("/stations/cam1/resume", None),
        ("/stations/cam1/pause", {}),
        ("/stations/cam1/pause", {"maintenance": False}),
    ]:
        answer = operator.ask("POST", path, json=body)
        assert (answer.status_code, answer.json["error"]) == (403, "IN_MAINTENANCE"), path
        assert admin.username in answer.json["message"]
    assert [told_of for told_of in told if told_of["leaf"] == "maintenance.ended"] == []
    lines = {
        row["role"]: row["active"] for row in operator.get("/stations/cam1/outputs")["outputs"]
    }
    assert lines["ng"] is True
    other = Someone(app_with_shared, "ADMIN")
    assert other.ask("POST", "/stations/cam1/resume").status_code == 200
    [ended] = [told_of for told_of in told if told_of["leaf"] == "maintenance.ended"]
    assert (ended["station"], ended["by"], ended["of"]) == ("cam1", other.username, admin.username)
    lines = {
        row["role"]: row["active"] for row in operator.get("/stations/cam1/outputs")["outputs"]
    }
    assert lines["ng"] is False
    wait_for(
        lambda: operator.get("/stations/cam1/outputs")["maintenance"] is None,
        10,
        "the node tells that it has ended",
    )
    assert operator.ask("POST", "/stations/cam1/pause", json={}).status_code == 200
    assert operator.ask("POST", "/stations/cam1/resume").status_code == 200


def test_a_web_that_has_just_started_asks_first_whether_lines_are_tested(
    shared: NodeProcess, operator: Someone, admin: Someone, tmp_path: Path
) -> None:
    assert admin.ask("POST", "/stations/cam1/pause", json={"maintenance": True}).status_code == 200
    wait_for(
        lambda: operator.get("/stations/cam1/outputs")["maintenance"],
        10,
        "the node tells that it is in maintenance",
    )
    fresh = application(tmp_path, shared.config)
    assert Someone(fresh, "OPERATOR").refused("POST", "/stations/cam1/resume") == (
        403,
        "IN_MAINTENANCE",
    )
    fresh.extensions[NAME].close()
    assert admin.ask("POST", "/stations/cam1/resume").status_code == 200


def test_viewers_only_see(app_with_shared: Flask) -> None:
    viewer = Someone(app_with_shared, "VIEWER")
    for method, path, body in [
        ("POST", "/stations/cam1/trigger", {}),
        ("POST", "/stations/cam1/pause", {}),
        ("POST", "/stations/cam1/resume", None),
        ("PUT", "/stations/cam1/program", {"program": "synthetic-part"}),
        ("POST", "/stations/cam1/capture", None),
        ("POST", "/stations/cam1/counters/reset", None),
        ("POST", "/alarms/X/acknowledge", {"since": "x"}),
        ("POST", "/stations/cam1/seen", {"result_id": "x"}),
    ]:
        assert viewer.refused(method, path, json=body) == (403, "PERMISSION_DENIED"), path
    image = viewer.ask("GET", "/stations/cam1/image")
    assert cv2.imdecode(np.frombuffer(image.data, np.uint8), cv2.IMREAD_COLOR).shape == (
        480,
        640,
        3,
    )
    assert image.headers["X-Simulated"] == "true"


def test_a_station_that_is_not_there_is_not_asked(tmp_path: Path) -> None:
    operator = Someone(application(tmp_path), "OPERATOR")
    for station in ["cam9", "..%2F..", "cam1%00", "%23", "+", "CAM1"]:
        status, code = operator.refused("POST", f"/stations/{station}/resume")
        assert (status, code in ("STATION_NOT_FOUND", "NOT_FOUND")) == (404, True), station


def test_a_trigger_that_is_none_is_refused(tmp_path: Path) -> None:
    operator = Someone(application(tmp_path), "OPERATOR")
    wrong = [
        {"trigger_id": "a\r\nb"},
        {"program": "../x"},
        {"role": "ADMIN"},
        {"part_id": 3},
        {"meta": "x"},
        {"wait": "yes"},
    ]
    for body in wrong:
        assert operator.refused("POST", "/stations/cam1/trigger", json=body) == (
            422,
            "VALIDATION_FAILED",
        ), body


def test_an_alarm_is_seen_once_for_each_time_it_comes(
    app_with_shared: Flask, operator: Someone, ready: Line
) -> None:
    topic = f"{ready.prefix}alarm/TEST_ALARM"
    watch = app_with_shared.extensions[NAME].watch

    def raise_alarm(since: str) -> None:
        ready.client.publish(
            topic, f'{{"code":"TEST_ALARM","message":"m","since":"{since}"}}', 1, retain=True
        )
        wait_for(lambda: watch.alarms.get("TEST_ALARM", {}).get("since") == since, 5)

    def acknowledged() -> object:
        return next(
            each["acknowledged"]
            for each in operator.get("/alarms")["alarms"]
            if each["id"] == "TEST_ALARM"
        )

    raise_alarm("first")
    assert acknowledged() is None
    assert operator.refused("POST", "/alarms/TEST_ALARM/acknowledge", json={"since": "other"}) == (
        422,
        "VALIDATION_FAILED",
    )
    assert operator.refused("POST", "/alarms/NONE/acknowledge", json={"since": "first"}) == (
        404,
        "NOT_FOUND",
    )
    assert (
        operator.ask("POST", "/alarms/TEST_ALARM/acknowledge", json={"since": "first"}).status_code
        == 200
    )
    assert acknowledged()["by"] == operator.username  # type: ignore[index]
    raise_alarm("second")
    assert acknowledged() is None
    ready.client.publish(topic, b"", 1, retain=True).wait_for_publish(5)


def test_a_program_is_checked_by_the_node_edited_tried_and_activated(alone: Someone) -> None:
    read = alone.ask("GET", "/programs/synthetic-part")
    document = {**read.json["data"]["program"], "name": "Another name"}
    answer = alone.ask(
        "PUT", "/programs/synthetic-part", json=document, headers={"If-Match": read.headers["ETag"]}
    )
    assert (answer.status_code, answer.json["data"]["checked"]) == (200, "node")
    assert alone.refused("DELETE", "/programs/synthetic-part") == (409, "PROGRAM_ACTIVE")
    outside = {
        **document,
        "id": "wrong",
        "locator": {
            **document["locator"],
            "region": {"x": 5000, "y": 5000, "width": 50, "height": 50},
        },
    }
    # the shape is right, but nothing can be learned there
    assert alone.refused("POST", "/programs", json=outside)[0] == 422
    assert alone.refused("GET", "/programs/wrong") == (404, "PROGRAM_NOT_FOUND")
    tried = alone.ask("POST", "/programs/try", json={"station": "cam1", "program": document}).json[
        "data"
    ]
    assert tried[0]["verdict"] in ("OK", "NG", "ERROR")
    assert base64.b64decode(tried[0]["annotated"]).startswith(b"\xff\xd8\xff")
    copy = {**document, "id": "copy"}
    assert alone.ask("POST", "/programs", json=copy).status_code == 201
    wait_for(
        lambda: (
            alone.ask("POST", "/programs/copy/activate", json={"station": "cam1"}).status_code
            == 200
        ),
        10,
    )
    wait_for(lambda: alone.get("/stations/cam1")["program"] == "copy", 5)
    assert alone.ask("DELETE", "/programs/synthetic-part").status_code == 200


def test_what_a_program_would_miss_is_asked_for_until_all_faults_are_told(admin: Someone) -> None:
    body: dict[str, Any] = {
        "station": "cam1",
        "program": admin.get("/programs/synthetic-part")["program"],
        "challenge": 0,
    }
    told: list[dict[str, Any]] = []
    while body["challenge"] is not None:
        answer = admin.ask("POST", "/programs/try", json=body)
        assert answer.status_code == 200, answer.text
        (found,) = answer.json["data"]  # type: ignore[index]
        told += found["outcomes"]
        body["challenge"] = found["next"]
    assert found["of"] == len(told) > 30
    missed = [each for each in told if each["verdict"] == "OK"]
    assert missed
    assert not any(each["never"] for each in missed)
    for each in told:
        shown = each["picture"] and base64.b64decode(each["picture"]).startswith(b"\xff\xd8\xff")
        assert bool(shown) is (each["verdict"] == "OK")
    plain = base64.b64encode(picture(640, 480)).decode()
    assert admin.refused(
        "POST", "/programs/try", json={**body, "challenge": 0, "image": plain}
    ) == (422, "PICTURES_UNFIT")
    two = ["019a0000-0000-7000-8000-000000000001", "019a0000-0000-7000-8000-000000000002"]
    assert admin.refused(
        "POST", "/programs/try", json={**body, "challenge": 0, "results": two}
    ) == (422, "VALIDATION_FAILED")


def test_administrators_take_pictures_with_other_camera_settings_and_have_the_best_ones_searched(
    operator: Someone, admin: Someone
) -> None:
    assert operator.ask("POST", "/stations/cam1/capture").status_code == 200
    for body in ({"camera": {"gain": 2.0}}, {"optimise": True}):
        assert operator.refused("POST", "/stations/cam1/capture", json=body) == (
            403,
            "PERMISSION_DENIED",
        )
    assert admin.refused("POST", "/stations/cam1/capture", json={"camera": {"gain": -1}}) == (
        422,
        "VALIDATION_FAILED",
    )

    def capture(**body: object) -> dict[str, Any]:
        answer = admin.ask("POST", "/stations/cam1/capture", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json["data"]  # type: ignore[index, no-any-return]

    dark, light = (
        capture(camera={"exposure_ms": ms})["quality"]["brightness"] for ms in (1.0, 5.0)
    )
    assert dark < light / 3
    found = capture(camera={"exposure_ms": 1.0}, optimise=True)
    assert found["camera"]["exposure_ms"] == pytest.approx(5.0, rel=0.3)
    assert found["controls"] == ["exposure_ms", "gain", "mode"]
    assert found["quality"]["clipped"] < 0.005 < found["limits"]["clipped_high"]
    assert base64.b64decode(capture(exact=True)["image"]).startswith(b"\x89PNG")


def test_a_new_program_with_its_master_is_checked_by_the_node_before_anything_is_stored(
    admin: Someone,
) -> None:
    document = {
        **admin.get("/programs/synthetic-part")["program"],
        "id": "fresh",
        "master": "master.png",
    }
    good = admin.ask("GET", "/programs/synthetic-part/master").data

    def form(master: bytes) -> dict[str, Any]:
        return {
            "program": (io.BytesIO(json.dumps(document).encode()), "p"),
            "master": (io.BytesIO(master), "m"),
        }

    # plain gray: nothing can be learned
    status, code = admin.refused("POST", "/programs", data=form(picture(640, 480)))
    assert (status, code) == (422, "PROGRAM_INVALID")
    assert admin.refused("POST", "/programs", data=form(good[:-200])) == (422, "IMAGE_INVALID")
    assert admin.refused("GET", "/programs/fresh") == (404, "PROGRAM_NOT_FOUND")
    answer = admin.ask("POST", "/programs", data=form(good))
    assert (answer.status_code, answer.json["data"]["checked"]) == (201, "node")


def test_what_an_upload_carries_beside_its_pixels_is_not_stored(admin: Someone) -> None:
    document = {
        **admin.get("/programs/synthetic-part")["program"],
        "id": "bare",
        "master": "master.png",
    }
    good = admin.ask("GET", "/programs/synthetic-part/master").data
    form = {
        "program": (io.BytesIO(json.dumps(document).encode()), "p"),
        "master": (io.BytesIO(good + b"<script>"), "m"),
    }
    assert admin.ask("POST", "/programs", data=form).status_code == 201
    stored = admin.ask("GET", "/programs/bare/master").data
    assert b"<script>" not in stored
    before, after = (
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in (good, stored)
    )
    assert np.array_equal(before, after)


def test_a_camera_is_learned_from_pictures_of_a_checkerboard(admin: Someone) -> None:
    boards = [
        base64.b64encode(cv2.imencode(".png", board(*pose))[1].tobytes()).decode()
        for pose in POSES[:4]
    ]
    body = {
        "station": "cam1",
        "images": boards,
        "columns": 9,
        "rows": 6,
        "square_mm": 10.0,
        "in_plane": 0,
    }
    answer = admin.ask("POST", "/programs/calibrate", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json["data"]["calibration"]  # type: ignore[index]
    assert (found["kind"], found["width"], found["height"]) == ("checkerboard", 480, 360)
    assert found["error_px"] < 0.5
    plain = base64.b64encode(picture(480, 360)).decode()
    for wrong, refusal in [
        ({"images": [plain] * 3}, (422, "NO_CONTRAST")),
        (
            {"images": [*boards[:2], base64.b64encode(picture(64, 64)).decode()], "in_plane": None},
            (422, "IMAGE_SIZE"),
        ),
        ({"images": boards[:2]}, (422, "VALIDATION_FAILED")),
        ({"images": ["x" * 8] * 3}, (422, "IMAGE_INVALID")),
        ({"square_mm": 0}, (422, "VALIDATION_FAILED")),
    ]:
        assert admin.refused("POST", "/programs/calibrate", json={**body, **wrong}) == refusal, (
            refusal
        )


def test_pictures_of_the_history_are_tried_and_those_that_are_gone_are_named(
    alone: Someone, line: Line
) -> None:
    document = alone.get("/programs/synthetic-part")["program"]
    read = alone.ask("GET", "/programs/synthetic-part")
    keep = {**document, "keep": {"ng": True, "ok_every": 1}}
    alone.ask(
        "PUT", "/programs/synthetic-part", json=keep, headers={"If-Match": read.headers["ETag"]}
    )
    wait_for(lambda: alone.get("/stations/cam1")["program_version"] == 2, 10)
    result = line.result(line.trigger())
    wait_for(lambda: alone.get(f"/results/{result['result_id']}")["kept"], 10, "its picture")
    gone = "019a0000-0000-7000-8000-000000000001"
    body = {"station": "cam1", "program": "synthetic-part", "results": [result["result_id"], gone]}
    first, second = alone.ask("POST", "/programs/try", json=body).json["data"]
    assert (first["result_id"], first["verdict"]) == (result["result_id"], result["verdict"])
    assert second == {"result_id": gone, "problem": "RESULT_NOT_FOUND"}
    body["results"] = ["../../etc/passwd"]
    assert alone.refused("POST", "/programs/try", json=body) == (422, "VALIDATION_FAILED")


def test_a_master_comes_from_the_camera_or_an_upload_that_the_node_decodes(admin: Someone) -> None:
    plain = {
        "schema": "program/1",
        "id": "plain",
        "name": "Plain",
        "tools": [
            {
                "kind": "brightness",
                "name": "light",
                "region": {"x": 10, "y": 10, "width": 50, "height": 50},
                "low": 1.0,
            }
        ],
    }
    assert admin.ask("POST", "/programs", json=plain).status_code == 201
    answer = admin.ask("POST", "/programs/plain/master", json={"station": "cam1"})
    assert (answer.status_code, answer.json["data"]["version"]) == (200, 2)
    stored = admin.ask("GET", "/programs/plain/master")
    assert (
        stored.mimetype,
        admin.ask(
            "GET", "/programs/plain/master", headers={"If-None-Match": stored.headers["ETag"]}
        ).status_code,
    ) == (
        "image/png",
        304,
    )
    answer = admin.ask(
        "PUT",
        "/programs/plain/master",
        data={"file": (io.BytesIO(picture(640, 480)), "../../x.png")},
    )
    assert (answer.status_code, answer.json["data"]["version"]) == (200, 3)
    broken = picture(640, 480)[:-200]  # a good head, but no picture
    assert admin.refused(
        "PUT", "/programs/plain/master", data=broken, content_type="image/png"
    ) == (422, "IMAGE_INVALID")
    exported = admin.ask("GET", "/programs/plain/export").data
    assert (
        admin.ask(
            "POST", "/programs/import?replace=true", data=exported, content_type="application/zip"
        ).json["data"]["version"]
        == 3
    )


def test_when_the_node_is_away_it_is_said_and_history_and_programs_go_on(
    app_with_node: Flask, alone: Someone, node: NodeProcess, line: Line
) -> None:
    line.result(line.trigger())
    node.stop()
    watch = app_with_node.extensions[NAME].watch
    wait_for(lambda: (watch.state or {}).get("state") == "Offline", 15, "the last will")
    data = alone.get("/stations")
    assert (data["broker"], data["node"], data["stations"][0]["state"]) == ("ok", "away", "Offline")
    assert len(alone.get("/results")["results"]) == 1
    read = alone.ask("GET", "/programs/synthetic-part")
    document = {**read.json["data"]["program"], "name": "Edited alone"}
    answer = alone.ask(
        "PUT", "/programs/synthetic-part", json=document, headers={"If-Match": read.headers["ETag"]}
    )
    assert (answer.status_code, answer.json["data"]["checked"]) == (200, "structure")
    assert alone.refused("POST", "/stations/cam1/resume") == (504, "NODE_AWAY")
