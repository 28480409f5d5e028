"""Reaching the broker on a thread of its own, so that no thread with a heartbeat has to wait for
names, files or silence."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable

from broker.side import ConnectionEnd
from broker.sockets import dial, reason_of
from schemas.settings import BrokerSettings

WAITED_S = 5.0  # for a name, an address or a certificate, until that is reported
AGAIN_S = 20.0  # a resolver asked again may know more than one that still waits
LOOK_S = 0.02, 0.25  # between two looks at a try: at first, and after a second
TOGETHER = 3


class Dial:
    """One try. `done` is set when there is a socket or an error; `step` says what is waited for."""

    def __init__(self, settings: BrokerSettings, limit_s: float, wake: int) -> None:
        self.began_at = time.monotonic()
        self.step = "beginning"
        self.done = False
        self.error: OSError | ValueError | None = None
        self._settings = settings
        self._limit_s = limit_s
        self._wake = wake
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._left = False
        threading.Thread(target=self._run, name="dial", daemon=True).start()

    def take(self) -> socket.socket | None:
        """The socket, for the first caller; None if there is none."""
        with self._lock:
            sock, self._socket = self._socket, None
            return sock

    def leave(self) -> None:
        """Nobody waits any more: a socket that comes late is closed."""
        with self._lock:
            self._left = True
            sock, self._socket = self._socket, None
        if sock is not None:
            sock.close()

    def _told(self, step: str) -> None:
        self.step = step

    def _run(self) -> None:
        sock = None
        try:
            sock = dial(self._settings, self._limit_s, self._told)
        except (OSError, ValueError) as error:
            # UnicodeError, of a name that cannot be one, is a ValueError
            self.error = error
        with self._lock:
            if not self._left:
                self._socket, sock = sock, None
                self.done = True
                with contextlib.suppress(OSError):  # the process may be about to end
                    os.eventfd_write(self._wake, 1)
        if sock is not None:
            sock.close()


class Dialling:
    """Tries, at most a few at a time: one that hangs, in a resolver or a dead share, is not
    followed by ever more."""

    def __init__(self, settings: BrokerSettings, limit_s: float, wake: int) -> None:
        self._given = settings, limit_s, wake
        self._tries: list[Dial] = []

    def look(self) -> tuple[socket.socket | None, OSError | ValueError | None]:
        """A socket, or why there is none; (None, None) while it is still being tried. Begins a try
        if there is none."""
        now = time.monotonic()
        for each in [each for each in self._tries if each.done]:
            sock = each.take()
            if sock is not None:
                self.leave()
                return sock, None
            self._tries.remove(each)
            return None, each.error
        if not self._tries or (
            now - self._tries[-1].began_at > AGAIN_S and len(self._tries) < TOGETHER
        ):
            self._tries.append(Dial(*self._given))
        return None, None

    def wait(
        self, stopping: threading.Event, beat: Callable[[], None], waits: Callable[[str], None]
    ) -> tuple[socket.socket | None, ConnectionEnd]:
        """A socket, or why there is none. beat() is called all the time, waits(why) when it takes
        long."""
        url = self._given[0].url
        while not stopping.is_set():
            sock, error = self.look()
            beat()
            if sock is not None:
                return sock, ConnectionEnd("stopped", "")
            if error is not None:
                reason = "tls" if type(error).__name__.startswith("SSL") else "unreachable"
                return None, ConnectionEnd(reason, f"{url}: {reason_of(error)}")
            step, waited_s = self.waits
            if waited_s > WAITED_S:
                waits(f"{url} cannot be reached: {step}, for more than {WAITED_S:g} s")
            stopping.wait(LOOK_S[waited_s > 1.0])
        return None, ConnectionEnd("stopped", "")

    @property
    def waits(self) -> tuple[str, float]:
        """What the oldest try is waiting for, and for how many seconds it has been."""
        oldest = self._tries[0] if self._tries else None
        return (oldest.step, time.monotonic() - oldest.began_at) if oldest else ("", 0.0)

    def leave(self) -> None:
        """Give up the tries under way; a thread that hangs ends by itself."""
        for each in self._tries:
            each.leave()
        self._tries.clear()
