"""What the node is doing, published when it changes, and shown by the ready lines."""

from collections.abc import Mapping

from broker.lanes import Lanes
from broker.outbox import Outbox
from node.alarms import Alarms
from node.gpio.driver import LineDriver
from node.station import Station
from schemas import NodeState, utc
from schemas.state import StateName

READINESS: tuple[StateName, ...] = (
    "Error",
    "Preoperational",
    "Halted",
    "Initialized",
    "SingleExecution",
    "ContinuousExecution",
    "Ready",
)
RUNNING = READINESS[-3:]


class StateTelling:
    """The retained message `state`."""

    def __init__(
        self,
        stations: Mapping[str, Station],
        session: Lanes,
        driver: LineDriver,
        alarms: Alarms,
        outbox: Outbox,
        version: str,
    ) -> None:
        self._stations = stations
        self._session = session
        self._driver = driver
        self._alarms = alarms
        self._outbox = outbox
        self._version = version
        self._told: NodeState | None = None
        self._ready: dict[str, tuple[bool, bool]] = {}
        self._since = utc()

    def again(self) -> None:
        """The broker is back: publish it whether or not it has changed."""
        self._told = None

    def state(self) -> NodeState:
        """What the node is doing."""
        stations = {station.id: station.state() for station in self._stations.values()}
        return NodeState(
            state=min((station.state for station in stations.values()), key=READINESS.index),
            stations=stations,
            since=self._since,
            version=self._version,
            session=self._session.kind,
            protocol=self._session.protocol if self._session.kind else None,
            commands=self._session.commands,
            simulated=any(station.simulated for station in stations.values()),
            alarms=tuple(sorted(self._alarms.active)),
            broker=self._session.reasons,
        )

    def tell(self) -> None:
        """Publish it if it has changed; the ready lines follow it."""
        state = self.state()
        for name, station in state.stations.items():
            ready = station.state in RUNNING, station.maintenance
            if self._ready.get(name) != ready or self._driver.wants_ready(name) != ready[0]:
                self._ready[name] = ready
                self._driver.ready(name, ready[0])
        told = self._told
        if told is not None and state.model_copy(update={"since": told.since}) == told:
            return
        if told is None or told.state != state.state:
            self._since = utc()
            state = state.model_copy(update={"since": self._since})
        self._told = state
        self._outbox.retain("state", "", state.model_dump_json().encode())
