"""The texts of the pages, collected, and what a catalogue lacks: `python -m web.vocabulary
[--check | --drop]`. `--drop` takes out of all catalogues what no page shows any more.

Texts are the literals of `t("...")` in templates and modules, the messages and advice of the error
catalogue, what the code says behind them (web/sayings.py) and repeats of others (web/foreign.py),
the reasons of settings that may be changed, what routes do, and the descriptions, fields and
choices in the schemas that forms are generated from.
"""

import ast
import json
import re
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from schemas import CATALOGUE
from schemas.kinds import kinds
from schemas.settings.editable import EDITABLE
from schemas.state import StateName
from schemas.tools.facts import Facts
from web.assets import FOLDER, described
from web.backing_up import ENDED, LATE
from web.foreign import foreign
from web.pages import PAGES
from web.sayings import sayings
from web.translations import LANGUAGES, UNREVIEWED, catalogue

TEMPLATES = Path(__file__).parent / "templates"
CALL = re.compile(r"""(?<![\w.$])t\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
ROLES = ("VIEWER", "OPERATOR", "ADMIN")
API = Path(__file__).with_name("api")
HEALTH = Path(__file__).with_name("health_checks.py")
SHOWN = ("program",)  # the schemas that forms are generated from


@cache
def texts() -> tuple[str, ...]:
    """Every English text that a page may show, in order, once."""
    entries: dict[str, None] = {}
    for path in [*sorted(TEMPLATES.rglob("*.html")), *sorted(FOLDER.rglob("*.js"))]:
        for literal in CALL.findall(path.read_text(encoding="utf-8")):
            entries[_unquoted(literal)] = None
    for page in PAGES:
        entries[page.title] = None
    entries.update(dict.fromkeys(ROLES))
    for entry in CATALOGUE.values():
        entries.update({entry.message: None, entry.advice: None})
    entries.update(dict.fromkeys(_said(HEALTH)))
    entries.update(dict.fromkeys(get_args(StateName)))
    entries.update(dict.fromkeys((*told(), ENDED, LATE)))
    for path in sorted(API.rglob("*.py")):
        entries.update(dict.fromkeys(_routes(path)))
    entries.update(dict.fromkeys(EDITABLE.values()))
    for name in SHOWN:
        schema = json.loads(
            files("schemas").joinpath(f"json_schemas/{name}.json").read_text(encoding="utf-8")
        )
        entries.update(dict.fromkeys(described(schema)))
        entries.update(dict.fromkeys(_labelled(schema)))
    schema = json.loads(
        files("schemas").joinpath("json_schemas/settings.json").read_text(encoding="utf-8")
    )
    entries.update(dict.fromkeys(_sentences(schema)))
    return tuple(entries)


def told() -> list[str]:
    """What all parts say is wrong (a camera, a tool, a request), with places for values, and what
    others have said of it."""
    return [*sayings(), *foreign()]


def missing(language: str) -> list[str]:
    """Texts that the catalogue of a language lacks."""
    there = catalogue(language)
    return [text for text in texts() if text not in there]


def stale(language: str) -> list[str]:
    """Texts of a catalogue that no page shows any more."""
    shown = set(texts())
    return [text for text in catalogue(language) if text not in shown]


def _said(path: Path) -> list[str]:
    """The sentences of the health page: of `said("...")`, and every advice."""
    spoken = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name, given = (
                node.func.id,
                [each for each in node.args if isinstance(each, ast.Constant)],
            )
            if name in ("said", "Report") and given:
                spoken.append(str(given[-1].value))
    return [text for text in spoken if " " in text]


def _routes(path: Path) -> list[str]:
    """What each route does, in the sentence that the page of the API shows."""
    return [
        " ".join((ast.get_docstring(node) or "").split()).partition(". ")[0].rstrip(".")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(each, ast.Call) and _is_requires(each) for each in node.decorator_list)
    ]


def _is_requires(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "requires"


def _unquoted(literal: str) -> str:
    text = literal[1:-1]
    return str(json.loads(f'"{text}"')) if literal[0] == '"' else text.replace("\\'", "'")


def _sentences(schema: dict[str, Any]) -> list[str]:
    """The sentences of every table's fields, as the page of the settings shows them."""
    tables = [schema, *schema.get("$defs", {}).values()]
    fields = [field for table in tables for field in table.get("properties", {}).values()]
    return [field["description"] for field in fields if "description" in field]


def _labelled(value: Any) -> list[str]:
    """Names of fields and of their choices, as js/editor/schema.js writes them."""
    if isinstance(value, list):
        return [text for item in value for text in _labelled(item)]
    if not isinstance(value, dict):
        return []
    fields = value.get("properties")
    names = (
        [re.sub(r"_(px|ms|deg|mm)$", "", name).replace("_", " ") for name in fields]
        if isinstance(fields, dict)
        else []
    )
    choices = value.get("enum")
    shown = (
        [str(choice).replace("_", " ") for choice in choices] if isinstance(choices, list) else []
    )
    return (
        [name[0].upper() + name[1:] for name in names]
        + shown
        + [text for item in value.values() for text in _labelled(item)]
    )


def main(arguments: list[str]) -> int:
    """Prints what is missing and stale, and what to do about it; with --check, 1 if there is any,
    but in a catalogue that is not reviewed yet. With --drop, takes out what is stale first."""
    if "--drop" in arguments:
        _drop()
    wrong = 0
    for language in LANGUAGES:
        if language == "en":
            continue
        lacks, extra = missing(language), stale(language)
        if language in UNREVIEWED:
            told = f"{len(lacks)} texts stay English, {len(extra)} are no longer needed"
            print(f"{language}.json (not reviewed): {told} (nothing to do)")  # noqa: T201
            continue
        for what, differing in (("lacks", lacks), ("no longer needs", extra)):
            for text in differing:
                print(f"{language}.json {what} {json.dumps(text, ensure_ascii=False)}")  # noqa: T201
            wrong += len(differing)
        if lacks:
            print(LACKS.format(language=language))  # noqa: T201
        if extra:
            print(STALE)  # noqa: T201
            _print_facts(language, extra)
    return 1 if wrong and "--check" in arguments else 0


LACKS = (
    "-> the words of a tool: in `words` of its facts, then .venv/bin/python -m schemas.generate;"
    " others: in web/static/words/{language}.json"
)
STALE = "-> .venv/bin/python -m web.vocabulary --drop takes out what is no longer needed"


def _print_facts(language: str, extra: list[str]) -> None:
    for kind in kinds():
        words = kind.facts.words.get(language, {}) if isinstance(kind.facts, Facts) else {}
        if set(words) & set(extra):
            print(f"   but first out of `words` in schemas/tools/{kind.module}.py")  # noqa: T201


def _drop() -> None:
    """Take out of each catalogue what no page shows."""
    for language in LANGUAGES:
        extra = stale(language)
        if extra:
            kept = {text: said for text, said in catalogue(language).items() if text not in extra}
            path = FOLDER / "words" / f"{language}.json"
            path.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
            print(f"{language}.json: {len(extra)} texts taken out")  # noqa: T201
    catalogue.cache_clear()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
