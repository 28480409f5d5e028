"""Traces: a trigger's context comes back with its result, and its seven steps are spans of one
trace, if tracing is asked for."""

import json
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from deploy.demo.broker_process import BrokerProcess
from node.part import Part
from node.record import Record
from node.telemetry.tracing import KNOWN, STEPS, Tracing, context_of
from schemas import Trigger
from schemas.settings import TracingSettings
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import NodeProcess, free_port
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"


class Collector:
    """Takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        collector = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert (self.path, self.headers["Content-Type"]) == (
                    "/v1/traces",
                    "application/json",
                )
                for resource in body["resourceSpans"]:
                    assert {
                        "key": "service.name",
                        "value": {"stringValue": "inspection-node"},
                    } in resource["resource"]["attributes"]
                    collector.spans += [
                        span for scope in resource["scopeSpans"] for span in scope["spans"]
                    ]
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def online(node: NodeProcess) -> bool:
    """Whether triggers would arrive."""
    try:
        return node.metrics().get("inspection_broker_online") == 1.0
    except OSError:
        return False


def inspection() -> Record:
    """A part that was looked at."""
    return Record(Part(1, "cam1", "t", Trigger(), False, "mqtt", 0.0, time.monotonic_ns()))


@pytest.mark.system
@pytest.mark.parametrize("worker", ["thread", "process"])
def test_a_traced_trigger_comes_back_as_one_trace_with_its_seven_steps(
    tmp_path: Path, broker: BrokerProcess, collector: Collector, worker: str
) -> None:
    node = synthetic_node(tmp_path, broker.port, worker=worker)
    node.config.write_text(
        f'tracing = {{ endpoint = "{collector.url}" }}\n' + node.config.read_text()
    )
    node.start()
    heard: dict[str, dict[str, str]] = {}
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)

    def on_message(_client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        heard[json.loads(message.payload)["trigger_id"]] = dict(
            getattr(message.properties, "UserProperty", [])
        )

    subscribed = threading.Event()
    client.on_message = on_message
    client.on_connect = lambda *_: client.subscribe("inspection/v1/node-01/result/+", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        assert subscribed.wait(40)
        wait_for(lambda: online(node), 40, "the node at its broker")
        if worker == "process":  # which looks at a lone part while its trigger is committed
            ready = 'inspection_station_ready{station="cam1"}'
            wait_for(lambda: node.metrics()[ready] == 1.0, 40, "the worker")
        for trigger_id, trace in (
            ("traced", GIVEN),
            ("untraced", None),
            ("odd", "00-zz-1-1"),
            ("stale", GIVEN),
        ):
            properties = Properties(PacketTypes.PUBLISH)
            if trace is not None:
                properties.UserProperty = [("traceparent", trace)]
            body = {
                "trigger_id": trigger_id,
                "part_id": "part-2",
                **({"program": "no-such"} if trigger_id == "stale" else {}),
            }
            topic = "inspection/v1/node-01/trigger/cam1"
            client.publish(topic, json.dumps(body), 1, properties=properties).wait_for_publish(20)
        wait_for(lambda: {"traced", "untraced", "odd", "stale"} <= heard.keys(), 40, "the results")
        assert {name: user.get("traceparent") for name, user in heard.items()} == {
            "traced": GIVEN,
            "untraced": None,
            "odd": None,
            "stale": GIVEN,
        }

        def of(trigger_id: str) -> list[dict[str, Any]]:
            value = {"key": "inspection.trigger_id", "value": {"stringValue": trigger_id}}
            roots = [span for span in collector.spans if value in span.get("attributes", [])]
            return roots + [
                span
                for span in collector.spans
                if roots and span.get("parentSpanId") == roots[0]["spanId"]
            ]

        wait_for(lambda: of("traced") and of("untraced") and of("stale"), 40, "the spans")
        root, *children = of("traced")
        assert (root["traceId"], root["parentSpanId"], root["name"], root["kind"]) == (
            TRACE,
            PARENT,
            "inspect",
            5,
        )
        assert [child["name"] for child in children] == list(STEPS)
        assert {child["traceId"] for child in children} == {TRACE}
        times = [int(root["startTimeUnixNano"])]
        for child in children:
            times += [int(child["startTimeUnixNano"]), int(child["endTimeUnixNano"])]
        assert times == sorted(times), "one step after the other"
        assert times[-1] == int(root["endTimeUnixNano"])
        assert abs(times[0] / 1e9 - time.time()) < 600
        alone = of("untraced")[0]
        assert "parentSpanId" not in alone
        assert alone["traceId"] not in (TRACE, of("odd")[0]["traceId"])
        assert of("stale")[0]["status"] == {"code": 2, "message": "PROGRAM_NOT_FOUND"}
        assert [child["name"] for child in of("stale")[1:]][-1] == "publish"
    finally:
        client.disconnect()
        client.loop_stop()
        node.end()


@pytest.mark.parametrize(
    "said",
    [
        "",
        "00-" + "0" * 32 + f"-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"01-{TRACE}-{PARENT}-01",
        GIVEN.upper(),
        GIVEN + "\n",
    ],
)
def test_what_is_no_context_is_none(said: str) -> None:
    assert context_of((("traceparent", said),)) is None
    assert context_of(()) is None
    assert context_of((("attempt", "2"), ("traceparent", GIVEN))) == GIVEN


def test_without_an_endpoint_there_is_no_thread_and_only_contexts_are_kept_in_a_bound() -> None:
    tracing = Tracing(TracingSettings(), "node-01", "1")
    tracing.start()
    assert "tracing" not in {thread.name for thread in threading.enumerate()}
    tracing.ended(None, None)  # type: ignore[arg-type]
    assert not tracing._waiting
    for n in range(KNOWN + 5):
        tracing.begun(str(n), GIVEN)
    assert len(tracing.contexts) == KNOWN
    assert "4" not in tracing.contexts
    tracing.stop(1.0)


def test_a_collector_that_is_away_costs_spans_which_are_counted_and_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tracing = Tracing(TracingSettings(endpoint=f"http://127.0.0.1:{free_port()}"), "node-01", "1")
    monkeypatch.setattr("node.telemetry.tracing.spans_of", lambda *_: [{"name": "inspect"}])
    for _ in range(2):
        tracing.ended(inspection(), None)  # type: ignore[arg-type]
        tracing._send()
    assert tracing.dropped == 2
    assert len([record for record in caplog.records if "takes no spans" in record.message]) == 1


def test_what_waits_to_be_told_holds_no_pictures() -> None:
    tracing = Tracing(TracingSettings(endpoint="http://127.0.0.1:1"), "node-01", "1")
    found = inspection()
    looked_at = weakref.ref(found)
    tracing.ended(found, None)  # type: ignore[arg-type]
    del found
    assert len(tracing._waiting) == 1
    assert looked_at() is None


def test_a_part_of_which_a_worker_could_tell_nothing_but_that_has_its_spans() -> None:
    tracing = Tracing(TracingSettings(endpoint="http://127.0.0.1:1"), "node-01", "1")
    record = inspection()
    record.outcome = record.outcome._replace(timings_ms={})
    tracing.ended(record, None)  # type: ignore[arg-type]
    (waiting,) = tracing._waiting
    assert waiting.began_ns == record.began_ns


def test_a_collector_that_speaks_no_http_does_not_end_the_thread(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("node.telemetry.tracing.spans_of", lambda *_: [{"name": "inspect"}])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        tracing = Tracing(
            TracingSettings(endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}"),
            "node-01",
            "1",
        )
        tracing.ended(inspection(), None)  # type: ignore[arg-type]
        sending = threading.Thread(target=tracing._send)
        sending.start()
        asked, _ = listener.accept()
        with asked:
            asked.recv(65536)
            asked.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            sending.join(20)
    assert tracing.dropped == 1
    assert "takes no spans" in caplog.text
