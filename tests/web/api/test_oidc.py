"""Signing in through an identity provider: whom it lets in, in which role, and what it says that is
not believed.

One file: one provider, and what it may say that is not believed.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploy.cli.command import main
from schemas import Problem
from schemas.settings.load import load
from schemas.settings.oidc import OidcSettings
from tests.rooms.people.issuer import CLIENT, SECRET, Issuer, another_key
from tests.rooms.people.people import (
    API,
    PASSWORD,
    PROOF,
    SAME,
    Caller,
    account,
    application,
    code,
    settings,
    sign_in,
    site_of,
)
from web.app import create_app
from web.credentials import provider

pytestmark = pytest.mark.slow

ORIGIN = "http://localhost:5000"
ROLES = 'roles = { visitors = "VIEWER", "line-operators" = "OPERATOR", "vision-admins" = "ADMIN" }'


@pytest.fixture(scope="module")
def made() -> Iterator[Issuer]:
    found = Issuer()
    yield found
    found.close()


@pytest.fixture
def issuer(made: Issuer) -> Issuer:
    """The issuer with nothing told to it."""
    fresh = {"alg": "RS256", "lie": {}, "userinfo": None, "token": None, "about": {}}
    for name, value in fresh.items():
        setattr(made, name, value)
    made.key = made.published[0]
    del made.published[1:]
    made.claims = {
        "sub": "4711",
        "preferred_username": "Erna.Muster",
        "name": "Erna",
        "groups": ["visitors"],
    }
    made.silent.clear()
    made.asked.clear()
    return made


def with_provider(folder: Path, issuer: Issuer, more: str = "", **web: Any) -> Flask:
    """The web with this identity provider."""
    path = settings(folder, origin=ORIGIN, **web)
    block = (
        f'[oidc]\nissuer = "{issuer.url}"\nclient_id = "{CLIENT}"\nname = "Plant'
        f' login"\n{ROLES}\n{more}\n'
    )
    path.write_text(path.read_text().replace("[[station]]", f"{block}[[station]]"))
    return create_app(load(path, {"INSPECTION_OIDC__CLIENT_SECRET": SECRET}))


@pytest.fixture
def app(tmp_path: Path, issuer: Issuer) -> Flask:
    return with_provider(tmp_path, issuer)


def go(client: FlaskClient, page: str = "/app/history") -> str:
    """The address at the provider to which a browser is sent."""
    answer = client.get(f"/app/oidc/start?next={page}", base_url=ORIGIN)
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def back(client: FlaskClient, address: str) -> TestResponse:
    """The answer to a browser that comes back from there."""
    return client.get(address.removeprefix(ORIGIN), base_url=ORIGIN)


def enter(
    app: Flask, issuer: Issuer, client: FlaskClient | None = None
) -> tuple[FlaskClient, TestResponse]:
    """A browser that goes there and comes back."""
    client = client or app.test_client()
    return client, back(client, issuer.visit(go(client)))


def me(client: FlaskClient) -> Any:
    answer = client.get(f"{API}/auth/me", base_url=ORIGIN)
    assert answer.json is not None
    return answer.json.get("data") or answer.json["error"]


def refused(app: Flask, issuer: Issuer, why: str = "") -> None:
    """Nobody gets in, a person is told, and the audit knows."""
    before = audit(app, "sign-in.failed")
    client, answer = enter(app, issuer)
    assert answer.status_code in (403, 503), answer.text
    assert "OIDC_" in answer.text
    assert why in answer.text
    assert me(client) == "SIGN_IN_REQUIRED"
    assert audit(app, "sign-in.failed") == before + 1


def audit(app: Flask, action: str) -> int:
    return sum(row.action == action for row in site_of(app).accounts.audit_rows())


def test_who_has_a_group_gets_in_and_an_account_without_a_password(
    app: Flask, issuer: Issuer
) -> None:
    client, answer = enter(app, issuer)
    assert (answer.status_code, answer.location) == (302, "/app/sign-in?next=%2Fapp%2Fhistory")
    told = me(client)
    assert (told["username"], told["name"], told["role"]) == ("erna.muster", "Erna", "VIEWER")
    assert told["subject"] == f"{issuer.url} 4711"
    assert "password_hash" not in told
    for line in answer.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in line
        assert "SameSite=Strict" in line or "inspection-provider=;" in line
    assert [
        code(sign_in(app.test_client(), "erna.muster", word)) for word in ("x", "None", PASSWORD)
    ] == ["CREDENTIALS_INVALID"] * 3
    assert audit(app, "user.follow") == 1
    enter(app, issuer)
    assert [user.username for user in site_of(app).users.list()] == ["erna.muster"]
    assert audit(app, "user.follow") == 1, "nothing has changed"


def test_the_question_has_pkce_state_and_nonce_each_time_others(app: Flask, issuer: Issuer) -> None:
    asked = [
        {key: each[0] for key, each in parse_qs(urlsplit(go(app.test_client())).query).items()}
        for _ in range(2)
    ]
    first, second = asked
    assert (first["response_type"], first["code_challenge_method"], first["prompt"]) == (
        "code",
        "S256",
        "login",
    )
    assert first["redirect_uri"] == f"{ORIGIN}/app/oidc/callback"
    assert all(
        first[name] != second[name] and len(first[name]) >= 43
        for name in ("state", "nonce", "code_challenge")
    )


def test_the_sign_in_page_offers_it_by_name_and_local_accounts_stay(
    app: Flask, issuer: Issuer, tmp_path: Path
) -> None:
    assert "Sign in with Plant login" in app.test_client().get("/app/sign-in").text
    account(app, "ada", "ADMIN")
    issuer.silent.set()  # the provider is away
    assert sign_in(app.test_client(), "ada").status_code == 200
    issuer.silent.clear()
    (tmp_path / "plain").mkdir()
    without = application(tmp_path / "plain").test_client()
    assert "Sign in with" not in without.get("/app/sign-in").text
    assert without.get("/app/oidc/start").status_code == 404
    assert without.get("/app/oidc/callback?code=x&state=y").status_code == 404


def test_the_role_follows_the_groups_and_without_one_all_sessions_end(
    app: Flask, issuer: Issuer
) -> None:
    client, _ = enter(app, issuer)
    for groups, role in (
        (["line-operators", "others"], "OPERATOR"),
        (["visitors", "vision-admins"], "ADMIN"),
        ("visitors", "VIEWER"),
    ):
        issuer.claims["groups"] = groups
        again, _ = enter(app, issuer)
        assert me(again)["role"] == role
        assert me(client)["role"] == role
    for groups in ([], ["others"], None, {"visitors": True}, [["visitors"]], [4711], "VISITORS"):
        issuer.claims["groups"] = groups
        refused(app, issuer, "none of the groups has a role here")
        assert me(client) in ("TOKEN_INVALID",), "a session of before goes on"


NOW = int(time.time())
LIES: list[tuple[str, dict[str, Any]]] = [
    ("another nonce", {"nonce": "another"}),
    ("no nonce", {"nonce": None}),
    ("another client", {"aud": "somebody-else"}),
    ("no audience", {"aud": None}),
    ("another's besides ours", {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"}),
    ("expired", {"exp": NOW - 600, "iat": NOW - 900}),
    ("without an end", {"exp": None}),
    ("not yet", {"nbf": NOW + 3600}),
    ("another issuer", {"iss": "https://evil.example"}),
    ("issuer with a slash", {"iss": None}),
    ("nobody", {"sub": None}),
    ("an empty name", {"sub": ""}),
    ("a number", {"sub": 4711}),
    ("asked nobody for credentials", {"auth_time": NOW - 3600}),
    ("does not say when it asked", {"auth_time": None}),
    ("says it wrongly", {"auth_time": "now"}),
]


def test_what_an_id_token_says_wrongly_is_refused(app: Flask, issuer: Issuer) -> None:
    for why, lie in LIES:
        issuer.lie = lie
        refused(app, issuer)
        assert site_of(app).users.list() == (), why
    issuer.lie = {"aud": [CLIENT]}
    assert me(enter(app, issuer)[0])["role"] == "VIEWER"


def test_only_a_key_of_the_issuer_signs(app: Flask, issuer: Issuer) -> None:
    good = issuer.key
    issuer.alg = "none"
    refused(app, issuer)
    issuer.alg = "HS256"
    refused(app, issuer)
    issuer.alg, issuer.key = "ES256", another_key("one")
    refused(app, issuer)
    issuer.alg, issuer.key = "RS256", good
    for token in ("", "a.b.c", "x" * 5000, "..", "é.é.é", good.as_pem(private=False).decode()):
        issuer.token = token or "."
        refused(app, issuer)
    issuer.token = None
    assert me(enter(app, issuer)[0])["role"] == "VIEWER"


def test_a_new_key_of_the_issuer_is_looked_for_and_not_at_each_token(
    app: Flask, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(app, issuer)
    issuer.alg, issuer.key = "ES256", another_key("two")
    asked = issuer.asked.count("/keys")
    for _ in range(3):
        refused(app, issuer)
    assert issuer.asked.count("/keys") == asked
    monkeypatch.setattr(provider, "AGAIN_S", 0.0)
    issuer.published.append(issuer.key)
    assert me(enter(app, issuer)[0])["role"] == "VIEWER"


def test_a_state_is_good_once_and_for_the_browser_that_was_sent(app: Flask, issuer: Issuer) -> None:
    client, other = app.test_client(), app.test_client()
    address = issuer.visit(go(client))
    assert back(other, address).status_code == 403
    go(other)
    assert back(other, address).status_code == 403, "with a cookie of its own"
    assert back(client, address).status_code == 302
    assert back(client, address).status_code == 403, "again"
    assert me(other) == "SIGN_IN_REQUIRED"
    for query in (
        "",
        "?state=x",
        "?code=x",
        "?code=x&state=y",
        "?code=x&state=y&state=z",
        "?state=%00&code=x",
        "?error=x&state=y",
    ):
        assert back(client, f"{ORIGIN}/app/oidc/callback{query}").status_code == 403, query
    assert audit(app, "sign-in.failed") == 0, "anybody can come so: it fills nothing"
    assert audit(app, "refused") == 1


def test_who_is_refused_there_or_comes_from_another_issuer_is_refused_here(
    app: Flask, issuer: Issuer
) -> None:
    for query in ("error=access_denied", "code=wrong"):
        client = app.test_client()
        state = parse_qs(urlsplit(go(client)).query)["state"][0]
        answer = back(client, f"{ORIGIN}/app/oidc/callback?{query}&state={state}")
        assert (answer.status_code, me(client)) == (403, "SIGN_IN_REQUIRED")
    client = app.test_client()
    assert back(client, f"{issuer.visit(go(client))}&iss=https://evil.example").status_code == 403
    assert back(client, f"{issuer.visit(go(client))}&iss={issuer.url}").status_code == 302


def test_an_issuer_that_says_its_name_has_to_say_it(tmp_path: Path, issuer: Issuer) -> None:
    issuer.about = {"authorization_response_iss_parameter_supported": True}
    app = with_provider(tmp_path, issuer)
    refused(app, issuer)


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": None},
        {"userinfo_endpoint": "ftp://127.0.0.1/"},
        {"filler": "x" * 300_000},
    ],
    ids=["name", "clear text", "file", "none", "ftp", "size"],
)
def test_an_issuer_that_describes_itself_wrongly_is_not_used(
    tmp_path: Path, issuer: Issuer, about: dict[str, Any]
) -> None:
    issuer.about = about
    client = with_provider(tmp_path, issuer).test_client()
    answer = client.get("/app/oidc/start", base_url=ORIGIN)
    assert (answer.status_code, "OIDC_AWAY" in answer.text) == (503, True)
    issuer.about = {}
    assert go(client).startswith(f"{issuer.url}/auth?")


def test_it_follows_nobody_elsewhere(
    tmp_path: Path, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer, "answer", lambda *_: (302, f"{issuer.url}/elsewhere".encode()))
    answer = with_provider(tmp_path, issuer).test_client().get("/app/oidc/start", base_url=ORIGIN)
    assert answer.status_code == 503


def test_groups_may_be_told_by_userinfo_of_the_same_person_only(
    tmp_path: Path, issuer: Issuer
) -> None:
    issuer.claims = {"sub": "4711"}
    issuer.userinfo = {"sub": "4711", "preferred_username": "erna", "groups": ["line-operators"]}
    app = with_provider(tmp_path, issuer)
    assert me(enter(app, issuer)[0])["role"] == "OPERATOR"
    issuer.userinfo["sub"] = "4712"
    refused(app, issuer, "somebody else")


def test_no_account_is_taken_over_by_its_name(app: Flask, issuer: Issuer) -> None:
    account(app, "erna.muster", "ADMIN")
    issuer.claims["groups"] = ["vision-admins"]
    refused(app, issuer, "belongs to another account")
    site_of(app).users.add("ada", "Ada", "ADMIN", "x")
    site_of(app).users.remove("erna.muster")
    enter(app, issuer)
    issuer.claims["sub"] = "4712"
    refused(app, issuer, "belongs to another account")
    issuer.claims["preferred_username"] = "Erna Muster / 2@plant.example"
    assert me(enter(app, issuer)[0])["username"] == "erna-muster---2-plant.example"


def test_its_accounts_get_no_password_no_role_and_no_power_here(
    app: Flask, issuer: Issuer, tmp_path: Path
) -> None:
    issuer.claims["groups"] = ["vision-admins"]
    client, _ = enter(app, issuer)
    ada = Caller(app, "ada", "ADMIN")
    erna = me(client)["id"]
    for body in ({"password": "lantern gravel 47 moth"}, {"role": "VIEWER"}):
        assert code(ada.ask("PUT", f"/auth/users/{erna}", json={**body, **PROOF})) == "USER_INVALID"
    assert (
        main(["user", "role", "erna.muster", "VIEWER", "--config", str(tmp_path / "node.toml")])
        == 1
    )
    for method, path, body in (
        (
            "POST",
            "/auth/change-password",
            {"old_password": "x", "new_password": "lantern gravel 47 moth"},
        ),
        ("POST", "/auth/2fa/setup", {"password": "x"}),
        ("POST", "/auth/passkeys/options", {"password": "x"}),
        ("PUT", f"/auth/users/{ada.id}", {"role": "VIEWER", "own_password": "x"}),
        ("DELETE", f"/auth/users/{ada.id}/2fa", {"own_password": "x"}),
    ):
        answer = client.open(
            f"{API}{path}", method=method, json=body, headers=SAME, base_url=ORIGIN
        )
        assert code(answer) == "PROOF_REQUIRED", path
    assert (
        client.put(
            f"{API}/auth/users/{erna}", json={"name": "E"}, headers=SAME, base_url=ORIGIN
        ).status_code
        == 200
    )
    refusal = ada.ask("PUT", f"/auth/users/{ada.id}", json={"role": "VIEWER", **PROOF})
    assert code(refusal) == "USER_INVALID", "the last administrator with a password here"


def test_without_the_provider_in_the_settings_nobody_stays_in_by_it_and_with_it_again_neither(
    app: Flask, issuer: Issuer, tmp_path: Path
) -> None:
    client, _ = enter(app, issuer)
    cookies = client._cookies  # type: ignore[attr-defined]
    account(app, "ada", "ADMIN")
    for later in (application(tmp_path, origin=ORIGIN), with_provider(tmp_path, issuer)):
        other = later.test_client()
        other._cookies = dict(cookies)  # type: ignore[attr-defined]
        assert me(other) == "TOKEN_INVALID"
        again = other.post(f"{API}/auth/refresh", json={}, headers=SAME, base_url=ORIGIN)
        assert code(again) == "TOKEN_INVALID"
        assert audit(later, "session.void") == 1
    fresh, _ = enter(later, issuer)
    assert me(fresh)["username"] == "erna.muster"
    here = site_of(later)
    # whatever was missed at the start
    here.settings = here.settings.model_copy(update={"oidc": OidcSettings()})
    assert me(fresh) == "TOKEN_INVALID"


def test_who_is_disabled_here_stays_out_and_signing_out_ends_it(app: Flask, issuer: Issuer) -> None:
    client, _ = enter(app, issuer)
    answer = client.post(f"{API}/auth/logout", json={}, headers=SAME, base_url=ORIGIN)
    assert "Clear-Site-Data" in answer.headers
    assert me(client) == "SIGN_IN_REQUIRED"
    site_of(app).users.set("erna.muster", disabled=True)
    refused(app, issuer, "is disabled here")


def test_its_sessions_are_short_and_a_role_that_needs_a_second_factor_asks_the_provider_for_it(
    tmp_path: Path, issuer: Issuer
) -> None:
    app = with_provider(tmp_path, issuer, "session_hours = 2", second_factor_for=["VIEWER"])
    refused(app, issuer, "no second factor")
    issuer.claims["amr"] = ["pwd", "mfa"]
    client, _ = enter(app, issuer)
    assert client.get(f"{API}/stations", base_url=ORIGIN).status_code == 200
    session = site_of(app).accounts.sessions()[0]
    assert session.until - session.created_at == pytest.approx(7200)


@pytest.mark.parametrize(
    ("wanted", "page"),
    [
        ("/app/history%3Fstation%3Dcam1", "/app/history?station=cam1"),
        ("https://evil.example/app/run", "/app/run"),
        ("//evil.example/app/run", "/app/run"),
        ("/app/../../etc", "/app/run"),
        ("/app/%5C%5Cevil.example", "/app/run"),
        ("javascript:alert(1)", "/app/run"),
        ("/app/sign-in", "/app/run"),
        ("%00", "/app/run"),
    ],
)
def test_it_leads_back_to_a_page_of_ours_only(
    app: Flask, issuer: Issuer, wanted: str, page: str
) -> None:
    client = app.test_client()
    answer = back(client, issuer.visit(go(client, wanted)))
    assert parse_qs(urlsplit(answer.location).query)["next"] == [page]


def test_a_provider_that_is_silent_holds_nobody_and_few_wait_for_it(
    app: Flask, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    account(app, "ada", "ADMIN")
    enter(app, issuer)
    monkeypatch.setattr(provider, "LIMIT_S", 1.0)
    monkeypatch.setattr(provider, "SILENCE_S", 60.0)  # so a place stays taken
    client = app.test_client()
    address = issuer.visit(go(client))
    waiting = [(other, issuer.visit(go(other))) for other in (app.test_client() for _ in range(8))]
    issuer.silent.set()
    assert back(client, address).status_code == 503
    answers: list[str] = []
    threads: list[threading.Thread] = []
    for other, where in waiting:
        threads.append(
            threading.Thread(
                target=lambda other=other, where=where: answers.append(back(other, where).text)
            )
        )
    for thread in threads:
        thread.start()
    assert sign_in(app.test_client(), "ada").status_code == 200
    for thread in threads:
        thread.join(30)
    assert len(answers) == 8
    assert any("BUSY" in text for text in answers)
    assert all("BUSY" in text or "OIDC_AWAY" in text for text in answers)
    issuer.silent.clear()


def test_neither_log_nor_audit_tells_a_secret(
    app: Flask, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    enter(app, issuer)
    issuer.claims["groups"] = []
    refused(app, issuer)
    issuer.alg = "none"
    refused(app, issuer)
    said = caplog.text + "".join(map(str, site_of(app).accounts.audit_rows()))
    assert SECRET not in said
    assert "code-" not in said
    admin = Caller(app, "ada", "ADMIN").ask("GET", "/settings").text
    assert '"oidc.client_secret"' in admin
    assert SECRET not in admin


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ('issuer = "http://login.example"', "https"),
        ('issuer = "https://login.example"', "client_id"),
        ('issuer = "https://login.example"\nclient_id = "x"', "web.origin"),
        ('issuer = "https://login.example"\nclient_id = "x"\nscopes = ["profile"]', "openid"),
        ('roles = { a = "ROOT" }', "roles"),
        ('client_secret = "of the file, in production"', "does not belong in the settings file"),
        ('issuer = "https://u:p@login.example"\nclient_id = "x"', "https"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, block: str, why: str) -> None:
    path = settings(tmp_path, "production")
    path.write_text(path.read_text().replace("[[station]]", f"[oidc]\n{block}\n[[station]]"))
    with pytest.raises(Problem, match=why):
        load(path, {})
