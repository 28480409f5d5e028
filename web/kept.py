"""The same question, asked again before anything was written: the same answer, byte for byte.

A hall of screens asks the same few things over and over, and a page of results is made of fifty
rows and compressed. Both is done once for all who ask meanwhile. Who may ask, and how often, is
looked at before, each time.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from flask import Response, request

from schemas.store.ledger.reader import LedgerReader
from web.response import JSON, LEAST, as_json, envelope, packed

FRESH_S = 0.5  # pictures go, and time passes, even while nothing is written
MOST = 64  # answers of one process,
MOST_BYTES = 256 * 1024  # each no larger than this
TURNS = 16
TURN_S = 5.0  # for another thread that is making the same answer


class Kept:
    """The last answers made from a ledger."""

    def __init__(self, ledger: LedgerReader) -> None:
        self._ledger = ledger
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
        self._lock = threading.Lock()  # of the dictionary
        self._turns = [threading.Lock() for _ in range(TURNS)]

    def answer(self, make: Callable[[], Any]) -> Response:
        """The envelope around what `make` gives, or around what it gave for the same address since
        the ledger was last written to. Raises what `make` raises."""
        key = f"{request.path}?{request.query_string.decode('latin-1')}"
        turn = self._turns[hash(key) % TURNS]
        mine = turn.acquire(timeout=TURN_S)
        try:
            version = self._ledger.version()  # read first, so that what is written meanwhile is new
            with self._lock:
                kept = self._answers.get(key)
            now = time.monotonic()
            if kept is None or kept.version != version or now - kept.made_at > FRESH_S:
                kept = _Answer(version, now, envelope(as_json(make())))
                self._keep(key, kept)
        finally:
            if mine:
                turn.release()
        return kept.response()

    def _keep(self, key: str, answer: "_Answer") -> None:
        with self._lock:
            self._answers.pop(key, None)
            if len(answer.plain) <= MOST_BYTES:
                self._answers[key] = answer
            while len(self._answers) > MOST:
                self._answers.popitem(last=False)


class _Answer:
    def __init__(self, version: tuple[int, int], made_at: float, plain: bytes) -> None:
        self.version, self.made_at, self.plain = version, made_at, plain
        self._packed: bytes | None = None

    def response(self) -> Response:
        """The answer in the form that this request accepts."""
        if len(self.plain) < LEAST or request.accept_encodings["gzip"] <= 0:
            return Response(self.plain, content_type=JSON)
        if self._packed is None:
            self._packed = packed(self.plain)
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(self._packed, content_type=JSON, headers=headers)
