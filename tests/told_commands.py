"""The commands that the pages tell people to type: their blocks, and where each is run.

A block is fenced as `sh`. Without a comment before it, tests/test_told_commands.py runs it. `<!--
box: REASON -->` before it: it needs a machine of its own, and `make box` runs it on one. `<!-- by
hand: REASON -->`: no test runs it; what it names has to exist.
"""

import re
from pathlib import Path
from typing import Literal, NamedTuple

from tests.rooms.installation.processes import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*/**/node-red/README.md")),
]
BLOCK = re.compile(
    r"(?:^<!-- (?P<where>box|by hand): (?P<reason>[^>]+?) -->\n)?"
    r"^```(?P<kind>\w+)\n(?P<text>.*?)^```",
    re.M | re.S,
)


class Block(NamedTuple):
    """Some commands of a page, in the order in which they appear there."""

    page: Path
    line: int
    where: Literal["sandbox", "box", "by hand"]
    reason: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Each command on one line, without the remark after it."""
        joined = self.text.replace("\\\n", " ")
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
        return [line for line in lines if line]


def blocks(page: Path) -> list[Block]:
    """The blocks of commands of a page."""
    text = page.read_text()
    found = []
    for match in BLOCK.finditer(text):
        if match["kind"] in ("sh", "console", "bash", "shell"):
            line = text.count("\n", 0, match.start("text"))
            found.append(
                Block(page, line, match["where"] or "sandbox", match["reason"] or "", match["text"])
            )
    return found
