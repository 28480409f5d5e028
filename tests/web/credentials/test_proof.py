"""Who gives or takes rights proves again who they are: a session alone does not allow a lasting
takeover."""

import time
from pathlib import Path

import pyotp
import pytest
from flask import Flask

from schemas.store.users import Users
from tests.rooms.people.people import (
    API,
    PASSWORD,
    PROOF,
    Caller,
    account,
    application,
    code,
    data,
    sign_in,
    site_of,
)

OTHER = "marble kettle 51 dune"


def turn_on(person: Caller) -> str:
    """A second factor; its secret."""
    secret = str(data(person.ask("POST", "/auth/2fa/setup", json={"password": PASSWORD}))["secret"])
    assert (
        person.ask("POST", "/auth/2fa/enable", json={"code": pyotp.TOTP(secret).now()}).status_code
        == 200
    )
    return secret


@pytest.mark.parametrize("whose", ["own", "another's"])
def test_a_stolen_session_changes_no_password_role_or_factor(app: Flask, whose: str) -> None:
    ada, olaf = Caller(app, "ada", "ADMIN"), Caller(app, "olaf", "ADMIN")
    turn_on(ada)
    turn_on(olaf)
    path = f"/auth/users/{ada.id if whose == 'own' else olaf.id}"
    for method, where, body in (
        ("PUT", path, {"password": OTHER}),
        ("PUT", path, {"role": "VIEWER"}),
        ("PUT", path, {"disabled": True}),
        ("DELETE", path, {}),
        ("DELETE", f"{path}/2fa", {}),
        ("POST", "/auth/users", {"username": "eve", "password": OTHER, "role": "ADMIN"}),
    ):
        assert code(ada.ask(method, where, json=body)) == "PROOF_REQUIRED", (method, body)
        assert (
            code(ada.ask(method, where, json={**body, "own_password": OTHER}))
            == "CREDENTIALS_INVALID"
        )
        assert code(ada.ask(method, where, json={**body, **PROOF})) == "TWO_FACTOR_REQUIRED"
        assert (
            code(ada.ask(method, where, json={**body, **PROOF, "own_code": "000000"}))
            == "TWO_FACTOR_INVALID"
        )
        site_of(app).accounts.unlock(
            "ada", "ada", {"username": "", "address": "", "request_id": ""}
        )
    assert [(user.username, user.role) for user in site_of(app).users.list()] == [
        ("ada", "ADMIN"),
        ("olaf", "ADMIN"),
    ]
    assert all(site_of(app).accounts.factors.on(each.id) for each in (ada, olaf))
    assert code(sign_in(app.test_client(), "olaf", OTHER)) == "CREDENTIALS_INVALID"


def test_an_account_comes_back_and_goes_with_proof_only(app: Flask) -> None:
    ada, olaf = Caller(app, "ada", "ADMIN"), Caller(app, "olaf", "VIEWER")
    path = f"/auth/users/{olaf.id}"
    assert code(ada.ask("PUT", path, json={"disabled": True})) == "PROOF_REQUIRED"
    assert data(ada.ask("PUT", path, json={"disabled": True, **PROOF}))["disabled"] is True
    assert code(ada.ask("PUT", path, json={"disabled": False, "name": "O"})) == "PROOF_REQUIRED"
    assert ada.get(path)["name"] == "Olaf"
    assert data(ada.ask("PUT", path, json={"disabled": False, **PROOF}))["disabled"] is False
    assert code(ada.ask("DELETE", path)) == "PROOF_REQUIRED"
    assert ada.ask("DELETE", path, json=PROOF).status_code == 200


def test_ones_own_password_is_changed_with_the_second_factor_too(app: Flask) -> None:
    """Somebody who has found password and session, on a panel, could otherwise lock their owner out
    for good."""
    ada = Caller(app, "ada", "ADMIN")
    secret = turn_on(ada)
    body = {"old_password": PASSWORD, "new_password": OTHER}
    assert code(ada.ask("POST", "/auth/change-password", json=body)) == "TWO_FACTOR_REQUIRED"
    assert (
        code(ada.ask("POST", "/auth/change-password", json={**body, "code": "000000"}))
        == "TWO_FACTOR_INVALID"
    )
    assert code(sign_in(app.test_client(), "ada", OTHER)) == "CREDENTIALS_INVALID"
    ahead = pyotp.TOTP(secret).at(int(time.time()) + 30)  # the current one was used to turn it on
    assert ada.ask("POST", "/auth/change-password", json={**body, "code": ahead}).status_code == 200
    assert code(sign_in(app.test_client(), "ada", OTHER)) == "TWO_FACTOR_REQUIRED"


def test_with_password_and_code_it_is_done_and_what_needs_none_stays_easy(app: Flask) -> None:
    ada, olaf = Caller(app, "ada", "ADMIN"), Caller(app, "olaf", "VIEWER")
    path = f"/auth/users/{olaf.id}"
    assert data(ada.ask("PUT", path, json={"name": "Olaf O."}))["name"] == "Olaf O."
    assert (
        data(ada.ask("PUT", path, json={"role": "VIEWER", "disabled": False}))["role"] == "VIEWER"
    )
    assert data(ada.ask("PUT", path, json={"role": "OPERATOR", **PROOF}))["role"] == "OPERATOR"
    assert (
        ada.ask("POST", "/auth/users", json={"username": "new", "password": OTHER}).status_code
        == 201
    )


def test_a_password_that_somebody_else_has_chosen_expires_unless_it_is_replaced(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = Caller(app, "ada", "ADMIN")
    assert (
        data(ada.ask("POST", "/auth/users", json={"username": "new", "password": OTHER}))[
            "password_initial"
        ]
        is True
    )
    new = app.test_client(use_cookies=False)
    first = data(sign_in(new, "new", OTHER))
    headers = {"Authorization": f"Bearer {first['access_token']}"}
    assert data(new.get(f"{API}/auth/me", headers=headers))["password_initial"] is True
    monkeypatch.setattr("web.credentials.proof._age_h", lambda at: 73.0)
    assert code(sign_in(new, "new", OTHER)) == "PASSWORD_EXPIRED"
    assert sign_in(new, "ada").status_code == 200, "a password of one's own does not expire"
    body = {"old_password": OTHER, "new_password": "lantern gravel 47 moth"}
    assert new.post(f"{API}/auth/change-password", json=body, headers=headers).status_code == 200
    assert sign_in(new, "new", "lantern gravel 47 moth").status_code == 200


def test_a_role_that_needs_a_second_factor_does_nothing_without(tmp_path: Path) -> None:
    app = application(tmp_path, second_factor_for=["ADMIN"])
    ada, vera = Caller(app, "ada", "ADMIN"), Caller(app, "vera", "VIEWER")
    assert code(ada.ask("GET", "/stations")) == "SECOND_FACTOR_NEEDED"
    assert code(ada.ask("GET", "/audit")) == "SECOND_FACTOR_NEEDED"
    assert code(ada.ask("GET", "/auth/sessions?all=true")) == "SECOND_FACTOR_NEEDED"
    assert (
        code(ada.ask("DELETE", f"/auth/sessions/{vera.get('/auth/me')['session']}"))
        == "SECOND_FACTOR_NEEDED"
    )
    assert vera.ask("GET", "/stations").status_code == 200
    assert ada.get("/auth/me")["twofactor"] is False
    turn_on(ada)
    assert ada.ask("GET", "/audit").status_code == 200


def test_recovery_codes_are_kept_as_slow_hashes_and_still_open_once(app: Flask) -> None:
    ada = Caller(app, "ada", "ADMIN")
    secret = str(data(ada.ask("POST", "/auth/2fa/setup", json={"password": PASSWORD}))["secret"])
    codes = data(ada.ask("POST", "/auth/2fa/enable", json={"code": pyotp.TOTP(secret).now()}))[
        "recovery_codes"
    ]
    import hashlib

    fast = {hashlib.sha256(each.replace("-", "").encode()).digest() for each in codes}
    kept = {row[0] for row in site_of(app).accounts.read("SELECT code FROM recovery")}
    assert len(kept) == 10
    assert not kept & fast
    answers = [
        sign_in(app.test_client(), "ada", recovery_code=codes[0]).status_code for _ in range(2)
    ]
    assert answers == [200, 401]


def test_another_second_factor_ends_the_other_sessions(app: Flask) -> None:
    account(app, "ada", "ADMIN")
    here, there = Caller(app, "ada"), Caller(app, "ada")
    turn_on(here)
    assert here.ask("GET", "/auth/me").status_code == 200
    assert code(there.ask("GET", "/auth/me")) == "TOKEN_INVALID"


def test_a_hash_by_a_newer_method_does_not_bring_an_old_password_back(tmp_path: Path) -> None:
    """The old password was found right, then another was set, and then the old one was hashed
    anew."""
    users = Users(tmp_path)
    ada = users.add("ada", "Ada", "ADMIN", "old")
    users.set(ada.id, password_hash="another")
    users.rehash(ada.id, "old", "old by a newer method")
    assert users.get(ada.id).password_hash == "another"
    users.rehash(ada.id, "another", "another by a newer method")
    assert users.get(ada.id).password_hash == "another by a newer method"
