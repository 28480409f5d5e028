"""`wipe`: what a node has learned, judged and been told is removed from this machine, before it is
sold or thrown away."""

import argparse
import os
import shutil
import sys
import syslog
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.cli import addressee, show
from deploy.cli.programs import audit_head
from deploy.cli.restore import alone
from deploy.cli.users import who
from schemas.settings.load import load
from schemas.store.disk import DISK, failed
from schemas.store.state import OURS

REMAINS = """\
What stays, and is to be removed by other means:
- what was in the files, in free blocks of the disk: they are removed, not overwritten, for on flash storage (SSD, SD, eMMC)
  and on file systems that copy on write no program can overwrite a file for certain. Encrypt the disk from the beginning and
  destroy its key, or erase the whole device by its own command (blkdiscard --secure, nvme format), or destroy it
- settings file, certificates and credentials: they lie outside the state folder
- backups, copies of log and audit elsewhere, and the journal of this machine
- what the broker keeps: retained messages of this node, its session, its password"""  # noqa: E501


def wipe(args: argparse.Namespace) -> int:
    """1 if something of the node's is still there. Raises Problem STATE_LOCKED while node or web
    run, STORE_FAILED."""
    settings = load(args.config, os.environ, planted=True).settings
    state = Path(settings.state_dir)
    removed: list[str] = []
    with addressee.owner(state), alone(state):
        files = list(_ours(state))
        if not args.yes and not _confirmed(settings.node_id, state, files):
            show.note("inspection-node: nothing was removed")
            return 1
        head = audit_head(state)
        _tell(settings.node_id, head)  # the audit goes, so the machine's journal has to record it
        removed += _removed(state, files)
    # as the user who asks: the folder around belongs to somebody else
    removed += _removed(state.parent, list(_beside(state)))
    left = sorted(path.name for path in state.iterdir() if path.name != "lock")
    still = [str(path) for path in (*_ours(state), *_beside(state))]
    if args.json:
        show.document(
            {
                "node": settings.node_id,
                "removed": removed,
                "left": left,
                "audit": head,
                "remains": REMAINS.splitlines(),
            }
        )
    else:
        if head is not None:
            print(f"its audit had {head['rows']} rows, the last with the hash {head['hash']}")
        print(
            f"{state}: {', '.join(removed) or 'there was nothing'}{' removed' if removed else ''}"
        )
        if left:
            print(f"not ours, and left: {', '.join(left)}")
        print(REMAINS)
    return 1 if still else 0


def _tell(node: str, head: dict[str, Any] | None) -> None:
    audit = (
        f"its audit had {head['rows']} rows, head {head['hash']}"
        if head is not None
        else "it had no audit"
    )
    syslog.openlog("inspection-node", 0, syslog.LOG_AUTHPRIV)
    syslog.syslog(
        syslog.LOG_NOTICE, f"the state of {node} is wiped by {who()['username']}; {audit}"
    )
    syslog.closelog()


def _confirmed(node: str, state: Path, files: list[Path]) -> bool:
    """Whether the person has typed the node's name."""
    names = ", ".join(path.name for path in (*files, *_beside(state))) or "nothing"
    show.note(
        f"This removes for good, from {state}: {names}.\nType the node's id, {node}, to go on:"
    )
    return sys.stdin.readline().strip() == node


def _ours(state: Path) -> Iterator[Path]:
    for pattern in OURS:
        yield from sorted(state.glob(pattern))


def _beside(state: Path) -> Iterator[Path]:
    """What `restore` has left beside the folder: the state from before, and an attempt that was cut
    off."""
    for path in sorted(state.parent.iterdir()):
        if path.name.startswith((f"{state.name}.before-", f".{state.name}.restoring-")):
            yield path


def _removed(folder: Path, paths: list[Path]) -> list[str]:
    """Remove them for good, and return their names. A link is removed, not what it points to.
    Raises Problem STORE_FAILED."""
    for path in paths:
        try:
            if path.is_symlink() and path.is_dir():
                show.note(
                    f"inspection-node: {path} was a link: what it points to is still there:"
                    f" {path.readlink()}"
                )
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            else:
                shutil.rmtree(path)
        except OSError as error:
            raise failed(str(error.filename or path), error) from error
    if paths:
        try:
            DISK.sync_folder(folder)
        except OSError as error:
            raise failed(str(folder), error) from error
    return [path.name for path in paths]
