"""The guides beside the pages: each page's part is there, from the same text, and no link in it
leads nowhere."""

import re

import pytest
from flask import Flask

from tests.rooms.people.people import Caller, application
from web import guides
from web.pages import PAGES
from web.translations import catalogue

WITHOUT = {"sign_in", "setup", "screen", "guide"}


def test_every_page_has_its_part_and_every_part_is_there() -> None:
    names = {page.name for page in PAGES} - WITHOUT
    assert set(guides.PARTS) == names
    for page, parts in guides.PARTS.items():
        shown = guides.beside(page, "en").html
        for guide, heading in parts:
            assert guide in guides.guides(), (page, guide)
            if heading is not None:
                assert f">{heading}</h" in shown.replace("&amp;", "&"), (page, heading)


def test_what_is_shown_is_text_that_leads_only_to_guides_there_are() -> None:
    for guide in guides.guides():
        found = guides.whole(guide, "en")
        assert found is not None
        title, shown = found
        assert title
        assert "<script" not in shown
        assert "<!--" not in shown
        assert "<img" not in shown
        for href in re.findall(r'href="([^"]*)"', shown):
            name = href.removeprefix("/app/guides/")
            assert href.startswith(("https://", "http://", "#")) or f"{name}.md" in guides.guides()


def test_a_part_ends_where_the_next_heading_of_its_level_begins() -> None:
    shown = guides.beside("audit", "en").html
    assert "keyed by <code>audit.key</code>" in shown
    assert "The Run page" not in shown
    assert re.findall(r"<h(\d)", shown) == ["3"]


def test_pages_have_their_help_in_german_by_the_words_of_the_pages() -> None:
    words = set(catalogue("de").values())
    words |= {"HTTP", "MQTT"}
    for page in guides.PARTS:
        language, shown = guides.beside(page, "de")
        assert language == "de"
        for said in re.findall(r"<em>([^<]+)</em>", shown):
            assert said in words, (page, said)
    assert guides.beside("audit", "ja") == guides.beside("audit", "en"), "what there is none of"


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return application(tmp_path_factory.mktemp("guides"))


def test_the_empty_corner_of_a_table_heads_nothing() -> None:
    found = [guides.whole(name, "en") for name in guides.guides()]
    text = "".join(shown for _, shown in filter(None, found))
    assert "<td></td>\n<th>" in text
    assert "<th></th>" not in text


def test_a_page_carries_its_help_and_a_guide_is_a_page(app: Flask) -> None:
    vera = Caller(app, "vera", "VIEWER")
    headers = {"Authorization": f"Bearer {vera.data['access_token']}"}
    run = vera.client.get("/app/run", headers=headers).text
    assert 'id="help"' in run
    assert "are shown as tiles" in run
    guide = vera.client.get("/app/guides/plc", headers=headers)
    assert guide.status_code == 200
    assert "For PLC programmers" in guide.text
    for name in ("no-such-guide", "..", "..%2fREADME"):
        assert vera.client.get(f"/app/guides/{name}", headers=headers).status_code == 404
