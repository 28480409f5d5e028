"""Backups that an administrator asks for: made and checked one at a time, by a child that has the
code of the command `backup` and none of our secrets.

The job stands in a file, and so does what the child says: a web that was made anew meanwhile
(SIGHUP) ends what the one before it began, and tells how it went.
"""

import fcntl
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from schemas import Problem, Shape, utc
from schemas.base import plain
from schemas.settings.load import Loaded
from schemas.settings.override import PREFIX, is_secret_variable
from schemas.store.backups import Archive, Backups
from schemas.store.disk import DISK, failed, private_mode, replace

log = logging.getLogger(__name__)
Kind = Literal["make", "check"]
Pictures = Literal["none", "ng", "all"]
LIMIT_S = 7200.0
CLOSED_S = 1.0  # from the news that one has ended until its turn is given back
MOST = 5  # are kept; the oldest goes when another one is made
LOCK = "turn.lock"
ENDED, LATE = "it was ended", "it took too long"
JOB, SAID = "job.json", "said.json"
TOLD = ("pictures", "people")
CHILD = [sys.executable, "-P", "-s", "-m", "deploy.cli.kept_backup"]


class Job(Shape):
    """What is going on, or what went on last."""

    kind: Kind
    name: str
    began_at: str
    done: bool = False
    problem: str | None = None
    known: bool = True  # whether it found out how good the backup is


class BackingUp:
    """Makes and checks the backups of a state folder."""

    def __init__(self, loaded: Loaded) -> None:
        self.store = Backups(Path(loaded.settings.state_dir))
        self._loaded = loaded

    def job(self) -> Job | None:
        """What is going on, or what went on last; also if another process has begun it."""
        job = self._read()
        if job is None or job.done:
            return job
        try:
            turn = self._turn()
        except Problem:  # it goes on
            return job
        try:
            job = self._read()  # it may have ended just before
            return job if job is None or job.done else self._settled(job, None)
        finally:
            os.close(turn)

    def written(self, job: Job) -> int:
        """The size in bytes of the backup that is being made."""
        if job.done or job.kind != "make":
            return 0
        with suppress(OSError):
            return (self.store.folder / f"{job.name}.part").stat().st_size
        return 0

    def make(self, pictures: Pictures, people: bool) -> str:
        """Begin to make a backup; returns its name. Raises Problem BUSY, DISK_SPACE,
        STORE_FAILED."""
        settings = self._loaded.settings
        at = utc().replace(":", "").replace(".", "")
        name = f"inspection-node-{settings.node_id}-{at}.tar.gz"
        folder = self.store.begin()
        free, size = DISK.space(folder)
        if 100.0 * free < settings.pictures.min_free_percent * size:
            raise Problem("DISK_SPACE", "a backup would use up what is left")
        words = ["make", str(self._loaded.path), str(folder / name), pictures]
        self._begin("make", name, [*words, "people" if people else "none"])
        return name

    def check(self, name: str) -> None:
        """Begin to check a backup. Raises Problem BUSY, BACKUP_NOT_FOUND, STORE_FAILED."""
        archive = self.store.get(name)
        self._begin("check", archive.name, ["check", str(self.store.folder / archive.name)])

    def _begin(self, kind: Kind, name: str, words: list[str]) -> None:
        before = self._read()
        turn = self._turn(0.0 if before is not None and not before.done else CLOSED_S)
        try:
            self._sweep()
            (self.store.folder / SAID).unlink(missing_ok=True)
            job = self._written_down(Job(kind=kind, name=name, began_at=utc()))
            run = threading.Thread(
                target=self._run, args=(turn, job, words), name="backup", daemon=True
            )
            run.start()
        except BaseException:
            os.close(turn)
            raise

    def _turn(self, wait_s: float = 0.0) -> int:
        """The turn: at most one process has it. It goes with the descriptor."""
        until = time.monotonic() + wait_s
        path = self.store.begin() / LOCK
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, private_mode(path.parent))
        except OSError as error:
            raise Problem("STORE_FAILED", f"{path.name}: {error.strerror}") from error
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return fd
            except BlockingIOError:
                if time.monotonic() >= until:
                    break
            time.sleep(0.02)
        os.close(fd)
        raise Problem("BUSY", "a backup is being made or checked already", retry_after_s=10)

    def _sweep(self) -> None:
        """Remove what a backup that was cut off has left. Raises Problem STORE_FAILED."""
        try:
            for path in self.store.folder.glob("*.part"):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise failed(str(error.filename), error) from error
        for path in self.store.folder.glob(".backup-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _run(self, turn: int, job: Job, words: list[str]) -> None:
        problem: str | None = None
        try:
            problem = self._ended(turn, words)
        except Exception as error:
            log.exception("backup")
            problem = plain(f"{type(error).__name__}: {error}", 300)
        finally:
            self._settled(job, problem)
            os.close(turn)

    def _settled(self, job: Job, problem: str | None) -> Job:
        """The job after its child: what the child said is noted, by the process that has the
        turn."""
        known = False
        try:
            noted, said = self._found()
            problem = problem or said
            known = problem is None or noted.get("code") == "BACKUP_INVALID"
            self._sweep()  # it takes up room until then
            self._noted(job, noted, problem)
        except Exception as error:
            log.exception("backup")
            problem = problem or plain(f"{type(error).__name__}: {error}", 300)
        done = job.model_copy(update={"done": True, "problem": problem, "known": known})
        try:
            return self._written_down(done)
        except Problem:
            log.exception("backup")
            return done

    def _ended(self, turn: int, words: list[str]) -> str | None:
        """Run the child; returns what is wrong besides what it says. The child holds the turn too,
        also if this process ends before it does."""
        given = {
            name: value
            for name, value in self._loaded.environ.items()
            if name.startswith(PREFIX) and not is_secret_variable(name)
        }
        environ = {**given, "PYTHONPATH": str(Path(__file__).parents[1]), "LANG": "C.UTF-8"}
        with (
            (self.store.folder / SAID).open("wb") as said,
            subprocess.Popen(
                [*CHILD, *words],
                stdout=said,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=environ,
                pass_fds=(turn,),
            ) as child,
        ):
            try:
                child.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                return LATE
        return None

    def _found(self) -> tuple[dict[str, Any], str | None]:
        """What the child found, and what it says is wrong."""
        try:
            noted = json.loads((self.store.folder / SAID).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}, ENDED
        if "message" in noted:
            return {"code": noted.get("code")}, plain(str(noted["message"]), 500)
        return noted, None

    def _read(self) -> Job | None:
        try:
            return Job.model_validate_json((self.store.folder / JOB).read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None
        except OSError as error:
            raise failed(JOB, error) from error

    def _written_down(self, job: Job) -> Job:
        """Raises Problem STORE_FAILED."""
        try:
            replace(self.store.folder / JOB, job.model_dump_json().encode())
        except OSError as error:
            raise failed(JOB, error) from error
        return job

    def _noted(self, job: Job, noted: dict[str, Any], problem: str | None) -> None:
        path = self.store.folder / job.name
        if problem is not None and noted.get("code") != "BACKUP_INVALID":
            return  # nothing is known about it
        if job.kind == "make":
            self.store.prune(MOST)
        told = self.store.get(path.name)
        facts: dict[str, Any] = {key: noted[key] for key in TOLD if key in noted}
        if "at" in noted:
            facts["made_at"] = noted["at"]
        if job.kind == "check":
            facts |= {"checked_at": utc(), "problem": problem}
        self.store.note(Archive.model_validate({**told.model_dump(), **facts}))
