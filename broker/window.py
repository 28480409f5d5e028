"""What is on its way to the broker over one connection and has no answer, and how much more may be.

Each message of QoS 1 takes a credit of the broker's receive maximum, which comes back with its
PUBACK. One of QoS 0 is never answered, but a broker reads in order: an answer to what was sent
later says that it has it.
"""

from typing import NamedTuple

from broker.wire import Message


class BrokerAnswer(NamedTuple):
    """A message that the broker has answered, its number (acks.py), and those of QoS 0 that it has
    taken before."""

    message: Message
    number: int
    before: list[Message]


class Window:
    """See the head of this file."""

    def __init__(self) -> None:
        self.credits = 0
        self._messages: dict[int, Message] = {}  # by packet id, in the order in which they went out
        self._numbers: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def unanswered(self) -> list[Message]:
        """What has no answer, in the order in which it went out."""
        return list(self._messages.values())

    def open(self, receive_max: int) -> None:
        """CONNACK came: this many messages of QoS 1 may be on their way."""
        self.credits = receive_max

    def of(self, topic: str) -> int:
        """How many of these go to a topic."""
        return sum(message.topic == topic for message in self._messages.values())

    def sent(self, mid: int, message: Message, number: int) -> None:
        """A message goes out."""
        self._messages[mid] = message
        if message.qos:
            self.credits -= 1
            self._numbers[mid] = number

    def answered(self, mid: int) -> BrokerAnswer | None:
        """PUBACK came; None if no message waits for it: for QoS 0 paho reports when it is written,
        which says little."""
        message = self._messages.get(mid)
        if message is None or not message.qos:
            return None
        before = self.written(mid)
        del self._messages[mid]
        self.credits += 1
        return BrokerAnswer(message, self._numbers.pop(mid), before)

    def written(self, mid: int | None = None) -> list[Message]:
        """The messages of QoS 0 that went out before that one, or all of them: they have nothing
        more to wait for."""
        messages = []
        for each, message in list(self._messages.items()):
            if each == mid:
                break
            if not message.qos:
                messages.append(self._messages.pop(each))
        return messages
