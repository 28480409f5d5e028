"""The way in: what this is."""

from importlib.metadata import PackageNotFoundError, version

from flask import Blueprint, Response

from web.access import requires
from web.reply import document

start = Blueprint("start", __name__)


@start.get("/")
@requires("PUBLIC")
def index() -> Response:
    """Name, version and that it runs."""
    return document({"name": "inspection-node", "version": installed(), "status": "running"})


def installed() -> str:
    """The version that is installed, `0` if it only lies there."""
    try:
        return version("inspection-node")
    except PackageNotFoundError:
        return "0"
