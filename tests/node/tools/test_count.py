"""Count: how many of the named tools are OK, and no number if one of them has none."""

import pytest

from node.measurement import Given, Measurement
from node.tools.count import measure
from schemas import Count, Problem, Trigger


def given(**passed: bool | None) -> Given:
    measured = {name: None if ok is None else Measurement(1.0) for name, ok in passed.items()}
    return Given(Trigger(), measured, {name: bool(ok) for name, ok in passed.items()})


def tool(*names: str) -> Count:
    return Count(name="screws", tools=names, low=1.0)


def test_only_the_named_tools_that_are_ok_count() -> None:
    found = given(a=True, b=False, c=True, d=True)
    assert measure(None, tool("a", "b", "c"), None, found).value == 2
    assert measure(None, tool("b"), None, found).value == 0


def test_a_tool_without_a_value_makes_no_number() -> None:
    with pytest.raises(Problem, match=r"NO_VALUE.*tool b"):
        measure(None, tool("a", "b"), None, given(a=True, b=None))


def test_it_uses_what_it_names() -> None:
    assert tool("a", "b").uses == ("a", "b")
    assert tool("a").unit == "count"


@pytest.mark.parametrize("names", [(), ("a", "a"), ("A",)])
def test_no_names_and_names_given_twice_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError):
        tool(*names)
