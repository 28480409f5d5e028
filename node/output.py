"""Output: the verdict of a part on the lines of its station, before anything is stored or
published."""

import logging
from collections.abc import Mapping
from typing import Literal

from node.gpio.driver import LineDriver
from node.worker.seam import ReadyProgram
from schemas import Problem, Program, Verdict

log = logging.getLogger(__name__)


def output(
    verdict: Verdict,
    tools: Mapping[str, Verdict],
    program: Program | ReadyProgram | None,
    driver: LineDriver,
    station: str,
) -> Literal["ok", "error", "none"]:
    """Drive the verdict and tell whether the lines were driven; none: the station has no lines.

    tools: verdict of each tool by name. program: the one that judged, None if there was none.
    """
    try:
        return driver.show(
            station, verdict, assigned(verdict, tools, program.outputs if program else {})
        )
    except Problem as problem:
        if problem.code != "GPIO_ERROR":
            log.exception("station %s: the lines were not driven", station)
        return "error"


def assigned(
    verdict: Verdict, tools: Mapping[str, Verdict], outputs: Mapping[str, str]
) -> dict[str, bool]:
    """What a program's outputs show for one part, except levels (`busy`, `always_on`), which the
    driver keeps.

    If the part could not be judged no tool is shown as OK, whatever it measured; a tool that failed
    shows neither.
    """
    shown: dict[str, bool] = {}
    for name, meaning in outputs.items():
        if meaning.startswith("tool:"):
            _, tool, wanted = meaning.split(":")
            shown[name] = tools.get(tool) == wanted.upper() and not (
                verdict == "ERROR" and wanted == "ok"
            )
        elif meaning in ("ok", "ng", "error"):
            shown[name] = verdict == meaning.upper()
    return shown
