"""What the routes share: settings, stores, the broker. One a process, in
`app.extensions["inspection"]`."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flask import Request, current_app, g, has_request_context, request
from flask.ctx import _AppCtxGlobals

from broker.client import Client
from broker.topics import Names
from broker.wire import Message
from schemas import AuditHead, Problem, Settings, User
from schemas.base import plain
from schemas.settings.fingerprint import fingerprint
from schemas.settings.load import Loaded
from schemas.store.accounts import Accounts
from schemas.store.accounts.audit import filling
from schemas.store.accounts.vouching import Vouching
from schemas.store.ledger.reader import LedgerReader
from schemas.store.programs import Programs
from schemas.store.settings_file import SettingsFile
from schemas.store.users import Users
from web.address import counted
from web.backing_up import BackingUp
from web.credentials.keys import Keys
from web.credentials.provider import Provider
from web.credentials.tokens import Token
from web.editing import Editing
from web.forwarding import Forwarding
from web.presence import NodePresence
from web.recoding import recoded

log = logging.getLogger(__name__)
NAME = "inspection"
ALONE_S = 10.0
REFUSALS_S = 60.0
MOST_REFUSALS = 1000  # remembered, and so written in a minute
FIRST_HEAD_S, HEAD_S = 5.0, 3600.0


class Site:
    """The state folder as the web sees it: it owns users, accounts and programs, and reads what the
    node writes."""

    def __init__(
        self, loaded: Loaded, keys: Keys, recoded: Callable[[bytes], bytes] = recoded
    ) -> None:
        """recoded: makes a master of a picture while there is no node to do so."""
        self.loaded = loaded
        self.began = time.monotonic()
        self.recoded = recoded
        self.settings: Settings = loaded.settings
        self.state = Path(loaded.settings.state_dir)
        self.settings_file = SettingsFile(loaded)
        self.backing_up = BackingUp(loaded)
        self.keys = keys
        self.users = Users(self.state / "users")
        self.accounts = Accounts(self.state / "accounts.db")
        self.programs = Programs(self.state / "programs")
        self.ledger = LedgerReader(self.state / "ledger.db")
        self.listeners: list[Callable[[str, dict[str, Any]], None]] = []
        names = Names(loaded.settings.broker.base, loaded.settings.node_id)
        self._watch = NodePresence(
            names,
            self.new_client,
            [station.id for station in loaded.settings.station],
            fingerprint(loaded.settings),
        )
        self.vouching = Vouching(self.state)
        self.editing = Editing()
        self.checked: dict[bytes, Token] = {}  # access tokens by their hash, of those keys
        self._provider: Provider | None = None  # of identities, once somebody signs in through it
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._alone = threading.Lock()
        self._refusals: dict[tuple[str, str], float] = {}
        self._telling = False
        self._forwarding: Forwarding | None = None
        self._closed = threading.Event()
        self.head_s = FIRST_HEAD_S
        self._known: tuple[bytes, dict[str, User]] = (b"?", {})

    @property
    def client(self) -> Client:
        """The broker, shared by all threads; it connects at its first use. Its methods raise
        BROKER_AWAY, NODE_AWAY."""
        with self._lock:
            if self._client is None:
                self._client = self.new_client()
            return self._client

    @property
    def watch(self) -> NodePresence:
        """What the node says, as last heard; it begins to listen when it is first asked for."""
        return self._watch.start()

    def provider(self, make: Callable[[], Provider]) -> Provider:
        """The provider of identities, made when it is first asked for."""
        if self._provider is None:
            self._provider = make()
        return self._provider

    def user(self, key: str) -> User:
        """An account by id or user name, as it is now; read again when the file has changed. Raises
        Problem USER_NOT_FOUND."""
        stamp = self.users.stamp
        if self._known[0] != stamp:
            users = self.users.list()
            self._known = stamp, {key: user for user in users for key in (user.id, user.username)}
        known = self._known[1].get(key)
        if known is None:
            raise Problem("USER_NOT_FOUND", f"{key!r:.80}")
        return known

    def new_client(self) -> Client:
        """A new connection, for following topics; the caller closes it."""
        return Client(self.settings.asking, self.settings.node_id)

    def audit(self, action: str, target: str = "", **details: Any) -> None:
        """Write who does what, BEFORE doing it: what cannot be written down is not done. Raises
        Problem STORE_FAILED."""
        self.accounts.record(action=action, target=target, details=details, **actor())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Only one such block at a time: one that deletes a program, or one that gives it to a
        station. Raises Problem BUSY."""
        if not self._alone.acquire(timeout=ALONE_S):
            raise Problem("BUSY", "another program is being selected or deleted", retry_after_s=2)
        try:
            yield
        finally:
            self._alone.release()

    @contextmanager
    def audited(self, action: str, target: str = "", **details: Any) -> Iterator[None]:
        """A change, written down before it is made, and once more if it then fails."""
        self.audit(action, target, **details)
        try:
            yield
        except Problem as problem:
            self.audit(f"{action}.failed", target, code=problem.code)
            raise

    def refused(self, code: str, path: str) -> None:
        """Write down that somebody was refused: once a minute for each code and address, so that a
        flood fills nothing."""
        who, now = actor(), time.monotonic()
        key = (code, counted(who["address"]))
        with self._lock:
            if len(self._refusals) >= MOST_REFUSALS:
                self._refusals = {
                    each: at for each, at in self._refusals.items() if now - at < REFUSALS_S
                }
            if (
                now - self._refusals.get(key, -REFUSALS_S) < REFUSALS_S
                or len(self._refusals) >= MOST_REFUSALS
            ):
                return
            self._refusals[key] = now
        with suppress(Problem):  # the refusal still stands
            self.accounts.record(
                action="refused", target=code, details={"path": plain(path, 200)}, **who
            )

    def tell_head(self) -> None:
        """Tell the audit's head soon and then every hour, in a file and the log: rows that are cut
        off later are missed.

        Where a log server is named, each row is sent there from now on.
        """
        if not self._telling:
            self._telling = True
            if (target := self.settings.web.audit_syslog) is not None:
                self._forwarding = Forwarding(
                    self.accounts, self.state, self.settings.node_id, target
                )
            threading.Thread(target=self._tell, name="audit head", daemon=True).start()

    def _tell(self) -> None:
        while not self._closed.wait(self.head_s):
            try:
                head = self.accounts.tell_head()
                if head is not None:
                    log.warning("audit: %d rows, head %s", head.rows, head.hash)
                    if filling(head.rows, self.settings.web.audit_rows):
                        self.event(
                            "audit.filling", rows=head.rows, most=self.settings.web.audit_rows
                        )
                    told = AuditHead(rows=head.rows, hash=head.hash, at=head.at)
                    topic = self._watch.names("audit")
                    self.client.link().publish(
                        Message(topic, told.model_dump_json().encode(), retain=True)
                    )
            except Problem as problem:
                log.error("the audit's head cannot be told: %s", problem)
            self.head_s = HEAD_S

    def event(self, kind: str, **details: Any) -> None:
        """Tell the log and the listeners (event streams) that something happened that a person
        should know."""
        log.warning("%s %s", kind, details)
        for listener in tuple(self.listeners):
            listener(kind, details)

    def close(self) -> None:
        """Leave the broker and close the stores."""
        self._closed.set()
        if self._forwarding is not None:
            self._forwarding.close()
        self._watch.close()
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
        self.accounts.close()
        self.ledger.close()


def site() -> Site:
    """The site of the application that answers this request."""
    here: Site = current_app.extensions[NAME]
    return here


def asked() -> tuple[Request, _AppCtxGlobals]:
    """The request and its `g` themselves: every request is looked at often, and each look through a
    proxy costs."""
    return request._get_current_object(), g._get_current_object()  # type: ignore[attr-defined]


def actor() -> dict[str, str]:
    """Who asks, from where, in which request: for the audit."""
    if not has_request_context():
        return {"username": "", "address": "", "request_id": ""}
    person = g.get("person")
    return {
        "username": person.username if person else "",
        "address": request.remote_addr or "",
        "request_id": g.get("ids", ""),
    }


@cache
def installed() -> str:
    """The version that is installed and running; `0` if the files only lie there."""
    try:
        return version("inspection-node")
    except PackageNotFoundError:
        return "0"
