"""Edits of programs: which version they change, what others changed meanwhile, and whether the node takes the outcome."""

import base64
import re
from typing import Any

from flask import request

from schemas import Problem, Program, StoredProgram, as_program, read_json
from schemas.program import MAX_PROGRAM_BYTES
from web.command import command, presence_known, stations
from web.records import records
from web.site import site
from web.upload import MAX_PICTURE_BYTES

ETAG = re.compile(r'"([1-9][0-9]{0,8})-([0-9a-f]{12})"')
TRY_S = 15.0


def document() -> Program:
    """The program in the body. Raises Problem CONTENT_TYPE, PROGRAM_INVALID."""
    if request.mimetype != "application/json":
        raise Problem("CONTENT_TYPE", "send application/json")
    return as_program(read_json(request.get_data(cache=False), limit=MAX_PROGRAM_BYTES, code="PROGRAM_INVALID"))


def edited(id: str) -> int:
    """The version that the request changes, by If-Match. Raises Problem PRECONDITION_REQUIRED, PROGRAM_CONFLICT."""
    given = request.headers.get("If-Match")
    if given is None:
        raise Problem("PRECONDITION_REQUIRED", "its value is the ETag of the version that was read")
    found = ETAG.fullmatch(given.strip())
    if not found:
        raise Problem("VALIDATION_FAILED", "If-Match: it is not one ETag of ours")
    version, head = int(found[1]), site().programs.get(id)
    if version != head.version or f'"{tag_of(head)}"' != given.strip():
        raise stale(id, version, head.version)
    return version


def stale(id: str, edited: int, head: int) -> Problem:
    """The refusal of an edit of an old version, with what changed since."""
    try:
        changes = changes_of(id, edited, head)
    except Problem:  # a version that never was
        changes = []
    return Problem("PROGRAM_CONFLICT", f"version {edited} was edited, but the newest is {head}", version=head, changes=changes)


def changes_of(id: str, a: int, b: int) -> list[dict[str, Any]]:
    """What changed from version a to version b."""
    return [change._asdict() for change in site().programs.diff(id, a, b)]


def checked_by(program: Program, picture: bytes | None) -> str:
    """`node` if the node has loaded it and learned from its master, else `structure`. Raises Problem of the loading."""
    if presence_known() != "ok":
        return "structure"
    given = picture
    if given is None and program.master is not None:
        given = site().programs.master(program)
    payload: dict[str, Any] = {"station": stations()[0], "program": program.document()}
    if given is not None and len(given) <= MAX_PICTURE_BYTES // 2:
        payload["image"] = payload["master"] = base64.b64encode(given).decode()
    try:
        command("try_program", TRY_S, **payload)
    except Problem as problem:
        if problem.code in ("NODE_AWAY", "BROKER_AWAY"):
            return "structure"
        raise
    return "node"


def station_of(id: str) -> str:
    """A station that uses the program, else the first."""
    return next((station for station, program in active_programs().items() if program == id), stations()[0])


def active_programs() -> dict[str, str]:
    """Station to its active program: as the node says, else as the ledger remembers, else as the settings say."""
    active = {station.id: station.program for station in site().settings.station if station.program}
    active |= records().history.active()
    for station, state in ((site().watch.state or {}).get("stations") or {}).items():
        if state.get("program"):
            active[station] = state["program"]
    return {station: program for station, program in active.items() if station in stations()}


def tag_of(stored: StoredProgram) -> str:
    """The ETag of a version, without quotes."""
    return f"{stored.version}-{stored.hash.removeprefix('sha256:')[:12]}"
