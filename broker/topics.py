"""Every topic: template, payload, direction, QoS, retain and expiry. The AsyncAPI document and the
ACL come from here."""

from typing import Literal, NamedTuple

from schemas import (
    AcceptedTrigger,
    Alarm,
    AuditHead,
    Event,
    Info,
    Marker,
    Metrics,
    NodeState,
    Reply,
    Result,
    Shape,
    ShortResult,
    Trigger,
)


class Topic(NamedTuple):
    """One row of the table; `expiry_s` is the MQTT 5 message expiry, None for never."""

    name: str
    template: str
    payload: type[Shape] | None
    direction: Literal["in", "out", "own", "web"]  # as the node sees it; web: the web reports it
    qos: Literal[0, 1]
    retain: bool
    expiry_s: int | None
    summary: str


TOPICS: tuple[Topic, ...] = (
    Topic(
        "trigger",
        "{base}/{node}/trigger/{station}",
        Trigger,
        "in",
        1,
        False,
        None,
        "Inspect one part.",
    ),
    Topic(
        "result",
        "{base}/{node}/result/{station}",
        Result,
        "out",
        1,
        False,
        None,
        "The one result of a trigger.",
    ),
    Topic(
        "latest",
        "{base}/{node}/latest/{station}",
        Result,
        "out",
        1,
        True,
        None,
        "The newest result, for dashboards.",
    ),
    Topic(
        "accepted",
        "{base}/{node}/accepted/{station}",
        AcceptedTrigger,
        "out",
        1,
        False,
        86400,
        "A trigger is in the ledger.",
    ),
    Topic(
        "short",
        "{base}/{node}/short/{station}",
        ShortResult,
        "out",
        1,
        False,
        None,
        "A result in at most 200 bytes.",
    ),
    Topic(
        "state",
        "{base}/{node}/state",
        NodeState,
        "out",
        1,
        True,
        None,
        "State; the last will is Offline.",
    ),
    Topic(
        "info",
        "{base}/{node}/info",
        Info,
        "out",
        1,
        True,
        None,
        "Version, stations, programs, schemas, limits.",
    ),
    Topic(
        "cmd",
        "{base}/{node}/cmd/{name}",
        None,
        "in",
        1,
        False,
        None,
        "A command with a request_id.",
    ),
    Topic(
        "reply",
        "{base}/{node}/reply/{name}",
        Reply,
        "out",
        1,
        False,
        60,
        "The reply with the same request_id.",
    ),
    Topic(
        "event", "{base}/{node}/event/{type}", Event, "out", 1, False, 86400, "Something happened."
    ),
    Topic(
        "alarm",
        "{base}/{node}/alarm/{code}",
        Alarm,
        "out",
        1,
        True,
        None,
        "An active condition; empty clears it.",
    ),
    Topic(
        "metrics",
        "{base}/{node}/metrics",
        Metrics,
        "out",
        0,
        False,
        30,
        "Counters and latencies, every 10 s.",
    ),
    Topic(
        "audit",
        "{base}/{node}/audit",
        AuditHead,
        "web",
        1,
        True,
        None,
        "The head of the audit's chain, every hour.",
    ),
    Topic(
        "image",
        "{base}/{node}/image/{station}",
        None,
        "out",
        0,
        False,
        10,
        "JPEG preview, off by default.",
    ),
    Topic(
        "_fence",
        "{base}/{node}/_fence",
        Marker,
        "own",
        1,
        False,
        None,
        "The node's own marker after a reconnect.",
    ),
)
TOPIC: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


class Names:
    """The topics of one node."""

    def __init__(self, base: str, node: str) -> None:
        self.base = base
        self.node = node

    def __call__(self, name: str, leaf: str = "") -> str:
        """The topic `name` of the table; `leaf` fills its last part (station, command, type or
        code)."""
        return TOPIC[name].template.format(
            base=self.base, node=self.node, station=leaf, name=leaf, type=leaf, code=leaf
        )

    def of_client(self, topic: str) -> bool:
        """Whether a client may have its replies there: below _client/, and on no topic of any
        node."""
        below = f"{self.base}/_client/"
        if not topic.startswith(below) or topic == below or any(sign in topic for sign in "+#\0"):
            return False
        levels = topic.removeprefix(f"{self.base}/").split("/")
        return not any(
            _fits(levels, row.template.removeprefix("{base}/").split("/")) for row in TOPICS
        )

    def prefix(self, name: str) -> str:
        """The beginning that all topics of that name share."""
        return self(name, "")

    def name_of(self, topic: str) -> str | None:
        """The name in the table of one of the node's topics, None if it is not one."""
        before = f"{self.base}/{self.node}/"
        name = topic[len(before) :].partition("/")[0] if topic.startswith(before) else ""
        return name if name in TOPIC else None


def _fits(levels: list[str], template: list[str]) -> bool:
    return len(levels) == len(template) and all(
        part.startswith("{") or part == level for part, level in zip(template, levels, strict=True)
    )
