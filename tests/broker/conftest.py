"""The fixtures for the tests of the broker's side."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.broker.pair import Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    """Makes a session on a fake broker with the given rules."""
    made: list[Pair] = []

    def make(**options: Any) -> Pair:
        made.append(Pair(tmp_path, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()
