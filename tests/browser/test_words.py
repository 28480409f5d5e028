"""Languages: German is complete, including what the node says; those that no native speaker has
read fit a phone, and say that they are unread."""

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow
from tests.browser.profiles import Visit
from tests.browser.test_alarms import told
from web.translations import catalogue

PAGES = (
    "/app/begin", "/app/run", "/app/programs", "/app/programs/synthetic-part/edit#tools",
    "/app/history", "/app/statistics", "/app/lines", "/app/health", "/app/users", "/app/sessions",
    "/app/audit", "/app/settings", "/app/backups", "/app/api", "/app/account",
)  # fmt: skip
GERMAN = ("/app/run", "/app/lines", "/app/health", "/app/api")
FIRST = {"ja": "運転", "zh": "运行"}

# what can be read on a page; help is English where there is no other, and code is no language
TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode())
    if (!walker.currentNode.parentElement.closest("script, style, code, pre, .help, table"))
      found.push(walker.currentNode.textContent.trim());
  return found.filter(Boolean);
}"""


@pytest.mark.parametrize("language", FIRST)
def test_a_language_that_is_not_reviewed_fits_a_phone_and_says_so(
    plant: Plant, visit: Visit, language: str
) -> None:
    page = visit(phone=True, locale=language)
    for path in PAGES:
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert overflow(page) == 0, path
    assert FIRST[language] in str(page.locator("#menu").text_content())
    chosen = page.locator(f'#language option[value="{language}"]')
    assert "未" in str(chosen.text_content()), "not reviewed"


def test_chosen_german_leaves_no_english_and_puts_in_what_the_node_says(
    plant: Plant, visit: Visit
) -> None:
    page = visit(locale="de-DE")
    words = catalogue("de")
    names = {"Live", "Audit", "Version", "Broker", "MQTT", "Name", "Simulated"}  # in both languages
    told(
        page,
        {
            "CAMERA.cam1": {
                "code": "CAMERA.cam1",
                "message": "The camera failed: /dev/video0 gave the same picture 7 times",
                "since": "2026-01-02T03:04:05.000Z",
                "station": "cam1",
            },
            "FAULT": {
                "code": "FAULT",
                "message": "a newer node found: something odd",
                "since": "2026-01-01T03:04:05.000Z",
                "station": None,
            },
        },
    )
    for path in GERMAN:
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        shown = set(page.evaluate(TEXTS))
        left = {text for text in shown if words.get(text, text) != text} - names
        assert left - set(words.values()) == set(), path
    line = page.locator("#alarms .alarm-line")
    expect(line).to_contain_text("Die Kamera ist ausgefallen: /dev/video0 gab 7-mal dasselbe Bild")
    unknown = page.locator('#alarms [data-alarm="FAULT"] [lang="en"]')
    assert "something odd" in unknown.all_text_contents(), "read out as English"
