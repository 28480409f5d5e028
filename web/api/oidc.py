"""Signing in by an identity provider: to it, back from it, and the account that it speaks of.

What comes back is taken once, within ten minutes, from the browser that went: the state is good for
its cookie only. The account follows the provider: it has no password here, and its role is that of
its groups, looked up at each sign-in.
"""

import hashlib
import json
import re
import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from schemas import Problem, User
from schemas.base import plain
from schemas.user import UserRole
from web import pages
from web.access import RANK, requires
from web.credentials import cookies
from web.credentials.provider import LEEWAY_S, Claims, Provider
from web.credentials.session import HOUR_S, begin
from web.site import Site, actor, site

oidc = Blueprint("oidc", __name__, url_prefix="/app/oidc")
PURPOSE = "oidc"
LIMIT_S = 600.0
MOST_CHARACTERS = 2048  # of what comes back
MOST_GROUPS = 10_000
OFTEN = "30 per minute"


@oidc.get("/start")
@requires("PUBLIC", limit=OFTEN)
def start() -> ResponseReturnValue:
    """Leads to the identity provider, and from there back to `next`, one of our pages. Raises
    Problem NOT_FOUND, OIDC_AWAY, BUSY."""
    here = site()
    provider = _provider(here)
    browser, state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
    details = {
        "nonce": nonce,
        "verifier": verifier,
        "next": _page(request.args.get("next", "")),
        "at": time.time(),
    }
    answer = redirect(provider.address(state, nonce, verifier))
    here.accounts.factors.ask(_mark(state), PURPOSE, "", _mark(browser).hex(), json.dumps(details))
    cookies.put(answer, here.settings, cookies.PROVIDER, browser, LIMIT_S)  # type: ignore[arg-type]
    return answer


@oidc.get("/callback")
@requires("PUBLIC", limit=OFTEN)
def callback() -> ResponseReturnValue:
    """Back from the identity provider: a session for the person it names, if one of their groups
    has a role here.

    Raises Problem NOT_FOUND, OIDC_REFUSED, OIDC_AWAY, BUSY.
    """
    here = site()
    asked = _asked(here)
    try:
        _refuse_error()
        claims = _provider(here).claims(
            _given("code"), request.args.get("iss"), asked["nonce"], asked["verifier"]
        )
        user, second = _account(here, claims, asked["at"])
    except Problem as problem:
        here.audit(
            "sign-in.failed",
            what="identity provider",
            code=problem.code,
            why=plain(problem.message, 200),
        )
        raise
    life_s = here.settings.oidc.session_hours * HOUR_S
    session = begin(here, user, in_body=False, in_cookies=True, life_s=life_s, second_factor=second)
    # Browsers do not send our strict cookies on a way that began at another site: the sign-in page
    # finds them, and goes on.
    answer = redirect(f"{pages.SIGN_IN}?{urlencode({'next': asked['next']})}")
    for line in session.headers.getlist("Set-Cookie"):
        answer.headers.add("Set-Cookie", line)
    cookies.put(answer, here.settings, cookies.PROVIDER, "", 0)  # type: ignore[arg-type]
    return answer


def _provider(here: Site) -> Provider:
    """The provider of the settings. Raises Problem NOT_FOUND without one."""
    settings, origin = here.settings.oidc, here.settings.web.origin
    if settings.issuer is None or origin is None:
        raise Problem("NOT_FOUND", "no identity provider is set")
    return here.provider(lambda: Provider(settings, f"{origin}{oidc.url_prefix}/callback"))


def _asked(here: Site) -> dict[str, Any]:
    """What this browser was sent away with. Raises Problem OIDC_REFUSED."""
    _provider(here)
    state, browser = _given("state"), cookies.get(here.settings, cookies.PROVIDER) or ""
    details = here.accounts.factors.answered(
        _mark(state), PURPOSE, "", _mark(browser).hex(), LIMIT_S
    )
    if details is None:
        raise Problem(
            "OIDC_REFUSED",
            "this browser did not ask, or too long ago, or it was already answered",
        )
    asked: dict[str, Any] = json.loads(details)
    return asked


def _refuse_error() -> None:
    if "error" in request.args:
        raise Problem("OIDC_REFUSED", f"it says {plain(request.args['error'], 80)}")


def _given(name: str) -> str:
    values = request.args.getlist(name)
    if (
        len(values) == 1
        and 0 < len(values[0]) <= MOST_CHARACTERS
        and values[0].isascii()
        and values[0].isprintable()
    ):
        return values[0]
    raise Problem("OIDC_REFUSED", f"it gives no {name}")


def _account(here: Site, claims: Claims, asked_at: float) -> tuple[User, bool]:
    """The account, brought up to date, and whether a second factor was asked for. Raises Problem
    OIDC_REFUSED."""
    settings = here.settings.oidc
    subject = f"{settings.issuer} {claims.subject}"
    old = next((user for user in here.users.list() if user.subject == subject), None)
    try:
        if settings.ask_each_time and (
            claims.auth_time is None or claims.auth_time < asked_at - LEEWAY_S
        ):
            raise Problem("OIDC_REFUSED", "it did not ask for credentials (auth_time)")
        role = _role(here, claims.all.get(settings.group_claim))
        second = isinstance(claims.all.get("amr"), list) and "mfa" in claims.all["amr"]
        if role in here.settings.web.second_factor_for and not second:
            raise Problem(
                "OIDC_REFUSED",
                f"it asked for no second factor (amr), which this site wants of {role}",
            )
        if old is not None and old.disabled:
            raise Problem("OIDC_REFUSED", f"{old.username} is disabled here")
    except Problem:
        if old is not None:  # someone who is refused now has no say through earlier sessions
            here.accounts.end_all(old.id, "session.void", {**actor(), "username": old.username})
        raise
    username = _username(claims.all.get(settings.username_claim), claims.subject)
    name = claims.all.get("name")
    name = plain(name, 64).strip() if isinstance(name, str) and name.strip() else username
    if old is not None and (old.username, old.name, old.role) == (username, name, role):
        return old, second
    try:
        with here.audited(
            "user.follow", old.id if old is not None else username, username=username, role=role
        ):
            return here.users.follow(subject, username, name, role), second
    except Problem as problem:
        raise (
            problem
            if problem.code != "USER_INVALID"
            else Problem("OIDC_REFUSED", plain(problem.message, 200))
        ) from None


def _role(here: Site, groups: Any) -> UserRole:
    """The highest role of the groups. Raises Problem OIDC_REFUSED for none."""
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    roles = here.settings.oidc.roles
    matching = [
        roles[group] for group in listed[:MOST_GROUPS] if isinstance(group, str) and group in roles
    ]
    if not matching:
        raise Problem("OIDC_REFUSED", "none of the groups has a role here")
    return max(matching, key=lambda role: RANK[role])


def _username(said: Any, subject: str) -> str:
    """A user name of ours: what the provider says in small letters, with `-` for what no name of
    ours has."""
    text = said if isinstance(said, str) and said.strip() else subject
    name = re.sub(r"[^a-z0-9._-]", "-", text.strip().lower())[:32]
    return name if re.match(r"[a-z0-9]", name) else f"u{name}"[:32]


def _page(wanted: str) -> str:
    """A page of ours, whatever was asked for."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return pages.HOME
    local = (
        not parts.scheme
        and not parts.netloc
        and parts.path.startswith("/app/")
        and ".." not in parts.path
    )
    good = (
        local
        and "\\" not in wanted
        and len(wanted) <= 500
        and wanted.isascii()
        and wanted.isprintable()
    )
    return wanted if good and parts.path != pages.SIGN_IN else pages.HOME


def _mark(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
