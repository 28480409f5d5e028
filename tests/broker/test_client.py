"""The client against the test's own broker and node, which answers as it is told to.

One file: what a client may ask and hear shares one node that is played.
"""

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from broker.client import Client
from broker.link import QUEUE_LIMIT, Waiter
from broker.probe import probe
from broker.wire import Incoming, Message
from deploy.demo.broker_process import BrokerProcess
from schemas import Problem
from schemas.settings import BrokerSettings
from tests.rooms.installation.processes import free_port

pytestmark = pytest.mark.slow

PREFIX = "inspection/v1/n1/"


class Node:
    """Answers every command but `silent`, and the triggers of cam1; `heard` is what came, with its
    MQTT 5 properties."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self.came = threading.Semaphore(0)
        self._port = port
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._run(),), daemon=True
        )
        self._task: asyncio.Task[None] | None = None
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        until = time.monotonic() + 10
        while self._task is not None and self._thread.is_alive() and time.monotonic() < until:
            # again and again: one may fall into a wait that swallows it
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(0.2)
        if not self._thread.is_alive():
            self._loop.close()

    async def _run(self) -> None:
        self._task = asyncio.current_task()
        with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
            async with aiomqtt.Client(
                "127.0.0.1", self._port, protocol=aiomqtt.ProtocolVersion.V5
            ) as client:
                await client.subscribe([(PREFIX + "cmd/+", 1), (PREFIX + "trigger/cam1", 1)])
                self._ready.set()
                async for message in client.messages:
                    await self._answer(client, message)

    async def _answer(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        name, value = str(message.topic).removeprefix(PREFIX), json.loads(bytes(message.payload))
        properties = message.properties.json() if message.properties else {}
        self.heard.append((name, value, properties))
        self.came.release()
        if name == "trigger/cam1":
            for trigger_id in ("somebody-else", value["trigger_id"]):
                await client.publish(
                    PREFIX + "result/cam1",
                    json.dumps({"trigger_id": trigger_id, "verdict": "OK"}),
                    1,
                )
        elif name != "cmd/silent":
            command = name.removeprefix("cmd/")
            for request_id in ("somebody-else", value["request_id"]):
                reply = json.dumps(
                    {"request_id": request_id, "ok": True, "data": {"mine": value.get("mine")}}
                )
                await client.publish(PREFIX + f"reply/{command}", reply, 1)
                if "ResponseTopic" in properties:
                    given = Properties(PacketTypes.PUBLISH)
                    given.CorrelationData = message.properties.CorrelationData
                    await client.publish(properties["ResponseTopic"], reply, 1, properties=given)


@pytest.fixture
def node(broker: BrokerProcess) -> Iterator[Node]:
    made = Node(broker.port)
    yield made
    made.stop()


@pytest.fixture(params=[True, False], ids=["mqtt-5", "mqtt-3.1.1"])
def client(broker: BrokerProcess, request: pytest.FixtureRequest) -> Iterator[Client]:
    with Client(settings(broker.port), "n1", v5=request.param) as made:
        yield made


def settings(port: int) -> BrokerSettings:
    return BrokerSettings(url=f"mqtt://127.0.0.1:{port}")


def test_a_request_gets_the_reply_with_its_own_request_id(client: Client, node: Node) -> None:
    reply = client.request("ping", {"mine": 7}, 10)
    assert reply.ok
    assert reply.data == {"mine": 7}
    assert reply.request_id == node.heard[0][1]["request_id"]


def test_a_given_request_id_is_kept_so_that_a_request_can_be_repeated(
    client: Client, node: Node
) -> None:
    assert client.request("ping", {"request_id": "again"}, 10).request_id == "again"
    assert node.heard[0][1] == {"request_id": "again"}


def test_a_command_expires_with_the_patience_of_its_sender(
    broker: BrokerProcess, node: Node
) -> None:
    with Client(settings(broker.port), "n1") as client:
        client.request("ping", {}, 7.5)
    assert 1 <= node.heard[0][2]["MessageExpiryInterval"] <= 8


def test_replies_come_to_a_private_topic_below_the_base(broker: BrokerProcess, node: Node) -> None:
    with Client(settings(broker.port), "n1") as client:
        client.request("ping", {}, 10)
    assert node.heard[0][2]["ResponseTopic"].startswith("inspection/v1/_client/")


def test_a_node_that_does_not_reply_is_away(client: Client, node: Node) -> None:
    with pytest.raises(Problem) as caught:
        client.request("silent", {}, 0.3)
    assert caught.value.code == "NODE_AWAY"
    assert "within 0.3 s" in caught.value.message


def test_a_command_that_nobody_subscribes_to_is_not_waited_for(broker: BrokerProcess) -> None:
    if broker.kind != "mosquitto":
        pytest.skip("this broker does not tell")
    with Client(settings(broker.port), "n1") as client, pytest.raises(Problem) as caught:
        client.request("ping", {}, 3600)
    assert caught.value.code == "NODE_AWAY"
    assert "nobody subscribes" in caught.value.message


def test_a_broker_that_is_not_there_is_away() -> None:
    with Client(settings(free_port()), "n1") as client, pytest.raises(Problem) as caught:
        client.request("ping", {}, 10)
    assert caught.value.code == "BROKER_AWAY"


def test_a_broker_that_accepts_but_says_nothing_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        client = Client(settings(deaf.getsockname()[1]), "n1", connect_s=0.3)
        with client, pytest.raises(Problem) as caught:
            client.request("ping", {}, 10)
    assert caught.value.code == "BROKER_AWAY"


def test_a_broker_that_dies_ends_the_wait(broker: BrokerProcess, node: Node) -> None:
    def kill_when_heard() -> None:
        assert node.came.acquire(timeout=10)
        broker.kill()

    with Client(settings(broker.port), "n1") as client, ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill_when_heard)
        with pytest.raises(Problem) as caught:
            client.request("silent", {}, 3600)
        killed.result(10)
    assert caught.value.code == "BROKER_AWAY"


def test_a_lost_connection_is_replaced_at_the_next_use(broker: BrokerProcess) -> None:
    with Client(settings(broker.port), "n1") as client:
        first = client.link()
        broker.stop()
        with pytest.raises(Problem):
            client.request("ping", {}, 10)
        broker.start()
        node = Node(broker.port)
        try:
            assert client.request("ping", {}, 10).ok
        finally:
            node.stop()
        assert client.link() is not first


def test_a_trigger_gets_the_result_with_its_own_id(client: Client, node: Node) -> None:
    assert client.trigger("cam1", {"trigger_id": "t1", "part_id": "SN1"}, 10) == {
        "trigger_id": "t1",
        "verdict": "OK",
    }
    assert node.heard[0][1] == {"trigger_id": "t1", "part_id": "SN1"}
    assert client.trigger("cam1", {}, 10)["trigger_id"] == node.heard[1][1]["trigger_id"]


def test_what_is_no_trigger_is_refused_before_it_is_sent(client: Client, node: Node) -> None:
    with pytest.raises(Problem) as caught:
        client.trigger("cam1", {"part": "SN1"}, 10)
    assert caught.value.code == "BAD_TRIGGER"
    client.request("ping", {}, 10)
    assert [name for name, _, _ in node.heard] == ["cmd/ping"]


def test_a_retained_message_is_read_and_a_missing_one_is_none(client: Client) -> None:
    assert client.retained("state", timeout_s=0.2) is None
    client.link().publish(Message(client.names("state"), b'{"state":"Ready"}', retain=True))
    assert client.retained("state", timeout_s=10) == {"state": "Ready"}


def test_follow_gives_retained_messages_then_new_ones_and_leaves_out_what_is_not_json(
    client: Client,
) -> None:
    link = client.link()
    link.publish(Message(client.names("alarm", "DISK"), b'{"code":"DISK"}', retain=True))
    followed = client.follow([client.names("alarm", "+"), client.names("result", "+")])
    assert next(followed) == (client.names("alarm", "DISK"), {"code": "DISK"})
    for payload in (b"no json", b"[1]", b'{"a":NaN}', b'{"seq":1}'):
        link.publish(Message(client.names("result", "cam1"), payload))
    assert next(followed) == (client.names("result", "cam1"), {"seq": 1})
    link.publish(Message(client.names("alarm", "DISK"), b"", retain=True))
    assert next(followed) == (client.names("alarm", "DISK"), {})


def test_follow_ends_when_the_broker_goes(broker: BrokerProcess, client: Client) -> None:
    client.link().publish(Message(client.names("state"), b'{"state":"Ready"}', retain=True))
    followed = client.follow([client.names("state")])
    next(followed)
    broker.kill()
    with pytest.raises(Problem) as caught:
        next(followed)
    assert caught.value.code == "BROKER_AWAY"


def test_threads_may_share_a_client(client: Client, node: Node) -> None:
    def ask(n: int) -> bool:
        reply = client.request("ping", {"mine": n}, 20)
        return (
            reply.data == {"mine": n}
            and client.trigger("cam1", {"trigger_id": f"t{n}"}, 20)["trigger_id"] == f"t{n}"
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(40)))


def test_small_packets_are_not_held_back(client: Client) -> None:
    sock = client.link()._client.socket()
    assert sock is not None
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)  # type: ignore[union-attr, attr-defined]


def test_a_waiter_counts_what_it_cannot_hold() -> None:
    waiter = Waiter(("#",))
    for n in range(QUEUE_LIMIT + 3):
        waiter.offer(Incoming("t", str(n).encode()))
    assert waiter.missed == 3
    first = waiter.take(0)
    assert first is not None
    assert first.payload == b"0"


def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(broker: BrokerProcess, node: Node) -> None:
    with old_broker(broker.port) as port, Client(settings(port), "n1") as client:
        assert client.request("ping", {"mine": 1}, 10).data == {"mine": 1}
        assert not client.link().v5


def test_a_probe_finds_what_the_broker_can_do_and_leaves_nothing_behind(
    broker: BrokerProcess,
) -> None:
    with Client(settings(broker.port), "n1") as client:
        with client.link().listening(client.names("_fence")) as waiter:
            found = probe(settings(broker.port), "n1")
            assert waiter.take(5) is not None  # it tried
        with client.link().listening(client.names("_fence")) as waiter:
            assert waiter.take(0.2) is None  # and no retained message is left
    assert found.refused is None
    assert found.tried is not None
    assert found.tried.retained
    assert found.tried.puback_ms > 0
    assert found.session or broker.kind != "mosquitto"


@contextlib.contextmanager
def old_broker(port: int) -> Iterator[int]:
    """A relay that hangs up on MQTT 5, as do brokers that have never heard of it."""
    sockets: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                sockets.append(near)
                hello = near.recv(65536)
                if hello[hello.index(b"MQTT") + 4] == 5:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", port))
                sockets.append(far)
                far.sendall(hello)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        for sock in sockets:
            sock.close()
