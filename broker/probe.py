"""What a broker can do for a node, found out by trying on the node's own topic, which is left as it
was."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from broker.link import Link, Waiter, WrongProtocol
from broker.topics import Names
from broker.wire import Message, new_client_id
from schemas import Problem
from schemas.settings import BrokerSettings

COUNT = 20
LIMIT_S = 5.0
WAIT_S = 2.0
BOTH_S = 0.3


class Tried(NamedTuple):
    """Medians in ms, from PUBLISH to PUBACK and from PUBLISH to its echo; and whether a message can
    be retained."""

    puback_ms: float
    echo_ms: float
    retained: bool


class Probed(NamedTuple):
    """`tried` is None where the account may not publish and read the topic, for the reason
    `refused`; `two` tells whether the broker has room for a second connection beside the first.
    """

    v5: bool
    session: bool
    properties: dict[str, Any]
    tried: Tried | None
    refused: str | None
    two: bool


def probe(settings: BrokerSettings, node_id: str, limit_s: float = LIMIT_S) -> Probed:
    """Raises Problem BROKER_AWAY if the broker cannot be reached."""
    me = new_client_id("probe")
    tried, refused = None, None
    try:
        # as a PLC would: our own way of acknowledging hides what a broker without TCP_NODELAY costs
        # others
        link, v5 = (
            Link(
                settings,
                me,
                limit_s,
                clean=False,
                expiry_s=settings.session_expiry_s,
                quick_acks=False,
            ),
            True,
        )
    except WrongProtocol:
        link, v5 = Link(settings, me, limit_s, v5=False, clean=False, quick_acks=False), False
    try:
        try:
            tried = _try(link, Names(settings.base, node_id)("_fence"), me.encode())
        except Problem as problem:
            link.check()
            # the text before this says that it cannot be reached, but it can
            refused = problem.message.partition(": ")[2]
        two = _has_room(settings, link, v5, limit_s)
    finally:
        link.close()
    again = Link(settings, me, limit_s, v5=v5, clean=False, expiry_s=settings.session_expiry_s)
    session = again.session_present
    again.close()
    Link(settings, me, limit_s, v5=v5).close()  # a clean start makes the broker forget the session
    return Probed(v5, session, link.properties, tried, refused, two)


def _has_room(settings: BrokerSettings, link: Link, v5: bool, limit_s: float) -> bool:
    """Whether both connections live when there are two."""
    try:
        other = Link(settings, new_client_id("probe"), limit_s, v5=v5)
    except Problem:
        return False
    try:
        time.sleep(BOTH_S)
        return link.ended is None and other.ended is None
    finally:
        other.close()


def _try(link: Link, topic: str, mark: bytes) -> Tried:
    acks, echoes = [], []
    # at QoS 0 we do not answer the echo, and a broker without TCP_NODELAY holds the PUBACK behind
    # it back for 40 ms
    with link.listening(topic, qos=0) as waiter:
        for n in range(COUNT):
            payload = mark + b" %d" % n
            started = time.perf_counter()
            link.publish(Message(topic, payload))
            acks.append(time.perf_counter() - started)
            if not any(_heard(waiter, payload)):
                raise Problem(
                    "BROKER_AWAY", f"it does not deliver to us what we publish to {topic}"
                )
            echoes.append(time.perf_counter() - started)
    link.publish(Message(topic, mark, retain=True))
    try:
        with link.listening(topic) as waiter:
            retained = any(_heard(waiter, mark))
    finally:
        link.publish(Message(topic, b"", retain=True))
    return Tried(sorted(acks)[COUNT // 2] * 1000, sorted(echoes)[COUNT // 2] * 1000, retained)


def _heard(waiter: Waiter, payload: bytes) -> Iterator[bool]:
    """Whether every message that comes is this one; a node may be using the topic at the same
    time."""
    until = time.monotonic() + WAIT_S
    while (message := waiter.take(until - time.monotonic())) is not None:
        yield message.payload == payload
