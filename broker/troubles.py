"""Topics that the broker does not accept: which one is to blame, what waits meanwhile, and when it
is tried again.

Theory of operation. A broker refuses a message by PUBACK, by DISCONNECT or by closing the
connection. PUBACK names it. An end of the connection does not: every topic with a message on its
way is suspected, at once if the broker gave a reason that can be a topic's, at the second time in a
row if it just closed. A suspect is sent alone, when nothing else is on its way; if the connection
ends again, it was that one, and it is left alone for a while, so that all the others go on. A
PUBACK clears it.

Where the trouble may be a size, shorter messages are tried before the topic waits (longest.py).

A broker that closes at every topic with a dot (NATS before 2.10) would cost a connection for each
alarm of a station. So the first such topic speaks for all, as long as none was ever taken: each
goes alone, and once one is to blame they wait together, and one of them is tried less and less
often.
"""

import time
from collections.abc import Iterable

from broker.longest import Known, Longest
from broker.wire import Message

AGAIN_S = (5.0, 20.0)  # a refused topic is tried again after
CONVICTED_S = 30.0  # each try may cost the connection
DOTS_S = (15.0, 3600.0)  # the same for all topics with a dot together: first and longest
# reasons to end that can be one message's fault
TOPIC_CODES = {0x80, 0x82, 0x83, 0x87, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B}
TOO_LARGE = 0x95
SMALLEST = 256
REMEMBERED = 1000


class _Trouble:
    def __init__(self) -> None:
        self.strikes = 0
        self.alone = False
        self.until = 0.0
        self.refusals = 0
        self.limit: int | None = None
        self.told: str | None = None


class _Dots:
    """What becomes of topics with a dot in their last level; `refused` is as remembered of this
    broker."""

    def __init__(self, refused: bool) -> None:
        self.refused = refused
        self.suspected = refused
        self.taken = False
        self._wait_s = DOTS_S[0]
        self._until = time.monotonic() + DOTS_S[0] if refused else 0.0

    def concern(self, topic: str) -> bool:
        """Whether it is a topic of which nobody knows that the broker takes it."""
        return not self.taken and "." in topic.rpartition("/")[2]

    def held(self, topic: str) -> bool:
        """Whether it waits together with all topics like it."""
        return self.refused and self.concern(topic) and self._until > time.monotonic()

    def convict(self) -> None:
        """The broker has ended the connection because of one of them."""
        self.refused = self.suspected = True
        self._until = time.monotonic() + self._wait_s
        self._wait_s = min(DOTS_S[1], 2 * self._wait_s)

    def acquit(self) -> None:
        """The broker has accepted one of them."""
        self.refused, self.suspected, self.taken = False, False, True


class Troubles:
    """See the head of this file. known and no_dots: what is already known of the broker."""

    def __init__(self, known: Known = Known(), *, no_dots: bool = False) -> None:  # noqa: B008
        self._topics: dict[str, _Trouble] = {}
        self._dots = _Dots(no_dots)
        self.longest = Longest(known)

    def __bool__(self) -> bool:
        return bool(self._topics) or self._dots.suspected

    @property
    def no_dots(self) -> bool:
        """Whether the broker ends the connection because of topics with a dot."""
        return self._dots.refused

    def told(self) -> list[str]:
        """A sentence for each topic in trouble, and one for all topics with a dot."""
        of_dots = (
            "the broker ends the connection when the node publishes to a topic with a dot: alarms"
            " of stations and most events do not go out"
        )
        reasons = [of_dots] if self.no_dots else []
        for topic, trouble in self._topics.items():
            if trouble.told and not (self.no_dots and self._dots.concern(topic)):
                reasons.append(trouble.told)
        return reasons

    def may_send(self, topic: str, on_their_way: int, of_topic: int) -> bool:
        """Whether a message to it may go out now, with that many others on their way."""
        if self.held(topic):
            return False
        if self.alone(topic):
            return on_their_way == 0
        return topic not in self._topics or of_topic == 0

    def held(self, topic: str) -> bool:
        """Whether nothing goes to this topic for a while."""
        trouble = self._topics.get(topic)
        return (trouble is not None and trouble.until > time.monotonic()) or self._dots.held(topic)

    def alone(self, topic: str) -> bool:
        """Whether a message to it must be the only one on its way."""
        trouble = self._topics.get(topic)
        return (trouble is not None and trouble.alone) or (
            self._dots.suspected and self._dots.concern(topic)
        )

    def limit_of(self, topic: str, limit: int | None) -> int | None:
        """The most bytes of a packet to it; None if any number may do."""
        trouble = self._topics.get(topic)
        limits = [each for each in (limit, self.longest.limit(), trouble and trouble.limit) if each]
        return min(limits) if limits else None

    def taken(self, topic: str, size: int = 0) -> None:
        """The broker has accepted a message."""
        self.longest.taken(size)
        if self._dots.concern(topic):
            self._dots.acquit()
        trouble = self._topics.pop(topic, None)
        if trouble is not None and trouble.limit is not None:
            self.longest.learn(min(trouble.limit, self.longest.limit() or trouble.limit))

    def refused(self, message: Message, size: int, code: int, reason: str) -> None:
        """PUBACK refused a message."""
        trouble = self._of(message.topic)
        if code == TOO_LARGE and self._shorten(trouble, size):
            return
        trouble.told = f"the broker refuses messages to {message.topic}: {reason}"
        trouble.until = time.monotonic() + min(AGAIN_S[1], AGAIN_S[0] * 2**trouble.refusals)
        trouble.refusals += 1

    def ended(
        self, on_their_way: Iterable[tuple[Message, int]], code: int | None, reason: str
    ) -> bool:
        """The connection ended by the broker, with these messages and their sizes unanswered; True
        if one was to blame."""
        sizes: dict[str, int] = {}
        for message, size in on_their_way:
            sizes[message.topic] = max(size, sizes.get(message.topic, 0))
        definite = code in TOPIC_CODES
        first = next(iter(sizes), "")  # what came before it was taken
        by_size = code == TOO_LARGE or (code is None and not self._dots.concern(first))
        if by_size and self.longest.ended(max(sizes.values(), default=0), said=code == TOO_LARGE):
            return True
        for topic, size in sizes.items():
            trouble = self._of(topic)
            trouble.strikes += 1
            convicted = len(sizes) == 1 and (definite or self.alone(topic))
            trouble.alone = trouble.alone or definite or trouble.strikes > 1
            self._dots.suspected |= self._dots.concern(topic)
            if not convicted:
                continue
            if code == TOO_LARGE and self._shorten(trouble, size):
                continue
            trouble.limit = None  # it was not the size
            trouble.told = (
                f"the broker ends the connection when the node publishes to {topic}: {reason}"
            )
            trouble.until = time.monotonic() + CONVICTED_S
            if not definite and self._dots.concern(topic):
                self._dots.convict()
        return any(map(self.alone, sizes))

    def _shorten(self, trouble: _Trouble, size: int) -> bool:
        """Try with a smaller message; False if it has been tried with as little as makes sense."""
        if size <= 2 * SMALLEST:
            return False
        trouble.limit = size * 3 // 4
        return True

    def _of(self, topic: str) -> _Trouble:
        if topic not in self._topics and len(self._topics) >= REMEMBERED:
            del self._topics[next(iter(self._topics))]
        return self._topics.setdefault(topic, _Trouble())
