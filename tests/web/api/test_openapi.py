"""The OpenAPI document against the application: schemathesis sends every route what it says it
takes, and what it does not.

The examples are few and the same at every run: a net for what nobody thought of, not a search.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.ledgers import fill, result_id
from web.site import NAME

pytestmark = pytest.mark.slow

PLAIN = {"Accept-Encoding": "identity"}
AWAY = {503: {"BROKER_AWAY", "BUSY"}, 504: {"NODE_AWAY"}}
CHECKS = [
    checks.content_type_conformance,
    checks.status_code_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
PROGRAM = {
    "schema": "program/1",
    "id": "bottle-cap",
    "name": "Bottle cap",
    "tools": [
        {
            "kind": "brightness",
            "name": "light",
            "region": {"x": 10, "y": 10, "width": 50, "height": 50},
            "low": 1.0,
        }
    ],
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "state").mkdir()
    fill(folder / "state" / "ledger.db", 2000)
    made = application(folder)
    assert Someone(made, "ADMIN").ask("POST", "/programs", json=PROGRAM).status_code == 201
    yield made
    made.extensions[NAME].close()


@pytest.fixture(scope="module")
def described(app: Flask) -> Any:
    schema = schemathesis.openapi.from_dict(
        app.test_client().get("/api/v1/openapi.json", headers=PLAIN).json
    )
    schema.app = app
    return schema


def known(app: Flask, path: str) -> dict[str, Any]:
    """Values of path parameters that exist."""
    values = {
        "station": "cam1",
        "result_id": result_id(7),
        "session": "none",
        "code": "DISK_SPACE",
        "name": "result.json" if "/schemas/" in path else f"{result_id(7)}.jpg",
        "output": "ok",
        "id": "bottle-cap",
    }
    if "/users/" in path:
        values["id"] = Someone(app, "VIEWER").user.id
    return {name: value for name, value in values.items() if f"{{{name}}}" in path}


def operations(described: Any) -> list[Any]:
    """All but the stream, which does not end."""
    found = [each.ok() for each in described.get_all_operations()]
    return [each for each in found if each.path != "/api/v1/events"]


def asked(case: Case, headers: dict[str, str]) -> int:
    """The status of an answer that is as the document says."""
    response = case.call(headers={**PLAIN, **headers})
    status = response.status_code
    if status >= 500:
        assert json.loads(response.content)["error"] in AWAY.get(status, ()), (
            case.as_curl_command(),
            response.content[:500],
        )
    else:
        if status != 204:
            case.validate_response(response, checks=CHECKS)
        assert str(status) in case.operation.definition.raw["responses"], (
            status,
            case.as_curl_command(),
        )
    return status


POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE


@pytest.mark.parametrize(
    ("mode", "there", "examples"), [(POSITIVE, True, 3), (NEGATIVE, True, 3), (POSITIVE, False, 1)]
)
def test_every_route_answers_an_administrator_as_the_document_says(
    app: Flask, described: Any, mode: GenerationMode, there: bool, examples: int
) -> None:
    wrong = []
    admin, statuses = Someone(app, "ADMIN"), list[int]()
    for operation in operations(described):
        # after wrong passwords soon no more are looked at; and one may have ended the own session
        if 401 in statuses or admin.ask("GET", "/auth/me").status_code != 200:
            admin = Someone(app, "ADMIN")
        statuses.clear()
        given_ = {"path_parameters": path} if there and (path := known(app, operation.path)) else {}
        try:
            each(
                operation,
                mode,
                examples,
                lambda case, who=admin: statuses.append(asked(case, who.headers)),
                **given_,
            )
        except (FailureGroup, AssertionError) as error:
            wrong.append(f"{operation.label}: {error}")
    assert not wrong, "\n\n".join(wrong)


def test_every_route_answers_a_stranger_as_the_document_says(described: Any) -> None:
    for operation in operations(described):
        public = operation.definition.raw["security"] == []
        statuses: list[int] = []
        each(operation, POSITIVE, 1, lambda case, found=statuses: found.append(asked(case, {})))
        assert public or set(statuses) == {401}, operation.label


def each(
    operation: Any, mode: GenerationMode, examples: int, ask: Callable[[Case], Any], **more: Any
) -> None:
    """Try some cases of an operation."""

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode, **more))
    def run(case: Case) -> None:
        ask(case)

    with suppress(Unsatisfiable):  # a route with nothing to get wrong
        run()
