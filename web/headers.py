"""What every request and answer has: an id, a host that is ours, a size limit, security headers, CORS, the client's address."""

import ipaddress
import logging
import re
import socket
import time
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, Response, current_app, g, request
from werkzeug.exceptions import BadRequest, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from schemas import Problem, new_id
from schemas.base import plain
from web.access import access_of
from web.ask import MAX_BODY_BYTES
from web.site import NAME, Site, site

log = logging.getLogger(__name__)
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
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
ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE"
ALLOWED_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, X-Request-ID"
EXPOSED_HEADERS = "ETag, Retry-After, X-Request-ID"


class Asked(Request):
    """A request whose body may break off."""

    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        """As Flask's; a body that is no HTTP (a broken chunk) is the sender's fault, and not ours. Raises BadRequest."""
        try:
            return super().get_data(*args, **kwargs)
        except HTTPException:
            raise
        except Exception as error:  # each server has its own; nothing of ours runs while it reads
            log.info("a body broke off: %s: %s", type(error).__name__, plain(str(error), 100))
            raise BadRequest from error


def register(app: Flask) -> None:
    """Put them around every request of an application."""
    here: Site = app.extensions[NAME]
    hops = here.settings.web.proxy_hops
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES, MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES, MAX_FORM_PARTS=100, PROPAGATE_EXCEPTIONS=False
    )
    app.request_class = Asked
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.before_request(_before)
    app.after_request(_after)


def _before() -> Response | None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else new_id()
    g.started = time.monotonic()
    _check_host()
    if request.method == "OPTIONS":
        return _preflight()
    access = access_of(current_app, request.endpoint)
    if access is not None and access.max_bytes is not None:
        request.max_content_length = access.max_bytes
    if (request.content_length or 0) > (request.max_content_length or 0):
        raise Problem("TOO_LARGE", f"at most {request.max_content_length} bytes")
    return None


def _check_host() -> None:
    """Names of others that lead here are refused: else a page of theirs could read our answers (DNS rebinding)."""
    try:
        host = request.host
    except HTTPException:
        host = ""
    if not _ours(host, tuple(site().settings.web.hosts), socket.gethostname()):
        raise Problem("HOST_REFUSED")


@lru_cache(maxsize=64)
def _ours(host: str, hosts: tuple[str, ...], machine: str) -> bool:
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in {"localhost", machine.lower(), f"{machine.lower()}.local", *(each.lower() for each in hosts)}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _preflight() -> Response:
    answer = Response(status=204)
    answer.headers["Allow"] = ", ".join(sorted(request.url_rule.methods or ())) if request.url_rule else "OPTIONS"
    if request.headers.get("Origin") in site().settings.web.origins:
        answer.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
        answer.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        answer.headers["Access-Control-Max-Age"] = "600"
    return answer


def _after(answer: Response) -> Response:
    there = {name.lower() for name, _ in answer.headers}
    answer.headers.extend([pair for pair in HEADERS.items() if pair[0].lower() not in there])
    answer.headers["X-Request-ID"] = g.get("request_id", "")
    if request.is_secure:
        answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    origins = site().settings.web.origins
    if origins:
        answer.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            answer.headers["Access-Control-Allow-Origin"] = str(origin)
            answer.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    took_s = time.monotonic() - g.get("started", time.monotonic())
    if took_s > SLOW_S and not answer.is_streamed:
        log.warning("slow: %s %s took %.1f s (%s)", request.method, request.path, took_s, g.get("request_id", ""))
    return answer
