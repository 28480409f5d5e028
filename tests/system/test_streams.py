"""Live streams under the real Gunicorn: half of the threads at most, a thousand with gevent, and
across a reload."""

import contextlib
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo.broker_process import BrokerProcess
from deploy.serve.serving import more_files
from schemas.store.users import Users
from tests.rooms.installation.web_process import Web
from tests.rooms.promise.ledgers import fill
from tests.rooms.promise.promise import wait_for
from tests.rooms.promise.streams import Node, Reader

pytestmark = pytest.mark.system
MANY = 1000


@pytest.fixture
def web(request: pytest.FixtureRequest, tmp_path: Path, broker: BrokerProcess) -> Iterator[Web]:
    (tmp_path / "state").mkdir()
    fill(tmp_path / "state" / "ledger.db", 20)
    made = Web(tmp_path, broker.port, **getattr(request, "param", {}))
    yield made.ready()
    made.end()


@pytest.fixture
def node(web: Web, broker: BrokerProcess) -> Iterator[Node]:
    made = Node(broker.port, web.state / "ledger.db")
    yield made
    made.close()


class Crowd:
    """Many browsers that only count what they read."""

    def __init__(self, port: int, tokens: tuple[str, ...], count: int) -> None:
        self.selector = selectors.DefaultSelector()
        self.heard: dict[socket.socket, bytes] = {}
        self.ended = 0
        for n in range(count):
            token = tokens[n % len(tokens)]
            head = (
                "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer"
                f" {token}\r\n\r\n".encode()
            )
            sock = socket.create_connection(("127.0.0.1", port), 20)
            sock.sendall(head)
            sock.setblocking(False)
            self.heard[sock] = b""
            self.selector.register(sock, selectors.EVENT_READ)

    def all_hear(self, word: bytes, limit_s: float) -> int:
        """How many have heard a word; waits until all have. What came before it is forgotten."""
        until, have = (
            time.monotonic() + limit_s,
            {sock for sock, text in self.heard.items() if word in text},
        )
        while len(have) < len(self.heard) and time.monotonic() < until:
            for key, _ in self.selector.select(1.0):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                data = sock.recv(65536)
                if not data:
                    self.selector.unregister(sock)
                    self.ended += 1
                    continue
                self.heard[sock] = (self.heard[sock] + data)[-200_000:]
                if word in self.heard[sock]:
                    have.add(sock)
        for sock in have:
            self.heard[sock] = self.heard[sock].partition(word)[2]
        return len(have)

    def close(self) -> None:
        """All of them leave."""
        self.selector.close()
        for sock in self.heard:
            sock.close()


@pytest.mark.parametrize("web", [{"GUNICORN_THREADS": "8"}], indirect=True)
def test_streams_take_half_of_the_threads_and_the_rest_answers(web: Web, node: Node) -> None:
    token = web.sign_in()
    other = web.sign_in("olga", "OPERATOR")
    readers = [Reader(web.port, each) for each in (token, token, other, other)]
    for reader in readers:
        reader.next("hello")
    refused = Reader(web.port, token)
    assert refused.status == 503
    assert int(refused.headers["retry-after"]) > 0
    assert web.ask("GET", "/health")[0] == 200
    assert web.sign_in("olaf", "VIEWER")
    assert web.ask("GET", "/api/v1/results", token=token)[0] == 200
    readers[0].close()
    node.say("event/x", {"type": "x", "at": "now"})  # something to send finds out that it has gone
    wait_for(lambda: _opened(web, token, readers), 20, "a place that is free again")
    for reader in (*readers, refused):
        reader.close()


def test_a_reload_ends_streams_softly_and_who_comes_back_misses_nothing(
    web: Web, node: Node
) -> None:
    token = web.sign_in()
    reader = Reader(web.port, token)
    reader.next("hello")
    node.result(11)
    event_id, _, result = reader.next("result")
    assert result["seq"] == 11
    web.process.send_signal(signal.SIGHUP)
    with pytest.raises(EOFError):
        reader.next("never")
    node.result(12)
    again = Reader(web.port, token, event_id)
    assert again.status == 200
    assert again.next("result")[2]["seq"] == 12
    reader.close()
    again.close()
    wait_for(
        lambda: web.log.read_text().count("has ended after") == 1, 20, "the end of the old worker"
    )
    assert "graceful timeout" not in web.log.read_text()


@pytest.mark.parametrize("web", [{"GUNICORN_WORKER_CLASS": "gevent"}], indirect=True)
def test_with_gevent_a_thousand_browsers_hear_every_result(web: Web, node: Node) -> None:
    more_files()
    web.sign_in()
    token = web.sign_in("olaf", "VIEWER")
    crowd = Crowd(web.port, (token, web.sign_in("olga", "VIEWER")), MANY)
    assert crowd.all_hear(b"event: hello", 60) == MANY
    for seq in (11, 12):
        node.result(seq)
        assert crowd.all_hear(f'"seq":{seq},'.encode(), 30) == MANY
        assert web.ask("GET", "/health")[0] == 200
        assert (
            web.ask("GET", "/api/v1/results?limit=1", token=token)[1]["data"]["results"][0]["seq"]
            == seq
        )
    users = Users(web.state / "users")
    for name in ("olaf", "olga"):
        users.set(users.get(name).id, disabled=True)
    assert crowd.all_hear(b"event: end", 30) == MANY
    crowd.close()
    log = web.log.read_text()
    assert "Traceback" not in log, log[-3000:]


@pytest.mark.parametrize(
    "web", [{}, {"GUNICORN_WORKER_CLASS": "gevent"}], indirect=True, ids=["gthread", "gevent"]
)
def test_who_does_not_read_is_dropped_and_hinders_nobody(web: Web, node: Node) -> None:
    token = web.sign_in()
    slow, quick = Reader(web.port, token), Reader(web.port, token)
    slow.next("hello")
    link = quick.next("hello")[2]["link"]
    while link["broker"] != "ok":  # nobody hears what is said before the web listens
        link = quick.next("link")[2]
    said = 0
    while said < 500:  # more than its queue and all buffers of the two sockets hold
        node.say(
            "event/flood",
            {"type": "flood", "at": "now", "data": {"n": said, "text": "x" * 100_000}},
        )
        said += 1
        assert quick.next("event")[2]["data"]["n"] == said - 1
    got = []
    with contextlib.suppress(EOFError):
        while len(got) < said:
            got.append(slow.next("event"))
    assert len(got) < said
    slow.close()
    quick.close()


@pytest.mark.parametrize(
    "web", [{"GUNICORN_THREADS": "4"}, {"GUNICORN_WORKER_CLASS": "gevent"}], indirect=True
)
def test_who_says_nothing_or_half_a_word_hinders_nobody(web: Web) -> None:
    silent = [socket.create_connection(("127.0.0.1", web.port), 20) for _ in range(200)]
    halves = [socket.create_connection(("127.0.0.1", web.port), 20) for _ in range(20)]
    for sock in halves:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
    for _ in range(5):
        assert web.ask("GET", "/health")[0] == 200
    for sock in (*silent, *halves):
        assert sock.recv(4096).partition(b" ")[2][:1] in (b"", b"4"), "it was told or cut off"
        sock.close()


def _opened(web: Web, token: str, readers: list[Reader]) -> bool:
    made = Reader(web.port, token)
    readers.append(made)
    return made.status == 200
