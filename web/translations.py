"""The languages of the pages: English stands in templates and modules, and each other language has
a catalogue.

A catalogue (static/words/LANGUAGE.json) maps the English text to its translation, `{name}` where
something is put in. `python -m web.vocabulary` collects the texts and tells which a catalogue
lacks.
"""

import json
from functools import cache

from flask import Flask, g, request

from web import guides
from web.assets import FOLDER

LANGUAGES = {"en": "English", "de": "Deutsch", "ja": "日本語（未校閲）", "zh": "中文（未经校对）"}
# No native speaker has read these yet: the choice of language says so, and what they lack stays
# English.
UNREVIEWED = ("ja", "zh")
COOKIE = "language"


def register(app: Flask) -> None:
    """Give templates `t(text, name=value)`, `language()` and LANGUAGES, and the guides: the part
    beside a page, and a whole one."""
    app.jinja_env.globals.update(t=translate, language=language, LANGUAGES=LANGUAGES)
    app.jinja_env.globals.update(beside=guides.beside, guide=guides.whole)


def language() -> str:
    """The language of this request: the one chosen before, else what the browser asks for, else
    English."""
    code: str | None = g.get("language")
    if code is None:  # a page asks for it at every word
        chosen = request.cookies.get(COOKIE)
        if chosen not in LANGUAGES:
            chosen = request.accept_languages.best_match(list(LANGUAGES), "en")
        code = g.language = chosen
    return code


def translate(text: str, **values: object) -> str:
    """The text in the language of this request; a text that its catalogue lacks stays English."""
    translated = catalogue(language()).get(text, text)
    return translated.format(**values) if values else translated


@cache
def catalogue(name: str) -> dict[str, str]:
    """English text to its translation; empty for English."""
    path = FOLDER / "words" / f"{name}.json"
    if name == "en" or not path.exists():
        return {}
    words: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return words
