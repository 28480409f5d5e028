"""A session that begins or goes on: its tokens, in cookies and in the answer, and the account it is
of."""

from typing import Any, NotRequired

from flask import Response, g, request
from typing_extensions import TypedDict

from schemas import User, new_id
from schemas.user import AnyRole
from web import csrf
from web.access import Person
from web.credentials import cookies, tokens
from web.response import ok
from web.site import Site, actor

HOUR_S = 3600.0


class Account(TypedDict):
    """An account."""

    id: str
    username: str
    name: str
    role: AnyRole
    disabled: bool
    created_at: str
    password_changed_at: str
    password_initial: bool
    subject: str | None


class SignedIn(TypedDict):
    """A session that has begun, or goes on with new tokens."""

    user: Account
    session: str
    expires_in: int
    csrf_token: str
    access_token: NotRequired[str]
    refresh_token: NotRequired[str]
    token_type: NotRequired[str]


def facts(user: User) -> dict[str, Any]:
    """An account without its hash."""
    return user.model_dump(mode="json", exclude={"password_hash", "screen"})


def begin(
    here: Site,
    user: User,
    *,
    in_body: bool,
    in_cookies: bool,
    life_s: float | None = None,
    second_factor: bool = False,
) -> Response:
    """A new session of an account; `life_s` if it is shorter than others; `second_factor` if it
    began with one.

    One that these cookies held before ends: nobody could end it any more.
    """
    before: Person | None = g.get("person")
    if in_cookies and before is not None and not before.bearer:
        here.accounts.end(before.session, "session.replaced", acting(user))
    session = new_id()
    most_s = here.settings.web.session_days * 24 * HOUR_S
    life_s = most_s if life_s is None else min(life_s, most_s)
    token = refresh_token_of(here, user, session, here.accounts.clock().wall + life_s)
    here.accounts.begin(
        user.id,
        user.password_changed_at,
        tokens.digest(token),
        idle_s(here),
        life_s,
        request.user_agent.string,
        acting(user),
        session,
        second_factor,
    )
    return signed_in(here, user, session, token, in_body=in_body, in_cookies=in_cookies)


def signed_in(
    here: Site, user: User, session: str, token: str, *, in_body: bool, in_cookies: bool
) -> Response:
    """The answer that carries a session's tokens: in its body, in cookies, or both; `token` is the
    refresh token."""
    life_s = here.settings.web.access_minutes * 60.0
    access = tokens.issue(here.keys, "access", here.settings.node_id, user.id, session, life_s)
    data = {
        "user": facts(user),
        "session": session,
        "expires_in": int(life_s),
        "csrf_token": csrf.token(here, session),
    }
    if in_body:
        data |= {"access_token": access, "refresh_token": token, "token_type": "Bearer"}
    answer = ok(data)
    if in_cookies:
        cookies.put(answer, here.settings, cookies.ACCESS, access, life_s)
        cookies.put(answer, here.settings, cookies.REFRESH, token, idle_s(here))
    return answer


def refresh_token_of(here: Site, user: User, session: str, until: float) -> str:
    """A new refresh token of a session that ends at `until` (seconds since 1970) at the latest."""
    life_s = min(idle_s(here), until - here.accounts.clock().wall)
    return tokens.issue(here.keys, "refresh", here.settings.node_id, user.id, session, life_s)


def idle_s(here: Site) -> float:
    """How long a session may rest before it ends."""
    return here.settings.web.idle_hours * HOUR_S


def acting(user: User) -> dict[str, str]:
    """Who acts, from where, in which request: for the audit when somebody is just signing in."""
    return {**actor(), "username": user.username}
