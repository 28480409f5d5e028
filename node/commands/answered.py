"""What commands were answered: the same command is answered again and not done again, any other one
with its id is refused.

What moved or changed something is kept in the ledger, over restarts; what only reads need not
survive one, nor does what is too large: the newest of those are kept here.
"""

import contextlib
import hashlib
from collections import OrderedDict

from schemas import Problem, Reply, canonical
from schemas.command import Command
from schemas.result import Fault
from schemas.store.ledger import KeptReply, Ledger, TakenCommand

READS = ("ping", "capture", "show", "try_program", "calibrate")
RECENT = 16
RECENT_BYTES = 32 * 1024 * 1024
KEPT_BYTES = 16384
INTERRUPTED = Problem(
    "INTERRUPTED", "the node ended before this command was answered: it may have been done, or not"
)


class GivenReplies:
    """See the head of this file. Used on the thread of commands."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._recent: OrderedDict[str, KeptReply] = OrderedDict()

    def known(self, name: str, command: Command, digest: bytes) -> Reply | None:
        """The reply to the same command, if it was done before. Raises Problem BAD_COMMAND for
        another one with its id."""
        request_id = command.request_id
        kept = self._recent.get(request_id)
        try:
            kept = kept or self._ledger.reply(request_id)
        except Problem:  # what only reads is done whether or not the ledger can be read
            if name not in READS:
                raise
        if kept is None:
            return None
        if kept.name != name:
            raise Problem("BAD_COMMAND", f"request_id {request_id} was used for {kept.name}")
        if kept.digest not in (digest, b""):  # a reply of an older version has none
            raise Problem(
                "BAD_COMMAND", f"request_id {request_id} was used for a {name} with other content"
            )
        return Reply.model_validate_json(kept.payload).model_copy(update={"repeated": True})

    def keep(self, name: str, digest: bytes, reply: Reply) -> Reply:
        """Keep a final reply; as it is to be sent: with a warning if it could not be stored."""
        kept = KeptReply(name, digest, reply.model_dump_json().encode())
        if name not in READS and len(kept.payload) <= KEPT_BYTES:
            try:
                self._ledger.keep_reply(reply.request_id, *kept)
                return reply
            except Problem as problem:  # it is done, and the sender must know
                what = "this reply is not stored, so after a restart a repetition would be done"
                reply = reply.model_copy(update={"warning": warning(problem, what)})
        self._recent[reply.request_id] = kept
        while (
            len(self._recent) > RECENT
            or sum(len(each.payload) for each in self._recent.values()) > RECENT_BYTES
        ):
            self._recent.popitem(last=False)
        return reply

    def left(self, taken: TakenCommand) -> Reply:
        """The kept reply of a command that an end of the process left, or that it was interrupted,
        which is kept."""
        kept = self._ledger.reply(taken.request_id)
        if kept is not None and (kept.name, kept.digest) == (taken.name, taken.digest):
            return Reply.model_validate_json(kept.payload)
        reply = refused(taken.request_id, INTERRUPTED)
        if kept is None and taken.digest is not None:
            with contextlib.suppress(Problem):
                self._ledger.keep_reply(
                    taken.request_id, taken.name, taken.digest, reply.model_dump_json().encode()
                )
        return reply


def content(command: Command) -> bytes:
    """What a request_id was given for; the same command sent again may say another time."""
    said = command.model_dump(mode="json", exclude={"request_id", "sent_at"})
    return hashlib.blake2b(canonical(said), digest_size=16).digest()


def final(name: str, reply: Reply) -> bool:
    """Whether the same command, which a broker may bring once more, gets this reply again and is
    not tried again."""
    if reply.error is None or reply.error.code == "COMMAND_STALE":
        return True
    return name not in READS and reply.error.code != "STORE_FAILED"


def refused(request_id: str, problem: Problem) -> Reply:
    """The reply to a command that is not carried out."""
    return Reply(
        request_id=request_id,
        ok=False,
        error=Fault(code=problem.code, message=problem.message[:1000]),
    )


def warning(problem: Problem, what: str) -> Fault:
    """What went wrong beside a command that was carried out."""
    return Fault(code=problem.code, message=f"{what}: {problem.message}"[:1000])
