"""`python -m deploy.demo.rumqttd PORT FOLDER`: the broker of the iotcore wheel, for MQTT 3.1.1 and
MQTT 5 on one port of 127.0.0.1.

rumqttd speaks one version of MQTT on a port, and its 3.1.1 ends a connection over which it should
send a message with properties (measured). But PLCs and `mosquitto_pub` speak 3.1.1 unless they are
told otherwise. So rumqttd speaks MQTT 5 on a port of its own, and this process relays: MQTT 5 as it
comes, 3.1.1 translated. Everything is kept in memory only.
"""

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from iotcore import Broker

from deploy.demo.broker_process import ACCOUNTS, RUMQTTD
from deploy.demo.children import free_port, port_answers
from deploy.demo.translate import CONNECT, Packets, level, newer, older, packet, refusal
from schemas.store.disk import replace

START_S = 15.0
CONNECT_S = 10.0


def main(port: int, folder: Path) -> NoReturn:
    """Serve until the process is ended."""
    behind = free_port()
    conf = folder / "rumqttd.toml"
    file = folder / ACCOUNTS
    accounts = file.read_text() if file.exists() else ""
    replace(
        conf,
        (
            RUMQTTD.format(port=behind)
            + (f"[v5.1.connections.auth]\n{accounts}" if accounts else "")
        ).encode(),
    )
    threading.Thread(
        target=_serve, args=(port, behind, bool(accounts)), name="front", daemon=True
    ).start()
    Broker(config_path=str(conf)).run_forever()
    sys.exit("the broker ended")


class RelaySide(asyncio.Protocol):
    """One side of a relayed connection: what it reads, its peer writes, and it reads no faster than
    the peer can write.

    last_word: what the peer is told if this side ends without a word, as rumqttd does when a
    password is wrong.
    """

    def __init__(self, peer: "RelaySide | None" = None, last_word: bytes = b"") -> None:
        self.transport: asyncio.Transport | None = None
        self.peer = peer
        self._last_word = last_word
        self.packets: Packets | None = None  # of a client of 3.1.1
        self._sock: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio sets TCP_NODELAY itself."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._sock = transport.get_extra_info("socket")

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._last_word = b""
        if self._sock is not None:
            # what comes next is acknowledged at once: rumqttd keeps Nagle's algorithm
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        peer = self.peer.transport if self.peer is not None else None
        if peer is None:
            return
        if self.packets is None:
            peer.write(data)
            return
        try:
            for first, body in self.packets.feed(data):
                translated = self.translate(first, body)
                if translated is None:
                    peer.close()
                    return
                peer.write(translated)
        except (ValueError, IndexError):
            self.end()

    def translate(self, first: int, body: bytes) -> bytes | None:
        """Send a packet from rumqttd to a client of 3.1.1."""
        return older(first, body)

    def pause_writing(self) -> None:
        """Let the peer read no more for now."""
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        """Let the peer read on."""
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        """End the peer too, once what it has to write is written."""
        if self.peer is not None and self.peer.transport is not None:
            if self._last_word:
                self.peer.transport.write(self._last_word)
            self.peer.transport.close()

    def end(self) -> None:
        """Hang up."""
        if self.transport is not None:
            self.transport.abort()


class Front(RelaySide):
    """A client; until its CONNECT is complete, what it sends is kept. closed: rumqttd asks for a
    password."""

    def __init__(self, behind: int, *, closed: bool = False) -> None:
        super().__init__()
        self.packets = Packets()
        self._closed = closed
        self._behind = behind
        self._begun = False
        self._kept: list[tuple[int, bytes]] = []
        self._joining: asyncio.Task[None] | None = None
        self._late = asyncio.get_running_loop().call_later(CONNECT_S, self.end)

    def data_received(self, data: bytes) -> None:
        """The first packet says how it goes on."""
        if self.peer is not None:
            super().data_received(data)
            return
        assert self.packets is not None
        try:
            if not self._begun and data[0] >> 4 != CONNECT:
                raise ValueError("this is no CONNECT packet")
            self._begun = True
            self._kept += self.packets.feed(data)
            if self._kept and self._joining is None:
                self._joining = asyncio.create_task(self._join(old=level(self._kept[0][1]) < 5))
        except (ValueError, IndexError):
            self.end()

    def translate(self, first: int, body: bytes) -> bytes:
        """Send a packet from a client of 3.1.1 to rumqttd."""
        return newer(first, body)

    async def _join(self, *, old: bool) -> None:
        self._late.cancel()
        try:
            word = refusal(old=old) if self._closed else b""
            _, peer = await asyncio.get_running_loop().create_connection(
                lambda: RelaySide(self, word), "127.0.0.1", self._behind
            )
            assert peer.transport is not None
            for kept in self._kept:
                peer.transport.write(self.translate(*kept) if old else packet(*kept))
        except (OSError, ValueError, IndexError):
            self.end()
            return
        assert self.packets is not None
        if old:
            peer.packets = Packets()
        else:
            peer.transport.write(self.packets.rest)
            self.packets = None
        self.peer = peer
        if self.transport is None or self.transport.is_closing():
            peer.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """It may go before its version is known."""
        self._late.cancel()
        super().connection_lost(error)


def _serve(port: int, behind: int, closed: bool) -> None:
    """Serve the front once rumqttd answers; if it fails, the process ends: a broker without its
    port is of no use."""
    try:
        until = time.monotonic() + START_S
        while not port_answers(behind):
            if time.monotonic() > until:
                raise TimeoutError("rumqttd does not listen")
            time.sleep(0.02)
        asyncio.run(_front(port, behind, closed))
    except BaseException as error:
        print(f"the front of the broker failed: {error}", file=sys.stderr, flush=True)
        os._exit(1)


async def _front(port: int, behind: int, closed: bool) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Front(behind, closed=closed), "127.0.0.1", port
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(int(sys.argv[1]), Path(sys.argv[2]))
