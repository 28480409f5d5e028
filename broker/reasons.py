"""What is wrong with the broker, one sentence each, for as long as it lasts: for the alarm BROKER
and for the pages."""

import time

from broker.lane import Lane
from broker.marking import Marking
from broker.presence import Presence
from broker.subscriptions import Subscriptions
from broker.terms import Terms, lacks
from broker.troubles import Troubles
from schemas.settings import BrokerSettings

STAYS_S = 5.0  # how long it is reported that something came late
REASONS_TOLD = 6


class Reasons:
    """See the head of this file. Other objects are asked for what they know, the rest is reported
    here."""

    def __init__(
        self,
        settings: BrokerSettings,
        lane: Lane,
        presence: Presence,
        subscriptions: Subscriptions,
        troubles: Troubles,
    ) -> None:
        self._away: str | None = None
        self._ledger: str | None = None
        self._waiting: str | None = None
        self._settings = settings
        self._lane = lane
        self._presence = presence
        self._subscriptions = subscriptions
        self._troubles = troubles
        self._lacks: dict[str, str] = {}
        self._late_at = float("-inf")

    def away(self, why: str) -> None:
        """There is no connection."""
        self._away = why

    def ledger_fails(self, why: str | None) -> None:
        """Why the ledger cannot be read, or None."""
        self._ledger = why

    def triggers_wait(self, why: str | None) -> None:
        """Why triggers wait, or None."""
        self._waiting = why

    def connected(self, said: Terms) -> None:
        """CONNACK came: what the broker lacks."""
        self._away = None
        self._lacks = lacks(said, self._settings)
        presence = self._presence
        if presence.version == "3.1.1":
            why = "refuses MQTT 5" if presence.said else "does not answer MQTT 5"
            self._lacks["protocol"] = (
                f"the broker speaks MQTT 3.1.1 only (it {why}): what is sent again is not marked"
            )
        if not presence.own_id and self._settings.client_id is None and self._lane.will:
            self._lacks["client_id"] = (
                f"the broker refuses our client id: the node is there as {presence.client_id}"
            )

    def all(self, marking: Marking | None, *, online: bool) -> tuple[str, ...]:
        """Every sentence now."""
        reasons = [f"{self._lane.about}{self._away}"] if self._away else []
        if online:
            reasons += [*self._lacks.values(), *self._subscriptions.told(), *self._lane.told()]
        reasons += self._troubles.told()
        longest = self._troubles.longest.known
        if longest.limit and online:
            seems = "does not take" if longest.sure else "seems not to take"
            reasons.append(
                f"the broker {seems} packets of more than {longest.limit} bytes: they are shortened"
            )
        if marking is not None:
            self._late_at = max(self._late_at, marking.late_at)
            reasons += marking.told()
        if time.monotonic() - self._late_at < STAYS_S:
            reasons.append(
                "messages from the broker come late: what is older than its max_age_ms is not"
                " inspected"
            )
        others = (self._presence.problem, self._ledger, self._waiting)
        return (*reasons, *(each for each in others if each))


def in_one(reasons: tuple[str, ...]) -> str:
    """The first of them, and how many more there are."""
    more = len(reasons) - REASONS_TOLD
    return "; ".join([*reasons[:REASONS_TOLD], f"and {more} more"] if more > 0 else reasons)
