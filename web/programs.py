"""Programs: read, edit, versions, import and export, master image, and trying before saving.

An edit says which version it changes (`If-Match`, the ETag of what was read) and is refused if that is not the newest any
more. Before a program is stored the node loads it and learns from its master; while the node is away only its shape is
checked, and the answer says so.
"""

import base64
from typing import Annotated, Any

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from schemas import Problem, Program, Shape, StoredProgram
from schemas.base import ProgramId, StationId
from schemas.command import Base64Image
from schemas.program import MAX_PROGRAM_BYTES
from schemas.store.bundle import MAX_BYTES
from schemas.store.filters import ResultId
from schemas.store.programs import read_import
from web.access import current, requires
from web.command import check_station, command
from web.edits import TRY_S, active_programs, changes_of, checked_by, document, edited, stale, station_of, tag_of
from web.records import records
from web.reply import ok
from web.site import site
from web.upload import MAX_PICTURE_BYTES, check_picture, uploaded

programs = Blueprint("programs", __name__, url_prefix="/api/v1/programs")

MAX_TRIES = 20
Version = Annotated[int, Field(ge=1, le=1_000_000_000)]
FORM_BYTES = 4096  # around the file of a form


class VersionQuery(Shape):
    """Which version."""

    version: Version | None = Field(default=None, description="Version; the newest if missing.")


class DiffQuery(Shape):
    """Which two versions."""

    a: Version = Field(description="The earlier version.")
    b: Version = Field(description="The later version.")


class ImportQuery(Shape):
    """How to import."""

    replace: bool = Field(default=False, description="Whether it becomes the next version of a program that exists.")


class RollbackBody(Shape):
    """Which version to take up again."""

    version: Version = Field(description="The version that becomes the newest.")


class ActivateBody(Shape):
    """Where."""

    station: StationId = Field(description="The station.")


class FromCamera(Shape):
    """A master from the camera."""

    station: StationId = Field(description="The station whose live picture becomes the master.")


class TryBody(Shape):
    """A program on the live picture, a given one, or pictures of the history."""

    station: StationId = Field(description="The station that runs it; nothing is stored and no line is driven.")
    program: dict[str, Any] | ProgramId = Field(description="A whole program, or the id of a stored one.")
    image: Base64Image | None = Field(default=None, description="JPEG or PNG in base64.")
    results: Annotated[tuple[ResultId, ...], Field(max_length=MAX_TRIES, strict=False)] = Field(
        default=(), description="Results whose pictures are tried; the live picture without image and results."
    )
    master: Base64Image | None = Field(default=None, description="Master for a given program; else its stored one.")


@programs.get("")
@requires("VIEWER")
def all_programs() -> ResponseReturnValue:
    """The newest version of every program, and where it is active."""
    active = active_programs()
    rows = [
        {**_about(stored), "name": stored.program.name, "active": [s for s, id in active.items() if id == stored.program.id]}
        for stored in site().programs.list()
    ]
    problem = site().programs.problem
    return ok({"programs": rows, "problem": problem.message if problem else None})


@programs.post("")
@requires("ADMIN", max_bytes=MAX_PROGRAM_BYTES)
def create() -> ResponseReturnValue:
    """Store a new program; its document is the body. Refused if there is one of that id."""
    return _saved(document(), 0, "program.create", status=201)


@programs.get("/<id>")
@requires("VIEWER", query=VersionQuery)
def read(id: str, query: VersionQuery) -> ResponseReturnValue:
    """One version of a program; its ETag is what an edit sends as If-Match."""
    return _answer(site().programs.get(id, query.version))


@programs.put("/<id>")
@requires("ADMIN", max_bytes=MAX_PROGRAM_BYTES)
def replace(id: str) -> ResponseReturnValue:
    """Store the next version. A stale edit is refused with what others have changed since (`details.changes`)."""
    version = edited(id)
    program = document()
    if program.id != id:
        raise Problem("VALIDATION_FAILED", f"id: the document is that of {program.id}")
    return _saved(program, version, "program.replace")


@programs.delete("/<id>")
@requires("ADMIN")
def delete(id: str) -> ResponseReturnValue:
    """Remove a program, unless a station uses it; its old versions can still be read."""
    head = site().programs.get(id)
    using = [station for station, program in active_programs().items() if program == id]
    if using:
        raise Problem("PROGRAM_ACTIVE", ", ".join(using), stations=using)
    version = edited(id) if "If-Match" in request.headers else head.version
    with site().audited("program.delete", id, version=version):
        site().programs.delete(id, version)
    return ok(message=f"{id} is deleted")


@programs.get("/<id>/versions")
@requires("VIEWER")
def versions(id: str) -> ResponseReturnValue:
    """Every version, oldest first: when, by whom, why."""
    return ok([_about(stored) for stored in site().programs.versions(id)])


@programs.get("/<id>/diff")
@requires("VIEWER", query=DiffQuery)
def diff(id: str, query: DiffQuery) -> ResponseReturnValue:
    """What changed from version a to version b."""
    return ok(changes_of(id, query.a, query.b))


@programs.post("/<id>/rollback")
@requires("ADMIN", body=RollbackBody)
def rollback(id: str, body: RollbackBody) -> ResponseReturnValue:
    """Store an old version again, as the newest."""
    expected = edited(id) if "If-Match" in request.headers else site().programs.get(id).version
    site().programs.get(id, body.version)
    with site().audited("program.rollback", id, to_version=body.version):
        return _answer(site().programs.rollback(id, body.version, current().username, expected))


@programs.post("/<id>/activate")
@requires("OPERATOR", body=ActivateBody)
def activate(id: str, body: ActivateBody) -> ResponseReturnValue:
    """Make it the active program of a station."""
    check_station(body.station)
    site().programs.get(id)
    with site().audited("station.select_program", body.station, program=id):
        return ok(command("select_program", station=body.station, program=id))


@programs.post("/import")
@requires("ADMIN", query=ImportQuery, max_bytes=MAX_BYTES + FORM_BYTES)
def import_program(query: ImportQuery) -> ResponseReturnValue:
    """Store a program from a .zip bundle or a JSON document, as the body or as the one file of a form."""
    found = read_import(uploaded(("application/zip", "application/octet-stream", "application/json")))
    if found.master is not None:
        check_picture(found.master)
    expected = 0
    if query.replace:
        try:
            expected = site().programs.get(found.program.id).version
        except Problem as problem:
            if problem.code != "PROGRAM_NOT_FOUND":
                raise
    checked = checked_by(found.program, found.master)
    with site().audited("program.import", found.program.id, hash=found.program.hash):
        stored = site().programs.save(found.program, found.master, current().username, "imported", expected, found.files)
    return _answer(stored, 201, checked=checked)


@programs.get("/<id>/export")
@requires("VIEWER", query=VersionQuery, limit="30 per minute")
def export(id: str, query: VersionQuery) -> ResponseReturnValue:
    """The program as a .zip bundle that imports to the same hash."""
    stored = site().programs.get(id, query.version)
    answer = Response(site().programs.export(id, query.version), mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{id}-v{stored.version}.zip"'
    answer.set_etag(tag_of(stored))
    return answer


@programs.get("/<id>/master")
@requires("VIEWER", query=VersionQuery)
def master(id: str, query: VersionQuery) -> ResponseReturnValue:
    """The master image of a version, as stored."""
    program = site().programs.get(id, query.version).program
    data = site().programs.master(program)
    if data is None or program.master is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"{id} has none")
    answer = Response(data, mimetype="image/png" if program.master.endswith(".png") else "image/jpeg")
    answer.set_etag(program.master)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


@programs.put("/<id>/master")
@requires("ADMIN", max_bytes=MAX_PICTURE_BYTES + FORM_BYTES)
def upload_master(id: str) -> ResponseReturnValue:
    """Make an uploaded PNG or JPEG the master, as a new version; the node decodes it, and its tools must learn from it."""
    if "If-Match" in request.headers:
        edited(id)
    data = uploaded(("image/png", "image/jpeg"))
    size = check_picture(data)
    head = site().programs.get(id)
    with site().audited("program.master", id, width=size.width, height=size.height, version=head.version):
        command("register_master", TRY_S, station=station_of(id), program=id, image=base64.b64encode(data).decode())
    return _answer(site().programs.get(id))


@programs.post("/<id>/master")
@requires("ADMIN", body=FromCamera)
def register_master(id: str, body: FromCamera) -> ResponseReturnValue:
    """Make the live picture of a station the master, as a new version."""
    check_station(body.station)
    head = site().programs.get(id)
    with site().audited("program.master", id, station=body.station, version=head.version):
        command("register_master", TRY_S, station=body.station, program=id)
    return _answer(site().programs.get(id))


@programs.post("/try")
@requires("ADMIN", body=TryBody, limit="120 per minute", max_bytes=24 * 1024 * 1024)
def try_program(body: TryBody) -> ResponseReturnValue:
    """What a program would say, without storing anything: one answer for each picture, or the problem with it."""
    check_station(body.station)
    if body.image is not None and body.results:
        raise Problem("VALIDATION_FAILED", "image: give image or results, not both")
    for given in (body.image, body.master):
        if given is not None:
            check_picture(_decoded(given))
    payload = body.model_dump(mode="json", exclude_none=True, exclude={"results"})
    if not body.results:
        return ok([command("try_program", TRY_S, **payload)])
    tried = []
    for result_id in body.results:
        try:
            path = records().pictures.path(f"{result_id}.jpg")
            image = base64.b64encode(path.read_bytes()).decode()
            tried.append({**command("try_program", TRY_S, **payload, image=image), "result_id": result_id})
        except FileNotFoundError:
            tried.append({"result_id": result_id, "problem": "RESULT_NOT_FOUND"})
        except Problem as problem:
            if problem.code != "RESULT_NOT_FOUND":
                raise
            tried.append({"result_id": result_id, "problem": problem.code})
    return ok(tried)


def _decoded(image: str) -> bytes:
    try:
        return base64.b64decode(image, validate=True)
    except ValueError:
        raise Problem("IMAGE_INVALID", "it is not base64") from None


def _saved(program: Program, expected: int, action: str, status: int = 200) -> Response:
    checked = checked_by(program, None)
    try:
        with site().audited(action, program.id, version=expected, hash=program.hash):
            stored = site().programs.save(program, None, current().username, expect_version=expected)
    except Problem as problem:
        if problem.code == "PROGRAM_CONFLICT" and expected:  # somebody was faster in this very moment
            raise stale(program.id, expected, site().programs.get(program.id).version) from None
        raise
    return _answer(stored, status, checked=checked)


def _about(stored: StoredProgram) -> dict[str, Any]:
    return {"id": stored.program.id, **stored.model_dump(mode="json", exclude={"program"}), "etag": f'"{tag_of(stored)}"'}


def _answer(stored: StoredProgram, status: int = 200, **more: Any) -> Response:
    answer = ok({**_about(stored), "program": stored.program.document(), **more}, status=status)
    answer.set_etag(tag_of(stored))
    return answer
