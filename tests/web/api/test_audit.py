"""The audit: everything that changes accounts is in it, and nobody changes it unnoticed."""

import csv
import io
import re
import sqlite3
from typing import Any

import pytest
from flask import Flask

from schemas.store.accounts.audit import START, AuditEntry, row_hash
from schemas.store.accounts.seal import ChainHead
from tests.rooms.people.people import API, PASSWORD, PROOF, Caller, code, data, sign_in, site_of
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow


def tamper(app: Flask, statement: str) -> None:
    """Change the file as somebody who knows SQLite would: without the triggers."""
    with sqlite3.connect(site_of(app).accounts.path) as db:
        db.execute("DROP TRIGGER IF EXISTS audit_stays")
        db.execute("DROP TRIGGER IF EXISTS audit_grows")
        db.execute(statement)


def test_who_did_what_from_where_is_written_down(app: Flask, ada: Caller) -> None:
    ada.ask(
        "POST", "/auth/users", json={"username": "olaf", "password": PASSWORD, "role": "VIEWER"}
    )
    olaf = site_of(app).users.get("olaf")
    ada.ask(
        "PUT",
        f"/auth/users/{olaf.id}",
        json={"role": "OPERATOR", **PROOF},
        headers={"X-Request-ID": "r-1"},
    )
    sign_in(app.test_client(), "olaf", "wrong")
    rows = ada.get("/audit")["rows"]
    told = [(row["action"], row["username"], row["target"]) for row in rows]
    assert told[:3] == [
        ("sign-in.failed", "", olaf.id),
        ("user.change", "ada", olaf.id),
        ("user.add", "ada", "olaf"),
    ]
    assert [row["whom"] for row in rows[:3]] == ["olaf", "olaf", None]
    assert (rows[1]["details"], rows[1]["address"]) == ({"role": "OPERATOR"}, "127.0.0.1")
    assert re.fullmatch(r"[0-9a-f-]{36} r-1", rows[1]["request_id"]), (
        "no id of our own beside the one that was given"
    )
    assert PASSWORD not in str(rows)
    assert data(ada.ask("GET", "/audit/verify"))["intact"] is True


def test_pages_and_filters(app: Flask, ada: Caller) -> None:
    for _ in range(5):
        sign_in(app.test_client(), "nobody", "x")
    seen, before = [], ""
    while True:
        page = ada.get(f"/audit?limit=2{before}")
        seen += [row["id"] for row in page["rows"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert seen == list(range(max(seen), 0, -1))
    assert {row["action"] for row in ada.get("/audit?action=session.")["rows"]} == {"session.begin"}
    assert len(ada.get("/audit?username=ada")["rows"]) == 1
    for query in (
        "limit=1000000000",
        "limit=0",
        "before=-1",
        "page=1",
        "limit=1&limit=2",
        "action=" + "x" * 2000,
    ):
        assert code(ada.ask("GET", f"/audit?{query}")) == "VALIDATION_FAILED"
    assert ada.get("/audit?username=%27%20OR%201=1--")["rows"] == []


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("UPDATE audit SET username = 'eve' WHERE id = 2", "row 2 was changed"),
        ("UPDATE audit SET at = '2020-01-01T00:00:00.000Z' WHERE id = 1", "row 1 was changed"),
        ("DELETE FROM audit WHERE id = 2", "row 2 is missing"),
        ("DELETE FROM audit WHERE id > 2", "rows 3 to 4 are missing"),
        ("DELETE FROM audit", "rows 1 to 4 are missing"),
        (
            "UPDATE audit SET hash = (SELECT hash FROM audit WHERE id = 1) WHERE id = 3",
            "row 3 was changed",
        ),
        ("UPDATE audit SET id = 9 WHERE id = 4", "row 4 is missing"),
    ],
)
def test_a_row_that_was_changed_or_taken_out_is_found(
    app: Flask, ada: Caller, statement: str, wrong: str
) -> None:
    for _ in range(3):
        site_of(app).audit("test", "something", value=1)
    head = ada.get("/audit/verify")
    assert (head["intact"], head["rows"]) == (True, 4)
    tamper(app, statement)
    found = ada.get("/audit/verify")
    assert (found["intact"], found["problem"]) == (False, wrong)


def test_rows_cannot_be_changed_by_an_ordinary_statement(app: Flask, ada: Caller) -> None:
    for statement in ("UPDATE audit SET username = 'eve'", "DELETE FROM audit"):
        with (
            sqlite3.connect(site_of(app).accounts.path) as db,
            pytest.raises(sqlite3.IntegrityError, match="only ever added to"),
        ):
            db.execute(statement)
    assert ada.get("/audit/verify")["intact"] is True


def test_the_csv_has_every_row_and_no_formula(app: Flask, ada: Caller) -> None:
    site_of(app).audit("test", "=HYPERLINK(1)", text='a "quoted", one\r\nand a second line')
    answer = ada.ask("GET", "/audit/export")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [int(row["id"]) for row in rows] == [1, 2, 3]
    assert rows[1]["target"] == "'=HYPERLINK(1)"
    assert rows[2]["action"] == "audit.export"


def test_what_cannot_be_written_down_is_not_done(app: Flask, ada: Caller) -> None:
    with sqlite3.connect(site_of(app).accounts.path) as db:
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(FAIL, 'the disk is"
            " full'); END"
        )
    body = {"username": "olaf", "password": PASSWORD, "role": "ADMIN", **PROOF}
    assert code(ada.ask("POST", "/auth/users", json=body)) == "STORE_FAILED"
    assert code(ada.ask("PUT", f"/auth/users/{ada.id}", json={"name": "Eve"})) == "STORE_FAILED"
    assert code(sign_in(app.test_client(), "ada")) == "STORE_FAILED"
    assert [user.username for user in site_of(app).users.list()] == ["ada"]
    assert ada.get("/auth/me")["name"] == "Ada", "who is signed in can still look"


@pytest.mark.parametrize(
    "statements",
    [
        [
            "DELETE FROM audit WHERE id > 2",
            "UPDATE sqlite_sequence SET seq = 2 WHERE name = 'audit'",
        ],
        ["DELETE FROM audit", "DELETE FROM sqlite_sequence WHERE name = 'audit'"],
    ],
)
def test_rows_that_were_cut_off_with_all_counters_are_missed_since_the_head_was_told(
    app: Flask, ada: Caller, statements: list[str]
) -> None:
    for _ in range(3):
        site_of(app).audit("test", "something")
    assert site_of(app).accounts.tell_head() is not None
    for statement in statements:
        tamper(app, statement)
    found = ada.get("/audit/verify")
    assert found["intact"] is False
    assert "missing" in found["problem"]


def test_a_row_that_was_changed_with_all_hashes_made_anew_is_found(app: Flask, ada: Caller) -> None:
    """Somebody who can only write the database has no key for the chain."""
    site_of(app).audit("test", "something")
    path = site_of(app).accounts.path
    tamper(app, "UPDATE audit SET username = 'eve' WHERE id = 1")
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER IF EXISTS audit_stays")
        last = START
        for row in db.execute("SELECT * FROM audit ORDER BY id").fetchall():
            last = row_hash(last, AuditEntry(*row), None)
            db.execute("UPDATE audit SET hash = ? WHERE id = ?", (last, row[0]))
    assert ada.get("/audit/verify")["problem"] == "row 1 was changed"


def test_an_audit_of_an_earlier_version_goes_on_with_a_key(app: Flask, ada: Caller) -> None:
    accounts = site_of(app).accounts
    with sqlite3.connect(accounts.path) as db:  # as an earlier version left it
        db.execute("DROP TRIGGER IF EXISTS audit_stays")
        last = START
        for row in db.execute("SELECT * FROM audit ORDER BY id").fetchall():
            last = row_hash(last, AuditEntry(*row), None)
            db.execute("UPDATE audit SET hash = ? WHERE id = ?", (last, row[0]))
    (accounts.path.parent / "audit.key").unlink()
    accounts._seal._known = None
    site_of(app).audit("test", "something")
    assert ada.get("/audit/verify")["intact"] is True
    tamper(app, "UPDATE audit SET username = 'eve' WHERE action = 'test'")
    assert ada.get("/audit/verify")["intact"] is False


def test_refusals_are_written_down_once_a_minute(app: Flask, ada: Caller) -> None:
    vera = Caller(app, "vera", "VIEWER")
    for _ in range(5):
        vera.ask("GET", "/audit")
        app.test_client().get(f"{API}/auth/me", headers={"Authorization": "Bearer garbage"})
        app.test_client().post(
            f"{API}/auth/setup", json={"token": "x", "username": "eve", "password": PASSWORD}
        )
    rows = [row for row in ada.get("/audit?limit=500")["rows"] if row["action"] == "refused"]
    assert sorted((row["target"], row["username"]) for row in rows) == [
        ("PERMISSION_DENIED", "vera"),
        ("SETUP_CLOSED", ""),
        ("TOKEN_INVALID", ""),
    ]


def test_an_audit_that_is_nearly_full_is_told_to_who_looks(
    app: Flask, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, told = site_of(app), list[tuple[str, dict[str, Any]]]()
    here.listeners.append(lambda kind, details: told.append((kind, details)))
    monkeypatch.setattr(
        here.accounts, "tell_head", lambda: ChainHead(900_001, "00", "2026-01-02T03:04:05.000Z")
    )
    here.head_s = 0.01
    here.tell_head()
    wait_for(lambda: bool(told), 10)
    assert told[0] == ("audit.filling", {"rows": 900_001, "most": 1_000_000})
    here.close()
