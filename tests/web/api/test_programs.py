import io
import json
import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from schemas import as_program, new_id
from schemas.store.programs.bundle import zipped
from schemas.store.programs.signature import public_key, signed
from schemas.store.state import OURS
from tests.rooms.installation.site_of_web import Someone, application
from web.api.programs import masters
from web.program_checks import Checked
from web.site import NAME

pytestmark = pytest.mark.slow


def program(low: float = 10.0, **more: Any) -> dict[str, Any]:
    region = {"x": 10, "y": 10, "width": 50, "height": 50}
    tool = {"kind": "brightness", "name": "light", "region": region, "low": low, "high": 250.0}
    return {
        "schema": "program/1",
        "id": "bottle-cap",
        "name": "Bottle cap",
        "tools": [tool],
        **more,
    }


def png(width: int, height: int) -> bytes:
    """A gray picture; the pixels of a large one are not all there."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [
        (b"IHDR", head),
        (b"IDAT", zlib.compress(b"\0" * min((width + 1) * height, 100_000))),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    made = application(tmp_path)
    yield made
    made.extensions[NAME].close()


@pytest.fixture
def admin(app: Flask) -> Someone:
    return Someone(app, "ADMIN")


def created(admin: Someone) -> str:
    answer = admin.ask("POST", "/programs", json=program())
    assert answer.status_code == 201, answer.text
    assert answer.json["data"]["checked"] == "structure"  # the node is away, and it says so
    return str(answer.headers["ETag"])


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


def form(document: dict[str, Any], master: bytes | None = None, **more: bytes) -> dict[str, Any]:
    parts = {
        "program": json.dumps(document).encode(),
        **({} if master is None else {"master": master}),
        **more,
    }
    return {"data": {name: (io.BytesIO(data), f"../../{name}") for name, data in parts.items()}}


def test_a_program_and_its_master_are_stored_in_one_request_with_a_note(
    app: Flask, admin: Someone
) -> None:
    app.extensions[NAME].recoded = bytes  # a copy: what the child makes of it is seen below
    document = program(master="master.png")
    assert admin.refused("POST", "/programs", json=document) == (404, "MASTER_IMAGE_NOT_FOUND")
    answer = admin.ask("POST", "/programs?note=first%20try", **form(document, png(64, 64)))
    assert (answer.status_code, answer.json["data"]["version"], answer.json["data"]["note"]) == (
        201,
        1,
        "first try",
    )
    assert admin.ask("GET", "/programs/bottle-cap/master").data == png(64, 64)
    stored = answer.json["data"]["program"]
    assert stored["master"] != "master.png"
    changed = {**stored, "name": "Another"}
    kept = admin.ask(
        "PUT", "/programs/bottle-cap", **form(changed), headers={"If-Match": answer.headers["ETag"]}
    )
    assert (kept.status_code, kept.json["data"]["program"]["master"]) == (200, stored["master"])
    # many chunks long
    other = form({**changed, "master": "master.png"}, png(32, 32) + secrets.token_bytes(3_000_000))
    replaced = admin.ask(
        "PUT", "/programs/bottle-cap", **other, headers={"If-Match": kept.headers["ETag"]}
    )
    assert (replaced.status_code, replaced.json["data"]["version"]) == (200, 3)
    assert admin.ask("GET", "/programs/bottle-cap/master").data.startswith(png(32, 32))
    assert admin.ask("GET", "/programs/bottle-cap/master?version=2").data == png(64, 64)


def test_a_master_that_comes_while_the_node_is_away_is_encoded_anew_by_a_confined_child(
    admin: Someone,
) -> None:
    """Otherwise what a stranger sent would be served to browsers as it came, and decoded by the
    node itself once it is back."""
    bundle = zipped(
        json.dumps(program(master="m.png")).encode(),
        {"m.png": png(64, 48) + b"<script>alert(1)</script>"},
    )
    answer = admin.ask("POST", "/programs/import", data=bundle, content_type="application/zip")
    assert (answer.status_code, answer.json["data"]["checked"]) == (201, "structure")
    stored = admin.ask("GET", "/programs/bottle-cap/master").data
    assert stored.startswith(b"\x89PNG")
    assert b"script" not in stored
    # a good head, and nothing in it that a decoder takes
    hollow = png(64, 48).replace(b"IDAT", b"iDAT")
    wrong = zipped(json.dumps(program(master="m.png", id="other")).encode(), {"m.png": hollow})
    assert admin.refused(
        "POST", "/programs/import", data=wrong, content_type="application/zip"
    ) == (422, "IMAGE_INVALID")


def test_a_small_master_is_made_once_and_is_among_what_a_wipe_takes(
    app: Flask, admin: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bytes] = []
    monkeypatch.setattr(masters, "smaller", lambda data: (made.append(data), b"small")[1])
    monkeypatch.setattr(masters, "MOST_SMALL", 2)
    here = app.extensions[NAME]
    monkeypatch.setattr(here, "recoded", lambda picture: picture)
    given = form(program(master="master.png"), png(64, 48))
    assert admin.ask("POST", "/programs", **given).status_code == 201
    (here.state / "small").mkdir()
    for n in range(4):
        (here.state / "small" / f"old-{n}.jpg").write_bytes(b"old")
        os.utime(here.state / "small" / f"old-{n}.jpg", (n, n))
    for _ in range(2):
        assert admin.ask("GET", "/programs/bottle-cap/master/small").data == b"small"
    assert made == [png(64, 48)]
    assert {path.read_bytes() for path in (here.state / "small").iterdir()} == {b"small", b"old"}
    assert len(list((here.state / "small").iterdir())) == 2, "old ones go"
    kept = [path for path in here.state.iterdir() if path.name != "lock"]
    assert (here.state / "small") in kept
    assert [each for each in kept if not any(each.match(ours) for ours in OURS)] == []


def test_trying_many_results_holds_nobody_up_for_longer_than_is_said(
    admin: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.api.programs.trials.ALL_S", -1.0)
    ids = [new_id() for _ in range(2)]
    answer = admin.ask(
        "POST", "/programs/try", json={"station": "cam1", "program": "cap", "results": ids}
    )
    assert answer.json["data"] == [{"result_id": id, "problem": "BUSY"} for id in ids]


def test_a_form_with_anything_wrong_stores_neither_program_nor_master(
    app: Flask, admin: Someone
) -> None:
    document = program(master="master.png")
    cases = [
        (form(document, png(12_000, 12_000)), (422, "IMAGE_INVALID")),
        (form(document, b"<svg onload=alert(1)>"), (422, "IMAGE_INVALID")),
        (form(document, b"\x89PNG" + b"x" * 9_000_000), (413, "TOO_LARGE")),
        (form(program(300.0, master="master.png"), png(64, 64)), (422, "PROGRAM_INVALID")),
        (form(document, png(64, 64), third=b"x"), (422, "VALIDATION_FAILED")),
        ({"data": {"master": (io.BytesIO(png(64, 64)), "m.png")}}, (422, "VALIDATION_FAILED")),
        (
            {"data": {"program": [(io.BytesIO(b"{}"), "a"), (io.BytesIO(b"{}"), "b")]}},
            (422, "VALIDATION_FAILED"),
        ),
        ({"data": b"x", "content_type": "multipart/form-data"}, (422, "VALIDATION_FAILED")),
    ]
    for given, refusal in cases:
        assert admin.refused("POST", "/programs", **given) == refusal
    assert admin.refused("POST", "/programs?note=a%0Ab", **form(document, png(64, 64))) == (
        422,
        "VALIDATION_FAILED",
    )
    assert admin.get("/programs")["programs"] == []
    assert not list((app.extensions[NAME].state / "programs").glob("masters/*.png"))
    stale = {"If-Match": created(admin)}
    admin.ask("PUT", "/programs/bottle-cap", json=program(20.0), headers=stale)
    assert admin.refused(
        "PUT", "/programs/bottle-cap", **form(document, png(64, 64)), headers=stale
    ) == (
        409,
        "PROGRAM_CONFLICT",
    )
    assert not list((app.extensions[NAME].state / "programs").glob("masters/*.png"))


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


def test_an_export_imports_to_the_same_hash(admin: Someone) -> None:
    created(admin)
    answer = admin.ask("GET", "/programs/bottle-cap/export")
    before = admin.get("/programs/bottle-cap")["hash"]
    assert admin.refused(
        "POST", "/programs/import", data=answer.data, content_type="application/zip"
    ) == (
        409,
        "PROGRAM_CONFLICT",
    )
    admin.ask("DELETE", "/programs/bottle-cap")
    again = admin.ask(
        "POST", "/programs/import", data={"file": (io.BytesIO(answer.data), "../../evil.zip")}
    )
    assert (again.status_code, again.json["data"]["hash"]) == (201, before)
    replaced = json.dumps(program(42.0)).encode()
    raised = admin.ask(
        "POST", "/programs/import?replace=true", data=replaced, content_type="application/json"
    )
    assert raised.json["data"]["version"] == 3


def archive(*entries: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries:
            made.writestr(name, data)
    return buffer.getvalue()


SECRET = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"


def test_an_import_says_who_signed_and_is_refused_unsigned_where_the_site_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(SECRET)
    files = json.dumps(program()).encode(), dict[str, bytes]()
    signed_by_us = signed(*files, SECRET)
    config = tmp_path / "node.toml"
    config.write_text(
        f'environment = "testing"\nstate_dir = "{tmp_path / "state"}"\nbroker = {{ url ='
        ' "mqtt://127.0.0.1:1" }\n[programs]\nrequire_signature = true\ntrusted_keys = {'
        f' engineering = "{public_key(SECRET)}" }}\n[[station]]\nid = "cam1"\ncamera = {{ kind ='
        ' "synthetic" }\n'
    )
    app = application(tmp_path, config)
    admin = Someone(app, "ADMIN")
    given = {"content_type": "application/zip"}
    assert admin.refused("POST", "/programs/import", data=zipped(*files), **given) == (
        422,
        "SIGNATURE_MISSING",
    )
    assert admin.refused("POST", "/programs/import", json=program()) == (422, "SIGNATURE_MISSING")
    assert admin.refused("POST", "/programs/import", data=signed(*files, "0" * 64), **given) == (
        422,
        "SIGNER_UNKNOWN",
    )
    changed = signed_by_us.replace(b"250.0", b"255.0")
    assert admin.refused("POST", "/programs/import", data=changed, **given)[0] == 422
    assert admin.get("/programs")["programs"] == []
    answer = admin.ask("POST", "/programs/import", data=signed_by_us, **given)
    assert answer.status_code == 201, answer.text
    assert answer.json["data"]["signed_by"] == {"name": "engineering", "key": public_key(SECRET)}
    assert "signed by engineering" in admin.get("/programs/bottle-cap/versions")[0]["note"]
    rows = admin.get("/audit?action=program.import")["rows"]
    assert rows[0]["details"]["signed_by"].startswith("engineering")
    assert [row["details"]["code"] for row in rows[1:3]] == ["SIGNER_UNKNOWN", "SIGNATURE_MISSING"]
    app.extensions[NAME].close()


def test_an_archive_that_is_a_trap_is_refused_and_nothing_is_written(
    app: Flask, admin: Someone
) -> None:
    document = json.dumps(program(master="m.png", locator=None)).encode()
    state = app.extensions[NAME].state
    traps = [
        archive(("../../program.json", document)),
        archive(("program.json", document), ("../evil.png", png(64, 64))),
        archive(("program.json", document), ("/etc/evil.png", png(64, 64))),
        archive(("program.json", b" " * 50_000_000)),
        archive(("program.json", document), ("m.png", png(12_000, 12_000))),
        archive(("program.json", document), ("m.png", b"<svg/>")),
        archive(("other.json", document)),
        b"PK\x03\x04 garbage",
    ]
    before = sorted(str(path) for path in state.rglob("*") if "programs" in str(path))
    for trap in traps:
        status, code = admin.refused(
            "POST", "/programs/import", data=trap, content_type="application/zip"
        )
        assert (status, code in ("PROGRAM_INVALID", "IMAGE_INVALID")) == (422, True)
    assert sorted(str(path) for path in state.rglob("*") if "programs" in str(path)) == before
    assert (
        admin.refused(
            "POST",
            "/programs/import",
            data={"a": (io.BytesIO(b"x"), "a"), "b": (io.BytesIO(b"x"), "b")},
        )[0]
        == 422
    )


def test_a_master_that_is_no_fitting_picture_is_refused_before_anybody_decodes_it(
    admin: Someone,
) -> None:
    created(admin)
    for data in [
        png(12_000, 12_000),
        png(1, 1),
        png(64, 64)[:20],
        b"\xff\xd8\xff\xe0",
        b"<svg onload=alert(1)>",
        b"GIF89a",
        b"\0" * 100,
    ]:
        answer = admin.refused(
            "PUT", "/programs/bottle-cap/master", data=data, content_type="image/png"
        )
        assert answer == (422, "IMAGE_INVALID"), data[:40]


def test_a_master_too_large_or_of_another_type_is_refused(admin: Someone) -> None:
    created(admin)
    assert (
        admin.refused(
            "PUT", "/programs/bottle-cap/master", data=b"x" * 9_000_000, content_type="image/png"
        )[0]
        == 413
    )
    assert admin.refused(
        "PUT", "/programs/bottle-cap/master", data=png(64, 64), content_type="image/svg+xml"
    ) == (
        415,
        "CONTENT_TYPE",
    )
    assert admin.refused(
        "PUT", "/programs/bottle-cap/master", data=b"", content_type="image/png"
    ) == (422, "VALIDATION_FAILED")


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


def test_an_imported_master_is_stored_as_the_node_encodes_it(
    admin: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came after the picture in the file is not kept, and not served."""
    clean = png(64, 48)
    monkeypatch.setattr(
        "web.api.programs.bundles.checked_by", lambda program, master: Checked("node", clean)
    )
    document = json.dumps({**program(), "master": "master.png"}).encode()
    bundle = archive(
        ("program.json", document), ("master.png", clean + b"<script>alert(1)</script>")
    )
    answer = admin.ask("POST", "/programs/import", data=bundle, content_type="application/zip")
    assert answer.status_code == 201, answer.text
    assert admin.ask("GET", "/programs/bottle-cap/master").data == clean


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
