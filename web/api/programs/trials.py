"""Trying a program before it is stored, and learning camera and lens from a checkerboard: nothing
is kept."""

import base64
import hashlib
import time
from typing import Annotated, Any

from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Checkerboard, Problem, Shape
from schemas.base import Float, ProgramId, StationId
from schemas.command import MAX_COMMAND_BYTES, Base64Image, PictureHash
from schemas.store.history.filter import ResultId
from web.access import requires
from web.api.programs.base import ASKS, programs
from web.command import NODE, Done, check_station, command
from web.program_checks import TRY_S
from web.records import records
from web.response import ok
from web.upload import check_picture

MAX_TRIES = 20
ALL_S = 30.0  # for many pictures: a slow node holds none of our threads for longer
CALIBRATE_S = 40.0


class TryBody(Shape):
    """A program on the live picture, a given one, or pictures of the history."""

    station: StationId = Field(
        description="The station that runs it; nothing is stored and no line is driven."
    )
    program: dict[str, Any] | ProgramId = Field(
        description="A whole program, or the id of a stored one."
    )
    image: Base64Image | None = Field(default=None, description="JPEG or PNG in base64.")
    results: Annotated[tuple[ResultId, ...], Field(max_length=MAX_TRIES, strict=False)] = Field(
        default=(),
        description="Results whose pictures are tried; the live picture without image and results.",
    )
    image_sha256: PictureHash | None = Field(
        default=None,
        description="Instead of image: the hash of one sent before, as the answer gave it.",
    )
    on_master: bool = Field(default=False, description="Whether the master itself is the picture.")
    master: Base64Image | None = Field(
        default=None, description="Master for a given program; else its stored one."
    )
    master_sha256: PictureHash | None = Field(
        default=None,
        description="Instead of master: the hash of one sent before, as the answer gave it.",
    )
    challenge: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None,
        description=(
            "Instead, what it would miss: faults are drawn on one picture (the master if missing),"
            " from this one on."
        ),
    )


class CalibrateBody(Shape):
    """Pictures of a checkerboard."""

    station: StationId = Field(description="The station whose node calculates.")
    images: Annotated[tuple[Base64Image, ...], Field(min_length=3, max_length=20, strict=False)] = (
        Field(description="JPEG or PNG in base64, of one size.")
    )
    columns: Annotated[int, Field(ge=3, le=50)] = Field(
        description="Inner corners of the board in a row."
    )
    rows: Annotated[int, Field(ge=3, le=50)] = Field(
        description="Inner corners of the board in a column."
    )
    square_mm: Float = Field(gt=0, le=1000, description="Side of a square in mm.")
    in_plane: Annotated[int, Field(ge=0, le=19)] | None = Field(
        default=None,
        description=(
            "Number of the picture, from 0, in which the board lies where the parts will lie."
        ),
    )


class LearnedCamera(TypedDict):
    """What was learned from pictures of a checkerboard."""

    calibration: Checkerboard


@programs.post("/try")
@requires(
    "ADMIN",
    body=TryBody,
    limit="120 per minute",
    max_bytes=24 * 1024 * 1024,
    data=list[Done],
    codes=(*ASKS, "STATION_NOT_FOUND", "IMAGE_INVALID", "IMAGE_NOT_KEPT"),
)
def try_program(body: TryBody) -> ResponseReturnValue:
    """What a program would say, without storing anything: one answer for each picture, or the
    problem with it.

    A picture need be sent once only: each answer has `image_sha256` and `master_sha256` of what it
    was given, and IMAGE_NOT_KEPT says that it must be sent again. Of many results those that a slow
    node has not come to in half a minute are BUSY. With `challenge` the answer is
    what came of the drawn faults so far, and `next`, from which on to ask again.
    """
    check_station(body.station)
    if sum(map(bool, (body.image, body.image_sha256, body.on_master, body.results))) > 1:
        raise Problem("VALIDATION_FAILED", "image: give image, image_sha256, on_master or results")
    if body.master is not None and body.master_sha256 is not None:
        raise Problem("VALIDATION_FAILED", "master: give it, or its hash")
    if body.challenge is not None and len(body.results) > 1:
        raise Problem("VALIDATION_FAILED", "challenge: faults are drawn on one picture")
    for given in (body.image, body.master):
        if given is not None:
            check_picture(_decoded(given))
    payload = body.model_dump(mode="json", exclude_none=True, exclude={"results"})
    if not body.results:
        return ok([command("try_program", TRY_S, **payload)])
    tried: list[dict[str, Any]] = []
    until = time.monotonic() + ALL_S
    for result_id in body.results:
        if time.monotonic() > until:  # the next request goes on from there
            tried.append({"result_id": result_id, "problem": "BUSY"})
            continue
        try:
            outcome = _on_kept(result_id, payload)
            tried.append({**outcome, "result_id": result_id})
        except FileNotFoundError:
            tried.append({"result_id": result_id, "problem": "RESULT_NOT_FOUND"})
        except Problem as problem:
            if problem.code != "RESULT_NOT_FOUND":
                raise
            tried.append({"result_id": result_id, "problem": problem.code})
    return ok(tried)


def _on_kept(result_id: str, payload: dict[str, Any]) -> dict[str, Any]:
    """What a program says of a kept picture, which is sent only if the node does not have it any
    more.

    Raises FileNotFoundError, Problem.
    """
    picture = records().pictures.path(f"{result_id}.jpg").read_bytes()
    try:
        return command(
            "try_program", TRY_S, **payload, image_sha256=hashlib.sha256(picture).hexdigest()
        )
    except Problem as problem:
        if problem.code != "IMAGE_NOT_KEPT":
            raise
    return command("try_program", TRY_S, **payload, image=base64.b64encode(picture).decode())


@programs.post("/calibrate")
@requires(
    "ADMIN",
    body=CalibrateBody,
    limit="20 per minute",
    max_bytes=MAX_COMMAND_BYTES,
    data=LearnedCamera,
    codes=(*NODE, "STATION_NOT_FOUND", "IMAGE_INVALID", "IMAGE_SIZE", "NO_CONTRAST"),
)
def calibrate(body: CalibrateBody) -> ResponseReturnValue:
    """Camera and lens as learned from pictures of a checkerboard, for a program's `calibration`;
    nothing is stored."""
    check_station(body.station)
    for image in body.images:
        check_picture(_decoded(image))
    return ok(command("calibrate", CALIBRATE_S, **body.model_dump(mode="json", exclude_none=True)))


def _decoded(image: str) -> bytes:
    try:
        return base64.b64decode(image, validate=True)
    except ValueError:
        raise Problem("IMAGE_INVALID", "it is not base64") from None
