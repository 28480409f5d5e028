"""With gloves: what is touched on a phone is at least 44 px in both directions; links within a
sentence, which do nothing at the line, are left out."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.plant import Plant, overflow
from tests.browser.profiles import Visit
from tests.browser.story import a_result
from tests.rooms.promise.promise import wait_for

SMALL = """() => {
  const LEAST = 44;
  const all = "a[href], button, input:not([type=hidden]), select, summary, [role=button]";
  const found = [];
  for (const element of document.querySelectorAll(all)) {
    // a box to tick is touched by its label
    const target = element.closest("label") ?? element;
    if (element.disabled || !target.checkVisibility({ visibilityProperty: true })) continue;
    if (target.closest(".skip, .visually-hidden, p, dd, li > span")) continue;
    const box = target.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    if (Math.min(box.width, box.height) < LEAST - 0.5) {
      const { width, height } = box;
      found.push(`${target.outerHTML.slice(0, 90)}: ${width.toFixed(0)} x ${height.toFixed(0)}`);
    }
  }
  return found;
}"""


@pytest.mark.parametrize(
    "path",
    [
        "/app/run?station=cam1",
        "/app/lines",
        "/app/history",
        "/app/users",
        "/app/sessions",
        "result",
    ],
)
def test_everything_is_large_enough_for_gloves(plant: Plant, visit: Visit, path: str) -> None:
    newest = a_result(plant, "NG")
    page = visit(f"/app/history/{newest}" if path == "result" else path, phone=True)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert page.evaluate(SMALL) == []
    assert overflow(page) == 0


HEAD = 320  # px, of the 844 of a phone


@pytest.mark.parametrize("path", ["/app/run", "result"])
def test_what_is_looked_for_is_not_pushed_out_of_sight_by_a_head(
    plant: Plant, visit: Visit, path: str
) -> None:
    newest = a_result(plant, "NG")
    page = visit(f"/app/history/{newest}" if path == "result" else path, phone=True)
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    first = page.locator("#viewer" if path == "result" else "[data-station=cam1] .call")
    assert (first.bounding_box() or {"y": HEAD})["y"] < HEAD
    if path == "result":
        expect(page.locator("#head")).to_contain_text(re.compile(r"\((at least|at most) [\d.]+"))
    else:
        assert page.locator(".page-actions").bounding_box()["height"] < 50  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "row", "most"),
    [
        ("programs", "[data-program]", 150),
        ("lines", "tbody tr", 120),
        ("users", "[data-user]", 150),
        ("sessions", "tbody tr", 150),
        ("audit", "tbody tr", 170),
    ],
)
def test_a_list_on_a_phone_is_scrolled_little(visit: Visit, path: str, row: str, most: int) -> None:
    page = visit(f"/app/{path}", phone=True)
    # a page that has drawn its rows anew meanwhile gives none of the one that was there
    box = wait_for(lambda: page.locator(row).first.bounding_box(), 20, "a row")
    assert box["height"] < most
    assert overflow(page) == 0
