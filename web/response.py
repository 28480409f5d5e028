"""Answers: one envelope for what went well and one for what did not."""

import gzip
import json
from typing import Any

from flask import Response
from pydantic import BaseModel

from schemas import CATALOGUE, Problem

JSON = "application/json"
LEAST = 1024  # bytes that are worth compressing
LEVEL = 5


def ok(data: Any = None, message: str = "", status: int = 200) -> Response:
    """`{"success":true,"data":...,"message":...}`; models in `data` become JSON by their
    aliases."""
    return document({"success": True, "data": data, "message": message}, status)


def fail(problem: Problem, status: int | None = None, **details: Any) -> Response:
    """`{"success":false,"error":CODE,"message":...,"details":{...}}`, with the HTTP status of the
    catalogue unless given."""
    entry = CATALOGUE[problem.code]
    body = {
        "success": False,
        "error": problem.code,
        "message": problem.message,
        "details": {"advice": entry.advice, **problem.details, **details},
    }
    answer = document(body, status or entry.http_status)
    wait_s = body["details"].get("retry_after_s")  # type: ignore[attr-defined]
    if wait_s is not None:
        answer.headers["Retry-After"] = str(max(1, int(wait_s)))
    return answer


def document(value: Any, status: int = 200, mimetype: str = JSON) -> Response:
    """Any JSON document, without the envelope."""
    return Response(_ENCODER.encode(value), status, mimetype=mimetype)


def written(data: bytes, status: int = 200) -> Response:
    """The envelope around data that is JSON already."""
    return Response(envelope(data), status, content_type=JSON)


def envelope(data: bytes) -> bytes:
    """As `written`, before it is a response."""
    return b'{"success":true,"data":' + data + b',"message":""}'


def packed(data: bytes) -> bytes:
    """Compressed, for clients that take gzip; the same bytes give the same result."""
    return gzip.compress(data, LEVEL, mtime=0)


def as_json(value: Any) -> bytes:
    """Data in the form that `written` takes."""
    return _ENCODER.encode(value).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_ENCODER = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
)
