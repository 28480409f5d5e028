"""The master image of a program: as it is stored, uploaded, or taken from the camera."""

import base64
import threading
from contextlib import suppress
from pathlib import Path

from flask import Response, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from schemas import Problem, Program, Shape, new_id
from schemas.base import StationId
from web.access import requires
from web.api.programs.base import (
    ASKS,
    EDIT,
    FORM_BYTES,
    UNKNOWN,
    ProgramRead,
    VersionQuery,
    answered,
    programs,
)
from web.command import check_station, command
from web.program_checks import TRY_S, edited, station_of
from web.recoding import TURN_S, smaller
from web.site import site
from web.upload import MAX_PICTURE_BYTES, check_picture, uploaded

SMALL = "small"  # of the state folder
_making = threading.Lock()
MOST_SMALL = 500  # files of about 4 kB; a missing one is made again


class FromCamera(Shape):
    """A master from the camera."""

    station: StationId = Field(description="The station whose live picture becomes the master.")


@programs.get("/<id>/master")
@requires(
    "VIEWER",
    query=VersionQuery,
    gives=("image/png", "image/jpeg"),
    codes=(*UNKNOWN, "MASTER_IMAGE_NOT_FOUND"),
)
def master(id: str, query: VersionQuery) -> ResponseReturnValue:
    """The master image of a version, as stored."""
    program = site().programs.get(id, query.version).program
    data = site().programs.master(program)
    if data is None or program.master is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"{id} has none")
    answer = Response(
        data, mimetype="image/png" if program.master.endswith(".png") else "image/jpeg"
    )
    answer.set_etag(program.master)
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


@programs.get("/<id>/master/small")
@requires(
    "VIEWER",
    limit="1200 per minute",
    gives=("image/jpeg",),
    codes=(*UNKNOWN, "MASTER_IMAGE_NOT_FOUND", "IMAGE_INVALID", "BUSY"),
)
def small_master(id: str) -> ResponseReturnValue:
    """The newest master image in 160 px, for lists; it is made once."""
    program = site().programs.get(id).program
    if program.master is None:
        raise Problem("MASTER_IMAGE_NOT_FOUND", f"{id} has none")
    kept = site().state / SMALL / f"{Path(program.master).stem}.jpg"
    answer = Response(_small(program, kept), mimetype="image/jpeg")
    answer.set_etag(f"{program.master}-small")
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


def _small(program: Program, kept: Path) -> bytes:
    """The small master of a program, from its file; a list asks for the same one many times at
    once, and one of them makes it. Raises Problem MASTER_IMAGE_NOT_FOUND, IMAGE_INVALID, BUSY."""
    if (small := _kept(kept)) is not None:
        return small
    if not _making.acquire(timeout=TURN_S):
        raise Problem("BUSY", "other pictures are being decoded", retry_after_s=5)
    try:
        if (small := _kept(kept)) is not None:
            return small
        data = site().programs.master(program)
        if data is None:
            raise Problem("MASTER_IMAGE_NOT_FOUND", f"{program.id} has none")
        made = smaller(data)
        with suppress(OSError):  # on a full disk it is made again
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            passing = kept.with_suffix(f".{new_id()}")
            passing.write_bytes(made)
            passing.replace(kept)
            _trim(kept.parent)
        return made
    finally:
        _making.release()


def _kept(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # never made, or just trimmed
        return None


def _trim(folder: Path) -> None:
    """Leave the newest of the small masters; of versions before nobody asks for one."""
    paths = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in paths[MOST_SMALL:]:
        old.unlink(missing_ok=True)


@programs.put("/<id>/master")
@requires(
    "ADMIN",
    takes={"image/png": bytes, "image/jpeg": bytes},
    max_bytes=MAX_PICTURE_BYTES + FORM_BYTES,
    data=ProgramRead,
    codes=(*EDIT, *ASKS, "IMAGE_INVALID"),
)
def upload_master(id: str) -> ResponseReturnValue:
    """Make an uploaded PNG or JPEG the master, as a new version; the node decodes it, and its tools
    must learn from it."""
    if "If-Match" in request.headers:
        edited(id)
    data = uploaded()
    size = check_picture(data)
    head = site().programs.get(id)
    with site().audited(
        "program.master", id, width=size.width, height=size.height, version=head.version
    ):
        command(
            "register_master",
            TRY_S,
            station=station_of(id),
            program=id,
            image=base64.b64encode(data).decode(),
        )
    return answered(site().programs.get(id))


@programs.post("/<id>/master")
@requires("ADMIN", body=FromCamera, data=ProgramRead, codes=(*ASKS, "STATION_NOT_FOUND"))
def register_master(id: str, body: FromCamera) -> ResponseReturnValue:
    """Make the live picture of a station the master, as a new version."""
    check_station(body.station)
    head = site().programs.get(id)
    with site().audited("program.master", id, station=body.station, version=head.version):
        command("register_master", TRY_S, station=body.station, program=id)
    return answered(site().programs.get(id))
