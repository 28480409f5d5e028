"""Every route declares a role, and is closed to anybody who does not have it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from werkzeug.routing import Rule

from tests.rooms.people.people import API, Caller, account, application, code, data
from web import headers
from web.access import RANK, access_of
from web.api import openapi


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return application(tmp_path_factory.mktemp("routes"))


def calls(app: Flask) -> list[tuple[str, str, str]]:
    """Level, method and a path of every route."""
    found = []
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        assert access is not None, f"{rule.rule} declares no role: add @requires(...)"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            found.append((access.level, method, path_of(rule)))
    return found


def path_of(rule: Rule) -> str:
    path = rule.rule
    for name in rule.arguments:
        kind = type(rule._converters[name]).__name__
        for text in (f"<{name}>", f"<int:{name}>", f"<string:{name}>", f"<path:{name}>"):
            path = path.replace(text, "1" if kind == "IntegerConverter" else "cam1")
    assert "<" not in path, path
    return path


def test_every_route_declares_a_role_and_is_closed_to_strangers(app: Flask) -> None:
    account(app, "vera")
    client = app.test_client()
    closed = [(method, path) for level, method, path in calls(app) if level != "PUBLIC"]
    assert len(closed) > 30
    for method, path in closed:
        answer = client.open(path, method=method)
        if path.startswith("/app/"):
            assert (answer.status_code, answer.location) == (
                302,
                f"/app/sign-in?next={quote(path, safe='')}",
            )
            continue
        assert (answer.status_code, code(answer)) == (401, "SIGN_IN_REQUIRED"), (method, path)


@pytest.mark.parametrize("role", ["VIEWER", "OPERATOR"])
def test_a_route_of_a_higher_role_is_closed_to_a_lower_one(app: Flask, role: str) -> None:
    caller = Caller(app, role.lower(), role)  # type: ignore[arg-type]
    higher = [
        (method, path) for level, method, path in calls(app) if RANK.get(level, 0) > RANK[role]
    ]
    assert len(higher) > 10
    for method, path in higher:
        headers = {"Authorization": f"Bearer {caller.data['access_token']}"}
        answer = caller.client.open(path, method=method, headers=headers)
        if path.startswith("/app/"):
            assert answer.status_code == 403, path
            assert "PERMISSION_DENIED" in answer.text, path
            continue
        assert (answer.status_code, code(answer)) == (403, "PERMISSION_DENIED"), (method, path)


def test_what_is_public_is_a_short_list(app: Flask) -> None:
    assert {path for level, _, path in calls(app) if level == "PUBLIC"} == {
        "/",
        "/app/sign-in",
        "/app/setup",
        "/app/screen",
        "/app/oidc/start",
        "/app/oidc/callback",
        "/static/cam1/cam1",
        "/health",
        "/health/detailed",
        "/status",
        "/api/system/status",
        *(
            f"{API}/{name}"
            for name in ("health", "health/live", "health/ready", "openapi.json", "asyncapi.json")
        ),
        f"{API}/schemas/",
        f"{API}/schemas/cam1",
        *(f"{API}/auth/{name}" for name in ("login", "logout", "refresh", "setup", "screen")),
    }


def test_a_route_that_declares_nothing_answers_nobody(tmp_path: Path) -> None:
    app = application(tmp_path)
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    caller = Caller(app, "ada", "ADMIN")
    answer = caller.client.get(
        "/forgotten", headers={"Authorization": f"Bearer {caller.data['access_token']}"}
    )
    assert code(answer) == "PERMISSION_DENIED"


def test_many_who_ask_for_the_first_openapi_document_have_it_made_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a second of CPU: made by each of them at once, it kept everybody else waiting."""
    made: list[Flask] = []
    all_ask = threading.Barrier(8)

    def slowly(app: Flask) -> dict[str, Any]:
        made.append(app)
        time.sleep(0.3)  # the others come meanwhile
        return {"openapi": "3.1.0"}

    openapi._described.cache_clear()
    monkeypatch.setattr(openapi, "describe", slowly)

    def ask(_: int) -> Any:
        all_ask.wait(20)
        return app.test_client().get(f"{API}/openapi.json").get_json()

    try:
        with ThreadPoolExecutor(8) as many:
            assert list(many.map(ask, range(8))) == [{"openapi": "3.1.0"}] * 8
    finally:
        openapi._described.cache_clear()
    assert made == [app]


def test_who_waits_too_long_for_the_openapi_document_is_told_so(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openapi, "TURN_S", 0.0)
    with openapi._making:
        answer = app.test_client().get(f"{API}/openapi.json")
    assert (answer.status_code, answer.get_json()["error"]) == (503, "BUSY")


def test_the_openapi_document_has_every_route_and_each_model_it_names(app: Flask) -> None:
    answer = app.test_client().get(f"{API}/openapi.json")
    document = answer.json
    assert document is not None
    assert document["openapi"] == "3.1.0"
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    api = [
        path
        for _, _, path in calls(app)
        if path != "/" and not path.startswith(("/app", "/static"))
    ]
    assert len(operations) == len(api)
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    named = set()
    for part in answer.text.split('"$ref":"#/components/schemas/')[1:]:
        named.add(part.partition('"')[0])
    assert named <= set(document["components"]["schemas"])
    login = document["paths"][f"{API}/auth/login"]["post"]
    assert login["security"] == []
    assert login["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/SignIn"
    }


def test_asyncapi_and_every_json_schema_are_served(app: Flask) -> None:
    client = app.test_client()
    assert client.get(f"{API}/asyncapi.json").json["asyncapi"].startswith("3.")  # type: ignore[index]
    names = data(client.get(f"{API}/schemas/"))
    assert {"trigger", "result", "program", "settings"} <= set(names)
    for name in names:
        assert client.get(f"{API}/schemas/{name}").json["$id"].endswith(name)  # type: ignore[index]
    for name in ("../errors.py", "..%2ferrors.py", "nope", "asyncapi"):
        assert client.get(f"{API}/schemas/{name}").status_code == 404


def test_settings_tell_value_and_source_of_each_key_and_no_secret(tmp_path: Path) -> None:
    secret = "0123456789abcdef" * 3
    app = application(
        tmp_path,
        environ={"INSPECTION_WEB__JWT_KEY": secret, "INSPECTION_WEB__PROXY_HOPS": "1"},
        access_minutes=5,
    )
    answer = Caller(app, "ada", "ADMIN").ask("GET", "/settings")
    rows = {row["key"]: row for row in data(answer)["settings"]}
    assert (rows["web.access_minutes"]["value"], rows["web.access_minutes"]["source"]) == (
        5,
        "file",
    )
    assert (rows["web.proxy_hops"]["value"], rows["web.proxy_hops"]["source"]) == (1, "environment")
    assert rows["web.idle_hours"]["source"] == "default"
    assert rows["web.idle_hours"]["description"] == (
        "Hours without a refresh after which a session ends."
    )
    assert [key for key, row in rows.items() if not row["description"]] == []
    assert rows["station.cam1.camera.kind"]["value"] == "synthetic"
    assert (rows["web.jwt_key"]["value"], rows["web.jwt_key"]["secret"]) == (True, True)
    assert rows["web.metrics_token"]["value"] is False
    assert secret not in answer.text


def test_what_a_slow_request_asked_for_is_told_in_one_printable_line(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(headers, "SLOW_S", -1.0)
    app.test_client().get("/x%0d%0aWARNING%20forged%1b[2J%00%e2%80%a8%c2%85%e2%80%ae/" + "y" * 900)
    (line,) = [
        record.getMessage() for record in caplog.records if record.getMessage().startswith("slow: ")
    ]
    assert line.isprintable()
    assert "WARNING forged" in line
    assert len(line) < 1000
