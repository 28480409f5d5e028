"""What an editor tries is done in a process of its own, which exists only while somebody asks."""

import time
from typing import Any

import pytest

from node.worker import tries
from node.worker.tries import Tries
from schemas import Problem
from schemas.command import COMMANDS, Command

PICTURE = "aGVsbG8="
PROGRAM = {"request_id": "r", "station": "cam1", "program": "cap"}


class Apart:
    """A process that answers what it was asked."""

    def __init__(self) -> None:
        self.beat_ns = time.monotonic_ns()
        self.memory_bytes = 7
        self.life: list[str] = []

    def start(self) -> None:
        self.life.append("start")

    def ask(self, name: str, command: Command) -> dict[str, Any]:
        assert self.life == ["start"]
        return {name: command.request_id}

    def rest(self) -> None:
        pass

    def end(self, *, at_once: bool) -> None:
        self.life.append("end at once" if at_once else "end")


def command(name: str, **given: Any) -> Command:
    return COMMANDS[name].model_validate(PROGRAM | given)


@pytest.mark.parametrize(
    ("apart", "asked"),
    [
        (True, command("try_program", image=PICTURE)),
        (True, command("try_program", image_sha256="0" * 64)),
        (True, command("try_program", on_master=True)),
        (True, command("try_program", challenge=0)),
        (False, command("try_program")),
        (True, command("register_master", image=PICTURE)),
        (False, command("register_master")),
    ],
    ids=lambda given: "" if isinstance(given, bool) else None,
)
def test_what_needs_the_camera_is_done_where_it_is_and_all_else_apart(
    apart: bool, asked: Command
) -> None:
    assert Tries.does(asked) is apart


def test_its_process_begins_when_it_is_asked_and_ends_when_nobody_asks_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Apart] = []

    def make() -> Apart:
        made.append(Apart())
        return made[-1]

    tried = Tries(make)
    tried.rest()
    assert made == []
    asked = command("try_program", on_master=True)
    for _ in range(2):
        assert tried.ask("try_program", asked) == {"try_program": "r"}
        tried.rest()
    assert [each.life for each in made] == [["start"]]
    monkeypatch.setattr(tries, "IDLE_S", -1.0)
    tried.rest()
    assert made[0].life == ["start", "end"]
    assert tried.process is None
    tried.ask("try_program", asked)
    tried.stop()
    assert [each.life for each in made] == [["start", "end"], ["start", "end at once"]]
    with pytest.raises(Problem, match="BUSY"):
        tried.ask("try_program", asked)
    assert len(made) == 2
