"""What the routes of programs share: how one version is named, and how it is answered."""

from typing import Annotated, Any, NotRequired

from flask import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Program, Shape, StoredProgram
from web.command import NODE
from web.program_checks import tag_of
from web.response import ok

programs = Blueprint("programs", __name__, url_prefix="/api/v1/programs")
UNKNOWN = ("PROGRAM_NOT_FOUND",)
ASKS = (*UNKNOWN, *NODE)
EDIT = (*UNKNOWN, "PROGRAM_INVALID", "PROGRAM_CONFLICT")
Version = Annotated[int, Field(ge=1, le=1_000_000_000)]
FORM_BYTES = 4096  # around the file of a form


class VersionQuery(Shape):
    """Which version."""

    version: Version | None = Field(default=None, description="Version; the newest if missing.")


class VersionRow(TypedDict):
    """One version of a program, without its document."""

    id: str
    version: int
    hash: str
    saved_at: str
    saved_by: str
    note: str
    etag: str


class SignedBy(TypedDict):
    """The public key that signed a bundle, and what this site calls it; null if it does not know
    it."""

    key: str
    name: str | None


class ProgramRead(VersionRow):
    """One version with its document.

    `checked` after a change: by the `node`, or its `structure` only; `signed_by` after an import:
    null if nobody did.
    """

    program: Program
    checked: NotRequired[str]
    signed_by: NotRequired[SignedBy | None]


def about(stored: StoredProgram) -> dict[str, Any]:
    """A version without its document."""
    return {
        "id": stored.program.id,
        **stored.model_dump(mode="json", exclude={"program"}),
        "etag": f'"{tag_of(stored)}"',
    }


def answered(stored: StoredProgram, status: int = 200, **more: Any) -> Response:
    """The answer with one version and its ETag, which an edit sends as If-Match."""
    answer = ok({**about(stored), "program": stored.program.document(), **more}, status=status)
    answer.set_etag(tag_of(stored))
    return answer
