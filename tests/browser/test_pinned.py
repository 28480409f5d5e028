"""The last NG stays in sight with its reason after good parts came, until somebody has seen it."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.plant import Plant, context_of, overflow, quiet, signed_in, violations
from tests.browser.story import a_result, results, some_results


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_last_ng_is_pinned_until_it_is_seen(
    plant: Plant, browser: Browser, phone: bool
) -> None:
    a_result(plant, "NG")
    while results(plant)[-1]["verdict"] != "OK":
        some_results(plant, 1)
    newest = [row for row in results(plant) if row["verdict"] == "NG"][-1]["result_id"]
    context = context_of(browser, plant, phone=phone)
    signed_in(context)
    page = context.new_page()
    complaints = quiet(page)
    page.goto("/app/run?station=cam1")
    pinned = page.locator('[data-station="cam1"] .pinned')
    part = pinned.locator(f'[data-pinned="{newest}"]')
    expect(part).to_have_text(re.compile(r"\((at least|at most) [\d.]+"))
    assert overflow(page) == 0
    assert violations(page) == []
    pinned.get_by_role("button").click()
    expect(pinned).to_be_hidden()
    page.reload()
    expect(page.locator('[data-station="cam1"] .call-word')).to_have_text(re.compile("OK"))
    expect(pinned).to_be_hidden()
    assert complaints == []
    context.close()
