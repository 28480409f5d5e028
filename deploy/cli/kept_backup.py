"""A backup that the web asks for, in a process of its own: `python -m deploy.cli.kept_backup make
SETTINGS FILE PICTURES PEOPLE`, or `check FILE`.

It has none of the web's secrets, and leaves as much of the disk free as the settings keep free. It
ends with 0 and what it found as JSON on its output, or with 1 and the problem.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from deploy.cli import archive, backup
from schemas import Problem
from schemas.settings.load import load
from schemas.store.disk import DISK, failed, private_umask

NICE = 10  # the line comes first
LIMIT_S = 3 * 3600  # if the web that began it, which waits for less time, is gone


def main(words: list[str]) -> int:
    """The child's exit code."""
    with suppress(PermissionError):  # the unit of an installed web does not let a process say so
        os.nice(NICE)
    signal.alarm(LIMIT_S)
    try:
        try:
            outcome = _make(*words[1:]) if words[0] == "make" else _check(*words[1:])
        except Problem:
            raise
        except OSError as error:
            raise failed(str(error.filename or words[1]), error) from error
        except Exception as error:  # the asker is told what was wrong, not only that it ended
            raise Problem("INTERNAL", f"{type(error).__name__}: {error}") from error
    except Problem as problem:
        print(json.dumps({"code": problem.code, "message": problem.message}))
        return 1
    print(json.dumps(outcome))
    return 0


def _make(settings: str, file: str, kept: str, people: str) -> dict[str, Any]:
    pictures: backup.Kept = "ng" if kept == "ng" else "all" if kept == "all" else "none"
    loaded = load(Path(settings), os.environ, disk=False, user="nobody")
    os.umask(private_umask(Path(loaded.settings.state_dir)))
    room = partial(_room, Path(file).parent, loaded.settings.pictures.min_free_percent)
    return _facts(backup.make(loaded, Path(file), pictures, people=people == "people", room=room))


def _room(folder: Path, least_percent: float) -> None:
    free, size = DISK.space(folder)
    if 100.0 * free < least_percent * size:
        raise Problem("DISK_SPACE", "a backup would use up what is left")


def _check(file: str) -> dict[str, Any]:
    """What `restore` does first: every member is there, and is what the manifest says."""
    return _facts(archive.extract(Path(file), None))


def _facts(manifest: archive.Manifest) -> dict[str, Any]:
    databases = manifest.databases
    return {
        "node": manifest.node,
        "version": manifest.version,
        "at": manifest.at,
        "pictures": manifest.pictures,
        "files": len(manifest.files),
        "people": "state/accounts.db" in databases
        or any(member.name.startswith("state/users/") for member in manifest.files),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
