"""What Health counts as attention."""

from types import SimpleNamespace
from typing import Any

from web.health_checks import CHECKS, Remark


def node(alarms: dict[str, Any] | None = None, /, **stations: bool) -> Any:
    """What is found for a node whose stations are in maintenance, or not."""
    said = {
        station: {"state": "Halted", "maintenance": tested} for station, tested in stations.items()
    }
    state = {"state": "Ready", "stations": said}
    watch = SimpleNamespace(presence="ok", state=state, alarms=alarms or {}, age_s=0.1)
    return CHECKS["node"](SimpleNamespace(watch=watch))  # type: ignore[arg-type]


def test_a_station_left_in_maintenance_needs_attention_and_is_named() -> None:
    found = node(cam1=False, cam2=True)
    assert found.status == "degraded"
    assert "cam2" in str(found.said[0])
    assert "cam1" not in str(found.said[0])
    assert found.advice


def test_an_alarm_does_not_hide_that_a_station_was_left_in_maintenance() -> None:
    found = node({"PROGRAM.cam1": {"since": "2026-01-02T03:04:05.000Z"}}, cam2=True)
    said = [str(each) for each in found.said]
    assert "PROGRAM.cam1" in said[0]
    assert "cam2: in maintenance" in said[1]


def test_a_station_that_is_only_paused_needs_none() -> None:
    assert node(cam1=False).status == "ok"


def test_a_message_of_somebody_else_is_said_whole_and_a_count_in_its_own_form() -> None:
    assert str(Remark("program left | right {n} is gone", {})) == "program left | right {n} is gone"
    assert str(Remark("{n} part | {n} parts", {"n": 1})) == "1 part"
    assert str(Remark("{n} part | {n} parts", {"n": 2})) == "2 parts"
