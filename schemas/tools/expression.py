"""Arithmetic over the values of other tools."""

import ast
import re
from math import inf
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.tools.base import ToolBase
from schemas.tools.facts import Facts, Room

# least and most arguments
FUNCTIONS = {"min": (2, 16), "max": (2, 16), "abs": (1, 1), "sqrt": (1, 1), "round": (1, 1)}
MOST_NODES = 600
DEEPEST = 80
ALLOWED = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Constant, ast.Load,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UAdd, ast.USub,
)  # fmt: skip


class Expression(ToolBase):
    """Calculates from the values of other tools: + - * / **, min max abs sqrt round, parentheses,
    numbers, tool names."""

    facts: ClassVar[Facts] = Facts(
        group="logic",
        place=20,
        title="Calculation",
        text="Calculates from the values of other tools.",
        icon="M5 4h14v16H5zM8 8h8M8 12h2M12 12h2M8 16h2M12 16h4",
        main=("unit",),
        start={"low": 0},
        uses="any",
        least=1,
        room=(Room("around", 0.1, 0.001),),
        signed=True,
    )
    kind: Literal["expression"] = "expression"
    asks: ClassVar[bool] = True
    expression: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(
        description=(
            "What is calculated, such as (left + right) / 2; no value if a tool has none, or by a"
            " division by zero."
        )
    )
    value_unit: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9*/%^._-]{1,16}$")] = Field(
        default="ratio",
        alias="unit",
        description="Unit of the value and of the limits, such as px, mm, ratio.",
    )

    @property
    def uses(self) -> tuple[str, ...]:
        """Names of the tools whose values it needs."""
        return names(expression_tree(self.expression))

    @property
    def unit(self) -> str:
        """Unit of the value and of the limits."""
        return self.value_unit

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest value that it can have."""
        return (-inf, inf)

    @model_validator(mode="after")
    def _sound(self) -> "Expression":
        try:
            used = names(expression_tree(self.expression))
        except ValueError as error:
            raise ValueError(f"tool {self.name}: {error}") from None
        if not used:
            raise ValueError(f"tool {self.name}: expression names no tool")
        return self


def expression_tree(text: str) -> ast.expr:
    """The parsed expression: arithmetic, the five functions, names and finite numbers; nothing
    else. Raises ValueError."""
    if not re.fullmatch(r"[a-z0-9_+\-*/()., ]+", text):
        raise ValueError(
            "expression: only + - * / **, min max abs sqrt round, parentheses, numbers and tool"
            " names are allowed"
        )
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"expression cannot be read: {error}") from None
    if _depth(tree) > DEEPEST or sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise ValueError(
            f"expression is larger than {MOST_NODES} parts or nested deeper than {DEEPEST}"
        )
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise ValueError(f"expression: {type(node).__name__} is not allowed")
        if isinstance(node, ast.Constant):
            _check_number(node.value)
        if isinstance(node, ast.Call):
            _check_call(node)
    return tree.body


def names(tree: ast.expr) -> tuple[str, ...]:
    """The tool names in an expression, sorted."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return tuple(
        sorted(
            {
                node.id
                for node in ast.walk(tree)
                if isinstance(node, ast.Name) and id(node) not in called
            }
        )
    )


def _depth(tree: ast.AST) -> int:
    """Levels of the tree, counted without recursion and only as far as it matters."""
    level, depth = [tree], 0
    while level and depth <= DEEPEST:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return depth


def _check_number(value: object) -> None:
    if type(value) not in (int, float):
        raise ValueError(f"expression: {value!r:.40} is not a number")
    if not abs(value) < 1e15:  # type: ignore[arg-type]
        raise ValueError("expression: a number is larger than 1e15")


def _check_call(call: ast.Call) -> None:
    name = call.func.id if isinstance(call.func, ast.Name) else "?"
    if name not in FUNCTIONS:
        raise ValueError(f"expression: {name} is not one of {', '.join(FUNCTIONS)}")
    least, most = FUNCTIONS[name]
    if call.keywords or not least <= len(call.args) <= most:
        raise ValueError(
            f"expression: {name} takes {least if least == most else f'{least} to {most}'} values"
        )
