"""Many stations at a glance: tiles, those in trouble first, from a tile to its card and back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Visit
from tests.browser.story import a_result, results, some_results

NAMES = ["cam1", "cam2", *(f"line-{number}" for number in range(3, 21))]
# the page takes the plant for one of 20 stations, of which the node knows two
CROWDED = f"(data) => data.stations = {NAMES}.map((id) => ({{ id, state: 'Ready' }}))"


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, plant: Plant, visit: Visit) -> Page:
    some_results(plant, 3)
    a_result(plant, "NG")
    size = {"viewport": {"width": 1440, "height": 900}}
    look = {"phone": True} if request.param == "phone" else size
    made: Page = visit(answers={"/api/v1/stations": CROWDED}, **look)
    return made


def test_twenty_stations_stand_as_tiles_that_lead_to_their_card(plant: Plant, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/app/run")
    tile = page.locator('.tile[data-station="cam1"]')
    newest = results(plant)[-1]
    expect(tile).to_have_attribute("data-verdict", newest["verdict"])
    expect(tile.locator('.spark path[data-verdict="NG"]')).to_have_attribute("d", re.compile("M"))
    expect(page.locator(".tile")).to_have_count(len(NAMES))
    assert overflow(page) == 0
    width = page.viewport_size
    assert width is not None
    if width["width"] > 1000:
        script = "document.documentElement.scrollHeight - innerHeight"
        assert page.evaluate(script) <= 0, "20 without scrolling"
    assert violations(page) == []
    assert not [url for url in asked if "/picture" in url and "/api/" in url], (
        "a tile needs no picture"
    )

    tile.scroll_into_view_if_needed()  # what is out of sight is drawn once it comes into sight
    some_results(plant, 1)
    newest = results(plant)[-1]
    expect(tile).to_have_attribute("data-seq", str(newest["seq"]))
    tile.click()
    card = page.locator('section[data-station="cam1"]')
    expect(card).to_have_attribute("data-seq", str(newest["seq"]))
    page.get_by_role("link", name="All stations").click()
    expect(page.locator(".tile")).to_have_count(len(NAMES))


def test_a_station_in_trouble_comes_first_and_only_cards_in_sight_ask_for_pictures(
    plant: Plant, page: Page
) -> None:
    page.goto("/app/run")
    first = page.locator(".tile").first
    expect(first).to_have_attribute("data-trouble", "stopped")
    assert first.get_attribute("data-station") != "cam1"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name="As cards").click()
    cards = page.locator("section.station")
    expect(cards).to_have_count(len(NAMES))
    expect(page.locator('section[data-station="cam1"] figure.shot img')).to_be_visible()
    last = page.locator(f'section[data-station="{NAMES[-1]}"]')
    assert not [url for url in asked if f"station={NAMES[-1]}&" in url]
    with page.expect_request(lambda request: f"station={NAMES[-1]}&" in request.url):
        last.scroll_into_view_if_needed()
