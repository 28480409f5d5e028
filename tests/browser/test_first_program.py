"""The first program, from a real photograph to its first good part: how many actions it takes."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.plant import PICTURES, Plant
from tests.browser.profiles import Visit
from tests.browser.story import trigger

GOOD = "11_1111"
MOST = 25


class Hands:
    """A person's clicks, choices, texts and strokes, all counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.done: list[str] = []

    def click(self, target: Locator) -> None:
        self.done.append("click")
        target.click()

    def choose(self, target: Locator, option: str) -> None:
        self.done.append("choose")
        target.select_option(option)

    def type(self, target: Locator, text: str) -> None:
        self.done.append("type")
        target.fill(text)

    def draw(self, box: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
        """A stroke over an element, from and to shares of its width and height."""
        self.done.append("draw")
        box.scroll_into_view_if_needed()
        around = box.bounding_box()
        assert around is not None
        mouse = self.page.mouse
        for (x, y), act in ((start, mouse.down), (end, mouse.up)):
            mouse.move(
                around["x"] + x * around["width"], around["y"] + y * around["height"], steps=4
            )
            act()


def test_a_first_program_from_a_photograph_takes_fewer_than_25_actions(
    plant: Plant, visit: Visit
) -> None:
    page = visit("/app/programs")
    hands = Hands(page)
    hands.click(page.get_by_role("link", name="New program"))
    hands.choose(page.get_by_label("Station"), "cam2")
    hands.click(page.locator('[data-step="master"]').first)
    hands.done.append("file")
    page.locator("#master-file").set_input_files(PICTURES / f"{GOOD}.jpg")
    expect(page.locator("#master-picture")).to_be_visible()
    hands.click(page.locator('#step-master [data-go="next"]'))

    hands.click(page.locator('[data-tool="locator"]'))
    hands.click(page.locator("label").filter(has=page.locator('[value="pattern"]')))
    drawing = page.locator("svg.regions")
    for kind, start in (("brightness", (0.4, 0.4)), ("edge_pixels", (0.55, 0.3))):
        hands.click(page.get_by_role("button", name=re.compile("Add a tool")).first)
        hands.click(page.locator(f'[data-kind="{kind}"]'))
        hands.draw(drawing, start, (start[0] + 0.12, start[1] + 0.15))
        row = page.locator(f"button.tool-row[data-tool^={kind}]")
        expect(row.locator(".verdict")).to_contain_text("OK")  # its limits are those of its value
    hands.click(page.locator('#step-tools [data-go="next"]'))
    hands.type(page.get_by_label("Name", exact=True), "Screw")
    hands.click(page.locator("#save"))
    dialog = page.get_by_role("dialog")
    hands.click(dialog.get_by_role("button", name="Save and use at cam2"))
    expect(dialog.locator('[data-station="cam2"]')).to_contain_text("uses it")

    trigger(plant, "cam2", part_id=GOOD)
    page.goto("/app/run?station=cam2")
    call = page.locator('[data-station="cam2"] .call')
    expect(call).to_have_attribute("data-verdict", "OK")
    assert len(hands.done) < MOST, hands.done
