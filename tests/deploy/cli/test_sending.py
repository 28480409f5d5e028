"""Backups at their target: each is sent after it is made and kept 30 days, and a failure is
reported."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import sending
from deploy.cli.command import main
from node.exports.care import BackupCare
from schemas.settings.exports import BackupExport
from schemas.store import exports as store
from tests.rooms.installation.processes import NodeProcess, free_port
from tests.rooms.installation.targets import SECRET, Store, files_below, s3_store, ssh_server
from tests.rooms.promise.ledgers import fill

pytestmark = pytest.mark.slow
OLD = "inspection-node-node-01-2020-01-01T000000000Z.tar.gz"
OTHER = "inspection-node-node-01-2-2020-01-01T000000000Z.tar.gz"


@pytest.fixture(scope="module")
def s3() -> Iterator[Store]:
    with s3_store() as made:
        yield made


def node(folder: Path, target: dict[str, Any]) -> NodeProcess:
    folder.mkdir()
    stations = [{"id": "cam1", "camera": {"kind": "synthetic"}}]
    made = NodeProcess(folder, free_port(), stations, exports={"backups": {"target": target}})
    made.state.mkdir()
    fill(made.ledger, 20)
    return made


Run = Callable[[NodeProcess], tuple[int, str, str]]


def words(made: NodeProcess) -> list[str]:
    kept = made.folder / "kept"
    kept.mkdir(exist_ok=True)
    return ["backup", str(kept), "--json", "--config", str(made.config)]


@pytest.fixture
def backup(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(made: NodeProcess) -> tuple[int, str, str]:
        code = main(words(made))
        return (code, *capsys.readouterr())

    return call


def care(made: NodeProcess, **settings: Any) -> str | None:
    """What the node would report by the alarm BACKUP."""
    wanted = BackupExport.model_validate({"target": {"kind": "folder", "path": "/any"}, **settings})
    return BackupCare(wanted, store.backups(made.state), time.time()).trouble(time.time())


def test_by_sftp_it_arrives_whole_and_old_ones_of_this_node_go(tmp_path: Path, backup: Run) -> None:
    with ssh_server(tmp_path / "ssh") as server:
        for name in (OLD, OTHER, "something-else.tar.gz"):
            (server.path / name).write_bytes(b"old")
            os.utime(server.path / name, (0, 0))
        made = node(tmp_path / "box", server.settings())
        code, out, err = backup(made)
        assert code == 0, err
        facts = json.loads(out)
        here = Path(facts["file"])
        assert facts["sent"] == here.name
        assert facts["removed_there"] == [OLD]
        there = files_below(server.path)
    assert there.pop(here.name) == here.read_bytes()
    assert set(there) == {OTHER, "something-else.tar.gz"}
    assert care(made) is None


def test_by_s3_with_its_secret_from_a_file_and_nowhere_else(
    tmp_path: Path, s3: Store, backup: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = {key: value for key, value in s3.settings().items() if key != "secret_key"}
    made = node(tmp_path / "box", target)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    key = "INSPECTION_EXPORTS__BACKUPS__TARGET__SECRET_KEY_FILE"
    monkeypatch.setenv(key, str(tmp_path / "secret"))
    code, out, err = backup(made)
    assert code == 0, err
    here = Path(json.loads(out)["file"])
    assert s3.files()[f"line3/{here.name}"] == here.read_bytes()
    assert SECRET not in out + err
    for data in files_below(made.folder).values():
        assert SECRET.encode() not in data


def test_one_that_does_not_arrive_is_made_told_and_an_alarm_until_the_next_one_does(
    tmp_path: Path, backup: Run
) -> None:
    share = tmp_path / "share"
    made = node(tmp_path / "box", {"kind": "folder", "path": str(share), "mounted": False})
    code, out, err = backup(made)
    assert code == 1
    assert "EXPORT_FAILED" in err
    facts = json.loads(out)
    assert facts["sent"] is None
    assert Path(facts["file"]).exists()
    told = care(made)
    assert told is not None
    assert "did not arrive" in told
    assert str(share) in told
    share.mkdir()
    assert backup(made)[0] == 0
    assert care(made) is None
    assert len(files_below(share)) == 1


def test_none_for_two_days_is_an_alarm_and_so_is_none_at_all(tmp_path: Path) -> None:
    wanted = BackupExport.model_validate({"target": {"kind": "folder", "path": "/any"}})
    now = 1_790_000_000.0
    cared = BackupCare(wanted, store.backups(tmp_path), now)
    assert cared.trouble(now + 48 * 3600) is None
    assert "yet" in str(cared.trouble(now + 50 * 3600))
    store.backups(tmp_path).write(store.BackupSent(arrived_at=now, file="a.tar.gz"))
    assert cared.trouble(now + 48 * 3600) is None
    assert "2026-09" in str(cared.trouble(now + 50 * 3600))
    assert cared.age_s(now + 60) == 60
    nothing = BackupCare(BackupExport(), store.backups(tmp_path), now)
    assert nothing.trouble(now + 500 * 3600) is None


def test_a_file_is_of_the_node_whose_whole_id_it_has() -> None:
    name = sending.name("press", "2026-11-27T10:13:33.304Z")
    assert name == "inspection-node-press-2026-11-27T101333304Z.tar.gz"
    assert sending.is_of("press", name)
    assert not sending.is_of("press", sending.name("press-3", "2026-11-27T10:13:33.304Z"))
    assert not sending.is_of("press", f"{name}.part")
    assert not sending.is_of("p.ess", name)
