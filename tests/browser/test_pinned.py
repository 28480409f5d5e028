"""The last NG stays in sight with its reason after good parts have come, until somebody has seen
it: then on no screen. How the last parts were stands below it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import results, until


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_last_ng_is_pinned_until_it_is_seen(plant: Plant, visit: Visit, phone: bool) -> None:
    until(plant, "NG")
    until(plant, "OK")
    newest = [row for row in results(plant) if row["verdict"] == "NG"][-1]["result_id"]
    page = visit("/app/run?station=cam1", phone=phone)
    pinned = page.locator('[data-station="cam1"] .pinned')
    part = pinned.locator(f'[data-pinned="{newest}"]')
    expect(part).to_have_text(re.compile(r"\((at least|at most) [\d.]+"))
    assert overflow(page) == 0
    assert violations(page) == []
    last = [row["verdict"] for row in results(plant) if row["station"] == "cam1"][-60:]
    lately = f"Last {len(last)} parts: {last.count('NG')} NG, {last.count('ERROR')} ERROR"
    expect(page.locator('[data-station="cam1"] .lately')).to_have_text(lately)

    other = visit("/app/run?station=cam1", who="vera", phone=phone)
    elsewhere = other.locator('[data-station="cam1"] .pinned')
    expect(elsewhere.locator(f'[data-pinned="{newest}"]')).to_be_visible()
    expect(elsewhere.get_by_role("button")).to_have_count(0)  # who only looks has seen nothing
    pinned.get_by_role("button").click()
    for seen, looked in ((pinned, page), (elsewhere, other)):
        expect(seen).to_be_hidden()
        looked.reload()
        expect(looked.locator('[data-station="cam1"] .lately')).to_have_text(lately)
        expect(seen).to_be_hidden()
