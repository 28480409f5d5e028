"""A screen in the hall opens by a link of its own, sees the Run page, and is gone when revoked."""

import re

from playwright.sync_api import Browser, Page, expect

from schemas.store.accounts import Accounts
from tests.browser.plant import Plant, answered, context_of, overflow, quiet, violations
from tests.browser.story import results, some_results, until
from tests.browser.test_figures import HERE
from tests.browser.test_hall import CROWDED, NAMES
from tests.browser.test_touch import SMALL
from tests.rooms.promise.promise import wait_for


def test_a_screen_sees_the_run_page_by_its_link_until_it_is_revoked(
    plant: Plant, browser: Browser, page: Page
) -> None:
    some_results(plant, 1)
    page.goto("/app/users")
    page.get_by_role("button", name="New screen").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Hall, north")
    dialog.get_by_label("Station").select_option("cam1")
    dialog.get_by_role("button", name="Make the link").click()
    link = page.get_by_role("textbox", name="Link of the screen").input_value()
    page.keyboard.press("Escape")
    expect(page.locator('[data-screen="Hall, north"]')).to_contain_text("not yet")

    context = context_of(browser, plant, viewport={"width": 1920, "height": 1080})
    screen = context.new_page()
    complaints = quiet(screen)
    screen.goto(link)
    card = screen.locator('section[data-station="cam1"]')
    expect(card).to_have_attribute("data-seq", str(results(plant)[-1]["seq"]))
    assert "token" not in screen.url
    for hidden in (".menu", ".page-actions", ".operate", "#person"):
        expect(screen.locator(hidden)).to_be_hidden()
    expect(screen.locator("html")).to_have_attribute("data-calm", "on")
    why = card.locator(".call-why")
    size = why.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
    assert size >= 70, 'capitals of 14 mm on 24": 16 minutes of arc from three metres'
    assert overflow(screen) == 0
    assert violations(screen) == []
    assert complaints == []

    accounts = Accounts(plant.node.state / "accounts.db")
    (user,) = (each for each in plant.users.list() if each.name == "Hall, north")
    (session,) = accounts.sessions(user.id)
    accounts.end(session.id, "session.end", {"username": "", "address": "", "request_id": ""})
    wait_for(lambda: bool(accounts.sessions(user.id)), 30, "a session that ended begins anew")
    expect(screen).to_have_url(re.compile("/app/run"))
    expect(card).to_be_visible()
    accounts.close()

    hand = context_of(browser, plant, phone=True)
    phone = hand.new_page()
    phone.goto(link)
    expect(phone.locator('section[data-station="cam1"]')).to_be_visible()
    full = phone.get_by_role("button", name="Full screen")
    expect(full).to_be_visible()
    assert phone.evaluate(SMALL) == [], "with gloves"
    assert overflow(phone) == 0
    full.tap()
    expect(full).to_be_hidden()
    hand.close()

    page.reload()
    page.locator('[data-screen="Hall, north"]').get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator('[data-screen="Hall, north"]')).to_have_count(0)
    expect(screen).to_have_url(re.compile("/app/sign-in"))
    screen.goto(link)
    expect(screen.get_by_role("alert")).to_contain_text("Ask an administrator for another link")
    context.close()


def test_a_screen_of_the_hall_is_filled_and_says_why_in_large_letters(
    plant: Plant, browser: Browser, page: Page
) -> None:
    wanted = {"name": "Hall, all", "calm": True, "station": None}
    made = page.request.post("/api/v1/auth/screens", data=wanted, headers=HERE).json()
    context = context_of(browser, plant, viewport={"width": 1920, "height": 1080})
    screen = context.new_page()
    complaints = quiet(screen)
    answered(screen, "/api/v1/stations", CROWDED)
    screen.goto(made["data"]["path"])
    tiles = screen.locator(".tile")
    expect(tiles).to_have_count(len(NAMES))
    until(plant, "NG")
    why = screen.locator('.tile[data-station="cam1"] .tile-why')
    expect(why).to_contain_text(re.compile(r"\((at least|at most) [\d.]+"))
    size = why.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
    assert size >= 24
    boxes = [box for tile in tiles.all() if (box := tile.bounding_box()) is not None]
    assert 1000 < max(box["y"] + box["height"] for box in boxes) <= 1080
    assert screen.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    assert violations(screen) == []
    assert complaints == []
    context.close()
