"""What `doctor` finds out about the machine itself: disk, clock, permissions, certificates."""

import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from schemas import CATALOGUE, Problem, Settings
from schemas.certificates import certificates as certificates_of
from schemas.settings.override import is_secret_variable
from schemas.store.clock import CLOCK
from schemas.store.disk import is_shared

STATUS = Literal["ok", "warn", "fail"]
FSYNCS = 10
SLOW_FSYNC_MS = 50.0
LEAST_FREE_MB = 200
YEARS = range(2025, 2100)
VOLATILE = ("tmpfs", "ramfs", "overlay")


class CheckFinding(NamedTuple):
    """One finding, and what to do about it."""

    check: str
    status: STATUS
    found: str
    todo: str = ""


def failed(check: str, problem: Problem) -> CheckFinding:
    """The finding of a problem of the catalogue."""
    return CheckFinding(
        check, "fail", f"{problem.code}: {problem.message}", CATALOGUE[problem.code].advice
    )


def disk(settings: Settings) -> Iterator[CheckFinding]:
    """Space, kind and speed of the disk that holds the state folder."""
    state = Path(settings.state_dir)
    try:
        space = os.statvfs(state)
        free, whole = space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize
        percent, free_mb = 100 * free / max(whole, 1), free >> 20
        seen = f"{free_mb} MB free of {whole >> 20} ({percent:.0f} %)"
        if free_mb < LEAST_FREE_MB:
            yield CheckFinding("disk space", "fail", seen, f"Free at least {LEAST_FREE_MB} MB")
        elif percent < settings.pictures.min_free_percent:
            yield CheckFinding(
                "disk space",
                "warn",
                seen,
                f"Pictures are dropped below {settings.pictures.min_free_percent:g} %",
            )
        else:
            yield CheckFinding("disk space", "ok", seen)
        kind = _filesystem(state)
        if kind in VOLATILE:
            yield CheckFinding(
                "disk kind",
                "warn",
                kind,
                "What is recorded here may not survive a restart: put state_dir on a real disk",
            )
        times = sorted(_fsync_ms(state) for _ in range(FSYNCS))
        seen = f"median {times[FSYNCS // 2]:.2f} ms, worst {times[-1]:.2f} ms"
        if times[FSYNCS // 2] > SLOW_FSYNC_MS:
            yield CheckFinding(
                "disk fsync",
                "warn",
                seen,
                "Every trigger and result waits for it: use a faster disk",
            )
        else:
            yield CheckFinding("disk fsync", "ok", seen)
    except OSError as error:
        yield CheckFinding(
            "disk",
            "fail",
            f"{state}: {error.strerror or error}",
            "Check that the folder is there and can be written",
        )


def _fsync_ms(folder: Path) -> float:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(os.urandom(4096))
        file.flush()
        started = time.perf_counter()
        os.fsync(file.fileno())
        return (time.perf_counter() - started) * 1000


def _filesystem(path: Path) -> str:
    """Type of the file system that holds a path, according to /proc/mounts."""
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text(errors="replace").splitlines():
        _, point, kind, *_ = line.split(" ")
        if path.resolve().is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]


def clock(settings: Settings) -> Iterator[CheckFinding]:
    """Whether the clock is plausible and follows a time server."""
    now = datetime.now(UTC)
    if now.year not in YEARS:
        yield CheckFinding(
            "clock",
            "fail",
            f"{now:%Y-%m-%d %H:%M:%S} UTC",
            "Set the clock, or add an RTC or a time server",
        )
        return
    needed = any(station.clocks_synced for station in settings.station)
    if CLOCK.synchronised():
        yield CheckFinding("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC, synchronised")
    else:
        todo = "Start a time service (timedatectl set-ntp true)"
        todo += ", or set clocks_synced = false: triggers are judged by sent_at" if needed else ""
        yield CheckFinding(
            "clock",
            "fail" if needed else "warn",
            f"{now:%Y-%m-%d %H:%M:%S} UTC, not synchronised",
            todo,
        )


def permissions(
    settings: Settings, config: Path, environ: Mapping[str, str]
) -> Iterator[CheckFinding]:
    """Who may read and change what; secrets are for one account only."""
    state = Path(settings.state_dir)
    bad: list[CheckFinding] = []
    try:
        folder = state.stat()
        if folder.st_mode & stat.S_IWOTH:
            bad.append(
                CheckFinding(
                    "permissions",
                    "fail",
                    f"{state} can be written by everybody",
                    f"chmod o-w {state}",
                )
            )
        shared = folder.st_gid if is_shared(state) else None
        files = ((path, path.lstat()) for path in _state_files(state))
        foreign = [
            path for path, its in files if its.st_uid != folder.st_uid and its.st_gid != shared
        ]
        if foreign:
            some = ", ".join(str(path) for path in foreign[:3])
            todo = f"chown -R --reference={state} {state}"
            bad.append(
                CheckFinding(
                    "permissions",
                    "fail",
                    f"{some} and the state folder have different owners",
                    todo,
                )
            )
        for path in (state / "users").glob("users.json*"):
            if path.stat().st_mode & stat.S_IROTH:
                bad.append(
                    CheckFinding(
                        "permissions",
                        "fail",
                        f"{path} can be read by everybody",
                        f"chmod o-r {path}",
                    )
                )
    except OSError as error:
        bad.append(
            CheckFinding(
                "permissions",
                "fail",
                f"{state}: {error.strerror or error}",
                "Run doctor as the node's own account",
            )
        )
    secrets = [
        Path(value)
        for name, value in environ.items()
        if name.endswith("_FILE") and is_secret_variable(name)
    ]
    secrets += [Path(settings.broker.key_file)] if settings.broker.key_file else []
    secrets += [
        path for path in {Path(".env").absolute(), config.parent / ".env"} if path.is_file()
    ]
    for path in secrets:
        try:
            if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
                bad.append(
                    CheckFinding(
                        "permissions",
                        "fail",
                        f"{path} can be read by everybody",
                        f"chmod 600 {path}",
                    )
                )
        except OSError as error:
            bad.append(
                CheckFinding(
                    "permissions",
                    "fail",
                    f"{path}: {error.strerror or error}",
                    "Check the path of the secret",
                )
            )
    if config.stat().st_mode & stat.S_IWOTH:
        bad.append(
            CheckFinding(
                "permissions",
                "fail",
                f"{config} can be written by everybody",
                f"chmod o-w {config}",
            )
        )
    yield from bad or [
        CheckFinding("permissions", "ok", f"{state} and {len(secrets)} files with secrets")
    ]


def certificates(settings: Settings) -> Iterator[CheckFinding]:
    """How long the certificates with which the node speaks to the broker are good, and others that
    it is told to look at."""
    for one in certificates_of(settings):
        days, trouble = one.days(), one.trouble()
        if trouble is None:
            yield CheckFinding(
                "certificate", "ok", f"{one.key}: {one.path} is good for {int(days or 0)} days"
            )
        elif days is None:
            yield CheckFinding(
                "certificate",
                "fail",
                trouble,
                "Give a certificate in PEM form that the node's account may read",
            )
        else:
            todo = "Renew it (deploy/install/certs.sh renew NAME), then reload the node"
            yield CheckFinding("certificate", "warn" if days >= 0 else "fail", trouble, todo)


def reach(settings: Settings) -> Iterator[CheckFinding]:
    """Who can connect to the ports of web and metrics that should not be able to, judged by the
    settings."""
    web, metrics = settings.web, settings.metrics
    if web.proxy_hops and not web.loopback:
        reached = (
            f"{web.bind} with proxy_hops = {web.proxy_hops}: who comes past the proxy says which"
            " address is theirs"
        )
        yield CheckFinding(
            "reach web",
            "warn",
            reached,
            "Bind the web to loopback, or let the firewall close its port to all but the proxy",
        )
    elif not web.loopback and settings.environment == "production":
        yield CheckFinding(
            "reach web",
            "warn",
            f"{web.bind} without a proxy: passwords in clear text",
            "Put a proxy with TLS in front",
        )
    else:
        yield CheckFinding("reach web", "ok", web.bind)
    if not metrics.enabled:
        return
    if metrics.loopback or metrics.token is not None:
        yield CheckFinding(
            "reach metrics",
            "ok",
            f"{metrics.bind}{'' if metrics.token is None else ', with a token'}",
        )
    else:
        yield CheckFinding(
            "reach metrics",
            "warn",
            f"{metrics.bind} without a token: everybody reads them",
            "Give metrics.token",
        )


def _state_files(state: Path) -> Iterator[Path]:
    for pattern in ("*", "programs/*", "programs/*/*", "users/*"):
        yield from state.glob(pattern)
