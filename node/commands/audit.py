"""What others change by MQTT, in the audit of the site before it is done, whether a web runs or
not.

The broker does not tell us who published, so such a row says "by MQTT", with the id of the request
and, where replies go to a client's own topic, which client that is. What the web and the command
line ask for is there already, with the person.

Their ids are read in replies by others, and known ids are answered and not done again; but what was
refused for the moment (BUSY) is not known. So such an id vouches for nothing any more.
"""

import json
from collections import OrderedDict
from pathlib import Path

from broker.topics import Names
from broker.wire import Incoming
from node.limits import AUDIT_S
from schemas import Problem
from schemas.base import plain
from schemas.command import Command
from schemas.store.accounts import Accounts
from schemas.store.accounts.audit import filling
from schemas.store.accounts.vouching import Vouching

WHO = {"username": "by MQTT", "address": "", "request_id": ""}
DETAIL_CHARACTERS = 300
MOST_VOID = 10_000
LEFT_OUT = {"request_id", "sent_at", "image"}


class Audit:
    """The audit of a state folder, for commands; it may have `most_rows`. All on one thread, but
    `void` and `trouble`."""

    def __init__(self, state: Path, names: Names, most_rows: int) -> None:
        self._accounts = Accounts(state / "accounts.db", busy_s=AUDIT_S)
        self._most_rows = most_rows
        self._unwritten: Problem | None = None
        self._vouching = Vouching(state)
        self._names = names
        self._void: OrderedDict[str, None] = OrderedDict()

    def void(self, name: str, request_id: str) -> None:
        """An id was told in a reply, and nothing was done under it. Any thread."""
        if self._vouching.holds(request_id, name):  # others' ids would only push these out
            self._void[request_id] = None
            if len(self._void) > MOST_VOID:
                self._void.popitem(last=False)

    def vouched(self, name: str, command: Command) -> bool:
        """Whether the web or the command line asked, which have already written down who did."""
        return command.request_id not in self._void and self._vouching.holds(
            command.request_id, name
        )

    def command(self, name: str, command: Command, message: Incoming) -> Problem | None:
        """Write down a command that will be carried out; returns what prevents that, if anything:
        the line goes on all the same."""
        if self.vouched(name, command):
            return None
        given = json.dumps(
            command.model_dump(mode="json", exclude=LEFT_OUT, exclude_none=True), ensure_ascii=False
        )
        details = {"request_id": command.request_id, "given": plain(given, DETAIL_CHARACTERS)}
        topic = message.response_topic
        if topic is not None and self._names.of_client(topic):
            details["replies_to"] = plain(
                topic.removeprefix(f"{self._names.base}/_client/").partition("/")[0], 100
            )
        return self._write(f"mqtt.{name}", command, details)

    def failed(self, name: str, command: Command, code: str) -> Problem | None:
        """Write down that it was not carried out after all."""
        if self.vouched(name, command):
            return None
        return self._write(
            f"mqtt.{name}.failed", command, {"request_id": command.request_id, "code": code}
        )

    def trouble(self) -> str | None:
        """Why changes will soon be missing from the audit, or are missing now; None if all is well.
        Any thread."""
        unwritten = self._unwritten
        if unwritten is not None:
            return f"what is changed by MQTT is not in the audit: {unwritten.message}"
        if not self._accounts.path.exists():  # no web, and no command yet
            return None
        try:
            return filling(self._accounts.audit_size(), self._most_rows)
        except Problem as problem:
            return problem.message

    def close(self) -> None:
        """Close the database."""
        self._accounts.close()

    def _write(self, action: str, command: Command, details: dict[str, str]) -> Problem | None:
        try:
            self._accounts.record(
                action, str(getattr(command, "station", None) or ""), details, **WHO
            )
            self._unwritten = None
        except Problem as problem:
            self._unwritten = problem
        return self._unwritten
