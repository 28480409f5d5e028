"""A session without a node on a fake broker: what both are asked and say, in one place."""

import json
from pathlib import Path
from typing import Any

from schemas.settings import BrokerSettings
from tests.broker.alone import Bench
from tests.broker.fake_broker import FakeBroker
from tests.rooms.promise.promise import wait_for

HEAD = "inspection/v1/node-01/"


class Pair:
    """A fake broker with these rules, and a session on it."""

    def __init__(
        self,
        folder: Path,
        stations: tuple[str, ...] = ("cam1", "cam2"),
        given: Any = None,
        *,
        lanes: bool = False,
        **rules: Any,
    ) -> None:
        self.broker = FakeBroker(**rules)
        url = f"mqtt://127.0.0.1:{self.broker.port}"
        self.bench = Bench(folder, BrokerSettings(url=url, **(given or {})), stations, lanes=lanes)

    def trigger(self, *ids: str, station: str = "cam1") -> None:
        self.broker.publish(f"{HEAD}trigger/{station}", *(each.encode() for each in ids))

    def ping(self, *ids: str) -> None:
        self.broker.publish(f"{HEAD}cmd/ping", *(each.encode() for each in ids))

    def replies(self) -> list[str]:
        return [heard.payload.decode() for heard in self.broker.on(f"{HEAD}reply/ping")]

    def ids(self, station: str = "cam1") -> list[str]:
        return [
            json.loads(heard.payload)["trigger_id"]
            for heard in self.broker.on(f"{HEAD}result/{station}")
        ]

    def online(self, limit_s: float = 10.0) -> None:
        wait_for(lambda: self.bench.session.online, limit_s)

    def close(self) -> None:
        self.bench.close()
        self.broker.close()
