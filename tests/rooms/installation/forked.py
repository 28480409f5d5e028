"""`inspection-node` for tests that call it often: loaded once, and each call is a fork of it.

`python -m tests.rooms.installation.forked serve SOCKET` serves until it is ended. Run as a file,
`forked.py call SOCKET ARGUMENT...` is a call: its arguments, folder, environment, standard streams
and exit code are those of a process of its own. Nothing that a call does not need is imported
above, because imports are what a call costs.
"""

import json
import os
import signal
import socket
import sys

LONGEST = 1 << 20  # of an environment with its arguments


def call(path: str, argv: list[str]) -> int:
    """Let the server run a command line; its exit code."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [b"!"], [0, 1, 2])
        wanted = argv, os.getcwd(), dict(os.environ)  # noqa: PTH109
        server.sendall(json.dumps(wanted).encode() + b"\n")
        return int(server.recv(8) or b"70")


def serve(path: str) -> None:
    """Take calls. The socket exists once everything is loaded."""
    import gc
    import pkgutil
    from importlib import import_module

    for module in ("deploy.cli", "broker", "schemas.store.ledger", "schemas.store.accounts"):
        package = import_module(module)
        for found in pkgutil.iter_modules(package.__path__, f"{module}."):
            import_module(found.name)
    import_module("node.program")
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a child that has answered
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{path}.new")
        server.listen(16)
        os.rename(f"{path}.new", path)  # noqa: PTH104
        while True:
            caller, _ = server.accept()
            if os.fork() == 0:
                server.close()
                _answer(caller)
            caller.close()


def _answer(caller: socket.socket) -> None:
    """In a process of its own: run what is wanted in another one, and end it if the caller goes."""
    import contextlib
    import select

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, streams, _, _ = socket.recv_fds(caller, 1, 3)
    argv, folder, environ = json.loads(caller.makefile("rb").readline(LONGEST))
    running = os.fork()
    if running == 0:
        caller.close()
        _run(streams, argv, folder, environ)
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(running)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(caller, 0)
    if all(which != ended for which, _ in poll.poll()):
        os.kill(running, signal.SIGINT)
    _, status = os.waitpid(running, 0)
    with contextlib.suppress(OSError):  # nobody hears it any more
        caller.sendall(str(os.waitstatus_to_exitcode(status) & 0xFF).encode())
    os._exit(0)


def _run(streams: list[int], argv: list[str], folder: str, environ: dict[str, str]) -> None:
    """In a process of its own: be that command. Does not return."""
    import traceback

    from deploy.cli.command import main

    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
        sys.argv = ["inspection-node", *argv]
        code = main()
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "call":
        sys.exit(call(sys.argv[2], sys.argv[3:]))
    serve(sys.argv[2])
