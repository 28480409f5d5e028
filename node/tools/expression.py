"""Arithmetic over the values of other tools, evaluated on the parsed tree: nothing is ever
executed."""

import ast
import math
from collections.abc import Callable, Mapping

from node.measurement import Given, Measurement
from schemas import Expression, Problem
from schemas.tools.expression import expression_tree, names

MOST_EXPONENT = 64.0
ARITHMETIC: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: lambda one, two: one + two,
    ast.Sub: lambda one, two: one - two,
    ast.Mult: lambda one, two: one * two,
    ast.Div: lambda one, two: one / two,
    ast.UAdd: lambda one: one,
    ast.USub: lambda one: -one,
}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": math.sqrt,
    "round": lambda one: float(round(one)),  # halves are rounded to the even number
}


def learn(_view: None, settings: Expression) -> ast.expr:
    """The parsed expression."""
    return expression_tree(settings.expression)


def measure(
    _view: None, settings: Expression, learned: ast.expr | None, given: Given
) -> Measurement:
    """What the expression gives. Raises Problem NO_VALUE if a tool has no value, or the result is
    no finite number."""
    tree = expression_tree(settings.expression) if learned is None else learned
    values: dict[str, float] = {}
    for name in names(tree):
        measured = given.measured.get(name)
        if measured is None:
            raise Problem("NO_VALUE", f"the tool {name} has none")
        values[name] = float(measured.value)
    try:
        value = _value(tree, values)
    except (ZeroDivisionError, OverflowError, ValueError) as error:
        raise Problem("NO_VALUE", f"{settings.expression[:80]}: {error}") from None
    if not math.isfinite(value):
        raise Problem("NO_VALUE", f"{settings.expression[:80]}: the value is {value}")
    return Measurement(value)


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    """The value of one part, always a float: integers of Python would grow without bound."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=sign, operand=operand):
            return ARITHMETIC[type(sign)](_value(operand, values))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, values), _value(right, values))
        case ast.BinOp(left=left, op=sign, right=right):
            return ARITHMETIC[type(sign)](_value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=parts):
            return FUNCTIONS[name](*(_value(part, values) for part in parts))
    raise ValueError(f"{type(node).__name__} is not allowed")


def _power(base: float, exponent: float) -> float:
    if abs(exponent) > MOST_EXPONENT:
        raise ValueError(f"the exponent {exponent:g} is beyond {MOST_EXPONENT:g}")
    value = base**exponent
    if isinstance(value, complex):
        raise ValueError("a root of a negative number")
    return float(value)
