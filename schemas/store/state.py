"""The state folder as a whole: whose it is, who may enter it, and who works in it.

Whoever owns a file decides what is in it, and whoever makes a link decides where it leads: neither
is believed from another account, but of those who share the folder by its group. What earlier
versions, or a copy, have left open to others is closed. The web holds the folder shared for its
whole life (flock on the folder itself, so nothing is left behind); `restore`, `migrate` and `wipe`
hold it alone, and the lock of the node too.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from schemas.errors import Problem
from schemas.store.disk import failed, own_groups, shared_group

# The names that node and web give; secrets first, so that a wipe that is cut off has already
# removed them. Nothing else is touched.
OURS = (
    *(
        "web",
        "audit.*",
        "users",
        "accounts.*",
        "pictures",
        "programs",
        "shown",
        "small",
        "exports",
        "backups",
        "ledger.*",
    ),
    *("acknowledged.json*", "broker.*", "alive*"),
)
# files in these are not checked one by one: their folders let nobody else in
MANY = ("pictures", "shown", "small")
WAIT_S = 5.0
POLL_S = 0.05


def refuse_planted(state: Path) -> None:
    """Refuse a state folder that is a link or another account's, and whatever of ours in it is.
    Raises Problem STORE_FAILED.

    Root may work for whom the folder belongs to; for whoever runs in it, also as root, see
    `secured`.
    """
    owner, group = (
        os.geteuid() or _owner(state),
        shared_group(state, None if os.geteuid() == 0 else own_groups()),
    )
    for path, status in _found(state):
        _refuse(path, status, owner, group)


def secured(state: Path) -> None:
    """Make the folder or take it over, for whoever runs in it: all of ours is our own, or of the
    group that shares it, and nobody else can read it. Raises Problem STORE_FAILED.
    """
    owner = os.geteuid()
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        group = shared_group(state, own_groups())
        others = 0o077 if group is None else 0o007
        for path, status in _found(state):  # a folder is closed before it is looked into
            _refuse(path, status, owner, group)
            if status.st_uid == owner and status.st_mode & others:
                with suppress(FileNotFoundError):  # another process of ours has just removed it
                    path.chmod(stat.S_IMODE(status.st_mode) & ~others)
    except OSError as error:
        raise failed(str(error.filename or state), error) from error


def held(state: Path, *, alone: bool, wait_s: float = WAIT_S) -> int:
    """A descriptor that holds the folder, shared or alone, until it is closed, and in children that
    have it.

    Raises Problem STATE_LOCKED where that cannot be within `wait_s`, STORE_FAILED.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            fd = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise failed(str(state), error) from error
        try:
            fcntl.flock(fd, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            # if not, `restore` has put another folder in its place
            if os.path.samestat(os.fstat(fd), state.stat()):
                return fd
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(fd)
                who = "a web runs" if alone else "restore, migrate or wipe works"
                raise Problem("STATE_LOCKED", f"{who} on {state}") from None
        except OSError as error:
            os.close(fd)
            raise failed(str(state), error) from error
        os.close(fd)
        time.sleep(POLL_S)


def _found(state: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """The folder, what is ours in it, and what is in that; folders before their files. Links are
    not followed.

    What the other account of the group keeps to itself is not looked into: we cannot read it, so we
    believe nothing in it.
    """
    waiting = [state]
    while waiting:
        path = waiting.pop()
        try:
            status = path.lstat()
            yield path, status
            if not stat.S_ISDIR(status.st_mode):
                continue
            many = path.relative_to(state).parts[:1] in [(name,) for name in MANY]
            try:
                entries = list(os.scandir(path))
            except PermissionError:
                if path == state or status.st_uid == os.geteuid():
                    raise
                continue
            for entry in entries:
                known = path != state or any(
                    Path(entry.name).match(pattern) for pattern in (*OURS, "lock")
                )
                if known and (
                    entry.is_symlink() or entry.is_dir(follow_symlinks=False) or not many
                ):
                    waiting.append(path / entry.name)
        except (FileNotFoundError, NotADirectoryError):  # not there, or just removed
            continue
        except OSError as error:
            raise failed(str(path), error) from error


def _refuse(path: Path, status: os.stat_result, owner: int, group: int | None) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise Problem("STORE_FAILED", f"{path} is a link; it has to be the file or folder itself")
    if status.st_uid not in (0, owner) and (group is None or status.st_gid != group):
        raise Problem(
            "STORE_FAILED", f"{path} belongs to another account (user id {status.st_uid})"
        )


def _owner(state: Path) -> int:
    try:
        return state.lstat().st_uid
    except FileNotFoundError:
        return os.geteuid()
    except OSError as error:
        raise failed(str(state), error) from error
