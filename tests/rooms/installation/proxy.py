"""A TCP proxy in front of a broker, which can go deaf, cut connections, or cut them after a number
of bytes."""

import contextlib
import socket
import threading
import time


class Proxy:
    """Forwards 127.0.0.1:port to 127.0.0.1:target; `deaf` swallows everything both ways, `cut`
    resets all connections."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.deaf = False
        self.cut_after: int | None = None  # bytes from the client, over all connections
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                client.close()
                continue
            for sock in (client, server):
                sock.settimeout(None)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(sock)
            threading.Thread(target=self._pipe, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pipe, args=(server, client, False), daemon=True).start()

    def _pipe(self, source: socket.socket, sink: socket.socket, from_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self.deaf:
                    continue
                if from_client and self.cut_after is not None:
                    self.cut_after -= len(data)
                    if self.cut_after < 0:
                        sink.sendall(data[: self.cut_after])
                        self.cut_after = None
                        self.cut()
                        return
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Reset every open connection."""
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
                )
                sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        self._open.clear()

    def close(self) -> None:
        """End."""
        self._listener.close()
        time.sleep(0)
        self.cut()
