"""Passkeys as a second factor: made and used at our address only, each challenge answered once, by
the person whom it was put to.

One file: one authenticator, and what may be wrong with its answers.
"""

import itertools
import json
import sqlite3
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from schemas.store.clock import Moment, now
from tests.rooms.people.authenticator import UV, Authenticator, b64, unb64
from tests.rooms.people.people import (
    API,
    PASSWORD,
    PROOF,
    SAME,
    Caller,
    account,
    application,
    code,
    data,
    sign_in,
    site_of,
)

pytestmark = pytest.mark.slow

HERE = {"base_url": "http://localhost:5000"}


class Visitor(Caller):
    """A caller who opens the site at the address that passkeys are for."""

    def __init__(self, app: Flask, username: str, role: Any = None, **more: Any) -> None:
        self.id = account(app, username, role) if role else ""
        self.client = app.test_client(use_cookies=False)
        self.data = data(enter(self.client, username, **more))

    def ask(self, method: str, path: str, **given: Any) -> Any:
        return super().ask(method, path, **{**HERE, **given})


def enter(client: FlaskClient, username: str, password: str = PASSWORD, **more: Any) -> Any:
    """POST /auth/login at that address."""
    body = {"username": username, "password": password, **more}
    return client.post(f"{API}/auth/login", json=body, headers=SAME, **HERE)


def asked(answer: Any) -> dict[str, Any]:
    """What a passkey has to sign, from a refusal TWO_FACTOR_REQUIRED."""
    assert code(answer) == "TWO_FACTOR_REQUIRED"
    found: dict[str, Any] = answer.json["details"]["passkey"]
    return found


def register(person: Caller, key: Authenticator, name: str = "blue key", **factor: Any) -> Any:
    """Make a passkey from a key and register it; returns the answer's data."""
    options = data(
        person.ask("POST", "/auth/passkeys/options", json={"password": PASSWORD, **factor})
    )
    return data(
        person.ask("POST", "/auth/passkeys", json={"name": name, "credential": key.make(options)})
    )


def rows(app: Flask, action: str) -> list[dict[str, Any]]:
    return [
        json.loads(row.details)
        for row in site_of(app).accounts.audit_rows()
        if row.action == action
    ]


@pytest.fixture
def ada(app: Flask) -> Visitor:
    return Visitor(app, "ada", "ADMIN")


@pytest.fixture
def key() -> Authenticator:
    return Authenticator()


def test_a_passkey_is_registered_asked_for_after_the_password_and_signs_in(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    made = register(ada, key)
    assert made["passkey"]["name"] == "blue key"
    assert len(set(made["recovery_codes"])) == 10
    assert [row["name"] for row in ada.get("/auth/passkeys")] == ["blue key"]
    me = ada.get("/auth/me")
    assert (me["twofactor"], me["totp"], me["passkeys"], me["recovery_codes_left"]) == (
        True,
        False,
        1,
        10,
    )
    client = app.test_client()
    assert code(enter(client, "ada", "wrong")) == "CREDENTIALS_INVALID"
    refused = enter(client, "ada")
    options = asked(refused)
    assert refused.json["details"]["factors"] == ["passkey", "recovery_code"]
    assert options["rpId"] == "localhost"
    assert [each["id"] for each in options["allowCredentials"]] == [b64(key.credential)]
    assert enter(client, "ada", passkey=key.sign(options)).status_code == 200
    assert ada.get("/auth/passkeys")[0]["used_at"] is not None
    assert rows(app, "passkey.add") == [{"passkey": made["passkey"]["id"], "name": "blue key"}]


def test_nothing_about_passkeys_is_told_to_who_does_not_know_the_password(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    register(ada, key)
    answers = [enter(app.test_client(), name, "wrong").text for name in ("ada", "nobody")]
    assert answers[0] == answers[1]
    assert "passkey" not in answers[0]


LIES: list[tuple[dict[str, Any], str]] = [
    ({"origin": "http://localhost:5001"}, "another port of the same name"),
    ({"origin": "https://localhost:5000"}, "another scheme"),
    ({"origin": "http://evil.example"}, "another site"),
    ({"host": "evil.example"}, "for another host"),
    ({"kind": "webauthn.create"}, "made and not used"),
    ({"flags": UV}, "nobody was there"),
    ({"challenge": b64(bytes(32))}, "a challenge that nobody asked"),
]


def test_what_was_signed_elsewhere_or_for_something_else_is_refused(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    register(ada, key)
    client = app.test_client()
    for lies, why in LIES:
        assert (
            code(enter(client, "ada", passkey=key.sign(asked(enter(client, "ada")), **lies)))
            == "TWO_FACTOR_INVALID"
        ), why
        assert (
            enter(client, "ada", passkey=key.sign(asked(enter(client, "ada")))).status_code == 200
        )
    assert rows(app, "sign-in.failed") == [{"what": "passkey"}] * len(LIES)


def test_a_challenge_is_good_once_whether_the_answer_was_right_or_wrong(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    register(ada, key)
    client = app.test_client()
    options = asked(enter(client, "ada"))
    first = key.sign(options)
    assert enter(client, "ada", passkey=first).status_code == 200
    assert code(enter(client, "ada", passkey=first)) == "TWO_FACTOR_INVALID", "replayed"
    assert code(enter(client, "ada", passkey=key.sign(options))) == "TWO_FACTOR_INVALID", (
        "signed anew"
    )
    options = asked(enter(client, "ada"))
    assert (
        code(enter(client, "ada", passkey=key.sign(options, origin="http://evil.example")))
        == "TWO_FACTOR_INVALID"
    )
    assert code(enter(client, "ada", passkey=key.sign(options))) == "TWO_FACTOR_INVALID", (
        "after a wrong answer"
    )


def test_a_challenge_expires_by_a_clock_that_nobody_sets(
    app: Flask, ada: Visitor, key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(ada, key)
    client, accounts = app.test_client(), site_of(app).accounts
    for moved, status in (
        (lambda at: at._replace(wall=at.wall - 86400), 200),
        (lambda at: at._replace(boot_s=at.boot_s + 301), 401),
        (lambda at: at._replace(boot="another"), 401),
    ):
        options = asked(enter(client, "ada"))
        with monkeypatch.context() as patch:
            patch.setattr(accounts, "clock", lambda moved=moved: Moment(*moved(now())))
            assert enter(client, "ada", passkey=key.sign(options)).status_code == status


def test_a_counter_that_does_not_grow_is_refused_and_told(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    register(ada, key)
    client = app.test_client()
    assert enter(client, "ada", passkey=key.sign(asked(enter(client, "ada")))).status_code == 200
    for counter in (key.counter - 1, 1, 0):
        options, key.counter = asked(enter(client, "ada")), counter
        assert code(enter(client, "ada", passkey=key.sign(options))) == "TWO_FACTOR_INVALID", (
            counter
        )
    told = rows(app, "passkey.counter")
    assert [row["name"] for row in told] == ["blue key"] * 3
    health = ada.get("/health")
    assert "passkey" in health["components"]["audit"]["message"]
    key.counter = 100
    assert enter(client, "ada", passkey=key.sign(asked(enter(client, "ada")))).status_code == 200


def test_a_key_without_a_counter_goes_on_saying_zero(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    key.counter = 0
    register(ada, key)
    client = app.test_client()
    for _ in range(2):
        options, key.counter = asked(enter(client, "ada")), 0
        assert enter(client, "ada", passkey=key.sign(options)).status_code == 200


def test_another_accounts_passkey_and_another_ones_challenge_open_nothing(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    register(ada, key)
    eve, own = Visitor(app, "eve", "VIEWER"), Authenticator()
    register(eve, own, "red key")
    client = app.test_client()
    assert (
        code(enter(client, "ada", passkey=own.sign(asked(enter(client, "ada")))))
        == "TWO_FACTOR_INVALID"
    )
    theirs = asked(enter(client, "eve"))
    assert code(enter(client, "ada", passkey=key.sign(theirs))) == "TWO_FACTOR_INVALID"
    assert enter(client, "eve", passkey=own.sign(theirs)).status_code == 200, (
        "a challenge is not taken out by somebody else"
    )
    pretended = own.sign(asked(enter(client, "ada"))) | {"id": b64(key.credential)}
    assert code(enter(client, "ada", passkey=pretended)) == "TWO_FACTOR_INVALID"
    known = {
        **own.make(data(ada.ask("POST", "/auth/passkeys/options", json=proof(ada, key)))),
        "transports": ["internal"],
    }
    assert (
        code(ada.ask("POST", "/auth/passkeys", json={"name": "again", "credential": known}))
        == "PASSKEY_INVALID"
    )


def proof(person: Visitor, key: Authenticator) -> dict[str, Any]:
    """The password, and a passkey, for a body WithPassword."""
    options = asked(person.ask("POST", "/auth/passkeys/options", json={"password": PASSWORD}))
    return {"password": PASSWORD, "passkey": key.sign(options)}


def test_a_challenge_belongs_to_the_session_that_asked(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    options = data(ada.ask("POST", "/auth/passkeys/options", json={"password": PASSWORD}))
    other = Visitor(app, "ada")
    made = {"name": "x", "credential": key.make(options)}
    assert code(other.ask("POST", "/auth/passkeys", json=made)) == "PASSKEY_INVALID"
    assert ada.ask("POST", "/auth/passkeys", json=made).status_code == 201
    assert code(other.ask("GET", "/auth/me")) == "TOKEN_INVALID", (
        "another factor ends the other sessions"
    )
    signed = key.sign(asked(enter(app.test_client(), "ada")))
    body = {"password": PASSWORD, "passkey": signed}
    assert code(ada.ask("POST", "/auth/passkeys/options", json=body)) == "TWO_FACTOR_INVALID", (
        "asked at the sign-in"
    )
    signed = proof(ada, key)["passkey"]
    assert code(enter(app.test_client(), "ada", passkey=signed)) == "TWO_FACTOR_INVALID", (
        "asked of a session"
    )


def test_what_was_made_elsewhere_is_not_registered(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    for lies, why in (*LIES[:4], ({"kind": "webauthn.get"}, "used and not made"), *LIES[5:]):
        options = data(ada.ask("POST", "/auth/passkeys/options", json={"password": PASSWORD}))
        answer = ada.ask(
            "POST", "/auth/passkeys", json={"name": "x", "credential": key.make(options, **lies)}
        )
        assert code(answer) == "PASSKEY_INVALID", why
        again = ada.ask(
            "POST", "/auth/passkeys", json={"name": "x", "credential": key.make(options)}
        )
        assert (
            again.status_code == 201 if "challenge" in lies else code(again) == "PASSKEY_INVALID"
        ), "its challenge is spent"
    assert len(ada.get("/auth/passkeys")) == 1


NOTHING = [b"\x81" * 4000, b"\xbf" * 100, b"{}", b"null", b"\xff" * 2000, b"\x00" * 37, b"{" * 3000]


def test_bytes_that_are_nothing_are_refused_like_wrong_ones(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    for part, bytes_ in itertools.product(("client_data", "attestation"), NOTHING):
        options = data(ada.ask("POST", "/auth/passkeys/options", json={"password": PASSWORD}))
        made = {**key.make(options), part: b64(bytes_)}
        assert (
            code(ada.ask("POST", "/auth/passkeys", json={"name": "x", "credential": made}))
            == "PASSKEY_INVALID"
        )
    register(ada, key)
    client = app.test_client()
    options = asked(enter(client, "ada"))
    for part, bytes_ in itertools.product(
        ("client_data", "authenticator_data", "signature", "id"), NOTHING
    ):
        signed = {**key.sign(options), part: b64(bytes_)}
        assert code(enter(client, "ada", passkey=signed)) == "TWO_FACTOR_INVALID", (part, bytes_)
        assert ada.ask("POST", f"/auth/users/{ada.id}/unlock").status_code == 200
        options = asked(enter(client, "ada"))


def test_changed_bytes_are_refused(app: Flask, ada: Visitor, key: Authenticator) -> None:
    register(ada, key)
    client = app.test_client()
    signed = key.sign(asked(enter(client, "ada")))
    grown = bytearray(unb64(signed["authenticator_data"]))
    grown[36] += 1  # the counter
    assert (
        code(enter(client, "ada", passkey={**signed, "authenticator_data": b64(bytes(grown))}))
        == "TWO_FACTOR_INVALID"
    )


def test_wrong_passkeys_lock_like_wrong_codes(app: Flask, ada: Visitor, key: Authenticator) -> None:
    register(ada, key)
    client = app.test_client()
    options = asked(enter(client, "ada"))
    wrong = [code(enter(client, "ada", passkey=Authenticator().sign(options))) for _ in range(6)]
    assert wrong[-1] == "LOCKED_OUT"
    assert code(enter(client, "ada", passkey=key.sign(options))) == "LOCKED_OUT"


def test_a_stolen_session_neither_adds_nor_removes_a_passkey(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    passkey_id = register(ada, key)["passkey"]["id"]
    assert (
        code(ada.ask("POST", "/auth/passkeys/options", json={"password": "wrong"}))
        == "CREDENTIALS_INVALID"
    )
    assert (
        code(ada.ask("POST", "/auth/passkeys/options", json={"password": PASSWORD}))
        == "TWO_FACTOR_REQUIRED"
    )
    assert (
        code(ada.ask("POST", "/auth/2fa/setup", json={"password": PASSWORD}))
        == "TWO_FACTOR_REQUIRED"
    )
    assert code(ada.ask("DELETE", f"/auth/passkeys/{passkey_id}", json={})) == "PROOF_REQUIRED"
    options = asked(ada.ask("DELETE", f"/auth/passkeys/{passkey_id}", json=PROOF))
    olaf = Visitor(app, "olaf", "ADMIN")
    assert (
        code(olaf.ask("DELETE", f"/auth/passkeys/{passkey_id}", json=PROOF)) == "PASSKEY_NOT_FOUND"
    )
    assert (
        ada.ask(
            "DELETE",
            f"/auth/passkeys/{passkey_id}",
            json={**PROOF, "own_passkey": key.sign(options)},
        ).status_code
        == 200
    )
    me = ada.get("/auth/me")
    assert (me["twofactor"], me["recovery_codes_left"]) == (False, 0)
    assert enter(app.test_client(), "ada").status_code == 200
    assert [row["name"] for row in rows(app, "passkey.remove")] == ["blue key"]


def test_several_passkeys_an_app_and_recovery_codes_each_open_and_codes_stay_until_the_last(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    codes = register(ada, key)["recovery_codes"]
    second = Authenticator()
    made = register(ada, second, "red key", passkey=proof(ada, key)["passkey"])
    assert made["recovery_codes"] == [], "those that are there stay"
    secret = data(
        ada.ask("POST", "/auth/2fa/setup", json={"password": PASSWORD, "recovery_code": codes[0]})
    )["secret"]
    turned_on = data(ada.ask("POST", "/auth/2fa/enable", json={"code": pyotp.TOTP(secret).now()}))
    assert turned_on["recovery_codes"] == []
    client = app.test_client()
    for each in (key, second):
        assert (
            enter(client, "ada", passkey=each.sign(asked(enter(client, "ada")))).status_code == 200
        )
    assert enter(client, "ada", recovery_code=codes[1]).status_code == 200
    assert code(enter(client, "ada", recovery_code=codes[1])) == "TWO_FACTOR_INVALID"
    off = {"password": PASSWORD, "recovery_code": codes[2]}
    assert ada.ask("POST", "/auth/2fa/disable", json=off).status_code == 200
    assert ada.get("/auth/me")["recovery_codes_left"] == 7
    assert asked(enter(client, "ada"))


def test_a_role_that_needs_a_second_factor_is_content_with_a_passkey(
    tmp_path: Path, key: Authenticator
) -> None:
    app = application(tmp_path, second_factor_for=["ADMIN"])
    ada = Visitor(app, "ada", "ADMIN")
    assert code(ada.ask("GET", "/stations")) == "SECOND_FACTOR_NEEDED"
    register(ada, key)
    assert ada.ask("GET", "/stations").status_code == 200


def test_an_administrator_turns_all_factors_of_somebody_off_and_takes_them_along(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    olaf = Visitor(app, "olaf", "OPERATOR")
    register(olaf, key)
    assert data(ada.ask("GET", f"/auth/users/{olaf.id}"))["twofactor"] is True
    assert data(ada.ask("DELETE", f"/auth/users/{olaf.id}/2fa", json=PROOF))["twofactor"] is False
    assert enter(app.test_client(), "olaf").status_code == 200
    register(Visitor(app, "olaf"), key)
    assert ada.ask("DELETE", f"/auth/users/{olaf.id}", json=PROOF).status_code == 200
    assert site_of(app).accounts.read("SELECT count(*) FROM passkeys")[0][0] == 0


@pytest.mark.parametrize(
    ("web", "url", "origin"),
    [
        ({"origin": "https://Line3.example:443"}, "https://line3.example", "https://line3.example"),
        (
            {"origin": "https://line3.example:8443", "hosts": ["line3.example"]},
            "http://line3.example",
            "https://line3.example:8443",
        ),
        ({"hosts": ["line3.example"]}, "https://line3.example", "https://line3.example"),
        ({"hosts": ["line3.example"]}, "https://line3.example:8443", None),
        ({"hosts": ["line3.example"]}, "http://line3.example", None),
        ({}, "http://localhost:5000", "http://localhost:5000"),
        ({}, "http://localhost:5001", None),
        ({}, "http://127.0.0.1:5000", None),
        ({"hosts": ["10.0.0.7"]}, "https://10.0.0.7", None),
        ({"bind": "0.0.0.0:5000"}, "http://localhost:5000", None),
        ({"origin": "http://line3.example"}, "http://line3.example", None),
    ],
)
def test_the_address_is_that_of_the_settings_or_one_that_nobody_else_can_have(
    tmp_path: Path, key: Authenticator, web: dict[str, Any], url: str, origin: str | None
) -> None:
    app = application(tmp_path, **{"hosts": ["line3.example"], **web} if "origin" in web else web)
    account(app, "ada", "ADMIN")
    ada = Caller(app, "ada")
    asked_for = ada.ask("POST", "/auth/passkeys/options", json={"password": PASSWORD}, base_url=url)
    if origin is None:
        assert code(asked_for) == "PASSKEY_INVALID"
        return
    key.origin = origin
    body = {"name": "x", "credential": key.make(data(asked_for))}
    assert ada.ask("POST", "/auth/passkeys", json=body, base_url=url).status_code == 201


def test_where_passkeys_cannot_work_the_recovery_codes_do(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    codes = register(ada, key)["recovery_codes"]
    elsewhere = app.test_client()
    refused = sign_in(elsewhere, "ada")  # opened by another name
    assert code(refused) == "TWO_FACTOR_REQUIRED"
    assert refused.json is not None
    assert refused.json["details"]["factors"] == ["recovery_code"]
    assert sign_in(elsewhere, "ada", recovery_code=codes[0]).status_code == 200


def test_neither_log_nor_audit_says_what_was_signed(
    app: Flask, ada: Visitor, key: Authenticator, caplog: pytest.LogCaptureFixture
) -> None:
    register(ada, key)
    client = app.test_client()
    signed = key.sign(asked(enter(client, "ada")), origin="http://evil.example")
    enter(client, "ada", passkey=signed)
    said = caplog.text + "".join(map(str, site_of(app).accounts.audit_rows()))
    assert not [part for part in signed.values() if part in said]


def test_challenges_are_bounded_and_the_oldest_of_an_account_is_void(
    app: Flask, ada: Visitor, key: Authenticator
) -> None:
    register(ada, key)
    client = app.test_client()
    first, *_, last = [asked(enter(client, "ada")) for _ in range(12)]
    assert site_of(app).accounts.read("SELECT count(*) FROM challenges")[0][0] <= 10
    assert code(enter(client, "ada", passkey=key.sign(first))) == "TWO_FACTOR_INVALID"
    assert enter(client, "ada", passkey=key.sign(last)).status_code == 200


def test_accounts_of_the_version_before_are_brought_to_this_one(
    tmp_path: Path, key: Authenticator
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with sqlite3.connect(state / "accounts.db") as db:
        db.executescript(
            (
                Path(__file__).parents[3] / "schemas" / "store" / "accounts" / "accounts.sql"
            ).read_text()
        )
        db.execute("PRAGMA user_version = 1")
    app = application(tmp_path)
    ada = Visitor(app, "ada", "ADMIN")
    db = sqlite3.connect(state / "accounts.db")
    secret = pyotp.random_base32()
    with db:
        db.execute("INSERT INTO twofactor VALUES (?, ?, 1, 0)", (ada.id, secret))
    db.close()
    register(ada, key, code=pyotp.TOTP(secret).now())
    assert (
        enter(
            app.test_client(), "ada", passkey=key.sign(asked(enter(app.test_client(), "ada")))
        ).status_code
        == 200
    )
