"""State, info, events, alarms and metrics of a node on the wire. State names follow OPC 40100-1
(Machine Vision)."""

from typing import Any, Literal

from pydantic import Field

from schemas.base import Float, Shape
from schemas.result import Fault

StateName = Literal[
    "Preoperational",
    "Initialized",
    "Ready",
    "SingleExecution",
    "ContinuousExecution",
    "Halted",
    "Error",
    "Offline",
]


class StationState(Shape):
    """State of one station."""

    state: StateName = Field(description="State after OPC 40100-1.")
    program: str | None = Field(description="Active program.")
    program_version: int | None = Field(description="Its version.")
    camera: Literal["ok", "error", "opening"] = Field(description="The camera.")
    outputs: Literal["ok", "error", "none"] = Field(description="The output lines.")
    simulated: bool = Field(default=False, description="Whether camera or lines are simulated.")
    maintenance: bool = Field(default=False, description="Whether lines may be set by hand.")
    queue: int = Field(default=0, description="Triggers that wait.")
    error: Fault | None = Field(description="What is wrong.")


class NodeState(Shape):
    """Payload of `state`; the last will is `{"state":"Offline"}`."""

    state: StateName = Field(description="The least ready of the stations' states.")
    stations: dict[str, StationState] = Field(default_factory=dict, description="The stations.")
    since: str | None = Field(default=None, description="Since when, UTC.")
    version: str | None = Field(default=None, description="Version of the node.")
    session: Literal["persistent", "volatile"] | None = Field(
        default=None,
        description=(
            "Whether the broker keeps our session while we are away; null while we are away."
        ),
    )
    protocol: Literal["5.0", "3.1.1"] | None = Field(
        default=None, description="Version of MQTT that is spoken."
    )
    commands: Literal["apart", "shared"] | None = Field(
        default=None,
        description=(
            "How commands come: over a connection of their own, or behind the triggers; null while"
            " none are heard."
        ),
    )
    simulated: bool | None = Field(
        default=None, description="Whether any camera or lines are simulated."
    )
    alarms: tuple[str, ...] = Field(
        default=(), strict=False, description="Codes of the active alarms."
    )
    broker: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="What the broker lacks, refuses or does to us, a sentence each.",
    )


class Event(Shape):
    """Payload of `event/{type}`."""

    type: str = Field(description="What happened.")
    at: str = Field(description="When, UTC.")
    station: str | None = Field(default=None, description="Where.")
    data: dict[str, Any] = Field(default_factory=dict, description="Details.")


class Alarm(Shape):
    """Payload of `alarm/{code}`, retained while the condition lasts."""

    code: str = Field(description="Name of the condition.")
    message: str = Field(description="One sentence for a person.")
    since: str = Field(description="Since when, UTC.")
    station: str | None = Field(default=None, description="Where.")


class ProgramInfo(Shape):
    """A program in `info`."""

    version: int = Field(description="Version.")
    hash: str = Field(description="Hash.")
    name: str = Field(description="Name for people.")


class Info(Shape):
    """Payload of `info`."""

    node: str = Field(description="The node.")
    version: str = Field(description="Version of the node.")
    stations: dict[str, dict[str, Any]] = Field(
        description="Stations: camera kind, lines kind, simulated, sources."
    )
    programs: dict[str, ProgramInfo] = Field(description="Programs.")
    schemas: dict[str, str] = Field(description="Hash of each JSON Schema.")
    limits: dict[str, int] = Field(description="Greatest sizes.")
    environment: str = Field(description="production, development or testing.")
    settings: str = Field(
        default="",
        description=(
            "Hash of the settings it has read, without secrets and what only the web goes by: by"
            " it the web tells whether both have read the same."
        ),
    )
    software: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "What it runs on: versions of Python, SQLite and of the packages that it asks for."
        ),
    )


class Metrics(Shape):
    """Payload of `metrics`, every 10 s."""

    at: str = Field(description="When, UTC.")
    uptime_s: Float = Field(description="Seconds since start.")
    outbox: int = Field(description="Results that wait for the broker.")
    stations: dict[str, dict[str, Any]] = Field(
        description="Counters by verdict, queue and latencies of each station."
    )
    exports: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Pictures and backups on their way elsewhere: what waits, arrived, is lost.",
    )


class AuditHead(Shape):
    """Payload of `audit`, retained: with it rows that are cut off or changed later are missed."""

    rows: int = Field(description="How many rows the audit had.")
    hash: str = Field(description="Hash of the last of them, in hex.")
    at: str = Field(description="When, UTC.")


class Marker(Shape):
    """Payload of `_fence`: the node's own marker after a reconnect."""

    nonce: str = Field(description="Unlike any other.")
