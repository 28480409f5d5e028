"""The words of a page: forms for one and for more, run by Node.js outside a browser."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

WORDS = Path(__file__).parents[2] / "web" / "static" / "js" / "words.js"


def said(language: str, *asked: tuple[str, dict[str, Any]]) -> list[str]:
    """What t() of a page without a catalogue makes of each text and its values."""
    script = f"""
        globalThis.document = {{getElementById: () => ({{
          textContent: {json.dumps(json.dumps({"language": language}))}}})}};
        Object.defineProperty(globalThis, "navigator", {{value: {{languages: []}}}});
        const {{ t }} = await import({json.dumps(WORDS.as_uri())});
        console.log(JSON.stringify({json.dumps(asked)}.map(([text, values]) => t(text, values))));
    """
    command = ["node", "--input-type=module", "--no-warnings", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(
    shutil.which("node") is None, reason="Node.js runs the modules outside a browser"
)
def test_a_count_has_its_form_and_a_message_of_somebody_else_is_said_whole() -> None:
    parts = "{n} part | {n} parts"
    assert said(
        "de",
        (parts, {"n": 1}),
        (parts, {"n": "1"}),
        (parts, {"n": 0}),
        (parts, {"n": 2}),
        (parts, {"n": "1.000"}),
        ("program left | right is gone", {}),
    ) == ["1 part", "1 part", "0 parts", "2 parts", "1.000 parts", "program left | right is gone"]
