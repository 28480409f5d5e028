"""`teach`: learn from folders of pictures what a tool or the locator compares with; stored as a new
version of the program."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.cli import addressee, show
from deploy.cli.programs import audited, author, either
from schemas import Problem, StoredProgram
from schemas.program import as_program
from schemas.store.programs import Programs, model_name

if TYPE_CHECKING:
    from node.teach.lesson import Picture

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
MAX_PICTURE_BYTES = 64 * 1024 * 1024


def teach(args: argparse.Namespace) -> int:
    """Teach one tool. Raises Problem, which names the picture and what is wrong with it."""
    from node.program import load, load_stored
    from node.teach.lesson import Lesson
    from node.teach.lesson import teach as learn

    classes = (
        {folder.name: pictures(folder) for folder in _folders(args.classes)} if args.classes else {}
    )
    lesson = Lesson(pictures(args.good), pictures(args.bad), classes, frozenset(args.confirm))
    state = Path(addressee.loaded(args).settings.state_dir)
    with addressee.owner(state):
        store = Programs(state / "programs")
        stored = store.get(args.program)
        master = store.master(stored.program)
        loaded = load_stored(stored, store)
    model = _model(store, stored, args.tool) if args.add else None
    with _progress() as progress:
        outcome = learn(loaded, args.tool, lesson, model, progress, master)
    name = model_name(outcome.model)
    document = stored.program.document()
    tool = next(
        (tool for tool in document["tools"] if tool["name"] == args.tool), document["locator"]
    )
    tool["model"] = name
    program = as_program(document)
    with addressee.owner(state):
        files = {name: outcome.model}
        load(
            program,
            stored.version,
            program.hash,
            store.master(program),
            partial(either, files, store),
        )
        note = f"taught {args.tool} from {lesson.count} pictures{_in_short(outcome.facts)}"
        audited(
            state,
            "program.teach",
            program.id,
            tool=args.tool,
            pictures=lesson.count,
            version=stored.version,
        )
        after = store.save(
            program, None, author(), note, expect_version=stored.version, files=files
        )
    facts = {
        "program": after.program.id,
        "version": after.version,
        "tool": args.tool,
        "model": name,
        **outcome.facts,
    }
    if args.json:
        show.document({**facts, "check": list(outcome.check)})
        return 0
    print(f"{after.program.id} version {after.version}: {note}")
    show.table(
        ("what", "value"),
        ((key.replace("_", " "), _told(value)) for key, value in outcome.facts.items()),
    )
    if outcome.check:
        print(
            "look at these again, they are unlike the other good pictures:"
            f" {', '.join(outcome.check)}"
        )
    if outcome.check and args.tool in {tool.name for tool in program.tools}:
        print(
            "they were left out; if one is good, teach it with --add --confirm NAME, or all again"
            " with --confirm NAME"
        )
    return 0


def _in_short(facts: dict[str, Any]) -> str:
    """What people should see beside the version: what it promises, what it would catch, and what it
    does not know."""
    if "one_in" in facts:
        caught = f"{facts['drawn_found']} of {facts['drawn']} drawn faults caught"
        least = facts["one_in"]
        return (
            f": {f'at most 1 good part in {least} rejected' if least > 1 else 'nothing promised'},"
            f" {caught}"
        )
    if "dropped" in facts:
        return f": {facts['dropped']} of {facts['points']} points left out"
    return f"; too few of a class: {facts['too_few']}"[:200] if "too_few" in facts else ""


def _model(store: Programs, stored: StoredProgram, tool: str) -> bytes | None:
    named = (getattr(each, "model", None) for each in stored.program.tools if each.name == tool)
    name = next(named, None)
    if name is None:
        raise Problem("NOT_TAUGHT", f"tool {tool:.40}: there is nothing to add to, leave out --add")
    return store.file(name)


def _folders(path: Path) -> list[Path]:
    _must_be(path)
    return sorted(
        each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")
    )


def pictures(path: Path | None) -> "list[Picture]":
    """The pictures of a folder, or one picture, by name. Raises Problem PICTURES_UNFIT."""
    from node.teach.lesson import Picture

    if path is None:
        return []
    if path.is_file():
        return [Picture(path.name, partial(_content, path))]
    _must_be(path)
    files = sorted(
        each for each in path.iterdir() if each.suffix.lower() in ENDINGS and each.is_file()
    )
    if not files:
        raise Problem("PICTURES_UNFIT", f"{path}: no pictures ({', '.join(sorted(ENDINGS))})")
    return [Picture(str(each.relative_to(path.parent)), partial(_content, each)) for each in files]


def _must_be(path: Path) -> None:
    if not path.is_dir():
        raise Problem("PICTURES_UNFIT", f"{path}: no such folder")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PICTURE_BYTES)
    except OSError as error:
        raise Problem("IMAGE_INVALID", error.strerror or str(error)) from error


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("teaching", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    if isinstance(value, list):
        return ("; " if any(isinstance(each, str) for each in value) else " to ").join(
            map(str, value)
        )
    return str(value)
