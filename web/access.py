"""Who may do what: each route names the role it asks for, and a route that names none is closed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, ParamSpec

from flask import Flask, g
from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from schemas import Problem
from schemas.user import AnyRole
from web.body import read_body, read_query

Level = Literal["PUBLIC", "METRICS", "SCREEN", "VIEWER", "OPERATOR", "ADMIN"]
RANK: dict[str, int] = {"SCREEN": 0, "VIEWER": 1, "OPERATOR": 2, "ADMIN": 3}
P = ParamSpec("P")
View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True)
class Access:
    """What a route asks for and what it takes and gives: checked at each request, and shown in the
    OpenAPI document."""

    level: Level
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    data: Any = None
    limit: str | None = None
    max_bytes: int | None = None
    takes: Mapping[str, Any] = field(default_factory=dict)
    gives: tuple[str, ...] = ()
    status: int = 200
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """Who is signed in: account and session ids. `bearer`: by an Authorization header, not by
    cookie."""

    id: str
    username: str
    name: str
    role: AnyRole
    session: str
    bearer: bool


def requires(
    level: Level,
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    data: Any = None,
    limit: str | None = None,
    max_bytes: int | None = None,
    takes: Mapping[str, Any] | None = None,
    gives: tuple[str, ...] = (),
    status: int = 200,
    codes: tuple[str, ...] = (),
) -> Callable[[Callable[P, ResponseReturnValue]], View]:
    """Declare a route's role, below its `@blueprint.route`.

    PUBLIC: anybody. METRICS: the metrics token or whoever is signed in. SCREEN: also a screen
    that only looks. VIEWER, OPERATOR, ADMIN: that role or a higher. body, query: models that
    are read strictly and handed to the view as keyword arguments of these names. limit: instead
    of the one for all routes: "off", "auth", "trigger", or one like "600 per minute", per
    person or address. max_bytes: largest request, 64 kB if None. For the OpenAPI document:
    data: type of the answer's data; takes: content types of a body that the view reads itself,
    each with its type; gives: content types of an answer without the envelope, an empty one for
    204; status: of an answer that went well; codes: refusals of its own.
    """
    access = Access(level, body, query, data, limit, max_bytes, takes or {}, gives, status, codes)

    def declare(view: Callable[P, ResponseReturnValue]) -> View:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if query is not None:
                kwargs["query"] = read_query(query)
            if body is not None:
                kwargs["body"] = read_body(body)
            return view(*args, **kwargs)

        checked.access = access  # type: ignore[attr-defined]
        return checked

    return declare


def access_of(app: Flask, endpoint: str | None) -> Access | None:
    """What an endpoint declares, or None."""
    return getattr(app.view_functions.get(endpoint or ""), "access", None)


def current() -> Person:
    """Who is signed in. Raises Problem SIGN_IN_REQUIRED."""
    person: Person | None = g.get("person")
    if person is None:
        raise Problem("SIGN_IN_REQUIRED")
    return person


def allowed(person: Person, level: Level) -> bool:
    """Whether a person may use a route of this level."""
    if level == "METRICS":
        return person.role != "SCREEN"
    return level == "PUBLIC" or RANK[person.role] >= RANK[level]
