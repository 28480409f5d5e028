"""How often: a limit for every person and address, sharper ones for signing in and for triggering
by hand.

The library `limits` gives storage and strategy; which limit a route has is in its declaration, so
all is counted in one place. In the memory of one process it is exact; several workers need a
storage that they share (Redis, Memcached).
"""

import time
from functools import cache

from flask import Flask, Request
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from schemas import Problem
from web.access import Access
from web.address import counted
from web.site import NAME, Site
from web.sliding_window import SCHEME, SlidingWindow

LIMITER = "limiter_of_inspection"
MEMORY = "memory://"


def register(app: Flask, storage_uri: str) -> None:
    """Where the requests of an application are counted."""
    uri = f"{SCHEME}://" if storage_uri.startswith("memory:") else storage_uri
    app.extensions[LIMITER] = MovingWindowRateLimiter(storage_from_string(uri))


def count(app: Flask, access: Access | None, coming: Request, person: str | None) -> None:
    """Count a request. Raises Problem RATE_LIMITED."""
    limit = access.limit if access is not None else None
    if limit == "off":
        return
    here: Site = app.extensions[NAME]
    web = here.settings.web
    who = f"user:{person}" if person is not None else f"address:{_address(coming)}"
    if limit is None:
        scope, item = "all", _item(f"{web.requests_per_minute} per minute")
    elif limit == "auth":  # by address only: another account would be another guess
        scope, item, who = (
            "auth",
            _item(f"{web.sign_ins_per_minute} per minute"),
            f"address:{_address(coming)}",
        )
    elif limit == "trigger":
        scope, item = "trigger", _item(f"{web.triggers_per_minute} per minute")
    else:
        scope, item = coming.endpoint or "", _item(limit)
    strategy = app.extensions[LIMITER]
    if not strategy.hit(item, scope, who):
        reset_at = strategy.get_window_stats(item, scope, who).reset_time
        wait_s = min(max(1, int(reset_at - time.time()) + 1), 3600)
        raise Problem(
            "RATE_LIMITED",
            f"more than {item.amount} a {item.GRANULARITY.name}",
            retry_after_s=wait_s,
        )


def guessed_nothing(app: Flask, coming: Request) -> None:
    """An attempt to sign in whose password was right, or was not looked at, is not one of the few a
    minute: a whole shift may come from behind one proxy, and others may keep the web busy. Ten
    times as many of them are not counted.

    In a storage that is shared by several workers it counts all the same.
    """
    strategy = app.extensions[LIMITER]
    if not isinstance(strategy.storage, SlidingWindow):
        return
    here: Site = app.extensions[NAME]
    few, who = here.settings.web.sign_ins_per_minute, f"address:{_address(coming)}"
    if strategy.hit(_item(f"{10 * few} per minute"), "auth no guess", who):
        strategy.storage.take_back(_item(f"{few} per minute").key_for("auth", who))


@cache
def _item(text: str) -> RateLimitItem:
    return parse(text)


def _address(coming: Request) -> str:
    return counted(coming.remote_addr)
