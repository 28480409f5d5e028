"""Rows of the audit reach a log server, each once and in order, and nothing waits for a server that
is away."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.settings import WebSettings
from schemas.store.accounts import Accounts
from schemas.store.accounts.audit import AuditEntry
from tests.rooms.promise.promise import wait_for
from web import forwarding
from web.forwarding import Forwarding, line

WHO = {"username": "ada", "address": "10.0.0.7", "request_id": "r-1"}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "EVERY_S", 0.02)


@contextmanager
def server(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.settimeout(10)
        yield sock
    path.unlink()


def row_of(message: bytes) -> dict[str, Any]:
    """The row in a message whose head is that of RFC 5424."""
    found = re.fullmatch(
        rb"<109>1 \d{4}-\d\d-\d\dT[0-9:.]+Z node-01 inspection-node - audit - (\{.*\})", message
    )
    assert found is not None, message
    return dict(json.loads(found[1]))


def begun(accounts: Accounts, tmp_path: Path, target: str) -> Forwarding:
    made = Forwarding(accounts, tmp_path, "node-01", target)
    wait_for(
        lambda: (
            (tmp_path / "audit.sent").exists() and (tmp_path / "audit.sent").stat().st_size == 32
        ),
        10,
    )
    return made


def test_what_is_written_also_while_the_log_server_or_the_web_is_away_follows_in_order(
    tmp_path: Path,
) -> None:
    accounts = Accounts(tmp_path / "accounts.db")
    accounts.record("before", "it was asked for", {}, **WHO)
    sending = begun(accounts, tmp_path, str(tmp_path / "log"))
    accounts.record("one", "x", {"n": 1}, **WHO)  # there is no server yet
    with server(tmp_path / "log") as sock:
        first = row_of(sock.recv(4096))
        assert (first["action"], first["username"], first["details"], first["id"]) == (
            "one",
            "ada",
            {"n": 1},
            2,
        )
        sending.close()
        wait_for(
            lambda: (
                not [each for each in forwarding.threading.enumerate() if each.name == "syslog"]  # type: ignore[attr-defined]
            ),
            10,
        )
        accounts.record("two", "y", {}, **WHO)
        sending = begun(accounts, tmp_path, str(tmp_path / "log"))
        other = begun(accounts, tmp_path, str(tmp_path / "log"))  # a second worker
        accounts.record("three", "z", {}, **WHO)
        assert [row_of(sock.recv(4096))["action"] for _ in range(2)] == ["two", "three"]
        sock.settimeout(0.3)
        with suppress(TimeoutError):
            raise AssertionError(f"sent twice: {sock.recv(4096)!r}")
        sending.close()
        other.close()


def test_rows_go_by_udp_too(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "accounts.db")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        sending = begun(accounts, tmp_path, f"127.0.0.1:{sock.getsockname()[1]}")
        accounts.record("one", "x", {}, **WHO)
        assert row_of(sock.recv(4096))["action"] == "one"
        sending.close()


def test_a_row_forges_no_second_message_and_is_never_too_long() -> None:
    entry = AuditEntry(
        1,
        "2026-01-02T03:04:05.000Z",
        "a\n<13>1 x",
        "refused",
        "\x00\x1b\x7f" * 2000,
        "",
        "",
        '{"path": "ü\\n"}',
        b"\1",
    )
    message = line(entry, "node-01")
    assert len(message) <= 2048
    assert all(32 <= byte < 127 for byte in message)


@pytest.mark.parametrize(
    "target",
    ["dev/log", "10.0.0.4", "10.0.0.4:0", "host:99999", "host:514x", "/", "a@host:514", ":514"],
)
def test_what_is_no_target_is_refused(target: str) -> None:
    with pytest.raises(ValidationError):
        WebSettings(audit_syslog=target)
