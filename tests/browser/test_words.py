"""Pages in languages that no native speaker has read: they fit a phone, and say what they are."""

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow
from tests.browser.profiles import Visit

PAGES = ("/app/run", "/app/programs/synthetic-part/edit#tools", "/app/history", "/app/settings")
FIRST = {"ja": "運転", "zh": "运行"}


@pytest.mark.parametrize("language", FIRST)
def test_a_language_that_is_not_reviewed_fits_a_phone_and_says_so(
    plant: Plant, visit: Visit, language: str
) -> None:
    page = visit(phone=True, locale=language)
    for path in PAGES:
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert overflow(page) == 0, path
    assert FIRST[language] in str(page.locator("#menu").text_content())
    chosen = page.locator(f'#language option[value="{language}"]')
    assert "未" in str(chosen.text_content()), "not reviewed"
