"""Backups: made, checked, fetched and removed by administrators. Restoring is for the command line,
while nothing runs.

One with people in it (accounts, second factors, the audit's key) stays on this machine; what is
fetched by a browser has none of them.
"""

import hmac
import time
from typing import Any

from flask import Blueprint, Response, request, send_file
from flask.typing import ResponseReturnValue
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Shape
from schemas.store import exports
from schemas.store.backups import Archive
from web.access import current, requires
from web.backing_up import Pictures
from web.credentials.factor import Proof
from web.credentials.proof import PROOF, ask_again
from web.response import ok
from web.site import Site, site

backups = Blueprint("backups", __name__, url_prefix="/api/v1/backups")
AGAIN = ("PROOF_REQUIRED", *PROOF)
UNKNOWN = ("BACKUP_NOT_FOUND", "STORE_FAILED")
TICKET_S = 60
PURPOSE = "backup"
LOOKED_AT = 500


class BackupJob(TypedDict):
    """What is going on, or went on last; `known`: whether it found out how the backup is."""

    kind: str
    name: str
    began_at: str
    done: bool
    problem: str | None
    known: bool
    written: int


class BackupElsewhere(TypedDict):
    """How copying to a target of [exports.backups] stands."""

    target: str | None
    arrived_at: float | None
    file: str | None
    error: str | None


class BackupByCommand(TypedDict):
    """A backup by the command line, as the audit has it: where it lies the web does not see."""

    at: str
    by: str
    name: str


class BackupsShown(TypedDict):
    """All that is known of backups."""

    folder: str
    archives: list[Archive]
    job: BackupJob | None
    command_line: BackupByCommand | None
    elsewhere: BackupElsewhere
    restore: str


class WantedBackup(Shape):
    """A backup to be made."""

    pictures: Pictures = Field(
        default="none", description="Which pictures of parts are in it: none, ng, all."
    )
    people: bool = Field(
        default=True,
        description="Whether accounts, second factors and the audit are in it; then it stays here.",
    )


class BackupTicket(TypedDict):
    """Where a backup can be fetched, for a minute."""

    path: str


@backups.get("")
@requires("ADMIN", data=BackupsShown, codes=("STORE_FAILED",))
def show() -> Response:
    """The backups in this folder, what is in progress, and how copies elsewhere are doing."""
    here = site()
    store = here.backing_up.store
    going = _going(here)  # first, because one that has ended is noted when somebody asks
    return ok(
        {
            "folder": str(store.folder),
            "archives": store.list(),
            "job": going,
            "command_line": _command_line(here),
            "elsewhere": _elsewhere(here),
            "restore": f"inspection-node restore {store.folder}/FILE",
        }
    )


@backups.post("")
@requires(
    "ADMIN", body=WantedBackup, data=BackupJob, status=202, codes=("BUSY", "DISK_SPACE", *UNKNOWN)
)
def make(body: WantedBackup) -> Response:
    """Start making a backup; the oldest of five is removed."""
    here = site()
    with here.audited("backup.make", "", pictures=body.pictures, people=body.people):
        here.backing_up.make(body.pictures, body.people)
    return ok(_going(here), "", 202)


@backups.post("/<name>/check")
@requires("ADMIN", data=BackupJob, status=202, codes=("BUSY", *UNKNOWN))
def check(name: str) -> Response:
    """Start checking that a backup is whole."""
    here = site()
    here.backing_up.check(name)
    return ok(_going(here), "", 202)


@backups.post("/<name>/ticket")
@requires(
    "ADMIN", body=Proof, data=BackupTicket, codes=("PERMISSION_DENIED", "BUSY", *AGAIN, *UNKNOWN)
)
def ticket(name: str, body: Proof) -> Response:
    """A link, good for a minute, that downloads a backup without people. With one's own
    password."""
    here = site()
    archive = here.backing_up.store.get(name)
    if archive.people is not False:
        raise Problem("PERMISSION_DENIED", "a backup with people in it stays on this machine")
    ask_again(here, current(), body)
    here.audit("backup.fetch", archive.name)
    until = str(int(time.time()) + TICKET_S)
    return ok(
        {"path": f"/api/v1/backups/{name}/file?until={until}&mark={_mark(here, name, until)}"}
    )


@backups.get("/<name>/file")
@requires("ADMIN", gives=("application/gzip",), codes=("PERMISSION_DENIED", *UNKNOWN))
def file(name: str) -> ResponseReturnValue:
    """The backup that a ticket is for."""
    here = site()
    until, mark = request.args.get("until", ""), request.args.get("mark", "")
    good = hmac.compare_digest(mark.encode(), _mark(here, name, until).encode())
    if not (good and until.isdigit() and time.time() < int(until)):
        raise Problem("PERMISSION_DENIED", "the link was good for a minute")
    archive = here.backing_up.store.get(name)
    if archive.people is not False:
        raise Problem("PERMISSION_DENIED", "a backup with people in it stays on this machine")
    path = here.backing_up.store.folder / archive.name
    try:
        answer = send_file(path, "application/gzip", as_attachment=True, download_name=archive.name)
    except OSError as error:
        raise Problem("BACKUP_NOT_FOUND", archive.name) from error
    answer.headers["Cache-Control"] = "no-store"
    return answer


@backups.delete("/<name>")
@requires("ADMIN", body=Proof, codes=("BUSY", *AGAIN, *UNKNOWN))
def remove(name: str, body: Proof) -> Response:
    """Remove one. With one's own password."""
    here = site()
    here.backing_up.store.get(name)
    ask_again(here, current(), body)
    with here.audited("backup.remove", name):
        here.backing_up.store.remove(name)
    return ok(None)


def _mark(here: Site, name: str, until: str) -> str:
    return here.keys.mark(PURPOSE, f"{current().session}:{name}:{until}")


def _going(here: Site) -> dict[str, Any] | None:
    job = here.backing_up.job()
    if job is None:
        return None
    return {**job.model_dump(), "written": here.backing_up.written(job)}


def _command_line(here: Site) -> dict[str, str] | None:
    for row in here.accounts.audit(None, LOOKED_AT, None, "state.backup"):
        if row.action == "state.backup":
            return {"at": row.at, "by": row.username, "name": row.target}
    return None


def _elsewhere(here: Site) -> dict[str, Any]:
    target = here.settings.exports.backups.target
    try:
        told = exports.backups(here.state).read()
    except Problem as problem:
        told = exports.BackupSent(error=problem.message)
    kind = None if target is None else target.kind
    return {"target": kind, **(told or exports.BackupSent()).model_dump()}
