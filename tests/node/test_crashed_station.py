"""A station that is paused because a program has ended its worker again and again: what people are
told, even after a restart, and how they resume it."""

from pathlib import Path

from node.worker.seam import Crash
from tests.rooms.installation.nodes import Still, still

CRASH = Crash("cap", 3, "tool label", 3, "the worker of the station ended by SIGSEGV")


def told(node: Still) -> tuple[str, str]:
    """What a station's state says, and its alarm."""
    node.service.stations["cam1"].worker.start()
    for chore in node.service.chores._chores:
        if chore.name == "cameras":
            chore.do()
    state = node.service.stations["cam1"].state()
    alarm = node.service.alarms.active.get("CRASHED.cam1")
    error = state.error.message if state.error and state.error.code == "STATION_PAUSED" else ""
    return f"{state.state}: {error}" if error else state.state, alarm.message if alarm else ""


def test_it_says_which_program_and_what_to_do_until_it_is_resumed_and_also_after_a_restart(
    tmp_path: Path,
) -> None:
    with still(tmp_path) as node:
        node.service.stations["cam1"].crashed(CRASH)
        state, alarm = told(node)
        for said in ("program cap version 3", "3 times", "tool label", "SIGSEGV", "resume"):
            assert said in alarm
        assert state == f"Halted: The station is paused: {alarm}"
        node.deliver({"trigger_id": "t-1"})
        (result,) = node.results()
        assert result["error"]["code"] == "STATION_PAUSED"
        assert "program cap version 3" in result["error"]["message"]
    with still(tmp_path) as node:
        state, alarm = told(node)
        assert state.startswith("Halted: ")
        assert "resume" in alarm
        assert node.command("pause", request_id="p", station="cam1")["ok"]
    with still(tmp_path) as node:
        assert "resume" in told(node)[1], "somebody's pause does not hide it"
        assert node.command("resume", request_id="r", station="cam1")["ok"]
        assert told(node) == ("Preoperational", "")
    with still(tmp_path) as node:
        assert told(node) == ("Preoperational", "")
