"""What `doctor` finds out about what is attached: cameras and lines."""

import time
from collections.abc import Iterator
from pathlib import Path

from deploy.cli.machine import CheckFinding, failed
from schemas import GpiodLines, Problem, Settings

OPEN_S = 5.0


def cameras(settings: Settings, folder: Path) -> Iterator[CheckFinding]:
    """Opens each camera and takes a picture: only while no node runs."""
    from node.cameras import Request, make_camera

    for station in settings.station:
        check = f"camera {station.id}"
        try:
            camera = make_camera(station.camera, folder)
            try:
                camera.open()
                until = time.monotonic() + OPEN_S
                while camera.problem is not None and time.monotonic() < until:
                    time.sleep(0.05)
                if camera.problem is not None:
                    raise camera.problem
                if camera.simulated:
                    yield _simulated(check, f"{station.camera.kind}: simulated", settings)
                    continue
                now = time.monotonic_ns()
                frame = camera.grab(Request(now, now + station.camera.timeout_ms * 1_000_000))
                took_ms = (time.monotonic_ns() - now) / 1e6
                yield CheckFinding(
                    check,
                    "ok",
                    f"{station.camera.kind}: {frame.width} x {frame.height} px after"
                    f" {took_ms:.0f} ms",
                )
            finally:
                camera.close()
        except Problem as problem:
            yield failed(check, problem)


def lines(settings: Settings) -> Iterator[CheckFinding]:
    """Looks at each line without requesting it."""
    for station in settings.station:
        check = f"lines {station.id}"
        if not isinstance(station.lines, GpiodLines):
            yield _simulated(
                check, f"{len(station.lines.roles)} lines in memory: simulated", settings
            )
            continue
        try:
            yield _chip(check, station.lines)
        except Problem as problem:
            yield failed(check, problem)
        except OSError as error:
            yield CheckFinding(
                check,
                "fail",
                f"{station.lines.chip}: {error.strerror or error}",
                "Check the chip and its permissions",
            )


def _chip(check: str, lines: GpiodLines) -> CheckFinding:
    from node.gpio.chip import CONSUMER, find_chip

    wanted = {line.line: role for role, line in lines.roles.items()}
    if lines.trigger is not None:
        wanted[lines.trigger.line] = "trigger"
    with find_chip(lines.chip) as chip:
        about = chip.get_info()
        missing = [
            f"{offset} ({role})" for offset, role in wanted.items() if offset >= about.num_lines
        ]
        if missing:
            return CheckFinding(
                check,
                "fail",
                f"{about.label} has no line {', '.join(missing)}",
                f"Choose lines below {about.num_lines}",
            )
        infos = {offset: chip.get_line_info(offset) for offset in wanted}
    held = [
        f"{o} ({wanted[o]}) by {i.consumer or 'unnamed'!r}"
        for o, i in infos.items()
        if i.used and i.consumer != CONSUMER
    ]
    if held:
        return CheckFinding(
            check,
            "fail",
            f"{about.label}: held: {', '.join(held)}",
            "Stop who holds them, or choose other lines",
        )
    ours = sum(info.used for info in infos.values())
    return CheckFinding(
        check,
        "ok",
        f"{about.label}: {len(wanted)} lines{f', {ours} held by a node' if ours else ', free'}",
    )


def _simulated(check: str, detail: str, settings: Settings) -> CheckFinding:
    if settings.environment == "production":
        return CheckFinding(
            check, "warn", detail, "No real part is judged: set a real one for production"
        )
    return CheckFinding(check, "ok", detail)
