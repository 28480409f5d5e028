"""Gunicorn for the web: one process of threads by default, so that limits are exact and streams
cheap.

`inspection-node web` uses it. PORT > GUNICORN_BIND > web.bind; GUNICORN_WORKERS, GUNICORN_THREADS,
GUNICORN_WORKER_CLASS (gthread, or gevent for a thousand streams), GUNICORN_MAX_REQUESTS,
GUNICORN_PRELOAD. HUP reads settings and this file again.
"""

import faulthandler
import os
import signal
import sys
from pathlib import Path

from deploy.serve import serving
from schemas import Problem
from schemas.store.disk import private_umask
from schemas.store.state import held, secured

try:
    _loaded = serving.read_again(os.environ)
    workers = serving.worker_count(os.environ)
    threads = serving.threads(os.environ)
    kind = serving.worker_class(os.environ)
    max_requests = serving.number(os.environ, "GUNICORN_MAX_REQUESTS", 0, 0, 10_000_000)
except Problem as _problem:
    sys.exit(f"inspection-node: {_problem}")

os.environ["CONFIG_PATH"] = str(_loaded.path)  # for the next reading, which happens elsewhere
chdir = "/"  # Gunicorn puts this before all that it imports
umask = private_umask(Path(_loaded.settings.state_dir))
worker_class = "deploy.serve.worker.Threads" if kind == "gthread" else kind
bind = _loaded.settings.web.bind
where = bind if bind.startswith("unix:") else f"http://{bind}"
max_requests_jitter = max_requests // 10
preload_app = os.environ.get("GUNICORN_PRELOAD") == "1"
timeout = 120
graceful_timeout = 30
keepalive = 5
worker_connections = serving.CONNECTIONS
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = ""  # only web.proxy_hops decides which proxy is believed
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
proc_name = "inspection-node-web"
logger_class = "deploy.serve.gunicorn_log.GunicornLog"


serving.more_files()


def on_starting(server):  # type: ignore[no-untyped-def]
    """Before the first worker: a token for the first account, while there is none."""
    from web.credentials.setup import offer

    state = Path(_loaded.settings.state_dir)
    try:
        secured(state)
        server.state_lock = held(state, alone=False)  # for good, and in every worker
    except Problem as problem:
        sys.exit(f"inspection-node: {problem}")
    server.overlap = serving.Overlap(server)
    token = offer(state)
    if token is not None:
        print(
            "There is no account yet. Make the first with `inspection-node user add NAME`, or with"
            " this token, good once:\n"
            f"  open {where}/app/setup#token={token}\n"
            f'  POST {where}/api/v1/auth/setup {{"token": "{token}", "username": ..., "password":'
            " ...}",
            flush=True,
        )


def when_ready(server):  # type: ignore[no-untyped-def]
    """Listening; on a socket of this machine the proxy's group may connect."""
    if bind.startswith("unix:"):
        serving.share(Path(bind.removeprefix("unix:")), _loaded.settings.web.socket_group)
    streams = serving.streams(os.environ)
    server.log.info(
        "web on %s: %d %s workers, %d event streams each", where, workers, kind, streams
    )


def on_reload(server):  # type: ignore[no-untyped-def]
    """After HUP: when new workers listen, the old ones finish what they have begun."""
    server.overlap.begin()
    server.log.info("settings and workers are made anew")


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """A worker is there: it listens to the node from now on, rather than from the first
    question."""
    from deploy.serve.wsgi import app
    from web.site import NAME

    app.config["ENDING"] = lambda: not worker.alive
    app.config["RELOAD"] = lambda: os.kill(worker.ppid, signal.SIGHUP)
    worker.fair = (
        _loaded.settings.web.proxy_hops == 0 and ":" in bind and not bind.startswith("unix:")
    )
    app.extensions[NAME].watch  # noqa: B018
    app.extensions[NAME].tell_head()


def worker_abort(worker):  # type: ignore[no-untyped-def]
    """A worker that hangs is about to be killed: say where it was."""
    worker.log.critical("worker %s hangs; its threads:", worker.pid)
    faulthandler.dump_traceback(all_threads=True)


def worker_exit(server, worker):  # type: ignore[no-untyped-def]
    """A worker has ended."""
    server.log.info("worker %s has ended after %d requests", worker.pid, getattr(worker, "nr", 0))
