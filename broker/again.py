"""What a broker may deliver once more after a reconnect, known by its content: not every broker
says so.

A message that was handed over, and whose acknowledgement the broker may not have got (acks.py),
comes again over the next connection. By MQTT it then has DUP and its old place; rumqttd gives it
neither: it comes as if it were new, and after our marker. So the next message with the same content
is that one, once, and any further one is another.
"""

import time
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

from broker.wire import Incoming

AGAIN_S = 30.0  # after a connection began


class Again:
    """See the head of this file."""

    def __init__(self) -> None:
        self._left: Counter[bytes] = Counter()
        self._until = 0.0

    def ended(self, unsure: Iterable[Incoming]) -> None:
        """A connection is over; these may come again."""
        self._left.update(map(content_of, unsure))

    def began(self, *, session_present: bool) -> None:
        """The next connection has begun; a broker that has no session for us knows nothing of the
        last one."""
        if not session_present:
            self._left.clear()
        self._until = time.monotonic() + AGAIN_S

    def is_one(self, message: Incoming) -> bool:
        """Whether this message is one of them; each counts once only."""
        if not self._left:
            return False
        if time.monotonic() > self._until:
            self._left.clear()
            return False
        content = content_of(message)
        again = self._left[content] > 0
        if again:
            self._left[content] -= 1
        return again


def content_of(message: Incoming) -> bytes:
    """What tells a message from any other."""
    digest = blake2b(digest_size=16)
    given = message.user, message.response_topic, message.correlation
    for part in (message.topic.encode(), message.payload, str(given).encode()):
        digest.update(b"%d:" % len(part) + part)
    return digest.digest()
