"""Sessions, failed attempts and second factors at rest, whatever the clocks and other processes
do."""

import sqlite3
import threading
from pathlib import Path

import pytest

from schemas import Problem
from schemas.store.accounts import Accounts
from schemas.store.clock import Moment

WHO = {"username": "ada", "address": "10.0.0.1", "request_id": "r"}
LIMITS = {"user:ada": 5, "address:10.0.0.1": 20}


class Clocks:
    """Clocks that a test sets."""

    def __init__(self) -> None:
        self.wall, self.boot_s, self.boot = 1_800_000_000.0, 100.0, "first"

    def __call__(self) -> Moment:
        return Moment(self.wall, self.boot_s, self.boot)

    def pass_s(self, seconds: float) -> None:
        """Both clocks go on."""
        self.wall += seconds
        self.boot_s += seconds

    def restart(self, wall: float | None = None) -> None:
        """The machine starts again."""
        self.boot, self.boot_s = self.boot + "+", 20.0
        self.wall = self.wall + 20.0 if wall is None else wall


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def accounts(tmp_path: Path, clocks: Clocks) -> Accounts:
    return Accounts(tmp_path / "accounts.db", clocks)


def fail(accounts: Accounts, times: int) -> float:
    return [accounts.attempt(LIMITS) for _ in range(times)][-1]


def test_the_sixth_failure_waits_a_minute_and_each_one_more_twice_as_long(
    accounts: Accounts, clocks: Clocks
) -> None:
    assert fail(accounts, 5) == 0.0
    waits = []
    for _ in range(6):
        wait_s = accounts.attempt(LIMITS)
        waits.append(round(wait_s))
        assert accounts.attempt(LIMITS) == wait_s, "an attempt while it is locked made it longer"
        clocks.pass_s(wait_s)
        assert accounts.attempt(LIMITS) == 0.0
    assert waits == [60, 120, 240, 480, 900, 900]


def test_a_changed_clock_does_not_end_a_lockout(accounts: Accounts, clocks: Clocks) -> None:
    fail(accounts, 5)
    clocks.pass_s(10)
    for jump_s in (86400.0 * 365, -86400.0 * 730):
        clocks.wall += jump_s
        assert accounts.attempt(LIMITS) == pytest.approx(50)


def test_a_restart_does_not_end_a_lockout_nor_does_a_clock_that_begins_in_1970_prolong_it(
    accounts: Accounts, clocks: Clocks, tmp_path: Path
) -> None:
    fail(accounts, 5)
    clocks.restart()
    assert Accounts(tmp_path / "accounts.db", clocks).attempt(LIMITS) == pytest.approx(40)
    clocks.restart(wall=5.0)
    assert accounts.attempt(LIMITS) == pytest.approx(40)
    clocks.pass_s(41)
    assert accounts.attempt(LIMITS) == 0.0


def test_failures_are_forgotten_after_an_hour_or_when_they_are_taken_back(
    accounts: Accounts, clocks: Clocks
) -> None:
    fail(accounts, 4)
    clocks.pass_s(3601)
    assert accounts.failures("user:ada") == 0
    assert fail(accounts, 5) == 0.0
    accounts.take_back("user:ada")
    assert fail(accounts, 1) == 0.0
    accounts.forget("user:ada")
    assert accounts.failures("user:ada") == 0
    assert accounts.failures("address:10.0.0.1") > 0


def test_many_attempts_at_once_do_not_pass_the_limit(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "accounts.db")
    answers: list[float] = []
    threads = [
        threading.Thread(target=lambda: answers.append(accounts.attempt({"user:ada": 5})))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers.count(0.0) == 5


def test_what_was_typed_as_a_name_is_not_stored(accounts: Accounts) -> None:
    accounts.attempt({"user:my secret password": 5})
    found = b"".join(file.read_bytes() for file in accounts.path.parent.iterdir())
    assert b"my secret password" not in found


def begin(accounts: Accounts, session: str = "s", token: bytes = b"1") -> None:
    accounts.begin("u", "then", token, 3600.0, 86400.0, "a browser", WHO, session)


def test_a_session_ends_when_it_is_idle_and_in_any_case_at_its_end(
    accounts: Accounts, clocks: Clocks
) -> None:
    begin(accounts)
    clocks.pass_s(3599)
    assert accounts.rotate("s", b"1", b"2", 3600.0, WHO) == "rotated"
    clocks.pass_s(3599)
    assert accounts.session("s") is not None
    clocks.pass_s(2)
    assert accounts.session("s") is None
    assert accounts.rotate("s", b"2", b"3", 3600.0, WHO) == "ended"
    begin(accounts, "t")
    for n in range(30):
        accounts.rotate("t", b"%d" % (n + 1), b"%d" % (n + 2), 3600.0, WHO)
        clocks.pass_s(3000)
    assert accounts.session("t") is None


def test_of_two_who_refresh_at_once_with_one_token_one_ends_the_session(accounts: Accounts) -> None:
    begin(accounts)
    outcomes: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: outcomes.append(
                accounts.rotate("s", b"1", b"new-%d" % n, 3600.0, WHO)
            )
        )  # type: ignore[misc]
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["reused", "rotated"]
    assert accounts.session("s") is None


def test_a_code_is_used_once_and_none_before_it(accounts: Accounts) -> None:
    accounts.factors.propose_totp("u", "SECRET")
    assert accounts.factors.enable_totp("u", "SECRET", 100, [b"a", b"b"], WHO)
    assert [accounts.factors.use_step("u", step) for step in (100, 101, 101, 100, 102)] == [
        False,
        True,
        False,
        False,
        True,
    ]
    assert [accounts.factors.use_recovery("u", b"a", WHO) for _ in range(2)] == [True, False]
    assert not accounts.factors.propose_totp("u", "OTHER"), "one that is on is replaced"


def test_the_file_is_for_its_owner_only_and_is_not_replaced_when_it_is_damaged(
    accounts: Accounts,
) -> None:
    begin(accounts)
    for file in accounts.path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name
    accounts.close()
    accounts.path.write_bytes(b"not a database at all, but as long as one would be " * 100)
    with pytest.raises(Problem, match="STORE_CORRUPT"):
        accounts.factors.of("u")
    assert accounts.path.read_bytes().startswith(b"not a database")


def test_a_file_of_a_newer_version_is_refused(accounts: Accounts, tmp_path: Path) -> None:
    begin(accounts)
    with sqlite3.connect(accounts.path) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(Problem, match="STORE_NEWER"):
        Accounts(tmp_path / "accounts.db").session("s")


def test_a_database_held_by_another_process_is_waited_for(accounts: Accounts) -> None:
    begin(accounts)
    other = sqlite3.connect(accounts.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    timer.start()
    assert accounts.end("s", "session.end", WHO)
    timer.join()
    other.close()
