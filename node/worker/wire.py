"""What goes over the socket pair between the node and a worker process: one message a packet, JSON
behind a letter that says what it is; what is large travels as a file in memory.

A packet arrives whole or not at all. JSON is read by the models that wrote it, so what is not as
they say ends in an error and not in a verdict; no pickle, and no pixel but in encoded pictures.
"""

import array
import contextlib
import json
import logging
import mmap
import os
import socket
import struct
from typing import Any, NamedTuple

from pydantic import ConfigDict, TypeAdapter

from node.worker.seam import PartJob, PartOutcome, ReadyProgram, Settle
from schemas import Fault, Problem, StationSettings

SMALL = 64 * 1024  # bytes of a packet; what is larger is a file in memory
TURN_S = 0.1  # how often a receiver looks up
SEND_S = 1.0  # for room in a socket whose other end does not read
TRIES = 5  # to send something that must not be lost
FD_BYTES = socket.CMSG_SPACE(array.array("i").itemsize)


class WorkerSetup(NamedTuple):
    """What a worker process is given to begin with. folder: relative paths are taken from there;
    level: of the log. refused: versions of programs that are not loaded, since that ended workers
    before. tries: it does what an editor tries, and has no camera."""

    node_id: str
    station: StationSettings
    folder: str
    state: str
    jpeg_quality: int
    level: str
    refused: dict[str, int] = {}
    tries: bool = False


class Shown(NamedTuple):
    """What a worker process tells of itself when it changes: why its camera gives no frame, and
    the programs that are loaded, or why they cannot be. unmet: what of its real-time settings the
    system does not allow. fault: see Worker."""

    camera: Fault | None
    simulated: bool
    programs: dict[str, ReadyProgram | Fault]
    unmet: str | None = None
    fault: str | None = None


LATER = ConfigDict(defer_build=True)  # a node without worker processes needs none of them
JOB: TypeAdapter[PartJob] = TypeAdapter(PartJob, config=LATER)
OUTCOME: TypeAdapter[PartOutcome] = TypeAdapter(PartOutcome, config=LATER)
SETTLE: TypeAdapter[Settle] = TypeAdapter(Settle, config=LATER)
SETUP: TypeAdapter[WorkerSetup] = TypeAdapter(WorkerSetup, config=LATER)
SHOWN: TypeAdapter[Shown] = TypeAdapter(Shown, config=LATER)
READY: TypeAdapter[ReadyProgram] = TypeAdapter(ReadyProgram, config=LATER)


def prepare() -> None:
    """Build what reads and writes the messages, before the first part comes."""
    for each in (JOB, OUTCOME, SETTLE, SHOWN, READY):
        each.rebuild()


class Wire:
    """One end of a socket pair. Any thread may send; one receives."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._room = bytearray(SMALL + 1)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _span(TURN_S))
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _span(SEND_S))

    def fileno(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def send(self, kind: bytes, payload: bytes = b"", *, wait: bool = True) -> bool:
        """Send one message; False if the other end is gone, or there is no room for it."""
        for _ in range(TRIES if wait else 1):
            try:
                self._send(kind, payload, 0 if wait else socket.MSG_DONTWAIT)
                return True
            except BlockingIOError:
                continue
            except OSError:
                return False
        return False

    def _send(self, kind: bytes, payload: bytes, flags: int) -> None:
        flags |= socket.MSG_NOSIGNAL
        if len(payload) < SMALL:
            self._socket.send(kind + payload, flags)
            return
        with open(os.memfd_create("message", os.MFD_CLOEXEC), "wb") as file:  # noqa: PTH123
            file.write(payload)
            file.flush()
            socket.send_fds(self._socket, [kind], [file.fileno()], flags)

    def receive(self) -> tuple[bytes, bytes] | None:
        """The next message: its kind and payload; nothing of either if none came for TURN_S. None
        if nobody is there any more."""
        try:
            size, told, _, _ = self._socket.recvmsg_into(
                [self._room], FD_BYTES, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return b"", b""
        except OSError:
            return None
        if size == 0:
            return None
        kind = bytes(self._room[:1])
        if not told:
            return kind, bytes(self._room[1:size])
        files = array.array("i")
        files.frombytes(told[0][2][: files.itemsize])
        try:
            with mmap.mmap(files[0], 0, access=mmap.ACCESS_READ) as memory:
                return kind, memory[:]
        finally:
            os.close(files[0])

    def shut(self) -> None:
        """Nothing more comes or goes: threads that wait at either end are told."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Shut it, and let go of the descriptor."""
        self.shut()
        self._socket.close()


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends, over which a packet arrives whole."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def dumped(value: Any) -> bytes:
    """Plain values as JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def as_fault(problem: Problem) -> Fault:
    """A problem as it goes over the wire."""
    return Fault(code=problem.code, message=problem.message)


def as_problem(fault: Fault) -> Problem:
    """And back: as it was."""
    return Problem.told(fault.code, fault.message)


def _span(seconds: float) -> bytes:
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))


def relay(name: str, level: int, message: str, trace: str | None, fields: dict[str, Any]) -> None:
    """A line of another process's log, in ours."""
    logger = logging.getLogger(name)
    if logger.isEnabledFor(level):
        if trace is not None:
            fields = {**fields, "exception": trace}
        logger.log(level, message, extra={"fields": fields})  # what it says is not a format
