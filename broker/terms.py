"""The broker's terms: what its CONNACK says it can do, and what the node has to do without if that
is less than it needs."""

from typing import Any, NamedTuple

from schemas.settings import BrokerSettings

WINDOW = 256  # QoS 1 messages of ours that may wait for their PUBACK where the broker allows it
UNSAID = 64  # and where it cannot say so, on MQTT 3.1.1
# QoS 1 messages that the broker may send us before we acknowledge one: it holds a flood back for us
RECEIVE_MAX = 64


class Terms(NamedTuple):
    """What CONNACK said; on MQTT 3.1.1 it says little, and the rest is what most brokers do."""

    session_present: bool
    expiry_s: int
    keepalive_s: int
    receive_max: int = WINDOW
    max_packet: int | None = None
    max_qos: int = 1
    retain: bool = True
    wildcards: bool = True
    assigned_id: str | None = None


def terms(settings: BrokerSettings, session_present: bool, properties: Any) -> Terms:
    """What the properties of a CONNACK say, by the names that paho gives them; those that are not
    there are as we asked."""
    return Terms(
        session_present,
        getattr(properties, "SessionExpiryInterval", settings.session_expiry_s),
        getattr(properties, "ServerKeepAlive", settings.keepalive_s),
        (
            UNSAID
            if properties is None
            else min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        ),
        getattr(properties, "MaximumPacketSize", None),
        min(1, getattr(properties, "MaximumQoS", 1)),
        bool(getattr(properties, "RetainAvailable", 1)),
        bool(getattr(properties, "WildcardSubscriptionAvailable", 1)),
        getattr(properties, "AssignedClientIdentifier", None),
    )


def lacks(said: Terms, settings: BrokerSettings) -> dict[str, str]:
    """What the node has to do without: a sentence each, by a word."""
    lacking: dict[str, str] = {}
    if said.expiry_s == 0:
        lacking["session"] = (
            "the broker keeps no session for us: what is sent while the node is away is lost"
        )
    elif said.expiry_s < settings.session_expiry_s:
        lacking["session"] = (
            f"the broker keeps our session for {said.expiry_s} s only, not"
            f" {settings.session_expiry_s} s: what is sent while the node is away for longer is"
            " lost"
        )
    if said.max_qos < 1:
        lacking["qos"] = "the broker takes QoS 0 only: triggers and results can be lost on the way"
    if not said.retain:
        lacking["retain"] = (
            "the broker keeps no retained messages: state, latest and alarms are heard by those who"
            " listen just then"
        )
    if said.max_packet is not None and said.max_packet < ENOUGH_BYTES:
        lacking["packet"] = (
            f"the broker takes packets of at most {said.max_packet} bytes: what is longer is"
            " shortened or not sent"
        )
    return lacking


ENOUGH_BYTES = 64 * 1024
