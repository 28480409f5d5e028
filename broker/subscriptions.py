"""What the node listens to: which filters the broker has granted, which it refuses, and who cannot
hear because of that.

Each of triggers, commands and our own results is one filter with a wildcard. Where the broker has
no wildcards, the stations and commands are subscribed one by one. What is refused is told with its
name and asked for again, and a station whose triggers are refused is deaf.

A broker may also end the connection over a filter. Then they are asked for one after the other,
with nothing else on its way until all are answered (served.py). The one that was asked for when the
connection ended again is left alone for a while, ever longer, and what stands for it is tried
instead: the stations apart.
"""

import time
from collections.abc import Iterable, Sequence

from broker.lane import Lane
from broker.topics import Names

AGAIN_S = 5.0
# until a filter that ended the connection is asked for again: first, and at most
ENDED_S = (30.0, 3600.0)
ENDS = "it ends the connection over it"
NO_WILDCARDS = 0xA2


class _Group:
    """One name of the topic table: a filter with a wildcard, and the single topics that can replace
    it."""

    def __init__(self, wide: str, single: dict[str, str], without: str) -> None:
        self.wide = wide
        self.single = single  # leaf -> topic
        self.without = without  # what no longer holds
        self.apart = False  # subscribed one by one

    @property
    def topics(self) -> list[str]:
        """What is subscribed for this name."""
        return list(self.single.values()) if self.apart else [self.wide]


class Subscriptions:
    """See the head of this file. The caller sends what take() returns."""

    def __init__(
        self,
        names: Names,
        stations: Iterable[str],
        commands: Iterable[str],
        kinds: Sequence[str] = Lane.kinds,
    ) -> None:
        self._ask: list[str] = []
        self.careful = False  # one after the other
        self._ended: dict[
            str, tuple[float, float]
        ] = {}  # filter -> until when it is left alone, and for how long next time
        self._refused: dict[str, str] = {}
        self._granted: dict[str, int] = {}
        self._pending: set[str] = set()
        self._again_at = 0.0
        self._stations = tuple(stations)

        def group(name: str, leaves: Iterable[str], without: str) -> _Group:
            return _Group(names(name, "+"), {leaf: names(name, leaf) for leaf in leaves}, without)

        self._triggers = group("trigger", self._stations, "triggers are not heard")
        self._results = group("result", self._stations, "results may come twice after an outage")
        self._commands = group("cmd", commands, "commands are not heard")
        self._fence = group("_fence", (), "what waited cannot be told from what is new")
        groups = {
            "trigger": self._triggers,
            "cmd": self._commands,
            "result": self._results,
            "_fence": self._fence,
        }
        self._groups = tuple(groups[kind] for kind in kinds)
        self._wanted: bool | None = None  # whether commands are
        self._held = False  # the broker may have a subscription to them

    def begin(self, *, wildcards: bool, session_present: bool) -> None:
        """A new connection: ask for everything but commands."""
        self._refused.clear()
        self._granted.clear()
        self._pending.clear()
        self._again_at = time.monotonic() + AGAIN_S
        self._ask = []
        for group in self._groups:
            group.apart = (not wildcards or self._left_alone(group.wide)) and bool(group.single)
            if group is not self._commands:
                self._want(group.topics)
        self._wanted, self._held = None, session_present

    def hear(self, wanted: bool | None) -> list[str]:
        """Whether commands are to be heard, None to leave it as it is; returns what is to be
        unsubscribed."""
        if wanted is None or wanted == self._wanted:
            return []
        self._wanted = wanted
        topics = self._commands.topics
        if wanted:
            self._held = True
            self._want(topics)
            return []
        self._ask = [each for each in self._ask if each not in topics]
        for each in topics:
            self._refused.pop(each, None)
        held, self._held = self._held, False
        return topics if held else []

    def left(self, topics: Iterable[str]) -> None:
        """UNSUBACK came for these filters."""
        for each in topics:
            self._granted.pop(each, None)

    @property
    def hears(self) -> bool | None:
        """Whether commands are heard; None if that is not known yet."""
        topics = self._commands.topics
        if any(each in self._granted for each in topics):
            return True
        return False if self._wanted and all(each in self._refused for each in topics) else None

    def take(self) -> list[str]:
        """What is to be asked for now."""
        if self.careful and self._pending:
            return []
        asked = self._ask[:1] if self.careful else self._ask
        self._ask = self._ask[len(asked) :]
        self._pending.update(asked)
        return asked

    def ended(self) -> bool:
        """The broker ended the connection; True if it had not answered a subscription, which may be
        why."""
        if not self._pending:
            return False
        if self.careful and len(self._pending) == 1:
            (topic,) = self._pending
            _, wait_s = self._ended.get(topic, (0.0, ENDED_S[0]))
            self._ended[topic] = time.monotonic() + wait_s, min(ENDED_S[1], 2 * wait_s)
        self.careful = True
        self._pending.clear()
        return True

    def answered(self, topic: str, refused: str | None, code: int = 1) -> None:
        """SUBACK came for one filter. refused: why, or None; its code is the granted QoS, or the
        reason."""
        self._pending.discard(topic)
        if refused is not None and self._wanted is False and topic in self._commands.topics:
            return
        if refused is None:
            self._ended.pop(topic, None)
            self._refused.pop(topic, None)
            self._granted[topic] = code
            if self.answered_all:
                self.careful = bool(self._ended)
            return
        self._granted.pop(topic, None)
        self._refused[topic] = refused
        for group in self._groups:
            if topic == group.wide and code == NO_WILDCARDS and group.single and not group.apart:
                group.apart = True
                self._want(group.topics)

    @property
    def answered_all(self) -> bool:
        """Whether nothing is asked for just now."""
        return not (self._pending or self._ask)

    @property
    def echoing(self) -> bool:
        """Whether the node's own results and markers come back."""
        groups = [group for group in (self._results, self._fence) if group in self._groups]
        return all(topic in self._granted for group in groups for topic in group.topics)

    def again(self) -> None:
        """Ask now and then for what is refused."""
        now = time.monotonic()
        if now >= self._again_at and self.answered_all:
            self._again_at = now + AGAIN_S
            self.careful = bool(self._ended)
            self._want(
                [
                    topic
                    for group in self._groups
                    for topic in group.topics
                    if topic in self._refused
                ]
            )

    def deaf(self) -> dict[str, str]:
        """Stations that cannot hear their triggers, and why."""
        group = self._triggers
        of = {
            station: group.single[station] if group.apart else group.wide
            for station in self._stations
        }
        return {
            station: f"the broker refuses the subscription to {topic}: {self._refused[topic]}"
            for station, topic in of.items()
            if topic in self._refused
        }

    def told(self) -> list[str]:
        """A sentence for each filter that is refused, or granted less than it needs."""
        reasons = []
        wide = [group.wide for group in self._groups if group.apart and group.wide in self._ended]
        reasons += [
            f"the broker ends the connection when the node subscribes to {topic}: each is asked for"
            " alone"
            for topic in wide
        ]
        apart = ", ".join(
            group.wide for group in self._groups if group.apart and group.wide not in self._ended
        )
        if apart:
            reasons.append(
                f"the broker has no wildcards for {apart}: each station and command is subscribed"
                " on its own, and what is sent to others is not answered"
            )
        for group in self._groups:
            for topic in group.topics:
                if topic in self._refused:
                    why = self._refused[topic]
                    reasons.append(
                        f"the broker refuses the subscription to {topic}: {why}, so {group.without}"
                    )
        if any(self._granted.get(topic) == 0 for topic in self._triggers.topics):
            reasons.append(
                f"the broker grants {self._triggers.wide} with QoS 0 only: triggers can be lost on"
                " the way"
            )
        return reasons

    def _want(self, topics: Iterable[str]) -> None:
        for each in topics:
            if self._left_alone(each):
                self._refused[each] = ENDS
            elif each not in self._pending and each not in self._ask:
                self._ask.append(each)

    def _left_alone(self, topic: str) -> bool:
        return topic in self._ended and time.monotonic() < self._ended[topic][0]
