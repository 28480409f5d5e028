"""Fourth step: let every tool measure in its own region, where the part now lies."""

import logging
import math
import time
from collections.abc import Callable, Hashable
from functools import partial
from numbers import Real
from typing import Any

from node.calibration import check_size
from node.frame import Frame, Placement
from node.measurement import Given, Measurement
from node.memo import Once
from node.program import LoadedProgram, LoadedTool
from node.seen import Finding
from schemas import Fault, Problem, ToolResult, Trigger, Verdict
from schemas.tools.base import RegionTool
from schemas.trigger import EMPTY

log = logging.getLogger(__name__)


def measure(
    frame: Frame,
    placement: Placement,
    program: LoadedProgram,
    trigger: Trigger = EMPTY,
    once: Once | None = None,
    doing: Callable[[str], None] | None = None,
) -> tuple[Finding, ...]:
    """One finding a tool, in the program's order. A tool that raises, or gives no finite number, is
    an ERROR of its own.

    once: knows what was found before in this frame, of a part that lies so. doing: is told which
    tool begins.
    """
    calibration = program.program.calibration
    check_size(calibration, frame.width, frame.height)
    measured: dict[str, Measurement | None] = {}
    passed: dict[str, bool] = {}
    findings: dict[int, Finding] = {}
    made_of: dict[str, Hashable] = {}
    for place in program.order:
        tool = program.tools[place]
        name = tool.settings.name
        if doing is not None:
            doing(f"tool {name}")
        look = partial(_one, frame, placement, tool, Given(trigger, measured, passed, calibration))
        if once is None:
            findings[place] = finding = look()
        else:
            made_of[name] = (
                tool.settings.model_dump_json(),
                *(made_of[used] for used in tool.settings.uses),
            )
            findings[place] = finding = once(made_of[name], look)
        measured[name] = finding.measurement if finding.result.error is None else None
        passed[name] = finding.result.verdict == "OK"
    return tuple(findings[place] for place in range(len(program.tools)))


def _one(frame: Frame, placement: Placement, tool: LoadedTool, given: Given) -> Finding:
    began_ns = time.monotonic_ns()
    settings = tool.settings
    value: float | None = None
    measurement: Measurement | None = None
    fault: Fault | None = None
    verdict: Verdict = "ERROR"
    try:
        view = (
            frame.view(settings.region, placement, settings.ignore)
            if isinstance(settings, RegionTool)
            else None
        )
        more = (given,) if settings.asks else ()
        measurement = tool.kind.measure(view, settings, tool.learned, *more)
        measured: Any = measurement.value  # whatever a third party's tool returns
        if not isinstance(measured, Real) or not math.isfinite(measured):
            raise Problem("NO_VALUE", f"tool {settings.name}: {measured!r:.40}")
        value = float(measured)
        low, high = settings.low, settings.high
        verdict = (
            "OK" if (low is None or value >= low) and (high is None or value <= high) else "NG"
        )
    except Problem as problem:
        fault = Fault(code=problem.code, message=problem.message[:500])
    except Exception as error:
        log.exception("tool %s (%s) failed", settings.name, settings.kind)
        fault = Fault(
            code="TOOL_FAILED",
            message=f"tool {settings.name}: {type(error).__name__}: {error}"[:500],
        )
    result = ToolResult.made(
        name=settings.name,
        kind=settings.kind,
        verdict=verdict,
        value=None if value is None else round(value, 6),
        unit=settings.unit,
        low=settings.low,
        high=settings.high,
        ms=(time.monotonic_ns() - began_ns) // 1000 / 1000,
        text=measurement.text if measurement is not None else None,
        error=fault,
    )
    return Finding(result, measurement)
