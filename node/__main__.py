"""The node's process: settings in, service running, signals obeyed."""

import contextlib
import ctypes
import faulthandler
import gc
import logging
import os
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from node.notify import notify, reloading
from node.reload import Reload
from node.service import Outcome, Service
from node.signals import Signals
from schemas import Problem, logs
from schemas.settings.load import Loaded, load
from schemas.store.disk import private_umask

log = logging.getLogger(__name__)

SWITCH_S = 0.001
M_ARENA_MAX = -8  # mallopt(3)
ARENAS = 2


def main(config: Path | None, environ: Mapping[str, str]) -> int:
    """Run the node until it is told to stop. 0 good, 1 failed."""
    faulthandler.enable()
    # a thread that only computes in Python must not hold the others up for 5 ms
    sys.setswitchinterval(SWITCH_S)
    threading.excepthook = _thread_failed
    with contextlib.suppress(AttributeError):  # another C library
        # or each thread that ever ran keeps some memory
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
    try:
        loaded = load(config, environ)
    except Problem as problem:
        print(f"inspection-node: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    os.umask(private_umask(Path(loaded.settings.state_dir)))
    try:
        logs.begin(loaded.settings, "node")
    except OSError as error:
        print(f"inspection-node: logs.folder: {error}", file=sys.stderr)  # noqa: T201
        return 1
    signals, reload = Signals(), Reload(config, environ)
    while True:
        following: list[Loaded] = []
        try:
            service = Service(loaded.settings, loaded.path.parent)
            outcome = service.run(partial(_asked, signals, reload, service, following))
        except (Problem, OSError) as error:
            log.critical("the node cannot run: %s", error)
            notify(f"STATUS={error}")
            return 1
        if outcome == "stop":
            # threads that do not end, some in code that is not Python's, must not hold up the end
            if service.left_behind:
                logging.shutdown()
                os._exit(0)
            return 0
        del service  # before the next one is made
        gc.collect()
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        loaded = following[-1]
        try:
            logs.begin(loaded.settings, "node")
        except OSError as error:
            log.error("logs.folder: %s; lines go where they went", error)


def _asked(
    signals: Signals, reload: Reload, service: Service, following: list[Loaded]
) -> Outcome | None:
    """What the watch is to do; a reload with wrong settings keeps the old ones, and says so."""
    if signals.stop:
        return "stop"
    if signals.take_reload():
        reloading()
        reload.want()
    if reload.slow():
        log.warning(
            "reload: the settings, or a file that they name, are still being read; the old ones"
            " hold"
        )
        service.outbox.event(
            "settings.waiting", None, {"message": "a file of the settings does not answer"}
        )
        notify("READY=1\nSTATUS=reload: a file of the settings does not answer")
    read = reload.look()
    if read is None:
        return None
    if isinstance(read, Problem):
        log.error("reload: the old settings stay: %s", read.message)
        service.outbox.event("settings.refused", None, {"message": read.message})
        notify("READY=1\nSTATUS=reload refused: the old settings stay")
        return None
    if read.settings == service.settings:
        notify("READY=1")
        service.outbox.event("settings.unchanged", None, {})
        return None
    following.append(read)
    return "reload"


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "?"
    log.critical(
        "thread %s ended by an error",
        name,
        exc_info=(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback),
    )
