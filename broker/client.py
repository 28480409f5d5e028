"""The broker for other processes than the node: requests and their replies, triggers and their
results, topics to follow.

Theory of operation. A client connects when it is first used, with a random id and a session that
ends with it; a connection that was lost is replaced at the next use. Paho's thread reads; whoever
waits has a bounded queue of its own that the thread fills, so a client may be shared by threads. On
MQTT 5 replies come to a private response topic, on MQTT 3.1.1 they are read from `reply/{name}`;
both ways the request_id in the payload tells whose they are. Where the broker says that nobody
subscribes to a command or trigger (MQTT 5), there is nothing to wait for.

Code that must not miss or double anything uses Producer and Consumer, which are found here too: see
broker/ends.py.
"""

import json
import logging
import math
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError

from broker.ends import Accepted, Gone, read_object
from broker.link import Link, WrongProtocol
from broker.threaded import Consumer, Producer
from broker.topics import Names
from broker.wire import Incoming, Message, new_client_id
from schemas import Problem, Reply, Trigger, new_id
from schemas.base import explain, plain
from schemas.settings import BrokerSettings
from schemas.trigger import as_trigger

__all__ = ["Accepted", "Client", "Consumer", "Gone", "Producer"]

log = logging.getLogger(__name__)
MOST_BYTES = 4 * 1024 * 1024  # for a message that is followed

CONNECT_S = 5.0
LOOK_S = 0.5
RETAINED_S = 1.0


class Client:
    """See the head of this file. All methods raise Problem BROKER_AWAY when the broker cannot be
    reached or refuses.

    v5: False speaks MQTT 3.1.1 from the start; it is also tried by itself where the broker does not
    speak MQTT 5.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        node_id: str,
        connect_s: float = CONNECT_S,
        *,
        v5: bool = True,
    ) -> None:
        self.names = Names(settings.base, node_id)
        self._settings = settings
        self._connect_s = connect_s
        self._name = new_client_id("client")
        self._private = (
            # an ACL can let each client read what is below its own id
            f"{settings.base}/_client/{self._name}/reply"
        )
        self._private_refused = False
        self._v5 = v5
        self._link: Link | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker. It can be called twice."""
        with self._lock:
            link, self._link = self._link, None
        if link is not None:
            link.close()

    def link(self) -> Link:
        """The connection; it is made if there is none yet."""
        with self._lock:
            if self._link is not None and self._link.ended is None:
                return self._link
            if self._link is not None:
                self._link.close()
                self._link = None
            self._link = self._connected()
            return self._link

    def request(self, name: str, payload: dict[str, Any], timeout_s: float) -> Reply:
        """The node's reply to a command; a request_id is added unless there is one. Raises Problem
        NODE_AWAY."""
        until = time.monotonic() + timeout_s
        body = {"request_id": new_id(), **payload}
        link = self.link()
        private = link.v5 and not self._private_refused
        topic = self._private if private else self.names("reply", name)
        # a command that nobody took in time must not be carried out later
        command = Message(self.names("cmd", name), b"", expiry_s=math.ceil(timeout_s))
        if private:
            command = command._replace(
                response_topic=topic, correlation=str(body["request_id"]).encode()
            )
        with link.listening(topic, subscribe=not private) as waiter:
            self._publish(link, command, body)
            for message in self._until(until, waiter.take, link):
                value = read_object(message.topic, message.payload)
                if value is None or value.get("request_id") != body["request_id"]:
                    continue
                try:
                    return Reply.model_validate(value)
                except ValidationError as error:
                    raise Problem(
                        "NODE_AWAY", f"its reply cannot be understood: {explain(error)}"
                    ) from None
        raise Problem(
            "NODE_AWAY", f"{self.names.node} gave no reply to {name} within {timeout_s:g} s"
        )

    def trigger(self, station: str, trigger: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """The result of one trigger; an id is added unless there is one. Raises Problem
        BAD_TRIGGER, NODE_AWAY.

        A trigger_id that was used before gets no second result, so waiting for it ends with
        NODE_AWAY.
        """
        until = time.monotonic() + timeout_s
        checked: Trigger = as_trigger({"trigger_id": new_id(), **trigger})
        link = self.link()
        with link.listening(self.names("result", station)) as waiter:
            self._publish(
                link,
                Message(self.names("trigger", station), b""),
                checked.model_dump(mode="json", exclude_none=True),
            )
            for message in self._until(until, waiter.take, link):
                value = read_object(message.topic, message.payload)
                if value is not None and value.get("trigger_id") == checked.trigger_id:
                    return value
        raise Problem(
            "NODE_AWAY",
            f"{self.names.node} gave no result for {checked.trigger_id} within {timeout_s:g} s",
        )

    def retained(
        self, name: str, leaf: str = "", timeout_s: float = RETAINED_S
    ) -> dict[str, Any] | None:
        """The retained message of a topic of the table, None if there is none (known after
        `timeout_s`)."""
        until = time.monotonic() + timeout_s
        link = self.link()
        with link.listening(self.names(name, leaf)) as waiter:
            for message in self._until(until, waiter.take, link):
                return read_object(message.topic, message.payload)
        return None

    def follow(
        self, topics: Iterable[str], most_bytes: int = MOST_BYTES
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Topic and payload of every message on these topics (with + and #), retained ones first,
        until the broker is away.

        An empty payload, which clears a retained topic, is {}. What is not a JSON object, or larger
        than `most_bytes`, is left out, with a warning.
        """
        link = self.link()
        told = 0
        with link.listening(*topics) as waiter:
            while True:
                message = waiter.take(LOOK_S)
                if waiter.missed > told:
                    log.warning(
                        "%d messages came faster than they were taken", waiter.missed - told
                    )
                    told = waiter.missed
                if message is None:
                    link.check()
                elif len(message.payload) > most_bytes:
                    log.warning(
                        "%s: a message of %d bytes is left out",
                        plain(message.topic, 200),
                        len(message.payload),
                    )
                elif (value := read_object(message.topic, message.payload)) is not None:
                    yield message.topic, value

    def _connected(self) -> Link:
        while True:
            try:
                link = Link(self._settings, self._name, self._connect_s, v5=self._v5)
                break
            except WrongProtocol:
                log.warning("the broker does not speak MQTT 5: trying MQTT 3.1.1")
                self._v5 = False
        if link.v5 and not self._private_refused:
            try:
                link.subscribe(self._private)
            except Problem as problem:
                if link.ended is not None:
                    link.close()
                    raise
                log.info("%s; replies are read from reply/{name}", problem.message)
                self._private_refused = True
        return link

    def _publish(self, link: Link, message: Message, body: dict[str, Any]) -> None:
        payload = json.dumps(
            body, ensure_ascii=False, separators=(",", ":"), allow_nan=False
        ).encode()
        if not link.publish(message._replace(payload=payload)):
            raise Problem(
                "NODE_AWAY",
                f"nobody subscribes to {message.topic}: check the node, the station and the base of"
                " the topics",
            )

    def _until(self, until: float, take: Any, link: Link) -> Iterator[Incoming]:
        while (left_s := until - time.monotonic()) > 0:
            message = take(min(left_s, LOOK_S))
            if message is not None:
                yield message
            else:
                link.check()
