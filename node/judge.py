"""Fifth step: from what the tools found to one verdict. Anything unclear is ERROR."""

import ast
import time

from node.program import LoadedProgram
from node.seen import Inspection
from schemas import Fault, Problem, Verdict
from schemas.program import judgement_tree


def judge(inspection: Inspection, program: LoadedProgram) -> tuple[Verdict, Fault | None]:
    """The verdict and, for ERROR, why. Raises Problem PROGRAM_EMPTY, TIMEOUT, JUDGEMENT_FAILED.

    One tool without a value is an ERROR of the whole, whatever the others say: `any` of what could
    not be seen is not OK.
    """
    if not inspection.findings or len(inspection.findings) != len(program.tools):
        raise Problem("PROGRAM_EMPTY", program.program.id)
    for finding in inspection.findings:
        if finding.result.verdict not in ("OK", "NG"):
            fault = finding.result.error or Fault(code="NO_VALUE", message="no value")
            return "ERROR", Fault(
                code=fault.code, message=f"tool {finding.result.name}: {fault.message}"
            )
    passed = {
        finding.result.name: finding.result.verdict == "OK" for finding in inspection.findings
    }
    good = decide(program.program.judgement, passed)
    elapsed_ms = (time.monotonic_ns() - inspection.began_ns) / 1e6
    if elapsed_ms > program.program.limits_ms:
        raise Problem(
            "TIMEOUT", f"{elapsed_ms:.0f} ms, at most {program.program.limits_ms} ms are allowed"
        )
    return ("OK" if good else "NG"), None


def decide(judgement: str, passed: dict[str, bool]) -> bool:
    """Whether the part is good: all, any, or an expression over tool names. Raises Problem
    JUDGEMENT_FAILED."""
    if judgement == "all":
        return bool(passed) and all(passed.values())
    if judgement == "any":
        return any(passed.values())
    try:
        return _value(judgement_tree(judgement).body, passed)
    except (ValueError, KeyError) as error:
        raise Problem("JUDGEMENT_FAILED", str(error)) from None


def _value(node: ast.expr, passed: dict[str, bool]) -> bool:
    if isinstance(node, ast.Name):
        return passed[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return not _value(node.operand, passed)
    if isinstance(node, ast.BoolOp):
        values = [_value(value, passed) for value in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    raise ValueError(f"{type(node).__name__} is not allowed")
