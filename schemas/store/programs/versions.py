"""Where versions lie: one small database a program, and an index with the newest version of each.

`programs.json` is the index: what it names exists, so it is written last, and versions beyond the
last one that it knows (a saving that did not come to its end) do not exist. `versions/<id>.json`
holds the versions of one program by their numbers. So looking for changes reads one file, and
saving writes two, however many programs there are.

Stores of earlier releases had all versions in the one file; they are split when they are first
opened.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tinydb.table import Document

from schemas.errors import Problem
from schemas.store.disk import failed, replace
from schemas.store.documents import Content, Documents, SnapshotDatabase, Uncached, encode

FORMAT = 2  # 1: all versions in the index
VersionRow = dict[str, Any]


class Head(NamedTuple):
    """The newest version of a program, without its content."""

    id: str
    version: int
    hash: str
    name: str
    tools: int
    saved_at: str
    saved_by: str
    note: str


class IndexEntry(NamedTuple):
    """A program in the index: its newest version, None if it is deleted, and the last number that
    was given."""

    head: Head | None
    last: int


class Index(NamedTuple):
    """The index as it was under a stamp, in the order of ids."""

    stamp: bytes
    entries: dict[str, IndexEntry]


class Keyed(Uncached):
    """A table whose keys are words."""

    document_id_class = str  # type: ignore[assignment]


class Versions:
    """See the head of this file. Methods raise Problem STORE_FAILED, STORE_CORRUPT, STORE_NEWER."""

    def __init__(
        self, folder: Path, documents: Documents, on_problem: Callable[[Problem], None] | None
    ) -> None:
        self._folder = folder
        self._documents = documents
        self._on_problem = on_problem
        self._problems: dict[str, Problem] = {}
        self._index: Index | None = None

    @property
    def problem(self) -> Problem | None:
        """Why copies are in use instead of the files, as of the last reads."""
        return self._documents.problem or next(iter(self._problems.values()), None)

    def changed(self) -> bool:
        """Whether the index changed since it was last read here."""
        return self._index is None or self._index.stamp != self._documents.stamp()

    def index(self) -> Index:
        """The index as it is now; the same one again until it changes."""
        stamp = self._documents.stamp()  # read before the content: at worst it is read once more
        if self._index is None or self._index.stamp != stamp:
            database = self._documents.read()
            if "versions" in database.tables():
                with self._documents.change() as database:
                    self._split(database)
                return self.index()
            self._index = Index(stamp, _entries(database))
        return self._index

    @contextmanager
    def change(self) -> Iterator["Changing"]:
        """The index to be changed, locked for all processes; written when the block ends, not at
        all if it raises."""
        with self._documents.change() as database:
            self._split(database)
            yield Changing(self, database)

    def rows(self, program_id: str) -> dict[int, VersionRow]:
        """Every version of a program by number, as stored; with versions that do not exist."""
        documents = self._of(program_id)
        rows = {
            document.doc_id: dict(document) for document in documents.read().table("versions").all()
        }
        self._heard(program_id, documents)
        return rows

    def row(self, program_id: str, version: int) -> VersionRow | None:
        """One version as stored."""
        documents = self._of(program_id)
        document = documents.read().table("versions").get(doc_id=version)
        self._heard(program_id, documents)
        return dict(document) if isinstance(document, Document) else None

    def put(self, program_id: str, row: VersionRow, last: int) -> None:
        """Write a version behind the last one. What an earlier try left there is replaced."""
        documents = self._of(program_id)
        with documents.change() as database:
            table = database.table("versions")
            table.remove(doc_ids=[each.doc_id for each in table.all() if each.doc_id > last])
            table.insert(Document(row, doc_id=row["version"]))
        self._heard(program_id, documents)

    def _of(self, program_id: str) -> Documents:
        return Documents(
            self._folder / "versions" / f"{program_id}.json", self._on_problem, form=FORMAT
        )

    def _heard(self, program_id: str, documents: Documents) -> None:
        if documents.problem is None:
            self._problems.pop(program_id, None)
        else:
            self._problems[program_id] = documents.problem

    def _split(self, database: SnapshotDatabase) -> None:
        """Give every program of an earlier release its own file. The lock is held; the index is
        written after this."""
        if "versions" not in database.tables():
            return
        programs: dict[str, dict[int, VersionRow]] = {}
        for row in database.table("versions").all():
            programs.setdefault(row["id"], {})[row["version"]] = {
                key: row[key] for key in row if key != "id"
            }
        heads = {head["id"]: head["version"] for head in database.table("heads").all()}
        folder = self._folder / "versions"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for program_id, rows in programs.items():
                content = Content(
                    {"versions": {str(number): rows[number] for number in sorted(rows)}}, None
                )
                replace(folder / f"{program_id}.json", encode(content, FORMAT))
        except OSError as error:
            raise failed(str(folder), error) from error
        table = Keyed(database.storage, "programs")
        for program_id, rows in programs.items():
            entry = _entry(rows.get(heads.get(program_id) or 0), max(rows))
            table.upsert(Document(entry, doc_id=program_id))  # type: ignore[arg-type]
        database.drop_table("versions")
        database.drop_table("heads")


class Changing:
    """The index while it is changed."""

    def __init__(self, versions: Versions, database: SnapshotDatabase) -> None:
        self._versions = versions
        self._table = Keyed(database.storage, "programs")

    def entry(self, program_id: str) -> IndexEntry:
        """A program; one that never was has no head and no number."""
        document = self._table.get(doc_id=program_id)  # type: ignore[call-overload]
        return _parse(program_id, document) if isinstance(document, dict) else IndexEntry(None, 0)

    def put(self, program_id: str, row: VersionRow) -> None:
        """Write the next version, and make it the newest."""
        self._versions.put(program_id, row, self.entry(program_id).last)
        self._set(program_id, _entry(row, row["version"]))

    def delete(self, program_id: str, at: str) -> None:
        """Remove the newest version from the index; all versions stay."""
        self._set(program_id, {**_entry(None, self.entry(program_id).last), "deleted_at": at})

    def _set(self, program_id: str, value: VersionRow) -> None:
        if self._table.contains(doc_id=program_id):  # type: ignore[arg-type]
            self._table.remove(doc_ids=[program_id])  # type: ignore[list-item]
        self._table.insert(Document(value, doc_id=program_id))  # type: ignore[arg-type]


def _entry(row: VersionRow | None, last: int) -> VersionRow:
    """A line of the index for the newest version, None if there is none."""
    if row is None:
        return {"version": None, "last": last}
    kept = {key: row[key] for key in ("version", "hash", "saved_at", "saved_by", "note")}
    return {
        **kept,
        "last": last,
        "name": row["program"]["name"],
        "tools": len(row["program"]["tools"]),
    }


def _parse(program_id: str, row: VersionRow) -> IndexEntry:
    try:
        if row["version"] is None:
            return IndexEntry(None, row["last"])
        return IndexEntry(Head(program_id, *(row[name] for name in Head._fields[1:])), row["last"])
    except KeyError as error:
        raise Problem("STORE_CORRUPT", f"programs.json: {program_id} has no {error}") from None


def _entries(database: SnapshotDatabase) -> dict[str, IndexEntry]:
    documents = Keyed(database.storage, "programs").all()
    return {
        str(row.doc_id): _parse(str(row.doc_id), row)
        for row in sorted(documents, key=lambda row: str(row.doc_id))
    }
