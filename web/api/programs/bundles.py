"""Bundles: a program with its pictures and models as one .zip, signed where this node has a key for
that."""

from flask import Response
from flask.typing import ResponseReturnValue
from pydantic import Field

from schemas import Problem, Program, Shape
from schemas.store.programs import read_import
from schemas.store.programs.bundle import MAX_BYTES
from schemas.store.programs.signature import REFUSALS
from web.access import current, requires
from web.api.programs.base import (
    EDIT,
    FORM_BYTES,
    UNKNOWN,
    ProgramRead,
    VersionQuery,
    answered,
    programs,
)
from web.program_checks import check_in_use, checked_by, tag_of
from web.response import JSON
from web.site import site
from web.upload import check_picture, uploaded


class ImportQuery(Shape):
    """How to import."""

    replace: bool = Field(
        default=False, description="Whether it becomes the next version of a program that exists."
    )


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
    """Store a program from a .zip bundle or a JSON document, as the body or as the one file of a
    form."""
    try:
        imported = read_import(uploaded(), site().settings.programs)
    except Problem as problem:
        if problem.code in REFUSALS:
            site().audit("program.import.failed", code=problem.code, message=problem.message)
        raise
    if imported.master is not None:
        check_picture(imported.master)
    check_in_use(imported.program)
    expected = 0
    if query.replace:
        try:
            expected = site().programs.get(imported.program.id).version
        except Problem as problem:
            if problem.code != "PROGRAM_NOT_FOUND":
                raise
    # by their own hash, so that the node can load the program
    site().programs.keep_models(imported.program, imported.files)
    checked = checked_by(imported.program, imported.master)
    signer = imported.signer
    about = {"hash": imported.program.hash, **({"signed_by": str(signer)} if signer else {})}
    note = f"imported, signed by {signer}" if signer else "imported"
    with site().audited("program.import", imported.program.id, **about):
        stored = site().programs.save(
            imported.program, checked.master, current().username, note, expected, imported.files
        )
    return answered(stored, 201, checked=checked.by, signed_by=signer and signer._asdict())


@programs.get("/<id>/export")
@requires(
    "VIEWER", query=VersionQuery, limit="30 per minute", gives=("application/zip",), codes=UNKNOWN
)
def export(id: str, query: VersionQuery) -> ResponseReturnValue:
    """The program as a .zip bundle that imports to the same hash; signed where this node has a key
    for that."""
    stored = site().programs.get(id, query.version)
    data = site().programs.export(id, query.version, site().settings.programs)
    answer = Response(data, mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{id}-v{stored.version}.zip"'
    answer.set_etag(tag_of(stored))
    return answer
