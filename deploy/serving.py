"""How the web is served: what the settings and the environment say to Gunicorn, in a form that both of its sides read.

Gunicorn's first process reads `gunicorn.conf.py` at its start and at each HUP; its workers, forked from it, import
`deploy.wsgi`. Settings that are wrong at a HUP are told, and the old ones stay.
"""

import argparse
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from schemas import Problem
from schemas.base import explain
from schemas.load import Loaded, load
from schemas.settings import WebSettings

log = logging.getLogger(__name__)
CONF = Path(__file__).with_name("gunicorn.conf.py")
MEMORY = "memory://"
_last: Loaded | None = None


def web(args: argparse.Namespace) -> int:
    """`inspection-node web`: check everything, then become Gunicorn. Raises Problem SETTINGS_INVALID."""
    from web.keys import keys_of

    if args.config is not None:
        os.environ["CONFIG_PATH"] = str(args.config.absolute())
    settings = read_again(os.environ).settings
    worker_count(os.environ)
    keys_of(settings)
    sys.stdout.flush()
    environ = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(CONF.parent.parent), os.environ.get("PYTHONPATH")])),
    }
    os.execve(sys.executable, [sys.executable, "-m", "gunicorn", "-c", str(CONF), "deploy.wsgi:app"], environ)


def read_again(environ: Mapping[str, str]) -> Loaded:
    """The settings as they are now; where they are wrong, those before, and the log says so. Raises Problem at the start."""
    global _last
    try:
        found = load(None, environ)
        _last = replace(found, settings=found.settings.model_copy(update={"web": bound(found.settings.web, environ)}))
    except Problem as problem:
        if _last is None:
            raise
        log.error("reload: the old settings stay: %s", problem.message)
    return _last


def current() -> Loaded:
    """The settings that were read last; read now if none were."""
    return _last if _last is not None else read_again(os.environ)


def bound(settings: WebSettings, environ: Mapping[str, str]) -> WebSettings:
    """PORT (of a platform: on all addresses) before GUNICORN_BIND before web.bind. Raises Problem SETTINGS_INVALID."""
    if port := environ.get("PORT"):
        bind = f"0.0.0.0:{port}"
    elif not (bind := environ.get("GUNICORN_BIND", "")):
        return settings
    try:
        return WebSettings.model_validate({**settings.model_dump(), "bind": bind})
    except ValidationError as error:
        raise Problem("SETTINGS_INVALID", f"PORT or GUNICORN_BIND: {explain(error)}") from None


def number(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number of the environment. Raises Problem SETTINGS_INVALID."""
    text = environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise Problem("SETTINGS_INVALID", f"{name}: {text!r:.40} is not a whole number from {least} to {most}")
    return int(text)


def storage_uri(environ: Mapping[str, str]) -> str:
    """Where requests are counted."""
    return environ.get("RATELIMIT_STORAGE_URI") or MEMORY


def worker_count(environ: Mapping[str, str]) -> int:
    """GUNICORN_WORKERS, 1 by default. Raises Problem SETTINGS_INVALID for several that would each count for themselves."""
    count = number(environ, "GUNICORN_WORKERS", 1, 1, 64)
    if count > 1 and storage_uri(environ).startswith("memory:"):
        raise Problem(
            "SETTINGS_INVALID",
            f"{count} workers would each count requests for themselves (4 let 20 sign-ins through a limit of 5);"
            " give RATELIMIT_STORAGE_URI (redis:// or memcached://), or one worker",
        )
    return count
