"""Signing in and out, refreshing, one's own password and sessions, and the first account."""

from typing import Annotated, Any

from flask import Blueprint, Response, current_app, g, request
from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from schemas import Problem, Shape, utc
from schemas.base import Name
from schemas.store.accounts.sessions import AccountSession
from schemas.user import UserName
from web import csrf
from web.access import Person, current, requires
from web.credentials import cookies, setup, tokens
from web.credentials.factor import Factor, Password, TokenText
from web.credentials.password import hash_password, words_of
from web.credentials.proof import PROOF, prove, refuse_unused
from web.credentials.session import (
    Account,
    SignedIn,
    acting,
    begin,
    facts,
    idle_s,
    refresh_token_of,
    signed_in,
)
from web.identity import account_of, holds
from web.limits import guessed_nothing
from web.response import ok
from web.site import Site, actor, site

auth = Blueprint("auth", __name__, url_prefix="/api/v1/auth")
TOKENS = ("SIGN_IN_REQUIRED", "TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REUSED")


class Whose(Shape):
    """Whose sessions."""

    user: str | None = None
    all: bool = False


class Me(Account):
    """Who is signed in."""

    session: str
    twofactor: bool
    totp: bool
    passkeys: int
    recovery_codes_left: int
    csrf_token: str


class SessionRow(TypedDict):
    """A session that has not ended."""

    id: str
    user: str
    username: str | None
    created_at: str
    seen_at: str
    until: str
    address: str
    agent: str
    current: bool


class Ended(TypedDict):
    """How many sessions have ended."""

    ended: int


class SignIn(Factor):
    """Signing in."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(
        description="User name."
    )
    password: Password = Field(description="Password.")
    tokens: bool = Field(
        default=True, description="Whether the answer holds the tokens too; false: in cookies only."
    )


class Refresh(Shape):
    """Replacing tokens: the refresh token here, or in the cookie."""

    refresh_token: TokenText | None = Field(
        default=None, description="The refresh token; the cookie's if missing."
    )


class ChangePassword(Factor):
    """Another password for oneself, with the second factor where it is on. All other sessions
    end."""

    old_password: Password = Field(description="The password so far.")
    new_password: Password = Field(
        description="12 to 128 characters, and not one of the first that are guessed."
    )


class Setup(Shape):
    """The first administrator."""

    token: TokenText = Field(description="The one-time token that the start has printed.")
    username: UserName = Field(description="User name.")
    name: Name | None = Field(
        default=None, description="Name for people; the user name if missing."
    )
    password: Password = Field(
        description="12 to 128 characters, and not one of the first that are guessed."
    )


@auth.post("/login")
@requires(
    "PUBLIC", body=SignIn, limit="auth", data=SignedIn, codes=(*PROOF, "PASSWORD_EXPIRED", "BUSY")
)
def login(body: SignIn) -> Response:
    """Sign in; the tokens are in cookies, and in the answer unless `tokens` is false."""
    here = site()
    try:
        user = prove(here, body.username, body.password, body)
    except Problem as problem:
        if problem.code in ("TWO_FACTOR_REQUIRED", "BUSY"):  # the second step will count
            guessed_nothing(current_app, request)
        raise
    guessed_nothing(current_app, request)
    refuse_unused(here, user)
    return begin(here, user, in_body=body.tokens, in_cookies=True)


@auth.post("/setup")
@requires(
    "PUBLIC",
    body=Setup,
    limit="auth",
    data=Account,
    status=201,
    codes=("SETUP_CLOSED", "USER_INVALID", "BUSY"),
)
def first(body: Setup) -> Response:
    """Make the first administrator with the one-time token printed at the start."""
    here = site()
    setup.check(here, body.token)
    hashed = hash_password(body.password, body.username, words_of(here.settings))
    with setup.redeemed(here, body.token), here.audited("user.setup", body.username):
        user = here.users.add(body.username, body.name or body.username, "ADMIN", hashed)
    return ok(facts(user), "the first administrator is there: sign in", 201)


@auth.post("/refresh")
@requires("PUBLIC", body=Refresh, limit="60 per minute", data=SignedIn, codes=TOKENS)
def refresh(body: Refresh) -> Response:
    """Replace both tokens. An old refresh token ends the session: somebody may have copied it."""
    here = site()
    old = body.refresh_token or cookies.get(here.settings, cookies.REFRESH)
    if old is None:
        raise Problem("SIGN_IN_REQUIRED", "there is no refresh token")
    said = tokens.read(here.keys, "refresh", here.settings.node_id, old)
    user = account_of(here, said.user)
    known = here.accounts.session(said.session)
    if user is None or known is None or known.user != user.id:
        raise Problem("TOKEN_INVALID", "its session has ended")
    if not holds(here, user, known):
        here.accounts.end(known.id, "session.void", acting(user))
        raise Problem("TOKEN_INVALID", "its session has ended")
    new = refresh_token_of(here, user, known.id, known.until)
    outcome = here.accounts.rotate(
        known.id, tokens.digest(old), tokens.digest(new), idle_s(here), acting(user)
    )
    if outcome == "reused":
        here.event(
            "session.reuse",
            username=user.username,
            session=known.id,
            address=request.remote_addr or "",
        )
        raise Problem("TOKEN_REUSED")
    if outcome == "ended":
        raise Problem("TOKEN_INVALID", "its session has ended")
    in_body = body.refresh_token is not None
    return signed_in(here, user, known.id, new, in_body=in_body, in_cookies=not in_body)


@auth.post("/logout")
@requires("PUBLIC", body=Refresh)
def logout(body: Refresh) -> Response:
    """End this session; it may have ended before."""
    here = site()
    person: Person | None = g.get("person")
    session = person.session if person else None
    given = body.refresh_token or cookies.get(here.settings, cookies.REFRESH)
    if session is None and given is not None:
        try:
            session = tokens.read(
                here.keys, "refresh", here.settings.node_id, given, expired=True
            ).session
        except Problem:
            session = None
    if session is not None:
        here.accounts.end(session, "session.end", actor())
    answer = ok(None, "signed out")
    cookies.clear(answer, here.settings)
    # pictures and drafts, which the next person there could see
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@auth.get("/me")
@requires("VIEWER", data=Me)
def me() -> Response:
    """Who is signed in, and what X-CSRF-Token must be for a client that uses cookies without Fetch
    Metadata and Origin."""
    here, person = site(), current()
    second = here.accounts.factors.of(person.id)
    return ok(
        {
            **facts(here.user(person.id)),
            "session": person.session,
            "twofactor": second.on,
            "totp": second.totp is not None and second.totp.enabled,
            "passkeys": len(second.passkeys),
            "recovery_codes_left": second.recovery_left,
            "csrf_token": csrf.token(here, person.session),
        }
    )


@auth.post("/change-password")
@requires(
    "VIEWER",
    body=ChangePassword,
    limit="auth",
    data=SignedIn,
    codes=(*PROOF, "USER_INVALID", "BUSY"),
)
def change_password(body: ChangePassword) -> Response:
    """Change your own password: all sessions end, and a new one begins here."""
    here, person = site(), current()
    user = prove(here, person.username, body.old_password, body, person.session)
    if body.new_password == body.old_password:
        raise Problem("USER_INVALID", "new_password: it is the current one", field="password")
    hashed = hash_password(body.new_password, user.username, words_of(here.settings))
    with here.audited("user.password", user.id):
        user = here.users.set(user.id, password_hash=hashed)
    here.accounts.end_all(user.id, "session.void", actor())
    return begin(here, user, in_body=person.bearer, in_cookies=not person.bearer)


@auth.get("/sessions")
@requires("VIEWER", query=Whose, data=list[SessionRow])
def sessions(query: Whose) -> Response:
    """Your own sessions; an administrator sees everybody's."""
    here, person = site(), current()
    if (query.all or query.user not in (None, person.id)) and person.role != "ADMIN":
        raise Problem("PERMISSION_DENIED", "ADMIN is needed for the sessions of others")
    listed = here.accounts.sessions(None if query.all else query.user or person.id)
    return ok([_shown(here, session, person) for session in listed])


@auth.delete("/sessions")
@requires("VIEWER", data=Ended)
def end_sessions() -> Response:
    """End all your own sessions except this one."""
    here, person = site(), current()
    return ok(
        {"ended": here.accounts.end_all(person.id, "session.end", actor(), but=person.session)}
    )


@auth.delete("/sessions/<session>")
@requires("VIEWER", codes=("SESSION_NOT_FOUND",))
def end_session(session: str) -> Response:
    """End one of your own sessions; an administrator can end any."""
    here, person = site(), current()
    known = here.accounts.session(session)
    if known is None or (known.user != person.id and person.role != "ADMIN"):
        raise Problem("SESSION_NOT_FOUND", f"{session!r:.80}")
    here.accounts.end(known.id, "session.end", actor())
    return ok(None, "the session has ended")


def _shown(here: Site, session: AccountSession, person: Person) -> dict[str, Any]:
    account = account_of(here, session.user)
    return {
        "id": session.id,
        "user": session.user,
        "username": account.username if account else None,
        "created_at": utc(session.created_at),
        "seen_at": utc(session.seen_at),
        "until": utc(min(session.until, session.idle_until)),
        "address": session.address,
        "agent": session.agent,
        "current": session.id == person.session,
    }
