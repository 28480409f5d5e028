"""The promise over a broker that keeps nothing, in short; the long run is `python -m
tests.loops.forgetting --kills 200`."""

from pathlib import Path

import pytest

from tests.loops.forgetting import run


@pytest.mark.system
@pytest.mark.timeout(300)
def test_six_kills_of_node_and_forgetful_broker_lose_and_double_nothing(tmp_path: Path) -> None:
    found = run(tmp_path, 6, seed=4)
    assert set(found.kills) == {"broker", "node"}
    assert found.verdicts["OK"] > 10
