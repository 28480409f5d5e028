"""The guardian: a small child process that makes a station's lines inactive when the node dies or
hangs.

Many chips keep the last level when the kernel releases the request of a killed process, so nobody
would take the verdict back. The guardian holds a duplicate of the output request and one end of a
socket. The socket closes when the node dies, whatever killed it: the guardian makes every output
inactive and leaves. It does the same if no beat comes for 5 s, then says so over the socket and
goes on watching. The child runs this very file, so it loads only what it needs.
"""

import fcntl
import os
import select
import struct
import sys

# linux/gpio.h: _IOWR(0xB4, 0x0F, struct gpio_v2_line_values {u64 bits; u64 mask}), bits are logical
# values
SET_VALUES = 3 << 30 | 16 << 16 | 0xB4 << 8 | 0x0F
HANG_S = 5.0
LEAVE_S = 0.5


def watch(request: int, pipe: int, lines: int, hang_s: float = HANG_S) -> None:
    """Wait for the end of the node, or of its beats, and make the first `lines` of the request
    inactive."""
    inactive = struct.pack("=QQ", 0, (1 << lines) - 1)

    def drop() -> None:
        try:
            fcntl.ioctl(request, SET_VALUES, inactive)
        except OSError:
            return  # the chip is gone, and its lines with it

    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    told = False
    while True:
        if not waiting.poll(hang_s * 1000):
            drop()
            if not told:
                os.write(pipe, b"!")
            told = True
            continue
        try:
            beats = os.read(pipe, 4096)
        except OSError:  # the node left without reading what we said
            beats = b""
        if not beats:
            drop()
            return
        told = False


class Guardian:
    """The node's side of one guardian process."""

    def __init__(self, request: int, lines: int) -> None:
        """Start it for the first `lines` of the output request with this file descriptor. Raises
        OSError."""
        import signal
        import socket
        import subprocess

        self._pipe, theirs = socket.socketpair()
        self._pipe.setblocking(False)
        # it leaves after the node, not with it: the child inherits which signals are blocked, so
        # there is no gap while it starts
        deaf = signal.pthread_sigmask(
            signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        )
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    __file__,
                    str(request),
                    str(theirs.fileno()),
                    str(lines),
                ],
                pass_fds=(request, theirs.fileno()),
                start_new_session=True,  # a Ctrl-C goes to the node's group
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={
                    name: os.environ[name]
                    for name in ("PATH", "LD_LIBRARY_PATH")
                    if name in os.environ
                },
            )
        except OSError:
            self._pipe.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, deaf)
            theirs.close()

    @property
    def pid(self) -> int:
        """The process of the guardian."""
        return self._process.pid

    def beat(self) -> None:
        """Tell the guardian that the node is alive. Raises OSError if it is gone, or has made the
        lines inactive."""
        if self._process.poll() is not None:
            raise OSError(f"the guardian of the lines ended with {self._process.returncode}")
        self._pipe.send(b".")
        try:
            said = self._pipe.recv(16)
        except BlockingIOError:
            return
        raise OSError(
            "the guardian made the lines inactive, the node hung"
            if said
            else "the guardian of the lines left"
        )

    def close(self) -> None:
        """Send it away; it makes the lines inactive once more. Takes at most a second."""
        import subprocess

        self._pipe.close()
        for _ in range(2):
            try:
                self._process.wait(LEAVE_S)
                return
            except subprocess.TimeoutExpired:
                self._process.kill()


if __name__ == "__main__":
    watch(*(int(text) for text in sys.argv[1:4]))
