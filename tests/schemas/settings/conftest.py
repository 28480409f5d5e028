"""Where settings are looked for in these tests."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder of each test's own."""
    monkeypatch.chdir(tmp_path)
