"""Whether the web answers, asked as its settings say: at its address, or on its socket."""

import http.client
import socket

from schemas import Settings

ASK_S = 2.0


def of_web(settings: Settings) -> str:
    """What is wrong with the web: that it does not answer, or cannot use its stores."""
    connection = _connection(settings.web.bind)
    try:
        connection.request("GET", "/api/v1/health/ready")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"web: {settings.web.bind} does not answer ({error or type(error).__name__})"
    finally:
        connection.close()
    return (
        ""
        if status == 200
        else f"web: {settings.web.bind} answers {status} to /api/v1/health/ready"
    )


def _connection(bind: str) -> http.client.HTTPConnection:
    if bind.startswith("unix:"):
        return _OnSocket(bind.removeprefix("unix:"))
    host, _, port = bind.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    return http.client.HTTPConnection(host, int(port), timeout=ASK_S)


class _OnSocket(http.client.HTTPConnection):
    """HTTP over a socket of this machine, where only a proxy and we can ask."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ASK_S)
        self._path = path

    def connect(self) -> None:
        """Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ASK_S)
        self.sock.connect(self._path)
