"""What every kind of lines promises: always in memory, and on a real chip if TEST_GPIO_CHIP names a
gpio-sim chip's label."""

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from node.gpio import Bank, make_bank
from node.gpio.memory import TIMELINE_LIMIT, MemoryBank
from schemas import GpiodLines, MemoryLines, Problem

CHIP = os.environ.get("TEST_GPIO_CHIP")
LINES = {"ok": 0, "ng": {"line": 1, "active": "low"}, "busy": 2, "outputs": {"OUT1": 3}}
NAMES = {"ok": 0, "ng": 1, "busy": 2, "OUT1": 3}
INPUT = 9


class Wired(NamedTuple):
    """A way to make a bank, see its outputs from outside and drive its input."""

    make: Callable[..., Bank]
    seen: Callable[[Bank], dict[str, bool]]
    pull: Callable[[Bank, bool], None]


def in_memory() -> Wired:
    def make(**more: object) -> Bank:
        return make_bank(MemoryLines.model_validate({"kind": "memory", **LINES, **more}))

    def seen(bank: Bank) -> dict[str, bool]:
        assert isinstance(bank, MemoryBank)
        return bank.timeline[-1][1]

    def pull(bank: Bank, active: bool) -> None:
        assert isinstance(bank, MemoryBank)
        bank.pull(active)

    return Wired(make, seen, pull)


def on_a_chip() -> Wired:
    sim = next(Path("/sys/devices/platform").glob("gpio-sim.*/gpiochip*"))
    # an active low line that nobody holds is inactive
    (sim / "sim_gpio1" / "pull").write_text("pull-up")

    def make(**more: object) -> Bank:
        return make_bank(
            GpiodLines.model_validate({"kind": "gpiod", "chip": CHIP, **LINES, **more})
        )

    def seen(bank: Bank) -> dict[str, bool]:
        levels = {
            role: (sim / f"sim_gpio{line}" / "value").read_text().strip()
            for role, line in NAMES.items()
        }
        return {role: level == ("0" if role == "ng" else "1") for role, level in levels.items()}

    def pull(bank: Bank, active: bool) -> None:
        (sim / f"sim_gpio{INPUT}" / "pull").write_text("pull-up" if active else "pull-down")

    return Wired(make, seen, pull)


@pytest.fixture(params=["memory", *(["gpiod"] if CHIP else [])])
def wired(request: pytest.FixtureRequest) -> Wired:
    return in_memory() if request.param == "memory" else on_a_chip()


@pytest.fixture
def opened(wired: Wired) -> Iterator[Callable[..., Bank]]:
    banks: list[Bank] = []

    def make(**more: object) -> Bank:
        bank = wired.make(**more)
        banks.append(bank)
        wired.pull(bank, False) if "trigger" in more else None
        bank.open()
        return bank

    yield make
    for bank in banks:
        bank.close()


def trigger(**more: object) -> dict[str, object]:
    return {"line": INPUT, "debounce_ms": 0.0, **more}


def wait_for_edges(bank: Bank, count: int) -> list[int]:
    fd = bank.fileno()
    assert fd is not None
    found: list[int] = []
    until = time.monotonic() + 10
    while len(found) < count and time.monotonic() < until:
        if select.select([fd], [], [], 0.1)[0]:
            found += bank.edges()
    return found


def test_all_outputs_are_inactive_after_opening(wired: Wired, opened: Callable[..., Bank]) -> None:
    assert wired.seen(opened()) == dict.fromkeys(NAMES, False)


def test_set_changes_the_given_roles_and_no_others(
    wired: Wired, opened: Callable[..., Bank]
) -> None:
    bank = opened()
    bank.set({"ng": True, "OUT1": True})
    bank.set({"OUT1": False, "busy": True})
    assert wired.seen(bank) == {"ok": False, "ng": True, "busy": True, "OUT1": False}


def test_closing_makes_all_outputs_inactive_and_can_be_repeated(
    wired: Wired, opened: Callable[..., Bank]
) -> None:
    bank = opened()
    bank.set({"ok": True, "busy": True})
    bank.close()
    bank.close()
    assert wired.seen(bank) == dict.fromkeys(NAMES, False)


def test_a_closed_bank_can_be_opened_again(wired: Wired, opened: Callable[..., Bank]) -> None:
    bank = opened()
    bank.set({"ok": True})
    bank.close()
    bank.open()
    assert not wired.seen(bank)["ok"]
    bank.set({"ok": True})
    assert wired.seen(bank)["ok"]


def test_opening_an_open_bank_makes_its_outputs_inactive(
    wired: Wired, opened: Callable[..., Bank]
) -> None:
    bank = opened()
    bank.set({"ok": True})
    bank.open()
    assert not wired.seen(bank)["ok"]


def test_setting_an_unassigned_role_is_a_problem(opened: Callable[..., Bank]) -> None:
    with pytest.raises(Problem, match="OUT7") as caught:
        opened().set({"OUT7": True})
    assert caught.value.code == "GPIO_ERROR"


def test_setting_a_closed_bank_is_a_problem(wired: Wired) -> None:
    with pytest.raises(Problem) as caught:
        wired.make().set({"ok": True})
    assert caught.value.code == "GPIO_ERROR"


def test_without_an_input_there_is_nothing_to_wait_on(opened: Callable[..., Bank]) -> None:
    bank = opened()
    assert bank.fileno() is None
    assert bank.edges() == []


def test_an_open_bank_takes_a_beat(opened: Callable[..., Bank]) -> None:
    opened(trigger=trigger()).beat()


def test_only_the_asked_edge_of_the_input_is_seen(
    wired: Wired, opened: Callable[..., Bank]
) -> None:
    bank = opened(trigger=trigger())
    before = time.monotonic_ns()
    for _ in range(3):
        wired.pull(bank, True)
        wired.pull(bank, False)
    edges = wait_for_edges(bank, 3)
    assert len(edges) == 3
    assert before <= edges[0] <= edges[1] <= edges[2] <= time.monotonic_ns()
    assert bank.edges() == []


def test_a_falling_edge_is_the_return_to_the_inactive_level(
    wired: Wired, opened: Callable[..., Bank]
) -> None:
    bank = opened(trigger=trigger(edge="falling"))
    wired.pull(bank, True)
    assert bank.edges() == []
    wired.pull(bank, False)
    assert len(wait_for_edges(bank, 1)) == 1


def test_a_bouncing_contact_gives_one_edge(wired: Wired, opened: Callable[..., Bank]) -> None:
    bank = opened(trigger=trigger(debounce_ms=60.0))
    for part in range(2):
        for _ in range(5):
            wired.pull(bank, True)
            wired.pull(bank, False)
        wired.pull(bank, True)
        assert len(wait_for_edges(bank, 1)) == 1, part
        wired.pull(bank, False)
        assert not select.select([bank.fileno()], [], [], 0.2)[0], "the way back is no edge"


def test_a_spike_shorter_than_the_debounce_time_is_no_edge(
    wired: Wired, opened: Callable[..., Bank]
) -> None:
    bank = opened(trigger=trigger(debounce_ms=60.0))
    wired.pull(bank, True)
    wired.pull(bank, False)
    assert not select.select([bank.fileno()], [], [], 0.2)[0]
    assert bank.edges() == []


def test_an_input_that_never_falls_gives_one_edge(
    wired: Wired, opened: Callable[..., Bank]
) -> None:
    bank = opened(trigger=trigger())
    wired.pull(bank, True)
    assert len(wait_for_edges(bank, 1)) == 1
    wired.pull(bank, True)
    assert bank.edges() == []


def test_memory_lines_keep_a_bounded_timeline_with_one_entry_a_call() -> None:
    bank = MemoryBank(MemoryLines.model_validate(LINES))
    bank.open()
    bank.set({"ok": True, "ng": False, "OUT1": True})
    bank.set({"ok": False})
    shown = [state for _, state in bank.timeline]
    assert [{role for role, on in state.items() if on} for state in shown] == [
        set(),
        {"ok", "OUT1"},
        {"OUT1"},
    ]
    for _ in range(TIMELINE_LIMIT):
        bank.set({"busy": True})
    assert len(bank.timeline) == TIMELINE_LIMIT
    times = [at for at, _ in bank.timeline]
    assert times == sorted(times)


def test_memory_lines_say_that_they_are_simulated_and_chips_that_they_are_not() -> None:
    assert make_bank(MemoryLines()).simulated
    assert not make_bank(GpiodLines(chip="pinctrl-rp1")).simulated


def test_a_chip_that_is_not_there_is_a_problem_that_names_it() -> None:
    for chip in ("no-such-chip", "/dev/no-such-gpiochip"):
        with pytest.raises(Problem, match=chip) as caught:
            make_bank(GpiodLines(chip=chip, ok=1)).open()
        assert caught.value.code == "GPIO_NOT_AVAILABLE"


def test_a_level_that_was_stable_for_long_enough_is_an_edge_however_late_its_timer_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading.Timer, "start", lambda _: None)  # a machine with no time for it
    lines = MemoryLines.model_validate({"ok": 1, "trigger": trigger(debounce_ms=20.0)})
    bank = MemoryBank(lines)
    bank.open()
    began_ns = time.monotonic_ns()
    bank.pull(True)
    time.sleep(0.03)
    bank.pull(False)
    (edge_ns,) = bank.edges()
    assert began_ns + 20_000_000 <= edge_ns < time.monotonic_ns()
    bank.pull(True)
    bank.pull(False)
    assert bank.edges() == []
    bank.close()
