"""What the node's own messages tell when they come back: where a backlog ends, what the broker
remembers, how late things are.

Theory of operation. Our persistent session subscribes to our own results and to `_fence`, so the
broker itself remembers what it got from us. After a reconnect a marker goes out to ourselves.
Whatever is delivered before it was sent while the node was away: it is backlog, however long its
delivery takes, and as old as the outage and that delivery together. Results whose echoes come
before the marker need not be sent again. The marker is sent again now and then, since a full queue
may have dropped it. Where the broker lost our session, or refuses these subscriptions, there are no
echoes to trust: what may have been sent before goes out again with the user property `attempt`. So
does what waits in a ledger that has lost its end: the confirmation may have been lost, and the echo
have come before.

While the connection stands, a ping each second, and under load a marker too, come back as late as
everything else is. The marker waits behind the triggers in the broker's queue; a ping does not, but
shows a link, or a process of ours, that stood still.

A broker may take our markers and bring none (a right that it enforces in silence, a bridge). Then
neither is there anything to wait for, nor do markers say that things are late. That is so when
nothing comes for a while; and where messages go on coming, when for long after a marker was taken
its queue for us is seen to be empty again and again: nothing comes between a ping and its answer,
while we owe it no acknowledgement of a trigger. From then on markers say nothing, until one comes
back.
"""

import time
from collections import deque

AGAIN_S = 5.0
GIVE_UP_S = 10.0
UNFENCED_S = 2.0
PAUSE_S = 0.5
# to wait for a marker while other messages come; and, without one, for a pause between them
LONGEST_S = (300.0, 30.0)
LOST_S = 30.0  # after a marker was taken, until it may be lost although others come
EMPTY = 10  # how often the queue is seen to be empty in that time
LATE_S = 1.0
TOLD_S = 2.0
MARKS = 64


class Fence:
    """One connection's fence."""

    def __init__(self, session_present: bool, outage_s: float) -> None:
        now = time.monotonic()
        self.passed = False
        # after a reboot the last confirmations may be forgotten here while the broker has forgotten
        # the echoes
        self.trusted = session_present and outage_s != float("inf")
        self._session_present = session_present
        self._outage_s = outage_s
        self._began_at = now
        self._heard_at = now
        self._free_at = now
        self._sent_at: float | None = None
        self._nonces: set[str] = set()
        self._refused = False

    @property
    def backlog_s(self) -> float | None:
        """The greatest age of what is delivered now; None if it is not backlog."""
        if self.passed or not self._session_present:
            return None
        return self._outage_s + time.monotonic() - self._began_at

    def heard(self) -> None:
        """Something was delivered."""
        self._heard_at = time.monotonic()

    def hold(self) -> None:
        """What was delivered is not being acknowledged, so nothing more may come."""
        self._free_at = self._heard_at = time.monotonic()

    def refuse(self) -> None:
        """No echoes will come."""
        self._refused, self.trusted = True, False

    def give_up(self) -> None:
        """There is nothing to wait for any more."""
        self.passed, self.trusted = True, False

    @property
    def long(self) -> bool:
        """Whether the marker has been away for long."""
        return not (self.passed or self._refused) and time.monotonic() - self._free_at > GIVE_UP_S

    def due(self) -> bool:
        """Whether to send a marker now."""
        if self.passed or self._refused:
            return False
        return self._sent_at is None or time.monotonic() - self._sent_at > AGAIN_S

    def sent(self, nonce: str) -> None:
        """A marker is on its way."""
        self._sent_at = time.monotonic()
        self._nonces.add(nonce)

    def came(self, nonce: str) -> bool:
        """A marker came back; True if it is one of ours that passes the fence."""
        if self.passed or nonce not in self._nonces:
            return False
        self.passed = True
        return True

    def waited(self) -> bool:
        """Whether waiting is over: nothing comes, and neither does the marker."""
        if self.passed:
            return False
        now = time.monotonic()
        waited_s, quiet_s = now - self._free_at, now - max(self._heard_at, self._began_at)
        if self._refused:
            over = (waited_s > UNFENCED_S and quiet_s > PAUSE_S) or waited_s > LONGEST_S[1]
        else:
            over = quiet_s > GIVE_UP_S or waited_s > LONGEST_S[0]
        if over:
            self.give_up()
        return over


class Overdue:
    """Whether the broker takes our markers and brings none."""

    def __init__(self) -> None:
        self.taken_at: float | None = None  # the oldest that is not back
        self._empty = 0
        self._heard = 0
        self._pings: deque[int | None] = deque()

    def taken(self) -> None:
        """The broker has confirmed a marker."""
        if self.taken_at is None:
            self.taken_at, self._empty = time.monotonic(), 0

    def came(self) -> None:
        """A marker is back."""
        self.taken_at = None

    def heard(self) -> None:
        """Something was delivered."""
        self._heard += 1

    def pinged(self, *, held: bool) -> None:
        """A ping goes out; `held` if the broker may deliver nothing, since what it delivered is not
        acknowledged yet."""
        self._pings.append(None if held else self._heard)

    def ponged(self) -> None:
        """The oldest ping is answered."""
        if self._pings and self._pings.popleft() == self._heard:
            self._empty += 1

    @property
    def lost(self) -> bool:
        """Whether the markers on their way can be given up."""
        return (
            self.taken_at is not None
            and time.monotonic() - self.taken_at > LOST_S
            and self._empty >= EMPTY
        )


class FenceMarks:
    """Marks of one kind on their way to the broker and back, in order."""

    def __init__(self) -> None:
        self.current_at = time.monotonic()  # up to here nothing was late
        self._out: deque[tuple[str, float]] = deque(maxlen=MARKS)

    def sent(self, name: str, at: float) -> None:
        """A mark is on its way."""
        if not self._out:
            self.current_at = max(self.current_at, at - LATE_S)
        self._out.append((name, at))

    def came(self, name: str) -> None:
        """A mark is back, and with it all marks before it."""
        if not any(name == each for each, _ in self._out):
            return
        while self._out:
            each, at = self._out.popleft()
            self.current_at = max(self.current_at, at)
            if each == name:
                return

    def behind_s(self, now: float) -> float:
        """How old what comes now may be: 0 if the oldest mark has not been away for long."""
        late = bool(self._out) and now - self._out[0][1] > LATE_S
        return now - self.current_at if late else 0.0


class Lag:
    """How late what the broker delivers over this connection is."""

    def __init__(self) -> None:
        self._pings = FenceMarks()
        self._markers = FenceMarks()
        self._number = 0
        self._returned = 0

    def ping(self, at: float) -> None:
        """A ping goes out; `at` lies in the past if the process could not send it then."""
        self._number += 1
        self._pings.sent(str(self._number), at)

    def pong(self) -> None:
        """The oldest ping is answered."""
        self._returned += 1
        self._pings.came(str(self._returned))

    def marker(self, nonce: str) -> None:
        """A marker goes out. While pings are late the queue at the broker grows as well, so it
        counts from before that."""
        now = time.monotonic()
        self._markers.sent(nonce, now - self._pings.behind_s(now))

    def stood_still(self, since: float) -> None:
        """Nobody has looked since then: what waits in the broker's queue has waited as long, until
        the next marker is back."""
        self._markers.sent("", since)

    def came(self, nonce: str) -> None:
        """A marker is back."""
        self._markers.came(nonce)

    def forget(self) -> None:
        """No marker comes back: from now on only pings tell."""
        self._markers = FenceMarks()

    @property
    def current_at(self) -> float:
        """Up to here nothing was late on the way (monotonic seconds)."""
        return self._pings.current_at

    @property
    def behind_s(self) -> float:
        """How old what comes now may be; 0 if it is fresh."""
        now = time.monotonic()
        return max(self._pings.behind_s(now), self._markers.behind_s(now))
