"""The API described: OpenAPI 3.1 from the routes and their models; AsyncAPI and JSON Schemas as
they are generated."""

import json
import re
import threading
from functools import lru_cache
from inspect import getdoc
from typing import Any

from flask import Blueprint, Flask, Response, current_app
from pydantic import BaseModel, TypeAdapter
from werkzeug.routing import Rule

from broker.asyncapi import texts
from schemas import CATALOGUE, Problem
from web.access import Access, access_of, requires
from web.kept import TURN_S
from web.program_checks import ETAG
from web.response import JSON, ok
from web.site import installed

openapi = Blueprint("openapi", __name__, url_prefix="/api/v1")
REF = "#/components/schemas/{model}"
TYPES = {
    "IntegerConverter": {"type": "integer", "minimum": 0},
    "FloatConverter": {"type": "number"},
}
SIGNED: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
FORM = "multipart/form-data"
ONE_FILE = {
    "type": "object",
    "required": ["file"],
    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
}
ERROR = {
    "type": "object",
    "required": ["success", "error", "message", "details"],
    "properties": {
        "success": {"const": False},
        "error": {"enum": sorted(CATALOGUE)},
        "message": {"type": "string"},
        "details": {"type": "object"},
    },
}


_making = threading.Lock()


@openapi.get("/openapi.json")
@requires("PUBLIC", gives=(JSON,), codes=("BUSY",))
def show() -> Response:
    """This API as OpenAPI 3.1."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    # making it takes a second of CPU, so it is never made by several threads at once
    if not _making.acquire(timeout=TURN_S):
        raise Problem("BUSY", "the description is being made")
    try:
        return Response(_described(app), mimetype=JSON)
    finally:
        _making.release()


@openapi.get("/asyncapi.json")
@requires("PUBLIC", gives=(JSON,))
def asyncapi() -> Response:
    """The topics as AsyncAPI 3."""
    return Response(texts()["asyncapi"], mimetype=JSON)


@openapi.get("/schemas/")
@requires("PUBLIC", data=list[str])
def schemas() -> Response:
    """The names of the JSON Schemas."""
    return ok([name for name in texts() if name != "asyncapi"])


@openapi.get("/schemas/<name>")
@requires("PUBLIC", gives=("application/schema+json",))
def schema(name: str) -> Response:
    """One JSON Schema."""
    text = texts().get(name.removesuffix(".json"))
    if text is None or name == "asyncapi":
        raise Problem("NOT_FOUND", "see /api/v1/schemas/ for their names")
    return Response(text, mimetype="application/schema+json")


@openapi.get("/errors")
@requires("VIEWER", data=list[dict[str, Any]])
def errors() -> Response:
    """The catalogue of errors: code, HTTP status, message and what to do."""
    rows = CATALOGUE.items()
    return ok(
        [
            {"code": key, "status": row.http_status, "message": row.message, "advice": row.advice}
            for key, row in rows
        ]
    )


def describe(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of an application, from its route map; pages are not part of the API."""
    shapes: dict[str, Any] = {"Error": ERROR}
    paths: dict[str, Any] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        access = access_of(app, rule.endpoint)
        if access is None or not (
            rule.rule.startswith("/api/") or rule.endpoint.startswith("health.")
        ):
            continue
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(
                app, rule, method, access, shapes
            )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "inspection-node",
            "version": installed(),
            "description": "Vision inspection: programs, results, stations, accounts.",
        },
        "paths": paths,
        "components": {
            "schemas": shapes,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-inspection-access"},
            },
        },
    }


def _operation(
    app: Flask, rule: Rule, method: str, access: Access, shapes: dict[str, Any]
) -> dict[str, Any]:
    said = " ".join((getdoc(app.view_functions[rule.endpoint]) or rule.endpoint).split())
    summary, _, rest = said.partition(". ")
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{rule.rule}").strip("_"),
        "summary": summary.rstrip("."),
        "description": f"{rest} Role: {access.level}.".strip(),
        "tags": [rule.endpoint.partition(".")[0]],
        "security": [] if access.level == "PUBLIC" else SIGNED,
        "parameters": [*_path(rule), *_query(access.query, shapes), *_headers(rule, access)],
        "responses": {
            str(access.status): {"description": "Done.", "content": _content(access, shapes)},
            **({"204": {"description": "There is none yet."}} if "" in access.gives else {}),
            **_refusals(rule, method, access),
        },
    }
    if access.body is not None:
        required = any(field.is_required() for field in access.body.model_fields.values())
        operation["requestBody"] = {
            "required": required,
            "content": {JSON: {"schema": _ref(access.body, shapes)}},
        }
    elif access.takes:
        content = {
            kind: {"schema": {} if model is bytes else _ref(model, shapes)}
            for kind, model in access.takes.items()
        }
        if bytes in access.takes.values():
            content[FORM] = {"schema": ONE_FILE}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _content(access: Access, shapes: dict[str, Any]) -> dict[str, Any]:
    if access.gives:
        return {kind: {"schema": {}} for kind in access.gives if kind}
    data = {"type": "null"} if access.data is None else _ref(access.data, shapes)
    envelope = {"success": {"const": True}, "data": data, "message": {"type": "string"}}
    return {JSON: {"schema": {"type": "object", "required": [*envelope], "properties": envelope}}}


def _refusals(rule: Rule, method: str, access: Access) -> dict[str, Any]:
    """The codes that a route refuses with, by status; a question to the node may bring others."""
    codes = {"BAD_REQUEST", "TOO_LARGE", "HOST_REFUSED", "STORE_FAILED", "INTERNAL", *access.codes}
    if access.limit != "off":
        codes.add("RATE_LIMITED")
    if access.level != "PUBLIC":
        codes |= {"SIGN_IN_REQUIRED", "TOKEN_INVALID", "TOKEN_EXPIRED", "PERMISSION_DENIED"}
    if method != "GET":
        codes.add("CROSS_SITE")
    if rule.arguments:
        codes |= {"NOT_FOUND", "VALIDATION_FAILED"}
    if access.query is not None:
        codes.add("VALIDATION_FAILED")
    if access.body is not None or access.takes:
        codes |= {"BAD_JSON", "CONTENT_TYPE", "VALIDATION_FAILED"}
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(CATALOGUE[code].http_status, []).append(code)
    refused = {JSON: {"schema": {"$ref": REF.format(model="Error")}}}
    return {
        **{
            str(status): {"description": ", ".join(named), "content": refused}
            for status, named in sorted(by_status.items())
        },
        "default": {"description": "Any other code of the catalogue.", "content": refused},
    }


def _headers(rule: Rule, access: Access) -> list[dict[str, Any]]:
    required = "PRECONDITION_REQUIRED" in access.codes
    if "PROGRAM_CONFLICT" not in access.codes or "id" not in rule.arguments:
        return []
    schema = {"type": "string", "pattern": ETAG.pattern}
    return [
        {
            "name": "If-Match",
            "in": "header",
            "required": required,
            "description": "The ETag that was read.",
            "schema": schema,
        }
    ]


def _path(rule: Rule) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": TYPES.get(type(rule._converters[name]).__name__, {"type": "string"}),
        }
        for name in sorted(rule.arguments)
    ]


def _query(model: type[BaseModel] | None, shapes: dict[str, Any]) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema(by_alias=True, ref_template=REF)
    shapes.update(schema.pop("$defs", {}))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
            "schema": {
                key: value for key, value in field.items() if key not in ("description", "title")
            },
        }
        for name, field in schema["properties"].items()
    ]


def _ref(model: Any, shapes: dict[str, Any]) -> dict[str, Any]:
    """A reference to a model or table of names, which is put into `shapes`; the schema itself of
    anything else."""
    name = (
        getattr(model, "__name__", "")
        if isinstance(model, type) and model.__module__ != "builtins"
        else ""
    )
    if not name or name not in shapes:
        schema = TypeAdapter(model).json_schema(by_alias=True, ref_template=REF)
        shapes.update(schema.pop("$defs", {}))
        if not name:
            return schema
        shapes[name] = schema
    return {"$ref": REF.format(model=name)}


@lru_cache(maxsize=8)
def _described(app: Flask) -> str:
    """The routes of an application do not change any more once it answers."""
    return json.dumps(describe(app), ensure_ascii=False, separators=(",", ":"))
