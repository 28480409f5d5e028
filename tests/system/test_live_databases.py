"""Databases of a running web and node while commands, reloads and `kill -9` come and go: what was
acknowledged is there."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from schemas.store.accounts import Accounts
from tests.rooms.installation.live_files import deleted, unlocked
from tests.rooms.installation.processes import ROOT, NodeProcess
from tests.rooms.installation.web_process import Web
from tests.rooms.people.people import PASSWORD
from tests.rooms.promise.promise import Line, stored, wait_for

pytestmark = [pytest.mark.system, pytest.mark.worker("thread")]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = Web(tmp_path)
    yield made
    made.end()


def command(config: Path, *words: str) -> None:
    """A subcommand beside the running processes."""
    subprocess.run(
        [sys.executable, "-m", "deploy.cli.command", *words, "--config", str(config)],
        cwd=ROOT,
        input=f"{PASSWORD} two\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def holds(pid: int, state: Path, after: str) -> None:
    """No file of a database has been removed under a process that writes it, and its locks are
    there."""
    assert deleted(pid) == [], after
    assert unlocked(pid, state) == [], after


def test_what_the_web_acknowledges_survives_commands_reloads_and_kill_9(web: Web) -> None:
    token = web.ready().sign_in()
    many = [web.sign_in(f"user{n}", "VIEWER") for n in range(6)]
    at_once(web, token)
    acknowledged = {"session.begin": 7}
    for words in (
        ("user", "unlock", "ada"),
        ("user", "list"),
        ("user", "role", "user0", "OPERATOR"),
        ("user", "passwd", "user0"),
        ("user", "disable", "user0"),
        ("user", "enable", "user0"),
        ("user", "add", "new"),
        ("program", "list"),
        ("doctor", "--broker", "mqtt://127.0.0.1:1"),
    ):
        command(web.config, *words)
        holds(web.process.pid, web.state, " ".join(words))
        assert web.ask("GET", "/api/v1/auth/sessions", token=token)[0] == 200
        holds(web.process.pid, web.state, " ".join(words))
    for _ in range(2):
        before = web.log.read_text().count("has ended")
        web.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: web.log.read_text().count("has ended") > before,  # noqa: B023
            60,
            "the old worker's end",
        )
        at_once(web, token)
        holds(web.process.pid, web.state, "a reload")
    command(web.config, "user", "unlock", "ada")
    for access in many[1:]:
        assert web.ask("POST", "/api/v1/auth/logout", {}, token=access)[0] == 200
        acknowledged["session.end"] = acknowledged.get("session.end", 0) + 1
    wait_for(
        lambda: len(psutil.Process(web.process.pid).children()) == 1, 60, "the old worker's end"
    )
    (worker,) = psutil.Process(web.process.pid).children()
    os.kill(web.process.pid, signal.SIGKILL)
    os.kill(worker.pid, signal.SIGKILL)
    wait_for(
        lambda: (
            not psutil.pid_exists(worker.pid)
            or psutil.Process(worker.pid).status() == psutil.STATUS_ZOMBIE
        ),
        10,
    )
    accounts = Accounts(web.state / "accounts.db")
    found = [entry.action for entry in accounts.audit_rows()]
    assert {action: found.count(action) for action in acknowledged} == acknowledged
    assert found.count("user.unlock") == 2
    assert accounts.verify_audit()[2] is None
    assert [session.user for session in accounts.sessions()].count(web_id(web, "user1")) == 0


def at_once(web: Web, token: str) -> None:
    """Ask in such a way that several threads of the web have a connection of their own."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: web.ask("GET", "/api/v1/auth/sessions", token=token)[0], range(24))
        )
    assert set(answers) == {200}


def web_id(web: Web, username: str) -> str:
    """The id of an account."""
    from schemas.store.users import Users

    return Users(web.state / "users").get(username).id


def test_what_the_node_acknowledges_survives_commands_and_kill_9(
    node: NodeProcess, line: Line
) -> None:
    node.start()
    line.state("Ready")
    assert node.process is not None
    for words in (("doctor",), ("program", "list"), ("trigger", "cam1"), ("user", "list")):
        line.result(line.trigger())
        command(node.config, *words)
        line.result(line.trigger())
        holds(node.process.pid, node.state, " ".join(words))
    # as the web does: opens, reads, closes
    reader = sqlite3.connect(f"file:{node.ledger}?mode=ro", uri=True)
    assert reader.execute("SELECT count(*) FROM results").fetchone()[0] > 0
    reader.close()
    holds(node.process.pid, node.state, "a reader")
    ids = [line.trigger() for _ in range(10)]
    for trigger_id in ids:
        line.result(trigger_id)
    node.kill()
    assert set(ids) <= {trigger_id for trigger_id, _, _ in stored(node.ledger)}


def test_the_log_stays_when_another_process_closes_the_database_between_two_threads(
    tmp_path: Path,
) -> None:
    accounts = Accounts(tmp_path / "accounts.db")
    who = {"username": "ada", "address": "", "request_id": ""}
    accounts.record("first", "", {}, **who)
    # a second connection of this process
    other = threading.Thread(target=lambda: accounts.record("second", "", {}, **who))
    other.start()
    other.join(20)
    look = (
        f"import sqlite3; d = sqlite3.connect({str(accounts.path)!r}); d.execute('SELECT count(*)"
        " FROM audit'); d.close()"
    )
    subprocess.run([sys.executable, "-c", look], check=True)
    holds(os.getpid(), tmp_path, "another process")
    accounts.record("third", "", {}, **who)
    read = look.replace("d.execute", "print(*d.execute").replace(
        "count(*) FROM audit')", "group_concat(action) FROM audit').fetchone())"
    )
    assert (
        subprocess.run([sys.executable, "-c", read], capture_output=True, check=True).stdout
        == b"first,second,third\n"
    )
