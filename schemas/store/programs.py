"""Programs at rest: every version of every program, and the master images and models by their own hash."""

import builtins
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from tinydb import where

from schemas.base import explain, utc
from schemas.errors import Problem
from schemas.program import Program, StoredProgram, as_program, parse_program
from schemas.store.bundle import MAX_BYTES, pack, unpack
from schemas.store.disk import failed, locked, replace
from schemas.store.documents import Database, Documents

MAX_MASTER_BYTES = 32 * 1024 * 1024
MAX_MODEL_BYTES = 16 * 1024 * 1024
STORED_MASTER = re.compile(r"([0-9a-f]{64})\.(png|jpg)")
STORED_MODEL = re.compile(r"([0-9a-f]{64})\.npz")
NOTHING: Mapping[str, bytes] = {}


class Change(NamedTuple):
    """One difference between two versions: where, and the value before and after (None: not there)."""

    path: str
    old: Any
    new: Any


class Programs:
    """The programs in a folder: `programs.json`, `masters/<sha256>.<png|jpg>` and `models/<sha256>.npz`.

    Reading is cached until the file changes; `changed` is cheap enough to ask every second. `problem` is set while a
    copy stands in for a damaged file. All methods raise Problem: STORE_FAILED, STORE_CORRUPT, STORE_NEWER and theirs.
    """

    def __init__(self, folder: Path, on_problem: Callable[[Problem], None] | None = None) -> None:
        self._folder = folder
        self._documents = Documents(folder / "programs.json", on_problem)
        self._masters = folder / "masters"
        self._models = folder / "models"
        self._cache: tuple[bytes, Database, dict[tuple[str, int], StoredProgram]] | None = None

    @property
    def problem(self) -> Problem | None:
        """Why a copy is in use instead of the file, as of the last read."""
        return self._documents.problem

    @property
    def stamp(self) -> bytes:
        """Unlike any earlier stamp when a program has been saved or deleted since, by any process."""
        return self._documents.stamp()

    def changed(self) -> bool:
        """Whether the file changed since it was last read here."""
        return self._cache is None or self._cache[0] != self.stamp

    def save(
        self,
        program: Program,
        master: bytes | None,
        by: str,
        note: str = "",
        expect_version: int | None = None,
        files: Mapping[str, bytes] = NOTHING,
    ) -> StoredProgram:
        """Store a program as its next version; the same content again is the version there is.

        master: PNG or JPEG bytes, or None to keep the stored picture that the program names. expect_version: the
        version that was edited, 0 for a program that must not exist yet; None does not check. files: the models that
        its tools name, by that name; those not given must be stored. Raises Problem PROGRAM_CONFLICT,
        MASTER_IMAGE_NOT_FOUND, IMAGE_INVALID, MODEL_NOT_FOUND, MODEL_INVALID.
        """
        for name in models_of(program):
            if name in files:
                self._store_model(name, files[name])
            elif not (self._models / name).is_file():
                raise Problem("MODEL_NOT_FOUND", f"{name} is neither given nor stored")
        if master is not None:
            program = program.model_copy(update={"master": self._store_master(master)})
        elif program.master is not None and not self._stored(program.master):
            raise Problem("MASTER_IMAGE_NOT_FOUND", f"{program.master} is neither given nor stored")
        return self._save(program, by, note, expect_version)

    def get(self, id: str, version: int | None = None) -> StoredProgram:
        """One version, or the newest if not deleted. Raises Problem PROGRAM_NOT_FOUND, PROGRAM_INVALID."""
        _, database, parsed = self._read()
        number = _head(database, id) if version is None else version
        if not number:
            raise Problem("PROGRAM_NOT_FOUND", f"{id!r:.80}")
        if (id, number) not in parsed:
            found = database.table("versions").get((where("id") == id) & (where("version") == number))
            if not isinstance(found, dict):
                raise Problem("PROGRAM_NOT_FOUND", f"{id!r:.80} has no version {number}")
            parsed[id, number] = _parse(found)
        return parsed[id, number]

    def list(self) -> tuple[StoredProgram, ...]:
        """The newest version of every program, by id. A stored version that this release refuses is not listed."""
        answer = []
        for head in sorted(self._read()[1].table("heads").all(), key=lambda head: str(head["id"])):
            if head["version"]:
                try:
                    answer.append(self.get(head["id"]))
                except Problem as problem:
                    if problem.code != "PROGRAM_INVALID":  # get() tells it to whoever wants to use this program
                        raise
        return tuple(answer)

    def versions(self, id: str) -> tuple[StoredProgram, ...]:
        """All versions of a program, oldest first, also of a deleted one. Raises Problem PROGRAM_NOT_FOUND."""
        numbers = sorted(row["version"] for row in self._read()[1].table("versions").search(where("id") == id))
        if not numbers:
            raise Problem("PROGRAM_NOT_FOUND", f"{id!r:.80}")
        return tuple(self.get(id, number) for number in numbers)

    def rollback(self, id: str, version: int, by: str, expect_version: int | None = None) -> StoredProgram:
        """Store an old version again, as the newest."""
        return self._save(self.get(id, version).program, by, f"rollback to version {version}", expect_version)

    def diff(self, id: str, a: int, b: int) -> builtins.list[Change]:
        """What changed from version `a` to version `b`; tools are compared by name: `tools[label].low`."""
        return list(_differences("", self.get(id, a).program.document(), self.get(id, b).program.document()))

    def delete(self, id: str, expect_version: int | None = None) -> None:
        """Remove a program; `get(id, version)` still reads it. Raises Problem PROGRAM_NOT_FOUND, PROGRAM_CONFLICT."""
        with self._documents.change() as database:
            head = _head(database, id)
            if not head:
                raise Problem("PROGRAM_NOT_FOUND", f"{id!r:.80}")
            _expect(expect_version, head)
            database.table("heads").update({"version": None, "deleted_at": utc()}, where("id") == id)

    def master(self, program: Program) -> bytes | None:
        """The master image's file, None without one. Raises Problem MASTER_IMAGE_NOT_FOUND, STORE_CORRUPT."""
        if program.master is None:
            return None
        name = STORED_MASTER.fullmatch(program.master)
        if not name:
            raise Problem("MASTER_IMAGE_NOT_FOUND", f"{program.master} is not a stored master")
        return _verified(self._masters / program.master, name[1], "MASTER_IMAGE_NOT_FOUND")

    def file(self, name: str) -> bytes:
        """What a tool was taught. Raises Problem MODEL_NOT_FOUND, STORE_CORRUPT."""
        found = STORED_MODEL.fullmatch(name)
        if not found:
            raise Problem("MODEL_NOT_FOUND", f"{name!r:.80} is not a stored model")
        return _verified(self._models / name, found[1], "MODEL_NOT_FOUND")

    def import_(
        self, source: Path | bytes, by: str, note: str = "imported", expect_version: int | None = None
    ) -> StoredProgram:
        """Store a program from a JSON file (its master beside it) or a .zip bundle. Raises Problem, as `save`."""
        program, master, files = read_import(source)
        return self.save(program, master, by, note, expect_version, files)

    def export(self, id: str, version: int | None = None) -> bytes:
        """A .zip bundle, the same bytes for the same program, that imports to the same hash."""
        program = self.get(id, version).program
        master = self.master(program)
        models = {name: self.file(name) for name in models_of(program)}
        return pack(program.document(), ({program.master: master} if program.master and master else {}) | models)

    def _read(self) -> tuple[bytes, Database, dict[tuple[str, int], StoredProgram]]:
        stamp = self.stamp
        if self._cache is None or self._cache[0] != stamp:
            database = self._documents.read()  # read after the stamp: at worst it is read once more
            self._cache = (stamp, database, {})
        return self._cache

    def _save(self, program: Program, by: str, note: str, expect_version: int | None) -> StoredProgram:
        with self._documents.change() as database:
            head, versions = _head(database, program.id), database.table("versions")
            _expect(expect_version, head)
            numbers = [row["version"] for row in versions.search(where("id") == program.id)]
            if head:
                newest = versions.get((where("id") == program.id) & (where("version") == head))
                if isinstance(newest, dict) and newest["hash"] == program.hash:
                    return _parse(newest)
            stored = StoredProgram(
                program=program,
                version=max(numbers, default=0) + 1,
                hash=program.hash,
                saved_at=utc(),
                saved_by=by,
                note=note,
            )
            versions.insert({"id": program.id, **stored.model_dump(mode="json", by_alias=True)})
            database.table("heads").upsert({"id": program.id, "version": stored.version}, where("id") == program.id)
        return stored

    def _stored(self, master: str) -> bool:
        return bool(STORED_MASTER.fullmatch(master)) and (self._masters / master).is_file()

    def _store_master(self, data: bytes) -> str:
        if len(data) > MAX_MASTER_BYTES:
            raise Problem("IMAGE_INVALID", f"the master image is larger than {MAX_MASTER_BYTES >> 20} MiB")
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            ending = "png"
        elif data.startswith(b"\xff\xd8\xff"):
            ending = "jpg"
        else:
            raise Problem("IMAGE_INVALID", "the master image is neither PNG nor JPEG")
        name = f"{hashlib.sha256(data).hexdigest()}.{ending}"
        _put(self._masters, name, data)
        return name

    def _store_model(self, name: str, data: bytes) -> None:
        if len(data) > MAX_MODEL_BYTES:
            raise Problem("MODEL_INVALID", f"{name} is larger than {MAX_MODEL_BYTES >> 20} MiB")
        if model_name(data) != name:
            raise Problem("MODEL_INVALID", f"{name} is not what its name says")
        _put(self._models, name, data)


class Import(NamedTuple):
    """A program from outside, its master image if there is one with it, and its models by name."""

    program: Program
    master: bytes | None
    files: Mapping[str, bytes]


def read_import(source: Path | bytes) -> Import:
    """What is in a JSON file (master and models beside it) or a .zip bundle. Raises Problem PROGRAM_INVALID, ..."""
    data = source if isinstance(source, bytes) else _given(source, MAX_BYTES, "PROGRAM_INVALID")
    if data.startswith(b"PK"):
        document, files = unpack(data)
        program = parse_program(document)
        return Import(program, files.get(program.master or ""), {n: files[n] for n in models_of(program) if n in files})
    program = parse_program(data)
    folder = source.parent if isinstance(source, Path) else None
    if folder is None:
        return Import(program, None, NOTHING)
    models = {
        name: _given(folder / name, MAX_MODEL_BYTES, "MODEL_NOT_FOUND")
        for name in models_of(program)
        if (folder / name).exists()
    }
    if program.master and (beside := folder / program.master).exists():
        return Import(program, _given(beside, MAX_MASTER_BYTES, "MASTER_IMAGE_NOT_FOUND"), models)
    return Import(program, None, models)


def models_of(program: Program) -> builtins.list[str]:
    """Names of the models of a program's tools, each once."""
    names = [getattr(tool, "model", None) for tool in program.tools]
    return sorted({name for name in names if name is not None})


def model_name(data: bytes) -> str:
    """The name of a model: the hash of its content."""
    return f"{hashlib.sha256(data).hexdigest()}.npz"


def _put(folder: Path, name: str, data: bytes) -> None:
    """Write a file whose name is the hash of its content, unless it is there. Raises Problem STORE_FAILED."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock"):
            if not (folder / name).is_file() or (folder / name).read_bytes() != data:
                replace(folder / name, data)
    except OSError as error:
        raise failed(name, error) from error


def _verified(path: Path, digest: str, missing: str) -> bytes:
    """The content of a stored file. Raises Problem(missing), STORE_CORRUPT if it is not what was stored."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Problem(missing, path.name) from None
    except OSError as error:
        raise failed(path.name, error) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise Problem("STORE_CORRUPT", f"{path.name} is not what was stored")
    return data


def _given(path: Path, limit: int, code: str) -> bytes:
    """A file from outside, up to one byte more than the limit. Raises Problem(code)."""
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise Problem(code, f"{path.name}: {error.strerror or error}") from error


def _head(database: Database, id: str) -> int:
    """The newest version of a program, 0 if there is none or it is deleted."""
    found = database.table("heads").get(where("id") == id)
    return int(found["version"] or 0) if isinstance(found, dict) else 0


def _expect(expected: int | None, head: int) -> None:
    if expected is not None and expected != head:
        raise Problem("PROGRAM_CONFLICT", f"version {expected} was edited, but the newest is {head}", version=head)


def _parse(row: dict[str, Any]) -> StoredProgram:
    """The version in a row; the program may be refused by a newer release than the one that stored it."""
    program = as_program(row["program"])
    try:
        return StoredProgram.model_validate({**{k: v for k, v in row.items() if k != "id"}, "program": program})
    except ValidationError as error:
        raise Problem("STORE_CORRUPT", f"a version of {row.get('id')}: {explain(error)}") from None


def _differences(path: str, old: Any, new: Any) -> builtins.list[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        steps = [(f"{path}.{key}" if path else str(key), old.get(key), new.get(key)) for key in keys]
        return [change for step in steps for change in _differences(*step)]
    if _named(old) and _named(new):
        before, after = ({item["name"]: item for item in items} for items in (old, new))
        changes = [
            change
            for name in {**before, **after}
            for change in _differences(f"{path}[{name}]", before.get(name), after.get(name))
        ]
        if [n for n in before if n in after] != [n for n in after if n in before]:
            changes.append(Change(path, list(before), list(after)))
        return changes
    return [] if type(old) is type(new) and old == new else [Change(path, old, new)]


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value)
