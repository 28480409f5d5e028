"""For the person at the line: a sound, bars that stay, and a program found among many."""

import re

from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import a_result, until

RUN = "/app/run?station=cam1"
MANY = """data => { const [one] = data.programs; data.programs = [one];
  for (let n = 1; n <= 30; n++)
    data.programs.push({ ...one, id: `copy-${n}`, name: `Copy ${n}` }); }"""
BANDS = "bars => bars.map(({ style }) => `${style.left} ${style.width}`)"


def test_a_sound_is_played_where_it_was_asked_for_and_bars_stay_where_they_are(
    plant: Plant, visit: Visit
) -> None:
    a_result(plant, "NG")
    until(plant, "OK")
    page = visit(RUN)
    sound = page.locator("#sound")
    bands = page.locator('[data-station="cam1"] .tools .bar > .good')
    expect(bands.first).to_be_attached()
    before = bands.evaluate_all(BANDS)
    sound.click()
    expect(sound).to_have_attribute("aria-pressed", "true")
    expect(sound).to_have_attribute("data-played", "1")
    until(plant, "NG")
    expect(sound).not_to_have_attribute("data-played", "1")
    assert bands.evaluate_all(BANDS) == before
    sound.click()
    expect(sound).to_have_attribute("aria-pressed", "false")


def test_a_program_is_found_among_many(plant: Plant, visit: Visit) -> None:
    a_result(plant, "NG")
    page = visit(RUN, answers={"/api/v1/programs": MANY}, phone=True)
    page.locator(".operate .pick").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[data-program]")).to_have_count(31)
    assert overflow(page) == 0
    assert violations(page) == []
    dialog.get_by_role("searchbox").fill("copy-17")
    expect(dialog.locator("[data-program]")).to_have_count(1)
    dialog.locator("[data-program]").click()
    expect(dialog).to_contain_text(re.compile("judged by “Copy 17”"))
    page.keyboard.press("Escape")
