"""The port that Prometheus asks, under a flood: one thread, few connections, one page a second."""

import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import generate_latest

from node.metrics import NodeMetrics
from node.telemetry import metrics_port
from schemas import Problem
from tests.rooms.installation.processes import free_port
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

TOKEN = "a-scraper-of-the-plant-7391"


@pytest.fixture
def metrics() -> Iterator[NodeMetrics]:
    made = NodeMetrics("1", "node-01")
    yield made
    made.close()


@pytest.fixture
def port(metrics: NodeMetrics) -> int:
    number = free_port()
    metrics.serve(f"127.0.0.1:{number}")
    return number


def get(port: int, path: str = "/metrics", **headers: str) -> tuple[int, bytes]:
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_a_port_that_somebody_else_has_is_named(metrics: NodeMetrics, port: int) -> None:
    with pytest.raises(Problem) as raised:
        metrics_port.MetricsPort(metrics.registry, f"127.0.0.1:{port}")
    said = f"metrics.bind 127.0.0.1:{port}: Address already in use; another program listens there"
    assert said in raised.value.message
    assert f"ss -ltnp 'sport = :{port}'" in raised.value.message


def test_only_the_figures_are_there(port: int) -> None:
    status, page = get(port)
    assert status == 200
    assert b'inspection_build_info{node="node-01",version="1"} 1.0' in page
    assert [get(port, path)[0] for path in ("/", "/live", "/debug", "/metrics/x", "/metricsx")] == [
        404
    ] * 5
    assert get(port, "/metrics?name[]=x")[0] == 200


def test_a_flood_of_connections_makes_no_threads_and_the_next_scrape_is_answered(port: int) -> None:
    before = threading.active_count()
    crowd = []
    for n in range(300):
        sock = socket.socket()
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(("127.0.0.1", port))
        if n % 2:
            with contextlib.suppress(OSError):
                sock.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        crowd.append(sock)
    assert threading.active_count() <= before
    for sock in crowd:
        sock.close()
    assert wait_for(lambda: get(port)[0] == 200, 10, "a scrape")


def test_who_says_nothing_or_never_ends_is_cut_off(port: int) -> None:
    socks = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(3)]
    socks[1].sendall(b"GET /metrics HTT")
    socks[2].sendall(b"x" * 5000)
    assert [sock.recv(16)[:12] for sock in socks] == [b"", b"", b"HTTP/1.1 404"]
    for sock in socks:
        sock.close()


def test_the_page_is_made_once_a_second_at_most(
    metrics: NodeMetrics, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = metrics_port.generate_latest  # type: ignore[attr-defined]
    monkeypatch.setattr(metrics_port, "PAGE_S", 60.0)
    monkeypatch.setattr(
        metrics_port, "generate_latest", lambda registry: made.append(1) or real(registry)
    )
    assert {get(port)[0] for _ in range(20)} == {200}
    assert len(made) == 1


def test_a_page_that_is_larger_than_any_buffer_comes_whole(
    metrics: NodeMetrics, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_port, "OPEN_S", 60.0)
    for n in range(128):
        metrics.tools.labels(f"cam{n % 4}", f"tool-{n}-{'x' * 2000}", "edge").observe(0.01)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", port))
    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    came = b""
    while data := sock.recv(65536):
        came += data
    head, _, page = came.partition(b"\r\n\r\n")
    sock.close()
    assert f"Content-Length: {len(page)}".encode() in head
    assert len(page) > 4_000_000
    assert page.endswith(b"\n")


def test_a_large_page_is_made_in_pieces_with_rests_between_them(
    metrics: NodeMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(128):
        metrics.tools.labels(f"cam{n % 4}", f"tool-{n}", "edge").observe(0.01)
    rests: list[int] = []
    read = 0

    monkeypatch.setattr(metrics_port, "_rest", lambda: rests.append(read))
    # each sample is a piece: however fast the machine is
    monkeypatch.setattr(metrics_port, "PIECE_S", 0.0)
    for metric in metrics_port.InPieces(metrics.registry).collect():
        for _ in metric.samples:
            read += 1
    assert read > 2000
    assert len(set(rests)) > 0.9 * read, "there is a rest after nearly every piece"
    monkeypatch.undo()
    whole, pieces = (
        generate_latest(metrics.registry),
        generate_latest(metrics_port.InPieces(metrics.registry)),
    )
    changes = re.compile(rb"^process_|_created")
    lines = [
        [line for line in page.splitlines() if not changes.search(line)] for page in (whole, pieces)
    ]
    assert lines[0] == lines[1]


def test_with_a_token_nobody_reads_without_it(metrics: NodeMetrics) -> None:
    port = free_port()
    metrics.serve(f"127.0.0.1:{port}", TOKEN)
    assert get(port)[0] == 401
    assert get(port, Authorization="Bearer wrong")[0] == 401
    assert get(port, Authorization=f"Bearer {TOKEN}")[0] == 200
    assert get(port, "/x", Authorization="Bearer wrong")[0] == 404
