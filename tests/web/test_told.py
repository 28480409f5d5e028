"""What node and web say in English stands in the page's language: every sentence that the source
can say, with every phrase in it; run by Node.js outside a browser."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from schemas import Problem, Program
from schemas.base import explain
from web.foreign import foreign
from web.sayings import examples, sayings
from web.translations import catalogue

JS = Path(__file__).parents[2] / "web" / "static" / "js"
VALUE = "3.5"
BEFORE = "A tool failed: tool breite: "  # the catalogue's sentence, and whose it is
AFTER = "Ein Werkzeug ist gescheitert: Werkzeug breite: "
# words of ours that are the same in German, and names that nobody translates
ALIKE = (
    "a alarm alone audit backup boot broker bucket camera circle classify client code credential"
    " difference disabled docs edge host import in inspection is json learned line low migrate mode"
    " name node object online openid party pip install programs proxy restore role sentry server"
    " signature so socket string system tag text thread ticket token topic trigger true type"
    " username width will wipe"
)

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None, reason="Node.js runs the modules outside a browser"
)


def spoken(language: str, messages: list[str]) -> list[list[tuple[str, bool]]]:
    """What a page shows of each message: pieces of text, and whether each is marked as English."""
    script = f"""
        import {{ readFileSync }} from "node:fs";
        const given = JSON.parse(readFileSync(0, "utf8"));
        const english = {{ classList: {{ add() {{}} }}, setAttribute() {{}} }};
        globalThis.Node = class {{}};
        globalThis.document = {{
          getElementById: () => ({{ textContent: JSON.stringify(given.page) }}),
          createElement: () => ({{ ...english, append(text) {{ this.text = text; }} }}),
        }};
        globalThis.fetch = async () => ({{ json: async () => given.catalogue }});
        Object.defineProperty(globalThis, "navigator", {{ value: {{ languages: [] }} }});
        const {{ spoken, translated }} = await import({json.dumps((JS / "told.js").as_uri())});
        console.log(JSON.stringify(given.messages.map((message) => {{
          const pieces = spoken(message).map((one) =>
            typeof one === "string" ? [one, false] : [one.text, true]);
          if (pieces.map(([text]) => text).join("") !== translated(message)) throw message;
          return pieces;
        }})));
    """
    words = None if language == "en" else "words.json"
    given = {
        "page": {"language": language, "words": words},
        "catalogue": catalogue(language),
        "messages": messages,
    }
    done = subprocess.run(
        ["node", "--input-type=module", "--no-warnings", "-e", script],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[list[tuple[str, bool]]] = json.loads(done.stdout)
    return found


def german(messages: list[str]) -> list[str]:
    """Each message in German, with what stayed English in ⟦ ⟧."""
    return [
        "".join(f"⟦{text}⟧" if foreign else text for text, foreign in pieces)
        for pieces in spoken("de", messages)
    ]


def test_every_sentence_that_the_source_can_say_is_whole_in_german_with_the_phrases_in_it() -> None:
    said = examples(VALUE)
    said = [text for text in said if " " in text]
    assert len(said) > 800
    found = dict(zip(said, german([BEFORE + text for text in said]), strict=True))
    assert {text: told for text, told in found.items() if "⟦" in told} == {}
    assert [told for told in found.values() if not told.startswith(AFTER)] == []
    left = {}
    english = english_words()
    for told in found.values():
        words = set(re.findall(r"(?<![\w./'`<-])[a-z]{2,}(?![\w./'`>=(-])", told))
        if words & english:
            left[told] = words & english
    assert left == {}


def english_words() -> set[str]:
    """Words of the English texts that no German one has."""
    words = catalogue("de")
    ours = {word for text in words for word in re.findall(r"\b[a-z]{2,}\b", text)}
    theirs = {word for text in words.values() for word in re.findall(r"\b[a-z]{2,}\b", text)}
    return ours - theirs - set(ALIKE.split())


def test_what_the_system_and_the_libraries_say_is_german_too() -> None:
    said = [re.sub(r"\{\w\}", VALUE, text) for text in foreign()]
    found = german([f"The camera failed: /dev/video0 cannot be opened: {text}" for text in said])
    assert [told for told in found if "⟦" in told] == []


def test_each_sentence_is_its_own_translation_and_not_that_of_one_like_it() -> None:
    words = catalogue("de")
    texts = [text for text in sayings() if not re.search(r"^\{a\}$|\{[a-h]\}\{", text)]
    put = {name: f"v{n}" for n, name in enumerate("abcdefgh")}

    def filled(text: str) -> str:
        return re.sub(r"\{([a-h])\}", lambda found: put[found[1]], text)

    assert german([filled(text) for text in texts]) == [filled(words[text]) for text in texts]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Nothing can be told apart here: tool width: no edge before the middle dark to light of"
            " at least 12 gray levels; 3 of the other polarity",
            "Werkzeug width: keine Kante dunkel-hell vor der Mitte von mindestens 12 Graustufen; 3"
            " der anderen Richtung",
        ),
        ("the part is sheared by 2.0%, 1.0% are allowed", "um 2,0% geschert, 1,0% sind erlaubt"),
        (
            "The camera failed: camera cam1: /dev/video0 cannot be opened: Permission denied",
            "Kamera cam1: /dev/video0 lässt sich nicht öffnen: Zugriff verweigert",
        ),
        (
            "A value is not allowed: broker.url: 'mqtt://a:b@x' is not allowed: user name and"
            " password do not belong in the url (from BROKER_URL)",
            "broker.url: 'mqtt://a:b@x' ist nicht erlaubt: Benutzername und Passwort gehören nicht"
            " in die URL (aus BROKER_URL)",
        ),
        (
            "The program cannot be used: tools.0.area.low: Input should be a valid number (got"
            " 'a: b; c'); tool b: low: give low, high or both",
            "tools.0.area.low: es muss eine Zahl sein (gegeben: 'a: b; c'); Werkzeug b: Minimum:"
            " Minimum, Maximum oder beide angeben",
        ),
        (
            "The program cannot be used: the archive is refused: it cannot be read (it is no zip)",
            "das Archiv wird abgelehnt: es ist nicht zu lesen (es ist kein ZIP)",
        ),
    ],
)
def test_values_with_colons_lists_and_brackets_stand_where_they_belong(
    message: str, expected: str
) -> None:
    [told] = german([message])
    assert expected in told


def test_what_a_model_refuses_is_german_as_it_comes() -> None:
    wrong: dict[str, Any] = {
        "schema": "program/1",
        "id": "a: b",
        "name": "",
        "limits_ms": -1,
        "judgement": 7,
        "tools": [{"kind": "area", "name": "label", "low": "x", "odd": 1}],
    }
    with pytest.raises(ValueError, match="odd") as caught:
        Program.model_validate(wrong)
    [told] = german([Problem("PROGRAM_INVALID", explain(caught.value)).message])
    assert "⟦" not in told
    assert told.startswith("Das Programm ist nicht verwendbar: ")


def test_what_nobody_knows_stays_as_it_came_and_is_marked_as_english() -> None:
    [pieces] = spoken("de", [BEFORE + "RuntimeError: something odd has happened: /dev/x"])
    assert pieces == [
        [AFTER + "RuntimeError: ", False],
        ["something odd has happened", True],
        [": /dev/x", False],
    ]
    message = BEFORE + "all pixels have one value"
    assert spoken("en", [message]) == [[[message, False]]]


def test_what_joins_a_phrase_to_the_rest_stays_before_it_where_the_words_change_places() -> None:
    message = "no edge light to dark of at least 12 gray levels; 3 of the other polarity"
    [pieces] = spoken("ja", [message])
    assert "".join(text for text, _ in pieces).endswith("; 逆向きは 3 本")
