"""Cells that a spreadsheet opens: no text is calculated, in any locale, and what is harmless stays
as it is."""

import csv
import io

import pytest

from schemas.store.history.cells import cell

FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(1)",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(1)",
        "a;=1+1;",
        "a;;=1",
        "a\t=1",
        "a\n=1",
        "x; =1",
        'x;"=1"',
        "\t=1",
        "a|=1",
    ],
)
def test_no_part_of_it_begins_a_formula_wherever_it_is_split(text: str) -> None:
    line = io.StringIO()
    csv.writer(line).writerow(["before", cell(text), "after"])
    for separator in (",", ";", "\t", "|"):
        for row in csv.reader(io.StringIO(line.getvalue()), delimiter=separator):
            assert not any(
                part.strip(" \"'\t") != "" and part.lstrip(' "').startswith(FORMULAS)
                for part in row
            ), row


@pytest.mark.parametrize(
    "value",
    ["SN-42", "a=b", "1-2", "Müller & Söhne; Köln", 5, -5.0, None, True, "2026-11-27T10:00:00Z"],
)
def test_what_is_harmless_stays(value: object) -> None:
    assert cell(value) == value
