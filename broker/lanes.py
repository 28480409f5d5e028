"""Two connections of one node: what controls it does not wait behind its triggers.

Theory of operation. A broker delivers to a session in order, so a command would wait behind every
trigger before it: seconds in a storm, and for ever where triggers cannot be stored. Hence commands
have a session of their own, with a connection, a thread, a window and an outbox for replies and
metrics. Triggers, results, the state with its last will, and all else that is told stay with the
first one.

The second one connects once the first is on line. Where it is turned away, or gone for GRACE_S, the
first one listens to commands too, which is told, and leaves them again when the second has them. So
that no command is lost on the way from one to the other, both listen for a moment, and the session
that a broker keeps for the one that is away holds what the other has heard: what came over one
connection and comes over the other is the same message and is passed over (twice.py). The state
waits until somebody listens to commands, since a client that waits for it may send one.

A broker may have room for one connection only, and end the first when the second comes (one session
an account, or the account's name taken for the id). If that happens twice, and the second stays, it
is withdrawn, for ever longer. Another client may have the second's id, and take its session with
what waits there: where it is lost again and again while the first stands, both listen until it has
stood for long.

One file: the two connections hand work to each other, and how is seen only with both in sight.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from broker.lane import Lane
from broker.outbox import Outbox
from broker.reading import Backlog, Delivery
from broker.reasons import in_one
from broker.results import NoLedger, ResultLedger
from broker.session import Session
from broker.side import ConnectionEnd, Times
from broker.twice import Twice
from broker.wire import Incoming
from schemas.settings import BrokerSettings

GRACE_S = 5.0
KICKED_S = 2.0  # the first connection ends this soon after the second began: that may be why
STOOD_S = 10.0  # both were there for this long: it had another reason
STRIKES = 2
GONE_TOO = 0.25  # of a strike, where the second was gone too, as when a broker restarts
SETTLE_S = 1.0  # how long the second may take until it is told what it lacks
LOSSES_S = 60.0  # lost twice in it, the second is not relied on
WITHDRAWN_S = (60.0, 3600.0)
AWAY = ("unreachable", "silent")
FIRST, CONTROL = 0, 1


class Handover:
    """Which of the two connections listens to commands. Each value is written by one thread, and
    read by the other."""

    def __init__(self) -> None:
        self.twice = Twice()
        self.first_at: float | None = None  # when the first came on line (monotonic seconds)
        self.control_at = float("-inf")  # when the second began to connect, or had its answer
        self.control_there = False  # whether it has not ended since
        self.heard = False  # whether commands come over the second
        self.deaf_at = time.monotonic()  # since when they do not
        self.turned_away = False  # the broker does not want the second
        self.withdrawn_until = 0.0
        self.losses: deque[float] = deque(maxlen=2)  # when the second was lost, the last few times
        self.ended_at = float("-inf")  # when it ended the last time, or could not come
        self.reasons: tuple[str, ...] = ()  # what is wrong with it

    def unsteady(self, now: float) -> bool:
        """Whether the second connection is lost again and again while the first stands, and has not
        stood for long since."""
        first_at = self.first_at
        if (
            first_at is None
            or len(self.losses) < 2
            or self.losses[0] < max(first_at, now - LOSSES_S)
        ):
            return False
        return not self.heard or now - self.control_at < STOOD_S

    def deaf(self) -> None:
        """Commands do not come over the second connection."""
        if self.heard:
            self.heard, self.deaf_at = False, time.monotonic()


class First(Lane):
    """The lane of triggers and results."""

    def __init__(self, handover: Handover) -> None:
        self._handover = handover
        self._kicked = False  # it ended just after the second had come
        self._strikes = 0.0
        self._withdrawn_s = WITHDRAWN_S[0]
        self._takes_over = False

    def connecting(self) -> None:
        """CONNECT goes out, which may end the second; one that has ended before it went with the
        broker, or the network."""
        kicked, self._kicked = self._kicked, False
        self._strikes += kicked * (1.0 if self._handover.control_there else GONE_TOO)
        if kicked and self._strikes >= STRIKES:
            self._handover.withdrawn_until = time.monotonic() + self._withdrawn_s
            self._withdrawn_s = min(WITHDRAWN_S[1], 2 * self._withdrawn_s)

    def connected(self, *, session_present: bool) -> None:
        if not session_present:
            self._handover.twice.forgotten(FIRST)

    def online(self) -> None:
        self._handover.first_at = time.monotonic()

    def ended(self, why: ConnectionEnd, *, connected: bool) -> None:
        handover, now = self._handover, time.monotonic()
        handover.first_at, self._takes_over = None, False
        if connected and why.reason in ("lost", "ended", "taken_over"):
            self._kicked = now - handover.control_at <= KICKED_S

    def wants_commands(self) -> bool | None:
        handover, now = self._handover, time.monotonic()
        if handover.first_at is None:
            return None
        unsteady = handover.unsteady(now)
        if handover.heard and not unsteady:
            if now - max(handover.control_at, handover.first_at) > STOOD_S:
                self._strikes, self._withdrawn_s = 0.0, WITHDRAWN_S[0]
            return False
        withdrawn = now < handover.withdrawn_until
        if (
            unsteady
            or withdrawn
            or handover.turned_away
            or now - max(handover.first_at, handover.deaf_at) > GRACE_S
        ):
            handover.twice.listens(FIRST)
            return True
        return None

    def hears_commands(self, heard: bool) -> None:
        self._takes_over = heard

    def left_commands(self) -> None:
        self._takes_over = False
        self._handover.twice.leaves(FIRST)

    def may_greet(self) -> bool:
        return self._handover.heard

    def told(self) -> list[str]:
        handover, now = self._handover, time.monotonic()
        withdrawn = now < handover.withdrawn_until
        why = (
            "the broker ends the connection of triggers when there is another one for commands: "
            if withdrawn
            else ""
        )
        own = (
            [f"{why}commands come over the connection of triggers, and may wait behind them"]
            if self._takes_over
            else []
        )
        settling = (
            handover.first_at is None or now - max(handover.first_at, handover.deaf_at) < SETTLE_S
        )
        return (
            own
            if settling and not (handover.heard or handover.turned_away)
            else [*own, *handover.reasons]
        )


class Control(Lane):
    """The lane of commands and their replies."""

    name = "control"
    kinds = ("cmd", "_fence")
    will = False
    about = "the connection for commands: "

    def __init__(self, handover: Handover) -> None:
        self._handover = handover

    def may_connect(self) -> bool:
        return (
            self._handover.first_at is not None
            and time.monotonic() >= self._handover.withdrawn_until
        )

    def afresh(self) -> bool:
        handover = self._handover
        return handover.first_at is not None and handover.first_at > handover.ended_at

    def connecting(self) -> None:
        self._handover.control_at, self._handover.control_there = time.monotonic(), True

    def connected(self, *, session_present: bool) -> None:
        handover = self._handover
        handover.control_at = time.monotonic()
        if not session_present:
            handover.twice.forgotten(CONTROL)
        handover.twice.listens(CONTROL)

    def ended(self, why: ConnectionEnd, *, connected: bool) -> None:
        handover = self._handover
        handover.control_there, handover.ended_at = False, time.monotonic()
        if connected:
            handover.losses.append(handover.ended_at)
        handover.turned_away = not connected and why.reason not in AWAY
        handover.deaf()

    def hears_commands(self, heard: bool) -> None:
        handover = self._handover
        if heard:
            handover.heard, handover.turned_away = True, False
            return
        handover.twice.forgotten(CONTROL)
        handover.twice.listens(CONTROL)  # it is asked for again
        handover.turned_away = True
        handover.deaf()


class Lanes:
    """The node's side of the broker: two sessions that look like one. See Session for what is
    handed in."""

    def __init__(
        self,
        settings: BrokerSettings,
        outbox: Outbox,
        ledger: ResultLedger,
        take: Callable[[list[Delivery]], None],
        command: Callable[[str, Incoming, Backlog | None], None],
        notice: Callable[[str, str], None],
        state: Path,
        stations: Iterable[str],
        commands: Iterable[str],
        times: Times = Times(),  # noqa: B008
    ) -> None:
        handover = self._handover = Handover()
        self._notice = notice
        self._outbox = outbox
        self.reasons: tuple[str, ...] = ()
        assert outbox.control is not None

        def heard(lane: int) -> Callable[[str, Incoming, Backlog | None], None]:
            return lambda name, message, backlog: handover.twice.once(
                lane, message, lambda: command(name, message, backlog)
            )

        self.first = Session(
            *(
                settings,
                outbox,
                ledger,
                take,
                heard(FIRST),
                self._of_first,
                state,
                tuple(stations),
                tuple(commands),
                times,
            ),
            First(handover),
        )
        # where the broker takes both for one client it may bring triggers over either
        self.control = Session(
            *(
                settings,
                outbox.control,
                NoLedger(),
                take,
                heard(CONTROL),
                self._of_control,
                state,
                (),
                tuple(commands),
                times,
            ),
            Control(handover),
        )
        self._both = self.first, self.control

    def start(self) -> None:
        """Begin connecting."""
        for session in self._both:
            session.start()

    def stop(self, last: bytes | None, limit_s: float) -> None:
        """Send what waits, then the last state, and leave; the broker keeps our sessions."""
        until = time.monotonic() + limit_s
        self.control.stop(None, limit_s / 4)
        self.first.stop(last, until - time.monotonic())

    @property
    def beats(self) -> dict[str, int]:
        """When each thread last gave a sign of life (monotonic ns)."""
        return {"broker": self.first.beat_ns, "broker control": self.control.beat_ns}

    @property
    def online(self) -> bool:
        """Whether results flow: connected and past the fence."""
        return self.first.online

    @property
    def kind(self) -> Literal["persistent", "volatile"] | None:
        """What the broker keeps of our session; None while away."""
        return self.first.kind

    @property
    def protocol(self) -> Literal["5.0", "3.1.1"]:
        """The MQTT version that is spoken."""
        return self.first.protocol

    @property
    def deaf(self) -> dict[str, str]:
        """Stations that cannot hear their triggers, and why."""
        return self.first.deaf

    @property
    def commands(self) -> Literal["apart", "shared"] | None:
        """Over which connection commands come: one of their own, or that of triggers; None if over
        none."""
        if self.first.hears_commands:
            return "shared"
        return "apart" if self._handover.heard else None

    @property
    def counters(self) -> dict[str, int]:
        """What happened with the broker so far, over both connections."""
        first, control = (
            session.counters | {"dropped": session.outbox.dropped} for session in self._both
        )
        return {name: number + control[name] for name, number in first.items()}

    # On the sessions' threads

    def _of_first(self, what: str, message: str) -> None:
        if what == "trouble":
            self.reasons = tuple(dict.fromkeys(self.first.reasons))
            message = in_one(self.reasons)
        self._notice(what, message)

    def _of_control(self, what: str, _message: str) -> None:
        if what == "online":
            self.control.outbox.open()
        elif what == "offline":
            for each in self.control.take_back():
                self._outbox.post_raw(each)
        elif what == "trouble":
            self._handover.reasons = self.control.reasons
