"""A result has at most 16 KiB, even where nobody measures it because its tools are few."""

from node import told
from schemas import EVALUATION, Fault, Images, Pose, Result, ToolResult
from schemas.result import MAX_RESULT_BYTES

LONG = -1.2345678901234567e-100


def tool(number: int) -> ToolResult:
    """The longest line that a tool without text and error can have."""
    return ToolResult(
        name=f"t{number:031d}",
        kind="k" * 32,
        verdict="ERROR",
        value=LONG,
        unit="u" * 16,
        low=LONG,
        high=LONG,
        ms=LONG,
        error=None,
    )


def test_few_tools_and_all_else_at_its_longest_fit() -> None:
    steps = ("wait", "acquire", "locate", "measure", "judge", "output")
    result = Result(
        result_id="r" * 36,
        trigger_id="t" * 64,
        assigned=True,
        node="n" * 32,
        station="s" * 32,
        seq=2**62,
        verdict="ERROR",
        evaluation=EVALUATION["ERROR"],
        program="p" * 64,
        program_version=2**31,
        program_hash="sha256:" + "0" * 64,
        part_id="\U0001f529" * 128,
        meta=None,
        source="command",
        received_at="2026-11-22T01:02:03.456Z",
        captured_at="2026-11-22T01:02:03.456Z",
        finished_at="2026-11-22T01:02:03.456Z",
        duration_ms=LONG,
        timings_ms=dict.fromkeys(steps, LONG),
        pose=Pose(x=LONG, y=LONG, angle_deg=LONG, scale=1.2345678901234567, score=0.1234567890123),
        tools=tuple(tool(number) for number in range(told.FEW)),
        outputs="error",
        error=Fault(code="C" * 32, message="\x01" * 1000),
        images=Images(raw="r" * 60, annotated="a" * 60),
        simulated=True,
    )
    assert told._fit(result) is result
    assert len(result.model_dump_json(by_alias=True)) <= MAX_RESULT_BYTES - told.LATER_BYTES
