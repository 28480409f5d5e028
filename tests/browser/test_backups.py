"""A backup through the browser: made while the page looks on, checked, fetched."""

from playwright.sync_api import Page, expect

from tests.browser.plant import PHONE, overflow, violations
from tests.rooms.people.people import PASSWORD

SLOW_MS = 60_000


def test_a_backup_is_made_checked_and_fetched(page: Page) -> None:
    page.goto("/app/backups")
    page.get_by_role("button", name="Make one now").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What about people").select_option("none")
    dialog.get_by_role("button", name="Make it").click()
    row = page.locator("tr[data-backup]").first
    expect(row).to_contain_text("without people", timeout=SLOW_MS)
    row.get_by_role("button", name="Check").click()
    expect(row).to_contain_text("whole,", timeout=SLOW_MS)
    row.get_by_role("button", name="Download").click()
    dialog.get_by_label("Your own password").fill(PASSWORD)
    with page.expect_download() as fetched:
        dialog.get_by_role("button", name="Download").click()
    assert fetched.value.suggested_filename.startswith("inspection-node-node-01-")
    assert violations(page) == []
    page.set_viewport_size(PHONE)
    assert overflow(page) == 0
