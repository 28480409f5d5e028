"""Signing in: who gets in, who does not, how often one may guess, and the first account.

One file: who gets in and who does not are asked of the same web.
"""

import unicodedata
from pathlib import Path

import pytest
from argon2 import extract_parameters
from flask import Flask

from deploy.cli.command import main
from schemas.store.accounts.audit import AuditEntry
from tests.rooms.people.people import (
    API,
    PASSWORD,
    PROOF,
    Caller,
    account,
    application,
    code,
    data,
    settings,
    sign_in,
    site_of,
)
from web.credentials import password as passwords
from web.credentials import setup
from web.credentials.password import hash_password, matches

pytestmark = pytest.mark.slow


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    made = application(tmp_path)
    account(made, "ada", "ADMIN")
    return made


def audit(app: Flask, action: str) -> list[AuditEntry]:
    return [row for row in site_of(app).accounts.audit_rows() if row.action == action]


def test_the_right_password_gives_tokens_and_cookies(app: Flask) -> None:
    client = app.test_client()
    answer = sign_in(client, "ada")
    assert data(answer)["user"]["role"] == "ADMIN"
    assert "password_hash" not in answer.text
    for line in answer.headers.getlist("Set-Cookie"):
        assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= {
            part.strip() for part in line.split(";")
        }
    assert data(client.get(f"{API}/auth/me"))["username"] == "ada"
    bare = app.test_client(use_cookies=False)
    token = data(answer)["access_token"]
    assert (
        data(bare.get(f"{API}/auth/me", headers={"Authorization": f"Bearer {token}"}))["username"]
        == "ada"
    )


def test_a_page_keeps_the_tokens_out_of_reach_of_scripts(app: Flask) -> None:
    answer = sign_in(app.test_client(), "ada", tokens=False)
    assert not {"access_token", "refresh_token"} & set(data(answer))
    assert len(answer.headers.getlist("Set-Cookie")) == 2


def test_an_unknown_user_a_disabled_one_and_a_wrong_password_answer_alike(app: Flask) -> None:
    account(app, "olaf")
    site_of(app).users.set("olaf", disabled=True)
    client = app.test_client()
    answers = [
        sign_in(client, "ada", "wrong"),
        sign_in(client, "nobody"),
        sign_in(client, "olaf"),
        sign_in(client, "Ada"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert code(answers[0]) == "CREDENTIALS_INVALID"


def test_nobody_is_hashed_as_slowly_as_anybody() -> None:
    assert extract_parameters(passwords._nobody()) == extract_parameters(
        passwords.HASHER.hash(PASSWORD)
    )
    assert not matches("the password of nobody", None)


def test_a_password_is_the_same_however_its_letters_are_composed(app: Flask) -> None:
    password = "Grüße vom Förderband 7"
    site_of(app).users.add(
        "uwe", "Uwe", "VIEWER", hash_password(unicodedata.normalize("NFC", password), "uwe")
    )
    assert (
        sign_in(app.test_client(), "uwe", unicodedata.normalize("NFD", password)).status_code == 200
    )


@pytest.mark.parametrize(
    ("body", "status", "refusal"),
    [
        ('{"username":"ada","password":"%s"}' % ("x" * 1_000_000), 413, "TOO_LARGE"),
        ('{"username":"ada","password":"%s"}' % ("x" * 2000), 422, "VALIDATION_FAILED"),
        ('{"username":"ada","password":""}', 422, "VALIDATION_FAILED"),
        ('{"username":"ada","password":"a\\u0000b"}', 400, "BAD_JSON"),
        ('{"username":"ada","password":"\\ud800"}', 400, "BAD_JSON"),
        ('{"username":"ada","password":12345}', 422, "VALIDATION_FAILED"),
        ('{"username":"ada","password":"x","role":"ADMIN"}', 422, "VALIDATION_FAILED"),
        ('{"username":"ada","password":"x","__proto__":{}}', 422, "VALIDATION_FAILED"),
        ('{"username":"ada","username":"eve","password":"x"}', 400, "BAD_JSON"),
        ('{"username":["ada"],"password":{"$ne":""}}', 422, "VALIDATION_FAILED"),
        ("[]", 422, "VALIDATION_FAILED"),
        ("null", 422, "VALIDATION_FAILED"),
        ("", 415, "CONTENT_TYPE"),
        ("{" * 200_000, 413, "TOO_LARGE"),
        ('{"a":' * 1000, 400, "BAD_JSON"),
        ('{"username":NaN}', 400, "BAD_JSON"),
        ("\ufeff{}", 400, "BAD_JSON"),
    ],
)
def test_a_body_that_is_no_sign_in_is_refused(
    app: Flask, body: str, status: int, refusal: str
) -> None:
    kind = "application/json" if body else None
    answer = app.test_client().post(
        f"{API}/auth/login", data=body.encode("utf-8", "surrogatepass"), content_type=kind
    )
    assert (answer.status_code, code(answer)) == (status, refusal)


def test_a_refusal_does_not_repeat_the_password(app: Flask) -> None:
    secret = "my other password 1"
    answer = app.test_client().post(
        f"{API}/auth/login", json={"username": "ada", "password": [secret], secret: 1}
    )
    assert answer.status_code == 422
    assert not [row for row in site_of(app).accounts.audit_rows() if secret in str(row)]
    assert (
        secret
        not in app.test_client()
        .post(f"{API}/auth/login", json={"username": "a", "password": [secret]})
        .text
    )


def test_five_failures_lock_an_account_also_after_a_restart_until_it_is_unlocked(
    app: Flask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    site_of(app).listeners.append(lambda kind, _: told.append(kind))
    for _ in range(5):
        assert code(sign_in(app.test_client(), "ada", "wrong")) == "CREDENTIALS_INVALID"
    assert told == ["user.locked"]
    locked = sign_in(app.test_client(), "ada")
    assert code(locked) == "LOCKED_OUT"
    assert 0 < int(locked.headers["Retry-After"]) <= 61
    again = application(tmp_path)
    assert code(sign_in(again.test_client(), "ada")) == "LOCKED_OUT"
    account(again, "eve", "ADMIN")
    assert sign_in(again.test_client(), "eve").status_code == 200, "others are locked out too"
    assert main(["user", "unlock", "ada", "--config", str(settings(tmp_path))]) == 0
    assert "ada can try" in capsys.readouterr().out
    assert sign_in(again.test_client(), "ada").status_code == 200
    assert main(["user", "role", "eve", "VIEWER", "--config", str(settings(tmp_path))]) == 0
    local = [
        row.action
        for row in site_of(again).accounts.audit_rows()
        if row.username.startswith("local:")
    ]
    assert local == ["user.unlock", "user.role"]
    assert site_of(again).accounts.verify_audit()[2] is None


def test_an_unknown_name_is_locked_as_a_known_one(app: Flask) -> None:
    answers = [code(sign_in(app.test_client(), "nobody", "wrong")) for _ in range(6)]
    assert answers == ["CREDENTIALS_INVALID"] * 5 + ["LOCKED_OUT"]


def test_an_address_that_guesses_many_names_is_locked_and_others_are_not(app: Flask) -> None:
    client = app.test_client()
    for n in range(20):
        assert code(sign_in(client, f"name{n}")) == "CREDENTIALS_INVALID"
    assert code(sign_in(client, "ada")) == "LOCKED_OUT"
    other = client.post(
        f"{API}/auth/login",
        json={"username": "ada", "password": PASSWORD},
        environ_overrides={"REMOTE_ADDR": "10.0.0.9"},
    )
    assert other.status_code == 200


def test_an_administrator_unlocks_an_account(app: Flask) -> None:
    admin = Caller(app, "ada")
    olaf = account(app, "olaf")
    for _ in range(5):
        sign_in(app.test_client(), "olaf", "wrong")
    assert admin.get(f"/auth/users/{olaf}")["locked"] is True
    assert data(admin.ask("POST", f"/auth/users/{olaf}/unlock"))["locked"] is False
    assert sign_in(app.test_client(), "olaf").status_code == 200


def test_the_sixth_attempt_of_a_minute_from_one_address_is_too_many(tmp_path: Path) -> None:
    app = application(tmp_path, sign_ins_per_minute=5)
    for n in range(5):
        assert sign_in(app.test_client(), f"name{n}").status_code == 401
    answer = sign_in(app.test_client(), "ada")
    assert (answer.status_code, code(answer)) == (429, "RATE_LIMITED")
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert app.test_client().get(f"{API}/health").status_code == 200


def test_a_shift_signs_in_from_behind_one_address_and_guesses_are_still_few(
    tmp_path: Path,
) -> None:
    app = application(tmp_path, sign_ins_per_minute=5)
    account(app, "ada", "ADMIN")
    for _ in range(3):
        assert sign_in(app.test_client(), "ada", "wrong").status_code == 401
        for _ in range(3):
            assert sign_in(app.test_client(), "ada").status_code == 200
    for _ in range(2):
        assert sign_in(app.test_client(), "nobody").status_code == 401
    assert sign_in(app.test_client(), "ada").status_code == 429


def forwarded(app: Flask, header: str) -> int:
    """The status of a failed attempt that claims to have been forwarded."""
    body = {"username": "nobody", "password": "x"}
    return (
        app.test_client()
        .post(f"{API}/auth/login", json=body, headers={"X-Forwarded-For": header})
        .status_code
    )


def test_a_forged_forwarded_address_does_not_get_round_the_limit(tmp_path: Path) -> None:
    app = application(tmp_path, sign_ins_per_minute=5)
    assert [forwarded(app, f"6.6.6.{n}") for n in range(6)] == [401] * 5 + [429]


def test_of_forwarded_addresses_only_that_of_our_proxy_is_believed(tmp_path: Path) -> None:
    app = application(tmp_path, proxy_hops=1)
    for n in range(3):
        assert forwarded(app, f"6.6.6.{n}, 10.0.0.{n}") == 401
    rows = [
        row.address for row in site_of(app).accounts.audit_rows() if row.action == "sign-in.failed"
    ]
    assert rows == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    "said", ["x" * 3000, "6.6.6.6\u0007", "not an address", "6.6.6.6:80:1", "<script>"]
)
def test_a_forwarded_address_that_is_none_is_not_written_down(tmp_path: Path, said: str) -> None:
    app = application(tmp_path, proxy_hops=1)
    forwarded(app, said)
    rows = [
        row.address for row in site_of(app).accounts.audit_rows() if row.action == "sign-in.failed"
    ]
    assert rows == ["127.0.0.1"], "the proxy itself is who can be named"


def test_who_is_locked_out_by_somebody_elsewhere_signs_in_where_they_always_do(app: Flask) -> None:
    """Five wrong passwords an hour from anywhere were enough to keep an administrator out for
    good."""
    panel, elsewhere = {"REMOTE_ADDR": "10.0.0.5"}, {"REMOTE_ADDR": "10.9.9.9"}

    def attempt(password: str, where: dict[str, str]) -> int:
        body = {"username": "ada", "password": password}
        return (
            app.test_client()
            .post(f"{API}/auth/login", json=body, environ_overrides=where)
            .status_code
        )

    assert attempt(PASSWORD, panel) == 200
    assert [attempt("wrong", elsewhere) for _ in range(6)] == [401] * 5 + [429]
    assert attempt(PASSWORD, elsewhere) == 429
    assert attempt(PASSWORD, panel) == 200
    assert [attempt("wrong", panel) for _ in range(6)] == [401] * 5 + [429], (
        "guessing from there is limited too"
    )
    accounts = site_of(app).accounts
    assert accounts.failures_of("ada") == 5
    accounts.unlock("ada", "ada", {"username": "x", "address": "", "request_id": ""})
    assert (
        accounts.failures_of("ada"),
        attempt(PASSWORD, panel),
        attempt(PASSWORD, elsewhere),
    ) == (0, 200, 200)


def test_one_asks_too_often(tmp_path: Path) -> None:
    app = application(tmp_path, requests_per_minute=3)
    client = app.test_client()
    assert [client.get(f"{API}/auth/me").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert client.get("/nothing/there").status_code == 429
    assert client.get("/health").status_code == 200


def test_the_token_of_the_start_makes_the_first_administrator_once(tmp_path: Path) -> None:
    app = application(tmp_path)
    token = setup.offer(tmp_path / "state")
    assert token is not None
    body = {"token": token, "username": "ada", "password": PASSWORD}
    client = app.test_client()
    assert (
        code(client.post(f"{API}/auth/setup", json={**body, "token": "x" * 32})) == "SETUP_CLOSED"
    )
    assert (
        code(client.post(f"{API}/auth/setup", json={**body, "password": "short"})) == "USER_INVALID"
    )
    assert (
        code(client.post(f"{API}/auth/setup", json={**body, "role": "ADMIN"}))
        == "VALIDATION_FAILED"
    )
    made = client.post(f"{API}/auth/setup", json=body)
    assert made.status_code == 201
    assert data(made)["role"] == "ADMIN"
    assert (
        code(client.post(f"{API}/auth/setup", json={**body, "username": "eve"})) == "SETUP_CLOSED"
    )
    assert setup.offer(tmp_path / "state") is None
    assert not [
        file
        for file in (tmp_path / "state").rglob("*")
        if file.is_file() and token.encode() in file.read_bytes()
    ]


def test_an_account_may_not_be_made_with_more_than_the_form_has(app: Flask) -> None:
    admin = Caller(app, "ada")
    body = {"username": "olaf", "password": PASSWORD, "role": "OPERATOR"}
    for more in (
        {"id": "1"},
        {"password_hash": "x"},
        {"disabled": "no"},
        {"created_at": "2020-01-01T00:00:00.000Z"},
    ):
        assert code(admin.ask("POST", "/auth/users", json={**body, **more})) == "VALIDATION_FAILED"
    for username in ("<b>x</b>", "x' OR 1=1", "../x", "Ada", "{{7*7}}", "a\r\nb"):
        assert (
            code(admin.ask("POST", "/auth/users", json={**body, "username": username}))
            == "VALIDATION_FAILED"
        )
    made = admin.ask("POST", "/auth/users", json=body)
    assert made.status_code == 201
    path = f"/auth/users/{data(made)['id']}"
    for change in (
        {"username": "eve"},
        {"password_hash": "x"},
        {"role": "ROOT"},
        {"role": None, "id": "2"},
        {},
    ):
        assert code(admin.ask("PUT", path, json={**change, **PROOF})) == "VALIDATION_FAILED"
    assert code(admin.ask("PUT", path, json={"password": "short", **PROOF})) == "USER_INVALID"
    assert (
        data(admin.ask("PUT", path, json={"name": "<script>alert(1)</script>"}))["role"]
        == "OPERATOR"
    )
    assert admin.ask("GET", path).mimetype == "application/json"


def test_the_last_administrator_stays(app: Flask) -> None:
    admin = Caller(app, "ada")
    me = admin.get("/auth/me")["id"]
    for answer in (
        admin.ask("DELETE", f"/auth/users/{me}", json=PROOF),
        admin.ask("PUT", f"/auth/users/{me}", json={"role": "VIEWER", **PROOF}),
        admin.ask("PUT", f"/auth/users/{me}", json={"disabled": True, **PROOF}),
    ):
        assert code(answer) == "USER_INVALID"
    assert admin.get("/auth/me")["role"] == "ADMIN"
    assert [row.action for row in audit(app, "user.remove.failed")] == ["user.remove.failed"]
