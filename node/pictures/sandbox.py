"""Decodes pictures that people upload in a process of its own: what breaks a decoder ends that
process, and not the node.

The child is started at the first picture and kept; it may use a bounded amount of memory and time,
opens no file, starts nothing, reaches no network and knows nothing of our environment
(`node.pictures.confine`); a picture that ends it is refused. It gets `length, bytes` and answers
with a line of JSON (`shape`, or `code` and `message`) and the pixels.
"""

import json
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from node.frame import Pixels
from node.pictures.confine import confine
from node.pictures.decode import decode
from schemas import Problem

LIMIT_S = 20.0
# 64 million pixels of four 16-bit channels are half a GB, and are converted once
MEMORY_BYTES = 2 * 1024**3
LENGTH = struct.Struct(">I")


class Decoder:
    """The child, for any thread, one picture at a time."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def decode(self, data: bytes) -> Pixels:
        """As node.pictures.decode.decode. Raises Problem IMAGE_INVALID, also where the child has
        ended or takes too long."""
        with self._lock:
            child = self._running()
            assert child.stdin is not None
            assert child.stdout is not None
            timer = threading.Timer(LIMIT_S, child.kill)
            timer.daemon = True
            timer.start()
            try:
                child.stdin.write(LENGTH.pack(len(data)))
                child.stdin.write(data)
                child.stdin.flush()
                return _answer(child.stdout)
            except (OSError, EOFError, ValueError, KeyError, TypeError):
                # whatever it says that is not an answer, nothing after it is one either
                self._end()
                raise Problem(
                    "IMAGE_INVALID", "decoding it takes too long or too much memory"
                ) from None
            finally:
                timer.cancel()

    def close(self) -> None:
        """End the child, even one that is decoding: a caller that waits for it gets its problem at
        once."""
        child = self._child
        if child is not None:
            child.kill()
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "node.pictures.sandbox"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd="/",
                # none of our secrets
                env={"PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8"},
            )
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with suppress(OSError):  # what was no longer sent
                    pipe.close()  # type: ignore[union-attr]


def _answer(stdout: IO[bytes]) -> Pixels:
    line = stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    said = json.loads(line)
    if "code" in said:
        raise Problem.told(said["code"], said["message"])
    size = int(np.prod(said["shape"]))
    pixels = stdout.read(size)
    if len(pixels) != size:
        raise EOFError
    return np.frombuffer(bytearray(pixels), np.uint8).reshape(said["shape"])


def confined(memory_bytes: int) -> IO[bytes]:
    """Limit and confine this process for good; where its answers go, and nothing else."""
    # it ends with the process that started it, whose end of the pipe is then closed
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    cv2.setNumThreads(1)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # no file other than these
    confine()
    return sink


def main() -> None:
    """The child: answers until nobody asks any more."""
    sink, source = confined(MEMORY_BYTES), sys.stdin.buffer
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        try:
            pixels = decode(source.read(LENGTH.unpack(head)[0]), foreign=True)
            sink.write(json.dumps({"shape": pixels.shape}).encode() + b"\n")
            sink.write(np.ascontiguousarray(pixels).data)
        except Problem as problem:
            sink.write(
                json.dumps({"code": problem.code, "message": problem.message}).encode() + b"\n"
            )
        sink.flush()


if __name__ == "__main__":
    main()
