"""The USB camera against the kernel's own V4L2 interface: the vivid driver in the emulated machine,
with its faults.

Not part of the test suite: it needs a Linux with vivid as /dev/video0, v4l2-ctl and root, such as
the project's rig gives:

    rig.sh 'PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=. VENV/bin/python tests/rig/camera_rig.py'
"""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from node.acquire import acquire
from node.cameras import Request, make_camera
from node.cameras.usb import Usb
from node.frame import Frame
from node.quality import check
from schemas import Problem, UsbCamera
from schemas.program import ProgramCamera

DEVICE = "/dev/video0"
BOUND = Path("/sys/bus/platform/drivers/vivid")
LIMIT_S = 20


def control(**values: int) -> None:
    given = ",".join(f"{name}={value}" for name, value in values.items())
    subprocess.run(["v4l2-ctl", "-d", DEVICE, "-c", given], check=True, timeout=20)


def camera(**settings: object) -> Usb:
    made = make_camera(
        UsbCamera.model_validate({"device": DEVICE, "fps": 25.0, **settings}), Path()
    )
    assert isinstance(made, Usb)
    made.open()
    return made


def grab(
    usb: Usb, after_ms: float = 0, limit_ms: float = 3000, asked: ProgramCamera | None = None
) -> Frame:
    now_ns = time.monotonic_ns()
    request = Request(
        now_ns + round(after_ms * 1e6),
        now_ns + round(limit_ms * 1e6),
        None,
        asked or ProgramCamera(),
    )
    frame = acquire(usb, request, (640, 480))
    check(frame, UsbCamera(device=DEVICE).quality)
    return frame


def code(action: Callable[[], object]) -> str:
    """The code of the problem that comes, or none."""
    try:
        action()
    except Problem as problem:
        say(f"    {problem}")
        return problem.code
    return ""


def until(condition: Callable[[], bool], what: str) -> float:
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < LIMIT_S, f"{what}: not within {LIMIT_S} s"
        time.sleep(0.02)
    took_s = time.monotonic() - began_s
    say(f"    {what} after {took_s:.2f} s")
    return took_s


def say(text: str) -> None:
    print(text, flush=True)


def ready(usb: Usb) -> None:
    until(lambda: usb.problem is None, "frames come")


def fails_with(usb: Usb, expected: str) -> None:
    until(
        lambda: usb.problem is not None and usb.problem.code == expected,
        f"the problem is {expected}",
    )


def frames_are_newer_than_their_trigger() -> None:
    usb = camera()
    ready(usb)
    stamps, waits = [], []
    for _ in range(20):
        asked_ns = time.monotonic_ns()
        frame = grab(usb)
        assert asked_ns < frame.exposed_ns < time.monotonic_ns()
        assert abs(frame.taken_at_s - time.time()) < 2
        stamps.append(frame.exposed_ns)
        waits.append((time.monotonic_ns() - asked_ns) / 1e6)
    assert stamps == sorted(set(stamps)), "time stamps rise"
    waits.sort()
    say(
        f"    frame after {waits[0]:.0f} / {waits[10]:.0f} / {waits[-1]:.0f} ms (least, median,"
        " most), period 40 ms"
    )
    late = time.monotonic_ns() + 300_000_000
    assert grab(usb, after_ms=300).exposed_ns > late - 1_000_000
    assert code(lambda: grab(usb, after_ms=500, limit_ms=100)) == "CAMERA_TIMEOUT"
    usb.close()
    assert code(lambda: grab(usb)) == "CAMERA_NOT_FOUND"


def start_of_exposure_stamps_and_a_foreign_clock_are_no_danger() -> None:
    for values in ({"timestamp_source": 1}, {"wrap_timestamp": 1}, {"wrap_timestamp": 2}):
        control(timestamp_source=0, wrap_timestamp=0)
        control(**values)
        usb = camera()
        ready(usb)
        for _ in range(5):
            asked_ns = time.monotonic_ns()
            frame = grab(usb)
            assert asked_ns < frame.exposed_ns < time.monotonic_ns()
        say(f"    {values}: frame after {(time.monotonic_ns() - asked_ns) / 1e6:.0f} ms")
        usb.close()
    control(timestamp_source=0, wrap_timestamp=0)


def a_missing_camera_is_not_found() -> None:
    usb = camera(device="/dev/video77")
    fails_with(usb, "CAMERA_NOT_FOUND")
    assert code(lambda: grab(usb)) == "CAMERA_NOT_FOUND"
    usb.close()
    usb = make_camera(UsbCamera(serial="no such serial"), Path())  # type: ignore[assignment]
    usb.open()
    fails_with(usb, "CAMERA_NOT_FOUND")
    usb.close()


def a_camera_held_by_another_process_names_it() -> None:
    other = subprocess.Popen(
        ["v4l2-ctl", "-d", DEVICE, "--stream-mmap", "--stream-count=100000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(1)  # it has to stream first, and does not say so
    usb = camera()
    fails_with(usb, "CAMERA_BUSY")
    assert usb.problem is not None
    assert f"v4l2-ctl (pid {other.pid})" in usb.problem.message, usb.problem
    other.terminate()
    other.wait(10)
    ready(usb)
    usb.close()


def a_stalled_camera_times_out_and_recovers() -> None:
    usb = camera()
    ready(usb)
    control(percentage_of_dropped_buffers=100)
    # one frame may be under way
    grab_or_none = code(lambda: [grab(usb, limit_ms=500) for _ in range(3)])
    assert grab_or_none == "CAMERA_TIMEOUT"
    fails_with(usb, "CAMERA_TIMEOUT")
    control(percentage_of_dropped_buffers=0)
    ready(usb)
    control(percentage_of_dropped_buffers=60)
    for _ in range(10):
        asked_ns = time.monotonic_ns()
        assert grab(usb, limit_ms=6000).exposed_ns > asked_ns
    control(percentage_of_dropped_buffers=0)
    usb.close()


def a_frozen_picture_is_refused_until_it_moves() -> None:
    control(osd_text_mode=2)
    usb = camera(frozen_frames=5)
    fails_with(usb, "FRAME_FROZEN")
    assert code(lambda: grab(usb)) == "FRAME_FROZEN"
    control(osd_text_mode=0)
    ready(usb)
    grab(usb)
    control(osd_text_mode=2)
    seen = [code(lambda: grab(usb)) for _ in range(3)]
    assert seen[1:] == ["FRAME_FROZEN"] * 2, seen
    usb.close()
    usb = camera(frozen_frames=0)
    ready(usb)
    assert grab(usb).width == 640
    usb.close()
    control(osd_text_mode=0)


def another_size_than_asked_for_is_refused() -> None:
    usb = camera(width=644, height=500)
    fails_with(usb, "IMAGE_SIZE")
    usb.close()


def settings_it_does_not_have_are_refused_and_others_applied() -> None:
    control(gain_automatic=0)
    usb = camera()
    ready(usb)
    assert code(lambda: grab(usb, asked=ProgramCamera(exposure_ms=5.0))) == "CAMERA_ERROR"
    assert code(lambda: grab(usb, asked=ProgramCamera(mode="hdr"))) == "CAMERA_ERROR"
    assert usb.problem is None, "the camera itself is well"
    grab(usb, asked=ProgramCamera(gain=77.0))
    told = subprocess.run(
        ["v4l2-ctl", "-d", DEVICE, "-C", "gain"], capture_output=True, text=True, timeout=20
    ).stdout
    assert told.split() == ["gain:", "77"], told
    # it would clamp it to 255
    assert code(lambda: grab(usb, asked=ProgramCamera(gain=900.0))) == "CAMERA_ERROR"
    usb.close()
    control(gain_automatic=1)


def a_fatal_streaming_error_is_got_over() -> None:
    usb = camera()
    ready(usb)
    control(inject_fatal_streaming_error=1)
    fails_with(usb, "CAMERA_ERROR")
    ready(usb)
    grab(usb)
    usb.close()


def a_camera_opened_again_at_once_is_ours() -> None:
    usb = camera()
    ready(usb)
    usb.close()
    usb.open()
    fresh_s = until(lambda: usb.problem is None, "frames come again")
    assert fresh_s < 2, "closing lets the device go"
    usb.close()


def an_unplugged_camera_fails_at_once_and_comes_back() -> None:
    usb = camera()
    ready(usb)
    control(disconnect=1)
    took_s = until(lambda: usb.problem is not None, "the loss is seen")
    assert took_s < 2
    assert code(lambda: grab(usb)) in ("CAMERA_ERROR", "CAMERA_NOT_FOUND")
    (BOUND / "unbind").write_text("vivid.0")
    fails_with(usb, "CAMERA_NOT_FOUND")
    (BOUND / "bind").write_text("vivid.0")
    ready(usb)
    asked_ns = time.monotonic_ns()
    assert grab(usb).exposed_ns > asked_ns
    usb.close()


def main() -> int:
    failed = 0
    for scene in (
        frames_are_newer_than_their_trigger,
        start_of_exposure_stamps_and_a_foreign_clock_are_no_danger,
        a_missing_camera_is_not_found,
        a_camera_held_by_another_process_names_it,
        a_stalled_camera_times_out_and_recovers,
        a_frozen_picture_is_refused_until_it_moves,
        another_size_than_asked_for_is_refused,
        settings_it_does_not_have_are_refused_and_others_applied,
        a_fatal_streaming_error_is_got_over,
        a_camera_opened_again_at_once_is_ours,
        an_unplugged_camera_fails_at_once_and_comes_back,
    ):
        say(scene.__name__.replace("_", " "))
        try:
            scene()
        except (AssertionError, Problem) as error:
            failed += 1
            say("    FAILED: " + "".join(traceback.format_exception(error)))
    say(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
