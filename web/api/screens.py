"""Screens: links that open the Run page for whoever only looks.

Each has a token and an account of its own, and is revoked alone.
"""

import hashlib
import secrets

from flask import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Shape, User, utc
from schemas.base import Name, StationId
from web.access import requires
from web.command import check_station
from web.credentials.factor import TokenText
from web.credentials.session import SignedIn, begin
from web.response import ok
from web.site import Site, actor, site

screens = Blueprint("screens", __name__, url_prefix="/api/v1/auth")
UNKNOWN = ("USER_NOT_FOUND",)
PAGE = "/app/screen"


class NewScreen(Shape):
    """A new screen."""

    name: Name = Field(description="What it is called, such as where it hangs.")
    station: StationId | None = Field(
        default=None, description="The station it shows; all if missing."
    )
    calm: bool = Field(default=True, description="Whether colour is kept for what is not well.")


class Opening(Shape):
    """A screen that begins."""

    token: TokenText = Field(description="The token of its link.")


class Screen(TypedDict):
    """A screen; `seen_at` is null while it does not run."""

    id: str
    name: str
    made_at: str
    seen_at: str | None


class MadeScreen(Screen):
    """A new screen with its link, told this once: only a hash of its token is kept."""

    path: str


@screens.get("/screens")
@requires("ADMIN", data=list[Screen])
def all_screens() -> Response:
    """Every screen, and when it was seen last."""
    here = site()
    return ok([_shown(here, user) for user in here.users.list() if user.screen is not None])


@screens.post("/screens")
@requires(
    "ADMIN",
    body=NewScreen,
    data=MadeScreen,
    status=201,
    codes=("STATION_NOT_FOUND", "USER_INVALID"),
)
def add(body: NewScreen) -> Response:
    """Make a screen: a link that sees the Run page, and nothing else, until it is revoked."""
    here = site()
    if body.station is not None:
        check_station(body.station)
    token = secrets.token_urlsafe(32)
    with here.audited("screen.add", body.name, station=body.station):
        user = here.users.add_screen(body.name, digest(token))
    station = f"&station={body.station}" if body.station is not None else ""
    calm = "&calm=true" if body.calm else ""
    return ok({**_shown(here, user), "path": f"{PAGE}#token={token}{station}{calm}"}, "", 201)


@screens.delete("/screens/<id>")
@requires("ADMIN", codes=UNKNOWN)
def revoke(id: str) -> Response:
    """Revoke a screen: its link no longer works, and what it shows ends."""
    here = site()
    user = here.users.get(id)
    if user.screen is None:
        raise Problem("USER_NOT_FOUND", f"{id!r:.80} is no screen")
    with here.audited("screen.revoke", user.id, name=user.name):
        here.users.remove(user.id)
    here.accounts.end_all(user.id, "session.void", actor())
    return ok(None, f"{user.name} is revoked")


@screens.post("/screen")
@requires("PUBLIC", body=Opening, limit="auth", data=SignedIn, codes=("TOKEN_INVALID",))
def open_(body: Opening) -> Response:
    """Open a screen with the token of its link: a session in cookies that sees only the Run
    page."""
    here = site()
    wanted = digest(body.token)
    for user in here.users.list():
        if (
            user.screen is not None
            and secrets.compare_digest(user.screen, wanted)
            and not user.disabled
        ):
            return begin(here, user, in_body=False, in_cookies=True)
    here.accounts.record(action="screen.failed", target="", details={}, **actor())
    raise Problem("TOKEN_INVALID", "this link was revoked, or is incomplete")


def digest(token: str) -> str:
    """What is stored of a screen's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _shown(here: Site, user: User) -> Screen:
    sessions = here.accounts.sessions(user.id)
    seen = utc(sessions[0].seen_at) if sessions else None
    return {"id": user.id, "name": user.name, "made_at": user.created_at, "seen_at": seen}
