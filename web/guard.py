"""Before each request: who asks, may they, and not too often. Denies by default."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g, request

from schemas import Problem
from web import limits
from web.access import access_of
from web.identity import identify

F = TypeVar("F", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Guard every route of an application."""
    app.before_request(_guard)
    app.ensure_sync = _as_it_is  # type: ignore[assignment, method-assign]


def _as_it_is(function: F) -> F:
    """No function of ours is a coroutine, and Flask would look at each of them at every request."""
    return function


def _guard() -> None:
    """Raises Problem SIGN_IN_REQUIRED, PERMISSION_DENIED, TOKEN_..., CROSS_SITE, RATE_LIMITED."""
    access = access_of(current_app, request.endpoint)
    refused: Problem | None = None
    if request.url_rule is not None and request.method != "OPTIONS":
        if access is None:
            refused = Problem("PERMISSION_DENIED", "this route declares no role")
        else:
            try:
                identify(access.level)
            except Problem as problem:
                refused = problem
    person = g.get("person")
    limits.count(access, request.endpoint or "", person.id if person else None)  # what is refused counts too
    if refused is not None:
        raise refused
