"""Answers that are given again: to the same question, and only while nothing was written."""

import gzip
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from schemas.store.history.rows import History
from tests.rooms.people.people import Caller, application
from tests.rooms.promise.ledgers import fill
from web import kept
from web.records import records_of

NG = "/results?verdict=NG"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr(kept, "FRESH_S", 60.0)
    (tmp_path / "state").mkdir()
    fill(tmp_path / "state" / "ledger.db", 200)
    return application(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Pages that were really read."""
    found: list[Any] = []
    read: Callable[..., Any] = History.page

    def page(*given: Any) -> Any:
        found.append(given)
        return read(*given)

    monkeypatch.setattr(History, "page", page)
    return found


def test_the_same_question_is_read_once_until_the_ledger_is_written(
    app: Flask, asked: list[Any], tmp_path: Path
) -> None:
    ada = Caller(app, "ada", "VIEWER")
    first = ada.get(NG)["results"]
    assert ada.get(NG)["results"] == first
    assert ada.get("/results?limit=3")["results"] != first
    assert len(asked) == 2
    with sqlite3.connect(tmp_path / "state" / "ledger.db") as db:
        db.execute(
            "UPDATE results SET part_id = 'SN-1' WHERE result_id = ?", (first[0]["result_id"],)
        )
    assert ada.get(NG)["results"][0]["part_id"] == "SN-1"
    assert len(asked) == 3


def test_it_is_also_read_again_once_it_is_old(
    app: Flask, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = Caller(app, "ada", "VIEWER")
    ada.get(NG)
    monkeypatch.setattr(kept, "FRESH_S", 0.0)
    ada.get(NG)
    assert len(asked) == 2


def test_who_may_not_ask_gets_nothing_that_others_have_asked_for(app: Flask) -> None:
    ada = Caller(app, "ada", "VIEWER")
    assert ada.get(NG)["results"]
    assert app.test_client().get(f"/api/v1{NG}").status_code == 401


def test_a_refusal_is_not_kept(app: Flask) -> None:
    ada = Caller(app, "ada", "VIEWER")
    for _ in range(2):
        assert ada.ask("GET", "/results?cursor=nonsense").status_code >= 400
    assert not records_of(app).kept._answers


def test_it_is_bounded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 3)
    ada = Caller(app, "ada", "VIEWER")
    for limit in range(1, 8):
        ada.get(f"/results?limit={limit}")
    assert len(records_of(app).kept._answers) == 3
    monkeypatch.setattr(kept, "MOST_BYTES", 100)
    ada.get("/results?limit=9")
    assert not any("limit=9" in key for key in records_of(app).kept._answers)


def test_each_gets_the_form_it_takes(app: Flask) -> None:
    ada = Caller(app, "ada", "VIEWER")
    plain = ada.ask("GET", NG, headers={"Accept-Encoding": "identity"})
    packed = ada.ask("GET", NG, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_many_who_ask_at_once_are_answered_by_one_look(app: Flask, asked: list[Any]) -> None:
    people = [Caller(app, f"ada-{number}", "VIEWER") for number in range(4)]
    together = threading.Barrier(len(people))

    def ask(one: Caller) -> None:
        together.wait(20)
        assert one.get(NG)["results"]

    threads = [threading.Thread(target=ask, args=(one,)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(asked) == 1
