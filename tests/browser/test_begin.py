"""The first steps: four cards, each ticked once its step is done, and each with a way to do it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import results, some_results


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_four_cards_tell_what_is_done_and_lead_to_what_is_not(
    plant: Plant, visit: Visit, phone: bool
) -> None:
    some_results(plant, 1)
    page = visit("/app/begin", phone=phone)
    for step in ("camera", "program", "trigger"):
        expect(page.locator(f'[data-step="{step}"]')).to_have_attribute("data-done", "true")
    newest = results(plant)[-1]
    expect(page.locator('[data-step="trigger"]')).to_contain_text(newest["trigger_id"])
    page.get_by_role("button", name="Take a picture").click()
    expect(page.get_by_alt_text("What cam1 sees")).to_be_visible()
    factor = page.locator('[data-step="factor"]')
    expect(factor).to_have_attribute("data-done", "false")
    assert overflow(page) == 0
    assert violations(page) == []
    factor.get_by_role("link", name="Set it up").click()
    expect(page).to_have_url(re.compile("/app/account$"))
