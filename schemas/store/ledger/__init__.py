"""The ledger: triggers, results and the outbox in SQLite (WAL, synchronous FULL), one writer with
group commit.

`engine` is how those who write stand in `line` and are committed, `reader` how it is read,
`opening` and `stamp` how damage and loss are found out, `log` how the write-ahead log stays small.
What is written stands in `triggers`, `outbox`, `replies` and `care`.
"""

from schemas.store.ledger.care import Care
from schemas.store.ledger.log import Log, LogHeld
from schemas.store.ledger.opening import MIGRATIONS, scripts
from schemas.store.ledger.outbox import OutboxRows
from schemas.store.ledger.replies import Replies
from schemas.store.ledger.shapes import (
    AlreadyAnswered,
    Answer,
    Duplicate,
    KeptReply,
    LedgerEntry,
    NewTrigger,
    OutboxRow,
    Settled,
    TakenCommand,
    TriggerStored,
    WaitingTrigger,
)
from schemas.store.ledger.triggers import Triggers

__all__ = [
    "MIGRATIONS",
    "AlreadyAnswered",
    "Answer",
    "Duplicate",
    "KeptReply",
    "Ledger",
    "LedgerEntry",
    "LogHeld",
    "NewTrigger",
    "OutboxRow",
    "Settled",
    "TakenCommand",
    "TriggerStored",
    "WaitingTrigger",
    "scripts",
]


class Ledger(Triggers, OutboxRows, Replies, Care, Log):
    """The ledger of one node. All methods may be called from any thread.

    committed(rows) gets committed results in the order of their commits; flush_soon() asks another
    thread to flush and says whether there is one. Raises Problem STORE_FAILED, STORE_NEWER when it
    is made.
    """
