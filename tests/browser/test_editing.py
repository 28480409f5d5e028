"""What surrounds the work in the editor: undo, saving, help, what it says, who else is there."""

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow
from tests.browser.profiles import Visit
from tests.browser.story import a_result
from tests.browser.test_release import add

TOOLS = "/app/programs/synthetic-part/edit#tools"


def test_a_new_tool_is_one_step_of_undo_and_says_what_it_goes_by(
    plant: Plant, visit: Visit
) -> None:
    page = visit(TOOLS)
    add(page, "Add a tool", "difference")
    row = page.locator('button.tool-row[data-tool="difference_1"]')
    expect(row.locator(".verdict")).to_contain_text("OK")  # its limits are those of its value
    model = page.locator('.tools-panel [data-field="model"]')
    expect(model).to_contain_text("goes by the master alone")
    expect(model).not_to_contain_text("ERROR")
    more = page.locator(".tools-panel details.more > summary")
    if more.is_visible() and not model.is_visible():
        more.click()
    model.locator("summary").click()
    expect(model.locator("pre")).to_contain_text(f"--config {plant.node.config}")
    assert overflow(page) == 0
    page.locator("#undo").click()
    expect(row).to_have_count(0)
    expect(page.locator("#undo")).to_be_disabled()


def test_undo_works_from_a_text_and_nothing_covers_what_goes_on(visit: Visit) -> None:
    page = visit("/app/programs/synthetic-part/edit#outputs")
    name = page.get_by_label("Name", exact=True)
    saves = [page.locator("#save"), page.locator('[data-go="save"]').locator("visible=true")]
    for save in saves:
        expect(save).to_be_disabled()
    before = name.input_value()
    name.fill("Another")
    name.press("Tab")
    for save in saves:
        expect(save).to_be_enabled()
    name.focus()
    name.press("Control+z")
    expect(name).to_have_value(before)
    expect(name).to_be_focused()
    for sentence in page.locator("#step-outputs p.help").all():
        box = sentence.bounding_box()
        assert box is None or box["height"] < 150, "a sentence is as tall as it is"
    page.locator('a[data-step="tools"]').click()
    add(page, "Add a tool", "brightness")
    page.get_by_role("button", name="Delete", exact=True).click()
    toast = page.locator("#toasts .notice").last.bounding_box()
    foot = page.locator("#step-tools .step-foot").bounding_box()
    assert toast is not None
    assert foot is not None
    assert toast["y"] + toast["height"] <= foot["y"]


def test_who_edits_a_program_is_told_who_else_does(visit: Visit) -> None:
    first = visit(TOOLS)
    expect(first.locator("#editor-name")).to_have_text("Synthetic part")
    expect(first.locator('[data-notice="others"]')).to_have_count(0)
    second = visit(TOOLS, phone=True)
    expect(second.locator('[data-notice="others"]')).to_contain_text("Ada")


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-GB", "Kept pictures are JPEG: near a limit the value, and so the verdict, can differ"),
        ("de-DE", "Behaltene Bilder sind JPEG"),
    ],
)
def test_a_kept_picture_is_said_not_to_be_the_part_itself(
    plant: Plant, visit: Visit, locale: str, said: str
) -> None:
    a_result(plant, "NG")
    page = visit(TOOLS, locale=locale)
    panel = page.locator("section.pictures:not(.missed-panel)")
    expect(panel).to_contain_text(said)
    assert overflow(page) == 0
