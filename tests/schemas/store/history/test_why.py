"""Why a part is not OK: the tool that says most, in a list and in a cell."""

from typing import Any

import pytest

from schemas.store.history.why import in_words, why


def tool(name: str, verdict: str, value: float | None, code: str | None = None) -> dict[str, Any]:
    error = None if code is None else {"code": code, "message": "m"}
    return {
        "name": name,
        "verdict": verdict,
        "value": value,
        "unit": "score",
        "low": 0.7,
        "high": 0.9,
        "error": error,
    }


GOOD, LOW, HIGH = tool("label", "OK", 0.8), tool("crystal", "NG", 0.6312), tool("cap", "NG", 0.95)
LOST = tool("hole", "ERROR", None, "NO_CONTRAST")


@pytest.mark.parametrize(
    ("verdict", "tools", "words"),
    [
        ("NG", [GOOD, LOW], "crystal 0.6312 (at least 0.7)"),
        ("NG", [HIGH, GOOD, LOW, LOW], "cap 0.95 (at most 0.9) +2"),
        ("ERROR", [LOW, LOST], "hole NO_CONTRAST +1"),
        ("ERROR", [LOW], "crystal 0.6312 (at least 0.7)"),
        ("ERROR", [], None),
        ("OK", [GOOD, LOW], None),
    ],
)
def test_it_names_the_first_tool_that_decides_its_limit_and_how_many_others(
    verdict: str, tools: list[dict[str, Any]], words: str | None
) -> None:
    assert in_words(why({"verdict": verdict, "tools": tools})) == words
