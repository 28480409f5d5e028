"""One inspection point."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import ProgramId, Shape, StationId
from schemas.settings.cameras import CameraSettings
from schemas.settings.lines import Lines, MemoryLines
from schemas.trigger import Plain


class StationSettings(Shape):
    """One inspection point: a camera, its trigger sources, its output lines, its program."""

    id: StationId = Field(description="Name of the station in topics.")
    program: ProgramId | None = Field(
        default=None, description="Active program at the first start; later the ledger remembers."
    )
    camera: CameraSettings = Field(description="The camera.")
    lines: Lines = Field(
        default_factory=MemoryLines, description="Output lines and the trigger input."
    )
    queue_limit: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=16, description="Triggers that may wait; one more is answered ERROR / OVERRUN."
    )
    max_age_ms: Annotated[int, Field(ge=1, le=3_600_000)] = Field(
        default=2000,
        description="A trigger older than this is answered ERROR / TRIGGER_STALE, in ms.",
    )
    clocks_synced: bool = Field(
        default=False,
        description="Whether the sender's clock and ours agree, so that sent_at can be believed.",
    )
    mqtt: bool = Field(default=True, description="Whether MQTT triggers are taken.")
    timer_ms: Annotated[int, Field(ge=0, le=86_400_000)] = Field(
        default=0, description="Period of the timer trigger, 0 is off."
    )
    trigger_delay_ms: Annotated[int, Field(ge=0, le=60000)] = Field(
        default=0, description="Time from a trigger to the exposure in ms."
    )
    plain: Plain = Field(
        default="part_id",
        description="What a plain number or word is that comes as a trigger, such as 4711.",
    )
    ack: Literal["asked", "always"] = Field(
        default="asked",
        description=(
            "When accepted/{station} says that a trigger is in the ledger; asked: only for"
            " triggers with ack true."
        ),
    )
    short: bool = Field(
        default=False,
        description=(
            "Whether each result goes out on short/{station} too, in at most 200 bytes for fixed"
            " buffers."
        ),
    )

    worker: Literal["thread", "process"] = Field(
        default="process",
        description=(
            "Where its parts are inspected: process is a process of its own, which ends alone when"
            " a tool crashes or hangs, and runs in parallel with the others; thread needs less"
            " memory, and suits a box with one core."
        ),
    )

    worker_mb: Annotated[int, Field(ge=256, le=262144)] = Field(
        default=2048,
        description=(
            "Memory in MB that its worker process may use, at most half of the machine's; if it"
            " uses more it is ended, and its part is ERROR / TOOL_CRASHED."
        ),
    )

    priority: Annotated[int, Field(ge=0, le=49)] = Field(
        default=0,
        description=(
            "Real-time priority at which its worker process inspects parts (SCHED_FIFO), and the"
            " node's threads do what parts wait for (SCHED_RR, one above), ahead of everything that"
            " has none; 0 is none. The system must allow it, or the alarm REALTIME says so."
        ),
    )

    yields: bool = Field(
        default=False,
        description=(
            "Whether its worker process gives way to everything else on the machine (SCHED_IDLE):"
            " for a station with heavy tools beside one that must be quick. Its own parts wait"
            " while others need the processor."
        ),
    )

    cpus: Annotated[str, Field(pattern=r"^([0-9]{1,4}(-[0-9]{1,4})?(,|$))*$", max_length=100)] = (
        Field(
            default="",
            description=(
                "Cores on which its worker process runs, such as 1 or 0,2-3; empty is all of them."
            ),
        )
    )

    lock_memory: bool = Field(
        default=False,
        description=(
            "Whether the memory of its worker process is locked, so that it is never paged out."
            " The system must allow it, or the alarm REALTIME says so."
        ),
    )

    @model_validator(mode="after")
    def _delay(self) -> "StationSettings":
        if 0 < self.timer_ms < 10:
            raise ValueError("timer_ms is below 10 ms")
        if self.worker != "process" and (
            self.priority or self.yields or self.cpus or self.lock_memory
        ):
            raise ValueError(
                f"priority, yields, cpus and lock_memory need worker = process at {self.id}"
            )
        if self.priority and self.yields:
            raise ValueError(f"{self.id} cannot both have priority and yield")
        return self
