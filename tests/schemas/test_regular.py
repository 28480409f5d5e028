"""Regular expressions: the same answer as Python's re, for any pattern of the subset, and never
slow."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.tools.regular import compiled, matches

pytestmark = pytest.mark.slow

ITEM = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\.", "(a|b)", "(?:ab)", "(a|)", "(|b|ab)"]
)
REPEAT = st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,3}", "{2,}", "{0}"])
PATTERN = st.lists(st.tuples(ITEM, REPEAT).map("".join), min_size=1, max_size=5).map("".join)


@settings(max_examples=400, deadline=None)
@given(first=PATTERN, second=PATTERN, repeat=REPEAT, text=st.text("ab1.", max_size=10))
def test_it_agrees_with_python(first: str, second: str, repeat: str, text: str) -> None:
    pattern = f"({first}|{second}){repeat}{first}"
    assert matches(pattern, text) is (re.fullmatch(pattern, text, re.DOTALL) is not None)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"LOT-\d{4}(-[A-Z])?", "LOT-4711-B", "LOT-471"),
        (r"\w+\s\S+", "ab c", "abc"),
        (r"\(01\)\d{14}", "(01)12345678901234", "01"),
        (r"[]a]+", "]a", "b"),
        (r"[^\]]", "a", "]"),
        (r".*", "any\nthing\x00", None),
        ("ß|ﬀ|😀", "😀", "s"),
    ],
)
def test_what_labels_need_is_there(pattern: str, good: str, bad: str | None) -> None:
    assert matches(pattern, good)
    assert bad is None or not matches(pattern, bad)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|a)*b", "(a*)*b", "a?" * 20 + "a" * 20 + "b", "(.*)(.*)(.*)(.*)b", "([a-z]+)*b"],
)
def test_patterns_that_hang_others_do_not_hang_it(pattern: str) -> None:
    start = time.monotonic()
    assert not matches(pattern, "a" * 2000)
    assert time.monotonic() - start < 20  # Python's own takes longer than anybody would wait


@pytest.mark.parametrize(
    "pattern",
    [
        "(", ")", "a)", "(a", "[a", "*a", "a**", "a+?", "a{", "a{2", "a{3,2}", "a{999}", "{2}", "^a", "a$", r"\1", r"\b", "\\",  # noqa: E501
        "(?=a)", "(?i)a", "[b-a]", "((a{200}){200})", "(" * 40 + "a" + ")" * 40, "(a{100}|b{100}){10}",  # noqa: E501
    ],
)  # fmt: skip
def test_anything_else_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        compiled(pattern)
