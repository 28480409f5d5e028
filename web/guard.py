"""Before each request: who is asking, whether they may, and whether too often. Denies by
default."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask

from schemas import Problem
from web import limits
from web.access import access_of
from web.identity import identify
from web.site import NAME, Site, asked

F = TypeVar("F", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Guard every route of an application."""
    here: Site = app.extensions[NAME]

    def guard() -> None:
        """Raises Problem SIGN_IN_REQUIRED, PERMISSION_DENIED, TOKEN_..., CROSS_SITE,
        RATE_LIMITED."""
        coming, this = asked()
        access = access_of(app, coming.endpoint)
        refused: Exception | None = None
        if coming.url_rule is not None and coming.method != "OPTIONS":
            if access is None:
                refused = Problem("PERMISSION_DENIED", "this route declares no role")
            else:
                try:
                    identify(here, coming, this, access.level)
                except Exception as error:  # an unexpected error is a refusal too, and counts
                    refused = error
        person = this.get("person")
        # what is refused counts too
        limits.count(app, access, coming, person.id if person else None)
        if refused is not None:
            raise refused

    app.before_request(guard)
    app.ensure_sync = _as_it_is  # type: ignore[assignment, method-assign]


def _as_it_is(function: F) -> F:
    """No function of ours is a coroutine, and Flask would look at each of them at every request."""
    return function
