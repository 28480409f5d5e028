"""Screens that only look: what their link opens, what it does not, and how it ends."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from schemas import as_program
from tests.rooms.people.people import (
    PASSWORD,
    SAME,
    Caller,
    account,
    application,
    code,
    data,
    site_of,
)
from web.access import RANK, access_of
from web.records import records_of
from web.stream import END

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
REGION = {"x": 0, "y": 0, "width": 9, "height": 9}
TOOL = {"kind": "brightness", "name": "a", "region": REGION, "low": 1.0}
PROGRAM = {"schema": "program/1", "id": "cap", "name": "Cap", "tools": [TOOL]}
SEEN = ("/stations", "/statistics/stations", "/statistics/recent", "/alarms", "/programs")


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return application(tmp_path_factory.mktemp("screens"))


def made(app: Flask, **more: object) -> tuple[Caller, dict[str, str], str]:
    """The person who made a screen, the screen, and the token of its link."""
    ada = Caller(app, "ada", "ADMIN")
    screen = data(ada.ask("POST", "/auth/screens", json={"name": "Hall, north", **more}))
    path, _, rest = screen["path"].partition("#token=")
    assert path == "/app/screen"
    return ada, screen, rest.partition("&")[0]


def opened(app: Flask, token: str) -> FlaskClient:
    client = app.test_client()
    answer = client.post("/api/v1/auth/screen", json={"token": token}, headers=SAME)
    assert answer.status_code == 200, answer.text
    return client


def test_its_link_sees_the_run_page_and_nothing_else(app: Flask) -> None:
    _, _, token = made(app)
    screen = opened(app, token)
    assert "screen-only" in screen.get("/app/run", headers=HTML).text
    for path in SEEN:
        assert screen.get(f"/api/v1{path}").status_code == 200, path
    closed = 0
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        if access is None or rule.arguments or RANK.get(access.level, 0) <= RANK["SCREEN"]:
            continue
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = screen.open(rule.rule, method=method, headers=SAME, json={})
            assert answer.status_code == 403, (method, rule.rule)
            closed += 1
    assert closed > 30
    assert screen.get("/api/v1/metrics").status_code == 403


def test_it_is_revoked_alone_and_at_once(app: Flask) -> None:
    ada, screen, token = made(app)
    other = data(ada.ask("POST", "/auth/screens", json={"name": "Gate", "station": "cam1"}))
    assert other["path"].endswith("&station=cam1&calm=true")
    first, second = opened(app, token), opened(app, other["path"].split("token=")[1].split("&")[0])
    assert [one["seen_at"] is None for one in ada.get("/auth/screens")] == [False, False]
    assert ada.ask("DELETE", f"/auth/screens/{screen['id']}").status_code == 200
    assert code(first.get("/api/v1/stations")) == "TOKEN_INVALID"
    assert second.get("/api/v1/stations").status_code == 200
    refused = app.test_client().post("/api/v1/auth/screen", json={"token": token}, headers=SAME)
    assert code(refused) == "TOKEN_INVALID"
    actions = [row["action"] for row in ada.get("/audit?limit=50")["rows"]]
    assert {"screen.add", "screen.revoke", "screen.failed", "session.void"} <= set(actions)


def test_it_stays_a_screen_and_nobody_signs_in_as_it(app: Flask) -> None:
    ada, screen, token = made(app)
    user = next(one for one in ada.get("/auth/users") if one["id"] == screen["id"])
    assert (user["role"], user["name"], "screen" in user) == ("SCREEN", "Hall, north", False)
    proof = {"own_password": "another tram 99 rose"}
    for change in ({"role": "ADMIN"}, {"password": "quite another tram 77 tulip"}):
        answer = ada.ask("PUT", f"/auth/users/{user['id']}", json={**change, **proof})
        assert code(answer) == "USER_INVALID", change
    assert code(ada.ask("DELETE", f"/auth/screens/{ada.id}")) == "USER_NOT_FOUND"
    for password in ("", "x", token):
        body = {"username": user["username"], "password": password}
        answer = app.test_client().post("/api/v1/auth/login", json=body, headers=SAME)
        assert code(answer) in ("CREDENTIALS_INVALID", "VALIDATION_FAILED"), password
    assert token not in (site_of(app).state / "users" / "users.json").read_text()


def test_it_sees_the_newest_results_only_and_nothing_of_people(app: Flask) -> None:
    ada, _, token = made(app)
    programs = site_of(app).programs
    programs.save(as_program(PROGRAM), None, by="ada", note="for the auditor")
    screen = opened(app, token)
    for query in ("station=cam1&limit=20", "station=cam1&verdict=NG&limit=1"):
        assert screen.get(f"/api/v1/results?{query}").status_code == 200, query
    for query in ("cursor=x", "order=oldest", "since=2026-01-01T00:00:00Z", "part_id=7", "tool=a"):
        refused = screen.get(f"/api/v1/results?station=cam1&{query}")
        assert code(refused) == "PERMISSION_DENIED", query
    (told,) = screen.get("/api/v1/programs").get_json()["data"]["programs"]
    assert (told["name"], told["saved_by"], told["note"]) == ("Cap", "", "")
    (known,) = ada.get("/programs")["programs"]
    assert (known["saved_by"], known["note"]) == ("ada", "for the auditor")


def test_its_stream_tells_nothing_of_people_and_sessions(app: Flask) -> None:
    made(app)
    live = records_of(app).live
    streams = {screen: live.open("", None, f"{screen}", screen) for screen in (True, False)}
    site_of(app).event("user.locked", username="ada")
    live.tell("notice", "alarm.acknowledged", {"code": "X"})
    for stream in streams.values():
        stream.offer(END)
    told = {screen: b"".join(stream.run(lambda: True)) for screen, stream in streams.items()}
    assert b"ada" in told[False]
    assert b"ada" not in told[True]
    assert all(b"alarm.acknowledged" in each for each in told.values())


def test_who_opens_its_link_leaves_no_session_behind(app: Flask) -> None:
    _, _, token = made(app)
    account(app, "bob", "ADMIN")
    browser = app.test_client()
    body = {"username": "bob", "password": PASSWORD, "tokens": False}
    begun = browser.post("/api/v1/auth/login", json=body, headers=SAME).get_json()["data"]
    assert browser.get("/api/v1/auth/me").status_code == 200
    answer = browser.post("/api/v1/auth/screen", json={"token": token}, headers=SAME)
    assert answer.get_json()["data"]["user"]["role"] == "SCREEN"
    assert site_of(app).accounts.session(begun["session"]) is None
