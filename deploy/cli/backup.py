"""`backup`: the state of a node as one file, made while node and web go on.

Databases are copied by SQLite in one read transaction each. Everything else in the state folder is
either replaced whole (programs, accounts, small documents) or never changed once it is there
(masters, models, pictures), so it can be read as it is. Documents are read after the ledger and
before the files that they name, so a backup never names what it does not hold.

The line comes first: while a node runs, all of it is done a little at a time (deploy.cli.pace).

Secrets are not in it: settings files hold none, and credentials and environment are not read.
Password hashes and second factors are: the file can be read only by its owner, and should be
guarded like the node itself.
"""

import argparse
import re
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Literal

from deploy.cli import addressee, archive, sending, show
from deploy.cli.archive import Manifest, Writer
from deploy.cli.pace import beside
from deploy.cli.programs import audited
from schemas import Problem, utc
from schemas.settings.load import Loaded
from schemas.settings.override import secrets
from schemas.store import copies
from schemas.store.disk import failed

DATABASES = ("ledger.db", "accounts.db")
DOCUMENTS = ("programs/programs.json", "users/users.json")
# of a running node; worth nothing to the next one
PASSING = ("lock", "alive", "alive.control", "shown", "small", "backups")
# what a backup without people is made of: nothing that opens an account, here or elsewhere
WITHOUT_PEOPLE = ("programs", "ledger.stamp")
BESIDE = re.compile(r".*(-wal|-shm|-journal|\.lock|\.new|\.part|\.corrupt-.*|\.before-.*)")
Kept = Literal["none", "ng", "all"]


def backup(args: argparse.Namespace) -> int:
    """Make one archive, and remove those of this node that are older than --keep-days. Raises
    Problem STORE_FAILED."""
    loaded = addressee.loaded(args)
    settings = loaded.settings
    folder: Path = args.output
    path = folder
    if folder.is_dir():
        path = folder / sending.name(settings.node_id, utc())
    try:
        with addressee.owner(Path(settings.state_dir)):
            audited(Path(settings.state_dir), "state.backup", path.name, pictures=args.pictures)
    except Problem as problem:  # a full disk is one more reason for a backup
        show.note(f"inspection-node: this backup is not in the audit: {problem.message}")
    try:
        manifest = make(loaded, path, args.pictures)
        gone = (
            prune(path.parent, settings.node_id, args.keep_days)
            if folder.is_dir() and args.keep_days
            else []
        )
    except OSError as error:
        raise failed(str(path), error) from error
    facts: dict[str, Any] = {
        "file": str(path),
        "bytes": path.stat().st_size,
        "files": len(manifest.files),
        "pictures": args.pictures,
        "removed": [old.name for old in gone],
    }
    lost: Problem | None = None
    if settings.exports.backups.target is not None:
        try:
            facts["sent"], facts["removed_there"] = sending.send(settings, path)
        except Problem as problem:  # it is here, and the node's alarm says that it is nowhere else
            lost, facts["sent"] = problem, None
    if args.json:
        show.document(facts)
    else:
        print(
            f"{path}: {facts['files']} files, {path.stat().st_size / 1e6:.1f} MB; old backups"
            f" removed: {len(gone)}"
        )
        if "removed_there" in facts:
            print(f"sent; old backups removed there: {len(facts['removed_there'])}")
    if lost is not None:
        raise lost
    return 0


def make(
    loaded: Loaded,
    path: Path,
    pictures: Kept,
    *,
    people: bool = True,
    room: Callable[[], None] = lambda: None,
) -> Manifest:
    """Write the archive of a node. Raises OSError, Problem STORE_FAILED, STORE_CORRUPT, and what
    `room` raises.

    people: whether accounts, second factors, sessions, audit and its key are in it. room: is called
    again and again while something is written, and raises where there is no room for more.
    """
    settings = loaded.settings
    state = Path(settings.state_dir)
    at = utc()
    versions: dict[str, int] = {}

    def go_on() -> None:
        room()
        pause()

    with beside(state) as pause, archive.writing(path, go_on) as writer:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as scratch:
            for name in DATABASES if people else DATABASES[:1]:
                if (state / name).exists():
                    taken = Path(scratch) / name
                    copies.copy(state / name, taken, go_on)
                    versions[f"state/{name}"] = copies.version(taken, pause)
                    writer.add(f"state/{name}", taken)
            ledger = Path(scratch) / "ledger.db"
            bad = copies.without_ok(ledger) if pictures == "ng" and ledger.exists() else None
        _add(writer, state, (state / name for name in (DOCUMENTS if people else DOCUMENTS[:1])))
        _add(writer, state, _rest(state, people))
        if pictures != "none":
            _add(writer, state, _pictures(state / "pictures", bad))
        if not _has_secrets(loaded):
            writer.add("settings/node.toml", loaded.path)
        manifest = Manifest(
            node=settings.node_id,
            version=package_version("inspection-node"),
            at=at,
            pictures=pictures,
            databases=versions,
            files=tuple(writer.files),
        )
        writer.finish(manifest)
    return manifest


def prune(folder: Path, node: str, keep_days: int) -> list[Path]:
    """Remove this node's backups in a folder that are older than the newest one by more than
    `keep_days`; which they were.

    Age is judged against the newest backup, not the calendar: a clock that jumps removes nothing
    that has no successor.
    """
    ours = (path for path in folder.iterdir() if sending.is_of(node, path.name))
    by_age = sorted(ours, key=lambda path: path.stat().st_mtime)
    if not by_age:
        return []
    oldest_kept = by_age[-1].stat().st_mtime - keep_days * 86400
    gone = [path for path in by_age[:-1] if path.stat().st_mtime < oldest_kept]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def _add(writer: Writer, state: Path, paths: Iterator[Path]) -> None:
    known = {member.name for member in writer.files}
    for path in paths:
        name = f"state/{path.relative_to(state).as_posix()}"
        if name not in known:
            writer.add(name, path)


def _rest(state: Path, people: bool) -> Iterator[Path]:
    """All files but databases, pictures of parts, what exists only for a moment, and what is not a
    plain file; without people, those that are known to hold nothing about them."""
    for path in sorted(state.rglob("*")):
        within = path.relative_to(state)
        skipped = within.parts[0] in (*PASSING, *DATABASES, "pictures") or any(
            map(BESIDE.fullmatch, within.parts)
        )
        skipped = skipped or not (people or within.parts[0] in WITHOUT_PEOPLE)
        if not skipped and path.is_file() and not path.is_symlink():
            yield path


def _pictures(folder: Path, only: set[str] | None) -> Iterator[Path]:
    for path in sorted(folder.glob("*/*")):
        if (
            path.parent.name != "tmp"
            and path.is_file()
            and (only is None or path.name.partition(".")[0] in only)
        ):
            yield path


def _has_secrets(loaded: Loaded) -> bool:
    """Whether the settings file itself gives a secret, which only development allows: then it stays
    out."""
    files = {".".join(key) for key in secrets()}
    return any(source == "file" and key in files for key, source in loaded.sources.items())
