"""What goes into the ledger and comes out of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.result import Result, Source, Verdict


class NewTrigger(NamedTuple):
    """One trigger on its way into the ledger; `older_ms` is how old it may have been when it was
    received."""

    station: str
    trigger_id: str
    payload: bytes
    body: str
    assigned: bool
    source: Source
    received_at: float
    received_ns: int
    older_ms: float = 0.0


class LedgerEntry(NamedTuple):
    """A trigger that waits for its inspection (build is None), or that is answered in the same
    commit."""

    new: NewTrigger
    build: Callable[[int], Result] | None = None


class WaitingTrigger(NamedTuple):
    """A trigger without a result; `this_boot` tells whether received_ns can be compared with
    now."""

    id: int
    station: str
    trigger_id: str
    body: str
    assigned: bool
    source: Source
    received_at: float
    received_ns: int
    this_boot: bool
    older_ms: float


class Answer(NamedTuple):
    """What a trigger was answered."""

    result_id: str
    seq: int
    verdict: Verdict


class TriggerStored(NamedTuple):
    """The trigger is new and now in the ledger."""

    id: int


class Duplicate(NamedTuple):
    """The id was known; `differs` if its payload was another; what it was answered, None if it
    still waits."""

    differs: bool
    answered: Answer | None = None


class OutboxRow(NamedTuple):
    """A committed result that the broker has not confirmed."""

    id: int
    result_id: str
    station: str
    payload: bytes


class KeptReply(NamedTuple):
    """The reply to a request; `digest` is over the content of its command, empty if it is from
    before version 3."""

    name: str
    digest: bytes
    payload: bytes


class TakenCommand(NamedTuple):
    """A command that is to be answered; `digest` is over its content, None as long as that could
    not be read."""

    request_id: str
    name: str
    digest: bytes | None
    response_topic: str | None
    correlation: bytes | None


class AlreadyAnswered(Exception):
    """The trigger has its result; it never changes. Not an error of the store."""


Settled = Callable[[Any, BaseException | None], None]
