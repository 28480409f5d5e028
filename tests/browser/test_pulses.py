"""Lines at two in the morning: every verdict pulse of the last 10 s is drawn and counted, though it
is shorter than the time between two looks; the last one is shown with its age and length."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import results, some_results

PARTS = 6
WORDS = {
    "en-GB": re.compile(r"[\d.]+ s ago, \d+ ms|never"),
    "de-DE": re.compile(r"vor [\d,]+ s, \d+ ms|nie"),
}


@pytest.mark.parametrize("language", WORDS)
def test_no_pulse_is_missed(plant: Plant, visit: Visit, language: str) -> None:
    page = visit("/app/lines", phone=language == "de-DE", locale=language)
    card = page.locator('[data-station="cam1"]')
    counts = {
        role: card.locator(f'[data-count="{role}"]') for role in ("ok", "ng", "error", "busy")
    }
    for count in counts.values():
        expect(count).to_have_text(re.compile(r"\d+"))
    before = {role: int(count.inner_text()) for role, count in counts.items()}
    some_results(plant, PARTS)
    judged = [row["verdict"].lower() for row in results(plant)[-PARTS:]]
    for role in ("ok", "ng", "error"):
        expect(counts[role]).to_have_text(str(before[role] + judged.count(role)))
        expect(card.locator(f'[data-pulse="{role}"]')).to_have_text(WORDS[language])
    expect(counts["busy"]).to_have_text(str(before["busy"] + PARTS))
    last = judged[-1]
    drawn = card.locator(f'svg[data-lately="{last}"]')
    assert re.search(r"V2\D.*V18", drawn.locator("path").get_attribute("d") or "")
    assert overflow(page) == 0
    assert violations(page) == []
