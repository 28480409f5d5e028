"""Motion JPEG from a real V4L2 driver: damaged frames, and a lamp that flashes, against the USB
camera.

Not part of the test suite. It needs the module v4l2loopback (Debian: v4l2loopback-dkms), to whose
device frames are written here as a camera sends them, and root, such as the project's rig gives
(PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1):

    rig.sh 'insmod MODULE/v4l2loopback.ko video_nr=9 && VENV/bin/python tests/rig/mjpg_rig.py'
"""

import fcntl
import os
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from node.acquire import acquire
from node.cameras import Request, make_camera
from node.cameras.usb import Usb
from node.frame import Frame
from node.quality import check
from schemas import Problem, UsbCamera
from schemas.program import ProgramCamera

DEVICE = "/dev/video9"
WIDTH, HEIGHT, PERIOD_S = 640, 480, 0.1
LIMIT_S = 60
VIDIOC_S_FMT, VIDEO_OUTPUT, PROGRESSIVE = 0xC0D05605, 2, 1


def scene(number: int, light: float = 1.0) -> bytes:
    """A frame as JPEG: a plate with a bar that moves."""
    pixels = np.random.default_rng(number).normal(120 * light, 2, (HEIGHT, WIDTH, 3))
    pixels[100:380, 150:500] += 80 * light
    pixels[200:260, 180 + number % 200 : 260 + number % 200] -= 150 * light
    return cv2.imencode(
        ".jpg", np.clip(pixels, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90]
    )[1].tobytes()


WHOLE = [scene(number) for number in range(20)]
# a packet is lost
DAMAGED = [data[: len(data) // 2] + data[len(data) // 2 + 700 :] for data in WHOLE]
DARK = scene(1, 0.0)  # always the same: nothing lights it


class Sender:
    """Writes what `chosen` returns for the number of the frame, as a camera sends it."""

    def __init__(self) -> None:
        self._device = os.open(DEVICE, os.O_RDWR)
        kind = struct.pack(
            "<8I",
            WIDTH,
            HEIGHT,
            int.from_bytes(b"MJPG", "little"),
            PROGRESSIVE,
            0,
            WIDTH * HEIGHT * 3,
            7,
            0,
        )
        fcntl.ioctl(
            self._device,
            VIDIOC_S_FMT,
            bytearray(struct.pack("<2I", VIDEO_OUTPUT, 0) + kind.ljust(200, b"\0")),
        )
        self.chosen: Callable[[int], bytes] = lambda number: WHOLE[number % len(WHOLE)]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._ending.wait(PERIOD_S):
            os.write(self._device, self.chosen(number))
            number += 1

    def end(self) -> None:
        self._ending.set()
        self._thread.join(10)


def grab(usb: Usb, limit_ms: float) -> Frame:
    now_ns = time.monotonic_ns()
    request = Request(now_ns, now_ns + round(limit_ms * 1e6), None, ProgramCamera())
    frame = acquire(usb, request, (WIDTH, HEIGHT))
    check(frame, UsbCamera(device=DEVICE).quality)
    return frame


def code(action: Callable[[], object]) -> str:
    try:
        action()
    except Problem as problem:
        say(f"    {problem}")
        return problem.code
    return ""


def until(condition: Callable[[], bool], what: str) -> None:
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < LIMIT_S, f"{what}: not within {LIMIT_S} s"
        time.sleep(0.05)
    say(f"    {what} after {time.monotonic() - began_s:.2f} s")


def say(text: str) -> None:
    print(text, flush=True)


def whole(frame: Frame) -> bool:
    """Whether it is one of the frames that were sent, as they were sent."""
    sent = (cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) for data in WHOLE)
    return any(np.array_equal(frame.pixels, each) for each in sent)


def whole_frames_are_taken_as_they_were_sent(usb: Usb, sender: Sender) -> None:
    del sender
    for _ in range(5):
        assert whole(grab(usb, 5000))


def damaged_frames_are_refused(usb: Usb, sender: Sender) -> None:
    sender.chosen = lambda number: DAMAGED[number % len(DAMAGED)]
    codes = [code(lambda: grab(usb, 3000)) for _ in range(4)]  # one whole frame may be under way
    assert set(codes[1:]) == {"IMAGE_INVALID"}, codes
    assert usb.problem is not None
    sender.chosen = lambda number: WHOLE[number % len(WHOLE)]
    until(lambda: usb.problem is None, "it is well again")


def dark_frames_are_no_frozen_picture_and_the_lit_one_after_the_trigger_is_waited_for(
    usb: Usb, sender: Sender
) -> None:
    lit_at = [float("inf")]
    sender.chosen = lambda number: (
        WHOLE[number % len(WHOLE)] if time.monotonic() >= lit_at[0] else DARK
    )
    time.sleep(5)  # far more dark frames, all alike, than frozen_frames
    assert usb.problem is None, usb.problem
    for _ in range(3):
        asked_ns = time.monotonic_ns()
        lit_at[0] = time.monotonic() + 1.0  # the lamp comes on a second after the trigger
        frame = grab(usb, 8000)
        say(f"    lit frame after {(time.monotonic_ns() - asked_ns) / 1e6:.0f} ms")
        assert frame.exposed_ns > asked_ns
        assert whole(frame)
        lit_at[0] = float("inf")
        time.sleep(1)
    assert code(lambda: grab(usb, 2000)) == "IMAGE_QUALITY", (
        "no lamp: the dark frame is judged, and is too dark"
    )


def main() -> int:
    sender, failed = Sender(), 0
    made = UsbCamera.model_validate(
        {"device": DEVICE, "fps": 1 / PERIOD_S, "fourcc": "MJPG", "frozen_frames": 5}
    )
    usb = make_camera(made, Path())
    assert isinstance(usb, Usb)
    usb.open()
    until(lambda: usb.problem is None, "frames come")
    for each in (
        whole_frames_are_taken_as_they_were_sent,
        damaged_frames_are_refused,
        dark_frames_are_no_frozen_picture_and_the_lit_one_after_the_trigger_is_waited_for,
    ):
        say(each.__name__.replace("_", " "))
        try:
            each(usb, sender)
        except (AssertionError, Problem) as error:
            failed += 1
            say("    FAILED: " + "".join(traceback.format_exception(error)))
    say(f"{failed} failed")
    usb.close()
    sender.end()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
