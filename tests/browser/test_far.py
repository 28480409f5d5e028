"""The Run page from three metres: on 24" of full HD, reason and yield are as tall as 16 minutes of
arc require, however many stations share the screen, and nothing is cut off; where a bad part failed
stands beside its verdict, and goes with it."""

import math

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import until

MM_PER_PX = 0.277  # 24" of 1920 x 1080
LEAST_MM = 3000 * math.tan(math.radians(16 / 60))
SCREEN = {"width": 1920, "height": 1080}
CAPITAL = """element => {
  const { fontWeight, fontSize, fontFamily } = getComputedStyle(element);
  const drawing = document.createElement("canvas").getContext("2d");
  drawing.font = `${fontWeight} ${fontSize} ${fontFamily}`;
  return drawing.measureText("H").actualBoundingBoxAscent;
}"""
CUT = """element => [
  element.scrollHeight - element.clientHeight, element.scrollWidth - element.clientWidth]"""


def stations(count: int) -> dict[str, str]:
    """The page takes the plant for one with that many stations."""
    names = [f"cam{number + 1}" for number in range(count)]
    change = f"(data) => data.stations = {names}.map((id) => ({{ id, state: 'Ready' }}))"
    return {"/api/v1/stations": change}


def capital_mm(element: Locator) -> float:
    return MM_PER_PX * float(element.evaluate(CAPITAL))


def in_full_screen(page: Page) -> None:
    page.locator("#full").click()
    expect(page.locator("body.full")).to_have_count(1)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_reason_and_yield_are_read_from_three_metres(
    plant: Plant, visit: Visit, count: int
) -> None:
    until(plant, "NG")
    page = visit("/app/run", answers=stations(count), viewport=SCREEN)
    card = page.locator('section[data-station="cam1"]')
    call = card.locator(".call")
    expect(call).to_have_attribute("data-verdict", "NG")
    in_full_screen(page)
    expect(card.locator(".closeup")).to_be_visible()
    rate = card.locator('[data-figure="yield"] dd')
    expect(rate).to_contain_text("%")
    for element in (call.locator(".call-why"), rate):
        assert capital_mm(element) >= LEAST_MM
        assert max(element.evaluate(CUT)) <= 1
    assert max(call.evaluate(CUT)) <= 1
    assert overflow(page) == 0
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    if count == 1:  # on a low screen too nothing is below it
        page.set_viewport_size({"width": 1440, "height": 900})
        page.wait_for_function("document.documentElement.scrollHeight <= innerHeight")
    if count == 4:
        assert violations(page) == []


def test_the_place_that_failed_stands_beside_its_own_verdict_only(
    plant: Plant, visit: Visit
) -> None:
    until(plant, "NG")
    page = visit("/app/run?station=cam1", phone=True)
    card = page.locator('section[data-station="cam1"]')
    closeup = card.get_by_role("img", name="Where the part failed")
    expect(closeup).to_be_visible()
    colours = """canvas => { const { data } = canvas.getContext("2d").getImageData(
      0, 0, canvas.width, canvas.height); return new Set(data).size }"""
    assert closeup.evaluate(colours) > 16, "a picture, and no empty drawing"
    assert overflow(page) == 0
    until(plant, "OK")
    expect(card.locator(".call")).to_have_attribute("data-verdict", "OK")
    expect(closeup).to_be_hidden()
