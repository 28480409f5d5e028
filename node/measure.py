"""Fourth step: let every tool measure in its own region, where the part now lies."""

import logging
import math
import time
from numbers import Real

from node.frame import Frame, Measurement, Placement
from node.part import Finding
from node.program import LoadedProgram, LoadedTool
from schemas import Fault, Problem, ToolResult, Verdict

log = logging.getLogger(__name__)


def measure(frame: Frame, placement: Placement, program: LoadedProgram) -> tuple[Finding, ...]:
    """One finding a tool, in the program's order. A tool that raises, or gives no finite number, is an ERROR of its own."""
    return tuple(_one(frame, placement, tool) for tool in program.tools)


def _one(frame: Frame, placement: Placement, tool: LoadedTool) -> Finding:
    began_ns = time.monotonic_ns()
    settings = tool.settings
    value: float | None = None
    measurement: Measurement | None = None
    fault: Fault | None = None
    verdict: Verdict = "ERROR"
    try:
        measurement = tool.kind.measure(frame.view(settings.region, placement), settings, tool.learned)
        if not isinstance(measurement.value, Real) or not math.isfinite(measurement.value):
            raise Problem("NO_VALUE", f"tool {settings.name}: {measurement.value!r:.40}")
        value = float(measurement.value)
        low, high = settings.low, settings.high
        verdict = "OK" if (low is None or value >= low) and (high is None or value <= high) else "NG"
    except Problem as problem:
        fault = Fault(code=problem.code, message=problem.message[:500])
    except Exception as error:
        log.exception("tool %s (%s) failed", settings.name, settings.kind)
        fault = Fault(code="TOOL_FAILED", message=f"tool {settings.name}: {type(error).__name__}: {error}"[:500])
    result = ToolResult.model_construct(
        name=settings.name,
        kind=settings.kind,
        verdict=verdict,
        value=None if value is None else round(value, 6),
        unit=settings.unit,
        low=settings.low,
        high=settings.high,
        ms=(time.monotonic_ns() - began_ns) // 1000 / 1000,
        error=fault,
    )
    return Finding(result, measurement)
