"""A program (recipe): camera settings, master image, locator, tools with limits, judgement,
outputs. Versioned."""

import ast
import hashlib
import re
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from schemas.base import Float, Name, ProgramId, Shape, canonical, explain, read_json
from schemas.calibration import Calibration
from schemas.errors import Problem
from schemas.locators import Locator
from schemas.tools import Tool

MAX_PROGRAM_BYTES = 1024 * 1024
MAX_TOOLS = 64
UNLIMITED = "no limits yet: every value would pass"

MasterFile = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.(png|jpg|jpeg|PNG|JPG|JPEG)$"),
]
Assignment = Annotated[
    str,
    StringConstraints(pattern=r"^(ok|ng|error|busy|always_on|tool:[a-z_][a-z0-9_]{0,31}:(ok|ng))$"),
]
OutputName = Annotated[str, StringConstraints(pattern=r"^OUT[1-8]$")]
# the kinds that find what these measure from
FEATURES = {"angle": ("line",), "distance": ("edge", "width", "line", "circle")}
JUDGEMENT_NODES = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.Name,
    ast.Load,
)


class ProgramCamera(Shape):
    """Camera settings of a program; null leaves the camera as it is."""

    exposure_ms: Float | None = Field(default=None, gt=0, le=10000, description="Exposure in ms.")
    gain: Float | None = Field(
        default=None, ge=0, le=1000, description="Gain, in the camera's own unit."
    )
    mode: Literal["normal", "hdr", "high_gain"] = Field(
        default="normal", description="Brightness mode."
    )


class Keep(Shape):
    """Which results keep their pictures."""

    ng: bool = Field(default=True, description="Whether NG and ERROR results keep their pictures.")
    ok_every: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=10, description="Every n-th OK result keeps its pictures; 0 is none."
    )


class Program(Shape):
    """One program as written by a person or a bundle."""

    schema_: Literal["program/1"] = Field(
        default="program/1", alias="schema", description="Version of this shape."
    )
    id: ProgramId = Field(description="Name of the program in topics and triggers.")
    name: Name = Field(description="Name for people.")
    master: MasterFile | None = Field(
        default=None, description="File of the master image in the bundle."
    )
    camera: ProgramCamera = Field(default_factory=ProgramCamera, description="Camera settings.")
    locator: Locator | None = Field(
        default=None, description="Finds the part; null inspects the frame as it is."
    )
    calibration: Calibration | None = Field(
        default=None, description="From px to mm; null if nothing is measured in mm."
    )
    tools: Annotated[tuple[Tool, ...], Field(max_length=MAX_TOOLS, strict=False)] = Field(
        description="The tools, in order."
    )
    judgement: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = Field(
        default="all",
        description="all, any, or an expression over tool names with and, or, not and parentheses.",
    )
    limits_ms: Annotated[int, Field(ge=1, le=60000)] = Field(
        default=1000,
        description=(
            "Longest inspection in ms, from its start to its verdict; longer is ERROR / TIMEOUT."
        ),
    )
    outputs: dict[OutputName, Assignment] = Field(
        default_factory=dict, description="What OUT1 to OUT8 show."
    )
    keep: Keep = Field(default_factory=Keep, description="Which results keep their pictures.")

    @model_validator(mode="after")
    def _consistent(self) -> "Program":
        names = [tool.name for tool in self.tools]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two tools have the name {name}")
            if name in ("and", "or", "not", "all", "any"):
                raise ValueError(f"tool {name}: the name has a meaning in judgements")
        order_of(self.tools)
        by_name = {tool.name: tool for tool in self.tools}
        for tool in self.tools:
            if getattr(tool, "length_unit", "px") == "mm" and self.calibration is None:
                raise ValueError(
                    f"tool {tool.name}: unit is mm, but the program has no calibration"
                )
            if tool.kind in FEATURES:
                _check_features(tool, by_name)
        if self.judgement not in ("all", "any"):
            for name in judgement_names(self.judgement):
                if name not in names:
                    raise ValueError(f"judgement names the tool {name}, which does not exist")
        for output, meaning in self.outputs.items():
            if meaning.startswith("tool:") and meaning.split(":")[1] not in names:
                raise ValueError(
                    f"{output} names the tool {meaning.split(':')[1]}, which does not exist"
                )
        if self.master is None and (
            self.locator is not None or any(needs_master(tool) for tool in self.tools)
        ):
            raise ValueError(
                "the locator or a tool compares with the master, but there is no master image"
            )
        return self

    @property
    def hash(self) -> str:
        """`sha256:` and the hash of the canonical JSON; a stored master's name is its own hash, so
        it counts too."""
        return "sha256:" + hashlib.sha256(canonical(self.document())).hexdigest()

    @property
    def unlimited(self) -> tuple[str, ...]:
        """Names of the tools that take every value, though the judgement asks them and no other
        tool measures from them."""
        used = {name for tool in self.tools for name in tool.uses}
        asked = (
            {tool.name for tool in self.tools}
            if self.judgement in ("all", "any")
            else judgement_names(self.judgement)
        )
        return tuple(
            tool.name for tool in self.tools if tool.unlimited and tool.name in asked - used
        )

    def document(self) -> dict[str, Any]:
        """The program as JSON values."""
        return self.model_dump(mode="json", by_alias=True)


class StoredProgram(Shape):
    """One version of a program at rest."""

    program: Program = Field(description="The program.")
    version: Annotated[int, Field(ge=1)] = Field(description="Version, rising by one.")
    hash: str = Field(description="Hash of the program.")
    saved_at: str = Field(description="When this version was saved, UTC.")
    saved_by: str = Field(description="Who saved it.")
    note: str = Field(default="", description="Why.")


def check_limits(program: Program) -> None:
    """Raises Problem PROGRAM_INVALID if a tool would take every value: no station runs a program
    that nobody has finished."""
    if program.unlimited:
        raise Problem(
            "PROGRAM_INVALID",
            "; ".join(f"tool {name}: low: {UNLIMITED}" for name in program.unlimited),
        )


def order_of(tools: tuple[Tool, ...]) -> tuple[int, ...]:
    """An order of the tools in which each comes after those it uses. Raises ValueError if one is
    missing, or if they use each other in a circle."""
    places = {tool.name: place for place, tool in enumerate(tools)}
    order: list[int] = []
    done: set[str] = set()
    while len(order) < len(tools):
        before = len(order)
        for place, tool in enumerate(tools):
            if tool.name in done:
                continue
            for name in tool.uses:
                if name not in places:
                    raise ValueError(f"tool {tool.name} uses the tool {name}, which does not exist")
            if all(name in done for name in tool.uses):
                order.append(place)
                done.add(tool.name)
        if len(order) == before:
            circle = ", ".join(tool.name for tool in tools if tool.name not in done)
            raise ValueError(f"the tools {circle} use each other in a circle")
    return tuple(order)


def _check_features(tool: Tool, tools: dict[str, Tool]) -> None:
    """Whether a tool that measures from what others find names only tools that find such things.
    Raises ValueError."""
    for field in ("first", "second"):
        other = tools[getattr(tool, field)]
        if other.kind not in FEATURES[tool.kind]:
            wanted = " or ".join(FEATURES[tool.kind])
            raise ValueError(
                f"tool {tool.name}: {field}: the tool {other.name} ({other.kind}) is not of the"
                f" kind {wanted}"
            )
        if other.kind == "edge" and other.value == "count":
            raise ValueError(
                f"tool {tool.name}: {field}: the tool {other.name} counts edges; it must give a"
                " position"
            )


def needs_master(tool: Tool) -> bool:
    """Whether the tool compares with the master."""
    if tool.kind == "outline" or tool.needs_master:
        return True
    return tool.kind == "area" and (tool.threshold is None or tool.polarity == "auto")


def judgement_tree(expression: str) -> ast.Expression:
    """The parsed expression: names, and, or, not, parentheses; nothing else. Raises ValueError."""
    if not re.fullmatch(r"[a-z0-9_() ]+", expression):
        raise ValueError("judgement: only tool names, and, or, not and parentheses are allowed")
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"judgement is not an expression: {error}") from None
    for node in ast.walk(tree):
        if not isinstance(node, JUDGEMENT_NODES):
            raise ValueError(f"judgement: {type(node).__name__} is not allowed")
    return tree


def judgement_names(expression: str) -> set[str]:
    """The tool names in an expression. Raises ValueError."""
    return {node.id for node in ast.walk(judgement_tree(expression)) if isinstance(node, ast.Name)}


def parse_program(data: bytes) -> Program:
    """The program in a JSON document. Raises Problem PROGRAM_INVALID."""
    value = read_json(data, limit=MAX_PROGRAM_BYTES, code="PROGRAM_INVALID")
    return as_program(value)


def as_program(value: Any) -> Program:
    """The program in JSON values. Raises Problem PROGRAM_INVALID."""
    version = value.get("schema") if isinstance(value, dict) else None
    if isinstance(version, str) and re.fullmatch(r"program/([2-9]|[1-9][0-9]{1,3})", version):
        raise Problem(
            "PROGRAM_INVALID",
            f"it is written for a newer version ({version}; this one reads program/1)",
        )
    try:
        return Program.model_validate(value)
    except ValidationError as error:
        raise Problem("PROGRAM_INVALID", _with_names(explain(error), value)) from None


def _with_names(message: str, value: Any) -> str:
    """`tools.2.area.low: ...` as `tool label: low: ...`, if the tool has a name."""
    tools = value.get("tools") if isinstance(value, dict) else None
    names = (
        [tool.get("name") if isinstance(tool, dict) else None for tool in tools]
        if isinstance(tools, list)
        else []
    )

    def named(match: re.Match[str]) -> str:
        # the text may quote anything
        name = names[int(match[1])] if int(match[1]) < len(names) else None
        usable = isinstance(name, str) and re.fullmatch(r"[a-z_][a-z0-9_]{0,31}", name)
        return f"tool {name}: {match[2]}:" if usable else match[0]

    return re.sub(r"(?:^|(?<=; ))tools\.(\d{1,3})\.[a-z_]+\.([a-z0-9_.]+):", named, message)
