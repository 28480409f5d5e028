"""Requests from elsewhere: other sites, other hosts, other origins; and the headers that every
answer has."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.rooms.people.people import API, Caller, account, application, code, data, sign_in

pytestmark = pytest.mark.slow

KEY = {"INSPECTION_WEB__JWT_KEY": "new-xJ1b9Wc5uTz8kQ2rM4sHd6gLf0vYp3nE"}
PLANT = "https://scada.plant.example"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    made = application(tmp_path)
    account(made, "ada", "ADMIN")
    return made


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    client = app.test_client()
    assert sign_in(client, "ada").status_code == 200
    return client


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://["},
        {"Origin": "http://[::1"},
        {"Origin": "http://\u2100.example"},
        {"X-CSRF-Token": "0" * 64},
        {"X-CSRF-Token": "é"},
    ],
)
def test_a_request_with_cookies_that_may_come_from_another_site_is_refused(
    browser: FlaskClient, headers: dict[str, str]
) -> None:
    answer = browser.delete(f"{API}/auth/sessions", headers=headers)
    assert (answer.status_code, code(answer)) == (403, "CROSS_SITE")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}]
)
def test_a_request_of_our_own_page_is_taken(browser: FlaskClient, headers: dict[str, str]) -> None:
    assert browser.delete(f"{API}/auth/sessions", headers=headers).status_code == 200


def test_a_client_with_cookies_and_without_such_headers_sends_the_token_of_its_session(
    app: Flask, browser: FlaskClient
) -> None:
    token = data(browser.get(f"{API}/auth/me"))["csrf_token"]
    assert (
        browser.delete(f"{API}/auth/sessions", headers={"X-CSRF-Token": token}).status_code == 200
    )
    other = app.test_client()
    theirs = data(sign_in(other, "ada"))["csrf_token"]
    assert (
        code(browser.delete(f"{API}/auth/sessions", headers={"X-CSRF-Token": theirs}))
        == "CROSS_SITE"
    )


def test_a_bearer_call_without_cookies_needs_nothing_of_that(app: Flask) -> None:
    ada = Caller(app, "ada")
    assert (
        ada.ask(
            "DELETE", "/auth/sessions", headers={"Origin": "https://elsewhere.example"}
        ).status_code
        == 200
    )


def test_signing_in_from_another_site_is_refused(app: Flask) -> None:
    body = {"username": "ada", "password": "x"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert (
            code(app.test_client().post(f"{API}/auth/login", json=body, headers=headers))
            == "CROSS_SITE"
        )


def test_a_form_of_another_site_cannot_be_read_as_json(browser: FlaskClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = browser.post(
            f"{API}/auth/users",
            data='{"username":"x"}',
            content_type=kind,
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert (answer.status_code, code(answer)) == (415, "CONTENT_TYPE")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "", "a/b", "[::1"]
)
def test_a_host_that_is_not_ours_is_refused(app: Flask, host: str) -> None:
    answer = app.test_client().get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert code(answer) == "HOST_REFUSED"


def test_addresses_and_the_names_of_the_settings_are_ours(tmp_path: Path) -> None:
    app = application(tmp_path, hosts=["inspection.plant.example"])
    for host in (
        "127.0.0.1:5000",
        "[::1]:5000",
        "192.168.1.7",
        "localhost:8080",
        "Inspection.Plant.Example:443",
    ):
        assert app.test_client().get("/", headers={"Host": host}).status_code == 200, host


def test_other_origins_get_nothing_unless_they_are_in_the_settings(
    app: Flask, tmp_path: Path
) -> None:
    closed = app.test_client().get(f"{API}/health", headers={"Origin": PLANT})
    assert not [name for name, _ in closed.headers if name.startswith("Access-Control")]
    (tmp_path / "other").mkdir()
    open_app = application(tmp_path / "other", origins=[PLANT])
    given = open_app.test_client().get(f"{API}/health", headers={"Origin": PLANT})
    assert given.headers["Access-Control-Allow-Origin"] == PLANT
    assert "Access-Control-Allow-Credentials" not in given.headers
    assert "Origin" in given.headers["Vary"]
    preflight = open_app.test_client().options(f"{API}/stations", headers={"Origin": PLANT})
    assert preflight.status_code == 204
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    evil = open_app.test_client().options(
        f"{API}/stations", headers={"Origin": "https://evil.example"}
    )
    assert not [name for name, _ in evil.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    "path", ["/", "/health", f"{API}/auth/me", "/nothing", f"{API}/openapi.json"]
)
def test_every_answer_has_the_headers_that_protect_it(app: Flask, path: str) -> None:
    headers = app.test_client().get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    assert "Strict-Transport-Security" not in headers
    secure = app.test_client().get(path, base_url="https://localhost").headers
    assert "max-age" in secure["Strict-Transport-Security"]


def test_a_request_id_is_kept_if_it_is_one_and_else_made(app: Flask) -> None:
    client = app.test_client()
    assert (
        client.get("/", headers={"X-Request-ID": "line-3:42"}).headers["X-Request-ID"]
        == "line-3:42"
    )
    made = client.get("/", headers={"X-Request-ID": "<script>"}).headers["X-Request-ID"]
    assert len(made) == 36
    assert client.get("/").headers["X-Request-ID"] != made


@pytest.mark.parametrize(
    ("environment", "bind", "prefixed"),
    [
        ("production", "127.0.0.1:5000", True),
        ("testing", "0.0.0.0:5000", True),
        ("testing", "127.0.0.1:5000", False),
    ],
)
def test_cookies_are_bound_to_this_host_and_https_except_on_loopback_outside_production(
    tmp_path: Path, environment: str, bind: str, prefixed: bool
) -> None:
    app = application(tmp_path, environment, KEY, bind=bind)
    account(app, "ada", "ADMIN")
    cookies = sign_in(app.test_client(), "ada").headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    for cookie in cookies:
        assert cookie.startswith("__Host-") == prefixed
        assert ("Secure" in cookie) == prefixed
        assert "HttpOnly" in cookie
        assert "Domain" not in cookie


@pytest.mark.parametrize("method", ["TRACE", "PATCH", "DELETE", "PROPFIND"])
def test_a_method_that_is_not_there_is_refused(app: Flask, method: str) -> None:
    answer = app.test_client().open(f"{API}/auth/login", method=method)
    assert answer.status_code == 405
    assert code(answer) == "METHOD_NOT_ALLOWED"
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/etc/passwd",
        f"{API}/schemas/..%2f..%2fbase.py",
        "/x//evil.example",
        "/health%00",
        "/?next=//evil",
    ],
)
def test_tricks_with_paths_lead_nowhere(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code in (200, 404)
    assert "Location" not in answer.headers
    assert "root:" not in answer.text


def test_a_fault_of_ours_is_told_by_its_request_id_and_nothing_more(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.api.health.look", lambda *_: 1 // 0)
    answer = app.test_client().get("/health", headers={"X-Request-ID": "abc"})
    assert (answer.status_code, code(answer)) == (500, "INTERNAL")
    assert "abc" in answer.text
    assert "division" not in answer.text


def test_what_is_refused_counts_whatever_its_headers_are(tmp_path: Path) -> None:
    client = application(tmp_path, requests_per_minute=5).test_client()
    statuses = [
        client.post(f"{API}/auth/refresh", json={}, headers={"Origin": "http://["}).status_code
        for _ in range(3)
    ]
    assert set(statuses) == {403}
    limited = application(tmp_path, sign_ins_per_minute=5).test_client()
    answers = [sign_in_from(limited, {"Origin": "http://["}) for _ in range(8)]
    assert answers == [403] * 5 + [429] * 3


def sign_in_from(client: FlaskClient, headers: dict[str, str]) -> int:
    """The status of a sign-in attempt with these headers."""
    body = {"username": "ada", "password": "wrong wrong wrong"}
    return client.post(f"{API}/auth/login", json=body, headers=headers).status_code
