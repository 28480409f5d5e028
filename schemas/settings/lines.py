"""GPIO lines: the outputs by role, and the input that triggers."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Float, Shape

LineRole = Literal["ready", "busy", "ok", "ng", "error", "result_valid", "heartbeat"]
OUTPUTS = tuple(f"OUT{n}" for n in range(1, 9))


class LineSettings(Shape):
    """One line of a GPIO chip."""

    line: Annotated[int, Field(ge=0, le=1023)] = Field(
        description="Offset of the line on its chip."
    )
    active: Literal["high", "low"] = Field(default="high", description="Which level means active.")


LineOrOffset = LineSettings | Annotated[int, Field(ge=0, le=1023)]


class InputSettings(LineSettings):
    """The input line that triggers an inspection."""

    edge: Literal["rising", "falling"] = Field(
        default="rising", description="Which edge (of the active level) triggers."
    )
    debounce_ms: Float = Field(
        default=5.0, ge=0, le=1000, description="Edges closer than this are one, in ms."
    )


class PulseSettings(Shape):
    """How verdict lines are driven."""

    mode: Literal["pulse", "latch"] = Field(
        default="pulse",
        description=(
            "pulse: back to inactive after pulse_ms; latch: until the next inspection begins."
        ),
    )
    pulse_ms: Float = Field(
        default=100.0, ge=1, le=10000, description="Length of a verdict pulse in ms."
    )
    delay_ms: Float = Field(
        default=0.0, ge=0, le=10000, description="Time from the verdict to the lines in ms."
    )


class LinesBase(Shape):
    """What all kinds of lines share: which line each role has; a role that is not given is
    unused."""

    ready: LineOrOffset | None = Field(
        default=None, description="Active while the station takes triggers."
    )
    busy: LineOrOffset | None = Field(default=None, description="Active while a part is inspected.")
    ok: LineOrOffset | None = Field(default=None, description="Verdict OK.")
    ng: LineOrOffset | None = Field(default=None, description="Verdict NG.")
    error: LineOrOffset | None = Field(default=None, description="Verdict ERROR.")
    result_valid: LineOrOffset | None = Field(
        default=None, description="Strobe: verdict lines may be read now."
    )
    heartbeat: LineOrOffset | None = Field(default=None, description="1 Hz while the node runs.")
    outputs: dict[Annotated[str, StringConstraints(pattern=r"^OUT[1-8]$")], LineOrOffset] = Field(
        default_factory=dict, description="OUT1 to OUT8: lines that a program assigns."
    )
    trigger: InputSettings | None = Field(
        default=None, description="Input line that triggers an inspection."
    )
    drive: PulseSettings = Field(
        default_factory=PulseSettings, description="How verdict lines are driven."
    )

    @property
    def roles(self) -> dict[str, LineSettings]:
        """Every assigned output, role or OUTn, to its line."""
        given: dict[str, LineOrOffset | None] = {
            "ready": self.ready,
            "busy": self.busy,
            "ok": self.ok,
            "ng": self.ng,
            "error": self.error,
            "result_valid": self.result_valid,
            "heartbeat": self.heartbeat,
            **self.outputs,
        }
        return {
            role: LineSettings(line=line) if isinstance(line, int) else line
            for role, line in given.items()
            if line is not None
        }

    @model_validator(mode="after")
    def _distinct(self) -> "LinesBase":
        taken: dict[int, str] = {}
        for role, line in [
            *self.roles.items(),
            *([("trigger", self.trigger)] if self.trigger else []),
        ]:
            if line.line in taken:
                raise ValueError(f"{taken[line.line]} and {role} are on one line ({line.line})")
            taken[line.line] = role
        return self


class MemoryLines(LinesBase):
    """Lines in memory that record a timeline: simulated, and said to be so everywhere."""

    kind: Literal["memory"] = "memory"


class GpiodLines(LinesBase):
    """Lines of a GPIO chip of the Linux kernel."""

    kind: Literal["gpiod"] = "gpiod"
    chip: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="Label of the chip (see gpiodetect), or its path /dev/gpiochipN."
    )


Lines = Annotated[MemoryLines | GpiodLines, Field(discriminator="kind")]
