"""Takes a kind of tool out of the source tree: `python -m deploy.cli.remove_tool NAME`.

It deletes its files and whatever was generated from them. It imports nothing of this project: once
a file that a table names is gone, nothing here can be imported any more.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"[a-z][a-z0-9_]*")
TABLE = "schemas/tools/__init__.py"
MISSED = "tests/gallery/missed.json"
BY_HAND = (
    "By hand: the cases in tests and docs that name {name}, if you wrote any, and CHANGELOG.md."
)


def without(table: str, name: str) -> str:
    """The table of all kinds without those of a module; as it was if it does not name it."""
    for kind_class in re.findall(rf"^from schemas\.tools\.{name} import (\w+)\n", table, re.M):
        table = re.sub(rf"^from schemas\.tools\.{name} import \w+\n", "", table, flags=re.M)
        table = re.sub(rf'^    "{kind_class}",\n', "", table, flags=re.M)
        # the first of the union has no bar before it
        table = re.sub(rf"^    {kind_class}\n    \| ", "    ", table, flags=re.M)
        table = re.sub(rf"\n    \| {kind_class}\b", "", table)
    return re.sub(rf'^    "\w+": "{name}",\n', "", table, flags=re.M)


def remove(name: str, root: Path = ROOT) -> int:
    """Delete and generate; the exit code of what was run last. 1 if there is no such tool."""
    table = root / TABLE
    before = table.read_text(encoding="utf-8")
    after = without(before, name) if NAME.fullmatch(name) else before
    if after == before:
        print(f"{TABLE} names no module {name}", file=sys.stderr)
        return 1
    print(f"in {root}:")
    for path in (
        f"schemas/tools/{name}.py",
        f"node/tools/{name}.py",
        f"tests/node/tools/test_{name}.py",
        f"docs/pictures/{name}.webp",
    ):
        if (root / path).exists():
            (root / path).unlink()
            print(f"removed: {path}")
    table.write_text(after, encoding="utf-8")
    missed = root / MISSED
    if missed.is_file():
        rows = json.loads(missed.read_text(encoding="utf-8"))
        rows.pop(name, None)
        missed.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    again = [["schemas.generate"]]
    if (root / "web" / "vocabulary.py").is_file():
        again.append(["web.vocabulary", "--drop"])
    for module in again:
        made = subprocess.run(
            [sys.executable, "-m", *module],
            cwd=root,
            env={**os.environ, "TOOLS_OF_OTHERS": "off"},
            check=False,
        )
        if made.returncode != 0:
            return made.returncode
    print(BY_HAND.format(name=name))
    return 0


def main(arguments: list[str]) -> int:
    """The exit code; 64 for a call that it does not understand."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print("usage: python -m deploy.cli.remove_tool NAME", file=sys.stderr)
        return 64
    return remove(arguments[0])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
