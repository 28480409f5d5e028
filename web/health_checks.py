"""The checks that say whether all is well, what to do where it is not, and what answers here."""

import os
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from schemas import CATALOGUE, Problem, utc
from schemas.base import plain
from schemas.store.accounts.audit import filling
from web.response import as_json
from web.site import Site, installed

Mood = Literal["ok", "degraded", "error"]
KEPT_S = 1.0
WATCHED_S = 86400.0
RELOAD = "systemctl reload inspection-node inspection-web"
GONE = "systemctl status inspection-node; journalctl -u inspection-node -n 50"
# whose log says more about them; for the others it is the web's
OF_NODE = ("ledger", "disk", "exports", "broker", "node")
# the web goes on without them, with history and programs: it is no less ready
ELSEWHERE = ("broker", "node")
MOST_LINE = 300
TAIL_BYTES = 64 * 1024


class Remark(NamedTuple):
    """A sentence of the catalogue with what is put in, as pages put it into their language."""

    text: str
    values: dict[str, Any]

    def __str__(self) -> str:
        if not self.values:  # what others said, as it is
            return self.text
        first, *others = self.text.split(" | ")  # for one, and for several
        one = next(iter(self.values.values())) == 1
        return (first if one or not others else others[-1]).format(**self.values)


def said(text: str, **values: Any) -> Remark:
    """A sentence; `{name}` is where a value is put in. web/vocabulary.py collects them."""
    return Remark(text, values)


class Report(NamedTuple):
    """How a component is: sentences, what to do about it, and since when (UTC) where it is known
    better than by when it was looked at."""

    status: Mood
    said: tuple[Remark, ...] = ()
    advice: str = ""
    since: str | None = None


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
    components = {name: _component(name, check, here) for name, check in CHECKS.items()}
    moods = {name: component["status"] for name, component in components.items()}
    failed = any(mood == "error" for name, mood in moods.items() if name not in ELSEWHERE)
    status: Mood = "error" if failed else "ok" if set(moods.values()) == {"ok"} else "degraded"
    full: dict[str, Any] = {"status": status, **_answering(here, served), "components": components}
    looked = here.__dict__["_health"] = Look(
        time.monotonic(), status, as_json({"status": status}), as_json(full)
    )
    return looked


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


def _component(name: str, check: Callable[[Site], Report], here: Site) -> dict[str, Any]:
    """What a check found, since when, and where the log tells more."""
    one = _one(check, here)
    known: dict[str, tuple[str, str]] = here.__dict__.setdefault("_health_since", {})
    if name not in known or known[name][0] != one["status"]:
        known[name] = one["status"], utc()
    unit = f"inspection-{'node' if name in OF_NODE else 'web'}"
    log = {"log": "", "line": ""} if one["status"] == "ok" else _log(here, unit)
    return {**one, "since": one["since"] or known[name][1], "unit": unit, **log}


def _one(check: Callable[[Site], Report], here: Site) -> dict[str, Any]:
    try:
        report = check(here)
    except Problem as problem:
        report = Report("error", (Remark(problem.message, {}),), CATALOGUE[problem.code].advice)
    return {
        "status": report.status,
        "message": "; ".join(map(str, report.said)),
        "advice": report.advice,
        "said": [each._asdict() for each in report.said],
        "since": report.since,
    }


def _log(here: Site, unit: str) -> dict[str, str]:
    """The command that shows the log of a unit, and its last line of an error where lines go to
    files."""
    folder = here.settings.logs.folder
    if folder is None:
        return {"log": f"journalctl -u {unit} -n 50", "line": ""}
    path = Path(folder) / unit.removeprefix("inspection-") / "error.log"
    line = ""
    with suppress(OSError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        lines = file.read(TAIL_BYTES).decode(errors="replace").splitlines()
        line = next((each for each in reversed(lines) if each.strip()), "")
    return {"log": f"tail -n 50 {path}", "line": plain(line, MOST_LINE)}


def _accounts(here: Site) -> Report:
    users = here.users.list()
    if here.users.problem is not None:
        wrong = Remark(here.users.problem.message, {})
        return Report("degraded", (wrong,), "Change any account, and the file is written again")
    if not users:
        return Report(
            "degraded",
            (said("there is no account yet"),),
            "inspection-node user add NAME, or the token printed at the start",
        )
    sessions = len(here.accounts.sessions())
    return Report(
        "ok",
        (
            said("{n} account | {n} accounts", n=len(users)),
            said("{n} session | {n} sessions", n=sessions),
        ),
    )


def _audit(here: Site) -> Report:
    since = here.accounts.clock().wall - WATCHED_S
    if stolen := here.accounts.count_audit("session.reuse", since):
        return Report(
            "degraded",
            (said("a refresh token was used twice: {n} sessions ended in a day", n=stolen),),
            "See session.reuse in the audit",
        )
    if copied := here.accounts.count_audit("passkey.counter", since):
        return Report(
            "degraded",
            (said("the counter of a passkey went back: {n} times in a day", n=copied),),
            "See passkey.counter in the audit",
        )
    rows, most = here.accounts.audit_size(), here.settings.web.audit_rows
    if filling(rows, most) is not None:
        return Report(
            "degraded",
            (said("the audit has {rows} of {most} rows", rows=rows, most=most),),
            "Export it, keep the file, and increase web.audit_rows",
        )
    return Report("ok")


def _programs(here: Site) -> Report:
    count = len(here.programs.list())
    if here.programs.problem is not None:
        wrong = Remark(here.programs.problem.message, {})
        return Report("degraded", (wrong,), "Save any program, and the file is written again")
    if not count:
        return Report("degraded", (said("there are no programs"),), "Make or import one")
    return Report("ok", (said("{n} program | {n} programs", n=count),))


def _ledger(here: Site) -> Report:
    if not here.ledger.path.exists():
        never = said("the node has never run on this folder")
        return Report("degraded", (never,), "inspection-node run")
    here.ledger.row("SELECT 1 FROM results LIMIT 1", ())
    return Report("ok")


def _disk(here: Site) -> Report:
    try:
        disk = os.statvfs(here.state)
    except OSError as error:
        why = Remark(f"state_dir: {error.strerror}", {})
        return Report("error", (why,), "Check that the disk is mounted")
    free = 100.0 * disk.f_bavail / max(1, disk.f_blocks)
    room = said("{n} % free", n=round(free))
    told = here.watch.alarms.get("DISK")  # of the node, which drops pictures by the same setting
    if told is None and free >= here.settings.pictures.min_free_percent:
        return Report("ok", (room,))
    more = () if told is None else (Remark(str(told.get("message")), {}),)
    since = None if told is None else told.get("since")
    return Report("degraded", (room, *more), CATALOGUE["DISK_SPACE"].advice, since)


def _exports(here: Site) -> Report:
    """What is waiting for a target, as the node said last; a share that is away stops no line."""
    wanted = here.settings.exports
    if wanted.pictures.target is None and wanted.backups.target is None:
        return Report("ok", (said("nothing is copied elsewhere"),))
    alarms = [here.watch.alarms[code] for code in ("EXPORT", "BACKUP") if code in here.watch.alarms]
    told = (here.watch.metrics or {}).get("exports") or {}
    lines = [Remark(str(alarm.get("message")), {}) for alarm in alarms]
    if (pictures := told.get("pictures")) is not None:
        counts = {name: pictures.get(name) for name in ("waiting", "sent", "lost")}
        lines.append(said("pictures: {waiting} wait, {sent} arrived, {lost} lost", **counts))
    if (backups := told.get("backups")) is not None:
        at = backups.get("arrived_at")
        lines.append(said("last backup: {at}", at=at) if at else said("last backup: none yet"))
    return Report(
        "degraded" if alarms else "ok",
        tuple(lines) or (said("the node has not told yet"),),
        CATALOGUE["EXPORT_FAILED"].advice if alarms else "",
    )


def _broker(here: Site) -> Report:
    away = here.watch.broker
    if away is not None:
        return Report("error", (Remark(away.message, {}),), CATALOGUE[away.code].advice)
    told = here.watch.alarms.get("BROKER")
    if told is not None:  # the node knows that better than we do
        wrong = (Remark(str(told.get("message")), {}),)
        return Report("degraded", wrong, "See the alarms", told.get("since"))
    return Report("ok", (Remark(here.settings.broker.url, {}),))


def _node(here: Site) -> Report:
    watch = here.watch
    presence, told = watch.presence, watch.state
    if presence == "silent":
        silent = said("the node has been silent for {n} s", n=round(watch.age_s or 0.0))
        return Report("error", (silent,), GONE, _ago(watch.age_s))
    if presence != "ok" or told is None:
        return Report("error", (said("the node is not heard"),), GONE, _ago(watch.age_s))
    state = str(told.get("state"))
    stations: dict[str, Any] = told.get("stations") or {}
    tested = sorted(station_id for station_id, one in stations.items() if one.get("maintenance"))
    idle = said("{stations}: in maintenance, no part is inspected", stations=", ".join(tested))
    left = (idle,) if tested else ()
    if watch.alarms or state == "Error":
        codes = ", ".join(sorted(watch.alarms))
        report = (
            said("{state}, alarms: {codes}", state=state, codes=codes)
            if codes
            else Remark(state, {})
        )
        since = min((str(alarm.get("since")) for alarm in watch.alarms.values()), default=None)
        return Report("degraded", (report, *left), "See the alarms", since)
    if left:
        return Report("degraded", left, "End it on the page I/O")
    return Report("ok", (Remark(state, {}),))


def _ago(age_s: float | None) -> str | None:
    return None if age_s is None else utc(time.time() - age_s)


def _settings(here: Site) -> Report:
    if here.watch.agreement == "other":
        apart = said("Node and web have read different settings")
        return Report("degraded", (apart,), RELOAD)
    return Report("ok")


CHECKS: dict[str, Callable[[Site], Report]] = {
    "accounts": _accounts,
    "audit": _audit,
    "programs": _programs,
    "ledger": _ledger,
    "disk": _disk,
    "exports": _exports,
    "broker": _broker,
    "node": _node,
    "settings": _settings,
}
