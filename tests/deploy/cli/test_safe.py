"""`safe`: the lines of a node that is down are made inactive from outside."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import deploy.cli.safe
from deploy.cli.command import main
from node.gpio.memory import MemoryBank
from schemas import GpiodLines, MemoryLines, Problem
from tests.rooms.installation.processes import NodeProcess, free_port

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def banks(monkeypatch: pytest.MonkeyPatch) -> list[MemoryBank]:
    """The banks that the command makes: in memory, with the chip `busy` held by somebody else."""
    made: list[MemoryBank] = []

    def bank(settings: MemoryLines | GpiodLines) -> MemoryBank:
        lines = MemoryLines.model_validate(settings.model_dump(exclude={"kind", "chip"}))
        made.append(MemoryBank(lines))
        if isinstance(settings, GpiodLines) and settings.chip == "busy":
            made[-1].fault = Problem(
                "GPIO_NOT_AVAILABLE", "busy: line 17 (ok) is held by 'inspection-node'"
            )
        return made[-1]

    monkeypatch.setattr(deploy.cli.safe, "make_bank", bank)
    return made


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(first: dict[str, object], *words: str) -> tuple[int, str, str]:
        stations = [
            {"id": "cam1", "camera": {"kind": "synthetic"}, "lines": first},
            {
                "id": "cam2",
                "camera": {"kind": "synthetic"},
                "lines": {"kind": "gpiod", "chip": "free", "ok": 4, "ng": 5},
            },
        ]
        site = NodeProcess(tmp_path, free_port(), stations)
        code = main(["safe", *words, "--config", str(site.config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_all_outputs_of_all_stations_are_inactive_afterwards(
    banks: list[MemoryBank], run: Run
) -> None:
    code, out, _ = run({"kind": "memory", "busy": 3}, "--json")
    assert code == 0
    assert [(row["station"], row["lines"], row["inactive"]) for row in json.loads(out)] == [
        ("cam1", ["busy"], True),
        ("cam2", ["ng", "ok"], True),
    ]
    assert [bank.timeline[0][1] for bank in banks] == [{"busy": False}, {"ok": False, "ng": False}]


def test_lines_that_somebody_holds_are_named_and_the_others_are_made_inactive(
    banks: list[MemoryBank], run: Run
) -> None:
    code, out, err = run({"kind": "gpiod", "chip": "busy", "ok": 17})
    assert code == 1
    assert err.startswith("cam1: ok (simulated): GPIO_NOT_AVAILABLE: ")
    assert err.endswith(": line 17 (ok) is held by 'inspection-node'\n")
    assert out == "cam2: ng, ok (simulated): inactive\n"
    assert banks[1].timeline[0][1] == {"ok": False, "ng": False}


def test_settings_that_cannot_be_read_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["safe", "--config", str(tmp_path / "none.toml")]) == 1
    assert "SETTINGS_INVALID" in capsys.readouterr().err
