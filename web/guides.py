"""The guides beside the pages: what docs/ says of a page, from the same Markdown, offline.

A guide in another language is docs/LANGUAGE/NAME, and what stands beside pages docs/LANGUAGE/
pages.md, a part a page; where there is none, English stands.
"""

import re
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

FOLDERS = (  # of a source tree, and of what is installed
    Path(__file__).parents[1] / "docs",
    Path(sys.prefix) / "share" / "doc" / "inspection-node" / "docs",
)
MORE = 2  # levels by which a heading is lowered beside a page, which has headings of its own


OWN = "pages.md"  # of a language other than English
PAGE = re.compile(r"^<!-- page: ([a-z_]+) -->\n", re.MULTILINE)


class Beside(NamedTuple):
    """What stands beside a page, and in which language."""

    language: str
    html: Markup


class Section(NamedTuple):
    """A section of a guide: a file, and the heading that begins it; None means all of it."""

    guide: str
    heading: str | None = None


PARTS: dict[str, tuple[Section, ...]] = {
    "begin": (Section("quick-start.md"),),
    "run": (Section("web.md", "The Run page"),),
    "programs": (Section("first-program.md", "Versions"), Section("node.md", "Programs")),
    "program": (
        Section("first-program.md", "Versions"),
        Section("first-program.md", "Does it judge right?"),
    ),
    "editor": (
        *(Section("first-program.md", heading) for heading in ("1. The picture", "2. The master")),
        *(
            Section("first-program.md", heading)
            for heading in ("3. The tools", "4. Judgement, outputs, name")
        ),
        Section("tools.md", "First the picture"),
        Section("tools.md", "Before you trust a program"),
    ),
    "history": (
        Section("reference.md", "Verdicts"),
        Section("reference.md", "Codes of a part that could not be judged"),
    ),
    "result": (
        Section("reference.md", "Verdicts"),
        Section("reference.md", "Codes of a part that could not be judged"),
    ),
    "statistics": (Section("scada.md", "Words and numbers"), Section("maintenance.md")),
    "lines": (Section("plc.md", "The handshake"),),
    "health": (Section("troubleshooting.md"), Section("monitoring.md", "Figures to watch")),
    "users": (Section("production.md", "4. People"), Section("web.md", "Signing in")),
    "sessions": (Section("web.md", "Signing in"),),
    "account": (Section("web.md", "Signing in"),),
    "audit": (Section("web.md", "Audit"),),
    "settings": (Section("web.md", "Settings"), Section("production.md", "3. Settings")),
    "backups": (Section("backup-and-restore.md"),),
    "api": (Section("scada.md", "By HTTP"), Section("reference.md", "Topics")),
}
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


@cache
def beside(page: str, language: str) -> Beside:
    """What the guides say of a page; empty where they say nothing or are not there."""
    if (own := _own(language).get(page)) is not None:
        return Beside(language, Markup(_html(_markdown.parse(_plain(own)), MORE)))
    html = Markup("\n").join(
        Markup(_html(_part(text, part.heading), MORE))
        for part in PARTS.get(page, ())
        if (text := _read(part.guide, "en")) is not None
    )
    return Beside("en", html)


@cache
def _own(language: str) -> dict[str, str]:
    """The parts of pages that are written in a language, by the pages' names."""
    places = [folder / language / OWN for folder in FOLDERS]
    page = next((path for path in places if language != "en" and path.is_file()), None)
    parts = PAGE.split(page.read_text(encoding="utf-8")) if page is not None else [""]
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@cache
def whole(guide: str, language: str) -> tuple[str, Markup] | None:
    """A guide: its title, and the rest as HTML. None where there is no such guide."""
    text = _read(guide, language)
    if text is None:
        return None
    tokens = _markdown.parse(_plain(text))
    title = tokens[1].content if tokens and tokens[0].tag == "h1" else guide
    return title, Markup(_rendered(tokens[3:] if tokens and tokens[0].tag == "h1" else tokens, 0))


def guides() -> list[str]:
    """Every guide, by its name."""
    return sorted({path.name for folder in FOLDERS for path in folder.glob("*.md")})


def _read(guide: str, language: str) -> str | None:
    if guide not in guides():
        return None
    places = [folder / name for folder in FOLDERS for name in (f"{language}/{guide}", guide)]
    page = next((path for path in places if path.is_file()), None)
    return page.read_text(encoding="utf-8") if page is not None else None


def _plain(text: str) -> str:
    """Without what is said to tests, and pictures, which are no part of an installation."""
    text = re.sub(r"<!--.*?-->\n?", "", text, flags=re.DOTALL)
    text = re.sub(r"\[!\[[^\]]*\]\([^)]*\)\]\([^)]*\)\n?", "", text)
    return re.sub(r"!\[[^\]]*\]\([^)]*\)\n?", "", text)


def _part(text: str, heading: str | None) -> list[Token]:
    tokens = _markdown.parse(_plain(text))
    if heading is None:
        return tokens
    taken: list[Token] = []
    level = ""
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            if not level and tokens[at + 1].content == heading:
                level = token.tag
            elif level and token.tag <= level:
                break
        if level:
            taken.append(token)
    return taken


def _html(tokens: list[Token], lower: int) -> str:
    return _rendered(tokens, lower - (int(tokens[0].tag[1]) - 1 if tokens else 0))


def _rendered(tokens: list[Token], lower: int) -> str:
    """HTML with headings lower by so many levels; links to other guides lead to their pages, others
    that are no part of an installation are text. The empty corner of a table heads nothing."""
    for at, token in enumerate(tokens):
        if token.type == "th_open" and not tokens[at + 1].content:
            token.tag = tokens[at + 2].tag = "td"
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{max(2, min(6, int(token.tag[1]) + lower))}"
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", _address(str(child.attrGet("href") or "")))
    return str(_markdown.renderer.render(tokens, _markdown.options, {}))


def _address(href: str) -> str:
    name, _, anchor = href.partition("#")
    name = name.removeprefix("../")  # of docs/LANGUAGE
    if href.startswith(("https://", "http://")):
        return href
    if name.endswith(".md") and "/" not in name and name in guides():
        return f"/app/guides/{name.removesuffix('.md')}"
    return "/app/guides/README" if name else f"#{anchor}"
