"""`program`: manage the programs in the state folder. A program is stored only if it can really be
loaded.

One file: one function for each verb of `program`, and what they say in the same words.
"""

import argparse
import contextlib
import getpass
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from deploy.cli import addressee, show
from deploy.cli.users import who
from schemas import Problem, Settings, StoredProgram
from schemas.base import plain
from schemas.program import check_limits
from schemas.store.accounts import Accounts
from schemas.store.accounts.vouching import Vouching
from schemas.store.history.rows import History
from schemas.store.programs import MAX_MASTER_BYTES, Head, Import, Programs, read_import
from schemas.store.programs.signature import REFUSALS

T = TypeVar("T")
CHANGING = {
    f"deploy.cli.programs:{name}": f"program.{name.strip('_')}"
    for name in ("import_", "rollback", "delete")
}


def list_(args: argparse.Namespace) -> int:
    """The newest version of each."""
    return _with_store(args, lambda store, _: _list(store, args))


def _list(store: Programs, args: argparse.Namespace) -> int:
    listed = store.list()
    if args.json:
        show.document([head._asdict() for head in listed])
    else:
        columns = "id", "name", "version", "tools", "saved", "by", "note"
        show.table(columns, ((h.id, h.name, h.version, h.tools, *_saved(h)) for h in listed))
    return 0


def show_(args: argparse.Namespace) -> int:
    """One version with its tools."""
    return _with_store(args, lambda store, _: _show(store, args))


def _show(store: Programs, args: argparse.Namespace) -> int:
    stored = store.get(args.id, args.version)
    versions = store.versions(args.id)
    if args.json:
        show.document(
            {
                **stored.model_dump(mode="json", by_alias=True),
                "versions": [_facts(each) for each in versions],
            }
        )
        return 0
    program = stored.program
    print(f"{program.id}  {plain(program.name, 128)}  version {stored.version}  {stored.hash}")
    print(
        f"judgement: {program.judgement}   limits_ms: {program.limits_ms}   master:"
        f" {program.master or 'none'}"
    )
    if program.locator is not None:
        print(f"locator: {_region(program.locator)}  low {show.number(program.locator.low)}")
    show.table(
        ("tool", "kind", "low", "high", "unit", "region"),
        (
            (t.name, t.kind, show.number(t.low), show.number(t.high), t.unit, _region(t))
            for t in program.tools
        ),
    )
    print()
    show.table(
        ("version", "saved", "by", "note"), ((each.version, *_saved(each)) for each in versions)
    )
    return 0


def import_(args: argparse.Namespace) -> int:
    """All files are checked before the first is stored. Raises Problem, which names the file, the
    tool and the field.

    A master is stored as we encode it, whatever was given: the confined child decodes it first.
    """
    from node.pictures.sandbox import Decoder
    from node.pictures.writer import exact
    from node.program import load

    def take(store: Programs, given: list[tuple[Path, Import]]) -> int:
        used = _used(settings)
        for path, (program, master, files, _) in _progress(given, "checking"):
            with _about(path):
                if program.id in used:
                    check_limits(program)
                picture = store.master(program) if master is None else master
                load(program, 1, program.hash, picture, partial(either, files, store))
        stored = []
        for path, (program, master, files, signer) in given:
            note = f"import of {path.name[:80]}" + (f", signed by {signer}" if signer else "")
            with _about(path):
                stored.append(
                    (store.save(program, master, author(), note[:200], files=files), signer)
                )
        if args.json:
            show.document(
                [
                    {**_facts(each), "signed_by": signer and signer._asdict()}
                    for each, signer in stored
                ]
            )
        else:
            for each, signer in stored:
                print(
                    f"{each.program.id} version"
                    f" {each.version}{f', signed by {signer}' if signer else ''}"
                )
        return 0

    given = []
    settings = addressee.loaded(args).settings
    with contextlib.closing(Decoder()) as decoder:
        for path in args.files:  # read as the one who asks, stored as the owner of the state folder
            with _about(path):
                try:
                    imported = read_import(path, settings.programs)
                except Problem as problem:
                    if problem.code in REFUSALS:
                        with addressee.owner(Path(settings.state_dir)):
                            audited(
                                Path(settings.state_dir),
                                "program.import.failed",
                                path.name,
                                code=problem.code,
                            )
                    raise
                if imported.master is not None:
                    imported = imported._replace(
                        master=exact(decoder.decode(imported.master), MAX_MASTER_BYTES)
                    )
                given.append((path, imported))
    signers = {path.name: str(imported.signer) for path, imported in given if imported.signer}
    return _with_store(
        args, lambda store, _: take(store, given), **({"signed_by": signers} if signers else {})
    )


def export(args: argparse.Namespace) -> int:
    """Write a bundle to a file; an existing file is replaced only if it was named."""

    def read(store: Programs, settings: Settings) -> tuple[int, bytes]:
        version = store.get(args.id, args.version).version
        return version, store.export(args.id, version, settings.programs)

    version, data = _with_store(args, read)
    if args.output == "-":
        sys.stdout.buffer.write(data)
        return 0
    path = Path(args.output or f"{args.id}-v{version}.zip")
    try:
        with path.open("wb" if args.output else "xb") as file:
            file.write(data)
    except OSError as error:
        raise Problem("STORE_FAILED", f"{path}: {error.strerror or error}") from error
    if args.json:
        show.document({"id": args.id, "version": version, "file": str(path), "bytes": len(data)})
    else:
        print(path)
    return 0


def activate(args: argparse.Namespace) -> int:
    """Done by the node if one runs, else in the ledger that it will read. Raises Problem."""
    settings = addressee.loaded(args).settings
    if args.station not in (station.id for station in settings.station):
        raise Problem(
            "STATION_NOT_FOUND",
            f"{args.station}; there are {', '.join(s.id for s in settings.station)}",
        )
    by = "ledger"
    try:
        data = _remember(Path(settings.state_dir), args.station, args.id)
    except Problem as problem:
        if problem.code != "STATE_LOCKED":
            raise
        from broker.client import Client

        by = "node"
        with addressee.owner(Path(settings.state_dir)):
            audited(
                Path(settings.state_dir), "station.select_program", args.station, program=args.id
            )
            vouched = Vouching(Path(settings.state_dir)).id("select_program")
        with Client(settings.asking, settings.node_id) as client:
            asked = {"request_id": vouched, "station": args.station, "program": args.id}
            reply = client.request("select_program", asked, args.timeout)
        if not reply.ok:
            fault = (
                f"{reply.error.code}: {reply.error.message}" if reply.error else "the node refuses"
            )
            show.note(f"inspection-node: {fault}")
            return 1
        data = reply.data or {}
    if args.json:
        show.document({"station": args.station, **data, "by": by})
    else:
        how = "from its next start on" if by == "ledger" else "from its next part on"
        print(f"{args.station} uses {args.id} version {data.get('program_version')} {how}")
    return 0


def _remember(state: Path, station: str, program_id: str) -> dict[str, Any]:
    """Write to the ledger while no node can start. Raises Problem STATE_LOCKED if one runs."""
    from node.program import load_stored
    from node.state_lock import lock_state
    from schemas.store.ledger import Ledger

    with addressee.owner(state):
        lock = lock_state(state)
        try:
            store = Programs(state / "programs")
            stored = store.get(program_id)
            check_limits(stored.program)
            load_stored(stored, store)
            audited(state, "station.select_program", station, program=program_id)
            ledger = Ledger(state / "ledger.db")
            try:
                ledger.remember(station, program=program_id)
            finally:
                ledger.close()
        finally:
            os.close(lock)
    return {"program": program_id, "program_version": stored.version, "program_hash": stored.hash}


def _used(settings: Settings) -> set[str]:
    """The programs that stations use, as the ledger remembers, else as the settings say. Their next
    version is used for inspection at once."""
    used = {station.id: station.program for station in settings.station}
    ledger = Path(settings.state_dir) / "ledger.db"
    if ledger.exists():
        history = History(ledger)
        with contextlib.closing(history.ledger):
            used |= history.active()
    return {program for program in used.values() if program}


def rollback(args: argparse.Namespace) -> int:
    """The old version is loaded first, so that what this release cannot run does not become the
    newest."""
    from node.program import load_stored

    def again(store: Programs, settings: Settings) -> StoredProgram:
        old = store.get(args.id, args.version)
        if args.id in _used(settings):
            check_limits(old.program)
        load_stored(old, store)
        return store.rollback(args.id, args.version, author())

    stored = _with_store(args, again)
    if args.json:
        show.document(_facts(stored))
    else:
        print(f"{stored.program.id} version {stored.version}, the same as version {args.version}")
    return 0


def diff(args: argparse.Namespace) -> int:
    """What changed, field by field; tools by name."""
    changes = _with_store(args, lambda store, _: store.diff(args.id, args.a, args.b))
    if args.json:
        show.document([change._asdict() for change in changes])
    elif changes:
        show.table(("field", f"version {args.a}", f"version {args.b}"), changes)
    else:
        print("no difference")
    return 0


def delete(args: argparse.Namespace) -> int:
    """The versions stay readable."""

    def gone(store: Programs, _: Settings) -> int:
        version = store.get(args.id).version
        store.delete(args.id, version)
        return version

    version = _with_store(args, gone)
    if args.json:
        show.document({"id": args.id, "version": version, "deleted": True})
    else:
        print(f"{args.id} is deleted; `program rollback {args.id} {version}` brings it back")
    return 0


def _with_store(
    args: argparse.Namespace, work: Callable[[Programs, Settings], T], **details: Any
) -> T:
    settings = addressee.loaded(args).settings
    state = Path(settings.state_dir)
    with addressee.owner(state):
        store = Programs(state / "programs")
        if (action := CHANGING.get(getattr(args, "action", ""))) is not None:
            audited(
                state,
                action,
                getattr(args, "id", None) or ", ".join(path.name for path in args.files),
                **details,
            )
        answer = work(store, settings)
        if store.problem is not None:
            show.note(f"inspection-node: {store.problem.code}: {store.problem.message}")
        return answer


def audit_head(state: Path) -> dict[str, Any] | None:
    """How many rows the audit of a state folder has, and the hash of the last one; None if it has
    no readable audit."""
    if not (state / "accounts.db").exists():
        return None
    with (
        contextlib.closing(Accounts(state / "accounts.db")) as accounts,
        contextlib.suppress(Problem),
    ):
        for row in accounts.audit(None, 1, None, None):
            return {"rows": row.id, "hash": row.hash.hex()}
    return None


def audited(state: Path, action: str, about: str = "", **details: Any) -> None:
    """Write down what is about to be done here, before it is done, as in the web. Raises Problem
    STORE_FAILED."""
    with contextlib.closing(Accounts(state / "accounts.db")) as accounts:
        accounts.record(action=action, target=about[:200], details=details, **who())


@contextlib.contextmanager
def _about(path: Path) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        rest = problem.message.partition(": ")[2]  # what comes before is the code's own message
        raise Problem(problem.code, f"{path}: {rest}" if rest else str(path)) from problem


def _progress(items: list[T], what: str) -> Iterable[T]:
    """The items, with a progress bar on a terminal and none in a pipe."""
    if len(items) < 2 or not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, what, console=Console(stderr=True), transient=True)


def _facts(stored: StoredProgram) -> dict[str, Any]:
    program = stored.program
    version = stored.model_dump(mode="json", exclude={"program"})
    return {"id": program.id, "name": program.name, **version, "tools": len(program.tools)}


def _saved(stored: StoredProgram | Head) -> tuple[str, str, str]:
    return stored.saved_at, stored.saved_by, stored.note


def _region(of: Any) -> str | None:
    region = getattr(of, "region", None)
    if region is None:  # a tool over other tools
        return None
    return " ".join(
        f"{key}={show.number(value)}"
        for key, value in region.model_dump(exclude_none=True).items()
        if value != 0
    )


def either(files: Mapping[str, bytes], store: Programs, name: str) -> bytes:
    """A model by name, given or stored. Raises Problem MODEL_NOT_FOUND, STORE_CORRUPT."""
    return files[name] if name in files else store.file(name)


def author() -> str:
    """Who saves, for the list of versions."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "command line"
