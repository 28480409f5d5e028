"""Every page in several looks: no violation of WCAG 2.2 AA, nothing wider than the window, no
failing script."""

import pytest
from playwright.sync_api import expect

from tests.browser.plant import OF_COLOURS, Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import a_result, some_results
from web.pages import PAGES

LOOKS = {"desktop": {}, "phone, German": {"phone": True, "locale": "de-DE"}}


@pytest.fixture(scope="module")
def results(plant: Plant) -> str:
    """Results of the line; the id of one that is NG and has its pictures."""
    some_results(plant, 12)
    return a_result(plant, "NG")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_a_page_is_for_everybody(visit: Visit, results: str, page, look: str) -> None:  # type: ignore[no-untyped-def]
    path = page.path.replace("<id>", "synthetic-part").replace("<result_id>", results)
    path = path.replace("<guide>", "plc")
    who = None if page.level == "PUBLIC" else "ada"
    shown = visit(f"/app{path}", who=who, **LOOKS[look])
    expect(shown.get_by_role("heading", level=1)).to_be_visible()
    expect(shown.locator("[aria-busy=true]")).to_have_count(0)
    if page.level != "PUBLIC":
        expect(shown.locator("#link")).to_have_attribute("data-state", "ok")
    assert violations(shown) == []
    assert overflow(shown) == 0
    shown.emulate_media(color_scheme="dark")
    assert violations(shown, rules=OF_COLOURS) == []
