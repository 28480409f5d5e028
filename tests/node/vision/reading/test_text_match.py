"""A pattern judges a text in bounded time, or the tool says that it cannot."""

import pytest

from node.vision.reading.text_match import judge
from schemas import Problem, Region, Text
from schemas.trigger import EMPTY


def reads(pattern: str) -> Text:
    where = Region(x=0, y=0, width=100, height=40)
    return Text(name="lot", region=where, low=1, pattern=pattern)


def test_a_pattern_that_others_never_come_back_from_is_answered() -> None:
    right = judge(reads("(a+)+b"), EMPTY)
    assert [right("a" * 2000), right("a" * 2000 + "b")] == [False, True]


def test_a_text_that_its_pattern_would_take_too_long_for_has_no_value() -> None:
    right = judge(reads("(.{250}){3}"), EMPTY)
    assert right("x" * 750)
    with pytest.raises(Problem, match=r"NO_VALUE.*a text of 4000 characters is too long"):
        right("x" * 4000)


@pytest.mark.parametrize("pattern", [r"(a)\1", "^LOT", "(?=a)b", "((a{200}){200})"])
def test_what_cannot_be_matched_in_bounded_time_is_refused_when_it_is_saved(pattern: str) -> None:
    with pytest.raises(ValueError, match="tool lot: pattern: "):
        reads(pattern)
