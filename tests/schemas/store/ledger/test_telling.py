"""Whoever posts to the ledger hears of the commit once, in the order of the commits, and after what
the thread that made it had to do first."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.store.ledger import Ledger, TriggerStored
from tests.rooms.promise.ledgers import build, new


@pytest.fixture
def said() -> list[str]:
    """What happened, in its order."""
    return []


@pytest.fixture
def ledger(tmp_path: Path, said: list[str]) -> Iterator[Ledger]:
    made = Ledger(
        tmp_path / "ledger.db",
        lambda rows: said.extend(f"out {row.id}" for row in rows),
        lambda: True,
    )
    yield made
    made.close()


def posted(ledger: Ledger, said: list[str], name: str) -> None:
    """A trigger whose result waits for its commit."""
    stored = ledger.accept(new(name))
    assert isinstance(stored, TriggerStored)
    ledger.answer_soon(stored.id, "cam1", build(name), lambda *_: said.append(f"told {name}"))


def test_results_go_out_before_those_who_posted_them_are_told(
    ledger: Ledger, said: list[str]
) -> None:
    posted(ledger, said, "a")
    assert ledger.flush(tell=False)
    assert said == ["out 1"]
    ledger.tell()
    ledger.tell()
    assert said == ["out 1", "told a"]


def test_the_next_commit_tells_of_the_one_before_it_first(ledger: Ledger, said: list[str]) -> None:
    posted(ledger, said, "a")
    assert ledger.flush(tell=False)
    ledger.write(lambda _: said.append("written"))
    assert said == ["out 1", "told a", "written"]
    posted(ledger, said, "b")
    assert ledger.flush()
    assert said[3:] == ["out 2", "told b"]


def test_who_has_nothing_to_commit_tells_too(ledger: Ledger, said: list[str]) -> None:
    posted(ledger, said, "a")
    assert ledger.flush(tell=False)
    assert ledger.flush()
    assert said == ["out 1", "told a"]


def test_while_another_thread_commits_it_is_that_one_which_tells(
    ledger: Ledger, said: list[str]
) -> None:
    posted(ledger, said, "a")
    assert ledger.flush(tell=False)
    begun, go = threading.Event(), threading.Event()

    def stall(_: object) -> None:
        begun.set()
        assert go.wait(10)

    writes = threading.Thread(target=lambda: ledger.write(stall))
    writes.start()
    assert begun.wait(10)
    assert said == ["out 1", "told a"]
    ledger.tell()  # does not wait for it: there is nothing left to tell
    go.set()
    writes.join(10)
    assert said == ["out 1", "told a"]


def test_who_raises_keeps_nobody_from_being_told(ledger: Ledger, said: list[str]) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    ledger.post(lambda _: None, broken)
    posted(ledger, said, "a")
    assert ledger.flush(tell=False)
    ledger.tell()
    assert said == ["out 1", "told a"]


def test_what_is_still_to_be_told_is_told_before_the_ledger_is_closed(
    tmp_path: Path, said: list[str]
) -> None:
    made = Ledger(tmp_path / "other.db", flush_soon=lambda: True)
    posted(made, said, "a")
    assert made.flush(tell=False)
    made.close()
    assert said == ["told a"]
