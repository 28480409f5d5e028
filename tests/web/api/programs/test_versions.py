"""Programs: made, edited by several people, compared, rolled back, given to stations and
deleted."""

from pathlib import Path

import pytest
from flask import Flask

from schemas import as_program, new_id
from tests.rooms.installation.site_of_web import Someone, application
from tests.web.api.programs.given import created, png, program
from web.site import NAME

pytestmark = pytest.mark.slow


def test_a_program_is_created_read_edited_compared_and_rolled_back(admin: Someone) -> None:
    etag = created(admin)
    assert admin.refused("POST", "/programs", json=program()) == (409, "PROGRAM_CONFLICT")
    compressed = {"If-Match": f"W/{etag}"}  # what a browser or a proxy makes of it
    answer = admin.ask("PUT", "/programs/bottle-cap", json=program(20.0), headers=compressed)
    assert (answer.status_code, answer.json["data"]["version"]) == (200, 2)
    assert answer.json["data"]["saved_by"] == admin.username
    assert [row["version"] for row in admin.get("/programs/bottle-cap/versions")] == [1, 2]
    changes = admin.get("/programs/bottle-cap/diff?a=1&b=2")
    assert changes == [{"path": "tools[light].low", "old": 10.0, "new": 20.0}]
    assert (
        admin.ask("POST", "/programs/bottle-cap/rollback", json={"version": 1}).json["data"][
            "version"
        ]
        == 3
    )
    assert admin.get("/programs/bottle-cap")["program"]["tools"][0]["low"] == 10.0
    assert admin.get("/programs/bottle-cap?version=2")["program"]["tools"][0]["low"] == 20.0


def test_a_stale_edit_is_refused_with_what_changed_since(admin: Someone) -> None:
    etag = created(admin)
    assert (
        admin.ask(
            "PUT", "/programs/bottle-cap", json=program(20.0), headers={"If-Match": etag}
        ).status_code
        == 200
    )
    answer = admin.ask(
        "PUT", "/programs/bottle-cap", json=program(30.0), headers={"If-Match": etag}
    )
    assert (answer.status_code, answer.json["error"]) == (409, "PROGRAM_CONFLICT")
    assert answer.json["details"]["version"] == 2
    assert answer.json["details"]["changes"] == [
        {"path": "tools[light].low", "old": 10.0, "new": 20.0}
    ]
    assert admin.get("/programs/bottle-cap")["version"] == 2


def test_an_if_match_that_is_no_etag_of_ours_is_refused(admin: Someone) -> None:
    created(admin)
    for etag in [
        "*",
        "1",
        '"1"',
        '"1-000000000000", "2-000000000000"',
        'W/W/"1-000000000000"',
        "\u00e9",
        '"' + "9" * 400,
    ]:
        answer = admin.refused(
            "PUT", "/programs/bottle-cap", json=program(30.0), headers={"If-Match": etag}
        )
        assert answer == (422, "VALIDATION_FAILED"), etag


def test_trying_many_results_holds_nobody_up_for_longer_than_is_said(
    admin: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.api.programs.trials.ALL_S", -1.0)
    ids = [new_id() for _ in range(2)]
    answer = admin.ask(
        "POST", "/programs/try", json={"station": "cam1", "program": "cap", "results": ids}
    )
    assert answer.json["data"] == [{"result_id": result_id, "problem": "BUSY"} for result_id in ids]


def test_an_edit_must_say_what_it_edits_and_of_which_program(admin: Someone) -> None:
    etag = created(admin)
    assert admin.refused("PUT", "/programs/bottle-cap", json=program()) == (
        428,
        "PRECONDITION_REQUIRED",
    )
    other = program(id="other")
    assert admin.refused("PUT", "/programs/bottle-cap", json=other, headers={"If-Match": etag}) == (
        422,
        "VALIDATION_FAILED",
    )
    assert (
        admin.refused("PUT", "/programs/none", json=program(id="none"), headers={"If-Match": etag})[
            0
        ]
        == 404
    )
    assert (
        admin.refused(
            "PUT", "/programs/bottle-cap", json=program(), headers={"If-Match": '"7-000000000000"'}
        )[0]
        == 409
    )


def test_what_is_no_program_is_refused(admin: Someone) -> None:
    for body in [
        b"",
        b"null",
        b"[]",
        b"3",
        b'{"schema":"program/1","schema":"program/1"}',
        b"\xef\xbb\xbf{}",
        b"\xff",
        b"[" * 200_000,
        b'{"a":NaN}',
    ]:
        answer = admin.refused("POST", "/programs", data=body, content_type="application/json")
        assert answer == (422, "PROGRAM_INVALID"), body[:40]


def test_a_program_with_more_than_it_may_have_is_refused(admin: Someone) -> None:
    for wrong in (
        program(role="ADMIN"),
        program(300.0),
        program(name="a\u202eb"),
        program(id="../../etc/passwd"),
        program(judgement="x()"),
    ):
        assert admin.refused("POST", "/programs", json=wrong) == (422, "PROGRAM_INVALID"), wrong
    assert admin.refused("POST", "/programs", data="x", content_type="text/plain") == (
        415,
        "CONTENT_TYPE",
    )
    assert admin.refused("POST", "/programs", json=program(name="x" * 2_000_000))[0] == 413


def test_a_program_that_a_station_uses_is_not_deleted(tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text(
        f'environment = "testing"\nstate_dir = "{tmp_path / "state"}"\nbroker = {{ url ='
        ' "mqtt://127.0.0.1:1" }\n[[station]]\nid = "cam1"\nprogram = "bottle-cap"\ncamera = {'
        ' kind = "synthetic" }\n'
    )
    app = application(tmp_path, config)
    admin = Someone(app, "ADMIN")
    created(admin)
    assert admin.refused("DELETE", "/programs/bottle-cap") == (409, "PROGRAM_ACTIVE")
    assert admin.ask("POST", "/programs", json=program(id="spare")).status_code == 201
    assert admin.ask("DELETE", "/programs/spare").status_code == 200
    assert admin.refused("GET", "/programs/spare") == (404, "PROGRAM_NOT_FOUND")
    app.extensions[NAME].close()


def test_without_broker_what_needs_the_node_says_so_and_editing_goes_on(admin: Someone) -> None:
    created(admin)
    code = admin.refused(
        "PUT", "/programs/bottle-cap/master", data=png(64, 64), content_type="image/png"
    )
    assert code == (503, "BROKER_AWAY")
    assert admin.refused(
        "POST", "/programs/try", json={"station": "cam1", "program": "bottle-cap"}
    ) == (503, "BROKER_AWAY")
    assert admin.refused("POST", "/programs/bottle-cap/activate", json={"station": "cam1"}) == (
        503,
        "BROKER_AWAY",
    )
    assert admin.refused("POST", "/programs/bottle-cap/activate", json={"station": "cam9"}) == (
        404,
        "STATION_NOT_FOUND",
    )


def test_only_administrators_edit_and_viewers_read(app: Flask, admin: Someone) -> None:
    etag = created(admin)
    operator, viewer = Someone(app, "OPERATOR"), Someone(app, "VIEWER")
    for someone in (operator, viewer):
        assert someone.get("/programs")["programs"][0]["id"] == "bottle-cap"
        for method, path, given in [
            ("POST", "/programs", {"json": program(id="x")}),
            ("PUT", "/programs/bottle-cap", {"json": program(), "headers": {"If-Match": etag}}),
            ("DELETE", "/programs/bottle-cap", {}),
            ("POST", "/programs/bottle-cap/rollback", {"json": {"version": 1}}),
            ("POST", "/programs/import", {"data": b"{}", "content_type": "application/json"}),
            ("POST", "/programs/try", {"json": {"station": "cam1", "program": "bottle-cap"}}),
        ]:
            assert someone.refused(method, path, **given) == (403, "PERMISSION_DENIED"), (
                method,
                path,
            )


def test_every_change_is_in_the_audit(app: Flask, admin: Someone) -> None:
    etag = created(admin)
    admin.ask("PUT", "/programs/bottle-cap", json=program(20.0), headers={"If-Match": etag})
    admin.ask("DELETE", "/programs/bottle-cap")
    entries = app.extensions[NAME].accounts.audit(None, 10, admin.username, None)
    actions = [entry.action for entry in entries]
    assert [action for action in actions if action.startswith("program.")] == [
        "program.delete",
        "program.replace",
        "program.create",
    ]


def test_a_program_is_not_given_to_a_station_while_it_is_deleted(
    admin: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    created(admin)
    monkeypatch.setattr("web.site.ALONE_S", 0.05)
    with admin.client.application.extensions[NAME].alone():
        assert admin.refused("DELETE", "/programs/bottle-cap") == (503, "BUSY")
        body = {"station": "cam1"}
        assert admin.refused("POST", "/programs/bottle-cap/activate", json=body) == (503, "BUSY")
        assert admin.refused("PUT", "/stations/cam1/program", json={"program": "bottle-cap"}) == (
            503,
            "BUSY",
        )
    assert admin.ask("DELETE", "/programs/bottle-cap").status_code == 200


def test_what_would_take_every_value_is_not_given_to_a_station(admin: Someone) -> None:
    etag = created(admin)
    nothing = program(0.0)
    nothing["tools"][0]["high"] = 255.0
    free = {**nothing, "id": "free"}
    assert admin.ask("POST", "/programs", json=free).status_code == 201, (
        "who only stores it may go on later"
    )
    answer = admin.ask("POST", "/programs/free/activate", json={"station": "cam1"})
    assert (answer.status_code, answer.json["error"]) == (422, "PROGRAM_INVALID")
    assert "tool light: low: no limits yet" in answer.json["message"]
    assert admin.refused("PUT", "/stations/cam1/program", json={"program": "free"}) == (
        422,
        "PROGRAM_INVALID",
    )
    assert (
        admin.ask(
            "PUT", "/programs/bottle-cap", json=nothing, headers={"If-Match": etag}
        ).status_code
        == 200
    )


def test_a_program_in_use_does_not_lose_its_limits(tmp_path: Path) -> None:
    config = tmp_path / "web.toml"
    station = '[[station]]\nid = "cam1"\nprogram = "bottle-cap"\ncamera = { kind = "synthetic" }\n'
    config.write_text(
        f'environment = "testing"\nstate_dir = "{tmp_path}/state"\nbroker = {{ url ='
        f' "mqtt://127.0.0.1:1" }}\n{station}'
    )
    app = application(tmp_path, config)
    admin = Someone(app, "ADMIN")
    etag = created(admin)
    nothing = program(0.0)
    nothing["tools"][0]["high"] = None
    refused = (422, "PROGRAM_INVALID")
    assert (
        admin.refused("PUT", "/programs/bottle-cap", json=nothing, headers={"If-Match": etag})
        == refused
    )
    assert admin.refused("POST", "/programs/import?replace=true", json=nothing) == refused
    app.extensions[NAME].programs.save(as_program(nothing), None, "somebody else")
    app.extensions[NAME].programs.save(as_program(program()), None, "somebody else")
    assert admin.refused("POST", "/programs/bottle-cap/rollback", json={"version": 2}) == refused
    app.extensions[NAME].close()
