"""Whether web and node answer, asked as their settings say: at an address, or on a socket."""

import http.client
import re
import socket

from schemas import Settings
from schemas.settings import MetricsSettings

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


def of_node(metrics: MetricsSettings, any_station: bool) -> str:
    """What is wrong with the node by its figures, which need no user at the broker: this is how a
    container asks that has only the node's secrets."""
    connection = _connection(metrics.bind)
    token = metrics.token.get_secret_value() if metrics.token else ""
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        figures = dict(re.findall(r"^inspection_(\S+) (\S+)$", answer.read().decode(), re.M))
    except (OSError, http.client.HTTPException) as error:
        return f"node: {metrics.bind} does not answer ({error or type(error).__name__})"
    finally:
        connection.close()
    if answer.status != 200:
        return f"node: {metrics.bind} answers {answer.status} to /metrics"
    if figures.get("broker_online") != "1.0":
        return "node: its results do not flow to the broker"
    ready = [value for name, value in figures.items() if name.startswith("station_ready{")]
    return "" if any_station or (ready and set(ready) == {"1.0"}) else "node: a station is idle"


def _connection(bind: str) -> http.client.HTTPConnection:
    if bind.startswith("unix:"):
        return _OnSocket(bind.removeprefix("unix:"))
    host, _, port = bind.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))
    return http.client.HTTPConnection(host, int(port), timeout=ASK_S)


class _OnSocket(http.client.HTTPConnection):
    """HTTP over a socket of this machine, where only a proxy and we ourselves can ask."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ASK_S)
        self._path = path

    def connect(self) -> None:
        """Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(ASK_S)
        self.sock.connect(self._path)
