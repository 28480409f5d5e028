"""The programs of a node, with everything that belongs to them."""

import builtins
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

from pydantic import ValidationError

from schemas.base import explain, utc
from schemas.errors import Problem
from schemas.program import Program, StoredProgram, as_program
from schemas.settings import ProgramSettings
from schemas.store.documents import Documents
from schemas.store.programs.bundle import written, zipped
from schemas.store.programs.differences import Change, differences
from schemas.store.programs.imports import models_of, read_import
from schemas.store.programs.learned import Masters, Models
from schemas.store.programs.signature import signed
from schemas.store.programs.versions import FORMAT, Head, IndexEntry, VersionRow, Versions

NOTHING: Mapping[str, bytes] = {}
PARSED = 32


class Programs:
    """The programs in a folder: `programs.json` (the newest of each), `versions/<id>.json`,
    `masters/` and `models/`.

    Whether something changed is cheap enough to ask every second, and nothing is read that is not
    asked for: a few versions stay in memory, however many there are. `problem` is set while a copy
    stands in for a damaged file. All methods raise Problem: STORE_FAILED, STORE_CORRUPT,
    STORE_NEWER and theirs.
    """

    def __init__(self, folder: Path, on_problem: Callable[[Problem], None] | None = None) -> None:
        self._documents = Documents(folder / "programs.json", on_problem, form=FORMAT)
        self._versions = Versions(folder, self._documents, on_problem)
        self._masters = Masters(folder / "masters")
        self._models = Models(folder / "models")
        self._parsed: OrderedDict[tuple[str, int], StoredProgram] = OrderedDict()
        self._parsed_at = b""
        self._lock = Lock()
        with suppress(Problem):  # whatever is asked next reports it
            self._versions.index()  # which splits a store of an earlier release

    @property
    def problem(self) -> Problem | None:
        """Why a copy is in use instead of a file, as of the last read."""
        return self._versions.problem

    @property
    def stamp(self) -> bytes:
        """Unlike any earlier stamp when a program has been saved or deleted since, by any
        process."""
        return self._documents.stamp()

    def changed(self) -> bool:
        """Whether a program was saved or deleted since this was last read here."""
        return self._versions.changed()

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

        master: PNG or JPEG bytes, or None to keep the stored picture that the program names.
        expect_version: the version that was edited, 0 for a program that must not exist yet; None
        does not check. files: the models that its tools name, by that name; those not given must be
        stored. Raises Problem PROGRAM_CONFLICT, MASTER_IMAGE_NOT_FOUND, IMAGE_INVALID,
        MODEL_NOT_FOUND, MODEL_INVALID.
        """
        self.keep_models(program, files)
        if master is not None:
            program = program.model_copy(update={"master": self._masters.put(master)})
        elif program.master is not None and program.master not in self._masters:
            raise Problem("MASTER_IMAGE_NOT_FOUND", f"{program.master} is neither given nor stored")
        return self._save(program, by, note, expect_version)

    def keep_models(self, program: Program, files: Mapping[str, bytes]) -> None:
        """Store the models of a program, so that it can be loaded before it is saved. Raises
        Problem MODEL_..."""
        for name in models_of(program):
            if name in files:
                self._models.put(name, files[name])
            elif name not in self._models:
                raise Problem("MODEL_NOT_FOUND", f"{name} is neither given nor stored")

    def get(self, program_id: str, version: int | None = None) -> StoredProgram:
        """One version, or the newest if not deleted. Raises Problem PROGRAM_NOT_FOUND,
        PROGRAM_INVALID."""
        index = self._versions.index()
        entry = index.entries.get(program_id, IndexEntry(None, 0))
        number = version if version is not None else entry.head.version if entry.head else 0
        if not number:
            raise Problem("PROGRAM_NOT_FOUND", f"{program_id!r:.80}")
        if not 0 < number <= entry.last:
            raise Problem("PROGRAM_NOT_FOUND", f"{program_id!r:.80} has no version {number}")
        with self._lock:
            if self._parsed_at != index.stamp:
                self._parsed.clear()
                self._parsed_at = index.stamp
            parsed = self._parsed.get((program_id, number))
            if parsed is not None:
                self._parsed.move_to_end((program_id, number))
                return parsed
        row = self._versions.row(program_id, number)
        if row is None:
            raise Problem("STORE_CORRUPT", f"version {number} of {program_id} is gone")
        stored = _parse(program_id, row)
        with self._lock:
            if self._parsed_at == index.stamp:
                stored = self._parsed.setdefault((program_id, number), stored)
                while len(self._parsed) > PARSED:
                    self._parsed.popitem(last=False)
        return stored

    def list(self) -> tuple[Head, ...]:
        """The newest version of every program, by id."""
        return tuple(
            entry.head
            for entry in self._versions.index().entries.values()
            if entry.head is not None
        )

    def head(self, program_id: str) -> Head | None:
        """The newest version of one program; None if there is none, or if it is deleted."""
        return self._versions.index().entries.get(program_id, IndexEntry(None, 0)).head

    def versions(self, program_id: str) -> tuple[StoredProgram, ...]:
        """All versions of a program, oldest first, also of a deleted one. Raises Problem
        PROGRAM_NOT_FOUND."""
        last = self._versions.index().entries.get(program_id, IndexEntry(None, 0)).last
        if not last:
            raise Problem("PROGRAM_NOT_FOUND", f"{program_id!r:.80}")
        return tuple(
            _parse(program_id, row)
            for number, row in sorted(self._versions.rows(program_id).items())
            if number <= last
        )

    def rollback(
        self, program_id: str, version: int, by: str, expect_version: int | None = None
    ) -> StoredProgram:
        """Store an old version again, as the newest."""
        return self._save(
            self.get(program_id, version).program,
            by,
            f"rollback to version {version}",
            expect_version,
        )

    def diff(self, program_id: str, a: int, b: int) -> builtins.list[Change]:
        """What changed from version `a` to version `b`; tools are compared by name:
        `tools[label].low`."""
        return differences(
            "",
            self.get(program_id, a).program.document(),
            self.get(program_id, b).program.document(),
        )

    def delete(self, program_id: str, expect_version: int | None = None) -> None:
        """Remove a program; `get(id, version)` still reads it. Raises Problem PROGRAM_NOT_FOUND,
        PROGRAM_CONFLICT."""
        with self._versions.change() as index:
            head = index.entry(program_id).head
            if head is None:
                raise Problem("PROGRAM_NOT_FOUND", f"{program_id!r:.80}")
            _expect(expect_version, head)
            index.delete(program_id, utc())

    def master(self, program: Program) -> bytes | None:
        """The master image's file, None without one. Raises Problem MASTER_IMAGE_NOT_FOUND,
        STORE_CORRUPT."""
        return None if program.master is None else self._masters.get(program.master)

    def file(self, name: str) -> bytes:
        """What a tool was taught. Raises Problem MODEL_NOT_FOUND, STORE_CORRUPT."""
        return self._models.get(name)

    def import_(
        self,
        source: Path | bytes,
        by: str,
        note: str = "imported",
        settings: ProgramSettings | None = None,
    ) -> StoredProgram:
        """Store a program from a JSON file (its master beside it) or a .zip bundle. Raises Problem,
        as `save`."""
        imported = read_import(source, settings or ProgramSettings())
        return self.save(imported.program, imported.master, by, note, files=imported.files)

    def export(
        self, program_id: str, version: int | None = None, settings: ProgramSettings | None = None
    ) -> bytes:
        """A .zip bundle, the same bytes for the same program, that imports to the same hash; signed
        if there is a key."""
        program = self.get(program_id, version).program
        document, master = written(program.document()), self.master(program)
        files = {name: self.file(name) for name in models_of(program)}
        if program.master and master:
            files[program.master] = master
        key = settings.signing_key if settings is not None else None
        return (
            zipped(document, files)
            if key is None
            else signed(document, files, key.get_secret_value())
        )

    def _save(
        self, program: Program, by: str, note: str, expect_version: int | None
    ) -> StoredProgram:
        with self._versions.change() as index:
            head, last = index.entry(program.id)
            _expect(expect_version, head)
            if head is not None and head.hash == program.hash:
                newest = self._versions.row(program.id, head.version)
                if newest is not None:
                    return _parse(program.id, newest)
            stored = StoredProgram(
                program=program,
                version=last + 1,
                hash=program.hash,
                saved_at=utc(),
                saved_by=by,
                note=note,
            )
            index.put(program.id, stored.model_dump(mode="json", by_alias=True))
        return stored


def _expect(expected: int | None, head: Head | None) -> None:
    newest = head.version if head is not None else 0
    if expected is not None and expected != newest:
        raise Problem(
            "PROGRAM_CONFLICT",
            f"version {expected} was edited, but the newest is {newest}",
            version=newest,
        )


def _parse(program_id: str, row: VersionRow) -> StoredProgram:
    """The version in a row; the program may be refused by a newer release than the one that stored
    it."""
    program = as_program(row["program"])
    try:
        return StoredProgram.model_validate({**row, "program": program})
    except ValidationError as error:
        raise Problem("STORE_CORRUPT", f"a version of {program_id}: {explain(error)}") from None
