"""Backups that an administrator asks for: made and checked one at a time, by a child that has the
code of the command `backup` and none of our secrets."""

import fcntl
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from schemas import Problem, utc
from schemas.base import plain
from schemas.settings.load import Loaded
from schemas.settings.override import PREFIX, is_secret_variable
from schemas.store.backups import Archive, Backups
from schemas.store.disk import DISK, failed, private_mode

log = logging.getLogger(__name__)
Kind = Literal["make", "check"]
Pictures = Literal["none", "ng", "all"]
LIMIT_S = 7200.0
MOST = 5  # are kept; the oldest goes when another one is made
LOCK = "turn.lock"
TOLD = ("pictures", "people")
CHILD = [sys.executable, "-P", "-s", "-m", "deploy.cli.kept_backup"]


class Job(NamedTuple):
    """What is going on, or went on last."""

    kind: Kind
    name: str
    began_at: str
    done: bool = False
    problem: str | None = None


class BackingUp:
    """The one who makes and checks them, for a state folder."""

    def __init__(self, loaded: Loaded) -> None:
        self.store = Backups(Path(loaded.settings.state_dir))
        self._loaded = loaded
        self._job: Job | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def job(self) -> Job | None:
        """What this process does or did last."""
        return self._job

    def written(self) -> int:
        """Bytes of the one that is being made."""
        job = self._job
        if job is None or job.done or job.kind != "make":
            return 0
        with suppress(OSError):
            return (self.store.folder / f"{job.name}.part").stat().st_size
        return 0

    def make(self, pictures: Pictures, people: bool) -> str:
        """Begin to make one; its name. Raises Problem BUSY, DISK_SPACE, STORE_FAILED."""
        settings = self._loaded.settings
        at = utc().replace(":", "").replace(".", "")
        name = f"inspection-node-{settings.node_id}-{at}.tar.gz"
        folder = self.store.begin()
        free, size = DISK.space(folder)
        if 100.0 * free < settings.pictures.min_free_percent * size:
            raise Problem("DISK_SPACE", "a backup would take what is left")
        words = ["make", str(self._loaded.path), str(folder / name), pictures]
        self._begin("make", name, [*words, "people" if people else "none"])
        return name

    def check(self, name: str) -> None:
        """Begin to check one. Raises Problem BUSY, BACKUP_NOT_FOUND, STORE_FAILED."""
        found = self.store.get(name)
        self._begin("check", found.name, ["check", str(self.store.folder / found.name)])

    def close(self) -> None:
        """End what is going on: nothing half is left that has a name."""
        child = self._child
        if child is not None:
            child.terminate()

    def _begin(self, kind: Kind, name: str, words: list[str]) -> None:
        turn = self._turn()
        try:
            self._sweep()
            self._job = Job(kind, name, utc())
            run = threading.Thread(
                target=self._run, args=(turn, self._job, words), name="backup", daemon=True
            )
            run.start()
        except BaseException:
            os.close(turn)
            raise

    def _turn(self) -> int:
        """The right to be the only one, over all processes; goes with the descriptor."""
        path = self.store.begin() / LOCK
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, private_mode(path.parent))
        except OSError as error:
            raise Problem("STORE_FAILED", f"{path.name}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise Problem(
                "BUSY", "a backup is being made or checked already", retry_after_s=10
            ) from None
        return fd

    def _sweep(self) -> None:
        """Remove what one that was cut off has left. Raises Problem STORE_FAILED."""
        try:
            for path in self.store.folder.glob("*.part"):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise failed(str(error.filename), error) from error
        for path in self.store.folder.glob(".backup-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _run(self, turn: int, job: Job, words: list[str]) -> None:
        problem: str | None = "it could not be noted"
        try:
            found, problem = self._asked(turn, words)
            self._sweep()  # it takes room until then
            self._noted(job, found, problem)
        except Exception as error:
            log.exception("backup")
            problem = problem or plain(f"{type(error).__name__}: {error}", 300)
        finally:
            self._child = None
            self._job = job._replace(done=True, problem=problem)
            os.close(turn)

    def _asked(self, turn: int, words: list[str]) -> tuple[dict[str, Any], str | None]:
        """What the child found, and what is wrong. It holds the turn too, also where this process
        ends before it does."""
        given = {
            name: value
            for name, value in self._loaded.environ.items()
            if name.startswith(PREFIX) and not is_secret_variable(name)
        }
        environ = {**given, "PYTHONPATH": str(Path(__file__).parents[1]), "LANG": "C.UTF-8"}
        with subprocess.Popen(
            [*CHILD, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=environ,
            pass_fds=(turn,),
        ) as child:
            self._child = child
            try:
                said, _ = child.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                return {}, "it took too long"
        try:
            found = json.loads(said)
        except ValueError:
            return {}, "it was ended"
        if child.returncode != 0:
            return {"code": found.get("code")}, plain(str(found.get("message")), 500)
        return found, None

    def _noted(self, job: Job, found: dict[str, Any], problem: str | None) -> None:
        path = self.store.folder / job.name
        if problem is not None and found.get("code") != "BACKUP_INVALID":
            return  # nothing was found out about it
        if job.kind == "make":
            self.store.prune(MOST)
        told = self.store.get(path.name)
        facts: dict[str, Any] = {key: found[key] for key in TOLD if key in found}
        if "at" in found:
            facts["made_at"] = found["at"]
        if job.kind == "check":
            facts |= {"checked_at": utc(), "problem": problem}
        self.store.note(Archive.model_validate({**told.model_dump(), **facts}))
