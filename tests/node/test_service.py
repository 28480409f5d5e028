"""The life of a node in one process, from its first part to its last."""

from pathlib import Path
from typing import Any

import pytest

from node import ending
from node.service import Service
from schemas import Settings, logs
from tests.rooms.installation.processes import free_port


def test_lines_of_the_log_tell_the_part_from_the_first_one_to_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {
        "environment": "testing",
        "state_dir": str(tmp_path / "state"),
        "broker": {"url": f"mqtt://127.0.0.1:{free_port()}"},
        "metrics": {"enabled": False},
        "station": [{"id": "cam1", "camera": {"kind": "synthetic"}, "worker": "thread"}],
    }
    service = Service(Settings.model_validate(values), tmp_path)
    station = service.stations["cam1"]
    told: list[bool] = []

    def looked_at(function: Any) -> Any:
        def call(*given: Any) -> Any:
            told.append("node" in logs.telling)
            return function(*given)

        return call

    monkeypatch.setattr(station.thread, "start", looked_at(station.thread.start))
    monkeypatch.setattr(ending, "finish", looked_at(ending.finish))
    assert service.run(lambda: "stop") == "stop"
    assert told == [True, True]
    assert "node" not in logs.telling
