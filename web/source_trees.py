"""The syntax trees of the source: who defines, calls and sets what, by bare name."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# what is given to these is for nobody who reads a page
SILENT = frozenset(  # a log first
    {"debug", "info", "warning", "error", "critical", "exception", "Field", "Thread", "compile"}
    | {"removeprefix", "split"}
)


class Scope(NamedTuple):
    """Where an expression stands: its file, and the functions around it, the nearest last."""

    path: Path
    functions: tuple[ast.FunctionDef, ...]
    of: str  # the class around them


class ScopedNode(NamedTuple):
    """An expression, and where it stands."""

    value: ast.expr
    scope: Scope


class SourceTrees:
    """The syntax trees of some folders: who defines, calls and sets what, by bare name."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.functions: dict[str, list[tuple[ast.FunctionDef, Scope]]] = defaultdict(list)
        self.calls: dict[str, list[tuple[ast.Call, Scope]]] = defaultdict(list)
        self.attributes: dict[str, list[ScopedNode]] = defaultdict(list)
        self.names: dict[tuple[Path | None, str], list[ScopedNode]] = defaultdict(list)
        self.texts: dict[Path, list[ScopedNode]] = defaultdict(list)
        self.members: dict[str, list[str]] = {}
        for path in paths:
            self._walk(ast.parse(path.read_text(encoding="utf-8")), Scope(path, (), ""))
        for name, fields in self.members.items():
            for call, scope in self.calls[name]:
                for field, value in zip(fields, call.args, strict=False):
                    self.attributes[field].append(ScopedNode(value, scope))
                for each in call.keywords:
                    if each.arg is not None:
                        self.attributes[each.arg].append(ScopedNode(each.value, scope))

    def _walk(self, tree: ast.AST, scope: Scope) -> None:
        for node in ast.iter_child_nodes(tree):
            within = scope
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name].append((node, scope))
                within = scope._replace(functions=(*scope.functions, node))
            elif isinstance(node, ast.ClassDef):
                self.members[node.name] = [
                    each.target.id
                    for each in node.body
                    if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
                ]
                within = scope._replace(of=node.name)
            elif isinstance(node, ast.Call):
                name = name_of(node.func)
                self.calls[name].append((node, scope))
                if name in SILENT:
                    continue
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Attribute):
                        self.attributes[target.attr].append(ScopedNode(node.value, scope))
                    elif isinstance(target, ast.Name) and not scope.functions:
                        self.names[scope.path, target.id].append(ScopedNode(node.value, scope))
                        self.names[None, target.id].append(ScopedNode(node.value, scope))
            elif isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str)
            ):
                self.texts[scope.path].append(ScopedNode(node, scope))
                continue
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                self._walk(node, within)


def name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""
