"""A node that answers too late: what it did is reported and audited as done, and what it did not do
as not done."""

from typing import Any

import pytest
from flask import Flask

from schemas import Problem, as_program
from tests.rooms.people import people
from web import program_checks

REGION = {"x": 0, "y": 0, "width": 9, "height": 9}
TOOL = {"kind": "brightness", "name": "a", "region": REGION, "low": 1.0}
PROGRAM = {"schema": "program/1", "id": "cap", "name": "Cap", "tools": [TOOL]}


@pytest.mark.parametrize(
    ("used", "heard", "status"), [("cap", True, 200), ("other", True, 504), ("cap", False, 504)]
)
def test_a_late_select_is_told_as_what_came_of_it(
    app: Flask,
    ada: people.Caller,
    monkeypatch: pytest.MonkeyPatch,
    used: str,
    heard: bool,
    status: int,
) -> None:
    here = people.site_of(app)
    here.programs.save(as_program(PROGRAM), None, by="test")
    monkeypatch.setattr(program_checks, "LATE_S", 0.0)
    monkeypatch.setattr(program_checks, "presence", lambda: "ok" if heard else "silent")

    def late(*_: Any, **__: Any) -> Any:
        here.watch.state = {"stations": {"cam1": {"program": used, "program_version": 1}}}
        raise Problem("NODE_AWAY", "no reply within 5 s")

    monkeypatch.setattr(program_checks, "command", late)
    answer = ada.ask("POST", "/programs/cap/activate", json={"station": "cam1"})
    assert answer.status_code == status, answer.text
    actions = [row.action for row in here.accounts.audit(None, 20, None, None)]
    assert "station.select_program" in actions
    assert ("station.select_program.failed" in actions) == (status != 200)
