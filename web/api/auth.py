"""Signing in and out, refreshing, one's own password and sessions, and the first account."""

from typing import Any

from flask import Blueprint, Response, g, request

from schemas import Problem, Shape, User, new_id, utc
from schemas.store.accounts import Session
from web import csrf
from web.access import Person, current, requires
from web.answers import Account, Ended, Me, SessionRow, SignedIn
from web.credentials import cookies, setup, tokens
from web.credentials.factor import ChangePassword, Refresh, Setup, SignIn
from web.credentials.password import hash_password, words_of
from web.credentials.proof import prove, refuse_unused
from web.identity import account_of, holds
from web.response import ok
from web.site import Site, actor, site

auth = Blueprint("auth", __name__, url_prefix="/api/v1/auth")
HOUR_S = 3600.0
PROOF = ("CREDENTIALS_INVALID", "LOCKED_OUT", "TWO_FACTOR_REQUIRED", "TWO_FACTOR_INVALID")
TOKENS = ("SIGN_IN_REQUIRED", "TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REUSED")


class Whose(Shape):
    """Whose sessions."""

    user: str | None = None
    all: bool = False


@auth.post("/login")
@requires("PUBLIC", body=SignIn, limit="auth", data=SignedIn, codes=(*PROOF, "PASSWORD_EXPIRED", "BUSY"))
def login(body: SignIn) -> Response:
    """Sign in; the tokens are in cookies, and in the answer unless `tokens` is false."""
    here = site()
    user = prove(here, body.username, body.password, body)
    refuse_unused(here, user)
    before: Person | None = g.get("person")
    if before is not None and not before.bearer:
        here.accounts.end(before.session, "session.replaced", _who(user))
    return begin(here, user, in_body=body.tokens, in_cookies=True)


@auth.post("/setup")
@requires("PUBLIC", body=Setup, limit="auth", data=Account, status=201, codes=("SETUP_CLOSED", "USER_INVALID", "BUSY"))
def first(body: Setup) -> Response:
    """Make the first administrator with the one-time token that the start has printed."""
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
    found = here.accounts.session(said.session)
    if user is None or found is None or found.user != user.id:
        raise Problem("TOKEN_INVALID", "its session has ended")
    if not holds(here, user, found):
        here.accounts.end(found.id, "session.void", _who(user))
        raise Problem("TOKEN_INVALID", "its session has ended")
    new = _refresh_token(here, user, found.id, found.until)
    outcome = here.accounts.rotate(found.id, tokens.digest(old), tokens.digest(new), _idle_s(here), _who(user))
    if outcome == "reused":
        here.event("session.reuse", username=user.username, session=found.id, address=request.remote_addr or "")
        raise Problem("TOKEN_REUSED")
    if outcome == "ended":
        raise Problem("TOKEN_INVALID", "its session has ended")
    in_body = body.refresh_token is not None
    return _answer(here, user, found.id, new, in_body=in_body, in_cookies=not in_body)


@auth.post("/logout")
@requires("PUBLIC", body=Refresh)
def logout(body: Refresh) -> Response:
    """End this session; it is no error if it has ended before."""
    here = site()
    person: Person | None = g.get("person")
    session = person.session if person else None
    given = body.refresh_token or cookies.get(here.settings, cookies.REFRESH)
    if session is None and given is not None:
        try:
            session = tokens.read(here.keys, "refresh", here.settings.node_id, given, expired=True).session
        except Problem:
            session = None
    if session is not None:
        here.accounts.end(session, "session.end", actor())
    answer = ok(None, "signed out")
    cookies.clear(answer, here.settings)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'  # pictures and drafts, for who sits there next
    return answer


@auth.get("/me")
@requires("VIEWER", data=Me)
def me() -> Response:
    """Who is signed in, and what X-CSRF-Token must be where a client without Fetch Metadata and Origin uses cookies."""
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
@requires("VIEWER", body=ChangePassword, limit="auth", data=SignedIn, codes=(*PROOF, "USER_INVALID", "BUSY"))
def change_password(body: ChangePassword) -> Response:
    """Another password for oneself: all sessions end, and a new one begins here."""
    here, person = site(), current()
    user = prove(here, person.username, body.old_password, body, person.session)
    if body.new_password == body.old_password:
        raise Problem("USER_INVALID", "new_password: it is the one there is")
    hashed = hash_password(body.new_password, user.username, words_of(here.settings))
    with here.audited("user.password", user.id):
        user = here.users.set(user.id, password_hash=hashed)
    here.accounts.end_all(user.id, "session.void", actor())
    return begin(here, user, in_body=person.bearer, in_cookies=not person.bearer)


@auth.get("/sessions")
@requires("VIEWER", query=Whose, data=list[SessionRow])
def sessions(query: Whose) -> Response:
    """One's own sessions; an administrator sees those of anybody."""
    here, person = site(), current()
    if (query.all or query.user not in (None, person.id)) and person.role != "ADMIN":
        raise Problem("PERMISSION_DENIED", "ADMIN is needed for the sessions of others")
    found = here.accounts.sessions(None if query.all else query.user or person.id)
    return ok([_shown(here, session, person) for session in found])


@auth.delete("/sessions")
@requires("VIEWER", data=Ended)
def end_sessions() -> Response:
    """End all one's own sessions but this one."""
    here, person = site(), current()
    return ok({"ended": here.accounts.end_all(person.id, "session.end", actor(), but=person.session)})


@auth.delete("/sessions/<session>")
@requires("VIEWER", codes=("SESSION_NOT_FOUND",))
def end_session(session: str) -> Response:
    """End one session of one's own; an administrator ends any."""
    here, person = site(), current()
    found = here.accounts.session(session)
    if found is None or (found.user != person.id and person.role != "ADMIN"):
        raise Problem("SESSION_NOT_FOUND", f"{session!r:.80}")
    here.accounts.end(found.id, "session.end", actor())
    return ok(None, "the session has ended")


def facts(user: User) -> dict[str, Any]:
    """An account without its hash."""
    return user.model_dump(mode="json", exclude={"password_hash"})


def begin(
    here: Site, user: User, *, in_body: bool, in_cookies: bool, life_s: float | None = None, second_factor: bool = False
) -> Response:
    """A new session of an account; `life_s` if it is shorter than others; `second_factor` if it began with one."""
    session = new_id()
    most_s = here.settings.web.session_days * 24 * HOUR_S
    life_s = most_s if life_s is None else min(life_s, most_s)
    token = _refresh_token(here, user, session, here.accounts.clock().wall + life_s)
    here.accounts.begin(
        user.id,
        user.password_changed_at,
        tokens.digest(token),
        _idle_s(here),
        life_s,
        request.user_agent.string,
        _who(user),
        session,
        second_factor,
    )
    return _answer(here, user, session, token, in_body=in_body, in_cookies=in_cookies)


def _answer(here: Site, user: User, session: str, token: str, *, in_body: bool, in_cookies: bool) -> Response:
    life_s = here.settings.web.access_minutes * 60.0
    access = tokens.issue(here.keys, "access", here.settings.node_id, user.id, session, life_s)
    data = {"user": facts(user), "session": session, "expires_in": int(life_s), "csrf_token": csrf.token(here, session)}
    if in_body:
        data |= {"access_token": access, "refresh_token": token, "token_type": "Bearer"}
    answer = ok(data)
    if in_cookies:
        cookies.put(answer, here.settings, cookies.ACCESS, access, life_s)
        cookies.put(answer, here.settings, cookies.REFRESH, token, _idle_s(here))
    return answer


def _refresh_token(here: Site, user: User, session: str, until: float) -> str:
    life_s = min(_idle_s(here), until - here.accounts.clock().wall)
    return tokens.issue(here.keys, "refresh", here.settings.node_id, user.id, session, life_s)


def _idle_s(here: Site) -> float:
    return here.settings.web.idle_hours * HOUR_S


def _who(user: User) -> dict[str, str]:
    return {**actor(), "username": user.username}


def _shown(here: Site, session: Session, person: Person) -> dict[str, Any]:
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
