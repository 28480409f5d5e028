"""The API described: OpenAPI 3.1 from the routes and their models; AsyncAPI and JSON Schemas as they are generated."""

import re
from functools import cache
from importlib.resources import files
from inspect import getdoc
from typing import Any

from flask import Blueprint, Flask, Response, current_app
from pydantic import BaseModel
from werkzeug.routing import Rule

from schemas import CATALOGUE, Problem
from web.access import Access, access_of, requires
from web.reply import JSON, document, ok
from web.start import installed

openapi = Blueprint("openapi", __name__, url_prefix="/api/v1")
REF = "#/components/schemas/{model}"
TYPES = {"IntegerConverter": {"type": "integer", "minimum": 0}, "FloatConverter": {"type": "number"}}
SIGNED: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
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


@openapi.get("/openapi.json")
@requires("PUBLIC")
def show() -> Response:
    """This API as OpenAPI 3.1."""
    return document(describe(current_app))


@openapi.get("/asyncapi.json")
@requires("PUBLIC")
def asyncapi() -> Response:
    """The topics as AsyncAPI 3."""
    return Response(_texts()["asyncapi"], mimetype=JSON)


@openapi.get("/schemas/")
@requires("PUBLIC")
def schemas() -> Response:
    """The names of the JSON Schemas."""
    return ok([name for name in _texts() if name != "asyncapi"])


@openapi.get("/schemas/<name>")
@requires("PUBLIC")
def schema(name: str) -> Response:
    """One JSON Schema."""
    text = _texts().get(name.removesuffix(".json"))
    if text is None or name == "asyncapi":
        raise Problem("NOT_FOUND", "see /api/v1/schemas/ for their names")
    return Response(text, mimetype="application/schema+json")


def describe(app: Flask) -> dict[str, Any]:
    """The OpenAPI document of an application, from its route map."""
    shapes: dict[str, Any] = {"Error": ERROR}
    paths: dict[str, Any] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        access = access_of(app, rule.endpoint)
        if access is None:
            continue
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(app, rule, method, access, shapes)
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


def _operation(app: Flask, rule: Rule, method: str, access: Access, shapes: dict[str, Any]) -> dict[str, Any]:
    said = " ".join((getdoc(app.view_functions[rule.endpoint]) or rule.endpoint).split())
    summary, _, rest = said.partition(". ")
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{rule.rule}").strip("_"),
        "summary": summary.rstrip("."),
        "description": f"{rest} Role: {access.level}.".strip(),
        "tags": [rule.endpoint.partition(".")[0]],
        "security": [] if access.level == "PUBLIC" else SIGNED,
        "parameters": [*_path(rule), *_query(access.query, shapes)],
        "responses": {
            "default": {"description": "Refused.", "content": {JSON: {"schema": {"$ref": REF.format(model="Error")}}}},
            "200": {"description": "Done.", "content": {JSON: {"schema": _envelope(access.data, shapes)}}},
        },
    }
    if access.body is not None:
        required = any(field.is_required() for field in access.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": {JSON: {"schema": _ref(access.body, shapes)}}}
    return operation


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
            "schema": {key: value for key, value in field.items() if key not in ("description", "title")},
        }
        for name, field in schema["properties"].items()
    ]


def _envelope(model: type[BaseModel] | None, shapes: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "success": {"const": True},
            "data": _ref(model, shapes) if model is not None else {},
            "message": {"type": "string"},
        },
    }


def _ref(model: type[BaseModel], shapes: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, ref_template=REF)
    shapes.update(schema.pop("$defs", {}))
    shapes[model.__name__] = schema
    return {"$ref": REF.format(model=model.__name__)}


@cache
def _texts() -> dict[str, str]:
    """The generated files by name."""
    folder = files("schemas").joinpath("json")
    return {
        entry.name.removesuffix(".json"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".json")
    }
