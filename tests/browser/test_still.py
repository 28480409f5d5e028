"""Nothing jumps under a finger: what the browser itself counts as a shift of the layout, while
parts run, and while a page of many stations fills."""

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant
from tests.browser.profiles import Visit
from tests.browser.story import some_results

# scores of shifts that nobody caused by a touch, as the browser gives them
WATCH = """window.shifts = []; new PerformanceObserver((list) => {
  for (const one of list.getEntries())
    if (!one.hadRecentInput) window.shifts.push(one.value);
}).observe({ type: "layout-shift", buffered: true });"""
# until a page has loaded to its end: nothing has moved for half a second
LOADED = """new Promise((done) => {
  const look = (before) => {
    if (window.shifts.length === before) done();
    else setTimeout(look, 500, window.shifts.length);
  };
  look(-1);
})"""
SUM = "window.shifts.reduce((sum, one) => sum + one, 0)"
GOOD = 0.1  # up to here a page counts as still (web.dev/articles/cls)


@pytest.mark.parametrize("look", [{}, {"phone": True}], ids=str)
@pytest.mark.parametrize("path", ["run?station=cam1", "lines", "history", "health"])
def test_nothing_moves_while_parts_run(
    plant: Plant, visit: Visit, path: str, look: dict[str, bool]
) -> None:
    some_results(plant, 1)
    page = visit(f"/app/{path}", locale="de-DE", **look)
    expect(page.locator("#link")).to_have_attribute("data-state", "ok")
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    some_results(plant, 2)
    page.evaluate(WATCH)
    page.evaluate(LOADED)
    page.evaluate("window.shifts.length = 0")  # those of its loading
    some_results(plant, 8)
    assert page.evaluate(SUM) < GOOD


CROWDED = """(data) => data.stations = Array.from({ length: 20 }, (_, n) => n < 2
  ? data.stations[n] : { ...data.stations[0], id: `cam${n + 1}` })"""


def test_the_lines_of_twenty_stations_come_at_once(visit: Visit) -> None:
    page = visit(answers={"/api/v1/stations": CROWDED})
    page.add_init_script(WATCH)
    page.goto("/app/lines")
    expect(page.locator("#stations > section")).to_have_count(20)
    page.wait_for_selector(
        'section[data-station="cam1"] [role=row], section[data-station="cam1"] tr'
    )
    assert page.evaluate(SUM) < GOOD


def test_one_of_twenty_stations_is_chosen_for_its_lines_and_only_it_is_asked(visit: Visit) -> None:
    page = visit("/app/lines", answers={"/api/v1/stations": CROWDED})
    expect(page.locator("#stations > section")).to_have_count(20)
    with page.expect_navigation():
        page.locator("#choice").select_option("cam2")
    expect(page.locator("#stations > section")).to_have_count(1)
    expect(page.locator('section[data-station="cam2"] h2')).to_have_text("cam2")
    expect(page.locator("#choice")).to_have_value("cam2")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(2):
        with page.expect_response(lambda answer: "/outputs" in answer.url):
            pass
    assert {url.split("/stations/")[1].split("/")[0] for url in asked if "/outputs" in url} == {
        "cam2"
    }
    with page.expect_navigation():
        page.locator("#choice").select_option("")
    expect(page.locator("#stations > section")).to_have_count(20)
