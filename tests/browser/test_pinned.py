"""The last NG stays in sight with its reason after good parts have come, until somebody has seen
it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import a_result, results, until


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_last_ng_is_pinned_until_it_is_seen(plant: Plant, visit: Visit, phone: bool) -> None:
    a_result(plant, "NG")
    until(plant, "OK")
    newest = [row for row in results(plant) if row["verdict"] == "NG"][-1]["result_id"]
    page = visit("/app/run?station=cam1", phone=phone)
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
