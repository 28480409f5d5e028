"""What an object is made with, it gets by its constructor: `python -m tests.wiring`, which `make
check` runs.

An attribute that a class sets in its `__init__` is changed by that class, or by others of its file.
Another file calls a method, whose name says what has happened. Fields of a dataclass are a record's
content, which is there to be filled in.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("schemas", "broker", "node", "web", "deploy")
OF_FLASK = ("g", "this")  # what belongs to one request


def from_outside(files: dict[str, str]) -> list[str]:
    """Each `path:line: assignment` to an attribute that a class of another file sets in its
    `__init__`; by path, of path and text."""
    trees = {path: ast.parse(text) for path, text in files.items()}
    records: set[str] = set()
    owners: dict[str, set[str]] = {}
    for path, tree in trees.items():
        for node in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            records |= {
                each.target.id
                for each in node.body
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
            }
            for made in node.body:
                if isinstance(made, ast.FunctionDef) and made.name == "__init__":
                    for target in _assigned(made):
                        if _owner(target) == "self":
                            owners.setdefault(target.attr, set()).add(path)
    return [
        f"{path}:{target.lineno}: {ast.unparse(target)}"
        for path, tree in trees.items()
        for target in _assigned(tree)
        if _owner(target) not in ("self", "cls", *OF_FLASK)
        and target.attr not in records
        and path not in owners.get(target.attr, {path})
    ]


def _assigned(tree: ast.AST) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node


def _owner(target: ast.Attribute) -> str:
    return target.value.id if isinstance(target.value, ast.Name) else ""


def main() -> int:
    """1 and the assignments, if there are any."""
    paths = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    files = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    found = from_outside(files)
    for line in sorted(found):
        print(f"{line} is assigned from outside: give it to the constructor, or call a method")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
