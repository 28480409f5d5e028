"""What would this program miss? Asked in the editor: the list, its pictures, and that nothing is
blocked meanwhile."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit

WORDS = {
    "en-GB": (
        "What would this program miss?", re.compile(r"\d+ of \d+ drawn faults came out OK"), "Drawn faults are not real ones", "a stain", "Stop"  # noqa: E501
    ),
    "de-DE": (
        "Was würde dieses Programm übersehen?", re.compile(r"\d+ von \d+ gezeichneten Fehlern ergaben OK"),  # noqa: E501
        "Sie sind gezeichnet", "ein Fleck", "Stopp",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", WORDS)
def test_what_a_program_would_miss_is_listed_with_its_pictures(
    plant: Plant, visit: Visit, language: str
) -> None:
    ask, told, honest, stain, stop = WORDS[language]
    page = visit(
        "/app/programs/synthetic-part/edit#tools", phone=language == "de-DE", locale=language
    )
    panel = page.locator(".missed-panel")
    expect(panel).to_contain_text(honest)
    panel.get_by_role("button", name=ask).click()
    expect(panel.get_by_role("status")).to_contain_text(told)
    page.locator("button.tool-row").nth(1).click()  # one goes on working
    expect(page.locator("button.tool-row").nth(1)).to_have_attribute("aria-current", "true")
    expect(panel.get_by_role("button", name=stop)).to_be_hidden(timeout=120_000)
    expect(panel.locator('.missed[data-fault="stain"]').first).to_contain_text(stain)
    pictures = panel.locator(".missed img")
    assert pictures.count() == panel.locator(".missed").count() > 3
    last = pictures.last
    last.scroll_into_view_if_needed()
    expect(last).to_have_js_property("complete", True)
    assert last.evaluate("picture => picture.naturalWidth") == 640
    assert panel.locator('.missed[data-never="true"]').count() == 0
    assert overflow(page) == 0
    assert violations(page) == []
