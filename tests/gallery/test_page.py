"""The gallery: every kind has a pair of pictures, and the page needs nothing but the pictures beside it."""

from pathlib import Path

import pytest

from node.tools import LOCATORS, TOOLS
from tests.gallery import page, tools
from tests.gallery.page import Card, Line, Section, Shot

LINE = Line("label", "1.2", "at least 1", "0.3", "OK")
SECTION = Section(
    "Web", "Pages.", (Card("<run>", "It's run & shown.", (Shot("run.png", "the page", "OK", (LINE,), "a note"),)),), 9
)


def test_topics_made_apart_are_on_one_page_in_their_order(tmp_path: Path) -> None:
    page.save(tmp_path, "web", [SECTION])
    page.save(tmp_path, "tools", [Section("Tools", "Values.", (), 1)])
    text = page.build(tmp_path).read_text()
    assert text.index('<h2 id="tools"') < text.index('<h2 id="web"')
    assert "&lt;run&gt;" in text
    assert "<run>" not in text
    for said in ("It&#x27;s run &amp; shown.", 'src="run.png"', "at least 1", "a note"):
        assert said in text


def test_the_page_needs_no_script_and_nothing_from_elsewhere(tmp_path: Path) -> None:
    page.save(tmp_path, "web", [SECTION])
    text = page.build(tmp_path).read_text()
    assert "prefers-color-scheme: dark" in text
    for word in ("<script", "http:", "https:", "@import", "url("):
        assert word not in text


def test_every_kind_of_tool_and_locator_has_a_case() -> None:
    kinds = [case.kind for case in tools.cases()]
    assert sorted(kinds) == sorted([*TOOLS, *LOCATORS])


@pytest.mark.parametrize("kind", ["brightness", "distance", "corner"])
def test_a_case_comes_out_as_it_says_and_leaves_its_pictures(tmp_path: Path, kind: str) -> None:
    sections, wrong = tools.make(tmp_path, [kind])
    assert wrong == []
    (card,) = [card for section in sections for card in section.cards]
    assert [shot.verdict == "OK" for shot in card.shots] == [True, False]
    for shot in card.shots:
        assert (tmp_path / shot.file).read_bytes().startswith(b"\x89PNG")
