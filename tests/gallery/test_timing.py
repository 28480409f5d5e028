"""The timing diagrams: what is recorded is what the manual says, and the drawing is whole."""

from xml.etree import ElementTree

from tests.gallery.timing import DIAGRAMS, FOLDER, VERDICTS, record, svg
from tests.rooms.installation.processes import ROOT


def test_three_parts_by_lines_each_show_their_verdict_with_its_strobe() -> None:
    recording = record("line")
    shown = []
    for _, values in recording.levels:
        on = [role for role in ("ok", "ng", "error") if values.get(role)]
        assert len(on) <= 1
        assert on or not values.get("result_valid"), "a strobe without a verdict"
        if on and shown[-1:] != on:
            shown += on
    assert tuple(role.upper() for role in shown[-3:]) == VERDICTS
    title, rows = DIAGRAMS["line"]
    drawn = ElementTree.fromstring(svg(title, recording, rows))
    words = [each.text for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert [row for row in rows if row not in words] == []


def test_the_manual_shows_each_diagram_as_it_was_drawn_last() -> None:
    page = (ROOT / "docs" / "plc.md").read_text()
    for by, (title, rows) in DIAGRAMS.items():
        file = FOLDER / f"timing-{by}.svg"
        assert file.name in page
        text = file.read_text()
        assert [word for word in (title, *rows) if f">{word}</text>" not in text] == []
