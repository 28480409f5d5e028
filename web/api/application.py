"""The way in: what this is."""

from importlib.metadata import PackageNotFoundError, version

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from web.access import requires
from web.response import document

start = Blueprint("start", __name__)


@start.get("/")
@requires("PUBLIC")
def index() -> ResponseReturnValue:
    """The app for browsers; name, version and that it runs for others."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"], "application/json") == "text/html":
        answer = redirect("/app/run")
        answer.vary.add("Accept")
        return answer
    return document({"name": "inspection-node", "version": installed(), "status": "running"})


def installed() -> str:
    """The version that is installed, `0` if it only lies there."""
    try:
        return version("inspection-node")
    except PackageNotFoundError:
        return "0"
