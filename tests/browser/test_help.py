"""The help beside a page: by key and button, beside the work on a desktop, below it on a phone."""

from playwright.sync_api import Page, expect

from tests.browser.plant import PHONE, overflow, violations


def test_help_opens_by_the_keyboard_and_covers_nothing_for_good(page: Page) -> None:
    page.goto("/app/settings")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    panel = page.locator("#help")
    expect(panel).to_be_hidden()
    page.locator("#search").press("?")
    expect(panel).to_be_hidden()  # a question mark that is typed
    page.locator("#search").fill("")
    page.locator("#main").focus()
    page.keyboard.press("?")
    expect(panel).to_be_visible()
    expect(panel).to_be_focused()
    expect(panel.get_by_role("heading", name="Settings", exact=True)).to_be_visible()
    expect(page.locator("#help-button")).to_have_attribute("aria-expanded", "true")
    beside, work = panel.bounding_box(), page.locator("#main").bounding_box()
    assert beside is not None
    assert work is not None
    assert work["x"] + work["width"] <= beside["x"] + 1, "it stands beside the work"
    assert violations(page) == []
    page.set_viewport_size(PHONE)
    assert overflow(page) == 0
    page.locator("#settings summary").last.scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator("#settings summary").last.bounding_box()
    below = panel.bounding_box()
    assert last is not None
    assert below is not None
    assert last["y"] + last["height"] <= below["y"] + 1, "the end of the page can be seen above it"
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("#help-button")).to_be_focused()
    page.goto("/app/guides/plc")
    assert overflow(page) == 0
