"""The ledger as other processes read it, even while the node is making it."""

from contextlib import closing
from pathlib import Path

from schemas.store.disk import new_database
from schemas.store.ledger import Ledger
from schemas.store.ledger.reader import LedgerReader
from tests.rooms.promise.ledgers import new

COUNT = "SELECT count(*) FROM triggers"


def test_who_looked_while_the_ledger_was_being_made_sees_what_is_in_it_afterwards(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.db"
    with closing(LedgerReader(path)) as reader:
        before = reader.version()
        assert reader.row(COUNT, ())[0] == 0, "it is not there"
        new_database(path)
        reader.version()
        assert reader.row(COUNT, ())[0] == 0, "there is nothing in it yet"
        with closing(Ledger(path)) as ledger:
            ledger.accept(new("a"))
            assert reader.row(COUNT, ())[0] == 1
            made = reader.version()
            ledger.accept(new("b"))
            assert len({before, made, reader.version()}) == 3
