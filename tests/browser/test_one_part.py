"""One part, one truth: no picture beside a verdict says otherwise; and why it is so, in banner and
history."""

import re
import threading

from playwright.sync_api import Route, expect

from tests.browser.plant import Plant, overflow
from tests.browser.profiles import Visit
from tests.browser.story import results, until

WHY = re.compile(r"[a-z_]+ [\d.,]+.* \((at least|at most) [\d.,]+.*\)( \+\d)?|[a-z_]+ [A-Z_]+")


def test_a_picture_steps_back_at_once_when_the_next_part_is_judged_otherwise(
    plant: Plant, visit: Visit
) -> None:
    until(plant, "OK")
    page = visit("/app/run?station=cam1")
    shot = page.locator('[data-station="cam1"] figure.shot')
    call = page.locator('[data-station="cam1"] .call')
    expect(shot.locator("img")).to_be_visible()
    held: list[Route] = []
    holds = threading.Event()
    holds.set()
    page.route(
        "**/stations/cam1/picture?**",
        lambda route: held.append(route) if holds.is_set() else route.continue_(),
    )
    until(plant, "NG")
    expect(call).to_have_attribute("data-verdict", "NG")
    expect(shot).to_have_attribute("data-other", "true")
    expect(call.locator(".call-why")).to_have_text(WHY)
    holds.clear()
    for route in held:
        route.continue_()
    newest = results(plant)[-1]
    expect(shot).to_have_attribute("data-seq", str(newest["seq"]))
    expect(shot).to_have_attribute("data-other", "false")

    page.goto("/app/history?station=cam1&verdict=NG")
    reason = page.locator(f'tr[data-result="{newest["result_id"]}"] .reason')
    expect(reason).to_have_text(WHY)
    picture = page.locator(f'tr[data-result="{newest["result_id"]}"] .thumb img')
    expect(picture).to_have_attribute("src", re.compile(r"\.thumb\.jpg$"))
    expect(picture).to_have_js_property("naturalWidth", 160)
    assert overflow(page) == 0
