"""The demo's simulated PLC: sends a trigger twice a second to one station after the other, and
waits for its result.

It does what the program of a real PLC would: it follows `state`, triggers only a station that is
ready, gives every trigger an id of its own, repeats it until it is accepted, and takes the result
with that id as the answer. It hears every result once and in order, including those for triggers
that others send, and those that the broker lost (broker/ends.py).
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from broker.aio import Driver
from broker.ends import Delivered, Event
from broker.hearing import Hearing
from broker.sending import Sending
from broker.topics import Names
from schemas import Alarm, NodeState, Problem, Result, utc
from schemas.base import explain, read_json
from schemas.settings import BrokerSettings

S = TypeVar("S", bound=BaseModel)

PERIOD_S = 0.5
ANSWER_S = 5.0
TAKES_TRIGGERS = ("Ready", "SingleExecution", "ContinuousExecution")
MAX_STATE_BYTES = 1024 * 1024


class HeardResult(NamedTuple):
    """A result, and the time from sending its trigger to hearing it; None for somebody else's
    trigger."""

    result: Result
    round_trip_ms: float | None


class Plc:
    """A PLC for the stations of one node. `heard` is called with every result, `unanswered` counts
    triggers without one."""

    def __init__(
        self, broker: BrokerSettings, node: str, heard: Callable[[HeardResult], None]
    ) -> None:
        self.state: NodeState | None = None
        self.alarms: dict[str, str] = {}
        self.unanswered = 0
        self._names = names = Names(broker.base, node)
        self._heard = heard
        self._waiting: dict[str, tuple[float, asyncio.Future[None]]] = {}
        self._run = f"demo-{time.time_ns() // 1_000_000_000:x}"
        self._failed = asyncio.Event()
        self._failure: Problem | None = None
        self._sending = Sending(names)
        topics = (names("state"), names("alarm", "+"))
        self._driver = Driver(
            broker, [self._sending, Hearing(names)], self._happened, topics, self._listen
        )

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Stay at the broker, connecting again and again if need be."""
        async with self._driver:
            yield

    async def listen(self) -> None:
        """Runs until the node says what it must not. Raises Problem BAD_JSON."""
        await self._failed.wait()
        assert self._failure is not None
        raise self._failure

    async def trigger_all(self, stations: tuple[str, ...]) -> None:
        """Trigger one station after the other, for ever."""
        for n in itertools.count():
            begun = time.monotonic()
            station = stations[n % len(stations)]
            if self._takes_triggers(station):
                await self._trigger(station, n // len(stations) + 1)
            await asyncio.sleep(max(0.0, begun + PERIOD_S - time.monotonic()))

    async def _trigger(self, station: str, number: int) -> None:
        trigger_id = f"{self._run}-{station}-{number}"
        trigger = {
            "trigger_id": trigger_id,
            "part_id": f"part-{number}",
            "sent_at": utc(),
            "meta": {"sent_by": "demo"},
        }
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[trigger_id] = (time.monotonic(), answered)
        self._sending.add(station, trigger, time.monotonic())
        self._driver.wake()
        try:
            await asyncio.wait_for(answered, ANSWER_S)
        except TimeoutError:
            self.unanswered += 1
        finally:
            self._sending.drop(trigger_id)
            self._waiting.pop(trigger_id, None)

    def _takes_triggers(self, station: str) -> bool:
        station_state = self.state.stations.get(station) if self.state else None
        return station_state is not None and station_state.state in TAKES_TRIGGERS

    def _listen(self, topic: str, payload: bytes) -> None:
        """State and alarms."""
        try:
            if topic == self._names("state"):
                self.state = parsed(NodeState, payload, MAX_STATE_BYTES)
            elif topic.startswith(self._names.prefix("alarm")):
                code = topic.rpartition("/")[2]
                self.alarms.pop(code, None)
                if payload:
                    self.alarms[code] = parsed(Alarm, payload, MAX_STATE_BYTES).message
        except Problem as problem:
            self._fail(problem)

    def _happened(self, event: Event) -> None:
        """A result is the next one of its station."""
        if not isinstance(event, Delivered):
            return
        try:
            result = Result.model_validate(event.result)
        except ValidationError as error:
            self._fail(Problem("BAD_JSON", f"Result: {explain(error)}"))
            return
        round_trip_ms = None
        waiting = self._waiting.get(result.trigger_id)
        if waiting is not None:
            sent_at, answered = waiting
            round_trip_ms = (time.monotonic() - sent_at) * 1000
            if not answered.done():
                answered.set_result(None)
        self._heard(HeardResult(result, round_trip_ms))

    def _fail(self, problem: Problem) -> None:
        self._failure = problem
        self._failed.set()


def parsed(shape: type[S], payload: bytes, limit: int) -> S:
    """A payload of the node. Raises Problem BAD_JSON if it is not what the contract says: that
    would be our fault."""
    try:
        return shape.model_validate(read_json(payload, limit=limit))
    except ValidationError as error:
        raise Problem("BAD_JSON", f"{shape.__name__}: {explain(error)}") from None
