"""A backup on its way to its target: copied after it was made, old ones removed, the outcome noted.

The node reads that note, and reports by the alarm BACKUP what did not arrive: the command itself
may be run by a timer whose log nobody reads.
"""

import re
import time
from datetime import timedelta
from pathlib import Path

from deploy.cli import addressee
from node.exports import ExportPlace, open_place
from schemas import Problem, Settings
from schemas.store import exports as store
from schemas.store.exports import BackupSent

AT = r"\d{4}-\d{2}-\d{2}T\d{9}Z"


def name(node: str, at: str) -> str:
    """The file name of a node's backup (its time as `utc` gives it)."""
    return f"{_beginning(node)}{at.replace(':', '').replace('.', '')}.tar.gz"


def is_of(node: str, file: str) -> bool:
    """Whether a file is named like a backup of this node; press-3 is a different node from
    press."""
    return re.fullmatch(re.escape(_beginning(node)) + AT + r"\.tar\.gz", file) is not None


def send(settings: Settings, path: Path) -> tuple[str, list[str]]:
    """Copy a backup to its target, and note how that went; its name there, and what was removed.

    Raises Problem EXPORT_FAILED, EXPORT_REFUSED, EXPORT_NOT_INSTALLED, STORE_FAILED.
    """
    wanted, state = settings.exports.backups, Path(settings.state_dir)
    assert wanted.target is not None
    try:
        place = open_place(wanted.target, state)
        try:
            place.put(path.name, path)
            _note(state, BackupSent(arrived_at=time.time(), file=path.name))
            gone = prune(place, settings.node_id, wanted.keep_days) if wanted.keep_days else []
        finally:
            place.close()
    except Problem as problem:
        last = _last(state)
        _note(state, last.model_copy(update={"error": f"{path.name}: {problem.message}"[:500]}))
        raise
    return path.name, gone


def prune(place: ExportPlace, node: str, keep_days: int) -> list[str]:
    """Remove this node's backups there that are older than its newest one by more; returns which
    they were.

    Age is judged against the newest one, not the calendar: a clock that jumps removes nothing that
    has no successor.
    """
    backups = [stored for stored in place.list(_beginning(node)) if is_of(node, stored.name)]
    if not backups:
        return []
    oldest_kept = max(stored.at for stored in backups) - timedelta(days=keep_days)
    gone = sorted(stored.name for stored in backups if stored.at < oldest_kept)
    for each in gone:
        place.remove(each)
    return gone


def _beginning(node: str) -> str:
    return f"inspection-node-{node}-"


def _last(state: Path) -> BackupSent:
    try:
        return store.backups(state).read() or BackupSent()
    except Problem:
        return BackupSent()


def _note(state: Path, how: BackupSent) -> None:
    with addressee.owner(state):
        store.backups(state).write(how)
