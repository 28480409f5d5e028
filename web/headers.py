"""What every request and answer has: an id, a host that is ours, a size limit, security headers,
CORS, the client's address."""

import ipaddress
import logging
import re
import socket
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Request, Response, g, has_request_context, request
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from schemas import Problem, logs, new_id
from schemas.base import plain
from web.access import access_of
from web.body import MAX_BODY_BYTES
from web.site import NAME, Site, asked, site

log = logging.getLogger(__name__)
REQUEST_ID = "inspection.request_id"  # in the environ
# in the environ, for the access log
IDS, USER, PATH = "inspection.ids", "inspection.user", "inspection.path"
GOOD_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
SLOW_S = 1.0
CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
PAIRS = tuple((name.lower(), (name, value)) for name, value in HEADERS.items())
ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE"
ALLOWED_HEADERS = (
    "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, X-Request-ID"
)
EXPOSED_HEADERS = "ETag, Retry-After, X-Request-ID"


class WebRequest(Request):
    """A request whose body may break off."""

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        """As Flask's; a body that is not HTTP (a broken chunk) is the sender's fault, and not ours.
        Raises BadRequest."""
        try:
            return super().get_data(*args, **kwargs)
        except HTTPException:
            raise
        except Exception as error:  # each server has its own; none of our code runs while it reads
            log.info("a body broke off: %s: %s", type(error).__name__, plain(str(error), 100))
            raise BadRequest from error


class _Believed:
    """Behind ProxyFix: what is said to be the client's address has to be one, else it is the proxy
    that is counted."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """As WSGI."""
        said = environ.get("REMOTE_ADDR", "")
        try:
            environ["REMOTE_ADDR"] = str(ipaddress.ip_address(said))
        except ValueError:
            environ["REMOTE_ADDR"] = (
                environ.get("werkzeug.proxy_fix.orig", {}).get("REMOTE_ADDR") or ""
            )
        return self._app(environ, start_response)


class _Written:
    """Outermost: what the access log says of a request, with nothing in it that a terminal or a log
    reader would obey."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """As WSGI."""
        path = str(
            environ.get("RAW_URI") or quote(environ.get("PATH_INFO", ""), encoding="latin-1")
        ).partition("?")[0]
        environ[PATH] = quote(
            path[:300], safe="/%:@!$&'()*+,;=~-._", encoding="latin-1", errors="replace"
        )
        environ[USER], environ[IDS] = "-", new_id()
        return self._app(environ, start_response)


class WebResponse(Response):
    """An answer with its request's id, and all of HEADERS that it does not give itself: they join
    when it goes out."""

    def get_wsgi_response(
        self, environ: dict[str, Any]
    ) -> tuple[Iterable[bytes], str, list[tuple[str, str]]]:
        """Body, status and headers."""
        body, status, pairs = super().get_wsgi_response(environ)
        there = {name.lower() for name, _ in pairs}
        always = [pair for name, pair in PAIRS if name not in there]
        return body, status, [*pairs, *always, ("X-Request-ID", environ.get(REQUEST_ID, ""))]


class NoSession(SessionInterface):
    """Flask's own sessions, which nothing here uses: sessions are rows of the accounts, named by
    tokens."""

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002
        """One that refuses to keep anything."""
        return NOTHING


NOTHING = NullSession()


def register(app: Flask) -> None:
    """Put them around every request of an application."""
    here: Site = app.extensions[NAME]
    hops = here.settings.web.proxy_hops
    if hops:
        app.wsgi_app = ProxyFix(_Believed(app.wsgi_app), x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.wsgi_app = _Written(app.wsgi_app)  # type: ignore[method-assign]
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES,
        MAX_FORM_PARTS=100,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.request_class = WebRequest
    app.response_class = WebResponse
    app.session_interface = NoSession()
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    origin = here.settings.web.origin
    hosts = (*here.settings.web.hosts, *([urlsplit(origin).hostname or ""] if origin else []))
    origins = here.settings.web.origins

    def before() -> Response | None:
        coming, this = asked()
        given, own = coming.environ.get("HTTP_X_REQUEST_ID"), coming.environ[IDS]
        this.request_id = given if given is not None and GOOD_ID.fullmatch(given) else own
        coming.environ[REQUEST_ID] = this.request_id
        if this.request_id != own:  # a client may send the same id twice: ours is unlike any other
            coming.environ[IDS] = f"{own} {given}"
        this.ids = coming.environ[IDS]
        _check_host(coming, hosts)
        if coming.method == "OPTIONS":
            return _preflight()
        access = access_of(app, coming.endpoint)
        if access is not None and access.max_bytes is not None:
            coming.max_content_length = access.max_bytes
        if "CONTENT_LENGTH" in coming.environ and (coming.content_length or 0) > (
            coming.max_content_length or 0
        ):
            raise Problem("TOO_LARGE", f"at most {coming.max_content_length} bytes")
        return None

    def after(answer: Response) -> Response:
        coming, this = asked()
        if coming.is_secure:
            answer.headers.setdefault(
                "Strict-Transport-Security", "max-age=31536000; includeSubDomains"
            )
        if origins:
            answer.vary.add("Origin")
            origin = coming.headers.get("Origin")
            if origin in origins:
                answer.headers["Access-Control-Allow-Origin"] = str(origin)
                answer.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
                answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        took_s = time.monotonic() - this.get("began", time.monotonic())
        if took_s > SLOW_S and not answer.is_streamed:
            route = coming.url_rule.rule if coming.url_rule is not None else "none"
            fields = {"method": coming.method, "route": route, "duration_s": round(took_s, 3)}
            log.warning(
                "slow: %s %s took %.1f s",
                coming.method,
                plain(coming.path, 200),
                took_s,
                extra={"fields": fields},
            )
        return answer

    app.before_request(before)
    app.after_request(after)
    logs.telling["web"] = _telling


def _telling() -> dict[str, str]:
    """For a line of the log: in whose request it is written."""
    if not has_request_context():
        return {}
    person = g.get("person")
    return {"request_id": g.get("ids", ""), **({"user": person.username} if person else {})}


def _check_host(coming: Request, hosts: tuple[str, ...]) -> None:
    """Refuses other names that lead here: else a page with such a name could read our answers (DNS
    rebinding)."""
    try:
        host = coming.host
    except HTTPException:
        host = ""
    if not _ours(host, hosts) and not _ours(
        host, (machine := socket.gethostname(), f"{machine}.local")
    ):
        raise Problem("HOST_REFUSED")


@lru_cache(maxsize=64)
def _ours(host: str, hosts: tuple[str, ...]) -> bool:
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in {"localhost", *(each.lower() for each in hosts)}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _preflight() -> Response:
    answer = Response(status=204)
    answer.headers["Allow"] = (
        ", ".join(sorted(request.url_rule.methods or ())) if request.url_rule else "OPTIONS"
    )
    if request.headers.get("Origin") in site().settings.web.origins:
        answer.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
        answer.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        answer.headers["Access-Control-Max-Age"] = "600"
    return answer
