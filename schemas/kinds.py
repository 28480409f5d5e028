"""Which kinds of tools and locators there are: those of `schemas/tools` and `schemas/locators`,
written down in the files that name them.

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

from schemas.tools.facts import Facts, Group, LocatorFacts, shown

ROOMS = {"tools": Facts, "locators": LocatorFacts}


class Kind(NamedTuple):
    """A kind: its word, its folder and its module there, the class of its settings, and its
    facts."""

    kind: str
    room: str
    module: str
    name: str
    facts: Facts | LocatorFacts


def kinds() -> list[Kind]:
    """All kinds, by folder and module. Raises ImportError, or AttributeError if a kind has no
    facts."""
    return [kind for room in ROOMS for kind in _kinds(room)]


def _kinds(room: str) -> list[Kind]:
    known = []
    for info in iter_modules([str(Path(__file__).parent / room)]):
        module = import_module(f"schemas.{room}.{info.name}")
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, BaseModel)
                and value.__module__ == module.__name__
            ):
                field = value.model_fields.get("kind")
                if field is not None:
                    facts: Any = value.facts  # type: ignore[attr-defined]
                    known.append(Kind(str(field.default), room, info.name, value.__name__, facts))
    return known


OTHERS = """\
OTHERS = others(TOOL_MODULES)  # of packages that are installed beside the node
if not TYPE_CHECKING:
    Tool = joined(Tool, TOOL_MODULES, OTHERS)
"""


def packages() -> dict[str, str]:
    """The texts of schemas/tools/__init__.py and schemas/locators/__init__.py."""
    return {
        "schemas/tools/__init__.py": _package("tools", "Tool", others=OTHERS),
        "schemas/locators/__init__.py": _package("locators", "Locator"),
    }


def _package(room: str, union: str, others: str = "") -> str:
    of = sorted(_kinds(room), key=lambda kind: kind.module)
    said = f"The catalogue of {room}: what each kind can be told. Written by schemas/kinds.py."
    table = f"{union.upper()}_MODULES"
    imports = [f"from schemas.{room}.{kind.module} import {kind.name}" for kind in of]
    public = [*(kind.name for kind in of), table, union]
    if others:
        imports.append(f"from schemas.{room}.others import joined, others")
        public.append("OTHERS")
    return "\n".join(
        [
            f'"""{said}{GONE if others else ""}"""',
            "",
            f"from typing import {'TYPE_CHECKING, ' if others else ''}Annotated",
            "",
            "from pydantic import Field",
            "",
            *sorted(imports),
            "",
            *_union(union, [kind.name for kind in of]),
            "",
            f"{table} = {{  # by kind, in this folder and in that of node",
            *(f'    "{kind.kind}": "{kind.module}",' for kind in sorted(of)),
            "}",
            "",
            *others.splitlines(),
            *([""] if others else []),
            "__all__ = [",
            *(f'    "{name}",' for name in sorted(public, key=_as_ruff)),
            "]",
            "",
        ]
    )


GONE = """

If the file of a kind is gone, nothing imports: .venv/bin/python -m deploy.cli.remove_tool NAME.
"""


def manual(page: str) -> str:
    """The page docs/tools.md, with the rows of the kinds that bring theirs as a fact. Raises
    ValueError if it has no place for them."""
    head, begin, rest = page.partition(ROWS_BEGIN)
    _, end, tail = rest.partition(ROWS_END)
    if not end:
        raise ValueError(f"docs/tools.md has no {ROWS_BEGIN.strip()} ... {ROWS_END.strip()}")
    rows = [
        f"| `{kind.kind}` | {kind.facts.use_for} | {kind.facts.limits} |"
        f" ![{kind.kind}: {kind.facts.use_for}](pictures/{kind.kind}.webp) |\n"
        for kind in sorted(kinds(), key=_place)
        if isinstance(kind.facts, Facts) and kind.facts.use_for
    ]
    return f"{head}{begin}{''.join([ROWS_HEAD, *rows] if rows else [])}{end}{tail}"


ROWS_BEGIN, ROWS_END = "<!-- kinds: written by schemas/kinds.py -->\n", "<!-- end of kinds -->\n"
ROWS_HEAD = """
## More tools

| tool | use it for | limits we found | good and bad |
|---|---|---|---|
"""


def catalogue(language: str, text: str) -> str:
    """The catalogue of a language with the words that kinds bring as a fact; as it was if none
    does."""
    own = {
        english: said
        for kind in kinds()
        if isinstance(kind.facts, Facts)
        for english, said in kind.facts.words.get(language, {}).items()
    }
    if not own:
        return text
    return json.dumps(json.loads(text) | own, ensure_ascii=False, indent=1) + "\n"


def _union(name: str, of: list[str]) -> list[str]:
    short = f'{name} = Annotated[{" | ".join(of)}, Field(discriminator="kind")]'
    if len(short) <= LINE:
        return [short]
    return [
        f"{name} = Annotated[",
        "    " + "\n    | ".join(of) + ",",
        '    Field(discriminator="kind"),',
        "]",
    ]


LINE = 100


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
    lines = []
    for name, value in shown(kind.facts).items():
        if name in ("title", "text"):
            lines.append(f"    {name}: t({_text(value)}),")
        elif name == "uses":
            kinds, least = _text(value["kinds"]), value["least"]
            lines.append(f"    uses: {{ kinds: {kinds}, least: {least} }},")
        else:
            lines.append(f"    {name}: {_text(value)},")
    return [f"  {kind.kind}: {{", *lines, "  },"]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
