"""The faults of settings in words: which key, what it says, what is allowed, and where it came
from."""

import difflib
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from schemas.base import plain
from schemas.settings import Settings, StationSettings
from schemas.settings.override import Raw, kinds_of, model_of

PRIVATE = re.compile(r"pass|pwd|secret|token|credential|key$", re.IGNORECASE)


def told_faults(error: ValidationError, raw: Raw, variables: dict[str, str]) -> list[str]:
    """Each error of the models as `key: value is not allowed: what is`, those of one key
    together."""
    told: dict[str, list[str]] = {}
    values: dict[str, str] = {}
    for item in error.errors(include_url=False, include_context=False):
        steps, model = _steps(item["loc"], raw, missing=item["type"] == "missing")
        key = ".".join(steps) or "settings"
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            known = [name for name in (model.model_fields if model else {})]
            near = difflib.get_close_matches(steps[-1], known, 1)
            message = (
                f"unknown key{f', did you mean {near[0]}' if near else ''}; there are"
                f" {', '.join(known)}"
            )
            if any(PRIVATE.search(word) for word in near):
                values[key] = ""
        elif item["type"] == "missing":
            message = "missing"
        values.setdefault(key, _shown(steps, item))
        told.setdefault(key, []).append(message)
    lines = []
    for key, messages in told.items():
        if any(other.startswith(f"{key}.") for other in told):
            # the same mistake, as seen by another member of a union or by the list around it
            continue
        source = next(
            (
                f" (from {name})"
                for k, name in variables.items()
                if key == k or key.startswith(f"{k}.")
            ),
            "",
        )
        lines.append(f"{key}: {values[key]}{' or '.join(dict.fromkeys(messages))}{source}")
    return lines


def _shown(steps: list[str], item: Any) -> str:
    """The value, unless it is a table or may be a secret."""
    value = item["input"]
    if (
        item["type"] == "missing"
        or isinstance(value, dict | list | tuple)
        or any(PRIVATE.search(step) for step in steps[-1:])
    ):
        return ""
    return f"{re.sub(r'//[^/@]*@', '//***@', plain(repr(value), 100))} is not allowed: "


def _steps(
    loc: tuple[int | str, ...], raw: Any, *, missing: bool
) -> tuple[list[str], type[BaseModel] | None]:
    """The key path of an error, stations by id and without the names of union members; and the
    model of its table."""
    steps: list[str] = []
    model: type[BaseModel] | None = Settings
    at: Any = raw
    kinds: list[Any] = [Settings]
    for n, part in enumerate(loc):
        if isinstance(at, dict) and (part in at or (missing and n == len(loc) - 1)):
            model = model_of(kinds, at)
            field = model.model_fields.get(str(part)) if model else None
            kinds = kinds_of(field.annotation) if field else []
            at = at.get(part)
            steps.append(str(part))
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at = at[part]
            kinds = [StationSettings]
            steps.append(str(at.get("id", part)) if isinstance(at, dict) else str(part))
    return steps, model
