"""The seam between the node and what knows pixels: a PartJob goes over it, and a PartOutcome comes
back; a Settle says what becomes of the pictures of a part, and `ask` does the commands that need
pixels.

On this side is what there must be only one of: broker, ledger, lines, alarms. On the other are a
station's camera, its loaded programs and its pictures, and these never cross. `Worker` says what a
worker is; everything that it waits for has a limit.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from schemas import Fault, Images, Pose, Problem, ToolResult, Trigger, Verdict
from schemas.command import Command
from schemas.program import Keep

NO_IMAGES = Images(raw=None, annotated=None)
# a part waits no longer than this for its program to load: less than the watch gives it
LOADING_S = 0.9


class ReadyProgram(NamedTuple):
    """A loaded program, as far as the node must know it; outputs: what each line means."""

    id: str
    version: int
    hash: str
    outputs: dict[str, str]
    limits_ms: int
    keep: Keep


class PartJob(NamedTuple):
    """A part to inspect. Times are monotonic ns, of one clock for all processes: when its trigger
    was received and its inspection began, after which its frame must be exposed, and until when
    the camera may take.

    crowded: as many other stations have parts as there are other cores. queued: other parts of this
    station wait.
    """

    row: int
    trigger_id: str
    trigger: Trigger
    program: str
    received_ns: int
    began_ns: int
    after_ns: int
    deadline_ns: int
    crowded: bool = False
    queued: bool = False


class PartOutcome(NamedTuple):
    """What was found of a part: nothing that is unclear is OK.

    program: the version that judged, None if there was none. taken_at_s: when its frame was
    exposed, None without a frame. ended_ns: when its last step ended.
    """

    row: int
    verdict: Verdict
    fault: Fault | None
    program: ReadyProgram | None
    tools: tuple[ToolResult, ...]
    pose: Pose | None
    timings_ms: dict[str, float]
    taken_at_s: float | None
    ended_ns: int


class Crash(NamedTuple):
    """What ended a worker: a program's version, what of it was at work, how often in a row, and how
    it ended, for people."""

    program: str
    version: int
    doing: str
    times: int
    how: str


class Settle(NamedTuple):
    """The result of a part is stored, so its pictures are written under these names, and people
    may see it; `seq` 0: it is not, so they are let go.

    fault: what its result says, which may be more than was found. preview: its picture goes to the
    broker too.
    """

    row: int
    result_id: str = ""
    seq: int = 0
    images: Images = NO_IMAGES
    fault: Fault | None = None
    preview: bool = False


class Worker(Protocol):
    """Looks at the parts of one station, one at a time; the rest may be called from any thread."""

    @property
    def simulated(self) -> bool:
        """Whether its frames come from something other than a camera."""

    @property
    def camera_problem(self) -> Problem | None:
        """Why the camera can give no frame; None if it can. Never waits."""

    @property
    def unmet(self) -> str | None:
        """What of its real-time settings the system does not allow, for people."""

    @property
    def fault(self) -> str | None:
        """A fault of our own in what is done beside the parts, if it was not long ago."""

    def start(self) -> None:
        """Open the camera, and begin to load what is held."""

    def stop(self) -> None:
        """Close the camera, even if somebody waits for it."""

    def open_camera(self) -> None:
        """Try again to open the camera."""

    def look(self, job: PartJob) -> PartOutcome:
        """Acquire, locate, measure and judge. Never raises for what is wrong with the part."""

    def look_early(
        self, program_id: str, asked: Callable[[ReadyProgram], PartJob | None]
    ) -> ReadyProgram | None:
        """Begin to look at a part whose trigger is being committed, with a program that is loaded:
        `asked` makes its job, without a row, or None. look() then gives what was found; or else
        forget() lets it go, and nothing of it is ever seen. None if it is not looked at: the worker
        has a part, or cannot look at one beside the commit. Never waits."""

    def forget(self, trigger_id: str) -> None:
        """The trigger of a part that is looked at early was not taken. Never waits."""

    forcible: bool
    """Whether what hangs in look() can be ended."""

    def give_up(self, row: int) -> None:
        """The part of this row is answered, and look() does not come back: end it, if that can be
        and it had its time. Called again while it does not come back."""

    def settle(self, settle: Settle) -> None:
        """What becomes of the pictures of a part. Never waits."""

    def ask(self, name: str, command: Command) -> dict[str, Any]:
        """What a command that needs pixels replies. Raises Problem."""

    def hold(self, program_id: str | None) -> None:
        """The active program: it is never let go."""

    def program(self, program_id: str, limit_s: float) -> ReadyProgram:
        """The newest loaded version; else it is loaded now. Raises Problem PROGRAM_..., and
        PROGRAM_LOADING after the limit."""

    def peek(self, program_id: str) -> ReadyProgram | Problem | None:
        """As program(), without waiting; None while it is loaded."""

    def refresh(self, limit_s: float) -> None:
        """Look for programs that changed, and wait that long for those in use to be loaded
        again."""

    def rest(self) -> None:
        """Nobody asks for anything: let go what is not used any more."""
