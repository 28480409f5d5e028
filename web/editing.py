"""Who has which program open in an editor, so that two who edit one know of each other before one
of them is refused. In the memory of one process, and only for a moment: an open editor says so
again and again."""

import threading
import time

from typing_extensions import TypedDict

from schemas import utc

OPEN_S = 45.0  # an editor says so every 15 s
MOST = 1000


class OpenEditor(TypedDict):
    """Somebody else's editor, and since when it is open (UTC)."""

    username: str
    name: str
    since: str


class Editing:
    """See the head of this file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], tuple[OpenEditor, float]] = {}  # by program and session

    def opened(self, program: str, session: str, username: str, name: str) -> list[OpenEditor]:
        """The person of a session has a program open; gives the editors of it in other sessions,
        the first first."""
        now = time.monotonic()
        key = program, session
        with self._lock:
            there = {each: (who, at) for each, (who, at) in self._open.items() if now - at < OPEN_S}
            known = there.get(key)
            if known is not None or len(there) < MOST:
                begun: OpenEditor = {"username": username, "name": name, "since": utc()}
                there[key] = known[0] if known is not None else begun, now
            self._open = there
            return [who for each, (who, _) in there.items() if each[0] == program and each != key]

    def closed(self, program: str, session: str) -> None:
        """In that session it is open no more."""
        with self._lock:
            self._open.pop((program, session), None)
