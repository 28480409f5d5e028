"""What a catalogue lacks or no longer needs is said with what to do, and `--drop` does the
latter."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from web import translations, vocabulary
from web.assets import FOLDER


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The German catalogue of a folder of its own."""
    vocabulary.texts()  # from the real folder
    shutil.copytree(FOLDER / "words", tmp_path / "words")
    for module in (translations, vocabulary):
        monkeypatch.setattr(module, "FOLDER", tmp_path)
    translations.catalogue.cache_clear()
    yield tmp_path / "words" / "de.json"
    translations.catalogue.cache_clear()


def test_a_text_that_no_page_shows_is_named_with_the_command_and_dropped_by_it(
    german: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = json.loads(german.read_text(encoding="utf-8"))
    old = "a sentence as it was before"
    german.write_text(json.dumps({**before, old: "ein alter Satz"}), encoding="utf-8")
    translations.catalogue.cache_clear()
    assert vocabulary.main(["--check"]) == 1
    told = capsys.readouterr().out
    assert f'de.json no longer needs "{old}"' in told
    assert ".venv/bin/python -m web.vocabulary --drop" in told
    assert vocabulary.main(["--drop"]) == 0
    assert json.loads(german.read_text(encoding="utf-8")) == before
    assert vocabulary.main(["--check"]) == 0


def test_a_text_that_is_missing_is_named_with_the_place_for_it(
    german: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = json.loads(german.read_text(encoding="utf-8"))
    text = vocabulary.texts()[0]
    del words[text]
    german.write_text(json.dumps(words), encoding="utf-8")
    translations.catalogue.cache_clear()
    assert vocabulary.main(["--check"]) == 1
    told = capsys.readouterr().out
    assert f"de.json lacks {json.dumps(text, ensure_ascii=False)}" in told
    assert "in `words` of its facts" in told
