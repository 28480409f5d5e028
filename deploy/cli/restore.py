"""`restore`: a state folder from a backup, whole or not at all; `migrate`: the stores brought to
this version.

Everything is written beside the state folder and looked at as the node will look at it: checksums,
every page of every database, versions, every program and account. Only then do the folders change
places, in one step (renameat2(2)) where the file system can, and the old one stays beside as
`STATE.before-TIME`.
"""

import argparse
import ctypes
import errno
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from deploy.cli import addressee, archive, show
from deploy.cli.archive import Manifest
from deploy.cli.programs import audit_head, audited
from deploy.cli.users import who
from schemas import Problem, utc
from schemas.store import copies
from schemas.store.accounts import Accounts
from schemas.store.disk import failed, private_mode
from schemas.store.programs import Programs
from schemas.store.state import held
from schemas.store.users import Users

AT_FDCWD = -100
RENAME_EXCHANGE = 2
STAMP = "ledger.stamp"
PAUSE_S = 0.05
_LIBC = ctypes.CDLL(None, use_errno=True)


def restore(args: argparse.Namespace) -> int:
    """Replace the state folder by that of a backup. Raises Problem BACKUP_INVALID, STATE_LOCKED,
    STORE_FAILED, STORE_NEWER."""
    settings = addressee.loaded(args).settings
    state = Path(settings.state_dir)
    if not args.file.is_file():
        raise Problem("BACKUP_INVALID", f"{args.file} is not a file")
    with alone(state):
        try:
            with tempfile.TemporaryDirectory(
                prefix=f".{state.name}.restoring-", dir=state.parent
            ) as scratch:
                manifest = archive.extract(args.file, Path(scratch))
                new = Path(scratch) / "state"
                if manifest.node != settings.node_id and not args.other_node:
                    raise Problem(
                        "BACKUP_INVALID",
                        f"it is of node {manifest.node}: give --other-node to take it all the same",
                    )
                counted = _look(new, manifest)
                _carry_over(state, new)
                _write_down(state, new, args.file, manifest)
                _own(state, new)
                os.sync()
                old = _swap(state, new)
        except OSError as error:
            raise failed(str(error.filename or state), error) from error
    facts = {
        "node": manifest.node,
        "made_at": manifest.at,
        "files": len(manifest.files),
        **counted,
        "before": str(old),
    }
    if args.json:
        show.document(facts)
    else:
        print(
            f"{state} is as it was at {manifest.at}: {counted['programs']} programs,"
            f" {counted['accounts']} accounts"
        )
        print(f"what was there before is kept as {old}")
    return 0


def migrate(args: argparse.Namespace) -> int:
    """Bring the stores to this version while nothing else uses them; it waits for that as long as
    it is told, but not for an update that was cut off and whose old version still runs. Raises
    Problem STATE_LOCKED, STORE_NEWER, STORE_FAILED."""
    from schemas.store.accounts import Accounts
    from schemas.store.ledger import Ledger

    settings = addressee.loaded(args).settings
    state = Path(settings.state_dir)
    rows: list[dict[str, Any]] = []
    with addressee.owner(state), ExitStack() as stack:
        until = time.monotonic() + args.wait
        while True:
            _wanted(args.of)
            try:
                stack.enter_context(alone(state))
                break
            except Problem as problem:
                if problem.code != "STATE_LOCKED" or time.monotonic() >= until:
                    raise
            time.sleep(PAUSE_S)
        _wanted(args.of)
        for name in ("ledger.db", "accounts.db"):
            path = state / name
            before = copies.version(path) if path.exists() else 0
            if name == "ledger.db":
                Ledger(path).close()
            else:
                accounts = Accounts(path)
                accounts.sessions()  # it is opened, and migrated, when it is first asked
                accounts.close()
                audited(
                    state,
                    "state.migrate",
                    before={**{row["store"]: row["before"] for row in rows}, name: before},
                )
            rows.append(
                {
                    "store": name,
                    "before": before,
                    "now": copies.version(path) if path.exists() else 0,
                }
            )
    if args.json:
        show.document(rows)
    else:
        show.table(("store", "before", "now"), (tuple(row.values()) for row in rows))
    return 0


def _wanted(of: int | None) -> None:
    """Raises Problem STATE_LOCKED if the process that wanted this has ended."""
    if of is not None and not Path(f"/proc/{of}").exists():
        raise Problem("STATE_LOCKED", f"process {of}, which wanted this, has ended")


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """For use while no node and no web uses the folder: neither can start meanwhile. Raises Problem
    STATE_LOCKED, which names the one that does."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    web = held(state, alone=True, wait_s=0)
    try:
        lock = os.open(
            state / "lock",
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW,
            private_mode(state),
        )
    except OSError:
        os.close(web)
        raise
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem("STATE_LOCKED", f"a node runs on {state}") from None
        for process, file in _users(state):
            raise Problem(
                "STATE_LOCKED",
                f"process {process} has {file} open: stop the web and all commands first",
            )
        yield
    finally:
        os.close(lock)
        os.close(web)


def _users(state: Path) -> Iterator[tuple[int, str]]:
    """Other processes that have a file of the folder open, as far as we are allowed to see (all of
    them, for root)."""
    inside = f"{state.resolve()}/"
    for folder in Path("/proc").glob("[0-9]*/fd"):
        process = int(folder.parent.name)
        if process == os.getpid():
            continue
        try:
            for link in folder.iterdir():
                name = str(link.readlink())
                if name.startswith(inside):
                    yield process, name.removeprefix(inside)
        except OSError:  # it has ended, or is not ours to look into
            continue


def _look(state: Path, manifest: Manifest) -> dict[str, int]:
    """Checks that everything opens and is of a version that this release knows. Raises Problem."""
    known = {"ledger.db": _ledger_version(), "accounts.db": _accounts_version()}
    for name, stated in manifest.databases.items():
        path = state / Path(name).name
        if not path.is_file():
            raise Problem("BACKUP_INVALID", f"{name} is missing")
        version = copies.version(path)
        if version != stated:
            raise Problem(
                "BACKUP_INVALID", f"{name} has version {version}, the manifest says {stated}"
            )
        if version > known.get(path.name, version):
            raise Problem(
                "STORE_NEWER",
                f"{name} has version {version}, this release knows {known[path.name]}",
            )
    programs, users = Programs(state / "programs"), Users(state / "users")
    stored = programs.list()
    for head in stored:
        program = programs.get(head.id).program
        if program.master is not None:
            programs.master(program)
    accounts = users.list()
    for store in (programs, users):
        if store.problem is not None:
            raise store.problem
    return {"programs": len(stored), "accounts": len(accounts)}


def _ledger_version() -> int:
    from schemas.store import ledger

    return len(ledger.MIGRATIONS)


def _accounts_version() -> int:
    from schemas.store.accounts.database import MIGRATIONS

    return len(MIGRATIONS)


def _carry_over(old: Path, new: Path) -> None:
    """What must not go back with the rest: how far each seq has come, so that none is given
    twice."""
    if (old / STAMP).exists():
        shutil.copyfile(old / STAMP, new / STAMP)


def _write_down(old: Path, new: Path, file: Path, manifest: Manifest) -> None:
    """Notes in the audit that comes back who did it, and how far the audit that goes had come.

    Sessions do not come back: any that were ended since, perhaps because one was stolen, would be
    open again.
    """
    details = {"made_at": manifest.at, "of": manifest.node, "before": audit_head(old)}
    with closing(Accounts(new / "accounts.db")) as accounts:
        accounts.end_each("state.restore", file.name[:200], details, who())


def _own(state: Path, new: Path) -> None:
    """Give the new folder the owner and the modes of the old one."""
    status = state.stat()
    mode = private_mode(state)
    for path in (new, *new.rglob("*")):
        if os.geteuid() == 0:
            os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
        path.chmod(stat.S_IMODE(status.st_mode) if path.is_dir() else mode)


def _swap(state: Path, new: Path) -> Path:
    """Let the folders change places; returns where the old one is now."""
    old = state.with_name(f"{state.name}.before-{utc().replace(':', '').replace('.', '')}")
    if (
        _LIBC.renameat2(AT_FDCWD, os.fsencode(new), AT_FDCWD, os.fsencode(state), RENAME_EXCHANGE)
        == 0
    ):
        new.rename(old)
    elif ctypes.get_errno() in (errno.EINVAL, errno.ENOSYS):
        state.rename(old)
        new.rename(state)
    else:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(state))
    fd = os.open(state.parent, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)
    return old
