import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.frame import IN_PLACE, Frame, Placement, View
from node.judge import decide, judge
from node.measure import measure
from node.measurement import Measurement
from node.part import Part
from node.program import LoadedProgram, LoadedTool
from node.seen import Finding, Inspection
from schemas import Problem, Program, ToolResult, Trigger, as_program

GRAY = np.full((16, 16), 100, np.uint8)


class Kind:
    """A tool whose answer is given."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def measure(self, view: View, settings: object, learned: object) -> Measurement:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Measurement(self.answer)  # type: ignore[arg-type]


def program(judgement: str = "all", tools: int = 2, **more: object) -> Program:
    return as_program(
        {
            "schema": "program/1",
            "id": "p",
            "name": "P",
            "judgement": judgement,
            "tools": [
                {
                    "kind": "brightness",
                    "name": f"t{number}",
                    "region": {"x": 0, "y": 0, "width": 8, "height": 8},
                    "low": 10,
                    "high": 20,
                }
                for number in range(tools)
            ],
            **more,
        }
    )


def loaded(answers: list[object], **more: object) -> LoadedProgram:
    made = program(tools=len(answers), **more)
    tools = tuple(
        LoadedTool(tool, Kind(answer), None)
        for tool, answer in zip(made.tools, answers, strict=True)
    )  # type: ignore[arg-type]
    return LoadedProgram(made, 1, made.hash, None, None, tools, tuple(range(len(tools))))


def inspected(answers: list[object], **more: object) -> Inspection:
    made = loaded(answers, **more)
    found = Inspection(Part(1, "cam1", "t", Trigger(), False, "mqtt", 0.0, time.monotonic_ns()))
    frame = Frame(GRAY, 1, 0.0, "test", simulated=True)
    found.findings = measure(frame, IN_PLACE, made)
    try:
        found.verdict, found.fault = judge(found, made)
    except Problem as problem:
        found.fail(problem)
    return found


def test_the_limits_belong_to_the_good_values() -> None:
    for value, verdict in ((10.0, "OK"), (20.0, "OK"), (9.99, "NG"), (20.01, "NG")):
        assert inspected([value]).verdict == verdict


@pytest.mark.parametrize(
    "bad",
    [
        math.nan,
        math.inf,
        -math.inf,
        None,
        "12",
        ValueError("x"),
        ZeroDivisionError(),
        Problem("NO_CONTRAST"),
    ],
)
@pytest.mark.parametrize("judgement", ["all", "any", "t0 or t1"])
def test_one_tool_without_a_usable_number_makes_the_part_an_error(
    bad: object, judgement: str
) -> None:
    found = inspected([15.0, bad], judgement=judgement)
    assert found.verdict == "ERROR"
    assert found.fault is not None
    assert "t1" in found.fault.message
    assert found.findings[1].result.verdict == "ERROR"
    assert found.findings[1].result.value is None


def test_a_region_that_leaves_the_frame_is_an_error_of_its_tool() -> None:
    made = loaded([15.0])
    frame = Frame(GRAY, 1, 0.0, "test", simulated=True)

    finding = measure(frame, Placement(10.0, 0.0), made)[0]
    assert finding.result.error is not None
    assert finding.result.error.code == "REGION_INVALID"


def test_a_program_without_tools_is_never_ok() -> None:
    found = inspected([])
    assert (found.verdict, found.fault and found.fault.code) == ("ERROR", "PROGRAM_EMPTY")


def test_a_verdict_that_comes_too_late_is_an_error() -> None:
    made = loaded([15.0], limits_ms=5)
    found = Inspection(Part(1, "cam1", "t", Trigger(), False, "mqtt", 0.0, time.monotonic_ns()))
    found.began_ns -= 6_000_000
    found.findings = measure(Frame(GRAY, 1, 0.0, "t", simulated=True), IN_PLACE, made)
    with pytest.raises(Problem, match="TIMEOUT"):
        judge(found, made)


@given(st.lists(st.booleans(), min_size=3, max_size=3))
def test_expressions_mean_what_they_mean_in_python(values: list[bool]) -> None:
    passed = dict(zip(("a", "b", "c"), values, strict=True))
    a, b, c = values
    assert decide("all", passed) == (a and b and c)
    assert decide("any", passed) == (a or b or c)
    assert decide("a and (b or not c)", passed) == (a and (b or not c))
    assert decide("not (a or b) or c", passed) == (not (a or b) or c)


@pytest.mark.parametrize(
    "text",
    [
        "a()",
        "a.b",
        "a if b else c",
        "1",
        "a == b",
        "lambda: a",
        "[a for a in b]",
        "a and",
        "__import__",
        "A",
    ],
)
def test_an_expression_that_does_more_than_judge_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="PROGRAM_INVALID"):
        program(judgement=text)


def test_a_verdict_nobody_set_is_an_error() -> None:
    found = Inspection(Part(1, "cam1", "t", Trigger(), False, "mqtt", 0.0, time.monotonic_ns()))
    assert found.verdict == "ERROR"
    odd = ToolResult.model_construct(name="t0", kind="x", verdict="MAYBE", value=1.0, error=None)
    found.findings = (Finding(odd),)
    assert judge(found, loaded([15.0]))[0] == "ERROR"
