"""Producer and Consumer for asyncio, over aiomqtt; the same for programs with threads is in
broker/threaded.py.

async with Producer(BrokerSettings(url="mqtt://127.0.0.1:1883"), "node-01") as producer:
    accepted = await producer.send("cam1", {"part_id": "SN42"})  # it is in the node's ledger
    result = await producer.inspect("cam1", {"part_id": "SN43"}) # and this is its result

async with Consumer(BrokerSettings(url="mqtt://127.0.0.1:1883"), "node-01", after={"cam1": 4711}) as
consumer:
    async for result in consumer:                                # each once, in the order of seq
        await store(result, consumer.position)

One file: the driver and its two ends are read beside those of broker/threaded.py, member by member.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Self

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

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
from broker.sending import Sending
from broker.sockets import dial
from broker.threaded import CONNECT_S, LOOK_S, READY_LIMIT, RETRY_S, unanswered
from broker.topics import Names
from broker.wire import properties_of
from schemas import Problem, new_id
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)


class AioClient(aiomqtt.Client):
    """aiomqtt with the settings of a broker, over a socket like all of ours (broker/sockets.py)."""

    def __init__(self, settings: BrokerSettings, identifier: str, *, v5: bool = True) -> None:
        super().__init__(
            settings.host,
            settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            identifier=identifier,
            protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
            timeout=CONNECT_S,
            keepalive=settings.keepalive_s,
            max_queued_incoming_messages=READY_LIMIT,
        )
        self._client._create_socket = partial(dial, settings, CONNECT_S)  # type: ignore[method-assign]

    async def subscribed(self, topic: str) -> None:
        """Subscribe with QoS 1. Raises aiomqtt.MqttError, and Problem BROKER_AWAY if the broker
        refuses."""
        for reason in await self.subscribe(topic, qos=1):
            if reason.is_failure if isinstance(reason, ReasonCode) else reason >= 0x80:
                raise Problem("BROKER_AWAY", f"it refuses the subscription to {topic}: {reason}")


class Driver:
    """A task that connects ends to a broker, over one connection after the other; enter it to start
    it, leave it to end it.

    Like the Driver of broker/threaded.py; everything happens in the event loop, so there is no
    lock.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        ends: Sequence[End],
        happened: Callable[[Event], None],
        topics: Sequence[str] = (),
        listen: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self.trouble: str | None = "not connected yet"
        self._settings = settings
        self._ends = ends
        self._happened = happened
        self._filters = (
            *dict.fromkeys([each for end in ends for each in end.filters] + [*topics]),
        )
        self._listen = listen
        self._versions = MqttVersions()
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="ends")
        return self

    async def __aexit__(self, *_: object) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def wake(self) -> None:
        """Wake the task: there is something to do."""
        self._woken.set()

    async def _run(self) -> None:
        failures = 0
        while True:
            up = False
            try:
                async with AioClient(
                    self._settings, f"inspection-end-{new_id()}", v5=self._versions.v5
                ) as client:
                    for topic in self._filters:
                        await client.subscribed(topic)
                    up, self.trouble, failures = True, None, 0
                    self._versions.spoken()
                    for end in self._ends:
                        end.connected(time.monotonic())
                    await self._serve(client)
            except (aiomqtt.MqttError, Problem) as error:
                self.trouble = (
                    error.message
                    if isinstance(error, Problem)
                    else f"{self._settings.url}: {error}"
                )
                # unless it cannot be reached at all, something answers, but not in this version of
                # MQTT
                self._versions.failed(
                    wrong=not up
                    and not isinstance(error, Problem)
                    and not isinstance(error.__cause__, OSError)
                )
            except Exception as error:
                # a fault of ours, or of the code we call: the next connection makes up for it
                log.exception("the connection to the broker failed")
                self.trouble = f"{type(error).__name__}: {error}"
            # our block was left, and the broker was gone: its error took the place of the
            # cancellation
            if self._task is None:
                return
            await asyncio.sleep(min(RETRY_S[1], RETRY_S[0] * 2 ** min(failures, 10)))
            failures += 1

    async def _serve(self, client: AioClient) -> None:
        reading = asyncio.create_task(self._read(client))
        try:
            while not reading.done():
                self._woken.clear()
                now = time.monotonic()
                for message in [message for end in self._ends for message in end.due(now)]:
                    properties = properties_of(message) if self._versions.v5 else None
                    await client.publish(
                        message.topic, message.payload, qos=1, properties=properties
                    )
                wait_s = min(end.wake_at() for end in self._ends) - time.monotonic()
                woken = asyncio.create_task(self._woken.wait())
                await asyncio.wait(
                    (reading, woken),
                    timeout=max(0.0, min(LOOK_S, wait_s)),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                woken.cancel()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        reading.result()

    async def _read(self, client: AioClient) -> None:
        async for message in client.messages:
            topic, payload = str(message.topic), bytes(message.payload)
            if self._listen is not None:
                tell(self._listen, topic, payload)
            now = time.monotonic()
            for end in self._ends:
                for event in end.heard(topic, payload, retain=bool(message.retain), now=now):
                    tell(self._happened, event)
            self._woken.set()  # what is due may now be due at another time


class Producer:
    """Sends triggers and repeats each until the node has it; see the head of this file. Many tasks
    may send at a time."""

    def __init__(self, settings: BrokerSettings, node_id: str) -> None:
        self._sending = Sending(Names(settings.base, node_id))
        self._futures: dict[str, asyncio.Future[Any]] = {}
        self._driver = Driver(settings, [self._sending], self._happened)

    async def __aenter__(self) -> Self:
        await self._driver.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the broker: what was not accepted yet is not repeated any more, and whoever waits
        for it gets BROKER_AWAY."""
        await self._driver.__aexit__()
        for trigger_id, future in self._futures.items():
            if not future.done():
                future.set_exception(
                    Problem(
                        "BROKER_AWAY", f"the producer was closed before {trigger_id} was answered"
                    )
                )

    async def send(
        self, station: str, trigger: Mapping[str, Any] | None = None, timeout_s: float = ANSWER_S
    ) -> Accepted:
        """Returns when the trigger is in the node's ledger; an id is added unless there is one.

        Raises Problem BAD_TRIGGER, BUSY, and after `timeout_s` NODE_AWAY or BROKER_AWAY: then it is
        not known whether the node has it. Send it again under the same id to find out: it is
        inspected once.
        """
        accepted: Accepted = await self._answer(station, trigger or {}, timeout_s, result=False)
        return accepted

    async def inspect(
        self, station: str, trigger: Mapping[str, Any] | None = None, timeout_s: float = ANSWER_S
    ) -> dict[str, Any]:
        """The result of a trigger, also of one that is known already. Raises as `send` does."""
        result: dict[str, Any] = await self._answer(station, trigger or {}, timeout_s, result=True)
        return result

    async def _answer(
        self, station: str, trigger: Mapping[str, Any], timeout_s: float, *, result: bool
    ) -> Any:
        trigger_id = self._sending.add(station, trigger, time.monotonic(), result=result)
        future = self._futures[trigger_id] = asyncio.get_running_loop().create_future()
        self._driver.wake()
        accepted = None
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            accepted = self._sending.drop(trigger_id)
            raise unanswered(trigger_id, accepted, self._driver.trouble, timeout_s) from None
        finally:
            self._sending.drop(trigger_id)
            del self._futures[trigger_id]

    def _happened(self, event: Event) -> None:
        assert isinstance(event, Accepted | Answered)
        future = self._futures.get(event.trigger_id)
        if future is None or future.done():
            return
        if isinstance(event, Answered):
            future.set_result(event.result)
        elif not self._sending.follows(event.trigger_id):
            future.set_result(event)


class Consumer:
    """The results of a node, each once and in the order of `seq`; as the Consumer of
    broker/threaded.py."""

    def __init__(
        self,
        settings: BrokerSettings,
        node_id: str,
        after: Mapping[str, int] | None = None,
        stations: Sequence[str] = (),
        gone: Callable[[Gone], None] | None = None,
    ) -> None:
        self._ready: asyncio.Queue[Delivered] = asyncio.Queue()
        self._position = dict(after or {})
        self._gone = gone
        self._driver = Driver(
            settings,
            [Hearing(Names(settings.base, node_id), after, tuple(stations))],
            self._happened,
        )

    async def __aenter__(self) -> Self:
        await self._driver.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._driver.__aexit__()

    @property
    def position(self) -> dict[str, int]:
        """The seq of the last result that was taken, of each station."""
        return dict(self._position)

    @property
    def trouble(self) -> str | None:
        """Why there is no connection to the broker now; None if there is one."""
        return self._driver.trouble

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """Results, one after the other, until the task that asks is cancelled."""
        while True:
            yield await self.take()

    async def take(self) -> dict[str, Any]:
        """The next result."""
        station, result = await self._ready.get()
        self._position[station] = result["seq"]
        return result

    def _happened(self, event: Event) -> None:
        if isinstance(event, Delivered):
            self._ready.put_nowait(event)
        elif isinstance(event, Gone) and self._gone is not None:
            self._gone(event)
