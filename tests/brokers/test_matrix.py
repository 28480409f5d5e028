"""The matrix of brokers in short; all of it is `make brokers`."""

from pathlib import Path

import pytest

from tests.brokers.__main__ import main
from tests.brokers.kinds import KINDS
from tests.brokers.trial import trial


def test_a_broker_that_is_not_there_is_said_to_be_missing_and_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("NODE_MODULES", raising=False)
    assert main(["--only", "aedes"]) == 0
    told = capsys.readouterr()
    assert "aedes: NOT RUN: node is not installed: apt install nodejs npm" in told.err
    assert "| aedes | - | not run" in told.out


@pytest.mark.system
@pytest.mark.timeout(200)
def test_a_broker_in_memory_that_is_killed_loses_nothing_between_our_ends(tmp_path: Path) -> None:
    outcome = trial(KINDS["iotcore"], tmp_path / "trial", "kill", 2, lambda _: None)
    assert outcome.ends.of_triggers > 10
    assert outcome.ends[0] == outcome.ends.results == outcome.ends.twice == 0, outcome
