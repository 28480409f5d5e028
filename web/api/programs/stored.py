"""Stored programs: read, edit, versions, and where they are active."""

from typing import Annotated, Any, Literal

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Program, Shape
from schemas.base import Name, StationId
from schemas.program import MAX_PROGRAM_BYTES
from web.access import current, requires
from web.api.programs.base import (
    ASKS,
    EDIT,
    FORM_BYTES,
    UNKNOWN,
    ProgramRead,
    Version,
    VersionQuery,
    VersionRow,
    about,
    answered,
    programs,
)
from web.command import Done, check_station
from web.program_checks import (
    Edit,
    ProgramForm,
    active_programs,
    changes_of,
    check_in_use,
    checked_by,
    document,
    edited,
    select,
    stale,
    tag_of,
    told_change,
)
from web.response import JSON, ok
from web.site import site
from web.upload import MAX_PICTURE_BYTES

SAVE_BYTES = MAX_PROGRAM_BYTES + MAX_PICTURE_BYTES + FORM_BYTES
SAVE = (*EDIT, "IMAGE_INVALID", "MASTER_IMAGE_NOT_FOUND", "BUSY")
TAKES = {JSON: Program, "multipart/form-data": ProgramForm}


class SaveQuery(Shape):
    """About the change."""

    note: Annotated[Name | Literal[""], Field(description="Why, for the list of versions.")] = ""


class DiffQuery(Shape):
    """Which two versions."""

    a: Version = Field(description="The earlier version.")
    b: Version = Field(description="The later version.")


class RollbackBody(Shape):
    """Which version to take up again."""

    version: Version = Field(description="The version that becomes the newest.")


class ActivateBody(Shape):
    """Where."""

    station: StationId = Field(description="The station.")


class ProgramRow(VersionRow):
    """A program in the list."""

    name: str
    tools: int
    active: list[str]


class ProgramList(TypedDict):
    """Every program, and what is wrong with their file."""

    programs: list[ProgramRow]
    problem: str | None


class Changed(TypedDict):
    """One difference between two versions."""

    path: str
    old: Any
    new: Any


@programs.get("")
@requires("SCREEN", data=ProgramList)
def all_programs() -> ResponseReturnValue:
    """The newest version of every program, and where it is active; a screen is not told who stored
    it and why."""
    active = active_programs()
    hidden = {"saved_by": "", "note": ""} if current().role == "SCREEN" else {}
    rows = [
        {
            **head._asdict(),
            **hidden,
            "etag": f'"{tag_of(head)}"',
            "active": [s for s, id in active.items() if id == head.id],
        }
        for head in site().programs.list()
    ]
    problem = site().programs.problem
    return ok({"programs": rows, "problem": problem.message if problem else None})


@programs.post("")
@requires(
    "ADMIN",
    query=SaveQuery,
    takes=TAKES,
    max_bytes=SAVE_BYTES,
    data=ProgramRead,
    status=201,
    codes=SAVE,
)
def create(query: SaveQuery) -> ResponseReturnValue:
    """Store a new program; its document is the body, or comes with its master in a form. Refused if
    there is one of that id."""
    return _saved(document(), 0, "program.create", query.note, status=201)


@programs.get("/<id>")
@requires("VIEWER", query=VersionQuery, data=ProgramRead, codes=UNKNOWN)
def read(id: str, query: VersionQuery) -> ResponseReturnValue:
    """One version of a program; its ETag is what an edit sends as If-Match."""
    return answered(site().programs.get(id, query.version))


@programs.put("/<id>")
@requires(
    "ADMIN",
    query=SaveQuery,
    takes=TAKES,
    max_bytes=SAVE_BYTES,
    data=ProgramRead,
    codes=(*SAVE, "PRECONDITION_REQUIRED"),
)
def replace(id: str, query: SaveQuery) -> ResponseReturnValue:
    """Store the next version. A stale edit is refused with what others have changed since
    (`details.changes`)."""
    version = edited(id)
    edit = document()
    if edit.program.id != id:
        raise Problem("VALIDATION_FAILED", f"id: the document is that of {edit.program.id}")
    return _saved(edit, version, "program.replace", query.note)


@programs.delete("/<id>")
@requires("ADMIN", codes=(*EDIT, "PROGRAM_ACTIVE", "BUSY"))
def delete(id: str) -> ResponseReturnValue:
    """Remove a program, unless a station uses it; its old versions can still be read."""
    with site().alone():
        head = site().programs.get(id)
        using = [station for station, program in active_programs().items() if program == id]
        if using:
            raise Problem("PROGRAM_ACTIVE", ", ".join(using), stations=using)
        version = edited(id) if "If-Match" in request.headers else head.version
        with site().audited("program.delete", id, version=version):
            site().programs.delete(id, version)
    return ok(message=f"{id} is deleted")


@programs.get("/<id>/versions")
@requires("VIEWER", data=list[VersionRow], codes=UNKNOWN)
def versions(id: str) -> ResponseReturnValue:
    """Every version, oldest first: when, by whom, why."""
    return ok([about(stored) for stored in site().programs.versions(id)])


@programs.get("/<id>/diff")
@requires("VIEWER", query=DiffQuery, data=list[Changed], codes=UNKNOWN)
def diff(id: str, query: DiffQuery) -> ResponseReturnValue:
    """What changed from version a to version b."""
    return ok(changes_of(id, query.a, query.b))


@programs.post("/<id>/rollback")
@requires("ADMIN", body=RollbackBody, data=ProgramRead, codes=EDIT)
def rollback(id: str, body: RollbackBody) -> ResponseReturnValue:
    """Store an old version again, as the newest."""
    expected = edited(id) if "If-Match" in request.headers else site().programs.get(id).version
    check_in_use(site().programs.get(id, body.version).program)
    with site().audited("program.rollback", id, to_version=body.version):
        return answered(site().programs.rollback(id, body.version, current().username, expected))


@programs.post("/<id>/activate")
@requires(
    "OPERATOR", body=ActivateBody, data=Done, codes=(*ASKS, "STATION_NOT_FOUND", "PROGRAM_INVALID")
)
def activate(id: str, body: ActivateBody) -> ResponseReturnValue:
    """Make it the active program of a station."""
    check_station(body.station)
    return ok(select(body.station, id))


def _saved(edit: Edit, expected: int, action: str, note: str, status: int = 200) -> Response:
    """Store document and master at once. Only then are they there for anybody."""
    program = edit.program
    check_in_use(program)
    checked = checked_by(program, edit.master)
    try:
        with site().audited(
            action,
            program.id,
            version=expected,
            change=told_change(program, expected),
            hash=program.hash,
            master=edit.size,
        ):
            stored = site().programs.save(
                program, checked.master, current().username, note, expected
            )
    except Problem as problem:
        # somebody else was faster, just now
        if problem.code == "PROGRAM_CONFLICT" and expected:
            raise stale(program.id, expected, site().programs.get(program.id).version) from None
        raise
    return answered(stored, status, checked=checked.by)
