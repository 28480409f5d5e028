"""Who else has a program open in an editor."""

from flask import Response
from typing_extensions import TypedDict

from web.access import current, requires
from web.api.programs.base import UNKNOWN, programs
from web.editing import OpenEditor
from web.response import ok
from web.site import site


class Editors(TypedDict):
    """Editors of the same program in other sessions."""

    others: list[OpenEditor]


@programs.put("/<id>/editing")
@requires("ADMIN", limit="60 per minute", data=Editors, codes=UNKNOWN)
def editing(id: str) -> Response:
    """Say that you have it open in an editor, every 15 s while you do; the answer tells who else
    has."""
    site().programs.get(id)
    who = current()
    return ok({"others": site().editing.opened(id, who.session, who.username, who.name)})


@programs.delete("/<id>/editing")
@requires("ADMIN", limit="60 per minute")
def edited(id: str) -> Response:
    """Say that you no longer have it open."""
    site().editing.closed(id, current().session)
    return ok()
