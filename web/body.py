"""What a request asks for: bodies and queries, read strictly; a key that the model does not have is
refused."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from schemas import Problem, read_json
from schemas.base import explain, plain

MAX_BODY_BYTES = 64 * 1024
PRIVATE = ("password", "token", "code")
M = TypeVar("M", bound=BaseModel)


def read_body(model: type[M]) -> M:
    """The request's JSON object as a model. Raises Problem CONTENT_TYPE, BAD_JSON,
    VALIDATION_FAILED."""
    data = request.get_data(cache=False)
    if not data and not any(field.is_required() for field in model.model_fields.values()):
        return model()
    if (
        request.mimetype != "application/json"
        or request.headers.get("Content-Encoding", "identity") != "identity"
    ):
        raise Problem("CONTENT_TYPE", "send application/json, not compressed")
    value = read_json(data, limit=request.max_content_length or MAX_BODY_BYTES)
    if not isinstance(value, dict):
        raise Problem("VALIDATION_FAILED", "the document is not an object")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def read_query(model: type[M]) -> M:
    """The query string as a model, whose numbers and booleans are written as text. Raises Problem
    VALIDATION_FAILED."""
    values: dict[str, str] = {}
    for key, given in request.args.lists():
        if len(given) != 1:
            raise Problem("VALIDATION_FAILED", f"{plain(key, 40)} is given more than once")
        if "\0" in given[0] or "�" in given[0] or len(given[0]) > 1000:
            raise Problem(
                "VALIDATION_FAILED",
                f"{plain(key, 40)} is not plain text of at most 1000 characters",
            )
        values[key] = given[0]
    try:
        return model.model_validate_strings(values)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError) -> Problem:
    """What a model refused, in one line and by field; passwords and tokens are not repeated."""
    items = error.errors(include_url=False)[:20]
    fields = {
        plain(".".join(map(str, item["loc"])) or "(top)", 80): plain(item["msg"], 200)
        for item in items
    }
    if any(word in str(part) for item in items for part in item["loc"] for word in PRIVATE):
        return Problem(
            "VALIDATION_FAILED",
            "; ".join(f"{key}: {message}" for key, message in fields.items()),
            fields=fields,
        )
    return Problem("VALIDATION_FAILED", explain(error), fields=fields)
