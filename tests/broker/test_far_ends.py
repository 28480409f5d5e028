"""Producer and Consumer, with threads and with asyncio, at a real broker that forgets everything
when it is killed.

One file: both ends, in both ways of waiting, are asked the same.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker import aio, threaded
from broker.ends import WRONG_LIMIT, Accepted, Gone, MqttVersions
from deploy.demo.broker_process import BrokerProcess, start_broker
from schemas import Problem
from schemas.settings import BrokerSettings
from tests.broker.forgetful import NAMES, Node
from tests.rooms.installation.processes import free_port
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow


class NodeAtBroker(Node):
    """The node that forgets nothing, at a broker; it comes back by itself."""

    def __init__(self, port: int) -> None:
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2)
        super().__init__(
            lambda topic, payload, retain: self.client.publish(topic, payload, 1, retain)
        )
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe(
            [(NAMES("trigger", "+"), 1), (NAMES("cmd", "+"), 1)]
        )
        self.client.on_message = lambda _client, _data, message: self.take(
            message.topic, message.payload
        )
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert subscribed.wait(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker that keeps everything in memory."""
    process = start_broker(tmp_path / "broker", 0, "iotcore")
    yield process
    process.stop()


@pytest.fixture
def node(forgetful: BrokerProcess) -> Iterator[NodeAtBroker]:
    made = NodeAtBroker(forgetful.port)
    yield made
    made.close()


def settings(port: int) -> BrokerSettings:
    return BrokerSettings(url=f"mqtt://127.0.0.1:{port}")


def by_threads(port: int, work: Callable[[Any], Any]) -> Any:
    """work(ask) with ask("send" or "inspect", station, trigger, timeout_s) of the Producer for
    threads."""
    with threaded.Producer(settings(port), "node-01") as producer:
        return work(lambda name, *given: getattr(producer, name)(*given))


def by_asyncio(port: int, work: Callable[[Any], Any]) -> Any:
    """The same with the Producer for asyncio, whose loop runs beside the test."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        async with aio.Producer(settings(port), "node-01") as producer:

            def ask(name: str, *given: Any) -> Any:
                return asyncio.run_coroutine_threadsafe(
                    getattr(producer, name)(*given), loop
                ).result(60)

            return await loop.run_in_executor(None, work, ask)

    with ThreadPoolExecutor(1) as thread:  # ours may have a loop already, left by a browser
        return thread.submit(asyncio.run, main()).result()


@pytest.fixture(params=[by_threads, by_asyncio], ids=["threads", "asyncio"])
def producing(request: pytest.FixtureRequest) -> Callable[[int, Callable[[Any], Any]], Any]:
    """Runs something with a producer of each kind."""
    return request.param  # type: ignore[no-any-return]


def test_a_trigger_is_accepted_and_its_result_comes(
    producing: Any, forgetful: BrokerProcess, node: NodeAtBroker
) -> None:
    def work(ask: Any) -> None:
        assert ask("send", "cam1", {"trigger_id": "t1"}, 20) == Accepted("cam1", "t1", known=False)
        assert ask("inspect", "cam1", {"trigger_id": "t2"}, 20)["seq"] == 2
        assert ask("inspect", "cam1", {"trigger_id": "t1"}, 20)["seq"] == 1, (
            "a known one is fetched"
        )

    producing(forgetful.port, work)
    assert node.inspected == ["t1", "t2"]


def test_a_trigger_that_the_broker_forgot_is_accepted_in_the_end(
    producing: Any, forgetful: BrokerProcess
) -> None:
    def work(ask: Any) -> None:
        with ThreadPoolExecutor(4) as pool:
            sent = [
                pool.submit(ask, "send", "cam1", {"trigger_id": f"t{number}"}, 60)
                for number in range(4)
            ]
            time.sleep(0.5)  # nothing hears them
            forgetful.kill()
            assert not any(each.done() for each in sent)
            forgetful.start()
            node = NodeAtBroker(forgetful.port)
            try:
                assert {each.result(60).trigger_id for each in sent} == {"t0", "t1", "t2", "t3"}
                assert sorted(node.inspected) == ["t0", "t1", "t2", "t3"]
            finally:
                node.close()

    producing(forgetful.port, work)


def test_whoever_is_not_answered_is_told_what_is_known(
    producing: Any, forgetful: BrokerProcess
) -> None:
    def nobody(ask: Any) -> None:
        with pytest.raises(Problem, match=r"did not accept t1 within 0\.5 s") as caught:
            ask("send", "cam1", {"trigger_id": "t1"}, 0.5)
        assert caught.value.code == "NODE_AWAY"

    def no_broker(ask: Any) -> None:
        with pytest.raises(Problem, match=r"t1 was not accepted within 0\.5 s") as caught:
            ask("send", "cam1", {"trigger_id": "t1"}, 0.5)
        assert caught.value.code == "BROKER_AWAY"
        with pytest.raises(Problem, match="BAD_TRIGGER"):
            ask("send", "cam1", {"trigger_id": "no id!"}, 0.5)

    producing(forgetful.port, nobody)
    producing(free_port(), no_broker)


def test_closing_a_producer_tells_whoever_waits(forgetful: BrokerProcess) -> None:
    producer = threaded.Producer(settings(forgetful.port), "node-01")
    future = producer.submit("cam1", {"trigger_id": "t1"})
    assert producer.under_way == 1
    producer.close()
    with pytest.raises(Problem, match="closed before t1"):
        future.result(5)
    with pytest.raises(Problem, match="closed"):
        producer.submit("cam1")


def test_producers_and_consumers_speak_3_1_1_where_the_broker_does(
    forgetful: BrokerProcess, node: NodeAtBroker
) -> None:
    with threaded.Producer(settings(forgetful.port), "node-01", v5=False) as producer:
        assert producer.inspect("cam1", {"trigger_id": "t1"}, 20)["trigger_id"] == "t1"


def test_mqtt_5_is_not_given_up_because_something_accepts_and_hangs_up() -> None:
    versions = MqttVersions()
    versions.failed(wrong=True)
    assert not versions.v5, "a broker that knows 3.1.1 only"
    versions.failed(wrong=False)
    assert versions.v5, "nobody there: begin anew"
    versions.spoken()
    for _ in range(WRONG_LIMIT):
        versions.failed(wrong=True)
    assert versions.v5, "an outage behind a proxy"
    versions.failed(wrong=True)
    assert not versions.v5, "another broker"


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_every_result_comes_once_and_in_order_though_the_broker_is_killed(
    kind: str, forgetful: BrokerProcess, node: NodeAtBroker
) -> None:
    heard: list[int] = []
    positions: list[dict[str, int]] = []

    def follow() -> None:
        with threaded.Consumer(settings(forgetful.port), "node-01", after={"cam1": 0}) as consumer:
            for result in consumer:
                heard.append(result["seq"])
                positions.append(consumer.position)
                if result["seq"] == 60:
                    return

    async def follow_async() -> None:
        async with aio.Consumer(settings(forgetful.port), "node-01", after={"cam1": 0}) as consumer:
            async for result in consumer:
                heard.append(result["seq"])
                positions.append(consumer.position)
                if result["seq"] == 60:
                    return

    thread = threading.Thread(
        target=follow if kind == "threads" else lambda: asyncio.run(follow_async()), daemon=True
    )
    thread.start()
    for number in range(1, 61):
        node.answer(f"t{number}")
        time.sleep(0.02)
        if number % 20 == 10:
            wait_for(lambda: heard, 20, "the first result")
            forgetful.kill()
            time.sleep(0.2)
            forgetful.start()
    thread.join(60)
    assert heard == list(range(1, 61))
    assert positions == [{"cam1": seq} for seq in range(1, 61)]


@pytest.mark.parametrize("kind", ["threads", "asyncio"])
def test_a_callback_that_raises_does_not_end_the_consumer(
    kind: str, forgetful: BrokerProcess, node: NodeAtBroker
) -> None:
    heard: list[int] = []

    def raises(_: Gone) -> None:
        heard.append(0)
        raise RuntimeError("a fault of the user's")

    def follow() -> None:
        with threaded.Consumer(
            settings(forgetful.port), "node-01", {"cam1": 0}, gone=raises
        ) as consumer:
            while 9 not in heard:
                if (result := consumer.take(1.0)) is not None:
                    heard.append(result["seq"])

    async def follow_async() -> None:
        async with aio.Consumer(
            settings(forgetful.port), "node-01", {"cam1": 0}, gone=raises
        ) as consumer:
            while 9 not in heard:
                heard.append((await consumer.take())["seq"])

    for number in range(1, 9):
        node.answer(f"t{number}")
    node.lost = {1, 2}
    thread = threading.Thread(
        target=follow if kind == "threads" else lambda: asyncio.run(follow_async()), daemon=True
    )
    thread.start()
    wait_for(lambda: 0 in heard, 20, "that some are gone")
    node.answer("t9")
    thread.join(30)
    assert heard == [0, 3, 4, 5, 6, 7, 8, 9]


def test_a_consumer_says_why_it_hears_nothing(forgetful: BrokerProcess) -> None:
    with threaded.Consumer(settings(free_port()), "node-01") as consumer:
        assert consumer.take(0.3) is None
        assert consumer.trouble is not None
    with threaded.Consumer(settings(forgetful.port), "node-01") as consumer:
        wait_for(lambda: consumer.trouble is None, 10, "the connection")


def test_leaving_a_broker_that_has_died_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error comes while the connection is being ended, in place of the cancellation."""

    class Dying:
        def __init__(self, *_: object, **__: object) -> None:
            self.messages = self

        async def __aenter__(self) -> "Dying":
            return self

        async def __aexit__(self, *_: object) -> None:
            raise aio.aiomqtt.MqttError("the broker has gone")  # type: ignore[attr-defined]

        async def subscribed(self, topic: str) -> None:
            """It takes any."""

        def __aiter__(self) -> "Dying":
            return self

        async def __anext__(self) -> None:
            await asyncio.Event().wait()

    async def left() -> None:
        consumer = aio.Consumer(BrokerSettings(url="mqtt://127.0.0.1:1"), "node-01")
        async with asyncio.timeout(30):
            async with consumer:
                while consumer.trouble is not None:
                    await asyncio.sleep(0.01)

    monkeypatch.setattr(aio, "AioClient", Dying)
    # a browser of another file may have left a loop in this thread
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(asyncio.run, left()).result()
