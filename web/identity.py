"""Who is asking: from a bearer token or a cookie to a person, whose account and session are looked
up at every request."""

import hashlib
import hmac
import time
from contextlib import suppress

from flask import Request
from flask.ctx import _AppCtxGlobals

from schemas import Problem, User
from schemas.store.accounts.sessions import AccountSession
from web import csrf
from web.access import Level, Person, allowed
from web.credentials import cookies, tokens
from web.site import Site, actor, site

MOST_CHECKED = 4096
OF_OTHERS = ("auth.sessions", "auth.end_session")  # an administrator sees and ends anybody's


def identify(here: Site, coming: Request, this: _AppCtxGlobals, level: Level) -> None:
    """Put who makes a request into `person` of its `g`, None for nobody.

    Raises Problem SIGN_IN_REQUIRED, PERMISSION_DENIED, TOKEN_INVALID, TOKEN_EXPIRED, CROSS_SITE.
    """
    this.person = None
    this.metrics = False
    bearer = _bearer(coming)
    if coming.method not in csrf.SAFE:
        csrf.check(here, bearer=bearer is not None)
    if bearer is not None and _is_metrics_token(here, bearer):
        this.metrics = True
        if level not in ("PUBLIC", "METRICS"):
            raise Problem("PERMISSION_DENIED", "the metrics token reads metrics only")
        return
    person: Person | None = None
    try:
        person = this.person = _person(here, bearer)
    except Problem:
        if level != "PUBLIC":
            raise
    if person is not None:
        coming.environ["inspection.user"] = person.username  # for the access log
    if person is None and level != "PUBLIC":
        raise Problem("SIGN_IN_REQUIRED")
    if person is not None and not allowed(person, level):
        raise Problem("PERMISSION_DENIED", f"{level} is needed")
    if (
        person is not None
        and level != "PUBLIC"
        and person.role in here.settings.web.second_factor_for
    ):
        _ask_for_second(here, person, coming)


def _ask_for_second(here: Site, person: Person, coming: Request) -> None:
    if here.accounts.factors.on(person.id) or _sets_it_up(coming):
        return
    session = here.accounts.session(person.session)
    if session is None or not session.second_factor:  # the identity provider asked for it
        raise Problem("SECOND_FACTOR_NEEDED")


def _sets_it_up(coming: Request) -> bool:
    """Whether it is a request of the account where the second factor is set up."""
    own = coming.blueprint in ("auth", "twofactor", "passkeys") and coming.endpoint not in OF_OTHERS
    return own or coming.path == "/app/account"


def person_of_session(session: str, user: str | None = None, *, bearer: bool) -> Person | None:
    """The person of a session that holds now; None if session or account have ended."""
    return _of_session(site(), session, user, bearer=bearer)


def _of_session(here: Site, session: str, user: str | None, *, bearer: bool) -> Person | None:
    known = here.accounts.session(session)
    if known is None or (user is not None and known.user != user):
        return None
    account = account_of(here, known.user)
    if account is None or not holds(here, account, known):
        return None
    return Person(account.id, account.username, account.name, account.role, known.id, bearer)


def holds(here: Site, account: User, session: AccountSession) -> bool:
    """Whether a session of an account counts: the account is not disabled, and the way in, password
    or provider, is still in use."""
    return (
        provided(here, account)
        and not account.disabled
        and account.password_changed_at == session.password_at
    )


def provided(here: Site, account: User) -> bool:
    """Whether an account has its password here, or belongs to the identity provider that the
    settings name now."""
    return account.subject is None or account.subject.startswith(f"{here.settings.oidc.issuer} ")


def end_those_of_no_provider(here: Site) -> None:
    """End the sessions begun by a provider that the settings no longer name, for good."""
    with suppress(Problem):  # each is still refused, as long as that lasts
        for account in here.users.list():
            if not provided(here, account):
                here.accounts.end_all(account.id, "session.void", actor())


def account_of(here: Site, key: str) -> User | None:
    """An account by id or user name, as it is now."""
    try:
        return here.user(key)
    except Problem as problem:
        if problem.code == "USER_NOT_FOUND":
            return None
        raise


def _person(here: Site, bearer: str | None) -> Person | None:
    token = bearer if bearer is not None else cookies.get(here.settings, cookies.ACCESS)
    if token is None:
        return None
    said = _said(here, token)
    person = _of_session(here, said.session, said.user, bearer=bearer is not None)
    if person is None:
        raise Problem("TOKEN_INVALID", "its session has ended")
    return person


def _said(here: Site, token: str) -> tokens.Token:
    """What an access token says. Its signature is looked at once; that it has not expired, at every
    request."""
    mark = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
    said = here.checked.get(mark)
    if said is None:
        said = tokens.read(here.keys, "access", here.settings.node_id, token)
        if len(here.checked) >= MOST_CHECKED:
            here.checked.clear()
        here.checked[mark] = said
    elif said.expires_at <= time.time():
        raise Problem("TOKEN_EXPIRED")
    return said


def _bearer(coming: Request) -> str | None:
    """The token of the Authorization header; None without the header. Raises Problem TOKEN_INVALID
    for anything else."""
    header: str | None = coming.environ.get("HTTP_AUTHORIZATION")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem("TOKEN_INVALID", "the Authorization header is not `Bearer TOKEN`")
    return token.strip()


def _is_metrics_token(here: Site, token: str) -> bool:
    secret = here.settings.web.metrics_token
    return secret is not None and hmac.compare_digest(
        token.encode(), secret.get_secret_value().encode()
    )


def still_allowed(person: Person, level: Level = "VIEWER") -> bool:
    """Whether a person may do that now: for streams, which ask again every few seconds and end if
    not."""
    known = person_of_session(person.session, bearer=person.bearer)
    return known is not None and allowed(known, level)
