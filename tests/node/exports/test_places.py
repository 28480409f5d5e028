"""Targets, all of them real: what every kind does alike, and what each refuses."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import paramiko
import pytest
from pydantic import TypeAdapter

from node.exports import ExportPlace, open_place, sftp
from schemas import Problem
from schemas.settings.exports import Target
from tests.rooms.installation.targets import (
    SshServer,
    Store,
    files_below,
    s3_store,
    ssh_server,
)

KINDS = ("folder", "s3", "sftp")
TARGET: TypeAdapter[Any] = TypeAdapter(Target)


class There(NamedTuple):
    """A target: its settings, and what somebody else finds there."""

    settings: dict[str, Any]
    files: Callable[[], dict[str, bytes]]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with s3_store() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("server") / "ssh") as made:
        yield made


@pytest.fixture(params=KINDS)
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[There]:
    if request.param == "s3":
        made = request.getfixturevalue("store")
        prefix = f"{tmp_path.name}/".replace("[", "-").replace("]", "-")
        yield There(
            made.settings(prefix=prefix),
            lambda: {
                name.removeprefix(prefix): data
                for name, data in made.files().items()
                if name.startswith(prefix)
            },
        )
    elif request.param == "sftp":
        server = request.getfixturevalue("server")
        path = server.path / tmp_path.name
        path.mkdir()
        yield There(server.settings(path=str(path)), lambda: files_below(path))
    else:
        folder = tmp_path / "share"
        folder.mkdir()
        yield There(
            {"kind": "folder", "path": str(folder), "mounted": False}, lambda: files_below(folder)
        )


def opened(settings: dict[str, Any], state: Path) -> ExportPlace:
    return open_place(TARGET.validate_python(settings), state)


def test_a_file_arrives_whole_under_its_name_and_replaces_one_of_that_name(
    there: There, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    place = opened(there.settings, tmp_path)
    for content in (b"first", b"\xff\xd8second, and longer" * 5000):
        source.write_bytes(content)
        place.put("2026-11-27/cam1/Größe_7.jpg", source)
        place.put("top.jpg", source)
        assert there.files() == {"2026-11-27/cam1/Größe_7.jpg": content, "top.jpg": content}
    place.close()


def test_files_are_listed_by_their_beginning_with_when_they_came_and_can_be_removed(
    there: There, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    place = opened(there.settings, tmp_path)
    for name in (
        "backup-a-1.tar.gz",
        "backup-a-2.tar.gz",
        "backup-b-1.tar.gz",
        "below/backup-a-3.tar.gz",
    ):
        place.put(name, source)
    found = {stored.name: stored.at for stored in place.list("backup-a-")}
    assert set(found) == {"backup-a-1.tar.gz", "backup-a-2.tar.gz"}
    assert all(abs(datetime.now(UTC) - at) < timedelta(minutes=5) for at in found.values())
    place.remove("backup-a-1.tar.gz")
    place.remove("backup-a-1.tar.gz")
    assert [stored.name for stored in place.list("backup-a-")] == ["backup-a-2.tar.gz"]
    place.close()
    place.close()


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("folder", {"path": "/nowhere/at/all"}),
        ("s3", {"bucket": "another"}),
        ("s3", {"endpoint": "http://127.0.0.1:9"}),
        ("s3", {"secret_key": None}),
        ("sftp", {"port": 9}),
        ("sftp", {"path": "/nowhere/at/all"}),
        ("sftp", {"key_file": "/nowhere/at/all"}),
        ("sftp", {"key_file": None}),
        ("sftp", {"key_file": None, "password": "not-the-password-of-it"}),
    ],
)
def test_a_target_that_is_wrong_or_away_is_told(
    kind: str, wrong: dict[str, Any], store: Store, server: SshServer, tmp_path: Path
) -> None:
    right = {
        "folder": {"kind": "folder", "path": str(tmp_path), "mounted": False},
        "s3": store.settings(),
        "sftp": server.settings(),
    }[kind]
    (tmp_path / "source").write_bytes(b"x")
    with pytest.raises(Problem) as caught:
        opened({**right, **wrong}, tmp_path).put("a.jpg", tmp_path / "source")
    assert caught.value.code == "EXPORT_FAILED"
    assert (
        str(server.port if kind == "sftp" and "port" not in wrong else "") in caught.value.message
    )


def test_who_has_another_host_key_is_told_nothing(server: SshServer, tmp_path: Path) -> None:
    with ssh_server(tmp_path / "other") as other:
        settings = other.settings(
            host_key=server.host_key, key_file=None, password="a-password-to-catch"
        )
        with pytest.raises(Problem, match="host key"):
            opened(settings, tmp_path)
        other.stop()
        told = other.log.read_text()
    assert "SSH2_MSG_KEX" in told, "it was spoken to"
    assert "userauth-request" not in told, "nobody tried to sign in"


def test_a_share_that_is_not_mounted_is_told_and_fills_no_disk_of_ours(tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    with pytest.raises(Problem, match="not mounted"):
        opened({"kind": "folder", "path": str(share)}, tmp_path)
    assert files_below(share) == {}


def test_a_name_that_has_no_place_there_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    place = opened({"kind": "folder", "path": str(tmp_path), "mounted": False}, tmp_path)
    with pytest.raises(Problem) as caught:
        place.put(f"{'x' * 400}.jpg", tmp_path / "source")
    assert caught.value.code == "EXPORT_REFUSED"


def test_a_link_in_the_share_leads_to_no_file_of_this_machine(tmp_path: Path) -> None:
    share, ours = tmp_path / "share", tmp_path / "ours"
    share.mkdir()
    ours.write_bytes(b"ours")
    (tmp_path / "source").write_bytes(b"x")
    for name in ("a.jpg", ".a.jpg.part"):
        (share / name).symlink_to(ours)
    place = opened({"kind": "folder", "path": str(share), "mounted": False}, tmp_path)
    place.put("a.jpg", tmp_path / "source")
    assert ours.read_bytes() == b"ours"
    assert (share / "a.jpg").read_bytes() == b"x"
    assert not (share / "a.jpg").is_symlink()


def test_a_server_that_signs_in_and_then_says_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sftp, "QUIET_S", 0.5)
    server = SshServer(tmp_path / "ssh")
    config = server.folder / "config"
    config.write_text(config.read_text().replace("sftp internal-sftp", "sftp /bin/sleep 600"))
    server.start()
    try:
        with pytest.raises(Problem, match="EXPORT_FAILED"):
            opened(server.settings(), tmp_path)
    finally:
        server.stop()


def test_a_server_that_stands_still_in_the_middle_of_a_file_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect = socket.create_connection

    def narrow(*given: Any) -> socket.socket:
        made = connect(*given)
        # less than the server's window, so that it is the connection that takes no more
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        return made

    monkeypatch.setattr(socket, "create_connection", narrow)
    (tmp_path / "source").write_bytes(bytes(4_000_000))
    with ssh_server(tmp_path / "ssh") as server:
        place = opened(server.settings(), tmp_path)
        monkeypatch.setattr(sftp, "QUIET_S", 0.5)
        server.freeze()
        with pytest.raises(Problem, match="EXPORT_FAILED"):
            place.put("a.jpg", tmp_path / "source")
        place.close()


def test_a_folder_of_so_many_files_that_its_list_takes_long_is_listed(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that moves on is cut off: only the whole list takes longer than QUIET_S."""
    folder = server.path / "many"
    folder.mkdir()
    for number in range(800):
        (folder / f"b-{number}").touch()
    place = opened(server.settings(path=str(folder)), tmp_path)
    read = paramiko.SFTPClient._read_packet

    def slow(client: paramiko.SFTPClient) -> Any:
        kind, data = read(client)
        if len(data) > 1000:  # a hundred names
            time.sleep(0.3)
        return kind, data

    monkeypatch.setattr(paramiko.SFTPClient, "_read_packet", slow)
    monkeypatch.setattr(sftp, "QUIET_S", 1.8)
    assert len(list(place.list("b-"))) == 800
    place.close()


def test_a_key_that_cannot_be_read_is_told(server: SshServer, tmp_path: Path) -> None:
    locked, none = tmp_path / "locked", tmp_path / "none"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "a-passphrase", "-f", str(locked)]
    subprocess.run(words, check=True, timeout=20)
    none.write_text("no key")
    for key in (locked, none):
        with pytest.raises(Problem, match="EXPORT_FAILED"):
            opened(server.settings(key_file=str(key)), tmp_path)
