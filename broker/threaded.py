"""Producer and Consumer for Python programs with threads, over paho; the same for asyncio is in
broker/aio.py.

with Producer(BrokerSettings(url="mqtt://127.0.0.1:1883"), "node-01") as producer:
    accepted = producer.send("cam1", {"part_id": "SN42"})        # it is in the node's ledger
    result = producer.inspect("cam1", {"part_id": "SN43"})       # and this is its result

with Consumer(BrokerSettings(url="mqtt://127.0.0.1:1883"), "node-01", after={"cam1": 4711}) as
consumer:
    for result in consumer:                                      # each once, in the order of seq
        store(result, consumer.position)

One file: the driver and its two ends are read beside those of broker/aio.py, member by member.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Self

from broker.ends import (
    ANSWER_S,
    Accepted,
    Answered,
    Delivered,
    End,
    Event,
    Gone,
    MqttVersions,
    tell,
)
from broker.hearing import Hearing
from broker.link import Link, Waiter, WrongProtocol
from broker.sending import Sending
from broker.topics import Names
from broker.wire import Incoming
from schemas import Problem, new_id
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)

CONNECT_S = 5.0
RETRY_S = (0.25, 1.0)
LOOK_S = 0.5
# results that wait to be taken; beyond that the driver waits, and what it misses meanwhile is asked
# for again
READY_LIMIT = 1000
NOT_YET = "not connected yet"  # `trouble` until the first connection stands or fails


class Driver:
    """A thread that connects ends to a broker, over one connection after the other, until it is
    closed.

    `happened` is called on the thread, without the lock, with each event. The ends are touched
    under `lock` only; a thread that gave one of them something to do calls `wake`. `trouble` says
    why there is no connection, None while there is one. listen: called on the thread with every
    message of `topics`, which are subscribed to besides.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        ends: Sequence[End],
        happened: Callable[[Event], None],
        topics: Sequence[str] = (),
        listen: Callable[[Incoming], None] | None = None,
        *,
        v5: bool = True,
    ) -> None:
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.trouble: str | None = NOT_YET
        self._settings = settings
        self._ends = ends
        self._happened = happened
        self._filters = (
            *dict.fromkeys([each for end in ends for each in end.filters] + [*topics]),
        )
        self._listen = listen
        self._versions = MqttVersions(v5=v5)
        self._waiter: Waiter | None = None
        self._thread = threading.Thread(target=self._run, name="ends", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Wake the thread: there is something to do."""
        waiter = self._waiter
        if waiter is not None:
            waiter.offer(None)

    def close(self) -> None:
        """End the thread and leave the broker. It can be called twice."""
        self.stopping.set()
        self.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(CONNECT_S + 2 * LOOK_S)

    def _run(self) -> None:
        failures = 0
        while not self.stopping.is_set():
            try:
                with (
                    contextlib.closing(self._connected()) as link,
                    link.listening(*self._filters) as waiter,
                ):
                    self._waiter, self.trouble, failures = waiter, None, 0
                    self._versions.spoken()
                    with self.lock:
                        for end in self._ends:
                            end.connected(time.monotonic())
                    self._serve(link, waiter)
            except Problem as problem:
                self.trouble = problem.message
                self._versions.failed(wrong=isinstance(problem, WrongProtocol))
            except Exception as error:
                # a fault of ours, or of the code we call: the next connection makes up for it
                log.exception("the connection to the broker failed")
                self.trouble = f"{type(error).__name__}: {error}"
            finally:
                self._waiter = None
            self.stopping.wait(min(RETRY_S[1], RETRY_S[0] * 2 ** min(failures, 10)))
            failures += 1

    def _connected(self) -> Link:
        return Link(self._settings, f"inspection-end-{new_id()}", CONNECT_S, v5=self._versions.v5)

    def _serve(self, link: Link, waiter: Waiter) -> None:
        while not self.stopping.is_set():
            link.check()
            now = time.monotonic()
            with self.lock:
                messages = [message for end in self._ends for message in end.due(now)]
                wake_at = min(end.wake_at() for end in self._ends)
            for message in messages:
                link.publish(message)
            received = waiter.take(0.0 if messages else min(LOOK_S, wake_at - now))
            while received is not None:
                self._take(received)
                received = waiter.take(0.0)

    def _take(self, received: Incoming) -> None:
        if self._listen is not None:
            tell(self._listen, received)
        with self.lock:
            now = time.monotonic()
            events = [
                event
                for end in self._ends
                for event in end.heard(
                    received.topic, received.payload, retain=received.retain, now=now
                )
            ]
        for event in events:
            tell(self._happened, event)


class Producer:
    """Sends triggers and repeats each until the node has it; see the head of this file. It may be
    shared by threads.

    v5: False speaks MQTT 3.1.1 from the start; it is also tried by itself where the broker does not
    speak MQTT 5.
    """

    def __init__(self, settings: BrokerSettings, node_id: str, *, v5: bool = True) -> None:
        self._sending = Sending(Names(settings.base, node_id))
        self._futures: dict[str, tuple[Future[Accepted], Future[dict[str, Any]]]] = {}
        self._driver = Driver(settings, [self._sending], self._happened, v5=v5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker: what was not accepted yet is not repeated any more, and whoever waits
        for it gets BROKER_AWAY."""
        self._driver.close()
        with self._driver.lock:
            left, self._futures = self._futures, {}
        for trigger_id, futures in left.items():
            for future in futures:
                if not future.done():
                    future.set_exception(
                        Problem(
                            "BROKER_AWAY",
                            f"the producer was closed before {trigger_id} was answered",
                        )
                    )

    def send(
        self, station: str, trigger: Mapping[str, Any] | None = None, timeout_s: float = ANSWER_S
    ) -> Accepted:
        """Returns when the trigger is in the node's ledger; an id is added unless there is one.

        Raises Problem BAD_TRIGGER, BUSY, and after `timeout_s` NODE_AWAY or BROKER_AWAY: then it is
        not known whether the node has it. Send it again under the same id to find out: it is
        inspected once.
        """
        trigger_id, accepted, _ = self._add(station, trigger or {}, result=False)
        self._await(trigger_id, accepted, timeout_s)
        return accepted.result()

    def inspect(
        self, station: str, trigger: Mapping[str, Any] | None = None, timeout_s: float = ANSWER_S
    ) -> dict[str, Any]:
        """The result of a trigger, also of one that is known already. Raises as `send` does."""
        trigger_id, _, result = self._add(station, trigger or {}, result=True)
        self._await(trigger_id, result, timeout_s)
        return result.result()

    def submit(self, station: str, trigger: Mapping[str, Any] | None = None) -> "Future[Accepted]":
        """As `send`, without waiting: it is repeated until it is accepted, or the producer is
        closed."""
        return self._add(station, trigger or {}, result=False)[1]

    @property
    def under_way(self) -> int:
        """How many triggers are being repeated."""
        with self._driver.lock:
            return self._sending.under_way

    def _add(
        self, station: str, trigger: Mapping[str, Any], *, result: bool
    ) -> tuple[str, "Future[Accepted]", "Future[dict[str, Any]]"]:
        futures: tuple[Future[Accepted], Future[dict[str, Any]]] = Future(), Future()
        with self._driver.lock:
            if self._driver.stopping.is_set():
                raise Problem("BROKER_AWAY", "the producer is closed")
            trigger_id = self._sending.add(station, trigger, time.monotonic(), result=result)
            self._futures[trigger_id] = futures
            if not result:
                futures[1].cancel()
        self._driver.wake()
        return trigger_id, *futures

    def _await(self, trigger_id: str, future: "Future[Any]", timeout_s: float) -> None:
        try:
            future.result(timeout_s)
        except TimeoutError:
            with self._driver.lock:
                accepted = self._sending.drop(trigger_id)
                self._futures.pop(trigger_id, None)
            raise unanswered(trigger_id, accepted, self._driver.trouble, timeout_s) from None

    def _happened(self, event: Event) -> None:
        assert isinstance(event, Accepted | Answered)
        with self._driver.lock:
            futures = self._futures.get(event.trigger_id)
            if futures is not None and (isinstance(event, Answered) or futures[1].cancelled()):
                del self._futures[event.trigger_id]
        if futures is None:
            return
        if isinstance(event, Answered):
            futures[1].set_result(event.result)
        elif not futures[0].done():
            futures[0].set_result(event)


class Consumer:
    """The results of a node, each once and in the order of `seq`; see the head of this file and
    Hearing for `after`.

    It hears nothing twice and misses nothing over reconnects and brokers that forget, as long as
    the node has the results. For the same over an end of its own process, keep `position` with what
    was made of the result and give it as `after`. gone: called (on a thread of ours) when results
    that the node no longer has are passed over; the log says it in any case.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        node_id: str,
        after: Mapping[str, int] | None = None,
        stations: Sequence[str] = (),
        gone: Callable[[Gone], None] | None = None,
        *,
        v5: bool = True,
    ) -> None:
        self._ready: queue.Queue[Delivered] = queue.Queue(READY_LIMIT)
        self._position = dict(after or {})
        self._gone = gone
        hearing = Hearing(Names(settings.base, node_id), after, tuple(stations))
        self._driver = Driver(settings, [hearing], self._happened, v5=v5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker. It can be called twice, also by another thread than the one that
        takes."""
        self._driver.close()

    @property
    def position(self) -> dict[str, int]:
        """The seq of the last result that was taken, of each station."""
        return dict(self._position)

    @property
    def trouble(self) -> str | None:
        """Why there is no connection to the broker now; None if there is one."""
        return self._driver.trouble

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Results, one after the other, until `close`."""
        while not self._driver.stopping.is_set():
            result = self.take(LOOK_S)
            if result is not None:
                yield result

    def take(self, timeout_s: float) -> dict[str, Any] | None:
        """The next result; None if none came in time."""
        try:
            station, result = self._ready.get(timeout=timeout_s)
        except queue.Empty:
            return None
        self._position[station] = result["seq"]
        return result

    def _happened(self, event: Event) -> None:
        if isinstance(event, Gone) and self._gone is not None:
            self._gone(event)
        while isinstance(event, Delivered) and not self._driver.stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._ready.put(event, timeout=LOOK_S)
                return


def unanswered(
    trigger_id: str, accepted: Accepted | None, trouble: str | None, timeout_s: float
) -> Problem:
    """What is known about a trigger for which nobody waits any longer."""
    if accepted is not None:
        known = "was used before" if accepted.known else "is in its ledger"
        return Problem(
            "NODE_AWAY", f"{trigger_id} {known}, and its result did not come within {timeout_s:g} s"
        )
    if trouble is not None:
        return Problem(
            "BROKER_AWAY", f"{trouble}; {trigger_id} was not accepted within {timeout_s:g} s"
        )
    return Problem("NODE_AWAY", f"it did not accept {trigger_id} within {timeout_s:g} s")
