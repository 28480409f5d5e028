"""A station that takes no part says on its own card why, and what to do about it, with the button
that does it."""

import re

import pytest
from playwright.sync_api import expect

from schemas import CATALOGUE
from tests.browser.plant import overflow, violations
from tests.browser.profiles import Visit
from tests.browser.test_alarms import told

CRASH = (
    "program synthetic-part version 3 ended the worker 3 times in a row, at cog: the worker of the"
    " station ended by SIGSEGV at cog. The station is paused: save a changed version, or select"
    " another program, then resume it"
)
ALARM = {
    "code": "CRASHED.cam1",
    "message": CRASH,
    "since": "2026-01-02T03:04:05.000Z",
    "station": "cam1",
}
HALTED = {
    "state": "Halted",
    "program": "synthetic-part",
    "error": {
        "code": "STATION_PAUSED",
        "message": f"{CATALOGUE['STATION_PAUSED'].message}: {CRASH}",
    },
}


@pytest.mark.parametrize("look", [{}, {"phone": True}, {"color_scheme": "dark"}], ids=str)
def test_one_that_its_program_paused_names_tool_and_version_and_is_resumed_there(
    visit: Visit, look: dict[str, object]
) -> None:
    page = visit(**look)
    told(page, {ALARM["code"]: ALARM}, **HALTED)
    page.goto("/app/run?station=cam1")
    card = page.locator('[data-station="cam1"]')
    cure = card.locator(".station-cure")
    expect(cure).to_contain_text("synthetic-part version 3")
    expect(cure).to_contain_text("at cog")
    expect(cure).to_contain_text("then resume the station")
    expect(card.locator(".call-note")).to_have_text("Paused: its program failed again and again")
    assert overflow(page) == 0
    assert violations(page) == []
    edit = cure.get_by_role("link", name="Open the program")
    expect(edit).to_have_attribute("href", re.compile("/app/programs/synthetic-part/edit"))
    with page.expect_request("**/stations/cam1/resume"):
        cure.get_by_role("button", name="Resume").click()


def test_what_its_program_did_is_said_in_german_and_who_only_looks_has_no_button(
    visit: Visit,
) -> None:
    page = visit(who="vera", locale="de-DE")
    told(page, {ALARM["code"]: ALARM}, **HALTED)
    page.goto("/app/run?station=cam1")
    cure = page.locator('[data-station="cam1"] .station-cure')
    expect(cure).to_contain_text("Programm synthetic-part Version 3 beendete den Arbeitsprozess")
    expect(cure).to_contain_text("Die Station ist angehalten: eine geänderte Version speichern")
    expect(cure.locator("a, button")).to_have_count(0)


def test_one_without_a_program_says_that_none_was_chosen(visit: Visit) -> None:
    page = visit("/app/run?station=cam2")
    cure = page.locator('[data-station="cam2"] .station-cure')
    expect(cure).to_contain_text("No program is chosen yet")
    cure.get_by_role("link", name="Choose a program").click()
    expect(page).to_have_url(re.compile("/app/programs"))


@pytest.mark.parametrize("state", [{}, {"state": "Offline"}], ids=str)
def test_a_broker_that_has_just_gone_makes_no_station_unknown(
    visit: Visit, state: dict[str, str]
) -> None:
    page = visit()
    told(page, {}, state)
    page.goto("/app/run?station=cam2")
    note = page.locator('[data-station="cam2"] .call-note')
    expect(note).to_have_text("Node away" if state else "Node silent")
