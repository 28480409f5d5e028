"""Locust's users of the web: `make load`, or `locust -f tests/load/locustfile.py --host URL`.

All of them read with one account, whose token is in WEB_TOKEN (one that may read is enough), or
whose name and password are in WEB_USER and WEB_PASSWORD. `--users` says how many there are; each
waits WAIT_S seconds (default 1) from an answer to its next request. Each has an address of its own
in X-Forwarded-For, which a web behind a proxy (web.proxy_hops) believes: one address has a share of
the threads, and a thousand people do not come from one.
"""

import itertools
import os
import sys
from pathlib import Path

from locust import constant
from locust.contrib.fasthttp import FastHttpUser

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.load.asked import ASKED, Asked

TOKEN = os.environ.get("WEB_TOKEN", "")
NUMBERS = itertools.count(1)


def _task(asked: Asked):  # type: ignore[no-untyped-def]
    def ask(user: FastHttpUser) -> None:
        headers = user.of_all | (user.of_account if asked.account else {})
        user.client.get(asked.path, headers=headers, name=asked.path)

    return ask


class Reader(FastHttpUser):
    """A page, a panel or a system that asks again and again over a connection that it keeps."""

    wait_time = constant(float(os.environ.get("WAIT_S", "1")))
    tasks = {_task(asked): asked.weight for asked in ASKED}

    def on_start(self) -> None:
        """Sign in, unless there is a token."""
        number = next(NUMBERS)
        self.of_all = {"X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}
        token = TOKEN
        if not token:
            who = {"username": os.environ["WEB_USER"], "password": os.environ["WEB_PASSWORD"]}
            token = self.client.post("/api/v1/auth/login", json=who).json()["data"]["access_token"]
        self.of_account = {"Authorization": f"Bearer {token}"}
