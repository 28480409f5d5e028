"""The cameras: one file a kind, a protocol of three methods. Drivers are loaded when a station asks
for them."""

from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

from node.frame import Frame
from schemas import CameraSettings, Problem
from schemas.program import ProgramCamera


class Request(NamedTuple):
    """A request for one picture: exposed after `after_ns` (monotonic), answered before
    `deadline_ns` (monotonic)."""

    after_ns: int
    deadline_ns: int
    part_id: str | None = None
    camera: ProgramCamera = ProgramCamera()


class Camera(Protocol):
    """A source of frames. `problem` tells at any time, from any thread, why it cannot give one
    (None: it can).

    open() returns soon; it raises Problem, or leaves the opening to a thread of its own. It may be
    called again after a failure, and is, every 2 s while there is a problem. grab() is called by
    one thread at a time and raises Problem (CAMERA_NOT_FOUND, CAMERA_ERROR, CAMERA_TIMEOUT,
    FRAME_FROZEN, ...) rather than return an older frame. close() can be called twice. A driver with
    a thread of its own has `beat_ns`, the monotonic time of the thread's last turn. `controls`
    names what of ProgramCamera the driver takes; the rest it leaves as it is, or refuses.
    """

    simulated: bool
    controls: tuple[str, ...]

    @property
    def problem(self) -> Problem | None: ...

    def open(self) -> None: ...

    def grab(self, request: Request) -> Frame: ...

    def close(self) -> None: ...


CAMERAS: dict[str, str] = {
    "synthetic": "node.cameras.synthetic:SyntheticLine",
    "folder": "node.cameras.folder:PictureFolder",
    "usb": "node.cameras.usb:Usb",
}


def make_camera(settings: CameraSettings, folder: Path) -> Camera:
    """The driver of a kind, not yet opened. Relative paths are taken from `folder`."""
    module, _, name = CAMERAS[settings.kind].partition(":")
    camera: Camera = getattr(import_module(module), name)(settings, folder)
    return camera
