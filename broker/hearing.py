"""The consumer's end, without I/O: the results of each station, each once and in order. See
broker/ends.py."""

import logging
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from broker.ends import FIRST_S, GRACE_S, Delivered, Event, Gone, back_off, read_object, resend
from broker.topics import Names
from broker.wire import Message

log = logging.getLogger(__name__)

QUIET_S = 30.0  # after this long without a result the consumer asks once whether there is more
# the longest pause between two wishes: those that wait at the broker for the node are granted one
# by one
ASK_S = 30.0
CHUNK = 200  # results asked for at a time
HELD_LIMIT = 2000  # results of a station that wait for an earlier one; more are asked for again
IDS_LIMIT = 10_000


class _Asked(NamedTuple):
    """A range of seq. Up to `known` they existed when the range was asked for, so what is missing
    from the answer is gone."""

    first: int
    last: int
    known: int

    @property
    def open(self) -> bool:
        """Whether results were asked for that may exist beyond all that is known."""
        return self.last > self.known


@dataclass
class _Station:
    """What the consumer has from one station: everything before `next`; `ahead` is the highest seq
    that is known to exist."""

    next: int
    ahead: int = 0
    held: dict[int, dict[str, Any]] = field(default_factory=dict)
    ids: OrderedDict[str, None] = field(default_factory=OrderedDict)
    last_id: str | None = None
    gap_since: float = math.inf
    asking: str | None = None  # request_id
    asked: "_Asked | None" = None
    tries: int = 0
    ask_at: float = math.inf
    probe: bool = True  # whether to ask for more than is known to exist

    @property
    def gap(self) -> bool:
        """Whether something is missing that exists."""
        return self.next <= self.ahead


class Hearing:
    """The consumer's end: the results of each station, each once and in the order of `seq`.

    after: the last seq of each station that was worked off before; all after it are delivered, 0
    for all that the node has. A station that is not named begins with the first result that is
    heard. stations: only these. patience_s: a gap that is not closed by then is passed over as Gone
    when later results come, for somebody who may not ask or would rather see than wait.
    """

    def __init__(
        self,
        names: Names,
        after: Mapping[str, int] | None = None,
        stations: tuple[str, ...] = (),
        patience_s: float = math.inf,
    ) -> None:
        self._names = names
        self._patience_s = patience_s
        self._only = stations
        self._stations = {station: _Station(seq + 1) for station, seq in (after or {}).items()}
        self._results = names.prefix("result")
        self._latest = names.prefix("latest")
        self._replies = names("reply", "resend")

    @property
    def filters(self) -> tuple[str, ...]:
        """See End."""
        return (
            *(
                self._names(kind, leaf)
                for leaf in self._only or ("+",)
                for kind in ("result", "latest")
            ),
            self._replies,
        )

    @property
    def position(self) -> dict[str, int]:
        """The last seq that was delivered, of each station."""
        return {name: station.next - 1 for name, station in self._stations.items()}

    def connected(self, now: float) -> None:
        """See End: the broker may have lost results that it confirmed to the node, so each station
        is asked for more."""
        for station in self._stations.values():
            station.probe, station.tries = True, 0
            station.asking, station.ask_at = None, now

    def heard(self, topic: str, payload: bytes, *, retain: bool, now: float) -> list[Event]:
        """See End."""
        if topic == self._replies:
            value = read_object(topic, payload)
            return list(self._replied(value, now)) if value is not None else []
        live = topic.startswith(self._results)
        if not live and not topic.startswith(self._latest):
            return []
        name = topic.rpartition("/")[2]
        value = read_object(topic, payload)
        if value is None or (self._only and name not in self._only):
            return []
        seq, result_id = value.get("seq"), value.get("result_id")
        if (
            not isinstance(seq, int)
            or isinstance(seq, bool)
            or seq < 1
            or not isinstance(result_id, str)
        ):
            if payload:
                log.warning("%s: a result without seq and result_id is left out", topic)
            return []
        station = self._stations.get(name)
        if station is None:  # a stored `latest` is history; what is live is delivered
            station = self._stations[name] = _Station(
                seq if live or not retain else seq + 1, probe=False
            )
            station.ask_at = now + QUIET_S
        if not live:
            return self._newest(station, seq, result_id, retain, now)
        return list(self._result(name, station, seq, result_id, value, now))

    def _newest(
        self, station: _Station, seq: int, result_id: str, retain: bool, now: float
    ) -> list[Event]:
        """`latest`: what exists. It goes back only when the node numbers anew (its ledger was
        lost); then so do we."""
        back = seq < station.next - 1 and not retain and result_id not in station.ids
        if back and station.last_id is not None and result_id > station.last_id:
            log.warning(
                "the node numbers its results anew: from seq %d, after %d", seq, station.next - 1
            )
            station.next, station.ahead, station.held = 1, seq, {}
            self._missing(station, now)
        elif seq > station.ahead:
            station.ahead = seq
            self._missing(station, now)
        return []

    def _result(
        self,
        name: str,
        station: _Station,
        seq: int,
        result_id: str,
        value: dict[str, Any],
        now: float,
    ) -> Iterator[Event]:
        if seq < station.next or result_id in station.ids:
            return
        station.ahead = max(station.ahead, seq)
        if seq == station.next or len(station.held) < HELD_LIMIT:
            station.held[seq] = value
        before = station.next
        yield from self._deliver(name, station)
        # it comes: what is still missing was lost
        if station.gap and station.next > before and station.asking is not None:
            station.tries, station.ask_at = 0, min(station.ask_at, now + FIRST_S)
        if station.gap and station.held and now - station.gap_since > self._patience_s:
            yield from self._pass_over(name, station, min(station.held) - 1, set())
        if not station.probe and not station.gap:
            station.ask_at, station.tries, station.asking = now + QUIET_S, 0, None
        self._missing(station, now)

    def _deliver(self, name: str, station: _Station) -> Iterator[Event]:
        while (value := station.held.pop(station.next, None)) is not None:
            station.next += 1
            station.gap_since = math.inf
            station.last_id = str(value["result_id"])
            station.ids[station.last_id] = None
            if len(station.ids) > IDS_LIMIT:
                station.ids.popitem(last=False)
            yield Delivered(name, value)

    def _missing(self, station: _Station, now: float) -> None:
        if station.gap:
            station.gap_since = min(station.gap_since, now)
            if station.asking is None:
                station.ask_at = min(station.ask_at, now + GRACE_S)

    def _replied(self, reply: dict[str, Any], now: float) -> Iterator[Event]:
        asking = (
            (name, each)
            for name, each in self._stations.items()
            if each.asking == reply.get("request_id")
        )
        name, station = next(asking, (None, None))
        if name is None or station is None or reply.get("request_id") is None:
            return
        error, data = reply.get("error"), reply.get("data")
        if (
            reply.get("ok") is True
            and isinstance(data, dict)
            and isinstance(data.get("seqs"), list)
        ):
            seqs = {seq for seq in data["seqs"] if isinstance(seq, int)}
        elif isinstance(error, dict) and error.get("code") == "RESULT_NOT_FOUND":
            seqs = set()
        else:
            log.warning("station %s: the node does not send its results again: %s", name, error)
            return  # asked again later
        asked, station.asking, station.tries = station.asked, None, 0
        assert asked is not None
        station.ahead = max(station.ahead, *seqs, 0)
        yield from self._pass_over(name, station, min(asked.last, asked.known), seqs)
        if asked.open:
            station.probe = asked.last in seqs  # there may be more
        if station.gap:
            # what comes again was published before its reply, but may be lost on the way like
            # anything else
            station.gap_since = min(station.gap_since, now)
            station.ask_at = now + (FIRST_S if station.next in seqs else 0.0)
        else:
            station.ask_at = now if station.probe else math.inf

    def _pass_over(
        self, name: str, station: _Station, last: int, there: set[int]
    ) -> Iterator[Event]:
        """Skip what the node does not have, up to `last`."""
        while station.next <= last and station.next not in there:
            first = station.next
            while (
                station.next <= last
                and station.next not in there
                and station.next not in station.held
            ):
                station.next += 1
            if station.next > first:
                log.warning(
                    "station %s: results %d to %d cannot be had", name, first, station.next - 1
                )
                station.gap_since = math.inf
                yield Gone(name, first, station.next - 1)
            yield from self._deliver(name, station)

    def due(self, now: float) -> list[Message]:
        """See End: requests to send results again."""
        messages = []
        for name, station in self._stations.items():
            if station.ask_at > now:
                continue
            # it has been quiet for long: is there more?
            station.probe = station.probe or not station.gap
            first = station.next
            last = first + CHUNK - 1
            if station.gap:
                last = next(
                    seq for seq in range(min(last, station.ahead), 0, -1) if seq not in station.held
                )
            station.tries += 1
            station.ask_at = now + back_off(station.tries, ASK_S)
            station.asked = _Asked(first, last, station.ahead)
            station.asking, message = resend(self._names, name, {"from_seq": first, "to_seq": last})
            messages.append(message)
        return messages

    def wake_at(self) -> float:
        """See End."""
        return min((station.ask_at for station in self._stations.values()), default=math.inf)
