"""`python -m deploy.serve.start`: the web under Gunicorn, or, where that is missing, under a plain
threaded server that says so loudly.

The plain one is from the standard library: it knows neither workers nor reloads, and a slow client
holds a thread. It exists so that a box without Gunicorn is not without a web; health says which
server answers (`wsgi_server`).
"""

import argparse
import logging
import os
import socket
import sys
import threading
import time
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from werkzeug.wsgi import ClosingIterator

from deploy.serve import serving
from deploy.serve.access_log import accessed
from deploy.serve.answering import of_web
from schemas import Problem
from schemas.settings.addresses import not_had
from schemas.store.disk import private_umask
from schemas.store.state import held, secured

IDLE_S = 30.0
log = logging.getLogger("deploy.serve.start")
LOUD = """
****************************************************************************************
*  Gunicorn is not installed: the web runs under a PLAIN THREADED SERVER.               *
*  It is slower, has no workers and no reload, and slow clients hold it up.             *
*  For production: pip install 'gunicorn>=27', then start again.                        *
****************************************************************************************
"""


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection, but no more than there are places."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self._places = threading.BoundedSemaphore(serving.threads(os.environ))
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Served as soon as there is a place."""
        if self._places.acquire(timeout=IDLE_S):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The connection is over: its place is free."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()


class Handler(WSGIRequestHandler):
    """One request; the access log is written by `logged`."""

    timeout = IDLE_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """What is wrong with a connection is not worth a line."""


def logged(app: Any) -> Any:
    """An application whose answers are in the access log, as Gunicorn's are."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        began = time.monotonic()
        told: list[str] = ["-", "0"]

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            length = next(
                (value for name, value in headers if name.lower() == "content-length"), "0"
            )
            told[:] = [status.partition(" ")[0], length]
            return start_response(status, headers, *more)

        def done() -> None:
            accessed(
                log, environ, told[0], int(told[1]), timedelta(seconds=time.monotonic() - began)
            )

        return ClosingIterator(app(environ, start), done)

    return answer


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal. 0 if all went well, 1 if it failed."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.serve.start",
        description=" ".join((__doc__ or "").split("\n\n")[0].split()),
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings file (else $CONFIG_PATH, else ./node.toml)",
    )
    parser.add_argument(
        "--answers",
        action="store_true",
        help="start nothing: end with 0 if the web answers, else with 1",
    )
    args = parser.parse_args(argv)
    if args.config is not None:
        os.environ["CONFIG_PATH"] = str(args.config.absolute())
    try:
        if args.answers:
            return 1 if of_web(serving.read_again(os.environ).settings) else 0
        return serving.web(args) if find_spec("gunicorn") is not None else plain()
    except Problem as problem:
        print(f"inspection-node: {problem.code}: {problem.message}", file=sys.stderr)
        return 1


def plain() -> int:
    """The plain threaded server. Raises Problem SETTINGS_INVALID."""
    settings = serving.read_again(os.environ).settings
    host, _, port = settings.web.bind.rpartition(":")
    if settings.web.bind.startswith("unix:") or serving.worker_count(os.environ) > 1:
        raise Problem(
            "SETTINGS_INVALID", "without Gunicorn there is one worker, and no socket unix:/PATH"
        )
    os.umask(private_umask(Path(settings.state_dir)))
    secured(Path(settings.state_dir))
    lock = held(Path(settings.state_dir), alone=False)
    from deploy.serve.wsgi import app
    from web.site import NAME

    print(LOUD, file=sys.stderr, flush=True)
    try:
        with make_server(host.strip("[]"), int(port), logged(app), Server, Handler) as server:
            app.extensions[NAME].watch  # noqa: B018
            app.extensions[NAME].tell_head()
            log.warning(
                "web on http://%s: a plain threaded server, for Gunicorn is not installed",
                settings.web.bind,
            )
            server.serve_forever()
    except KeyboardInterrupt:
        pass
    except OSError as error:
        raise Problem("SETTINGS_INVALID", not_had("web.bind", settings.web.bind, error)) from error
    finally:
        os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())
