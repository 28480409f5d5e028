"""Statistics: tools with the same name in two programs are two lines, each with its limits; Cpk and
Ppk are told apart, and one tool can be looked at by itself."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from schemas import as_program
from schemas.store.programs import Programs
from tests.browser.plant import Plant, overflow, violations
from tests.browser.profiles import Profiles, Visit
from tests.browser.story import until

HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def two_programs(plant: Plant, profiles: Profiles) -> Iterator[None]:
    """Results of the drawn part judged by two programs, whose tools have the same names; the second
    program is gone afterwards."""
    store = Programs(Path(plant.node.state) / "programs")
    program = store.get("synthetic-part").program
    other = as_program({**program.document(), "id": "other-part", "name": "Other part"})
    store.save(other, store.master(program), by="test")
    with profiles.visit() as page:
        for program_id in ("other-part", "synthetic-part"):
            activate = f"/api/v1/programs/{program_id}/activate"
            answer = page.request.post(activate, data={"station": "cam1"}, headers=HERE)
            assert answer.ok, answer.text()
            until(plant, "OK", "NG")  # a part that is not found has no values
        yield
        assert page.request.delete("/api/v1/programs/other-part", headers=HERE).ok


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_tools_of_one_name_in_two_programs_are_two_lines(
    two_programs: None, visit: Visit, phone: bool
) -> None:
    page = visit("/app/statistics?station=cam1", phone=phone)
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


LONG = """({ tools }) => tools.forEach((tool) => {
  tool.program = "gehaeuseoberteil-dichtungsnut-linie-4-nachtschicht-variante-b";
  tool.name += "_dichtungsnut_aussenseite";
})"""


def test_long_names_in_german_are_broken_and_widen_neither_page_nor_table(
    two_programs: None, visit: Visit
) -> None:
    page = visit("/app/statistics", answers={"/api/v1/statistics/tools": LONG}, locale="de-DE")
    table = page.locator("#tools .figures-table").first
    expect(table.locator("th").filter(has_text="nachtschicht")).not_to_have_count(0)
    assert overflow(page) == 0
    assert table.evaluate("(one) => one.scrollWidth - one.parentElement.clientWidth") <= 0
