"""`program`: what is stored has been loaded first, and what is activated is what the node will
use.

One file: the verbs of one command, on the same state folder.
"""

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.cli.command import main
from node.cameras import synthetic
from node.state_lock import lock_state
from schemas import SyntheticCamera
from schemas.store.accounts import Accounts
from schemas.store.ledger import Ledger
from schemas.store.programs import Programs
from tests.rooms.installation.processes import NodeProcess, free_port

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def site(tmp_path: Path) -> NodeProcess:
    """Settings and a state folder; no broker and no node."""
    return NodeProcess(tmp_path, free_port(), [{"id": "cam1", "camera": {"kind": "synthetic"}}])


@pytest.fixture
def run(site: NodeProcess, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        code = main(["program", *map(str, words), "--config", str(site.config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    """A good program; its master lies in the folder as master.png."""
    camera = SyntheticCamera()
    cv2.imwrite(str(tmp_path / "master.png"), synthetic.master(camera))
    made = synthetic.program(camera)
    return json.loads(json.dumps({**made, "id": "cap", "master": "master.png"}))


def written(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(json.dumps(document))
    return path


def test_an_imported_program_is_listed_shown_and_exported_to_the_same_hash(
    run: Run, document: dict[str, Any], tmp_path: Path
) -> None:
    code, out, _ = run("import", written(tmp_path / "cap.json", document), "--json")
    assert code == 0
    (stored,) = json.loads(out)
    assert (stored["id"], stored["version"], stored["tools"]) == ("cap", 1, len(document["tools"]))
    assert [row["hash"] for row in json.loads(run("list", "--json")[1])] == [stored["hash"]]
    assert json.loads(run("show", "cap", "--json")[1])["hash"] == stored["hash"]
    assert all(tool["name"] in run("show", "cap")[1] for tool in document["tools"])

    bundle = tmp_path / "cap.zip"
    assert run("export", "cap", "--output", bundle)[:2] == (0, f"{bundle}\n")
    assert json.loads(run("import", bundle, "--json")[1])[0] == {
        **stored,
        "saved_at": stored["saved_at"],
    }


def test_an_imported_master_is_stored_as_we_encode_it(
    run: Run, site: NodeProcess, document: dict[str, Any], tmp_path: Path
) -> None:
    """What comes after a picture's end must not one day be served by the web."""
    master = tmp_path / "master.png"
    drawn = cv2.imread(str(master))
    master.write_bytes(master.read_bytes() + b"<script>alert(1)</script>")
    assert run("import", written(tmp_path / "cap.json", document))[0] == 0
    store = Programs(site.state / "programs")
    kept = store.master(store.get("cap").program)
    assert kept is not None
    assert b"script" not in kept
    assert np.array_equal(cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR), drawn)


def test_a_program_that_cannot_be_loaded_is_refused_with_tool_and_field(
    run: Run, document: dict[str, Any], tmp_path: Path
) -> None:
    tool = document["tools"][1]
    tool["region"]["x"] = 5000
    code, out, err = run("import", written(tmp_path / "cap.json", document))
    assert (code, out) == (1, "")
    assert f"cap.json: tool {tool['name']}: region leaves the master" in err
    tool["high"] = "wide"
    assert (
        f"cap.json: tool {tool['name']}: high: "
        in run("import", written(tmp_path / "cap.json", document))[2]
    )
    assert run("list", "--json")[1] == "[]\n"


def test_one_bad_file_stores_none_of_them(
    run: Run, document: dict[str, Any], tmp_path: Path
) -> None:
    good = written(tmp_path / "good.json", document)
    bad = written(tmp_path / "bad.json", {**document, "id": "bad", "master": "gone.png"})
    code, _, err = run("import", good, bad)
    assert code == 1
    assert "MASTER_IMAGE_NOT_FOUND" in err
    assert run("list", "--json")[1] == "[]\n"


def test_a_program_without_tools_is_refused(
    run: Run, document: dict[str, Any], tmp_path: Path
) -> None:
    assert (
        "PROGRAM_EMPTY"
        in run("import", written(tmp_path / "cap.json", {**document, "tools": []}))[2]
    )


def test_versions_are_compared_rolled_back_and_brought_back_after_a_deletion(
    run: Run, document: dict[str, Any], tmp_path: Path
) -> None:
    path = written(tmp_path / "cap.json", document)
    run("import", path)
    written(path, {**document, "limits_ms": 777})
    run("import", path)
    changes = json.loads(run("diff", "cap", 1, 2, "--json")[1])
    assert changes == [{"path": "limits_ms", "old": document["limits_ms"], "new": 777}]
    assert run("diff", "cap", 1, 1)[1] == "no difference\n"
    assert json.loads(run("rollback", "cap", 1, "--json")[1])["version"] == 3
    assert run("diff", "cap", 1, 3)[1] == "no difference\n"
    assert run("delete", "cap")[0] == 0
    assert "PROGRAM_NOT_FOUND" in run("show", "cap")[2]
    assert run("rollback", "cap", 2)[0] == 0
    assert json.loads(run("show", "cap", "--json")[1])["program"]["limits_ms"] == 777


def test_an_export_replaces_only_a_file_that_was_named(
    run: Run, document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("import", written(tmp_path / "cap.json", document))
    monkeypatch.chdir(tmp_path)
    assert run("export", "cap")[:2] == (0, "cap-v1.zip\n")
    before = Path("cap-v1.zip").read_bytes()
    assert "program.json" in zipfile.ZipFile(io.BytesIO(before)).namelist()
    assert run("export", "cap")[0] == 1
    assert run("export", "cap", "--output", "cap-v1.zip")[0] == 0
    assert Path("cap-v1.zip").read_bytes() == before


def test_a_bundle_is_signed_shown_with_its_signer_and_refused_unsigned_where_the_site_says_so(
    run: Run,
    site: NodeProcess,
    document: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = tmp_path / "bundle.key"
    assert main(["secrets", "bundle-key", str(key), "--json"]) == 0
    public = json.loads(capsys.readouterr().out)["public_key"]
    assert key.stat().st_mode & 0o077 == 0
    before = key.read_bytes()
    assert main(["secrets", "bundle-key", str(key)]) == 1
    assert key.read_bytes() == before

    run("import", written(tmp_path / "cap.json", document))
    assert run("export", "cap", "--output", tmp_path / "unsigned.zip")[0] == 0
    plain = site.config.read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSPECTION_PROGRAMS__SIGNING_KEY_FILE", str(key))
        assert run("export", "cap", "--output", tmp_path / "signed.zip")[0] == 0
    assert (
        run("import", tmp_path / "signed.zip")[1]
        == f"cap version 1, signed by an unknown key ({public})\n"
    )

    site.config.write_text(
        f'{plain}\n[programs]\nrequire_signature = true\ntrusted_keys = {{ engineering = "{public}"'
        " }\n"
    )
    told = json.loads(run("import", tmp_path / "signed.zip", "--json")[1])
    assert told[0]["signed_by"] == {"key": public, "name": "engineering"}
    for refused, code in (
        (tmp_path / "unsigned.zip", "SIGNATURE_MISSING"),
        (tmp_path / "cap.json", "SIGNATURE_MISSING"),
    ):
        assert code in run("import", refused)[2]
    with closing(Accounts(site.state / "accounts.db")) as accounts:
        rows = accounts.audit(None, 10, None, "program.import")
    assert [json.loads(row.details).get("code") for row in rows[:2]] == ["SIGNATURE_MISSING"] * 2
    assert json.loads(rows[2].details)["signed_by"] == {"signed.zip": f"engineering ({public})"}


def test_without_a_node_the_ledger_remembers_the_active_program(
    run: Run, site: NodeProcess, document: dict[str, Any], tmp_path: Path
) -> None:
    run("import", written(tmp_path / "cap.json", document))
    assert run("activate", "cam1", "cap")[0] == 0
    ledger = Ledger(site.ledger)
    assert ledger.station("cam1")[0] == "cap"
    ledger.close()
    region = {"x": 10, "y": 10, "width": 50, "height": 50}
    anything = {"kind": "brightness", "name": "light", "region": region, "low": 0.0, "high": 255.0}
    run(
        "import",
        written(tmp_path / "free.json", {"id": "free", "name": "Free", "tools": [anything]}),
    )
    assert (
        "PROGRAM_INVALID: The program cannot be used: tool light: low: no limits yet"
        in run("activate", "cam1", "free")[2]
    )
    assert "PROGRAM_NOT_FOUND" in run("activate", "cam1", "other")[2]
    assert "STATION_NOT_FOUND" in run("activate", "cam2", "cap")[2]


def test_a_version_without_limits_is_not_stored_for_a_program_that_a_station_uses(
    run: Run, document: dict[str, Any], tmp_path: Path
) -> None:
    region = {"x": 10, "y": 10, "width": 50, "height": 50}
    light = {"kind": "brightness", "name": "light", "region": region, "low": 0.0, "high": 255.0}
    first = {**document, "tools": [*document["tools"], light]}
    path = written(tmp_path / "cap.json", first)
    assert run("import", path)[0] == 0, "nobody uses it yet"
    written(path, document)
    assert run("import", path)[0] == 0
    assert run("activate", "cam1", "cap")[0] == 0
    written(path, {**first, "limits_ms": 777})
    refused = "PROGRAM_INVALID: The program cannot be used"
    code, _, told = run("import", path)
    assert (code, refused in told, "tool light" in told) == (1, True, True)
    code, _, told = run("rollback", "cap", 1)
    assert (code, refused in told, "tool light" in told) == (1, True, True)
    assert json.loads(run("show", "cap", "--json")[1])["version"] == 2


def test_a_node_that_holds_the_state_folder_is_asked_and_its_ledger_left_alone(
    run: Run, site: NodeProcess, document: dict[str, Any], tmp_path: Path
) -> None:
    run("import", written(tmp_path / "cap.json", document))
    held = lock_state(site.state)
    code, _, err = run("activate", "cam1", "cap")
    os.close(held)
    assert code == 1
    assert "BROKER_AWAY" in err
    assert not site.ledger.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_what_root_stores_belongs_to_the_owner_of_the_state_folder(
    run: Run, site: NodeProcess, document: dict[str, Any], tmp_path: Path
) -> None:
    # below tmp_path only root may look
    state = Path("/var/tmp") / f"state-{tmp_path.parent.name}-{os.getpid()}"
    state.mkdir()
    os.chown(state, 65534, 65534)
    site.config.write_text(site.config.read_text().replace(str(site.state), str(state)))
    try:
        assert run("import", written(tmp_path / "cap.json", document))[0] == 0
        made = [state, *state.rglob("*")]
        assert {path.lstat().st_uid for path in made} == {65534}
        assert len(made) > 3
        assert os.geteuid() == 0
    finally:
        for path in sorted(state.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        state.rmdir()


def test_progress_is_not_shown_in_a_pipe(
    run: Run, document: dict[str, Any], tmp_path: Path
) -> None:
    files = [written(tmp_path / f"p{n}.json", {**document, "id": f"p{n}"}) for n in range(3)]
    assert not sys.stderr.isatty()
    assert run("import", *files) == (0, "p0 version 1\np1 version 1\np2 version 1\n", "")


def test_challenge_lists_what_a_program_misses_and_writes_its_pictures(
    run: Run,
    document: dict[str, Any],
    tmp_path: Path,
    site: NodeProcess,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("import", written(tmp_path / "cap.json", document))
    folder = tmp_path / "missed"
    assert (
        main(
            ["challenge", "cap", "--pictures", str(folder), "--json", "--config", str(site.config)]
        )
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert told["drawn"] == len(told["found"]) > 30
    assert 0 < len(told["missed"]) < told["drawn"]
    assert sorted(Path(each["picture"]) for each in told["missed"]) == sorted(folder.iterdir())
    assert "drawn" in told["note"]
    assert main(["challenge", "cap", "--config", str(site.config)]) == 0
    assert f"{len(told['missed'])} came out OK" in capsys.readouterr().out
    assert main(["challenge", "none", "--config", str(site.config)]) == 1


def test_what_changes_programs_here_is_in_the_audit_with_who_sits_here(
    run: Run, site: NodeProcess, document: dict[str, Any], tmp_path: Path
) -> None:
    run("import", written(tmp_path / "cap.json", document))
    run("list")
    run("rollback", "cap", 1)
    run("activate", "cam1", "cap")
    run("delete", "cap")
    with closing(Accounts(site.state / "accounts.db")) as accounts:
        rows = accounts.audit(None, 10, None, None)
    assert [(row.action, row.target) for row in reversed(rows)] == [
        ("program.import", "cap.json"),
        ("program.rollback", "cap"),
        ("station.select_program", "cam1"),
        ("program.delete", "cap"),
    ]
    assert all(row.username.startswith("local:") for row in rows)
