"""Requests that another site makes a browser send: refused by Fetch Metadata, then by Origin, then
for want of a token.

A browser cannot be made to send an Authorization header to us by another site, so a bearer call
without cookies is exempt. The first two checks are those of Go's net/http.CrossOriginProtection; a
client that keeps cookies but sends neither header has to send `X-CSRF-Token`, which signing in and
`/auth/me` told it.
"""

import hmac
from urllib.parse import urlsplit

from flask import request

from schemas import Problem
from web.credentials import cookies, tokens
from web.site import Site

SAFE = ("GET", "HEAD", "OPTIONS", "TRACE")
HEADER = "X-CSRF-Token"
PURPOSE = "csrf"


def check(here: Site, *, bearer: bool) -> None:
    """Raises Problem CROSS_SITE."""
    if request.method in SAFE:
        return
    carried = cookies.there(here.settings)
    if bearer and not carried:
        return
    origin = request.headers.get("Origin")
    if origin is not None and not carried and origin in here.settings.web.origins:
        return
    told = False
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Problem("CROSS_SITE", "Sec-Fetch-Site is not same-origin")
        told = True
    if origin is not None:
        if _host_of(origin) != request.host:
            raise Problem("CROSS_SITE", "Origin is a different one")
        told = True
    if told or not carried or bearer:
        return
    given = request.headers.get(HEADER, "")
    marks = [mark for session in _sessions(here) for mark in here.keys.marks(PURPOSE, session)]
    if not any(hmac.compare_digest(given.encode(), mark.encode()) for mark in marks):
        raise Problem("CROSS_SITE", f"there is no Sec-Fetch-Site, no Origin and no right {HEADER}")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # brackets that do not close, and the like
        return None


def token(here: Site, session: str) -> str:
    """What X-CSRF-Token must be for a session."""
    return here.keys.mark(PURPOSE, session)


def _sessions(here: Site) -> list[str]:
    """The sessions that the cookies name, also those whose access token has just expired:
    refreshing needs this too."""
    names = []
    for kind in (cookies.ACCESS, cookies.REFRESH):
        value = cookies.get(here.settings, kind)
        if value is not None:
            try:
                names.append(
                    tokens.read(here.keys, kind, here.settings.node_id, value, expired=True).session
                )
            except Problem:
                continue
    return names
