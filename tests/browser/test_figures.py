"""Statistics: tools of one name in two programs are two lines, each with its limits; Cpk and Ppk
are told apart, and one tool can be looked at alone."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from schemas import as_program
from schemas.store.programs import Programs
from tests.browser.plant import Plant, context_of, overflow, quiet, signed_in, violations
from tests.browser.story import some_results


@pytest.fixture
def two_programs(plant: Plant, browser: Browser) -> None:
    """Results of the drawn part judged by two programs, whose tools have the same names."""
    store = Programs(Path(plant.node.state) / "programs")
    program = store.get("synthetic-part").program
    other = as_program({**program.document(), "id": "other-part", "name": "Other part"})
    if store.head("other-part") is None:
        store.save(other, store.master(program), by="test")
    context = context_of(browser, plant)
    signed_in(context)
    some_results(plant, 2)
    for id in ("other-part", "synthetic-part"):
        answer = context.request.post(
            f"/api/v1/programs/{id}/activate",
            data={"station": "cam1"},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert answer.ok, answer.text()
        some_results(plant, 2)
    context.close()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_tools_of_one_name_in_two_programs_are_two_lines(
    plant: Plant, browser: Browser, two_programs: None, phone: bool
) -> None:
    context = context_of(browser, plant, phone=phone)
    signed_in(context)
    page = context.new_page()
    complaints = quiet(page)
    page.goto("/app/statistics?station=cam1")
    rows = page.locator('#tools tr[data-tool="label"]')
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="other-part")).to_have_count(1)
    expect(page.locator("#tools")).to_contain_text("Ppk")
    page.locator('select[name="tool"]').select_option("label")
    expect(page.locator("#tools tbody tr")).to_have_count(2)
    rows.filter(has_text="other-part").get_by_role("button").click()
    expect(page.locator("#tool-title")).to_have_text(re.compile("label · other-part"))
    expect(page.locator("#tool-figures svg").first).to_be_visible()
    assert overflow(page) == 0
    assert violations(page) == []
    assert complaints == []
    context.close()
