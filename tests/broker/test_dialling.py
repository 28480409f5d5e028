"""A name, an address, a certificate or a greeting that does not come holds up nothing, and is
reported."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.sockets import dial
from schemas.settings import BrokerSettings
from tests.broker.alone import Bench
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow


def beats(bench: Bench, seconds: float) -> bool:
    """Whether the broker's thread goes on all the while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if time.monotonic_ns() - bench.session.beat_ns > 3e9:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def swallowing() -> Iterator[tuple[str, int]]:
    """An address that swallows SYN: its backlog is full, and nobody accepts."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    address = listener.getsockname()
    waiting = []
    for _ in range(4):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(address)
        waiting.append(sock)
    time.sleep(0.1)
    yield address
    for sock in [*waiting, listener]:
        sock.close()


def test_a_silent_name_server_is_told_and_the_node_is_on_line_once_it_answers(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.dialling.WAITED_S", 0.5)
    plain, answers = socket.getaddrinfo, threading.Event()

    def asked(*given: Any, **more: Any) -> Any:
        answers.wait(20)
        return plain(*given, **more)

    monkeypatch.setattr("broker.sockets.socket.getaddrinfo", asked)
    two = pair()
    wait_for(lambda: "name server" in two.bench.trouble, 5)
    assert beats(two.bench, 2)
    answers.set()
    two.online()
    wait_for(lambda: two.bench.trouble == "")


def test_a_name_that_cannot_be_resolved_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_given: Any, **_more: Any) -> Any:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr("broker.sockets.socket.getaddrinfo", asked)
    bench = Bench(tmp_path, BrokerSettings(url="mqtt://broker.plant.example:1883"))
    try:
        wait_for(lambda: "broker.plant.example cannot be resolved" in bench.trouble, 5)
        assert beats(bench, 1)
    finally:
        bench.close()


def test_sixteen_addresses_that_swallow_what_is_sent_there_hide_no_seventeenth(
    pair: Any, swallowing: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.sockets.STAGGER_S", 0.05)
    plain = socket.getaddrinfo

    def asked(*given: Any, **more: Any) -> Any:
        found = plain(*given, **more)
        return [(*found[0][:4], swallowing)] * 16 + found

    monkeypatch.setattr("broker.sockets.socket.getaddrinfo", asked)
    two = pair()
    two.online(10)


def test_addresses_that_all_stay_silent_are_told_after_a_while(swallowing: tuple[str, int]) -> None:
    with pytest.raises(TimeoutError, match=r"no answer within 0.3 s from 127\.0\.0\.1"):
        dial(BrokerSettings(url=f"mqtt://127.0.0.1:{swallowing[1]}"), 0.3)


def test_a_tls_server_that_says_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.dialling.WAITED_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        bench = Bench(tmp_path, BrokerSettings(url=f"mqtts://127.0.0.1:{server.getsockname()[1]}"))
        try:
            wait_for(lambda: "TLS greeting" in bench.trouble, 5)
            assert beats(bench, 1)
        finally:
            bench.close()


def test_certificates_on_a_dead_share_are_told_and_a_stop_does_not_wait_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.dialling.WAITED_S", 0.5)
    share = tmp_path / "ca.pem"
    os.mkfifo(share)  # reading waits for a writer who never comes
    bench = Bench(tmp_path, BrokerSettings(url="mqtts://127.0.0.1:8883", ca_file=str(share)))
    try:
        wait_for(lambda: str(share) in bench.trouble, 5)
        assert beats(bench, 1)
    finally:
        bench.close()
        assert not bench.session._thread.is_alive()
        share.open("w").close()
