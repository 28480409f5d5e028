"""The panel of a tool that measures lengths: px and mm are converted by the calibration, which is
one button away; adding a tool is one step of undo; what failed is selected when a result is opened
in the editor."""

from playwright.sync_api import Page, expect

from tests.browser.plant import Plant, overflow
from tests.browser.profiles import Visit
from tests.browser.story import a_result, results
from tests.browser.test_release import add


def limit(page: Page, side: str) -> float:
    return float(page.locator(f'.tools-panel input[data-field="{side}"]').input_value())


def test_limits_follow_the_unit_and_the_calibration_is_one_button_away(
    plant: Plant, visit: Visit
) -> None:
    page = visit("/app/programs/synthetic-part/edit#tools")
    add(page, "Add a tool", "width")
    row = page.locator('button.tool-row[data-tool="width_1"]')
    expect(row).to_be_visible()
    expect(row).not_to_contain_text("No limits yet")
    panel = page.locator(".tools-panel")
    before = limit(page, "low")
    page.locator("#undo").click()  # one step: the tool is gone, not only its limits
    expect(row).to_have_count(0)
    page.locator("#redo").click()
    row.click()
    panel.locator('[data-go="calibration"]').click()
    page.locator('input[name="calibration"][value="scale"]').check()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")  # of the dialog that asks for a known length
    scale = page.locator('input[name="mm_per_px"]')
    scale.fill("0.5")
    scale.press("Tab")
    page.locator('a[data-step="tools"]').click()
    row.click()
    unit = panel.locator('[data-field="unit"]')
    unit.locator("label.segment", has_text="mm").click()
    low = panel.locator('input[data-field="low"]')
    expect(low).not_to_have_value(f"{before:g}")
    assert abs(limit(page, "low") - before / 2) < 0.02 * before
    unit.locator("label.segment", has_text="px").click()
    expect(low).to_have_value(f"{before:g}")
    assert overflow(page) == 0


def test_open_in_editor_selects_the_tool_that_failed(plant: Plant, visit: Visit) -> None:
    newest = a_result(plant, "NG")
    (result,) = [row for row in results(plant) if row["result_id"] == newest]
    page = visit(phone=True)
    failed = page.request.get(f"/api/v1/results/{result['result_id']}").json()["data"]["tools"]
    (name, *_) = [tool["name"] for tool in failed if tool["verdict"] == "NG"]
    page.goto(f"/app/programs/synthetic-part/edit?result={newest}")
    row = page.locator(f'button.tool-row[data-tool="{name}"]')
    expect(row).to_have_attribute("aria-current", "true")
