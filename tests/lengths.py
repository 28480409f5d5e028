"""Long files say why they are one file: `python -m tests.lengths`, which `make check` runs.

Beyond 300 lines a file is read in parts. Either it is two things, and becomes two files, or its
head says in a sentence that begins with `One file: ` what holds it together.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST = 300
SAID = re.compile(r"^(?:// )?One file: \S", re.MULTILINE)
HEAD = re.compile(r'\A(?:#![^\n]*\n)?(?:"""(?s:.*?)"""|(?://[^\n]*\n)+)')


def unsaid(files: dict[str, str]) -> dict[str, int]:
    """Lines of each file that is long without saying why; by path, of path and text."""
    return {
        path: lines
        for path, text in files.items()
        if (lines := text.count("\n")) > MOST
        and not ((head := HEAD.match(text)) and SAID.search(head[0]))
    }


def main() -> int:
    """1 and the files, if there are any."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", "*.js", "*.mjs"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    files = {path: ROOT / path for path in listed if (ROOT / path).is_file()}
    found = unsaid({path: file.read_text(encoding="utf-8") for path, file in files.items()})
    for path, lines in sorted(found.items()):
        print(f"{path}: {lines} lines; split it, or let its head say what it is: One file: ...")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
