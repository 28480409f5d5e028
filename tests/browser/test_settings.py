"""Settings that are changed in the browser: reviewed before they are saved, in force at node and
web a moment later, and taken back."""

import tomllib

from playwright.sync_api import Page, expect

from tests.browser.plant import DESKTOP, PHONE, Plant, overflow, violations
from tests.rooms.people.people import PASSWORD
from tests.rooms.promise.promise import wait_for

SLOW_MS = 60_000  # both begin anew, on a machine that does other things too


def test_a_limit_is_changed_is_in_force_at_node_and_web_and_is_taken_back(
    plant: Plant, page: Page
) -> None:
    page.goto("/app/settings")
    page.get_by_label("Only what can be changed here").check()
    expect(page.get_by_text("broker.url")).to_have_count(0)
    field = page.get_by_label("station.cam2.queue_limit")
    before = limit(plant)
    field.fill("0")
    field.blur()
    save(page)
    expect(page.locator('[data-key="station.cam2.queue_limit"] [role=alert]')).to_be_visible()
    assert limit(plant) == before, "what is wrong is not written"
    page.get_by_role("button", name="Cancel").click()
    wanted = 20
    field.fill(str(wanted))
    field.blur()
    assert violations(page) == []
    page.set_viewport_size(PHONE)
    assert overflow(page) == 0
    expect(page.get_by_role("button", name="Save", exact=True)).to_be_in_viewport()
    page.set_viewport_size(DESKTOP)
    save(page)
    wait_for(lambda: limit(plant) == wanted, 30, "the file says it")
    wait_for(lambda: told(page) == (wanted, "same"), 60, "node and web go by it")
    expect(page.get_by_text("The node and the web use what the file says.")).to_be_visible(
        timeout=SLOW_MS
    )
    expect(field).to_have_value(str(wanted))
    page.get_by_role("button", name="Back to the previous settings").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Your own password").fill(PASSWORD)
    dialog.get_by_role("button", name="Go back", exact=True).click()
    expect(field).to_have_value(str(before or 16))
    assert limit(plant) == before
    wait_for(lambda: told(page) == (before or 16, "same"), 60, "both go by the file of before")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("station.cam2.queue_limit")
    dialog.get_by_label("Your own password").fill(PASSWORD)
    dialog.get_by_role("button", name="Save", exact=True).click()


def limit(plant: Plant) -> int | None:
    """What the file says."""
    stations = tomllib.loads(plant.node.config.read_text())["station"]
    found: int | None = stations[1].get("queue_limit")
    return found


def told(page: Page) -> tuple[int | None, str]:
    """What the web uses, and whether the node uses what the file says."""
    answer = page.context.request.get("/api/v1/settings")
    data = answer.json()["data"] if answer.ok else {"settings": [], "node": ""}
    values = [row["value"] for row in data["settings"] if row["key"] == "station.cam2.queue_limit"]
    return (values[0] if values else None), data["node"]
