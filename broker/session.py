"""The durable session of a node: one fresh connection after the other.

Theory of operation (contract, section 2). A connection is dialled elsewhere (dialling.py) and
served until it ends (served.py: the order of what happens then). Triggers are handed over as they
were read, many at a time, and are acknowledged when `take` returns, which is when all of them are
in the ledger (reading.py). When to try again is presence.py's.

What the broker lacks, refuses or does to us is a sentence among the reasons of the alarm BROKER
(reasons.py), each cleared by what ends it.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from broker.connection import Connection
from broker.dialling import Dialling
from broker.lane import ALONE, Lane
from broker.outbox import Outbox
from broker.presence import Presence
from broker.reading import Backlog, Delivery, ReadTriggers
from broker.reasons import Reasons, in_one
from broker.results import ResultLedger, Results
from broker.served import Lasting, Served
from broker.side import ConnectionEnd, Times
from broker.subscriptions import Subscriptions
from broker.troubles import Troubles
from broker.turns import Turns
from broker.wire import Incoming, Message
from schemas import Problem
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)

REST_S = 0.5  # between two beats, away from the broker
TELL_S = 0.1


class Session:
    """The node's side of the broker. Everything public may be called from any thread.

    take(deliveries) commits triggers, all of them, or raises. command(name, message, backlog) takes
    a command and returns at once. notice(what, message) hears of "online", "offline" and "trouble":
    all reasons in one message, empty if there are none. stations and commands are subscribed one by
    one where the broker has no wildcards; `state` is the folder of what is remembered.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        outbox: Outbox,
        ledger: ResultLedger,
        take: Callable[[list[Delivery]], None],
        command: Callable[[str, Incoming, Backlog | None], None],
        notice: Callable[[str, str], None],
        state: Path,
        stations: tuple[str, ...] = (),
        commands: tuple[str, ...] = (),
        times: Times = Times(),  # noqa: B008
        lane: Lane = ALONE,
    ) -> None:
        self.names = outbox.names
        self.outbox = outbox
        self.beat_ns = time.monotonic_ns()
        self.deaf: dict[str, str] = {}  # stations that cannot receive their triggers, and why
        self.reasons: tuple[str, ...] = ()
        self._lane = lane
        self._outbox = outbox
        self._ledger = ledger
        self._take = take
        self._command = command
        self._notice = notice
        self._times = times
        self._presence = Presence(settings, self.names.node, state, lane.name)
        self._dialling = Dialling(settings, times.connect_s, outbox.wake)
        self._subscriptions = Subscriptions(self.names, stations, commands, lane.kinds)
        self._results = Results(outbox, ledger)
        self._troubles = Troubles(self._presence.longest, no_dots=self._presence.no_dots)
        self._turns = Turns(outbox, self._results, self._troubles)
        self._reading = ReadTriggers()
        self._reasons = Reasons(settings, lane, self._presence, self._subscriptions, self._troubles)
        self._lasting = Lasting(
            settings,
            lane,
            times,
            outbox,
            self._presence,
            self._subscriptions,
            self._results,
            self._turns,
            self._reading,
            self._reasons,
            lambda deliveries: self._take(deliveries),
            lambda name, message, backlog: self._command(name, message, backlog),
            self._beat,
            self._online,
            self.pump,
        )
        self._stopping = threading.Event()
        self._served: Served | None = None
        self._told_at = 0.0
        self._thread = threading.Thread(
            target=self._run, name=f"broker {lane.name or 'first'}", daemon=True
        )
        self._last: Message | None = None

    # For other threads

    def start(self) -> None:
        """Begin connecting."""
        self._thread.start()

    @property
    def online(self) -> bool:
        """Whether results flow: connected and past the fence."""
        served = self._served
        return served is not None and served.passed

    @property
    def kind(self) -> Literal["persistent", "volatile"] | None:
        """What the broker keeps of our session; None while away."""
        served = self._served
        return served.kind if served is not None else None

    @property
    def protocol(self) -> Literal["5.0", "3.1.1"]:
        """The MQTT version that is spoken."""
        return self._presence.version

    @property
    def client_id(self) -> str:
        """The client id by which the broker knows us."""
        return self._presence.client_id

    def stop(self, last: bytes | None, limit_s: float) -> None:
        """Send what waits, then the last state, and leave; the broker keeps our session."""
        self._last = Message(self.names("state"), last, retain=True) if last is not None else None
        until = time.monotonic() + limit_s
        while self.online and time.monotonic() < until - limit_s / 2 and self._turns.waits:
            self._outbox.nudge()
            time.sleep(0.01)
        self._stopping.set()
        self._outbox.nudge()
        self._thread.join(until - time.monotonic())
        self._dialling.leave()
        if not self._thread.is_alive():
            self._outbox.close()

    @property
    def hears_commands(self) -> bool:
        """Whether the broker brings commands over this connection."""
        return self.kind is not None and self._subscriptions.hears is True

    def take_back(self) -> list[Message]:
        """What waits for the next connection, for somebody else to send; on this thread, once there
        is none."""
        return [*self._turns.take_back(), *self._outbox.shut()]

    @property
    def connects(self) -> int:
        """How many connections there have been."""
        return self._presence.connects

    @property
    def _connection(self) -> Connection | None:
        return self._served.connection if self._served is not None else None

    @property
    def counters(self) -> dict[str, int]:
        """What happened with the broker so far."""
        return {"connects": self.connects, "echoes": self._results.echoes, **self._turns.counters}

    # The thread

    def _run(self) -> None:
        self._outbox.attend(False)
        delay = 0.0
        while self._rest(delay):
            try:
                delay = self._one_connection()
            except Exception as error:
                # a fault of ours: the next connection starts clean, and the fault is reported
                log.exception("the connection to the broker failed")
                self._reasons.away(f"{type(error).__name__}: {error}")
                delay = 1.0
            self._tell()

    def _rest(self, delay: float) -> bool:
        """Wait that long, and until a connection is allowed; False to stop."""
        until, lane = time.monotonic() + delay, self._lane
        while not self._stopping.is_set():
            wanted = lane.may_connect()
            if wanted and (time.monotonic() >= until or lane.afresh()):
                break
            self._stopping.wait(
                max(0.02, min(REST_S if wanted else REST_S / 10, until - time.monotonic()))
            )
            self._beat()
        return not self._stopping.is_set()

    def _one_connection(self) -> float:
        """Connect, serve, and say how long to wait before the next."""
        presence = self._presence
        sock, ended = self._dialling.wait(self._stopping, self._beat, self._waits)
        stood_s = None
        blamed = False
        if sock is not None:
            self._lane.connecting()
            served = self._served = Served(self._lasting, presence.ask())
            began = time.monotonic()
            try:
                ended = served.run(sock, self._stopping.is_set, lambda: self._last)
            except Exception as error:
                log.exception("the connection to the broker failed")
                ended = ConnectionEnd("fault", f"{type(error).__name__}: {error}")
            finally:
                stood_s = time.monotonic() - began if served.connection.said is not None else None
                blamed = self._leave(served, ended)
        if self._stopping.is_set():
            with suppress(Problem):  # these then go out again at the next start
                self._results.finish()
            return 0.0
        if stood_s is None and presence.adapt(ended.reason):
            return 0.0
        self._lane.ended(ended, connected=stood_s is not None)
        delay, again = presence.delay(ended.reason, stood_s, explained=blamed)
        often = (
            f"; lost again and again: does another client use the id {self.client_id}, or is the"
            " network bad?"
        )
        self._reasons.away(ended.message + (often if again and not blamed else ""))
        log.warning("broker: %s; next try in %.1f s", ended.message, delay)
        return delay

    def _waits(self, why: str) -> None:
        self._reasons.away(why)
        self._tell()

    def _leave(self, served: Served, ended: ConnectionEnd) -> bool:
        """Put a connection away; True if it is known what caused its end."""
        connection = served.connection
        kind, current_at = served.kind, served.current_at
        self._served = None
        self._outbox.attend(False)
        self._reading.ended(connection)
        self._reasons.triggers_wait(None)
        blamed = False
        if ended.reason in ("lost", "ended"):
            blamed = self._subscriptions.ended()
        if ended.reason in ("lost", "ended") and not blamed:
            sizes = [
                (message, connection.size(message)) for message in connection.window.unanswered
            ]
            blamed = self._troubles.ended(sizes, ended.code, ended.message)
        self._turns.end(connection, self.names("_fence"))
        if kind is not None:
            self._presence.left(current_at)
            self._notice("offline", ended.message)
        self._results.end()
        return blamed

    def _beat(self) -> None:
        self.beat_ns = time.monotonic_ns()
        served = self._served
        self._presence.beat(
            online=served is not None and served.kind is not None and served.current
        )

    def pump(self) -> float:
        """Send what there is over the connection that stands, and tell how things are; seconds
        until there is more to do."""
        served = self._served
        wait_s = TELL_S if served is None else served.send()
        if time.monotonic() - self._told_at > TELL_S:
            self._tell()
        return wait_s

    def _online(self) -> None:
        self._notice("online", self.protocol)

    def _tell(self) -> None:
        """Bring the reasons up to date."""
        self._told_at = time.monotonic()
        self._presence.learn(self._troubles.longest.known, no_dots=self._troubles.no_dots)
        served, online = self._served, self.kind is not None
        reasons = self._reasons.all(served.marking if served is not None else None, online=online)
        deaf = self._subscriptions.deaf() if online else {}
        if reasons != self.reasons or deaf != self.deaf:
            self.reasons, self.deaf = reasons, deaf
            self._notice("trouble", in_one(reasons))
