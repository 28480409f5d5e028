"""Which kinds of tools and locators there are: those of the folder `schemas/tools`, written down in
the files that name them.

A table is read at run time, never a folder: there, an import that fails would be a tool that is
missing, and a part that was judged without it (docs/decisions/10). `python -m schemas.generate`
writes the tables, and `make check` compares them.
"""

import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from schemas.tools.facts import Facts, Group, LocatorFacts

FOLDER = Path(__file__).parent / "tools"


class Kind(NamedTuple):
    """A kind: its word, the module below schemas/tools and the class of its settings, and its
    facts."""

    kind: str
    module: str
    name: str
    facts: Facts | LocatorFacts


def kinds() -> list[Kind]:
    """All of them, by module. Raises ImportError, or AttributeError if a kind has no facts."""
    found = []
    for info in iter_modules([str(FOLDER)]):
        module = import_module(f"schemas.tools.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, BaseModel)
                and value.__module__ == module.__name__
            ):
                field = value.model_fields.get("kind")
                if field is not None:
                    facts: Any = value.facts  # type: ignore[attr-defined]
                    found.append(Kind(str(field.default), info.name, value.__name__, facts))
    return found


def package() -> str:
    """The text of schemas/tools/__init__.py."""
    all_ = sorted(kinds(), key=lambda kind: kind.module)
    tools = [kind for kind in all_ if isinstance(kind.facts, Facts)]
    locators = [kind for kind in all_ if isinstance(kind.facts, LocatorFacts)]
    names = sorted(
        [*(kind.name for kind in all_), "LOCATOR_MODULES", "TOOL_MODULES", "Locator", "Tool"],
        key=_as_ruff,
    )
    return "\n".join(
        [
            (
                '"""The catalogue of tools and locators: what each kind can be told. Written by'
                ' schemas/kinds.py."""'
            ),
            "",
            "from typing import Annotated",
            "",
            "from pydantic import Field",
            "",
            *(f"from schemas.tools.{kind.module} import {kind.name}" for kind in all_),
            "",
            "Tool = Annotated[",
            "    " + "\n    | ".join(kind.name for kind in tools) + ",",
            '    Field(discriminator="kind"),',
            "]",
            (
                f"Locator = Annotated[{' | '.join(kind.name for kind in locators)},"
                ' Field(discriminator="kind")]'
            ),
            "",
            *_table("TOOL_MODULES", tools),
            *_table("LOCATOR_MODULES", locators),
            "",
            "__all__ = [",
            *(f'    "{name}",' for name in names),
            "]",
            "",
        ]
    )


def _table(name: str, of: list[Kind]) -> list[str]:
    rows = (f'    "{kind.kind}": "{kind.module}",' for kind in sorted(of))
    return [f"{name} = {{  # by kind, below schemas/tools and node/tools", *rows, "}"]


def _as_ruff(name: str) -> tuple[int, str]:
    """Constants come before classes."""
    return (0 if name.isupper() else 1, name)


def editor() -> str:
    """The text of web/static/js/editor/table.js: what the picker shows, in its order."""
    shown = sorted(kinds(), key=_place)
    return "\n".join(
        [
            (
                "// Written by schemas/kinds.py from the facts of each kind; what the words mean:"
                " schemas/tools/facts.py."
            ),
            "",
            'import { t } from "../words.js";',
            "",
            "export const KINDS = {",
            *(line for kind in shown if isinstance(kind.facts, Facts) for line in _entry(kind)),
            "};",
            "",
            "export const LOCATORS = {",
            *(
                line
                for kind in shown
                if isinstance(kind.facts, LocatorFacts)
                for line in _entry(kind)
            ),
            "};",
            "",
        ]
    )


def _place(kind: Kind) -> tuple[int, int, str]:
    facts = kind.facts
    return (
        get_args(Group).index(facts.group) if isinstance(facts, Facts) else 0,
        facts.place,
        kind.kind,
    )


def _entry(kind: Kind) -> list[str]:
    facts = kind.facts._asdict()
    del facts["place"]
    lines = []
    for name, value in facts.items():
        if name == "least" or (not value and name != "text"):
            continue
        if name in ("title", "text"):
            lines.append(f"    {name}: t({_text(value)}),")
        elif name == "uses":
            lines.append(f"    uses: {{ kinds: {_text(value)}, least: {facts['least']} }},")
        elif name == "room":
            rows = ", ".join(_text({**room._asdict(), "when": dict(room.when)}) for room in value)
            lines.append(f"    room: [{rows}],")
        else:
            lines.append(f"    {name}: {_text(dict(value) if name == 'start' else value)},")
    return [f"  {kind.kind}: {{", *lines, "  },"]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
