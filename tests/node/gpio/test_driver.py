"""The thread that owns the lines: orders, edges, failures of one station, and its end.

One file: orders, edges and the end of the one thread that owns the lines share its bench.
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from node.gpio.driver import ORDER_LIMIT, LineDriver
from node.gpio.memory import MemoryBank
from schemas import MemoryLines, Problem

pytestmark = pytest.mark.slow

ALL = {
    "ok": 1,
    "ng": 2,
    "error": 3,
    "busy": 4,
    "ready": 5,
    "result_valid": 6,
    "outputs": {"OUT1": 8},
}
VERDICTS = ("ok", "ng", "error")


class Bench:
    """A driver with memory lines of one or more stations."""

    def __init__(
        self, *stations: str, bank: type[MemoryBank] = MemoryBank, **settings: object
    ) -> None:
        lines = MemoryLines.model_validate({**ALL, **settings})
        self.banks = {station: bank(lines) for station in stations}
        self.edges: list[tuple[str, int]] = []
        self.driver = LineDriver(
            {station: (lines, bank) for station, bank in self.banks.items()},
            lambda station, at: self.edges.append((station, at)),
        )

    def on(self, station: str = "a") -> set[str]:
        return {role for role, on in self.driver.values(station).items() if on}


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(*stations: str, **more: object) -> Bench:
        made.append(Bench(*(stations or ("a",)), **more))  # type: ignore[arg-type]
        made[-1].driver.start()
        return made[-1]

    yield make
    for each in made:
        assert each.driver.stop(5.0)


def until(condition: Callable[[], object], limit_s: float = 10.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "did not come true"
        time.sleep(0.002)


class Stuck(MemoryBank):
    """Lines on a bus that does not answer until it is let go."""

    go = threading.Event()
    reached = threading.Event()

    def set(self, values: Mapping[str, bool]) -> None:
        if values.get("ng") or values.get("ready"):
            self.reached.set()
            assert self.go.wait(20)
        super().set(values)


def test_after_show_the_verdict_is_driven(bench: Callable[..., Bench]) -> None:
    b = bench(drive={"mode": "latch"})
    b.driver.begin("a")
    assert b.driver.show("a", "NG", {"OUT1": True}) == "ok"
    assert b.on() == {"ng", "OUT1", "result_valid"}
    assert b.driver.status("a") == "ok"


def test_a_pulse_ends_by_itself(bench: Callable[..., Bench]) -> None:
    b = bench(drive={"pulse_ms": 20.0})
    b.driver.show("a", "OK", {})
    until(lambda: not b.on())
    began, ended = (
        next(at for at, s in b.driver.timeline("a") if s["ok"]),
        b.driver.timeline("a")[-1][0],
    )
    assert ended - began >= 19_000_000


def test_a_delayed_verdict_comes_after_its_delay(bench: Callable[..., Bench]) -> None:
    b = bench(drive={"mode": "latch", "delay_ms": 60.0})
    planned = time.monotonic_ns()
    b.driver.show("a", "OK", {})
    assert b.on() == set()
    until(b.on)
    assert next(at for at, s in b.driver.timeline("a") if s["ok"]) - planned >= 60_000_000


def test_edges_of_the_input_are_reported_with_their_station(bench: Callable[..., Bench]) -> None:
    b = bench("a", "b", trigger={"line": 20, "debounce_ms": 0.0})
    for n in range(3):
        b.banks["b"].pull(True)
        b.banks["b"].pull(False)
        until(lambda n=n: len(b.edges) == n + 1)  # type: ignore[misc]
    assert {station for station, _ in b.edges} == {"b"}


def test_a_broken_bank_is_an_error_of_its_station_only_and_comes_back(
    bench: Callable[..., Bench],
) -> None:
    b = bench("a", "b", drive={"mode": "latch"})
    b.driver.ready("a", True)
    until(lambda: b.on("a") == {"ready"})
    b.banks["a"].fault = Problem("GPIO_ERROR", "no answer")
    with pytest.raises(Problem, match="no answer") as caught:
        b.driver.show("a", "OK", {})
    assert caught.value.code == "GPIO_ERROR"
    assert b.driver.status("a") == "error"
    assert b.driver.problem("a") is not None
    assert b.on("a") == set()
    assert b.driver.show("b", "OK", {}) == "ok"
    assert b.driver.status("b") == "ok"
    b.banks["a"].fault = None
    until(lambda: b.driver.status("a") == "ok")
    until(lambda: b.on("a") == {"ready"})


def test_a_bank_that_is_not_there_at_start_is_known_after_start() -> None:
    b = Bench("a", "b")
    b.banks["a"].fault = Problem("GPIO_NOT_AVAILABLE", "line 1 is held by 'press-7'")
    b.driver.start()
    assert [b.driver.status(s) for s in "ab"] == ["error", "ok"]
    assert "press-7" in str(b.driver.problem("a"))
    assert b.driver.stop(5.0)


def test_a_station_without_lines_shows_nothing_and_says_so() -> None:
    lines = MemoryLines()
    driver = LineDriver({"a": (lines, MemoryBank(lines))}, lambda *_: None)
    driver.start()
    assert driver.show("a", "OK", {}) == "none"
    driver.begin("a")
    assert driver.status("a") == "none"
    assert driver.values("a") == {}
    assert driver.stop(5.0)


def test_after_stop_everything_is_inactive_and_nothing_can_be_driven(
    bench: Callable[..., Bench],
) -> None:
    b = bench(heartbeat=7, drive={"mode": "latch"})
    b.driver.assign("a", {"OUT1": "always_on"})
    b.driver.ready("a", True)
    b.driver.begin("a")
    b.driver.show("a", "OK", {})
    b.driver.begin("a")
    assert b.driver.stop(5.0)
    assert not b.driver.alive
    assert not any(b.banks["a"].timeline[-1][1].values())
    assert b.driver.status("a") == "error"
    with pytest.raises(Problem) as caught:
        b.driver.show("a", "OK", {})
    assert caught.value.code == "GPIO_ERROR"


def test_stop_lets_a_verdict_that_is_under_way_reach_its_gate(bench: Callable[..., Bench]) -> None:
    b = bench(drive={"delay_ms": 100.0, "pulse_ms": 50.0})
    b.driver.show("a", "NG", {})
    assert b.driver.stop(5.0)
    on = [at for at, state in b.banks["a"].timeline if state["ng"]]
    ended = next(at for at, state in b.banks["a"].timeline if at > on[-1] and not state["ng"])
    assert ended - on[0] >= 49_000_000


def test_stop_does_not_wait_longer_than_it_may(bench: Callable[..., Bench]) -> None:
    b = bench(drive={"delay_ms": 10_000.0})
    b.driver.show("a", "NG", {})
    assert b.driver.stop(0.8)
    assert not any(state["ng"] for _, state in b.banks["a"].timeline)


def test_show_gives_up_on_lines_that_hang_and_a_late_verdict_is_taken_back() -> None:
    Stuck.go.clear()
    b = Bench("a", bank=Stuck, drive={"mode": "latch"})
    b.driver.start()
    with pytest.raises(Problem, match="within") as caught:
        b.driver.show("a", "NG", {}, timeout_s=0.05)
    assert caught.value.code == "GPIO_ERROR"
    with pytest.raises(Problem, match="within"):
        b.driver.show("a", "OK", {}, timeout_s=0.05)
    Stuck.go.set()
    until(lambda: b.driver.status("a") == "error")
    until(lambda: not b.on())
    assert b.driver.stop(5.0)
    assert not any(state["ok"] for _, state in b.banks["a"].timeline)


def test_an_order_that_was_given_up_while_it_waited_is_never_carried_out() -> None:
    Stuck.go.clear()
    Stuck.reached.clear()
    b = Bench("a", bank=Stuck, drive={"mode": "latch"})
    b.driver.start()
    b.driver.ready("a", True)
    assert Stuck.reached.wait(5)
    with pytest.raises(Problem, match="within"):
        b.driver.show("a", "OK", {}, timeout_s=0.05)
    Stuck.go.set()
    b.driver.by_hand("a", "OUT1", True, timeout_s=10)
    assert b.on() == {"ready", "OUT1"}
    assert b.driver.stop(5.0)
    assert not any(state["ok"] for _, state in b.banks["a"].timeline)


def test_a_driver_that_falls_behind_closes_the_lines_rather_than_lose_an_order() -> None:
    Stuck.go.clear()
    Stuck.reached.clear()
    b = Bench("a", bank=Stuck)
    b.driver.start()
    b.driver.ready("a", True)
    assert Stuck.reached.wait(5)
    for _ in range(ORDER_LIMIT + 1):
        b.driver.release("a")
    with pytest.raises(Problem, match="behind"):
        b.driver.show("a", "OK", {})
    Stuck.go.set()
    until(lambda: b.driver.status("a") == "error")
    assert "behind" in str(b.driver.problem("a"))
    assert b.driver.stop(5.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_ours_in_the_thread_leaves_the_lines_inactive_and_is_known() -> None:
    lines = MemoryLines.model_validate(
        {**ALL, "trigger": {"line": 20, "debounce_ms": 0.0}, "drive": {"mode": "latch"}}
    )
    bank = MemoryBank(lines)
    driver = LineDriver({"a": (lines, bank)}, lambda *_: [][0])
    driver.start()
    driver.show("a", "OK", {})
    bank.pull(True)
    until(lambda: not driver.alive)
    assert driver.status("a") == "error"
    assert not any(bank.timeline[-1][1].values())
    with pytest.raises(Problem, match="does not run"):
        driver.show("a", "OK", {})


def test_the_beat_goes_on_without_orders(bench: Callable[..., Bench]) -> None:
    b = bench()
    first = b.driver.beat_ns
    until(lambda: b.driver.beat_ns > first)
    assert b.driver.alive


def test_by_hand_drives_at_once_and_refuses_what_is_not_there(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.driver.by_hand("a", "ng", True)
    assert b.on() == {"ng"}
    with pytest.raises(Problem) as caught:
        b.driver.by_hand("a", "OUT5", True)
    assert caught.value.code == "BAD_COMMAND"
    assert b.driver.status("a") == "ok"


@contextlib.contextmanager
def late_on_a_busy_machine() -> Iterator[None]:
    """A delayed verdict that is 50 ms late closes the lines for 2 s, as it must; then nothing can
    be shown."""
    try:
        yield
    except Problem as problem:
        if problem.code not in ("GPIO_ERROR", "GPIO_NOT_AVAILABLE"):
            raise
        time.sleep(0.01)


def test_with_stations_and_people_all_at_once_no_state_is_contradictory(
    bench: Callable[..., Bench],
) -> None:
    b = bench("a", "b", heartbeat=7, drive={"pulse_ms": 2.0, "delay_ms": 3.0})
    shows = {"a": 0, "b": 0}

    def inspect(station: str) -> None:
        chance = random.Random(station)
        for _ in range(3000):
            b.driver.begin(station)
            if chance.random() < 0.1:
                b.driver.release(station)
                continue
            with late_on_a_busy_machine():
                b.driver.show(
                    station,
                    chance.choice(["OK", "NG", "ERROR"]),
                    {"OUT1": chance.random() < 0.5},
                    timeout_s=10,
                )
                shows[station] += 1
            if shows[station] > 130:
                return

    def meddle() -> None:
        chance = random.Random(7)
        for _ in range(300):
            station = chance.choice("ab")
            match chance.choice(["ready", "by hand", "assign"]):
                case "ready":
                    b.driver.ready(station, chance.random() < 0.5)
                case "by hand":
                    with late_on_a_busy_machine():
                        b.driver.by_hand(station, chance.choice(VERDICTS), True, timeout_s=10)
                case "assign":
                    b.driver.assign(
                        station, {"OUT1": chance.choice(["busy", "always_on", "tool:cap:ng"])}
                    )

    threads = [threading.Thread(target=inspect, args=(s,)) for s in "ab"] + [
        threading.Thread(target=meddle)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert b.driver.stop(5.0)
    for station, bank in b.banks.items():
        states = [state for _, state in bank.timeline]
        assert all(sum(state[role] for role in VERDICTS) <= 1 for state in states)
        assert shows[station] > 100
        assert any(state["result_valid"] for state in states)
        assert not any(states[-1].values())
