"""Masters: stored with their program or not at all, as we encode them, and refused before anybody
decodes what does not fit."""

import io
import json
import os
import secrets

import pytest
from flask import Flask

from schemas.store.programs.bundle import zipped
from schemas.store.state import OURS
from tests.rooms.installation.site_of_web import Someone
from tests.web.api.programs.given import created, form, png, program
from web.api.programs import masters
from web.site import NAME

pytestmark = pytest.mark.slow


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
