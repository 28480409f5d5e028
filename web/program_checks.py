"""Edits of programs: which version they change, what others changed meanwhile, and whether the node
takes the outcome."""

import base64
import json
import re
import time
from typing import Any, NamedTuple, NotRequired

from flask import request
from typing_extensions import TypedDict

from schemas import Problem, Program, StoredProgram, as_program, read_json
from schemas.base import plain
from schemas.program import MAX_PROGRAM_BYTES, check_limits
from schemas.store.programs import Head
from schemas.store.programs.differences import differences
from web.command import command, presence, presence_known, stations
from web.records import records
from web.site import site
from web.upload import FORM_MEMORY, MAX_PICTURE_BYTES, check_picture

ETAG = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})-([0-9a-f]{12})"')
TRY_S = 15.0
MOST_TOLD, MOST_VALUE = 1000, 60  # characters of what changed, and of one value of it
LATE_S, LOOK_S = 2.0, 0.1  # how long a late node may take until its state shows what it did


class ProgramForm(TypedDict):
    """A program and its master in one request, so that nothing half is stored."""

    program: Program
    master: NotRequired[bytes]


class Edit(NamedTuple):
    """What is to be stored: a program, and its master (PNG or JPEG) unless the stored one stays."""

    program: Program
    master: bytes | None = None
    size: str | None = None


def document() -> Edit:
    """The program in the body, or in the part `program` of a form whose part `master` may be a
    picture.

    Raises Problem CONTENT_TYPE, TOO_LARGE, PROGRAM_INVALID, IMAGE_INVALID, VALIDATION_FAILED.
    """
    if request.mimetype == "multipart/form-data":
        parts = _parts()
        program = as_program(
            read_json(parts["program"], limit=MAX_PROGRAM_BYTES, code="PROGRAM_INVALID")
        )
        if "master" not in parts:
            return Edit(program)
        picture = check_picture(parts["master"])
        return Edit(program, parts["master"], f"{picture.width} x {picture.height}")
    if request.mimetype != "application/json":
        raise Problem(
            "CONTENT_TYPE", "send application/json, or a form with the parts program and master"
        )
    if (request.content_length or 0) > MAX_PROGRAM_BYTES:
        raise Problem("TOO_LARGE", f"a program has at most {MAX_PROGRAM_BYTES} bytes")
    return Edit(
        as_program(
            read_json(
                request.get_data(cache=False), limit=MAX_PROGRAM_BYTES, code="PROGRAM_INVALID"
            )
        )
    )


def _parts() -> dict[str, bytes]:
    """The parts `program` and `master` of a form, each once, as field or file. Raises Problem
    VALIDATION_FAILED, TOO_LARGE."""
    request.max_form_memory_size = FORM_MEMORY
    parts: dict[str, bytes] = {}
    given = [
        (name, file.stream.read(MAX_PICTURE_BYTES + 1))
        for name, file in request.files.items(multi=True)
    ]
    given += [
        (name, text.encode(errors="replace")) for name, text in request.form.items(multi=True)
    ]
    for name, data in given:
        if name not in ("program", "master") or name in parts:
            raise Problem(
                "VALIDATION_FAILED",
                f"{plain(name, 40)}: the form has one part program, and one part master at most",
            )
        if len(data) > MAX_PICTURE_BYTES:
            raise Problem("TOO_LARGE", f"{name}: at most {MAX_PICTURE_BYTES >> 20} MiB")
        parts[name] = data
    if "program" not in parts:
        raise Problem("VALIDATION_FAILED", "program: the form has no such part")
    return parts


def edited(program_id: str) -> int:
    """The version that the request changes, by If-Match. Raises Problem PRECONDITION_REQUIRED,
    PROGRAM_CONFLICT."""
    given = request.headers.get("If-Match")
    if given is None:
        raise Problem("PRECONDITION_REQUIRED", "its value is the ETag of the version that was read")
    match = ETAG.fullmatch(given.strip())
    if not match:
        raise Problem("VALIDATION_FAILED", "If-Match: it is not one ETag of ours")
    version, head = int(match[1]), site().programs.get(program_id)
    # weak, because the answer was compressed
    if version != head.version or f'"{tag_of(head)}"' != given.strip().removeprefix("W/"):
        raise stale(program_id, version, head.version)
    return version


def stale(program_id: str, edited: int, head: int) -> Problem:
    """The refusal of an edit of an old version, with what changed since."""
    try:
        changes = changes_of(program_id, edited, head)
    except Problem:  # a version that never existed
        changes = []
    return Problem(
        "PROGRAM_CONFLICT",
        f"version {edited} was edited, but the newest is {head}",
        version=head,
        changes=changes,
    )


def changes_of(program_id: str, a: int, b: int) -> list[dict[str, Any]]:
    """What changed from version a to version b."""
    return [change._asdict() for change in site().programs.diff(program_id, a, b)]


def told_change(program: Program, version: int) -> str:
    """What a program changes of that version, in short, for the audit; "" for a first one."""
    if not version:
        return ""
    before = site().programs.get(program.id, version).program.document()
    changes = differences("", before, program.document())
    told = "; ".join(f"{path}: {_short(old)} -> {_short(new)}" for path, old, new in changes)
    return plain(told, MOST_TOLD)


def _short(value: Any) -> str:
    return plain(json.dumps(value, ensure_ascii=False), MOST_VALUE)


class Checked(NamedTuple):
    """By whom a program was checked (`node`, or its `structure` only), and the master as it shall
    be stored."""

    by: str
    master: bytes | None


def checked_by(program: Program, picture: bytes | None) -> Checked:
    """`node` if the node has loaded it and learned from its master; a new one comes back from it as
    it decoded it.

    While the node is away, and for a picture that is too large for a command, a confined child of
    the web encodes it anew. Raises Problem of the loading, IMAGE_INVALID, BUSY.
    """
    if presence_known() != "ok" or (picture is not None and len(picture) > MAX_PICTURE_BYTES):
        return _unchecked(picture)
    payload: dict[str, Any] = {"station": stations()[0], "program": program.document()}
    if picture is not None:
        payload |= {"master": base64.b64encode(picture).decode(), "give_master": True}
    shown = site().programs.master(program) if picture is None else picture
    if shown is not None and len(shown) <= MAX_PICTURE_BYTES // 2:
        payload["image"] = base64.b64encode(shown).decode()
    try:
        answer = command("try_program", TRY_S, **payload)
    except Problem as problem:
        if problem.code in ("NODE_AWAY", "BROKER_AWAY"):
            return _unchecked(picture)
        raise
    if picture is None:
        return Checked("node", None)
    return Checked(
        "node",
        base64.b64decode(answer["master"]) if "master" in answer else site().recoded(picture),
    )


def _unchecked(picture: bytes | None) -> Checked:
    return Checked("structure", None if picture is None else site().recoded(picture))


def station_of(program_id: str) -> str:
    """A station that uses the program, else the first."""
    return next(
        (station for station, program in active_programs().items() if program == program_id),
        stations()[0],
    )


def active_programs() -> dict[str, str]:
    """Station to its active program: as the node says, else as the ledger remembers, else as the
    settings say."""
    active = {station.id: station.program for station in site().settings.station if station.program}
    active |= records().history.active()
    for station, state in ((site().watch.state or {}).get("stations") or {}).items():
        if state.get("program"):
            active[station] = state["program"]
    return {station: program for station, program in active.items() if station in stations()}


def check_in_use(program: Program) -> None:
    """For the next version of a program that a station uses, what check_limits() says. Raises
    Problem PROGRAM_INVALID."""
    if program.id in active_programs().values():
        check_limits(program)


def select(station: str, program: str) -> dict[str, Any]:
    """Give a station a program, while none is deleted. Raises Problem PROGRAM_NOT_FOUND,
    PROGRAM_INVALID, as command() does.

    A node that says so too late has done it all the same: its state tells, and that is what is
    told and audited.
    """
    with site().alone():
        check_limits(site().programs.get(program).program)
        with site().audited("station.select_program", station, program=program):
            try:
                return command("select_program", station=station, program=program)
            except Problem as problem:
                if problem.code != "NODE_AWAY" or (used := _used(station, program)) is None:
                    raise
                return used


def _used(station: str, program: str) -> dict[str, Any] | None:
    """What the station uses, if that is the program, or becomes so in a moment; what a node said
    that is not heard any more does not count as an answer."""
    until = time.monotonic() + LATE_S
    while True:
        state = (site().watch.state or {}).get("stations", {}).get(station, {})
        if state.get("program") == program and presence() == "ok":
            return {"program": program, "program_version": state.get("program_version")}
        if time.monotonic() > until:
            return None
        time.sleep(LOOK_S)


def tag_of(stored: StoredProgram | Head) -> str:
    """The ETag of a version, without quotes."""
    return f"{stored.version}-{stored.hash.removeprefix('sha256:')[:12]}"
