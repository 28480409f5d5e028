"""Tools of others: kinds that installed packages bring, by the entry point group
`inspection_node.tools`.

An entry point `symmetry = "inspection_symmetry"` says that this package has settings of the kind
`symmetry`, with their facts, in its module `settings`, and `learn` and `measure` in its module
`steps`, as a tool of the node has them in two files. The table is read once, when the catalogue is
made, so node, web and command line of an installation know the same kinds; whoever installs another
version restarts them.

A kind that cannot be loaded stays in the catalogue as one that refuses every program that uses it:
a part that was judged without a tool would be a wrong OK. Package and version count in the hash of
a program that uses it (`stamped`).
"""

import hashlib
import logging
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from functools import partial, reduce
from importlib import import_module
from importlib.metadata import EntryPoint, distributions, entry_points
from operator import or_
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import Field, TypeAdapter, create_model, model_validator

from schemas.base import Shape, canonical, plain
from schemas.tools.base import ToolBase
from schemas.tools.facts import Facts

log = logging.getLogger(__name__)
GROUP = "inspection_node.tools"
SWITCH = "TOOLS_OF_OTHERS"  # "off" leaves them out: what is generated, and tests, know only our own


class OtherTool(NamedTuple):
    """A kind of a package: name and version of that, the class of its settings, the module of its
    steps, and why it cannot be used, or None."""

    kind: str
    package: str
    settings: type[ToolBase]
    steps: str
    problem: str | None


def others(own: Collection[str]) -> dict[str, OtherTool]:
    """All that are installed, by kind; never raises, whatever a package does. own: the kinds of the
    node itself, which nobody replaces."""
    tools: dict[str, OtherTool] = {}
    if os.environ.get(SWITCH) == "off":
        return tools
    for point in _points():
        tool = _read(point)
        if tool.kind in own:
            tool = _refusing(tool.kind, tool.package, "the node itself has a kind of that name")
        elif tool.kind in tools:
            both = f"{tools[tool.kind].package} and {tool.package}"
            tool = _refusing(tool.kind, both, "both bring it")
        tools[tool.kind] = tool
    return tools


def joined(union: Any, own: Collection[str], of: Mapping[str, OtherTool]) -> Any:
    """The tagged union of tools, with those of others."""
    more = [tool.settings for kind, tool in of.items() if kind not in own]
    if not more:
        return union
    return Annotated[reduce(or_, more, get_args(union)[0]), Field(discriminator="kind")]


def stamped(digest: str, kinds: Iterable[str], of: Mapping[str, OtherTool]) -> str:
    """The hash of a program as its results tell it: with package and version of each tool of
    others, so that another version of a tool is another program in the records."""
    used = {kind: of[kind].package for kind in kinds if kind in of and not of[kind].problem}
    if not used:
        return digest
    return "sha256:" + hashlib.sha256(canonical([digest, used])).hexdigest()


def _points() -> Iterator[EntryPoint]:
    """All of the group. A package whose entry points cannot be read brings none, which is logged;
    that it is there keeps nobody else's tool, and no node, from its work."""
    try:
        yield from entry_points(group=GROUP)
    except Exception:  # it does not say of which package
        for package in distributions():
            try:
                yield from package.entry_points.select(group=GROUP)
            except Exception as error:
                log.warning("entry points of %s cannot be read: %r", package, error)


def _read(point: EntryPoint) -> OtherTool:
    package = "a package without a name"
    try:
        assert point.dist is not None
        package = f"{point.dist.name} {point.dist.version}"
        settings = _settings(point)
    except (Exception, SystemExit) as error:
        return _refusing(point.name, package, f"{type(error).__name__}: {error}")
    return OtherTool(point.name, package, settings, f"{point.value}.steps", None)


def _settings(point: EntryPoint) -> type[ToolBase]:
    """The class of its settings, which everybody else may rely on. Raises whatever is wrong."""
    with redirect_stdout(sys.stderr):  # what a command writes may be read by a program
        module = import_module(f"{point.value}.settings")
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, ToolBase):
            kind = value.model_fields.get("kind")
            if kind is not None and kind.default == point.name:
                break
    else:
        raise TypeError(
            f"{module.__name__} has no settings whose kind is {point.name!r}, or is imported before"
            " schemas"
        )
    if get_args(kind.annotation) != (point.name,):
        raise TypeError(f"kind of {value.__name__} is not Literal[{point.name!r}]")
    loose = [key for key, held in Shape.model_config.items() if value.model_config.get(key) != held]
    if loose:
        raise TypeError(f"{value.__name__} is not as strict as a Shape: {', '.join(loose)}")
    if not isinstance(getattr(value, "facts", None), Facts):
        raise TypeError(f"{value.__name__} has no facts")
    beside = _refusing("", "", "").settings
    TypeAdapter(joined(Annotated[beside, ...], (), {"": OtherTool("", "", value, "", None)}))
    described = value.model_json_schema()
    within = [
        name
        for name, part in {value.__name__: described, **described.get("$defs", {})}.items()
        if "properties" in part and part.get("additionalProperties") is not False
    ]
    if within:
        raise TypeError(f"{', '.join(within)} of {value.__name__} takes keys that it does not know")
    return value


def _refusing(kind: str, package: str, why: str) -> OtherTool:
    """A kind whose settings nothing passes."""
    problem = plain(f"the kind {kind}, of {package}, cannot be used: {why}", 300)
    never: Any = model_validator(mode="before")(partial(_refuse, problem))
    only: Any = Literal[kind]
    settings = create_model(
        "Unusable",
        __base__=ToolBase,
        __doc__=problem,
        __validators__={"refuse": never},
        kind=(only, kind),
    )
    return OtherTool(kind, package, settings, "", problem)


def _refuse(problem: str, _value: Any) -> Any:
    raise ValueError(problem)
