"""Environment variables over a settings file: INSPECTION_BROKER__URL,
INSPECTION_STATION__CAM1__MAX_AGE_MS.

The models tell which keys exist and whether a value is text; everything else is written as in TOML.
`__` separates keys; a station is named by its id with `-` as `_`.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from schemas.settings import Settings, StationSettings

PREFIX = "INSPECTION_"
Raw = dict[str, Any]
Refuse = Callable[[str], None]


def apply(raw: Raw, environ: Mapping[str, str], refuse: Refuse) -> dict[str, str]:
    """Put the variables into the values of the file; returns which variable set each key path.
    `refuse` takes complaints."""
    given: dict[str, str] = {}
    # the kind decides which keys exist
    for name in sorted(environ, key=lambda name: (not name.endswith("__KIND"), name)):
        if name.startswith(PREFIX) and not is_secret_variable(name):
            try:
                given[
                    ".".join(_put(raw, Settings, name.removeprefix(PREFIX), environ[name], ()))
                ] = name
            except ValueError as error:
                refuse(f"{name}: {error}")
    return given


def secrets(
    model: type[BaseModel] = Settings, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The key paths that hold a secret."""
    for key, field in model.model_fields.items():
        for kind in kinds_of(field.annotation):
            if kind is SecretStr:
                yield (*path, key)
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from secrets(kind, (*path, key))


def variable(path: tuple[str, ...]) -> str:
    """The environment variable of a key path."""
    return PREFIX + "__".join(part.replace("-", "_").upper() for part in path)


def is_secret_variable(name: str) -> bool:
    """Whether a variable gives a secret, itself or by a file."""
    return name.removesuffix("_FILE") in {variable(path) for path in secrets()}


def _put(
    table: Raw, model: type[BaseModel], rest: str, text: str, path: tuple[str, ...]
) -> tuple[str, ...]:
    """Set the key that `rest` names in a table of a model; returns the whole key path. Raises
    ValueError."""
    head, _, tail = rest.partition("__")
    key = head.lower()
    if key not in model.model_fields:
        raise ValueError(
            f"there is no key {'.'.join((*path, key))}; there are {', '.join(model.model_fields)}"
        )
    path = (*path, key)
    kinds = kinds_of(model.model_fields[key].annotation)
    if not tail:
        table[key] = text if _is_text(kinds) else _value(text)
        return path
    if key == "station":
        return _put_station(table.get("station"), tail, text)
    inner = model_of(kinds, table.get(key))
    if inner is None and any(get_origin(kind) is dict for kind in kinds):
        table[key] = dict(table[key]) if isinstance(table.get(key), dict) else {}
        table[key][tail.upper()] = _value(text)
        return (*path, tail.upper())
    if inner is None:
        raise ValueError(f"{'.'.join(path)} has no keys of its own")
    below = table.get(key)
    if isinstance(below, int) and "line" in inner.model_fields:
        below = {"line": below}
    table[key] = dict(below) if isinstance(below, dict) else {}
    if below is None and "kind" in inner.model_fields and not model.model_fields[key].is_required():
        table[key]["kind"] = inner.model_fields["kind"].default
    return _put(table[key], inner, tail, text, path)


def _put_station(stations: Any, rest: str, text: str) -> tuple[str, ...]:
    tables = (
        [table for table in stations if isinstance(table, dict)]
        if isinstance(stations, list)
        else []
    )
    names = {str(table.get("id")).replace("-", "_").upper(): table for table in tables}
    for name in sorted(names, key=len, reverse=True):
        if rest.startswith(name + "__"):
            station = str(names[name]["id"])
            return _put(
                names[name],
                StationSettings,
                rest.removeprefix(name + "__"),
                text,
                ("station", station),
            )
    raise ValueError(
        "there is no such station; there are"
        f" {', '.join(str(t.get('id')) for t in tables) or 'none'}"
    )


def kinds_of(annotation: Any) -> list[Any]:
    """The members of a union, without Annotated and None."""
    if get_origin(annotation) is Annotated:
        return kinds_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in kinds_of(member)]
    return [] if annotation is type(None) else [annotation]


def _is_text(kinds: list[Any]) -> bool:
    return all(
        kind in (str, SecretStr)
        or (
            get_origin(kind) is Literal
            and all(isinstance(choice, str) for choice in get_args(kind))
        )
        for kind in kinds
    )


def model_of(kinds: list[Any], table: Any) -> type[BaseModel] | None:
    """The model whose keys a table has: the only one, or the one of the table's kind."""
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    if len(models) < 2:
        return models[0] if models else None
    kind = table.get("kind") if isinstance(table, dict) else None
    named = [model for model in models if model.model_fields["kind"].default == kind]
    if named:
        return named[0]
    first: type[BaseModel] = models[0]  # without a kind the first stands for all: it has `kind` too
    return first


def _value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        parsed = {}
    if list(parsed) != ["value"]:
        raise ValueError(
            f'{text!r:.80} is not a TOML value; write a number, true, false, "text", [list] or'
            " {table}"
        )
    return parsed["value"]
