"""The ways in which an expression of the source can be said: followed backwards to the words in it.

Through names, through what a function is given by those who call it, through what it returns, and
through what an attribute or a table is given. It is no proof: what cannot be followed is a value.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from web.source_trees import Scope, ScopedNode, SourceTrees, name_of

PLACES = "abcdefgh"
DEEP = 30
MOST = 24  # ways to say one thing: more are values, not phrases
# other single words are names
ALONE = ("above", "below", "before", "after", "first", "last", "ahead", "back", "yet", "is")
# what these are given are names that people or the contract gave: nothing to translate
NAMES = frozenset(
    re.findall(
        r"\w+",
        """
    action cls code columns command expected field file folder host id key kind labels limit line
    name names node out package path pixels program program_id read ref request_id role rows self
    station station_id target template topic trigger_id unit url user username value version where
    whose
""",
    )
)
WHOSE = re.compile(r"^(?:(?:tool {}|program {}|station {}|{}|locator|[(]top[)]): )+")
CUT = ("removeprefix", "removesuffix", "strip", "rstrip", "lstrip", "capitalize", "lower", "plain")

Text = tuple["str | Slot", ...]


class Slot(NamedTuple):
    """What is put in between words, and the ways it can be said if it is not only a value."""

    ways: frozenset[Text]
    open: bool = False  # it may be something else too


OPAQUE: Text = (Slot(frozenset()),)


class Reader:
    """Follows expressions backwards to the words in them."""

    def __init__(self, sources: SourceTrees) -> None:
        self._sources = sources
        self._open: set[int] = set()
        self._known: dict[int, frozenset[Text]] = {}

    def ways(self, given: ScopedNode, deep: int = 0) -> frozenset[Text]:
        """Every way in which this can be said, as words and values."""
        key = id(given.value)
        if key in self._known:
            return self._known[key]
        if key in self._open or deep > DEEP:
            return frozenset([OPAQUE])
        self._open.add(key)
        try:
            ways = frozenset(self._read(given.value, given.scope, deep))
        finally:
            self._open.discard(key)
        if len(ways) > MOST:
            ways = frozenset([OPAQUE])
        self._known[key] = ways
        return ways

    def _read(self, value: ast.expr, scope: Scope, deep: int) -> Iterator[Text]:
        def of(each: ast.expr) -> frozenset[Text]:
            return self.ways(ScopedNode(each, scope), deep + 1)

        match value:
            case ast.Constant(value=str(text)):
                yield (text,)
            case ast.JoinedStr(values=parts):
                texts: list[str | Slot] = []
                for part in parts:
                    if isinstance(part, ast.Constant):
                        texts.append(str(part.value))
                    elif isinstance(part, ast.FormattedValue):
                        plain = part.format_spec is None and part.conversion == -1
                        texts.append(_value(of(part.value)) if plain else Slot(frozenset()))
                yield tuple(texts)
            case ast.IfExp(body=body, orelse=orelse):
                yield from (*of(body), *of(orelse))
            case ast.BoolOp(values=values):
                for each in values:
                    yield from of(each)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                for one in of(left):
                    for other in of(right):
                        yield (*one, *other)
            case ast.Subscript(value=ast.Dict(values=values)):
                for each in values:
                    yield from of(each)
            case ast.Subscript(value=ast.Name(id=name), slice=index) if not isinstance(
                index, ast.Slice
            ):
                yield from self._table(name, scope, deep)
            case ast.Subscript(value=whole):
                yield from of(whole)
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in NAMES:
                yield OPAQUE
            case ast.Name(id=name):
                for given in self._named(name, scope):
                    yield from self.ways(given, deep + 1)
            case ast.Attribute(value=_, attr=name):
                for given in self._sources.attributes[name]:
                    yield from self.ways(given, deep + 1)
            case ast.Call(func=function, args=arguments):
                yield from self._called(function, arguments, scope, deep)
            case ast.Starred(value=inner) | ast.NamedExpr(value=inner):
                yield from of(inner)
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                for each in elements:
                    yield from of(each)
            case ast.Dict(values=elements):
                for each in elements:
                    yield from of(each)
            case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
                yield from of(element)
            case ast.Constant():
                return
            case _:
                yield OPAQUE

    def _called(
        self, function: ast.expr, arguments: list[ast.expr], scope: Scope, deep: int
    ) -> Iterator[Text]:
        name = name_of(function)
        if name in CUT or name == "str":
            inside = function.value if isinstance(function, ast.Attribute) else arguments[0]
            yield from self.ways(ScopedNode(inside, scope), deep + 1)
        elif name == "get" and len(arguments) > 1 and isinstance(function, ast.Attribute):
            yield from self.ways(ScopedNode(arguments[1], scope), deep + 1)
            if isinstance(function.value, ast.Name):
                yield from self._table(function.value.id, scope, deep)
        elif name == "next":
            for each in arguments:
                yield from self.ways(ScopedNode(each, scope), deep + 1)
        elif name == "join" and arguments:
            for way in self.ways(ScopedNode(arguments[0], scope), deep + 1):
                yield (Slot(_spoken([way])),)
        else:
            functions = self._sources.functions.get(name, [])
            for made, where in functions if len(functions) <= 3 else ():
                within = where._replace(functions=(*where.functions, made))
                for node in _own(made):
                    if isinstance(node, ast.Return) and node.value is not None:
                        yield from self.ways(ScopedNode(node.value, within), deep + 1)
            if not functions or len(functions) > 3:
                yield OPAQUE

    def _table(self, name: str, scope: Scope, deep: int) -> Iterator[Text]:
        for given in self._named(name, scope):
            if isinstance(given.value, ast.Dict | ast.Tuple | ast.List):
                yield from self.ways(given, deep + 1)
            else:
                yield OPAQUE

    def _named(self, name: str, scope: Scope) -> list[ScopedNode]:
        """What a name is given, in the functions around, or in its file, or where it comes from."""
        for depth in range(len(scope.functions), 0, -1):
            made = scope.functions[depth - 1]
            within = scope._replace(functions=scope.functions[:depth])
            assigned = [ScopedNode(each, within) for each in _assigned(made, name)]
            names = [each.arg for each in (*made.args.posonlyargs, *made.args.args)]
            if name in names or name in [each.arg for each in made.args.kwonlyargs]:
                assigned += self._passed(made, name, names, within)
            if assigned:
                return assigned
        return self._sources.names.get((scope.path, name)) or self._sources.names[None, name]

    def _passed(
        self, made: ast.FunctionDef, name: str, names: list[str], within: Scope
    ) -> list[ScopedNode]:
        """What those who call a function give it."""
        called = within.of if made.name == "__init__" else made.name
        calls = self._sources.calls[called]
        if len(self._sources.functions[made.name]) > 3 and made.name != "__init__":
            calls = [each for each in calls if each[1].path == within.path]
        at = names.index(name) if name in names else None
        if names[:1] in (["self"], ["cls"]) and at is not None:
            at -= 1
        passed = []
        for call, scope in calls:
            if at is not None and at < len(call.args):
                passed.append(ScopedNode(call.args[at], scope))
            passed += [ScopedNode(each.value, scope) for each in call.keywords if each.arg == name]
        return passed


def _own(made: ast.FunctionDef) -> Iterator[ast.AST]:
    """What is in a function, without the functions in it."""
    waiting: list[ast.AST] = list(made.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _assigned(made: ast.FunctionDef, name: str) -> Iterator[ast.expr]:
    for node in _own(made):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield from _paired(target, value, name)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.NamedExpr(target=target, value=value)
                | ast.AugAssign(target=target, value=value)
            ):
                yield from _paired(target, value, name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=whose), attr="append"), args=args):
                if whose == name:
                    yield from args
            case (
                ast.For(target=target, iter=several)
                | ast.comprehension(target=target, iter=several)
            ):
                if isinstance(several, ast.Tuple | ast.List):
                    for each in several.elts:
                        yield from _paired(target, each, name)
                elif isinstance(several, ast.Call) and isinstance(target, ast.Tuple):  # zip
                    for one, each in zip(target.elts, several.args, strict=False):
                        if isinstance(each, ast.Tuple) and ast.unparse(one) == name:
                            yield from each.elts


def _paired(target: ast.expr, value: ast.expr, name: str) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for each, given in zip(target.elts, value.elts, strict=False):
            yield from _paired(each, given, name)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.IfExp):
        yield from _paired(target, value.body, name)
        yield from _paired(target, value.orelse, name)


def _spoken(ways: Iterable[Text]) -> frozenset[Text]:
    """The ways that have words of a language in them, not only values."""
    return frozenset(way for way in ways if words(way) or any(ways_of(each) for each in way))


def _value(ways: frozenset[Text]) -> Slot:
    """What is put in; an empty text is a way to say it too, if there are others."""
    spoken = frozenset(
        way
        for way in _spoken(ways)
        if any(ways_of(each) for each in way) or " " in written(way).strip() or way[0] in ALONE
    )
    empty = frozenset([way for way in ways if way == ("",)])
    return Slot(spoken | empty if spoken else spoken, len(ways) > len(spoken) + len(empty))


def ways_of(each: str | Slot) -> frozenset[Text]:
    return each.ways if isinstance(each, Slot) else frozenset()


def words(way: Text) -> list[str]:
    text = "".join(each if isinstance(each, str) else " 0 " for each in way)
    return re.findall(r"(?<![\w/.:<-])[A-Za-z]?[a-z]+(?![\w/:>-])", text)


def written(way: Text) -> str:
    """As a catalogue has it: with places, and without what joins it to what stands before, or says
    only whose it is."""
    text = "".join(each if isinstance(each, str) else "{}" for each in way)
    text = WHOSE.sub("", text.strip().removeprefix("; ")).removeprefix("; ").rstrip(":")
    text = text[1:-1] if re.fullmatch(r"\([^()]*\)", text) else text
    places = iter(PLACES)
    return re.sub(r"{}", lambda _: f"{{{next(places)}}}", text)
