"""Sessions: refreshed, ended, seen; what happens to an account takes effect at its next request."""

from typing import Any

import pytest
from flask import Flask

from tests.rooms.people.people import (
    API,
    PASSWORD,
    PROOF,
    SAME,
    Caller,
    code,
    data,
    sign_in,
    site_of,
)
from web.access import Person
from web.credentials import password as passwords
from web.identity import still_allowed

pytestmark = pytest.mark.slow

OTHER = "a different ferry 55 lamp"


def refresh(caller: Caller, token: str) -> Any:
    return caller.client.post(f"{API}/auth/refresh", json={"refresh_token": token})


def test_refreshing_gives_new_tokens_and_goes_on(ada: Caller) -> None:
    for _ in range(3):
        old = dict(ada.data)
        ada.data = data(refresh(ada, old["refresh_token"]))
        assert ada.data["refresh_token"] != old["refresh_token"]
        assert ada.data["session"] == old["session"]
        assert ada.get("/auth/me")["username"] == "ada"


def test_a_refresh_token_used_twice_ends_the_session_and_is_told(app: Flask, ada: Caller) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    site_of(app).listeners.append(lambda kind, details: told.append((kind, details)))
    stolen = ada.data["refresh_token"]
    ada.data = data(refresh(ada, stolen))
    assert code(refresh(ada, stolen)) == "TOKEN_REUSED"
    assert code(ada.ask("GET", "/auth/me")) == "TOKEN_INVALID"
    assert code(refresh(ada, ada.data["refresh_token"])) == "TOKEN_INVALID"
    assert [(kind, details["username"]) for kind, details in told] == [("session.reuse", "ada")]
    assert "session.reuse" in [row.action for row in site_of(app).accounts.audit_rows()]
    again = Caller(app, "ada")
    health = again.get("/health")
    assert health["components"]["audit"]["status"] == "degraded"
    assert "used twice" in health["components"]["audit"]["message"]


def test_refreshing_by_cookie_keeps_the_tokens_in_cookies(app: Flask, ada: Caller) -> None:
    client = app.test_client()
    sign_in(client, "ada", tokens=False)
    answer = client.post(f"{API}/auth/refresh", headers=SAME)
    assert not {"access_token", "refresh_token"} & set(data(answer))
    assert len(answer.headers.getlist("Set-Cookie")) == 2
    assert data(client.get(f"{API}/auth/me"))["username"] == "ada"


def test_signing_out_ends_the_session_at_once_and_takes_the_cookies_back(
    app: Flask, ada: Caller
) -> None:
    client = app.test_client()
    token = data(sign_in(client, "ada"))["access_token"]
    answer = client.post(f"{API}/auth/logout", headers=SAME)
    assert all("Max-Age=0" in line for line in answer.headers.getlist("Set-Cookie"))
    assert (
        code(ada.client.get(f"{API}/auth/me", headers={"Authorization": f"Bearer {token}"}))
        == "TOKEN_INVALID"
    )
    assert client.post(f"{API}/auth/logout", headers=SAME).status_code == 200
    assert ada.get("/auth/me")["username"] == "ada", "the other session of hers went too"


@pytest.mark.parametrize("how", ["disable", "remove", "password"])
def test_an_account_that_is_disabled_removed_or_given_another_password_is_out_at_its_next_request(
    app: Flask, ada: Caller, how: str
) -> None:
    olaf = Caller(app, "olaf", "OPERATOR")
    person = Person(olaf.id, "olaf", "Olaf", "OPERATOR", olaf.data["session"], True)
    with app.app_context():
        assert still_allowed(person)
    if how == "remove":
        assert ada.ask("DELETE", f"/auth/users/{olaf.id}", json=PROOF).status_code == 200
    else:
        change = {"disabled": True} if how == "disable" else {"password": OTHER}
        assert ada.ask("PUT", f"/auth/users/{olaf.id}", json={**change, **PROOF}).status_code == 200
    assert code(olaf.ask("GET", "/auth/me")) == "TOKEN_INVALID"
    assert code(refresh(olaf, olaf.data["refresh_token"])) == "TOKEN_INVALID"
    with app.app_context():
        assert not still_allowed(person)


def test_what_the_command_line_does_to_an_account_counts_too(app: Flask, ada: Caller) -> None:
    olaf = Caller(app, "olaf", "ADMIN")
    elsewhere = type(site_of(app).users)(site_of(app).state / "users")
    elsewhere.set("olaf", role="VIEWER")
    assert code(olaf.ask("GET", "/auth/users")) == "PERMISSION_DENIED"
    assert olaf.get("/auth/me")["role"] == "VIEWER"
    elsewhere.set("olaf", password_hash=passwords.HASHER.hash(OTHER))
    assert code(olaf.ask("GET", "/auth/me")) == "TOKEN_INVALID"
    assert ada.get("/auth/me")["role"] == "ADMIN"


def test_a_changed_role_counts_at_the_next_request_without_signing_in_again(
    app: Flask, ada: Caller
) -> None:
    olaf = Caller(app, "olaf", "VIEWER")
    assert code(olaf.ask("GET", "/audit")) == "PERMISSION_DENIED"
    ada.ask("PUT", f"/auth/users/{olaf.id}", json={"role": "ADMIN", **PROOF})
    assert olaf.ask("GET", "/audit").status_code == 200
    ada.ask("PUT", f"/auth/users/{olaf.id}", json={"role": "VIEWER", **PROOF})
    assert code(olaf.ask("GET", "/audit")) == "PERMISSION_DENIED"


def test_ones_own_password_is_changed_with_the_old_one_and_ends_all_other_sessions(
    app: Flask, ada: Caller
) -> None:
    other = Caller(app, "ada")
    body = {"old_password": PASSWORD, "new_password": OTHER}
    assert (
        code(ada.ask("POST", "/auth/change-password", json={**body, "old_password": "wrong"}))
        == "CREDENTIALS_INVALID"
    )
    assert (
        code(ada.ask("POST", "/auth/change-password", json={**body, "new_password": "short"}))
        == "USER_INVALID"
    )
    assert (
        code(ada.ask("POST", "/auth/change-password", json={**body, "new_password": PASSWORD}))
        == "USER_INVALID"
    )
    ada.data = data(ada.ask("POST", "/auth/change-password", json=body))
    assert ada.get("/auth/me")["username"] == "ada"
    assert code(other.ask("GET", "/auth/me")) == "TOKEN_INVALID"
    assert code(sign_in(app.test_client(), "ada")) == "CREDENTIALS_INVALID"
    assert sign_in(app.test_client(), "ada", OTHER).status_code == 200


def test_guessing_the_old_password_in_a_session_is_limited_too(app: Flask) -> None:
    olaf = Caller(app, "olaf", "OPERATOR")
    body = {"old_password": "wrong", "new_password": OTHER}
    refusals = [code(olaf.ask("POST", "/auth/change-password", json=body)) for _ in range(6)]
    assert refusals == ["CREDENTIALS_INVALID"] * 5 + ["LOCKED_OUT"]
    assert olaf.get("/auth/me")["username"] == "olaf", "who is signed in goes on working"


def test_sessions_of_others_are_seen_and_ended_by_administrators_only(
    app: Flask, ada: Caller
) -> None:
    olaf = Caller(app, "olaf", "OPERATOR")
    [mine] = olaf.get("/auth/sessions")
    assert (mine["username"], mine["current"]) == ("olaf", True)
    assert "token" not in mine
    assert code(olaf.ask("DELETE", f"/auth/sessions/{ada.data['session']}")) == "SESSION_NOT_FOUND"
    assert code(olaf.ask("GET", "/auth/sessions?all=true")) == "PERMISSION_DENIED"
    assert code(olaf.ask("GET", f"/auth/sessions?user={ada.id}")) == "PERMISSION_DENIED"
    assert {row["username"] for row in ada.get("/auth/sessions?all=true")} == {"ada", "olaf"}
    assert ada.ask("DELETE", f"/auth/sessions/{olaf.data['session']}").status_code == 200
    assert code(olaf.ask("GET", "/auth/me")) == "TOKEN_INVALID"


def test_all_ones_other_sessions_end_together(app: Flask, ada: Caller) -> None:
    others = [Caller(app, "ada") for _ in range(3)]
    assert data(ada.ask("DELETE", "/auth/sessions"))["ended"] == 3
    assert {code(other.ask("GET", "/auth/me")) for other in others} == {"TOKEN_INVALID"}
    assert ada.get("/auth/me")["username"] == "ada"


def test_the_twenty_first_session_of_a_user_ends_the_oldest(app: Flask, ada: Caller) -> None:
    newer = [Caller(app, "ada") for _ in range(20)]
    assert code(ada.ask("GET", "/auth/me")) == "TOKEN_INVALID"
    assert newer[0].get("/auth/me")["username"] == "ada"


def test_signing_out_leaves_nothing_in_the_browser(app: Flask) -> None:
    ada = Caller(app, "zoe", "VIEWER")
    answer = ada.ask("POST", "/auth/logout", json={})
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
