"""Programs that leave and come as one file: the same again, by whom it was signed, and no trap."""

import io
import json
from pathlib import Path

import pytest
from flask import Flask

from schemas.store.programs.bundle import zipped
from schemas.store.programs.signature import public_key, signed
from tests.rooms.installation.site_of_web import Someone, application
from tests.web.api.programs.given import archive, created, png, program
from web.program_checks import Checked
from web.site import NAME

pytestmark = pytest.mark.slow


SECRET = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"


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
