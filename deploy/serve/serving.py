"""How the web is served: what the settings and the environment say to Gunicorn, in a form that both
of its sides read.

Gunicorn's first process reads `gunicorn.conf.py` at its start and at each HUP; its workers, forked
from it, import `deploy.serve.wsgi`. Settings that are wrong at a HUP are reported, and the old ones
stay.
"""

import argparse
import logging
import os
import resource
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas import Problem
from schemas.base import explain
from schemas.settings import WebSettings
from schemas.settings.addresses import not_had
from schemas.settings.load import Loaded, load
from schemas.store.disk import private_umask
from schemas.store.state import held, secured

log = logging.getLogger(__name__)
CONF = Path(__file__).with_name("gunicorn.conf.py")
MEMORY = "memory://"
CONNECTIONS = 2048  # of one worker; with gevent each may be a request that is being answered
FILES = 16384
BOOT_S = 20.0
_last: Loaded | None = None


def web(args: argparse.Namespace) -> int:
    """`inspection-node web`: check everything, then become Gunicorn. Raises Problem
    SETTINGS_INVALID."""
    from web.credentials.keys import keys_of

    if args.config is not None:
        os.environ["CONFIG_PATH"] = str(args.config.absolute())
    loaded = read_again(os.environ)
    settings = loaded.settings
    os.environ["CONFIG_PATH"] = str(loaded.path)
    worker_count(os.environ)
    streams(os.environ)
    secured(Path(settings.state_dir))
    # Gunicorn goes on holding it
    os.set_inheritable(held(Path(settings.state_dir), alone=False), True)
    keys_of(settings)
    if told := taken(settings.web.bind, os.environ):
        print(f"inspection-node: {told}; Gunicorn tries it for 5 s", file=sys.stderr)
    sys.stdout.flush()
    os.umask(private_umask(Path(settings.state_dir)))
    os.chdir("/")  # Gunicorn puts its working folder before all that it imports
    environ = {
        **os.environ,
        "PYTHONSAFEPATH": "1",  # nothing is imported from where it happens to be started
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(CONF.parents[2]), os.environ.get("PYTHONPATH")])
        ),
    }
    os.execve(
        sys.executable,
        [sys.executable, "-P", "-m", "gunicorn", "-c", str(CONF), "deploy.serve.wsgi:app"],
        environ,
    )


def read_again(environ: Mapping[str, str]) -> Loaded:
    """The settings as they are now; where they are wrong, those before, and the log says so. Raises
    Problem at the start."""
    global _last
    try:
        loaded = load(None, environ, user="web")
        _last = replace(
            loaded,
            settings=loaded.settings.model_copy(
                update={"web": bound(loaded.settings.web, environ)}
            ),
        )
    except Problem as problem:
        if _last is None:
            raise
        log.error("reload: the old settings stay: %s", problem.message)
    return _last


def current() -> Loaded:
    """The settings that were read last; read now if none were."""
    return _last if _last is not None else read_again(os.environ)


def bound(settings: WebSettings, environ: Mapping[str, str]) -> WebSettings:
    """PORT (of a platform: on all addresses) before GUNICORN_BIND before web.bind. Raises Problem
    SETTINGS_INVALID."""
    if port := environ.get("PORT"):
        bind = f"0.0.0.0:{port}"
    elif not (bind := environ.get("GUNICORN_BIND", "")):
        return settings
    try:
        return WebSettings.model_validate({**settings.model_dump(), "bind": bind})
    except ValidationError as error:
        raise Problem("SETTINGS_INVALID", f"PORT or GUNICORN_BIND: {explain(error)}") from None


def taken(bind: str, environ: Mapping[str, str]) -> str | None:
    """Why an address cannot be listened on now, and what to do; None if it can. Sockets of this
    machine, and those that systemd holds for us, are not looked at."""
    if bind.startswith("unix:") or environ.get("LISTEN_FDS"):
        return None
    host, _, port = bind.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except OSError as error:
        return not_had("web.bind", bind, error)
    return None


def share(path: Path, group: str | None) -> None:
    """Let a group connect to a socket, and nobody else but its owner. Raises OSError, LookupError
    for an unknown group."""
    if group is not None:
        shutil.chown(path, group=group)
        path.chmod(0o660)


def number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number of the environment. Raises Problem SETTINGS_INVALID."""
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise Problem(
            "SETTINGS_INVALID", f"{name}: {text!r:.40} is not a whole number from {least} to {most}"
        )
    return int(text)


def storage_uri(environ: Mapping[str, str]) -> str:
    """Where requests are counted."""
    return environ.get("RATELIMIT_STORAGE_URI") or MEMORY


def worker_count(environ: Mapping[str, str]) -> int:
    """GUNICORN_WORKERS, 1 by default. Raises Problem SETTINGS_INVALID for several that would each
    count for themselves."""
    count = number(environ, "GUNICORN_WORKERS", 1, 1, 64)
    if count > 1 and storage_uri(environ).startswith("memory:"):
        raise Problem(
            "SETTINGS_INVALID",
            f"{count} workers would each count requests for themselves (4 let 20 sign-ins through a"
            " limit of 5); give RATELIMIT_STORAGE_URI (redis:// or memcached://), or one worker",
        )
    return count


def worker_class(environ: Mapping[str, str]) -> str:
    """GUNICORN_WORKER_CLASS: gthread by default, or gevent. Raises Problem SETTINGS_INVALID."""
    name = environ.get("GUNICORN_WORKER_CLASS") or "gthread"
    if name not in ("gthread", "gevent"):
        raise Problem(
            "SETTINGS_INVALID",
            f"GUNICORN_WORKER_CLASS: {name!r:.40} is neither gthread nor gevent",
        )
    if name == "gevent" and find_spec("gevent") is None:
        raise Problem(
            "SETTINGS_INVALID",
            "GUNICORN_WORKER_CLASS: gevent is not installed (inspection-node[gevent])",
        )
    if name == "gevent" and environ.get("GUNICORN_PRELOAD") == "1":
        raise Problem(
            "SETTINGS_INVALID",
            "GUNICORN_PRELOAD: gevent must come before the application, so it cannot be preloaded",
        )
    return name


def threads(environ: Mapping[str, str]) -> int:
    """GUNICORN_THREADS, 32 by default. Raises Problem SETTINGS_INVALID."""
    return number(environ, "GUNICORN_THREADS", 32, 2, 256)


def streams(environ: Mapping[str, str]) -> int:
    """Event streams at a time: half of the requests that one worker answers at a time, so that the
    other half is free."""
    return (CONNECTIONS if worker_class(environ) == "gevent" else threads(environ)) // 2


def more_files() -> None:
    """Allow as many open files as the system does: a connection is one, and the usual soft limit of
    1024 is too few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Overlap:
    """At a reload the old workers go on until the new ones listen; left to itself, Gunicorn ends
    them while the new ones still import."""

    def __init__(self, arbiter: Any) -> None:
        self._arbiter = arbiter
        self._old_age: int | None = None
        self._manage: Callable[[], None] = arbiter.manage_workers
        arbiter.manage_workers = self._patiently

    def begin(self) -> None:
        """New workers are about to be made."""
        self._old_age = self._arbiter.worker_age

    def _patiently(self) -> None:
        old_age, self._old_age = self._old_age, None
        if old_age is not None:
            workers = self._arbiter.WORKERS
            made = {
                pid: worker.tmp.last_update()
                for pid, worker in workers.items()
                if worker.age > old_age
            }
            until = time.monotonic() + BOOT_S
            while time.monotonic() < until and any(  # a worker that listens says that it lives
                pid in workers and workers[pid].tmp.last_update() == at for pid, at in made.items()
            ):
                time.sleep(0.05)
                self._arbiter.reap_workers()
        self._manage()
