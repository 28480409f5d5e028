"""A new tool has no limits before anybody has measured; saving says at once what it does, and to
which parts."""

import re
import threading

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import a_result

WORDS = {
    "en-GB": (
        "Add a tool",
        "No limits yet",
        "has no limits yet",
        "take this version from the next part on",
        "Not taught yet",
    ),
    "de-DE": (
        "Werkzeug",
        "Noch keine Grenzen",
        "hat noch keine Grenzen",
        "ab dem nächsten Teil",
        "Noch nicht eingelernt",
    ),
}


def add(page: Page, button: str, kind: str) -> None:
    """A new tool, its region drawn in the middle of the master."""
    page.get_by_role("button", name=re.compile(button)).first.click()
    page.locator(f'[data-kind="{kind}"]').click()
    box = page.locator("svg.regions").bounding_box()
    assert box is not None
    for share, act in ((0.35, page.mouse.down), (0.6, page.mouse.up)):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"], steps=4)
        act()


@pytest.mark.parametrize("language", WORDS)
def test_a_tool_without_limits_is_not_saved_and_a_save_says_what_it_does(
    plant: Plant, visit: Visit, language: str
) -> None:
    button, unset, blocked, live, untaught = WORDS[language]
    a_result(plant, "NG")
    page = visit(locale=language)
    held: list[Route] = []
    holds = threading.Event()
    holds.set()
    page.route(
        "**/programs/try", lambda route: held.append(route) if holds.is_set() else route.continue_()
    )
    page.goto("/app/programs/synthetic-part/edit#tools")
    add(page, button, "contrast")
    name = page.locator('.tools-panel [data-field="name"]')
    name.fill("stripes")
    name.press("Enter")
    row = page.locator('button.tool-row[data-tool="stripes"]')
    expect(row).to_contain_text(unset)
    page.locator("#save").click()
    expect(page.locator("body")).to_contain_text(f"stripes {blocked}")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.locator('a[data-step="outputs"]').click()  # leaving does not lose what waits
    page.locator("#save").click()
    expect(row).to_be_visible()
    holds.clear()
    for route in held:
        route.continue_()
    expect(row).not_to_contain_text(unset)
    expect(page.locator('.tools-panel input[data-field="low"]')).not_to_have_value("0")
    page.locator("#save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(live)
    expect(dialog.locator('[data-save="use"]')).to_contain_text("cam1")
    expect(dialog.locator('[data-part="impact"] [role="status"]')).to_contain_text(
        re.compile(r"Urteil|verdict")
    )
    assert violations(page) == []
    assert overflow(page) == 0
    page.keyboard.press("Escape")
    page.locator("#undo").click()
    add(page, button, "learned")
    page.locator("#save").click()
    expect(dialog.locator('[data-notice="untaught"]')).to_contain_text(untaught)
