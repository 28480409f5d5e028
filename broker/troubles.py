"""Topics that the broker does not take, one by one: whose trouble it is, who waits, and when it is tried again.

Theory of operation. A broker refuses a message by PUBACK, by DISCONNECT or by closing the connection. PUBACK names it. An end
of the connection does not: every topic with a message on its way is suspected, at once if the broker gave a reason that can be
a topic's, at the second time in a row if it just closed. A suspect is sent alone, when nothing else is on its way; if the
connection ends again, it was that one, and it is left alone for a while, so that all the others go on. A PUBACK clears it.

Where the trouble may be a size (the broker says so, or closes at long messages), shorter ones are tried before the topic
waits.
"""

import time
from collections.abc import Iterable

from broker.wire import Message

AGAIN_S = (5.0, 20.0)  # a refused topic is tried again after
CONVICTED_S = 30.0  # each try may cost the connection
TOPIC_CODES = {0x80, 0x82, 0x83, 0x87, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B}  # reasons to end that can be one message's fault
TOO_LARGE = 0x95
SMALLEST = 256
LEAST_RESULT = 800  # what a result with ids of usual length can be shortened to
REMEMBERED = 1000


class _Trouble:
    def __init__(self) -> None:
        self.strikes = 0
        self.alone = False
        self.halved = False
        self.until = 0.0
        self.refusals = 0
        self.limit: int | None = None
        self.told: str | None = None


class Troubles:
    """See the head of this file."""

    def __init__(self, limit: int | None = None) -> None:
        self._topics: dict[str, _Trouble] = {}
        self.limit = limit  # bytes of a packet, learned from refusals: for all topics

    def __bool__(self) -> bool:
        return bool(self._topics)

    def told(self) -> list[str]:
        """A sentence for each topic in trouble."""
        return [trouble.told for trouble in self._topics.values() if trouble.told]

    def may_send(self, topic: str, on_their_way: int, of_topic: int) -> bool:
        """Whether a message to it may go out now, with so many others on their way."""
        trouble = self._topics.get(topic)
        if trouble is None:
            return True
        if trouble.until > time.monotonic():
            return False
        return on_their_way == 0 if trouble.alone else of_topic == 0

    def held(self, topic: str) -> bool:
        """Whether nothing goes there for a while."""
        trouble = self._topics.get(topic)
        return trouble is not None and trouble.until > time.monotonic()

    def alone(self, topic: str) -> bool:
        """Whether nothing else may be on its way with a message to it."""
        trouble = self._topics.get(topic)
        return trouble is not None and trouble.alone

    def limit_of(self, topic: str, limit: int | None) -> int | None:
        """Bytes of a packet to it; None for any number."""
        trouble = self._topics.get(topic)
        limits = [each for each in (limit, self.limit, trouble and trouble.limit) if each]
        return min(limits) if limits else None

    def taken(self, topic: str) -> bool:
        """The broker has taken a message; True if that ends a trouble that was told."""
        trouble = self._topics.pop(topic, None)
        if trouble is not None and trouble.limit is not None:
            self.limit = min(trouble.limit, self.limit or trouble.limit)
        return trouble is not None and trouble.told is not None

    def refused(self, message: Message, size: int, code: int, reason: str) -> None:
        """PUBACK says no."""
        trouble = self._of(message.topic)
        if code == TOO_LARGE and self._shorten(trouble, size):
            return
        trouble.told = f"the broker refuses messages to {message.topic}: {reason}"
        trouble.until = time.monotonic() + min(AGAIN_S[1], AGAIN_S[0] * 2**trouble.refusals)
        trouble.refusals += 1

    def ended(self, on_their_way: Iterable[tuple[Message, int]], code: int | None, reason: str) -> bool:
        """The connection ended by the broker, with these messages and their sizes unanswered; True if one was to blame."""
        sizes: dict[str, int] = {}
        for message, size in on_their_way:
            sizes[message.topic] = max(size, sizes.get(message.topic, 0))
        definite = code in TOPIC_CODES
        for topic, size in sizes.items():
            trouble = self._of(topic)
            trouble.strikes += 1
            convicted = len(sizes) == 1 and (definite or trouble.alone)
            trouble.alone = trouble.alone or definite or trouble.strikes > 1
            if not convicted:
                continue
            if self._shorten(trouble, size) if code == TOO_LARGE else not definite and self._halve(trouble, size):
                continue
            trouble.limit = None  # it was not the size
            trouble.told = f"the broker ends the connection when the node publishes to {topic}: {reason}"
            trouble.until = time.monotonic() + CONVICTED_S
        return any(trouble.alone for topic, trouble in self._topics.items() if topic in sizes)

    def _shorten(self, trouble: _Trouble, size: int) -> bool:
        """Try with less; False if it has been tried with as little as makes sense."""
        if size <= 2 * SMALLEST:
            return False
        trouble.limit = size * 3 // 4
        return True

    def _halve(self, trouble: _Trouble, size: int) -> bool:
        """Try once with half of it: the broker did not say that it is too long."""
        tried, trouble.halved = trouble.halved, True
        if tried or size <= 2 * SMALLEST:
            return False
        trouble.limit = max(size // 2, LEAST_RESULT)
        return True

    def _of(self, topic: str) -> _Trouble:
        if topic not in self._topics and len(self._topics) >= REMEMBERED:
            del self._topics[next(iter(self._topics))]
        return self._topics.setdefault(topic, _Trouble())
