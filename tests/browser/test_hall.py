"""Many stations at a glance: tiles, those in trouble first, from a tile to its card and back."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.plant import Plant, context_of, overflow, quiet, signed_in, violations
from tests.browser.story import a_result, results, some_results

NAMES = ["cam1", "cam2", *(f"line-{number}" for number in range(3, 21))]


def crowded(page: Page) -> None:
    """The page takes the plant for one of 20 stations, of which the node knows two."""

    def more(route: Route) -> None:
        answer = route.fetch().json()
        answer["data"]["stations"] = [{"id": name, "state": "Ready"} for name in NAMES]
        route.fulfill(json=answer)

    page.route("**/api/v1/stations", more)


@pytest.fixture(params=["desktop", "phone"])
def page(request: pytest.FixtureRequest, plant: Plant, browser: Browser) -> Iterator[Page]:
    some_results(plant, 3)
    a_result(plant, "NG")
    size: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
    phone = request.param == "phone"
    context = context_of(browser, plant, phone=phone, **({} if phone else size))
    signed_in(context)
    made = context.new_page()
    complaints = quiet(made)
    crowded(made)
    yield made
    assert complaints == []
    context.close()


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

    tile.scroll_into_view_if_needed()  # what is out of sight is drawn when it is seen
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
