"""The list of programs: pictures, folders, sorting; and kinds of tools found by other words."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.plant import Plant, context_of, overflow, quiet, signed_in, violations


def many(page: Page) -> None:
    """The page takes the plant for one of 200 programs: 150 of them in two folders."""

    def more(route: Route) -> None:
        answer = route.fetch().json()
        known = answer["data"]["programs"][0]
        rows = [{**known, "active": [], "version": n + 1, "name": named(n)} for n in range(199)]
        answer["data"]["programs"] = [{**known, "name": "Aardvark"}, *rows]
        route.fulfill(json=answer)

    page.route("**/api/v1/programs", more)


def named(number: int) -> str:
    folder = ("", "Board / ", "Caps/", "Caps/")[number % 4]
    return f"{folder}program {number}"


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_two_hundred_programs_stand_in_folders_with_a_picture_each_and_are_sorted(
    plant: Plant, browser: Browser, phone: bool
) -> None:
    context = context_of(browser, plant, phone=phone)
    signed_in(context)
    page = context.new_page()
    complaints = quiet(page)
    many(page)
    page.goto("/app/programs")
    names = page.locator(".program-name a")
    expect(names.first).to_have_text("Aardvark")
    first = page.locator(".program-picture").first
    expect(first).to_be_visible()
    page.wait_for_function("image => image.naturalWidth === 160", arg=first.element_handle())
    expect(names).to_have_count(51)  # those of no folder; there are many, so folders begin closed
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
    assert complaints == []
    context.close()


def test_a_tool_is_found_by_other_words_and_one_that_is_not_installed_says_so(page: Page) -> None:
    page.goto("/app/programs/synthetic-part/edit#tools")
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
