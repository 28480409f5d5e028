"""The gallery's page: sections of cards with pictures in pairs, plain HTML in light and dark,
without scripts.

Each topic writes its pictures and one `<topic>.json` (a list of sections) into the folder; `build`
makes index.html from all that are there. So topics can be made separately: tools by `python -m
tests.gallery`, screenshots by what takes them.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from pathlib import Path
from typing import Any

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --card: #f4f6f8; --line: #d5dae0;
  --ok: #13702f; --ng: #b3261e; --error: #8a5a00 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --soft: #a3acb6; --paper: #14171a; --card: #1d2126; --line: #343a41;
    --ok: #62cf7f; --ng: #ff8a80; --error: #ffc14d }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 88rem; padding: 1.5rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper) }
h1 { margin: 0 0 .25rem; font-size: 1.7rem }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.35rem }
h3 { margin: 0; font-size: 1.1rem }
p { margin: .25rem 0 .75rem; color: var(--soft); max-width: 75ch }
a { color: inherit }
nav { display: flex; flex-wrap: wrap; gap: .25rem .75rem; margin: 1rem 0 }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 1rem 0 }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; align-items: start }
.pair.one { grid-template-columns: minmax(0, 60rem) }
figure { margin: 0; min-width: 0 }
img { display: block; width: 100%; height: auto; border-radius: .25rem; border: 1px solid var(--line) }
figcaption { margin-top: .5rem }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2rem .5rem .2rem 0; border-top: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere }
th { font-weight: 600; color: var(--soft) }
td.n { white-space: nowrap }
.OK { color: var(--ok) }
.NG { color: var(--ng) }
.ERROR { color: var(--error) }
b.OK, b.NG, b.ERROR { margin-right: .4rem }
.note { font-size: .92rem }
"""  # noqa: E501


@dataclass(frozen=True)
class Line:
    """One row below a picture: what one tool (or the locator) said."""

    name: str
    value: str
    limits: str
    ms: str
    verdict: str


@dataclass(frozen=True)
class Shot:
    """A picture (a file in the gallery's folder) and what to say about it."""

    file: str
    caption: str
    verdict: str = ""
    lines: tuple[Line, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Card:
    """One thing that is shown, usually with two pictures."""

    title: str
    sentence: str
    shots: tuple[Shot, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Section:
    """Cards under one heading. Sections of all topics are sorted by `order`."""

    title: str
    sentence: str
    cards: tuple[Card, ...] = field(default=())
    order: int = 0


def save(folder: Path, topic: str, sections: Sequence[Section]) -> None:
    """Write a topic's sections beside its pictures."""
    (folder / f"{topic}.json").write_text(
        json.dumps([asdict(section) for section in sections], indent=1) + "\n"
    )


def build(folder: Path) -> Path:
    """Make index.html from all topics in the folder."""
    sections = [
        _section(found)
        for path in sorted(folder.glob("*.json"))
        for found in json.loads(path.read_text())
    ]
    sections.sort(key=lambda section: section.order)
    places = [
        f'<a href="#{_anchor(section.title)}">{escape(section.title)}</a>' for section in sections
    ]
    body = "\n".join(_shown(section) for section in sections)
    page = folder / "index.html"
    page.write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Gallery</title><style>{STYLE}</style></head><body>\n<h1>Gallery</h1>\n"
        "<p>Made by the running code, not by hand: every picture is what an inspection would"
        " keep.</p>\n"
        f"<nav>{' '.join(places)}</nav>\n{body}\n</body></html>\n"
    )
    return page


def _section(found: dict[str, Any]) -> Section:
    return Section(**{**found, "cards": tuple(_read_card(card) for card in found["cards"])})


def _read_card(card: dict[str, Any]) -> Card:
    return Card(**{**card, "shots": tuple(_read_shot(shot) for shot in card["shots"])})


def _read_shot(shot: dict[str, Any]) -> Shot:
    return Shot(**{**shot, "lines": tuple(Line(**line) for line in shot["lines"])})


def _shown(section: Section) -> str:
    names = " ".join(
        f'<a href="#{_anchor(section.title, card.title)}">{escape(card.title)}</a>'
        for card in section.cards
    )
    cards = "\n".join(_card(section, card) for card in section.cards)
    head = f'<h2 id="{_anchor(section.title)}">{escape(section.title)}</h2>\n<p>{escape(section.sentence)}</p>'  # noqa: E501
    return f"{head}\n<nav>{names}</nav>\n{cards}"


def _card(section: Section, card: Card) -> str:
    shots = "\n".join(_shot(shot) for shot in card.shots)
    note = f'<p class="note">{escape(card.note)}</p>' if card.note else ""
    one = " one" if len(card.shots) == 1 else ""
    return (
        "<article"
        f' id="{_anchor(section.title, card.title)}"><h3>{escape(card.title)}</h3><p>{escape(card.sentence)}</p>{note}<div'  # noqa: E501
        f' class="pair{one}">{shots}</div></article>'
    )


def _shot(shot: Shot) -> str:
    said = f'<b class="{escape(shot.verdict)}">{escape(shot.verdict)}</b>' if shot.verdict else ""
    rows = "".join(
        f"<tr><td>{escape(line.name)}</td><td"
        f' class="n">{escape(line.value)}</td><td>{escape(line.limits)}</td><td'
        f' class="n">{escape(line.ms)}</td><td class="n'
        f' {escape(line.verdict)}">{escape(line.verdict)}</td></tr>'
        for line in shot.lines
    )
    head = "<tr><th>tool</th><th>value</th><th>limits</th><th>ms</th><th></th></tr>"
    table = f"<table>{head}{rows}</table>" if rows else ""
    note = f'<p class="note">{escape(shot.note)}</p>' if shot.note else ""
    return (
        f'<figure><a href="{escape(shot.file)}"><img src="{escape(shot.file)}"'
        f' alt="{escape(shot.caption)}" loading="lazy"></a>'
        f"<figcaption>{said}{escape(shot.caption)}{table}{note}</figcaption></figure>"
    )


def _anchor(*words: str) -> str:
    return "-".join("".join(c if c.isalnum() else "-" for c in word.lower()) for word in words)
