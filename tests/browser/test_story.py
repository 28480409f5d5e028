"""The whole story in one browser: the second factor, a program from a real picture, tried, saved,
run, found, rolled back."""

import re

import pyotp
import pytest
from playwright.sync_api import Locator, Page, expect

from schemas.store.programs import Programs
from tests.browser.plant import PICTURES, Plant, overflow
from tests.browser.profiles import Visit
from tests.browser.story import trigger
from tests.rooms.people.people import PASSWORD

GOOD, BAD = "11_1111", "100_1001"


@pytest.fixture(params=[False, True], ids=["desktop", "phone"])
def shown(request: pytest.FixtureRequest, visit: Visit) -> Page:
    return visit(who=None, phone=request.param)


def drag(page: Page, box: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw over an element, from and to shares of its width and height."""
    box.scroll_into_view_if_needed()
    around = box.bounding_box()
    assert around is not None
    for share, act in ((start, page.mouse.down), (end, page.mouse.up)):
        page.mouse.move(
            around["x"] + share[0] * around["width"],
            around["y"] + share[1] * around["height"],
            steps=6,
        )
        act()


def test_from_signing_in_to_rolling_back(
    plant: Plant, shown: Page, request: pytest.FixtureRequest
) -> None:
    name = "eva-phone" if "phone" in request.node.name else "eva"
    plant.user(name, "ADMIN")
    secrets = with_second_factor(shown, name)

    # a program from a real picture
    shown.goto("/app/programs")
    shown.get_by_role("link", name=re.compile("New program", re.IGNORECASE)).first.click()
    shown.get_by_label("Station").select_option("cam2")
    shown.locator('[data-step="master"]').first.click()
    shown.locator("#master-file").set_input_files(PICTURES / f"{GOOD}.jpg")
    expect(shown.locator("#master-picture")).to_be_visible()
    shown.locator('#step-master [data-go="next"]').click()

    # a tool: draw its region, nudge it, see its score live
    shown.get_by_role("button", name="Add a tool").click()
    shown.locator('[data-kind="brightness"]').click()
    drag(shown, shown.locator("svg.regions"), (0.4, 0.4), (0.55, 0.55))
    region = shown.locator("g.region").first
    expect(region).to_be_visible()
    x = shown.get_by_label(re.compile(r": x$|: left", re.IGNORECASE)).first
    before = int(float(x.input_value()))
    region.focus()
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("Shift+ArrowRight")
    expect(x).to_have_value(str(before + 11))
    narrow_limits(shown)
    assert overflow(shown) == 0
    shown.locator('#step-tools [data-go="next"] svg').click()  # where a finger lands

    # outputs, name, save, use
    shown.get_by_label("Name", exact=True).fill(f"Board of {name}")
    shown.locator("#save").click()
    dialog = shown.get_by_role("dialog")
    dialog.get_by_label("Why?").fill("first version")
    dialog.get_by_role("button", name="Save only").click()
    expect(dialog).to_contain_text("learned from the master")
    dialog.locator('[data-station="cam2"]').get_by_role("button", name="Activate").click()
    expect(dialog.locator('[data-station="cam2"]')).to_contain_text("uses it")
    dialog.get_by_role("link", name="Show the program").click()
    expect(shown.get_by_role("heading", level=1)).to_have_text(f"Board of {name}")

    # live: a good part, then a bad one
    shown.goto("/app/run?station=cam2")
    expect(shown.locator("#link")).to_have_attribute("data-state", "ok")
    trigger(plant, "cam2", part_id=GOOD, trigger_id=f"{name}-good")
    card = shown.locator('[data-station="cam2"]')
    expect(card).to_contain_text(GOOD)
    expect(card.locator("[data-verdict]").first).to_have_attribute("data-verdict", "OK")
    trigger(plant, "cam2", part_id=BAD, trigger_id=f"{name}-bad")
    expect(card).to_contain_text(BAD)
    expect(card.locator("[data-verdict]").first).to_have_attribute("data-verdict", "NG")

    # in the history
    shown.goto("/app/history?station=cam2&verdict=NG")
    shown.get_by_role("row").filter(has_text=BAD).or_(
        shown.locator("article").filter(has_text=BAD)
    ).first.get_by_role("link").first.click()
    expect(shown.get_by_role("heading", level=1)).to_be_visible()
    expect(shown.locator("main")).to_contain_text(f"{name}-bad")
    expect(shown.locator(".verdict").first).to_contain_text("NG")

    # a second version, and back to the first
    shown.goto(f"/app/programs/board-of-{name}/edit#tools")
    shown.get_by_label("Greatest good value", exact=True).fill("255")
    shown.keyboard.press("Tab")
    shown.keyboard.press("Control+z")
    shown.keyboard.press("Control+Shift+z")
    shown.locator("#save").click()
    dialog = shown.get_by_role("dialog")
    expect(dialog).to_contain_text("255")
    dialog.get_by_label("Why?").fill("a wrong limit")
    expect(dialog).to_contain_text("cam2 will take this version from the next part on")
    expect(dialog.locator('[data-part="impact"] [role="status"]')).to_contain_text(
        re.compile(r"(change|keep) their verdict")
    )
    dialog.get_by_role("button", name="Save and use at cam2").click()
    dialog.get_by_role("link", name="Show the program").click()
    shown.locator('tr[data-version="1"] [data-action="rollback"]').click()
    shown.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(shown.locator('tr[data-version="3"]')).to_contain_text("newest")
    tools = Programs(plant.node.state / "programs").get(f"board-of-{name}").program.tools
    assert tools[0].high is not None
    assert tools[0].high < 255

    # and none of it gave a secret to a log
    secrets += [cookie["value"] for cookie in shown.context.cookies() if len(cookie["value"]) > 15]
    assert len(secrets) >= 14, (
        "password, key of the app, ten recovery codes, and at least two cookies"
    )
    lines = plant.logged()
    assert any(
        line.get("user") == name and line.get("path") == "/api/v1/programs" for line in lines
    )
    logged = plant.folder / "web.log", plant.node.log
    assert [
        secret for secret in secrets if any(secret in path.read_text() for path in logged)
    ] == []


def settled(shown: Locator) -> str:
    """The text of an element once it has not changed for a while: a change is tried a moment after
    it was made."""
    last = None
    for _ in range(20):
        now = str(shown.text_content())
        if now == last:
            return now
        last = now
        shown.page.wait_for_timeout(1500)
    raise AssertionError(f"it never settled: {last}")


def narrow_limits(page: Page) -> None:
    """A good part lies within 1.5 gray levels of the master: another photograph is not good."""
    row = page.locator("button.tool-row[data-tool^=brightness]")
    expect(row).to_have_attribute("data-stale", "false")
    expect(row.locator(".tool-value")).to_have_text(re.compile(r"\d"))
    value = float(settled(row.locator(".tool-value")).split()[0].replace(",", ""))
    low, high = (
        page.get_by_label(name, exact=True) for name in ("Least good value", "Greatest good value")
    )
    low.fill(f"{value - 1.5:.1f}")
    high.fill(f"{value + 1.5:.1f}")
    page.keyboard.press("Tab")
    expect(row.locator(".verdict")).to_contain_text("OK")


def with_second_factor(page: Page, name: str) -> list[str]:
    """Sign in, turn the second factor on, sign out, and sign in with it; the secrets that were seen
    on the way."""
    page.goto("/app/account")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Set up").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Next").click()
    secret = str(dialog.locator("#secret").text_content()).replace(" ", "")
    totp = pyotp.TOTP(secret)
    dialog.get_by_label("Code that the app shows now").fill(totp.now())
    dialog.get_by_role("button", name="Turn on").click()
    kept = page.get_by_role("button", name="I have kept them")
    expect(kept).to_be_visible()
    codes = re.findall(
        r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b", str(page.get_by_role("dialog").text_content())
    )
    first = [cookie["value"] for cookie in page.context.cookies() if len(cookie["value"]) > 15]
    kept.click()
    page.locator("#person summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/app/sign-in$"))  # and nobody is led back to this page
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Code of your authenticator app").fill(
        totp.at(page.evaluate("Date.now()") // 1000 + 30)
    )
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/app/run"))
    return [PASSWORD, secret, *codes, *first]
