"""Everything that goes wrong in a request becomes the one envelope, with a code of the catalogue,
here."""

import logging

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from schemas import Problem
from schemas.base import plain
from web import pages
from web.response import fail
from web.site import site

log = logging.getLogger(__name__)
# refusals that may be an attempt to get in; a wrong password has a row of its own
WRITTEN = (
    *(
        "PERMISSION_DENIED",
        "TOKEN_INVALID",
        "TOKEN_REUSED",
        "LOCKED_OUT",
        "RATE_LIMITED",
        "SETUP_CLOSED",
        "CROSS_SITE",
    ),
    *("HOST_REFUSED", "PASSWORD_EXPIRED", "SECOND_FACTOR_NEEDED", "OIDC_REFUSED"),
)
CODES = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "TOO_LARGE",
    415: "CONTENT_TYPE",
    429: "RATE_LIMITED",
}


def register(app: Flask) -> None:
    """Answer all errors of an application."""
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)


def _problem(problem: Problem) -> ResponseReturnValue:
    if problem.code in WRITTEN:
        site().refused(problem.code, request.path)
    answer = fail(problem)
    if answer.status_code >= 500:
        log.warning("%s %s: %s", request.method, plain(request.path, 200), problem)
    if pages.is_page():
        return pages.refused(problem, answer.status_code)
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _http(error: HTTPException) -> ResponseReturnValue | HTTPException:
    status = error.code or 500
    if status < 400:  # a redirect
        return error
    problem = Problem(CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL"))
    if pages.is_page() and request.method in ("GET", "HEAD"):
        return pages.refused(problem, status)
    answer = fail(problem, status)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answer.headers[name] = value
    return answer


def _fault(error: Exception) -> ResponseReturnValue:
    log.error("%s %s failed", request.method, plain(request.path, 200), exc_info=error)
    problem = Problem("INTERNAL", "the log says more under this request id")
    if pages.is_page():
        return pages.refused(problem, 500)
    return fail(problem, request_id=g.get("request_id", ""))
