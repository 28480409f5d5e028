"""What is looked at to say whether all is well, and what to do where it is not; and what answers
here."""

import os
import platform
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from schemas import CATALOGUE, Problem, utc
from schemas.store.accounts.audit import filling
from web.response import as_json
from web.site import Site, installed

Mood = Literal["ok", "degraded", "error"]
KEPT_S = 1.0
WATCHED_S = 86400.0
GONE = "systemctl status inspection-node; journalctl -u inspection-node -n 50"


class Look(NamedTuple):
    """What was found: the status; as JSON that alone, and with what answers and its `components`:
    status, message, advice."""

    at: float
    status: Mood
    brief: bytes
    full: bytes


def look(here: Site, served: str = "") -> Look:
    """How all is. At most once a second; in between, what was found. `served`: by which WSGI
    server."""
    kept: Look | None = here.__dict__.get("_health")
    if kept is not None and time.monotonic() - kept.at < KEPT_S:
        return kept
    components = {name: _one(check, here) for name, check in CHECKS.items()}
    moods = [component["status"] for component in components.values()]
    status: Mood = "error" if "error" in moods else "degraded" if "degraded" in moods else "ok"
    full: dict[str, Any] = {"status": status, **_answering(here, served), "components": components}
    found = here.__dict__["_health"] = Look(
        time.monotonic(), status, as_json({"status": status}), as_json(full)
    )
    return found


def _answering(here: Site, served: str) -> dict[str, Any]:
    settings = here.settings
    return {
        "node_id": settings.node_id,
        "version": installed(),
        "environment": settings.environment,
        "production_mode": settings.environment == "production",
        "wsgi_server": served,
        "python": platform.python_version(),
        "pid": os.getpid(),
        "uptime_s": round(time.monotonic() - here.began, 1),
        "at": utc(),
    }


def _one(check: Callable[[Site], tuple[Mood, str, str]], here: Site) -> dict[str, str]:
    try:
        status, message, advice = check(here)
    except Problem as problem:
        status, message, advice = "error", problem.message, CATALOGUE[problem.code].advice
    return {"status": status, "message": message, "advice": advice}


def _accounts(here: Site) -> tuple[Mood, str, str]:
    users = here.users.list()
    open_sessions = len(here.accounts.sessions())
    if here.users.problem is not None:
        return (
            "degraded",
            here.users.problem.message,
            "Change any account: the file is written anew",
        )
    if not users:
        return (
            "degraded",
            "there is no account yet",
            "inspection-node user add NAME, or the token that the start has printed",
        )
    return "ok", f"{len(users)} accounts, {open_sessions} sessions", ""


def _audit(here: Site) -> tuple[Mood, str, str]:
    since = here.accounts.clock().wall - WATCHED_S
    stolen = here.accounts.count_audit("session.reuse", since)
    if stolen:
        return (
            "degraded",
            f"a refresh token was used twice: {stolen} sessions ended in a day",
            "See session.reuse in the audit",
        )
    copied = here.accounts.count_audit("passkey.counter", since)
    if copied:
        return (
            "degraded",
            f"the counter of a passkey went back: {copied} times in a day",
            "See passkey.counter in the audit",
        )
    told = filling(here.accounts.audit_size(), here.settings.web.audit_rows)
    if told is not None:
        return "degraded", told, "Export it, keep the file, and raise web.audit_rows"
    return "ok", "", ""


def _programs(here: Site) -> tuple[Mood, str, str]:
    count = len(here.programs.list())
    if here.programs.problem is not None:
        return (
            "degraded",
            here.programs.problem.message,
            "Save any program: the file is written anew",
        )
    return (
        ("ok", f"{count} programs", "")
        if count
        else ("degraded", "there are no programs", "Make or import one")
    )


def _ledger(here: Site) -> tuple[Mood, str, str]:
    if not here.ledger.path.exists():
        return "degraded", "the node has never run on this folder", "inspection-node run"
    here.ledger.row("SELECT 1 FROM results LIMIT 1", ())
    return "ok", "", ""


def _disk(here: Site) -> tuple[Mood, str, str]:
    try:
        disk = os.statvfs(here.state)
    except OSError as error:
        return "error", f"state_dir: {error.strerror}", "Check that the disk is mounted"
    free = 100.0 * disk.f_bavail / max(1, disk.f_blocks)
    told = here.watch.alarms.get("DISK")  # of the node, which drops pictures by the same setting
    if told is None and free >= here.settings.pictures.min_free_percent:
        return "ok", f"{free:.0f} % free", ""
    said = "" if told is None else f": {told.get('message')}"
    return "degraded", f"{free:.0f} % free{said}", CATALOGUE["DISK_SPACE"].advice


def _exports(here: Site) -> tuple[Mood, str, str]:
    """What waits for a target, as the node said last; a share that is away stops no line."""
    wanted = here.settings.exports
    if wanted.pictures.target is None and wanted.backups.target is None:
        return "ok", "nothing is copied elsewhere", ""
    alarms = [here.watch.alarms[code] for code in ("EXPORT", "BACKUP") if code in here.watch.alarms]
    told = (here.watch.metrics or {}).get("exports") or {}
    said = [str(alarm.get("message")) for alarm in alarms]
    if (pictures := told.get("pictures")) is not None:
        said.append(
            f"pictures: {pictures.get('waiting')} wait, {pictures.get('sent')} arrived,"
            f" {pictures.get('lost')} lost"
        )
    if (backups := told.get("backups")) is not None:
        said.append(f"last backup: {backups.get('arrived_at') or 'none yet'}")
    advice = CATALOGUE["EXPORT_FAILED"].advice if alarms else ""
    return "degraded" if alarms else "ok", "; ".join(said) or "the node has not told yet", advice


def _broker(here: Site) -> tuple[Mood, str, str]:
    away = here.watch.broker
    if away is not None:
        return "degraded", away.message, CATALOGUE[away.code].advice
    told = here.watch.alarms.get("BROKER")
    if told is not None:  # the node hears it better than we do
        return "degraded", str(told.get("message")), "See the alarms"
    return "ok", here.settings.broker.url, ""


def _node(here: Site) -> tuple[Mood, str, str]:
    watch = here.watch
    presence, said = watch.presence, watch.state
    if presence == "silent":
        return (
            "degraded",
            f"the node has been silent for {watch.age_s or 0.0:.0f} s",
            GONE,
        )
    if presence != "ok" or said is None:
        return "degraded", "the node is not heard", GONE
    state = str(said.get("state"))
    if watch.alarms or state == "Error":
        codes = ", ".join(sorted(watch.alarms)) or "none"
        return "degraded", f"{state}, alarms: {codes}", "See the alarms"
    return "ok", state, ""


CHECKS: dict[str, Callable[[Site], tuple[Mood, str, str]]] = {
    "accounts": _accounts,
    "audit": _audit,
    "programs": _programs,
    "ledger": _ledger,
    "disk": _disk,
    "exports": _exports,
    "broker": _broker,
    "node": _node,
}
