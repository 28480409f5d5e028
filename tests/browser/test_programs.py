"""The list of programs: pictures, folders, sorting; and kinds of tools found by synonyms."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.plant import overflow, violations
from tests.browser.profiles import Visit

# the page takes the plant for one of 200 programs: 150 of them in two folders
MANY = """(data) => {
  const [known] = data.programs;
  const folder = (n) => ["", "Board / ", "Caps/", "Caps/"][n % 4];
  const made = (n) => ({ ...known, active: [], version: n + 1, name: `${folder(n)}program ${n}` });
  const rows = Array.from({ length: 199 }, (_, n) => made(n));
  data.programs = [{ ...known, name: "Aardvark" }, ...rows];
}"""


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_two_hundred_programs_stand_in_folders_with_a_picture_each_and_are_sorted(
    visit: Visit, phone: bool
) -> None:
    page = visit("/app/programs", answers={"/api/v1/programs": MANY}, phone=phone)
    names = page.locator(".program-name a")
    expect(names.first).to_have_text("Aardvark")
    first = page.locator(".program-picture").first
    expect(first).to_be_visible()
    expect(first).to_have_js_property("naturalWidth", 160)
    expect(names).to_have_count(51)  # those in no folder; there are many, so folders begin closed
    page.locator('[data-folder="Caps"] button').click()
    expect(names).to_have_count(150)
    assert overflow(page) == 0
    if not phone:  # a phone shows cards, without heads
        page.locator('[data-sort="version"]').click()
        expect(names.first).to_have_text("program 196")
        rows = page.locator("tr[data-program]")
        box = rows.nth(5).bounding_box()
        assert box is not None
        assert box["height"] < 60
    page.get_by_role("searchbox").fill("program 150")
    expect(names).to_have_text(["program 150"])
    assert violations(page) == []


def test_a_tool_is_found_by_other_words_and_one_that_is_not_installed_says_so(visit: Visit) -> None:
    page = visit("/app/programs/synthetic-part/edit#tools")
    page.get_by_role("button", name=re.compile("Add a tool")).first.click()
    search = page.get_by_label("Search for a tool")
    for word, kind in (("barcode", "code"), ("dimension", "width"), ("anomaly", "learned")):
        search.fill(word)
        expect(page.locator(f'.kind-card[data-kind="{kind}"]')).to_be_visible()
        expect(page.locator('.kind-card[data-kind="contrast"]')).to_have_count(0)
    software: dict[str, Any] = page.request.get("/api/v1/info").json()["data"]["software"]
    search.fill("ocr")
    card = page.locator('.kind-card[data-kind="text"]')
    expect(card).to_be_visible()
    if "rapidocr-onnxruntime" not in software:
        expect(card).to_be_disabled()
        expect(card).to_contain_text("Not installed on this node")
    else:
        expect(card).to_be_enabled()
