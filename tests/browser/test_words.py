"""Pages in languages that no native speaker has read: they fit a phone, and say what they are."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.plant import Plant, context_of, overflow, quiet, signed_in

PAGES = ("/app/run", "/app/programs/synthetic-part/edit#tools", "/app/history", "/app/settings")
FIRST = {"ja": "運転", "zh": "运行"}


@pytest.mark.parametrize("language", FIRST)
def test_a_language_that_is_not_reviewed_fits_a_phone_and_says_so(
    plant: Plant, browser: Browser, language: str
) -> None:
    context = context_of(browser, plant, phone=True, locale=language)
    signed_in(context)
    page = context.new_page()
    complaints = quiet(page)
    for path in PAGES:
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert overflow(page) == 0, path
    assert FIRST[language] in str(page.locator("#menu").text_content())
    chosen = page.locator(f'#language option[value="{language}"]')
    assert "未" in str(chosen.text_content()), "not reviewed"
    assert complaints == []
    context.close()
