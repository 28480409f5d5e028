"""The verdict of a part on the lines, and what a program's outputs show."""

from typing import Any

import pytest

from node.gpio.driver import LineDriver
from node.gpio.memory import MemoryBank
from node.output import assigned, output
from schemas import MemoryLines, Problem, Verdict, as_program

MEANINGS = {
    "OUT1": "ok",
    "OUT2": "ng",
    "OUT3": "error",
    "OUT4": "tool:cap:ok",
    "OUT5": "tool:cap:ng",
    "OUT6": "busy",
    "OUT7": "always_on",
    "OUT8": "tool:seal:ok",
}


@pytest.mark.parametrize(
    ("verdict", "tools", "on"),
    [
        ("OK", {"cap": "OK", "seal": "OK"}, {"OUT1", "OUT4", "OUT8"}),
        ("OK", {"cap": "NG", "seal": "OK"}, {"OUT1", "OUT5", "OUT8"}),
        ("NG", {"cap": "NG"}, {"OUT2", "OUT5"}),
        ("NG", {"cap": "ERROR", "seal": "OK"}, {"OUT2", "OUT8"}),
        ("ERROR", {}, {"OUT3"}),
        ("ERROR", {"cap": "OK", "seal": "ERROR"}, {"OUT3"}),
        ("ERROR", {"cap": "NG", "seal": "OK"}, {"OUT3", "OUT5"}),
    ],
)
def test_outputs_show_the_verdict_and_the_tools(
    verdict: Verdict, tools: dict[str, Verdict], on: set[str]
) -> None:
    shown = assigned(verdict, tools, MEANINGS)
    assert {name for name, active in shown.items() if active} == on
    assert not {"OUT6", "OUT7"} & set(shown), "levels belong to the driver"


def lines(**settings: Any) -> tuple[LineDriver, MemoryBank]:
    shape = MemoryLines.model_validate({"drive": {"mode": "latch"}, **settings})
    bank = MemoryBank(shape)
    driver = LineDriver({"cam1": (shape, bank)}, lambda *_: None)
    driver.start()
    return driver, bank


PROGRAM = as_program(
    {
        "schema": "program/1",
        "id": "p",
        "name": "P",
        "tools": [],
        "outputs": {"OUT1": "ng"},
    }
)


def test_the_verdict_and_the_programs_outputs_are_driven_and_reported_ok() -> None:
    driver, bank = lines(ok=1, ng=2, outputs={"OUT1": 3, "OUT2": 4})
    assert output("NG", {}, PROGRAM, driver, "cam1") == "ok"
    assert bank.timeline[-1][1] == {"ok": False, "ng": True, "OUT1": True, "OUT2": False}
    assert driver.stop(5.0)


def test_without_a_program_only_the_verdict_is_driven() -> None:
    driver, bank = lines(error=1, outputs={"OUT1": 3})
    assert output("ERROR", {}, None, driver, "cam1") == "ok"
    assert bank.timeline[-1][1] == {"error": True, "OUT1": False}
    assert driver.stop(5.0)


def test_lines_that_fail_are_reported_and_not_raised() -> None:
    driver, bank = lines(ok=1)
    bank.fault = Problem("GPIO_ERROR", "no answer")
    assert output("OK", {}, PROGRAM, driver, "cam1") == "error"
    assert driver.stop(5.0)
    assert output("OK", {}, PROGRAM, driver, "cam1") == "error"


def test_a_station_without_lines_is_reported_as_none() -> None:
    driver, _ = lines()
    assert output("OK", {}, PROGRAM, driver, "cam1") == "none"
    assert driver.stop(5.0)
