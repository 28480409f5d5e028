"""What the node says, as last heard: one thread follows its topics, and passes each message on to who listens.

The thread begins with the first who asks, so that a command that only makes an application starts none. The web goes on
without broker and node: `broker` then says why nothing is heard.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from broker.client import Client
from broker.topics import Names
from schemas import Problem

log = logging.getLogger(__name__)
FOLLOWED = ("state", "info", "result", "latest", "alarm", "event", "metrics")
ONE_LEVEL = ("result", "latest", "alarm", "event")
AGAIN_S = 2.0
MOST_ALARMS = 200
Heard = Callable[[str, str, dict[str, Any]], None]


class Watch:
    """`state`, `info`, `metrics` (None until heard), `alarms` by code and `latest` by station; read them from any thread.

    Listeners get the topic's name in the table, its last part (station, type or code, else empty) and the payload; {} is
    a cleared topic. They run on the thread that reads, so they only store and wake.
    """

    def __init__(self, names: Names, connect: Callable[[], Client]) -> None:
        self.broker: Problem | None = Problem("BROKER_AWAY", "not connected yet")
        self.state: dict[str, Any] | None = None
        self.info: dict[str, Any] | None = None
        self.metrics: dict[str, Any] | None = None
        self.alarms: dict[str, dict[str, Any]] = {}
        self.latest: dict[str, dict[str, Any]] = {}
        self.heard_at = 0.0
        self.began_at = 0.0
        self.settled = threading.Event()  # the node's state was heard, or the broker was found to be away
        self.listeners: list[Heard] = []
        self._names = names
        self._connect = connect
        self._client: Client | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._prefixes = {names.prefix(name): name for name in FOLLOWED}

    def start(self) -> "Watch":
        """Begin to follow, unless it was begun."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self.began_at = time.monotonic()
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
        return self

    def close(self) -> None:
        """End; it can be called twice."""
        self._ended.set()
        client = self._client
        if client is not None:
            client.close()

    @property
    def age_s(self) -> float | None:
        """How long ago anything was heard, None if never."""
        return time.monotonic() - self.heard_at if self.heard_at else None

    def _run(self) -> None:
        while not self._ended.is_set():
            self._client = client = self._connect()
            try:
                client.link()
                self.broker = None
                topics = [self._names(name, "+" if name in ONE_LEVEL else "") for name in FOLLOWED]
                for topic, value in client.follow(topics):
                    self._take(topic, value)
                    if self._ended.is_set():
                        break
            except Problem as problem:
                self.broker = problem
                self.settled.set()
                self.state = self.metrics = None
            finally:
                with contextlib.suppress(Problem):
                    client.close()
            self._ended.wait(AGAIN_S)

    def _take(self, topic: str, value: dict[str, Any]) -> None:
        name, leaf = self._named(topic)
        self.heard_at = time.monotonic()
        if name == "state":
            self.state = value or None
            self.settled.set()
        elif name == "info":
            self.info = value or None
        elif name == "metrics":
            self.metrics = value
        elif name == "latest":
            self.latest[leaf] = value
        elif name == "alarm":
            alarms = {code: alarm for code, alarm in self.alarms.items() if code != leaf}
            if value and len(alarms) < MOST_ALARMS:
                alarms[leaf] = value
            self.alarms = alarms
        for listener in tuple(self.listeners):
            try:
                listener(name, leaf, value)
            except Exception:  # a listener's fault must not end what all the others hear
                log.exception("a listener failed at %s", topic)

    def _named(self, topic: str) -> tuple[str, str]:
        if (name := self._prefixes.get(topic)) is not None:
            return name, ""
        head, _, leaf = topic.rpartition("/")
        return self._prefixes.get(f"{head}/", ""), leaf
