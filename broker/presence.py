"""How the node appears to the broker: since when it is away, when it tries again, and what it
already knows of the broker.

The file `alive` says when this node was last on line, so a start knows how long the outage was; one
that cannot be written makes that unknown and is told, no more. `broker.json` keeps what was learned
of a broker: which version of MQTT it speaks and by what client id, how long packets may be, and
whether topics may have a dot. The connection for commands has files and an id of its own. MQTT 5,
once spoken with a broker, is not given up because of an outage, during which a proxy may accept and
close: MQTT 3.1.1 is spoken where the broker itself refuses 5, or where it never answered it while
it answers 3.1.1; and 5 is tried again at each start, and at each connection where the refusal was
only silence.

Back-off: a broker that cannot be reached is tried every second if it is on this machine, and every
few seconds elsewhere. A broker that refuses us, or ends each connection soon after it began, is
tried less and less often.
"""

import contextlib
import hashlib
import json
import logging
import random
import time
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from broker.longest import Known
from broker.terms import Terms
from schemas.settings import BrokerSettings

log = logging.getLogger(__name__)

ALIVE_S = 0.5
NEAR_S = (1.0, 1.0)
FAR_S = (1.0, 5.0)
SLOW_S = (1.0, 30.0)
STOOD_S = 2.0  # a connection that stood this long did not end right after it began
AWAY = ("unreachable", "closed", "silent")
QUICK_S = 0.1
QUICK_A_MINUTE = 6
LOSSES_A_MINUTE = 3
# tries without an answer before the other version is tried, with a broker that we have never spoken
# with
SILENT = 3
SILENT_KNOWN = 30
ID_BYTES = 23  # what every broker must take, of letters and digits (MQTT 5, 3.1.3.1)

Version = Literal["5.0", "3.1.1"]


class Ask(NamedTuple):
    """How to ask for the next connection."""

    v5: bool
    client_id: str
    will_retain: bool
    will_qos: int


class Presence:
    """See the head of this file. Used on the session's thread. lane: the connection's name, if it
    is not the first."""

    def __init__(self, settings: BrokerSettings, node: str, state: Path, lane: str = "") -> None:
        self.problem: str | None = None  # why the alive file cannot be written
        self.outage_s = 0.0
        self._alive = state / f"alive{lane and '.' + lane}"
        self._known_file = state / f"broker{lane and '.' + lane}.json"
        self._url = settings.url
        self._near = settings.loopback
        given = f"inspection-node-{node}" if settings.client_id is None else settings.client_id
        self._default_id = f"{lane}-{given}" if lane and given else given
        self._plain_id = (
            "inspection" + hashlib.blake2b((lane + node).encode(), digest_size=6).hexdigest()
        )
        known = self._load()
        self._version: Version = known.get("protocol", "5.0")
        self._said: bool = known.get("said", False)  # the broker itself refused MQTT 5
        self._spoke5: bool = known.get("spoke5", False)
        self._assigned: str | None = known.get("client_id")
        self.longest = Known(
            known.get("packet_bytes"), known.get("packet_sure", True), known.get("taken_bytes", 0)
        )
        # it ends the connection over topics with a dot
        self.no_dots: bool = known.get("no_dots", False)
        self._v5 = True  # what is asked for next
        self._silent = 0
        self._will_retain: bool = known.get("retain", True)  # as its last CONNACK said
        self._will_qos: int = known.get("max_qos", 1)
        self._failures = 0  # connections that the broker ended soon, in a row
        self._misses = 0  # tries without an answer, in a row
        self._losses: deque[float] = deque(maxlen=LOSSES_A_MINUTE + 1)
        self._quick: deque[float] = deque(maxlen=QUICK_A_MINUTE)
        self._alive_at = 0.0
        self._away_at = time.monotonic()
        self.connects = 0

    # On line and away

    def beat(self, *, online: bool) -> None:
        """A sign of life of the thread; while on line it goes into the alive file."""
        now = time.monotonic()
        if not online or now - self._alive_at < ALIVE_S:
            return
        self._alive_at = now
        try:
            self._alive.write_text(f"{_boot()} {time.monotonic_ns()}")
            self.problem = None
        except OSError as error:
            self.problem = (
                f"{self._alive} cannot be written ({error.strerror}): after a start, all that waits"
                " is taken for old"
            )

    def came(self) -> None:
        """CONNACK came: the length of the outage is known, however long after the start that is."""
        self.outage_s = time.monotonic() - self._away_at if self.connects else self._since_alive()
        self.connects += 1

    def left(self, at: float) -> None:
        """The node has not been on line since then (monotonic seconds), as is known now: a
        connection may be dead long before it ends."""
        self._away_at = at

    def _since_alive(self) -> float:
        try:
            boot, at_ns = self._alive.read_text().split()
            return (time.monotonic_ns() - int(at_ns)) / 1e9 if boot == _boot() else float("inf")
        except (OSError, ValueError):
            return float("inf")

    # How to ask

    def ask(self) -> Ask:
        """How to ask for a connection now."""
        return Ask(self._v5, self.client_id, self._will_retain, self._will_qos)

    @property
    def client_id(self) -> str:
        """The client id by which the broker knows us."""
        return self._default_id if self._assigned is None else self._assigned

    @property
    def version(self) -> Version:
        """The MQTT version that is asked for."""
        return "5.0" if self._v5 else "3.1.1"

    @property
    def said(self) -> bool:
        """Whether MQTT 3.1.1 is spoken because the broker itself refuses 5."""
        return self._said

    @property
    def own_id(self) -> bool:
        """Whether the broker takes the id that the settings give us."""
        return self._assigned is None

    def answered(self, said: Terms) -> None:
        """CONNACK accepted the connection."""
        self._silent = 0
        before = self._known()
        self._version = self.version
        if self._v5:
            self._spoke5, self._said = True, False
        self._will_retain, self._will_qos = said.retain, said.max_qos
        if said.assigned_id and not self.client_id:
            self._assigned = said.assigned_id
        if before != self._known():
            self._save()

    def learn(self, longest: Known, *, no_dots: bool) -> None:
        """What the broker accepts, as far as it has been found out."""
        known = self.longest
        if (longest[:2], no_dots) != (known[:2], self.no_dots) or longest.taken > 2 * known.taken:
            self.longest, self.no_dots = longest, no_dots
            self._save()

    def adapt(self, reason: str) -> bool:
        """A refusal after which another way may work; True if there is one, to be tried at once."""
        if reason == "protocol" and self._v5:
            log.warning("the broker refuses MQTT 5: MQTT 3.1.1 is spoken")
            self._v5, self._said = False, True
            return True
        if reason in ("retain", "qos") and (self._will_retain or self._will_qos):
            # both, so that it is one refusal; CONNACK says which it is
            self._will_retain, self._will_qos = False, 0
            return True
        if reason == "client_id" and self.client_id != self._plain_id:
            log.warning(
                "the broker refuses the client id %s: %s is used", self.client_id, self._plain_id
            )
            self._assigned = self._plain_id
            self._save()
            return True
        if reason in ("closed", "silent"):
            return self._unanswered(reason)
        return False

    def _unanswered(self, reason: str) -> bool:
        """CONNECT was not answered: there is an outage, a proxy, or a broker that does not know
        that version."""
        if not self._v5:
            self._v5 = True  # it was not the version, then
            return False
        self._silent += 1
        if self._version == "3.1.1" and not self._spoke5:
            enough = 1
        elif self._spoke5:
            enough = SILENT_KNOWN if reason == "silent" else 0
        else:
            enough = 2 if reason == "silent" else SILENT
        if enough and self._silent >= enough:
            log.warning("the broker does not answer MQTT 5: trying MQTT 3.1.1")
            self._v5, self._silent = False, 0
            return True
        return False

    # When to connect again

    def delay(
        self, reason: str, stood_s: float | None, *, explained: bool = False
    ) -> tuple[float, bool]:
        """Seconds until the next try, and whether the connection is lost again and again.

        stood_s: how long the connection was good, None if it never was; explained: whose fault it
        was is known, or about to be.
        """
        now = time.monotonic()
        if stood_s is not None:
            self._v5 = not (self._version == "3.1.1" and self._said)
        good = stood_s is not None and stood_s > STOOD_S
        away = stood_s is None and reason in AWAY
        self._misses = self._misses + 1 if away else 0
        if good or reason == "unreachable":  # a broker that is gone has not sent us away
            self._failures = 0
        elif not away:
            self._failures += 1
        again = False
        if stood_s is not None and not explained and reason in ("taken_over", "lost", "ended"):
            # not every broker says that another client took over our session: it may look like a
            # lost connection
            self._losses.append(now)
            again = len(self._losses) > LOSSES_A_MINUTE and now - self._losses[0] < 60
        few = len(self._quick) < QUICK_A_MINUTE or now - self._quick[0] > 60
        if few and (explained or (good and reason == "lost")):
            self._quick.append(now)
            return QUICK_S, again
        (low, high), times = SLOW_S, self._failures
        if away:
            (low, high), times = (NEAR_S if self._near else FAR_S), self._misses
        elif reason in ("refused", "tls", "moved", "taken_over"):
            low = high / (6 if reason == "taken_over" else 2)
        elif reason in ("callback", "fault"):
            low, high = FAR_S
        delay = min(high, low * 2.0 ** min(max(0, times - 1), 10))
        return max(low / 2, delay * random.uniform(0.75, 1.0)), again

    # What was learned

    def _load(self) -> dict[str, Any]:
        try:
            known = json.loads(self._known_file.read_text())
            return known if isinstance(known, dict) and known.get("url") == self._url else {}
        except (OSError, ValueError):
            return {}

    def _known(self) -> dict[str, Any]:
        known = {
            "url": self._url,
            "protocol": self._version,
            "said": self._said,
            "spoke5": self._spoke5,
            "retain": self._will_retain,
            "max_qos": self._will_qos,
            "client_id": self._assigned,
            "packet_bytes": self.longest.limit,
            "packet_sure": self.longest.sure,
            "taken_bytes": self.longest.taken,
            "no_dots": self.no_dots or None,
        }
        return {name: value for name, value in known.items() if value is not None}

    def _save(self) -> None:
        known = self._known()
        with contextlib.suppress(OSError):  # it is learned again then
            new = self._known_file.with_suffix(".new")
            new.write_text(json.dumps(known))
            new.replace(self._known_file)


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
