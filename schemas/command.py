"""Commands to a node and its replies."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from schemas.base import MAX_NUMBER, Float, ProgramId, Shape, StationId, digits
from schemas.program import OutputName, ProgramCamera
from schemas.result import Fault
from schemas.settings import LineRole
from schemas.trigger import SentAt

MAX_COMMAND_BYTES = 12 * 1024 * 1024

REQUEST_ID = r"^[A-Za-z0-9._:-]{1,64}$"
NUMBER = {"type": "integer", "minimum": 0, "maximum": MAX_NUMBER}
RequestId = Annotated[
    str,
    StringConstraints(pattern=REQUEST_ID),
    BeforeValidator(digits),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": REQUEST_ID}, NUMBER]}),
]
IdOrNumber = Annotated[
    str, BeforeValidator(digits), WithJsonSchema({"anyOf": [{"type": "string"}, NUMBER]})
]
Base64Image = Annotated[
    str, StringConstraints(max_length=11 * 1024 * 1024, pattern=r"^[A-Za-z0-9+/]*={0,2}$")
]

PictureHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Command(Shape):
    """What every command has."""

    # whether it may be carried out although it waited: it moves and starts nothing
    late: ClassVar[bool] = False

    request_id: RequestId = Field(
        description=(
            "Id, or a number: its digits. The same command again is answered, not done; another is"
            " refused."
        )
    )
    sent_at: SentAt | None = Field(
        default=None,
        description=(
            "When it was sent: RFC 3339 with a time zone. Older than commands.max_age_ms, it starts"
            " nothing."
        ),
    )


class Ping(Command):
    """Asks whether the node is there, and what the lines of a station did."""

    late: ClassVar[bool] = True

    station: StationId | None = Field(
        default=None, description="A station whose lines' changes are told too, as `trace`."
    )
    after: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Only changes after this number of an earlier reply; else those of 10 s.",
    )


class ForStation(Command):
    """A command for one station."""

    station: StationId = Field(description="The station.")


class SelectProgram(ForStation):
    """Make a program the active one."""

    program: ProgramId = Field(description="The program.")


class Capture(ForStation):
    """Take a picture without inspecting it."""

    camera: ProgramCamera | None = Field(
        default=None,
        description="Camera settings to take it with; those of the active program if missing.",
    )
    optimise: bool = Field(
        default=False,
        description=(
            "Whether exposure and gain are searched for the lightest picture that is not burnt out."
        ),
    )
    exact: bool = Field(
        default=False,
        description="PNG instead of JPEG, if it has at most 8 MiB: a master loses nothing.",
    )


class Show(ForStation):
    """Keep the newest annotated picture of a station in the state folder for a minute: somebody
    watches."""


class TryProgram(ForStation):
    """Run a program on the live or a given image; nothing is stored and no line is driven."""

    program: dict[str, Any] | ProgramId = Field(
        description="A whole program, or the id of a stored one."
    )
    image: Base64Image | None = Field(
        default=None, description="JPEG or PNG in base64; the live image if missing."
    )
    image_sha256: PictureHash | None = Field(
        default=None,
        description="Instead of image: the hash of one sent before, as a reply gave it.",
    )
    on_master: bool = Field(default=False, description="Whether the master itself is the image.")
    master: Base64Image | None = Field(
        default=None, description="Master for a given program; else its stored one."
    )
    master_sha256: PictureHash | None = Field(
        default=None,
        description="Instead of master: the hash of one sent before, as a reply gave it.",
    )
    give_master: bool = Field(
        default=False,
        description=(
            "Whether the reply holds that master, decoded and encoded anew: what is fit to be"
            " stored."
        ),
    )
    challenge: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None,
        description=(
            "Instead, what it would miss: faults are drawn on the image (the master if missing),"
            " from this one on."
        ),
    )


class Calibrate(ForStation):
    """Learn camera and lens from pictures of a checkerboard; nothing is stored."""

    images: Annotated[tuple[Base64Image, ...], Field(min_length=3, max_length=20, strict=False)] = (
        Field(
            description=(
                "Pictures of one board in different places and turns, JPEG or PNG in base64."
            )
        )
    )
    columns: Annotated[int, Field(ge=3, le=50)] = Field(
        description="Inner corners of the board in a row."
    )
    rows: Annotated[int, Field(ge=3, le=50)] = Field(
        description="Inner corners of the board in a column."
    )
    square_mm: Float = Field(gt=0, le=1000, description="Side of a square in mm.")
    in_plane: Annotated[int, Field(ge=0, le=19)] | None = Field(
        default=None,
        description=(
            "Number of the picture, from 0, in which the board lies where the parts will lie."
        ),
    )

    @model_validator(mode="after")
    def _there(self) -> "Calibrate":
        if self.in_plane is not None and self.in_plane >= len(self.images):
            raise ValueError("in_plane is not the number of a picture")
        return self


class RegisterMaster(ForStation):
    """Make an image the master of a program, as a new version."""

    program: ProgramId = Field(description="The program.")
    image: Base64Image | None = Field(
        default=None, description="JPEG or PNG in base64; the live image if missing."
    )


class TriggerCommand(ForStation):
    """Trigger an inspection."""

    trigger: dict[str, Any] = Field(default_factory=dict, description="The trigger.")


class Pause(Command):
    """Halt one station, or all of them."""

    late: ClassVar[bool] = True

    station: StationId | None = Field(default=None, description="The station; all if missing.")
    maintenance: bool = Field(default=False, description="Whether lines may then be set by hand.")


class Resume(Command):
    """End a pause."""

    station: StationId | None = Field(default=None, description="The station; all if missing.")


class SetOutput(ForStation):
    """Set one output line by hand; maintenance mode only."""

    output: LineRole | OutputName = Field(description="Role of the line, or OUT1 to OUT8.")
    active: bool = Field(description="The level.")


class Resend(ForStation):
    """Publish stored results again, byte for byte, with the user property `resend`."""

    late: ClassVar[bool] = True

    result_ids: Annotated[tuple[str, ...], Field(max_length=1000, strict=False)] = Field(
        default=(), description="By id."
    )
    trigger_ids: Annotated[tuple[IdOrNumber, ...], Field(max_length=1000, strict=False)] = Field(
        default=(), description="By trigger."
    )
    from_seq: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="First of a range."
    )
    to_seq: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Last of a range, at most 1000 long."
    )

    @model_validator(mode="after")
    def _range(self) -> "Resend":
        if (self.from_seq is None) != (self.to_seq is None):
            raise ValueError("from_seq and to_seq belong together")
        if (
            self.from_seq is not None
            and self.to_seq is not None
            and not 0 <= self.to_seq - self.from_seq < 1000
        ):
            raise ValueError("the range is empty or longer than 1000")
        if self.from_seq is None and not self.result_ids and not self.trigger_ids:
            raise ValueError("give result_ids, trigger_ids or a range")
        return self


class ResetCounters(Command):
    """Start the counters of one station, or of all, from zero."""

    station: StationId | None = Field(default=None, description="The station; all if missing.")


class Reply(Shape):
    """The answer to a command."""

    request_id: str = Field(description="Id of the request.")
    ok: bool = Field(description="Whether it was done.")
    data: dict[str, Any] | None = Field(default=None, description="What came of it.")
    error: Fault | None = Field(default=None, description="Why it was not done.")
    repeated: bool = Field(
        default=False,
        description="Whether the request was answered before, and nothing was done now.",
    )
    warning: Fault | None = Field(default=None, description="It was done, but not all is well.")


COMMANDS: dict[str, type[Command]] = {
    "ping": Ping,
    "select_program": SelectProgram,
    "capture": Capture,
    "show": Show,
    "try_program": TryProgram,
    "calibrate": Calibrate,
    "register_master": RegisterMaster,
    "trigger": TriggerCommand,
    "pause": Pause,
    "resume": Resume,
    "set_output": SetOutput,
    "resend": Resend,
    "reset_counters": ResetCounters,
}
