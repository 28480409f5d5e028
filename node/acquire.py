"""Acquire: one frame, newer than its trigger and of the right size."""

from node.cameras import Camera, Request
from node.frame import Frame
from schemas import Problem


def acquire(camera: Camera, request: Request, size: tuple[int, int] | None) -> Frame:
    """A frame for the request; `size` is (width, height) of the master in px, None accepts any.
    Whether it is fit to be judged is the gate's question, see gate.py.

    Raises the camera's Problem, CAMERA_ERROR if a driver answers with a frame that is older than
    the trigger, or IMAGE_SIZE.
    """
    frame = camera.grab(request)
    if frame.exposed_ns <= request.after_ns:
        late_ms = (request.after_ns - frame.exposed_ns) / 1e6
        raise Problem(
            "CAMERA_ERROR",
            f"the frame of {frame.source} is {late_ms:.1f} ms older than its trigger",
        )
    if size is not None and (frame.width, frame.height) != size:
        raise Problem(
            "IMAGE_SIZE",
            f"{frame.width} x {frame.height} px, the master has {size[0]} x {size[1]} px",
        )
    return frame
