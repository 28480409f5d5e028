"""What the lines of one station show, over time that the tests control.

One file: every rule of a lane is seen on the same drawn clock and memory lines.
"""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from node.gpio.lane import BEAT_NS, MS, RETRY_NS, StationLines
from node.gpio.memory import MemoryBank
from schemas import MemoryLines, Problem

ALL = {
    "ok": 1,
    "ng": 2,
    "error": 3,
    "busy": 4,
    "ready": 5,
    "result_valid": 6,
    "outputs": {"OUT1": 8, "OUT2": 9},
}
VERDICTS = {"ok", "ng", "error"}


class Line:
    """A lane with memory lines, and its clock."""

    def __init__(self, **settings: object) -> None:
        lines = MemoryLines.model_validate({**ALL, **settings})
        self.now = 1_000 * MS
        self.bank = MemoryBank(lines)
        self.lane = StationLines("a", lines, self.bank, lambda: self.now)
        self.lane.tick()

    def wait(self, ms: float) -> None:
        """Let time pass, waking the lane when it has asked to be woken."""
        until = self.now + round(ms * MS)
        while (at := self.lane.tick()) <= until:
            assert at >= self.now, "the lane asks for a time that has passed"
            self.now = at
        self.now = until
        self.lane.tick()

    @property
    def on(self) -> set[str]:
        return {role for role, active in self.bank.timeline[-1][1].items() if active}

    @property
    def shown(self) -> list[set[str]]:
        """Active outputs after each change, without repetitions."""
        states = [{role for role, on in state.items() if on} for _, state in self.bank.timeline]
        return [state for n, state in enumerate(states) if n == 0 or states[n - 1] != state]


def drive(**settings: object) -> dict[str, object]:
    return {"drive": settings}


@pytest.mark.parametrize("verdict", ["OK", "NG", "ERROR"])
def test_a_part_walks_through_busy_verdict_valid_and_back(verdict: str) -> None:
    line = Line(**drive(pulse_ms=100.0))
    line.lane.begin()
    line.lane.show(verdict, {})  # type: ignore[arg-type]
    line.wait(99)
    role = verdict.lower()
    assert line.shown == [
        set(),
        {"busy"},
        {"busy", role},
        {"busy", role, "result_valid"},
        {role, "result_valid"},
    ]
    line.wait(1)
    assert line.on == set()


def test_verdict_and_tool_outputs_change_in_one_call() -> None:
    line = Line(**drive(mode="latch"))
    line.lane.assign({"OUT1": "ng", "OUT2": "tool:cap:ok"})
    line.lane.show("NG", {"OUT1": True, "OUT2": False})
    line.lane.show("OK", {"OUT1": False, "OUT2": True})
    assert {"ng", "OUT1", "result_valid"} in line.shown
    assert line.shown[-2:] == [{"ok", "OUT2"}, {"ok", "OUT2", "result_valid"}]


def test_every_part_gives_result_valid_an_edge() -> None:
    line = Line(**drive(pulse_ms=100.0))
    for _ in range(3):
        line.lane.show("OK", {})
    assert line.shown[1:] == [{"ok"}, {"ok", "result_valid"}] * 3


def test_a_latched_verdict_stays_until_the_next_part_begins() -> None:
    line = Line(**drive(mode="latch"))
    line.lane.show("NG", {})
    line.wait(60_000)
    assert line.on == {"ng", "result_valid"}
    line.lane.begin()
    assert line.on == {"busy"}


def test_the_pulse_of_the_last_part_does_not_end_that_of_the_next() -> None:
    line = Line(**drive(pulse_ms=100.0))
    line.lane.show("OK", {})
    line.wait(60)
    line.lane.begin()
    assert line.on == {"busy"}
    line.lane.show("NG", {})
    line.wait(60)  # the first pulse would have ended
    assert line.on == {"ng", "result_valid"}
    line.wait(40)
    assert line.on == set()


def test_a_delayed_pulse_reaches_its_gate_while_later_parts_are_inspected() -> None:
    line = Line(**drive(pulse_ms=50.0, delay_ms=300.0))
    for verdict in ("NG", "OK", "NG"):
        line.lane.begin()
        line.lane.show(verdict, {})  # type: ignore[arg-type]
        assert "busy" not in line.on
        line.wait(100)
    line.lane.begin()
    changes = []
    for _ in range(30):
        changes.append("".join(sorted(line.on & VERDICTS)))
        line.wait(10)
    assert changes == ["ng"] * 5 + [""] * 5 + ["ok"] * 5 + [""] * 5 + ["ng"] * 5 + [""] * 5
    assert line.on == {"busy"}


def test_a_delayed_pulse_gives_way_to_the_next_one_and_is_not_ended_by_the_first() -> None:
    line = Line(**drive(pulse_ms=80.0, delay_ms=100.0))
    line.lane.show("NG", {})
    line.wait(50)
    line.lane.show("OK", {})
    line.wait(50)
    assert line.on & VERDICTS == {"ng"}
    line.wait(50)
    assert line.on & VERDICTS == {"ok"}
    line.wait(79)
    assert line.on & VERDICTS == {"ok"}
    line.wait(1)
    assert line.on == set()


def test_a_latched_verdict_that_is_not_due_when_the_next_part_begins_is_dropped() -> None:
    line = Line(**drive(mode="latch", delay_ms=100.0))
    line.lane.show("OK", {})
    line.wait(50)
    line.lane.begin()
    line.wait(1000)
    assert line.on == {"busy"}


def test_of_two_delayed_latched_verdicts_the_last_one_wins() -> None:
    line = Line(**drive(mode="latch", delay_ms=100.0))
    line.lane.show("OK", {})
    line.wait(50)
    line.lane.show("NG", {})
    line.wait(70)
    assert line.on == set()
    line.wait(1000)
    assert line.on == {"ng", "result_valid"}


def test_a_delayed_verdict_that_is_too_late_is_not_shown_to_another_part() -> None:
    line = Line(**drive(pulse_ms=40.0, delay_ms=100.0))
    line.lane.show("OK", {})
    line.now += 200 * MS  # the machine stood still
    line.lane.tick()
    assert not any("ok" in state for state in line.shown)
    assert line.lane.problem is not None
    assert line.lane.problem.code == "GPIO_ERROR"


def test_levels_follow_the_station_and_the_program() -> None:
    line = Line()
    line.lane.assign({"OUT1": "always_on", "OUT2": "busy"})
    assert line.on == set()  # nothing is on before the station lives
    line.lane.ready(True)
    assert line.on == {"ready", "OUT1"}
    line.lane.begin()
    assert line.on == {"ready", "OUT1", "OUT2", "busy"}
    line.lane.release()
    assert line.on == {"ready", "OUT1"}
    line.lane.assign({"OUT2": "always_on"})
    assert line.on == {"ready", "OUT2"}
    line.lane.ready(False)
    assert line.on == {"OUT2"}


def test_another_program_takes_back_an_output_that_gets_another_meaning() -> None:
    line = Line(**drive(mode="latch"))
    line.lane.assign({"OUT1": "ok", "OUT2": "tool:cap:ok"})
    line.lane.show("OK", {"OUT1": True, "OUT2": True})
    line.lane.assign({"OUT1": "ng", "OUT2": "tool:cap:ok"})
    assert line.on == {"ok", "result_valid", "OUT2"}


def test_safe_turns_everything_off_and_drops_what_was_to_come() -> None:
    line = Line(**drive(delay_ms=100.0), heartbeat=7)
    line.lane.assign({"OUT1": "always_on"})
    line.lane.ready(True)
    line.lane.begin()
    line.lane.show("OK", {})
    line.lane.safe()
    assert line.on <= {"heartbeat"}
    line.wait(1000)
    assert line.on <= {"heartbeat"}
    line.lane.ready(True)
    assert line.on - {"heartbeat"} == {"ready", "OUT1"}


def test_the_heartbeat_toggles_twice_a_second() -> None:
    line = Line(heartbeat=7)
    states = []
    for _ in range(6):
        line.wait(BEAT_NS / MS)
        states.append("heartbeat" in line.on)
    assert states in ([True, False] * 3, [False, True] * 3)


def test_a_write_error_closes_the_lines_and_they_come_back_without_the_verdict() -> None:
    line = Line(**drive(mode="latch"))
    line.lane.ready(True)
    line.lane.begin()
    line.bank.fault = Problem("GPIO_ERROR", "no answer from the expander")
    with pytest.raises(Problem, match="expander") as caught:
        line.lane.show("OK", {})
    assert caught.value.code == "GPIO_ERROR"
    assert line.lane.status == "error"
    assert line.on == set()
    with pytest.raises(Problem, match="expander"):
        line.lane.show("NG", {})
    line.wait(RETRY_NS / MS * 3)
    assert line.lane.status == "error"
    line.bank.fault = None
    line.wait(RETRY_NS / MS)
    assert line.lane.status == "ok"
    assert line.lane.problem is None
    assert line.on == {"ready"}


def test_a_bank_that_does_not_answer_a_beat_is_a_problem_though_nobody_writes() -> None:
    line = Line()
    line.bank.fault = Problem("GPIO_ERROR", "the chip went away")
    line.wait(BEAT_NS / MS)
    assert line.lane.status == "error"


def test_a_bank_that_cannot_be_opened_is_tried_again() -> None:
    lines = MemoryLines.model_validate(ALL)
    bank = MemoryBank(lines)
    bank.fault = Problem("GPIO_NOT_AVAILABLE", "held by 'press-7'")
    now = 0
    lane = StationLines("a", lines, bank, lambda: now)
    assert lane.status == "error"
    now = lane.tick()
    assert lane.problem is bank.fault
    assert now == RETRY_NS
    bank.fault = None
    lane.tick()
    assert lane.status == "ok"


def test_a_station_without_lines_has_nothing_to_fail() -> None:
    lines = MemoryLines()
    bank = MemoryBank(lines)
    bank.fault = Problem("GPIO_NOT_AVAILABLE", "never asked")
    lane = StationLines("a", lines, bank)
    lane.tick()
    assert lane.status == "none"
    assert lane.problem is None


def test_by_hand_a_verdict_takes_the_others_back() -> None:
    line = Line()
    line.lane.assign({"OUT1": "ng", "OUT2": "tool:cap:ok"})
    for role in ("ok", "OUT2", "OUT1", "ng", "error"):
        line.lane.by_hand(role, True)
    assert {"ok", "OUT2"} in line.shown
    assert {"ng", "OUT1", "OUT2"} in line.shown
    assert line.on == {"error", "OUT2"}
    line.lane.ready(True)
    assert line.on == {"ready"}


@pytest.mark.parametrize("role", ["OUT7", "heartbeat", "trigger"])
def test_by_hand_only_assigned_outputs_can_be_set(role: str) -> None:
    with pytest.raises(Problem) as caught:
        Line(heartbeat=7).lane.by_hand(role, True)
    assert caught.value.code == "BAD_COMMAND"


STEP = st.one_of(
    st.tuples(st.just("begin")),
    st.tuples(st.just("show"), st.sampled_from(["OK", "NG", "ERROR"])),
    st.tuples(st.just("ready"), st.booleans()),
    st.tuples(st.just("release")),
    st.tuples(st.just("safe")),
    st.tuples(
        st.just("hand"), st.sampled_from(["ok", "ng", "error", "OUT1", "OUT2"]), st.booleans()
    ),
    st.tuples(
        st.just("assign"),
        st.sampled_from(["ok", "ng", "error", "busy", "always_on", "tool:cap:ok"]),
    ),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 3.0, 10.0, 30.0, 100.0])),
    st.tuples(st.just("fault"), st.booleans()),
)


@given(
    st.lists(STEP, max_size=40),
    st.sampled_from(["pulse", "latch"]),
    st.sampled_from([0.0, 10.0, 100.0]),
    st.sampled_from([1.0, 30.0]),
)
@effort(max_examples=300, deadline=None)
def test_whatever_happens_ok_ng_and_error_exclude_each_other_and_ok_belongs_to_an_ok_part(
    steps: list[tuple[object, ...]], mode: str, delay_ms: float, pulse_ms: float
) -> None:
    line = Line(**drive(mode=mode, delay_ms=delay_ms, pulse_ms=pulse_ms))
    meaning = ""
    oks = 0
    for kind, *arguments in steps:
        before = len(line.bank.timeline)
        try:
            match kind, arguments:
                case "begin", []:
                    line.lane.begin()
                case "show", [verdict]:
                    oks += verdict == "OK"
                    line.lane.show(verdict, {"OUT1": str(verdict).lower() == meaning})  # type: ignore[arg-type]
                case "ready", [on]:
                    line.lane.ready(bool(on))
                case "release", []:
                    line.lane.release()
                case "safe", []:
                    line.lane.safe()
                    assert line.on == set()
                case "hand", [role, on]:
                    oks += role in ("ok", "OUT1", "OUT2") and bool(on)
                    line.lane.by_hand(str(role), bool(on))
                case "assign", [what]:
                    meaning = str(what)
                    line.lane.assign({"OUT1": meaning})
                case "wait", [ms]:
                    line.wait(float(str(ms)))
                case "fault", [on]:
                    line.bank.fault = Problem("GPIO_ERROR", "drill") if on else None
        except Problem as problem:
            if problem.code != "GPIO_ERROR":
                raise
            assert line.lane.status == "error"
            assert line.on == set()
        for _, state in line.bank.timeline[before:]:
            assert sum(state[role] for role in VERDICTS) <= 1
            assert not state["ok"] or oks, "an OK that no part has earned"
        assert line.bank.fault is not None or line.lane.values == line.bank.timeline[-1][1]
        if mode == "latch" or delay_ms == 0:
            assert kind != "begin" or not line.on & (VERDICTS | {"result_valid"})
    line.bank.fault = None
    line.wait(RETRY_NS / MS + 1)
    if mode == "pulse" and not any(kind == "hand" for kind, *_ in steps):
        assert not line.on & (VERDICTS | {"result_valid"}), "a verdict is a resting level"
    line.lane.close()
    assert line.on == set()


def test_a_thousand_parts_on_a_conveyor_each_get_their_own_pulse() -> None:
    seen: list[str] = []
    wanted: list[str] = []
    line = Line(**drive(pulse_ms=10.0, delay_ms=205.0))
    chance = random.Random(1)
    last: Mapping[str, bool] = {}
    for _ in range(1000):
        verdict = chance.choice(["OK", "NG", "ERROR"])
        wanted.append(verdict.lower())
        line.lane.begin()
        line.lane.show(verdict, {})  # type: ignore[arg-type]
        line.wait(20 + chance.random() * 30)
    line.wait(300)
    for _, state in line.bank.timeline:
        if state["result_valid"] and not last.get("result_valid"):
            seen += [role for role in VERDICTS if state[role]]
        last = state
    assert len(line.bank.timeline) < 10_000
    assert seen == wanted
