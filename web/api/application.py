"""The way in: what this is."""

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from web.access import requires
from web.response import document
from web.site import installed

start = Blueprint("start", __name__)


@start.get("/")
@requires("PUBLIC")
def index() -> ResponseReturnValue:
    """The app for browsers; for others the name, the version and that it runs."""
    if (
        request.accept_mimetypes.best_match(["application/json", "text/html"], "application/json")
        == "text/html"
    ):
        answer = redirect("/app/run")
        answer.vary.add("Accept")
        return answer
    return document({"name": "inspection-node", "version": installed(), "status": "running"})
