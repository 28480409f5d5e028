"""Expression: arithmetic gives what Python gives, nothing else is understood, and no number is made
up."""

import time

import pytest
from hypothesis import given as given_
from hypothesis import settings
from hypothesis import strategies as st

from node.measurement import Given, Measurement
from node.tools.expression import learn, measure
from schemas import Expression, Problem, Program, Trigger


def value(text: str, **values: float | None) -> float:
    tool = Expression(name="sum", expression=text, low=0.0)
    measured = {
        name: None if number is None else Measurement(number) for name, number in values.items()
    }
    return measure(None, tool, learn(None, tool), Given(Trigger(), measured, {})).value


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a + b * 2", 13.0),
        ("(a + b) * 2", 16.0),
        ("a - b - 1", -3.0),
        ("a / b", 0.6),
        ("-a ** 2", -9.0),
        ("2 ** a ** 2", 512.0),
        ("b ** -1", 0.2),
        ("abs(a - b)", 2.0),
        ("sqrt(a * a + 16)", 5.0),
        ("min(a, b, 1.5) + max(a, b)", 6.5),
        ("round(b / a)", 2.0),
        ("round(2.5 * a / 3)", 2.0),
        ("+a + 1e-3", 3.001),
    ],
)
def test_arithmetic_is_that_of_python(text: str, wanted: float) -> None:
    assert value(text, a=3.0, b=5.0) == pytest.approx(wanted, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given_(a=st.floats(-1e3, 1e3), b=st.floats(-1e3, 1e3), c=st.floats(0.01, 1e3))
def test_any_values_give_what_python_gives(a: float, b: float, c: float) -> None:
    text = "(a - b) / c + max(a, b) * 0.5 - abs(b) ** 2"
    assert value(text, a=a, b=b, c=c) == pytest.approx(
        eval(text, {"max": max, "abs": abs}, {"a": a, "b": b, "c": c})
    )


@pytest.mark.parametrize(
    "text",
    [
        "a / (b - b)",
        "sqrt(-a)",
        "(-a) ** 0.5",
        "(a + 1e9) ** 64",
        "2 ** (a * 1000)",
        "1e14 ** 63 * a",
        "0 ** -a",
        "a ** 1e9",
    ],
)
def test_what_has_no_finite_value_is_a_problem_and_no_number(text: str) -> None:
    with pytest.raises(Problem, match="NO_VALUE"):
        value(text, a=3.0, b=5.0)


def test_a_tool_without_a_value_makes_no_number() -> None:
    with pytest.raises(Problem, match=r"NO_VALUE.*tool b"):
        value("max(a, b)", a=3.0, b=None)
    with pytest.raises(Problem, match="NO_VALUE"):
        value("a + 1", a=float("nan"))


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "a.real", "a[0]", "lambda: a", "a and b", "a if a else b", "a < b", "a // b", "a % b", "a @ b",  # noqa: E501
        "[a]", "{a}", "(a, b)", "f(a)", "eval(a)", "pow(a, b)", "min(a)", "abs(a, b)", "sqrt()", "round(a, 2)", "min(*a)",  # noqa: E501
        "max(a, b, key=a)", "a = b", "a;b", "a\nb", "'a'", "1j * a", "0x" + "f" * 100 + " + a", "9" * 400 + " + a",  # noqa: E501
        "1e400 + a", "a +", "", " ", "1 + 2", "ａ + 1", "(" * 300 + "a" + ")" * 300, "-" * 400 + "a", "a" + " + a" * 120,  # noqa: E501
        "abs(" * 90 + "a" + ")" * 90, "True + a", "None", "a if_b",
    ],
)  # fmt: skip
def test_anything_else_is_refused_when_saved(text: str) -> None:
    with pytest.raises(ValueError):
        Expression(name="sum", expression=text, low=0.0)


def test_the_largest_expression_is_quick() -> None:
    start = time.monotonic()
    assert value("+".join(["a*a"] * 40), a=2.0) == 160
    assert value("**".join(["a"] * 10), a=1.0) == 1
    assert time.monotonic() - start < 5


def test_it_uses_the_tools_it_names_each_once() -> None:
    tool = Expression(name="sum", expression="max(a, b) - a + round(width_2)", low=0.0, unit="mm")
    assert tool.uses == ("a", "b", "width_2")
    assert tool.unit == "mm"
    assert tool.model_dump(by_alias=True)["unit"] == "mm"


def test_unknown_names_and_circles_are_refused_when_the_program_is_saved() -> None:
    def program(**expressions: str) -> Program:
        tools = [
            {"kind": "expression", "name": name, "expression": text, "low": 0.0}
            for name, text in expressions.items()
        ]
        return Program.model_validate({"id": "p", "name": "P", "tools": tools})

    with pytest.raises(ValueError, match="uses the tool b, which does not exist"):
        program(a="b + 1")
    with pytest.raises(ValueError, match="circle"):
        program(a="b + 1", b="a + 1")
    with pytest.raises(ValueError, match="circle"):
        program(a="a + 1")
