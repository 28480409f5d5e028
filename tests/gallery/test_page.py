"""The gallery: every kind has a pair of pictures, and the page needs nothing but the pictures
beside it."""

from pathlib import Path

import pytest

from node.locators import LOCATORS
from node.tools import TOOLS
from schemas import Brightness
from tests.gallery import manual, page, tools, wrong_ok
from tests.gallery.case import drawn
from tests.gallery.page import Card, Line, Section, Shot
from tests.rooms.pictures.scenes import Scene, region

LINE = Line("label", "1.2", "at least 1", "0.3", "OK")
SECTION = Section(
    "Web",
    "Pages.",
    (Card("<run>", "It's run & shown.", (Shot("run.png", "the page", "OK", (LINE,), "a note"),)),),
    9,
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


def test_a_case_that_a_kinds_own_test_draws_is_inspected_like_the_others() -> None:
    lamp = Brightness(name="lamp", region=region(160, 20, 100, 80), low=100.0)
    lit, off = (
        Scene.plain(320, 240, 60.0).part(16, 16).rectangle(150, 10, 120, 100, gray)
        for gray in (160.0, 70.0)
    )
    case = drawn(lamp, region(10, 10, 130, 110), lit, off, "lit", "not lit")
    program = tools.loaded(case)
    seen = [tools.inspected(program, pixels).verdict for pixels in (case.good, case.bad)]
    assert seen == ["OK", "NG"]


@pytest.mark.parametrize("kind", ["brightness", "distance", "corner"])
def test_a_case_comes_out_as_it_says_and_leaves_its_pictures(tmp_path: Path, kind: str) -> None:
    sections, wrong = tools.make(tmp_path, [kind])
    assert wrong == []
    (card,) = [card for section in sections for card in section.cards]
    assert [shot.verdict == "OK" for shot in card.shots] == [True, False]
    for shot in card.shots:
        assert (tmp_path / shot.file).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", wrong_ok.CASES)
def test_what_was_once_a_wrong_ok_is_none_now_and_says_what_it_was_before(
    tmp_path: Path, name: str
) -> None:
    section, wrong = wrong_ok.make(tmp_path, [name])
    assert wrong == []
    (card,) = section.cards
    assert card.sentence.startswith("Before: ")
    assert [shot.caption.partition(" part: ")[0] for shot in card.shots] == ["good", "bad"]
    assert card.shots[1].verdict in ("NG", "ERROR")
    assert all((tmp_path / shot.file).read_bytes().startswith(b"\x89PNG") for shot in card.shots)


def test_the_manual_has_one_picture_of_each_kind_and_no_other() -> None:
    text = (manual.FOLDER.parent / "tools.md").read_text()
    due = {
        manual.name(family, kind)
        for family, kinds in (("tool", TOOLS), ("locator", LOCATORS))
        for kind in kinds
    }
    assert {path.name for path in manual.FOLDER.glob("*.webp")} == due
    assert [name for name in due if f"](pictures/{name})" not in text] == []
