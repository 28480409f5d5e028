"""Programs: read, edit, versions, import and export, master image, and trying before saving.

An edit says which version it changes (`If-Match`, the ETag of what was read) and is refused if that is not the newest any
more. Before a program is stored the node loads it and learns from its master; while the node is away only its shape is
checked, and the answer says so.
"""

import base64
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from schemas import Problem, Program, Shape, StoredProgram
from schemas.base import Float, Name, ProgramId, StationId
from schemas.command import MAX_COMMAND_BYTES, Base64Image
from schemas.program import MAX_PROGRAM_BYTES
from schemas.store.bundle import MAX_BYTES
from schemas.store.filters import ResultId
from schemas.store.programs import read_import
from schemas.store.signature import REFUSALS
from web.access import current, requires
from web.answers import Changed, Done, Learned, ProgramList, ProgramRead, VersionRow
from web.command import NODE, check_station, command
from web.program_checks import (
    TRY_S,
    Edit,
    ProgramForm,
    active_programs,
    changes_of,
    checked_by,
    document,
    edited,
    stale,
    station_of,
    tag_of,
)
from web.records import records
from web.response import JSON, ok
from web.site import site
from web.upload import MAX_PICTURE_BYTES, check_picture, uploaded

programs = Blueprint("programs", __name__, url_prefix="/api/v1/programs")

UNKNOWN = ("PROGRAM_NOT_FOUND",)
ASKS = (*UNKNOWN, *NODE)
EDIT = (*UNKNOWN, "PROGRAM_INVALID", "PROGRAM_CONFLICT")
MAX_TRIES = 20
CALIBRATE_S = 40.0
Version = Annotated[int, Field(ge=1, le=1_000_000_000)]
FORM_BYTES = 4096  # around the file of a form
SAVE_BYTES = MAX_PROGRAM_BYTES + MAX_PICTURE_BYTES + FORM_BYTES
SAVE = (*EDIT, "IMAGE_INVALID", "MASTER_IMAGE_NOT_FOUND", "BUSY")
TAKES = {JSON: Program, "multipart/form-data": ProgramForm}


class VersionQuery(Shape):
    """Which version."""

    version: Version | None = Field(default=None, description="Version; the newest if missing.")


class SaveQuery(Shape):
    """About the change."""

    note: Annotated[Name | Literal[""], Field(description="Why, for the list of versions.")] = ""


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
    challenge: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None,
        description="Instead, what it would miss: faults are drawn on one picture (the master if missing), from this one on.",
    )


class CalibrateBody(Shape):
    """Pictures of a checkerboard."""

    station: StationId = Field(description="The station whose node calculates.")
    images: Annotated[tuple[Base64Image, ...], Field(min_length=3, max_length=20, strict=False)] = Field(
        description="JPEG or PNG in base64, of one size."
    )
    columns: Annotated[int, Field(ge=3, le=50)] = Field(description="Inner corners of the board in a row.")
    rows: Annotated[int, Field(ge=3, le=50)] = Field(description="Inner corners of the board in a column.")
    square_mm: Float = Field(gt=0, le=1000, description="Side of a square in mm.")
    in_plane: Annotated[int, Field(ge=0, le=19)] | None = Field(
        default=None, description="Number of the picture, from 0, in which the board lies where the parts will lie."
    )


@programs.get("")
@requires("VIEWER", data=ProgramList)
def all_programs() -> ResponseReturnValue:
    """The newest version of every program, and where it is active."""
    active = active_programs()
    rows = [
        {**head._asdict(), "etag": f'"{tag_of(head)}"', "active": [s for s, id in active.items() if id == head.id]}
        for head in site().programs.list()
    ]
    problem = site().programs.problem
    return ok({"programs": rows, "problem": problem.message if problem else None})


@programs.post("")
@requires("ADMIN", query=SaveQuery, takes=TAKES, max_bytes=SAVE_BYTES, data=ProgramRead, status=201, codes=SAVE)
def create(query: SaveQuery) -> ResponseReturnValue:
    """Store a new program; its document is the body, or comes with its master in a form. Refused if there is one of that id."""
    return _saved(document(), 0, "program.create", query.note, status=201)


@programs.get("/<id>")
@requires("VIEWER", query=VersionQuery, data=ProgramRead, codes=UNKNOWN)
def read(id: str, query: VersionQuery) -> ResponseReturnValue:
    """One version of a program; its ETag is what an edit sends as If-Match."""
    return _answer(site().programs.get(id, query.version))


@programs.put("/<id>")
@requires("ADMIN", query=SaveQuery, takes=TAKES, max_bytes=SAVE_BYTES, data=ProgramRead, codes=(*SAVE, "PRECONDITION_REQUIRED"))
def replace(id: str, query: SaveQuery) -> ResponseReturnValue:
    """Store the next version. A stale edit is refused with what others have changed since (`details.changes`)."""
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
    return ok([_about(stored) for stored in site().programs.versions(id)])


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
    site().programs.get(id, body.version)
    with site().audited("program.rollback", id, to_version=body.version):
        return _answer(site().programs.rollback(id, body.version, current().username, expected))


@programs.post("/<id>/activate")
@requires("OPERATOR", body=ActivateBody, data=Done, codes=(*ASKS, "STATION_NOT_FOUND"))
def activate(id: str, body: ActivateBody) -> ResponseReturnValue:
    """Make it the active program of a station."""
    check_station(body.station)
    with site().alone(), site().audited("station.select_program", body.station, program=id):
        site().programs.get(id)
        return ok(command("select_program", station=body.station, program=id))


@programs.post("/import")
@requires(
    "ADMIN",
    query=ImportQuery,
    takes={"application/zip": bytes, "application/octet-stream": bytes, JSON: Program},
    max_bytes=MAX_BYTES + FORM_BYTES,
    data=ProgramRead,
    status=201,
    codes=(*EDIT, "IMAGE_INVALID", "BUSY", *REFUSALS),
)
def import_program(query: ImportQuery) -> ResponseReturnValue:
    """Store a program from a .zip bundle or a JSON document, as the body or as the one file of a form."""
    try:
        found = read_import(uploaded(), site().settings.programs)
    except Problem as problem:
        if problem.code in REFUSALS:
            site().audit("program.import.failed", code=problem.code, message=problem.message)
        raise
    if found.master is not None:
        check_picture(found.master)
    expected = 0
    if query.replace:
        try:
            expected = site().programs.get(found.program.id).version
        except Problem as problem:
            if problem.code != "PROGRAM_NOT_FOUND":
                raise
    site().programs.keep_models(found.program, found.files)  # by their own hash, so that the node can load the program
    checked = checked_by(found.program, found.master)
    signer = found.signer
    about = {"hash": found.program.hash, **({"signed_by": str(signer)} if signer else {})}
    note = f"imported, signed by {signer}" if signer else "imported"
    with site().audited("program.import", found.program.id, **about):
        stored = site().programs.save(found.program, checked.master, current().username, note, expected, found.files)
    return _answer(stored, 201, checked=checked.by, signed_by=signer and signer._asdict())


@programs.get("/<id>/export")
@requires("VIEWER", query=VersionQuery, limit="30 per minute", gives=("application/zip",), codes=UNKNOWN)
def export(id: str, query: VersionQuery) -> ResponseReturnValue:
    """The program as a .zip bundle that imports to the same hash; signed where this node has a key for that."""
    stored = site().programs.get(id, query.version)
    data = site().programs.export(id, query.version, site().settings.programs)
    answer = Response(data, mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{id}-v{stored.version}.zip"'
    answer.set_etag(tag_of(stored))
    return answer


@programs.get("/<id>/master")
@requires("VIEWER", query=VersionQuery, gives=("image/png", "image/jpeg"), codes=(*UNKNOWN, "MASTER_IMAGE_NOT_FOUND"))
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
@requires(
    "ADMIN",
    takes={"image/png": bytes, "image/jpeg": bytes},
    max_bytes=MAX_PICTURE_BYTES + FORM_BYTES,
    data=ProgramRead,
    codes=(*EDIT, *ASKS, "IMAGE_INVALID"),
)
def upload_master(id: str) -> ResponseReturnValue:
    """Make an uploaded PNG or JPEG the master, as a new version; the node decodes it, and its tools must learn from it."""
    if "If-Match" in request.headers:
        edited(id)
    data = uploaded()
    size = check_picture(data)
    head = site().programs.get(id)
    with site().audited("program.master", id, width=size.width, height=size.height, version=head.version):
        command("register_master", TRY_S, station=station_of(id), program=id, image=base64.b64encode(data).decode())
    return _answer(site().programs.get(id))


@programs.post("/<id>/master")
@requires("ADMIN", body=FromCamera, data=ProgramRead, codes=(*ASKS, "STATION_NOT_FOUND"))
def register_master(id: str, body: FromCamera) -> ResponseReturnValue:
    """Make the live picture of a station the master, as a new version."""
    check_station(body.station)
    head = site().programs.get(id)
    with site().audited("program.master", id, station=body.station, version=head.version):
        command("register_master", TRY_S, station=body.station, program=id)
    return _answer(site().programs.get(id))


@programs.post("/try")
@requires(
    "ADMIN",
    body=TryBody,
    limit="120 per minute",
    max_bytes=24 * 1024 * 1024,
    data=list[Done],
    codes=(*ASKS, "STATION_NOT_FOUND", "IMAGE_INVALID"),
)
def try_program(body: TryBody) -> ResponseReturnValue:
    """What a program would say, without storing anything: one answer for each picture, or the problem with it.

    With `challenge` the answer is what came of the drawn faults so far, and `next`, from which on to ask again.
    """
    check_station(body.station)
    if body.image is not None and body.results:
        raise Problem("VALIDATION_FAILED", "image: give image or results, not both")
    if body.challenge is not None and len(body.results) > 1:
        raise Problem("VALIDATION_FAILED", "challenge: faults are drawn on one picture")
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


@programs.post("/calibrate")
@requires(
    "ADMIN",
    body=CalibrateBody,
    limit="20 per minute",
    max_bytes=MAX_COMMAND_BYTES,
    data=Learned,
    codes=(*NODE, "STATION_NOT_FOUND", "IMAGE_INVALID", "IMAGE_SIZE", "NO_CONTRAST"),
)
def calibrate(body: CalibrateBody) -> ResponseReturnValue:
    """Camera and lens as learned from pictures of a checkerboard, for a program's `calibration`; nothing is stored."""
    check_station(body.station)
    for image in body.images:
        check_picture(_decoded(image))
    return ok(command("calibrate", CALIBRATE_S, **body.model_dump(mode="json", exclude_none=True)))


def _decoded(image: str) -> bytes:
    try:
        return base64.b64decode(image, validate=True)
    except ValueError:
        raise Problem("IMAGE_INVALID", "it is not base64") from None


def _saved(edit: Edit, expected: int, action: str, note: str, status: int = 200) -> Response:
    """Store document and master at once. Only then are they there for anybody."""
    program = edit.program
    checked = checked_by(program, edit.master)
    try:
        with site().audited(action, program.id, version=expected, hash=program.hash, master=edit.size):
            stored = site().programs.save(program, checked.master, current().username, note, expected)
    except Problem as problem:
        if problem.code == "PROGRAM_CONFLICT" and expected:  # somebody was faster in this very moment
            raise stale(program.id, expected, site().programs.get(program.id).version) from None
        raise
    return _answer(stored, status, checked=checked.by)


def _about(stored: StoredProgram) -> dict[str, Any]:
    return {"id": stored.program.id, **stored.model_dump(mode="json", exclude={"program"}), "etag": f'"{tag_of(stored)}"'}


def _answer(stored: StoredProgram, status: int = 200, **more: Any) -> Response:
    answer = ok({**_about(stored), "program": stored.program.document(), **more}, status=status)
    answer.set_etag(tag_of(stored))
    return answer
