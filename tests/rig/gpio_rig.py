"""The gpiod lines on a real kernel with a gpio-sim chip (label "simchip", 16 lines), read back and
driven through sysfs.

Run inside the emulated machine, by a Python with the dependencies that lies outside of /tmp:
    rig.sh 'PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=. PYTHON tests/rig/gpio_rig.py'
The contract tests of all lines run there too:
    rig.sh 'PYTHONDONTWRITEBYTECODE=1 TEST_GPIO_CHIP=simchip \
        PYTHON -m pytest -p no:cacheprovider --noconftest tests/node/gpio/test_bank.py'

One file: it runs alone on the emulated machine, without the rest of the tests.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import gpiod

from node.gpio.chip import ChipBank
from node.gpio.driver import LineDriver
from schemas import GpiodLines, Problem
from schemas.settings import InputSettings

SIM = next(Path("/sys/devices/platform").glob("gpio-sim.*/gpiochip*"))
OK, NG, ERROR, BUSY, READY, VALID, BEAT, OUT1, OUT2, TRIGGER, LOW_TRIGGER = range(11)
LINES = GpiodLines.model_validate(
    {
        "chip": "simchip",
        "ok": OK,
        "ng": {"line": NG, "active": "low"},
        "error": ERROR,
        "busy": {"line": BUSY, "active": "low"},
        "ready": READY,
        "result_valid": VALID,
        "heartbeat": BEAT,
        "outputs": {"OUT1": OUT1, "OUT2": {"line": OUT2, "active": "low"}},
        "trigger": {"line": TRIGGER, "debounce_ms": 50.0},
        "drive": {"mode": "pulse", "pulse_ms": 400.0},
    }
)
INVERTED = {NG, BUSY, OUT2}

# a node that holds OK active, and a bystander that keeps the request from being released when the
# node is killed
NODE = """
import subprocess, sys, time
from node.gpio.chip import ChipBank
from schemas import GpiodLines
bank = ChipBank(GpiodLines.model_validate_json(sys.argv[1]))
bank.open()
bystander = subprocess.Popen(["sleep", "60"], pass_fds=(bank._outputs.fd,)) if sys.argv[2] == "held" else None
bank.set({"ok": True, "busy": True, "OUT2": True})
print(bank._guardian.pid, bystander.pid if bystander else 0, flush=True)
while True:
    try:
        bank.beat()
    except Exception as error:
        print(error, flush=True)
        break
    time.sleep(0.5)
time.sleep(60)
"""  # noqa: E501


def level(line: int) -> int:
    """The line on the wire."""
    return int((SIM / f"sim_gpio{line}" / "value").read_text())


def active(line: int) -> bool:
    """The line as it is meant."""
    return level(line) == (0 if line in INVERTED else 1)


def pull(line: int, up: bool) -> None:
    """Drive an input from outside."""
    (SIM / f"sim_gpio{line}" / "pull").write_text("pull-up" if up else "pull-down")


def until(condition: Callable[[], bool], limit_s: float = 10.0) -> float:
    """Wait for a condition, and tell how long it took in s."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < limit_s, f"did not come true within {limit_s} s"
        time.sleep(0.002)
    return time.monotonic() - begun


def problem_of(lines: GpiodLines) -> str:
    """The message of the problem that opening gives."""
    bank = ChipBank(lines)
    try:
        bank.open()
    except Problem as problem:
        if problem.code != "GPIO_NOT_AVAILABLE":
            raise
        return problem.message
    finally:
        bank.close()
    raise AssertionError("it could be opened")


def every_role_reaches_the_kernel_with_its_polarity() -> None:
    """Each output, on and off, one at a time."""
    bank = ChipBank(LINES)
    bank.open()
    assert not any(active(line) for line in range(OUT2 + 1)), "active after opening"
    assert level(NG) == 1
    assert level(OK) == 0
    for role, line in bank._lines.items():
        bank.set({role: True})
        assert [n for n in range(OUT2 + 1) if active(n)] == [line.line], role
        bank.set({role: False})
    bank.set({"ok": True})
    bank.close()
    bank.close()
    assert not bank._outputs


def a_verdict_is_driven_and_its_pulse_ends() -> None:
    """begin and show of all verdicts on one driver."""
    driver = LineDriver({"a": (LINES, ChipBank(LINES))}, lambda *_: None)
    driver.start()
    assert driver.status("a") == "ok", driver.problem("a")
    driver.assign("a", {"OUT1": "always_on", "OUT2": "tool:cap:ng"})
    driver.ready("a", True)
    until(lambda: active(READY) and active(OUT1))
    took = []
    for verdict, line in (("OK", OK), ("NG", NG), ("ERROR", ERROR)):
        driver.begin("a")
        until(lambda: active(BUSY))
        assert not any(active(n) for n in (OK, NG, ERROR, VALID, OUT2))
        at = time.monotonic()
        driver.show("a", verdict, {"OUT2": verdict == "NG"})  # type: ignore[arg-type]
        took.append((time.monotonic() - at) * 1000)
        assert [n for n in (OK, NG, ERROR) if active(n)] == [line]
        assert active(VALID)
        assert not active(BUSY)
        assert active(OUT2) == (verdict == "NG")
        ended = until(lambda: not any(active(n) for n in (OK, NG, ERROR, VALID, OUT2)))
        print(f"  {verdict}: show() {took[-1]:.2f} ms, pulse ended {ended * 1000:.0f} ms later")
    beats = [until(lambda on=on: active(BEAT) == on) for on in (True, False, True)]  # type: ignore[misc]
    print(f"  heartbeat flanks after {[f'{s:.2f}' for s in beats]} s")
    driver.show("a", "NG", {})
    assert driver.stop(5.0)
    assert not any(active(n) for n in (OK, NG, ERROR, VALID, BUSY, READY, OUT1)), (
        "active after stop"
    )


def a_bouncing_edge_is_one_edge() -> None:
    """Bursts on an active high and an active low input."""
    for line, up in ((TRIGGER, True), (LOW_TRIGGER, False)):
        trigger = InputSettings(line=line, active="high" if up else "low", debounce_ms=50.0)
        lines = LINES.model_copy(update={"trigger": trigger})
        pull(line, not up)
        seen: list[tuple[str, int]] = []
        driver = LineDriver(
            {"a": (lines, ChipBank(lines))}, lambda s, t, seen=seen: seen.append((s, t))
        )  # type: ignore[misc]
        driver.start()
        for part in range(1, 4):
            before = time.monotonic_ns()
            for _ in range(8):
                pull(line, up)
                pull(line, not up)
            pull(line, up)
            until(lambda part=part, seen=seen: len(seen) >= part)  # type: ignore[misc]
            assert before < seen[-1][1] <= time.monotonic_ns()
            pull(line, not up)
            time.sleep(0.2)  # the other edge has had its time to be seen, wrongly
            assert len(seen) == part, seen
        driver.stop(2.0)
        print(
            f"  {'active high' if up else 'active low'}: 3 bursts of 17 flanks gave {len(seen)}"
            " edges"
        )


def problems_say_who_and_what() -> None:
    """Line held, chip missing, line beyond the chip, no permission."""
    with find() as chip, chip.request_lines(config={NG: None}, consumer="press-7"):
        message = problem_of(LINES)
    assert "press-7" in message, message
    assert "line 1 (ng)" in message, message
    print(" ", message)
    for change, word in (
        ({"chip": "nochip"}, "simchip"),
        ({"chip": "/dev/gpiochip99"}, "gpiochip99"),
        ({"ok": 99}, "99"),
    ):
        message = problem_of(LINES.model_copy(update=change))
        assert word in message, message
        print(" ", message)
    os.seteuid(65534)
    try:
        message = problem_of(LINES)
    finally:
        os.seteuid(0)
    assert "permission" in message, message
    print(" ", message)
    bank = ChipBank(LINES)
    bank.open()  # nothing was left behind
    bank.close()


def find() -> gpiod.Chip:
    """The simulated chip, opened."""
    return gpiod.Chip("/dev/" + SIM.name)


def a_driver_recovers_when_the_line_is_free_again() -> None:
    """Status error while somebody holds a line, ok later, with READY restored."""
    driver = LineDriver({"a": (LINES, ChipBank(LINES))}, lambda *_: None)
    with find() as chip, chip.request_lines(config={OK: None}, consumer="press-7"):
        driver.start()
        driver.ready("a", True)
        assert driver.status("a") == "error"
    took = until(lambda: driver.status("a") == "ok")
    until(lambda: active(READY))
    print(f"  ok {took:.1f} s after the line was free")
    driver.stop(2.0)


def start(held: str) -> tuple["subprocess.Popen[str]", int, int]:
    """A node that holds OK active: the process, its guardian and its bystander."""
    node = subprocess.Popen(
        [sys.executable, "-c", NODE, LINES.model_dump_json(), held],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert node.stdout
    guardian, bystander = map(int, node.stdout.readline().split())
    assert active(OK)
    assert active(BUSY)
    assert active(OUT2)
    return node, guardian, bystander


def quiet() -> bool:
    """Whether every output is inactive."""
    return not any(active(line) for line in range(OUT2 + 1))


def a_killed_node_leaves_inactive_lines() -> None:
    """kill -9 with the request kept alive by a bystander, so that only the guardian can have
    changed the lines."""
    node, guardian, bystander = start("held")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(guardian, number)
    time.sleep(1.0)
    assert Path(f"/proc/{guardian}").exists(), "the guardian left on a signal"
    assert active(OK)
    rss = next(
        row
        for row in Path(f"/proc/{guardian}/status").read_text().splitlines()
        if row.startswith("VmRSS")
    )
    node.kill()
    took = until(quiet, 1.0)
    print(f"  lines inactive {took * 1000:.0f} ms after kill -9; guardian {rss}")
    node.wait()
    os.kill(bystander, signal.SIGKILL)
    bank = ChipBank(LINES)
    until(
        lambda: (
            not Path(f"/proc/{guardian}").exists()
            or "Z" in Path(f"/proc/{guardian}/stat").read_text()
        )
    )
    bank.open()  # the lines are free again for the next node
    bank.close()

    # at once after the start, when the guardian may not even run yet
    node, _, bystander = start("held")
    node.kill()
    took = until(quiet, 5.0)
    print(f"  lines inactive {took * 1000:.0f} ms after kill -9 right after the start")
    node.wait()
    os.kill(bystander, signal.SIGKILL)


def a_killed_node_without_a_guardian() -> None:
    """What the chip does by itself, to know what the guardian is worth (prints only)."""
    node, guardian, _ = start("free")
    os.kill(guardian, signal.SIGKILL)
    node.kill()
    node.wait()
    time.sleep(1.0)
    print(
        f"  levels without a guardian: OK {level(OK)} (active 1), BUSY {level(BUSY)} (active 0),"
        f" OUT2 {level(OUT2)} (active 0)"
    )


def a_hung_node_loses_its_lines_and_is_told() -> None:
    """SIGSTOP for longer than the guardian waits."""
    node, _, bystander = start("held")
    assert node.stdout
    time.sleep(1.5)
    node.send_signal(signal.SIGSTOP)
    took = until(quiet, 12.0)
    node.send_signal(signal.SIGCONT)
    said = node.stdout.readline().strip()
    assert "inactive" in said, said
    print(f"  lines inactive {took:.1f} s after it hung; it was told: {said}")
    node.kill()
    node.wait()
    os.kill(bystander, signal.SIGKILL)


def a_node_whose_guardian_was_killed_knows() -> None:
    """The driver reopens, with a new guardian."""
    bank = ChipBank(LINES)
    driver = LineDriver({"a": (LINES, bank)}, lambda *_: None)
    driver.start()
    # the guardian of the node before may still be leaving
    until(lambda: driver.status("a") == "ok")
    assert bank._guardian
    os.kill(bank._guardian.pid, signal.SIGKILL)
    until(lambda: driver.status("a") == "error")
    print(" ", driver.problem("a"))
    until(lambda: driver.status("a") == "ok")
    driver.stop(2.0)


if __name__ == "__main__":
    for inverted in INVERTED:
        # as the resistor does in a cabinet: gpio-sim falls back to it when a request is released
        pull(inverted, True)
    for check in (
        every_role_reaches_the_kernel_with_its_polarity,
        a_verdict_is_driven_and_its_pulse_ends,
        a_bouncing_edge_is_one_edge,
        problems_say_who_and_what,
        a_driver_recovers_when_the_line_is_free_again,
        a_killed_node_leaves_inactive_lines,
        a_killed_node_without_a_guardian,
        a_hung_node_loses_its_lines_and_is_told,
        a_node_whose_guardian_was_killed_knows,
    ):
        print(check.__name__.replace("_", " "), flush=True)
        check()
        print("  good", flush=True)
    assert threading.active_count() == 1, "a thread was left behind"
