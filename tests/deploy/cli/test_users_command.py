"""`user`: accounts from the command line, on which their passwords never appear."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from deploy.cli.command import main
from schemas.store.users import Users
from tests.rooms.installation.processes import NodeProcess, free_port

GOOD = "violet tram 88 lime"
Run = Callable[..., tuple[int, str, str]]


class Stdin(io.TextIOWrapper):
    """A pipe that holds one line."""

    def __init__(self, line: bytes) -> None:
        super().__init__(io.BytesIO(line))


@pytest.fixture
def site(tmp_path: Path) -> NodeProcess:
    return NodeProcess(tmp_path, free_port(), [{"id": "cam1", "camera": {"kind": "synthetic"}}])


@pytest.fixture
def run(
    site: NodeProcess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    def call(*words: str, stdin: bytes = GOOD.encode() + b"\n") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", Stdin(stdin))
        code = main(["user", *words, "--config", str(site.config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_the_first_account_is_an_administrator_and_the_next_only_sees(run: Run) -> None:
    code, _, err = run("add", "ann", "--role", "OPERATOR")
    assert code == 1
    assert "the first account must be ADMIN" in err
    assert run("add", "ann")[0] == 0
    assert run("add", "bob", "--name", "Bob B.")[0] == 0
    listed = json.loads(run("list", "--json")[1])
    assert [(user["username"], user["name"], user["role"]) for user in listed] == [
        ("ann", "ann", "ADMIN"),
        ("bob", "Bob B.", "VIEWER"),
    ]


def test_only_an_argon2id_hash_is_stored(run: Run, site: NodeProcess) -> None:
    run("add", "ann")
    stored = Users(site.state / "users").get("ann").password_hash
    assert stored.startswith("$argon2id$")
    assert PasswordHasher().verify(stored, GOOD)
    assert GOOD.encode() not in b"".join(
        path.read_bytes() for path in (site.state / "users").iterdir()
    )
    assert "argon2" not in run("list", "--json")[1] + run("list")[1]


def test_a_password_comes_from_a_file_too_and_can_be_changed(
    run: Run, site: NodeProcess, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("another tram 99 rose\n")
    run("add", "ann")
    assert run("passwd", "ann", "--password-file", str(secret), stdin=b"")[0] == 0
    assert PasswordHasher().verify(
        Users(site.state / "users").get("ann").password_hash, "another tram 99 rose"
    )
    assert run("passwd", "ann", "--password-file", str(tmp_path / "gone"))[0] == 1
    assert run("passwd", "eve")[0] == 1


@pytest.mark.parametrize(
    "stdin",
    [b"", b"\n", b"short\n", b"x" * 5000, b"\xff\xfe violet tram 88\n", b"ann violet tram 88\n"],
)
def test_a_password_that_is_no_good_adds_no_account(run: Run, stdin: bytes) -> None:
    code, out, err = run("add", "ann", stdin=stdin)
    assert (code, out) == (1, "")
    assert "USER_INVALID" in err
    assert run("list", "--json")[1] == "[]\n"


def test_the_last_administrator_stays_one(run: Run) -> None:
    run("add", "ann")
    assert run("role", "ann", "VIEWER")[0] == 1
    assert run("disable", "ann")[0] == 1
    run("add", "bob", "--role", "ADMIN")
    assert run("disable", "ann")[0] == 0
    assert run("role", "bob", "OPERATOR")[0] == 1
    assert run("enable", "ann")[0] == 0
    assert run("role", "bob", "OPERATOR", "--json")[0] == 0


def test_a_name_that_is_taken_or_cannot_be_one_is_refused(run: Run) -> None:
    run("add", "ann")
    assert "is taken" in run("add", "ann")[2]
    assert "username" in run("add", "Ann!")[2]
