"""Commands: each with its payload model, one at a time on a thread of their own, answered once for
each request_id.

Whatever comes is answered: what is taken stands in the ledger before it is acknowledged, until the
broker has its reply, and what an end of the process left without one is answered at the next start.
An id answers only what it was given for: the same command is answered again and not done again, any
other one is refused. What waited too long moves and starts nothing, and what comes faster than it
can be done is answered BUSY.

One file: what becomes of a command from its arrival to its reply is one state, under one lock.
"""

import contextlib
import logging
import queue
import threading
import time
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError

from broker.outbox import Outbox
from broker.reading import Backlog
from broker.wire import Incoming, Message
from node.arrival import Received
from node.commands.actions import Actions
from node.commands.answered import READS, GivenReplies, content, final, refused, warning
from node.commands.audit import Audit
from node.commands.reach import Asked
from node.seldom import Seldom
from schemas import CommandSettings, Problem, Reply, read_json
from schemas.base import READABLE_BYTES, digits, explain, plain, readable, unpadded
from schemas.command import COMMANDS, MAX_COMMAND_BYTES, Command
from schemas.store.ledger import Ledger, TakenCommand
from schemas.trigger import seconds

log = logging.getLogger(__name__)

LINE = 64
LINE_BYTES = 64 * 1024 * 1024
AUDITED = frozenset(COMMANDS) - {*READS, "trigger"}  # a trigger has its result
REPLY_EXPIRY_S = 60
# larger ones, which hold pictures, are read on the thread of commands
READ_AT_ONCE_BYTES = 64 * 1024
UNKNOWN = "unknown"


class _Taken(NamedTuple):
    name: str
    message: Incoming
    backlog: Backlog | None
    received: Received
    row: int | None  # in the ledger; None if nothing could be stored


class Commands:
    """See the head of this file."""

    def __init__(
        self,
        settings: CommandSettings,
        actions: Actions,
        ledger: Ledger,
        outbox: Outbox,
        audit: Audit,
    ) -> None:
        self.beat_ns = time.monotonic_ns()
        self._settings = settings
        self._actions = actions
        self._ledger = ledger
        self._answered = GivenReplies(ledger)
        self._outbox = outbox
        self._audit = audit
        self._seldom = Seldom(outbox)
        self._line: queue.Queue[_Taken] = queue.Queue(LINE)
        # about the commands that wait: each is written by one thread only
        self._bytes_in = self._bytes_out = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="commands", daemon=True)
        self._tokens = float(settings.burst)  # a token bucket, taken from by the broker's thread
        self._filled_at = time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def recover(self) -> None:
        """After a start: answer commands that were taken and may not have been answered."""
        try:
            for row, taken in self._ledger.commands():
                reply = self._answered.left(taken)
                log.warning(
                    "command %s %s may have had no reply",
                    plain(taken.name, 64),
                    plain(taken.request_id, 64),
                )
                message = Incoming(
                    "", b"", response_topic=taken.response_topic, correlation=taken.correlation
                )
                self._reply(taken.name, message, reply, row)
        except Problem as problem:  # the ledger: they are answered at another start
            log.error("commands without a reply could not be answered: %s", problem.message)

    def stop(self, limit_s: float) -> None:
        """Finish the current command, answer those that wait, then end."""
        self._stopping = True
        self._thread.join(limit_s)
        with contextlib.suppress(queue.Empty):
            while True:
                waiting = self._line.get_nowait()
                self._busy(waiting.name, waiting.message, "the node stops", waiting.row)

    def put(self, name: str, message: Incoming, backlog: Backlog | None = None) -> None:
        """A message on a command topic: when it returns it may be acknowledged. Called on the
        broker's thread; never raises."""
        try:
            self._put(name, message, backlog)
        except Exception as error:
            # if not acknowledged, it would end the connection, be delivered again, and end the next
            # one
            log.exception("a command could not be taken")
            with contextlib.suppress(Exception):  # the log has the first one
                self._reply(name, message, _faulty(message, error), None)

    def _put(self, name: str, message: Incoming, backlog: Backlog | None) -> None:
        if message.retain:
            self._seldom("command.retained", None, {"name": name[:64]})
            return
        if not self._token():
            self._busy(name, message, f"more than {self._settings.per_second:g} commands a second")
            return
        if self._bytes_in - self._bytes_out + len(message.payload) > LINE_BYTES:
            self._busy(name, message, "the commands that wait already are too large")
            return
        if self._line.full():  # nobody else puts anything in
            self._busy(name, message, f"{LINE} commands wait already")
            return
        received = Received.now()
        self._line.put_nowait(_Taken(name, message, backlog, received, self._take(name, message)))
        self._bytes_in += len(message.payload)

    def _take(self, name: str, message: Incoming) -> int | None:
        """Put it into the ledger; returns its row, None if that is impossible: then it is carried
        out all the same, as a pause must be."""
        if self._ledger.failing is not None:
            return None
        digest = None
        if len(message.payload) <= READ_AT_ONCE_BYTES:
            with contextlib.suppress(Problem):
                digest = content(_command(name, message.payload))
        topic = message.response_topic
        topic = topic if topic is not None and self._outbox.names.of_client(topic) else None
        taken = TakenCommand(
            _request_id(message.payload),
            name[:64],
            digest,
            topic,
            message.correlation if topic else None,
        )
        with contextlib.suppress(Problem):
            return self._ledger.take_command(taken, durable=name not in READS)
        return None

    def _token(self) -> bool:
        now = time.monotonic()
        filled = self._tokens + (now - self._filled_at) * self._settings.per_second
        self._filled_at = now
        self._tokens = min(float(self._settings.burst), filled)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _busy(self, name: str, message: Incoming, why: str, row: int | None = None) -> None:
        self._seldom("command.busy", None, {"name": name[:64], "message": why})
        request_id = _request_id(message.payload)
        if name in AUDITED:
            self._audit.void(name, request_id)
        self._reply(name, message, refused(request_id, Problem("BUSY", why)), row)

    # The thread

    def _run(self) -> None:
        try:
            while not self._stopping:
                self.beat_ns = time.monotonic_ns()
                self.work(0.25)
        finally:
            self._audit.close()

    def work(self, wait_s: float) -> None:
        """Answer the next command, if one comes in time."""
        try:
            waiting = self._line.get(timeout=wait_s)
        except queue.Empty:
            self._actions.rest()
            return
        self._bytes_out += len(waiting.message.payload)
        try:
            reply = self._answer(waiting)
        except Exception as error:
            log.exception("command %s failed", waiting.name)
            reply = _faulty(waiting.message, error)
        try:
            self._reply(waiting.name, waiting.message, reply, waiting.row)
        except Exception:  # its row stays, and is answered at the next start
            log.exception("the reply to command %s could not be sent", waiting.name)

    def _answer(self, waiting: _Taken) -> Reply:
        name, payload = waiting.name, waiting.message.payload
        request_id = ""
        try:
            command = _command(name, payload)
            request_id = command.request_id
            digest = content(command)
            if waiting.row is not None and len(payload) > READ_AT_ONCE_BYTES:
                with contextlib.suppress(Problem):
                    self._ledger.read_command(waiting.row, request_id, digest)
            known = self._answered.known(name, command, digest)
        except Problem as problem:
            return refused(request_id or _request_id(payload), problem)
        if known is not None:
            return known
        unwritten = self._audit.command(name, command, waiting.message) if name in AUDITED else None
        try:
            reply = Reply(
                request_id=request_id,
                ok=True,
                data=self._actions.do(name, command, self._asked(waiting, command)),
            )
        except Problem as problem:
            reply = refused(request_id, problem)
        except Exception as error:
            log.exception("command %s failed", name)
            reply = refused(request_id, Problem("INTERNAL", f"{type(error).__name__}: {error}"))
        if name in AUDITED and reply.error is not None:
            unwritten = self._audit.failed(name, command, reply.error.code) or unwritten
        if unwritten is not None:
            log.error(
                "command %s %s is not in the audit: %s",
                name,
                plain(request_id, 64),
                unwritten.message,
            )
            reply = reply.model_copy(
                update={"warning": warning(unwritten, "this is not in the audit")}
            )
        if name not in READS:  # the journal has it, also while no web writes an audit
            log.info(
                "command %s %s: %s",
                name,
                plain(request_id, 64),
                reply.error.code if reply.error else "done",
            )
        if final(name, reply):
            reply = self._answered.keep(name, digest, reply)
        elif name in AUDITED:
            self._audit.void(name, request_id)
        return reply

    def _asked(self, waiting: _Taken, command: Command) -> Asked:
        """How old it is: by sent_at, if it waited while the node was away, else by the time since
        it was received."""
        limit_ms = self._settings.max_age_ms
        waited_ms = (time.monotonic_ns() - waiting.received.ns) / 1e6
        stale = None
        if command.sent_at is not None:
            age_ms = (waiting.received.at - seconds(command.sent_at)) * 1000 + waited_ms
            stale = (
                f"sent {age_ms:.0f} ms ago, at most {limit_ms} ms are allowed"
                if age_ms > limit_ms
                else None
            )
        if waiting.backlog is not None and waiting.backlog.outage_s * 1000 + waited_ms > limit_ms:
            stale = stale or "it was sent while the node was away from the broker"
        if waited_ms > limit_ms:
            stale = (
                stale
                or f"it waited {waited_ms:.0f} ms behind others, at most {limit_ms} ms are allowed"
            )
        vouched = self._audit.vouched(waiting.name, command)
        return Asked(waiting.received, waiting.backlog, stale, vouched)

    def _reply(self, name: str, message: Incoming, reply: Reply, row: int | None) -> None:
        """Publish a reply; when the broker has its last copy, the command's row goes."""
        payload = reply.model_dump_json().encode()
        heard = None if row is None else partial(self._ledger.command_answered, row)
        topic = message.response_topic
        own = topic is not None and self._outbox.names.of_client(topic)
        apart = name != "resend"  # it queues behind what was asked for
        leaf = name if name in COMMANDS else UNKNOWN
        self._outbox.post("reply", leaf, payload, apart=apart, token=None if own else heard)
        if topic is None:
            return
        if own:
            copy = Message(
                topic,
                payload,
                expiry_s=REPLY_EXPIRY_S,
                correlation=message.correlation,
                token=heard,
            )
            self._outbox.post_raw(copy, apart=apart)
        else:
            allowed = f"{self._outbox.names.base}/_client/..."
            self._seldom(
                "command.response_topic", None, {"refused": topic[:200], "allowed": allowed}
            )


def _command(name: str, payload: bytes) -> Command:
    if len(payload) > MAX_COMMAND_BYTES:
        raise Problem(
            "BAD_COMMAND", f"payload of {len(payload)} bytes is larger than {MAX_COMMAND_BYTES}"
        )
    value: Any = read_json(unpadded(payload), limit=MAX_COMMAND_BYTES, code="BAD_COMMAND")
    if name not in COMMANDS:
        raise Problem("UNKNOWN_COMMAND", name[:64])
    try:
        return COMMANDS[name].model_validate(value)
    except ValidationError as error:
        raise Problem("BAD_COMMAND", explain(error)) from None


def _faulty(message: Incoming, error: Exception) -> Reply:
    """The answer to a command that met a fault of ours."""
    problem = Problem("INTERNAL", f"{type(error).__name__}: {error}")
    return refused(_request_id(message.payload), problem)


def _request_id(payload: bytes) -> str:
    """The id in a message that is not a command, or is not looked at closely."""
    request_id = digits(readable(unpadded(payload[:READABLE_BYTES]))[0].get("request_id"))
    return request_id[:64] if isinstance(request_id, str) and request_id else UNKNOWN
