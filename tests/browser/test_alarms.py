"""The banner of alarms guards itself: one alarm that no page can read hides none of the others."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.plant import overflow, violations
from tests.browser.profiles import Visit

GOOD = {
    "code": "CAMERA.cam1",
    "message": "The camera is away",
    "since": "2026-01-02T03:04:05.000Z",
    "station": "cam1",
}
BAD: dict[str, Any] = {
    "empty": {},
    "nothing": None,
    "text": "on fire",
    "a list": [1, 2],
    "wrong kinds": {"code": 5, "message": {"a": 1}, "since": [None], "station": 7},
}


def told(
    page: Page, alarms: dict[str, Any], node: dict[str, Any] | None = None, **station: Any
) -> None:
    """The page is given these alarms, and this state of the node, or this of cam1 in it, on the way
    from the web to it."""
    answer = page.context.request.get("/api/v1/events/now").json()
    hello = answer["data"]
    hello["alarms"] = alarms
    hello["state"]["stations"]["cam1"].update(station)
    hello["state"] = hello["state"] if node is None else node

    def steered(route: Route) -> None:
        if "/now" in route.request.url:
            route.fulfill(json=answer)
        else:
            body = f"event: hello\ndata: {json.dumps(hello)}\n\n"
            route.fulfill(content_type="text/event-stream", body=body)

    page.route(re.compile("/api/v1/events"), steered)


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_alarm_is_shown_as_unreadable_beside_the_others(visit: Visit, bad: str) -> None:
    """The web lets no such alarm through, so it is inserted on the way to the page."""
    page = visit(loud=True)
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    told(page, {"A": BAD[bad], GOOD["code"]: GOOD, "Z": BAD[bad]})
    page.goto("/app/history")
    banner = page.locator("#alarms")
    expect(banner.locator('[data-alarm="CAMERA.cam1"]')).to_contain_text("The camera is away")
    for code in ("A", "Z"):
        expect(banner.locator(f'[data-alarm="{code}"]')).to_contain_text("Unreadable alarm")
    assert failed == []


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_alarms_are_one_line_that_moves_nothing_and_unfolds_to_what_solves_them(
    visit: Visit, phone: bool
) -> None:
    page = visit(phone=phone)
    message = {**GOOD, "code": "PROGRAM.cam2", "message": "There is no such program"}
    told(page, {"PROGRAM.cam2": {**message, "station": "cam2"}})
    page.goto("/app/statistics")
    line = page.locator("#alarms summary")
    expect(line).to_be_visible()
    heading = page.get_by_role("heading", level=1)
    before = heading.bounding_box()
    line.click()
    alarm = page.locator('[data-alarm="PROGRAM.cam2"]')
    expect(alarm).to_contain_text("What to do")
    assert heading.bounding_box() == before
    assert overflow(page) == 0
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(alarm).to_be_hidden()
    line.click()
    alarm.get_by_role("link", name="Choose a program").click()
    expect(page).to_have_url(re.compile("/app/programs"))
