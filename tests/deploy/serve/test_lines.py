"""Who gets a thread of the web, and who waits: the worker without a process around it."""

import socket
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from deploy.serve.worker import OPEN, Patient, Threads

PAGE = b"GET /app/run HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_OPEN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
SIGN_IN = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


class Site:
    """A worker whose threads answer nothing until they are told to, and its clients."""

    def __init__(self, threads: int = 32) -> None:
        self.config = Config()
        self.config.set("threads", threads)
        self.worker = Threads(1, 1, [], None, 30, self.config, SimpleNamespace())
        self.worker.poller = SimpleNamespace(register=lambda *_: None)
        self.on_threads: list[Patient] = []
        self.worker.enqueue_req = self.on_threads.append
        self.sockets: list[socket.socket] = []

    def asks(self, request: bytes, address: str | None = None) -> tuple[socket.socket, Patient]:
        """A client whose request has come in, at its own address unless one is given, and its
        connection here."""
        client, server = socket.socketpair()
        client.settimeout(10)
        self.sockets += (client, server)
        address = address or f"10.0.{len(self.sockets) // 250}.{len(self.sockets) % 250}"
        conn = Patient(self.config, server, (address, 1), ("10.0.0.1", 80))
        conn.came += request
        assert conn.whole()
        self.worker.nr_conns += 1
        self.worker._start(conn)
        return client, conn

    def answer(self, conn: Patient) -> None:
        """A thread has done one of them."""
        self.on_threads.remove(conn)
        done: Future[bool] = Future()
        done.set_result(False)
        self.worker.finish_request(conn, done)

    def close(self) -> None:
        """Close all of both sides."""
        for each in self.sockets:
            each.close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


def test_a_flood_of_sign_ins_leaves_three_quarters_of_the_threads_to_others(site: Site) -> None:
    for _ in range(50):
        site.asks(SIGN_IN)
    assert len(site.on_threads) == 8
    for _ in range(24):
        site.asks(PAGE)
    assert len(site.on_threads) == 32


@pytest.mark.parametrize(
    "path",
    [
        b"/api/v1/auth/%6cogin",
        b"http://x/api/v1/auth/login",
        b"/api/v1/auth/login?x=1",
        b"/api/v1/auth/login#x",
    ],
)
def test_a_sign_in_is_one_however_its_path_is_written(site: Site, path: bytes) -> None:
    for _ in range(50):
        site.asks(SIGN_IN.replace(b"/api/v1/auth/login", path))
    assert len(site.on_threads) == 8


def test_a_sign_in_that_waits_has_its_turn_when_one_before_it_is_done(site: Site) -> None:
    for _ in range(9):
        site.asks(SIGN_IN)
    last = site.worker.waiting[0]
    site.answer(site.on_threads[0])
    assert site.on_threads[-1] is last
    assert not site.worker.waiting


def test_beyond_the_line_sign_ins_are_refused_at_once_and_told_when_to_come_again(
    site: Site,
) -> None:
    clients = [site.asks(SIGN_IN)[0] for _ in range(8 + OPEN + 1)]
    answer = clients[-1].recv(4096)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 2\r\n" in answer
    assert len(site.worker.waiting) == OPEN


def test_whoever_has_hung_up_while_waiting_is_not_answered(site: Site) -> None:
    for _ in range(8):
        site.asks(SIGN_IN)
    site.asks(SIGN_IN)[0].close()
    _, patient = site.asks(SIGN_IN)
    before = site.worker.nr_conns
    site.answer(site.on_threads[0])
    assert len(site.on_threads) == 8
    assert site.on_threads[-1] is patient
    assert site.worker.nr_conns == before - 1


@pytest.mark.parametrize("threads", [4, 32])
def test_sign_ins_whose_body_does_not_come_hold_none_of_the_threads_of_those_whose_has(
    threads: int,
) -> None:
    site = Site(threads)
    for _ in range(50):
        site.asks(HALF_OPEN)
    _, patient = site.asks(SIGN_IN)
    assert site.on_threads[-1] is patient
    site.close()


def test_a_flood_of_sign_ins_of_one_address_keeps_nobody_else_from_signing_in(site: Site) -> None:
    for _ in range(100):
        site.asks(SIGN_IN, "10.9.9.9")
    assert len(site.on_threads) == 4
    _, patient = site.asks(SIGN_IN)
    assert site.on_threads[-1] is patient
    assert len(site.worker.waiting) == OPEN // 2


def test_threads_and_places_of_those_who_signed_in_are_free_again(site: Site) -> None:
    for _ in range(20):
        site.asks(SIGN_IN, "10.9.9.9")
        site.asks(HALF_OPEN)
    while site.on_threads:
        site.answer(site.on_threads[0])
    assert not site.worker.waiting
    assert site.worker.proving == site.worker.reading == []
