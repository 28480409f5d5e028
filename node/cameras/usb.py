"""A USB or other V4L2 camera, by device path or by USB serial number.

One daemon thread owns the device. It opens it, always drains it, so that the driver's queue never
holds an old frame, and opens it again after a loss; grab() only waits for what the thread brings.
Whether a frame is newer than its trigger is decided by the driver's time stamp, which may be that
of the frame's end: its exposure began no earlier than one frame period, and no earlier than the
frame before, ahead of the stamp. A stamp that is not of the monotonic clock is not believed; then
only a frame counts whose buffer was empty after the trigger. Frames are decoded when somebody waits
for one, and a few times a second to see whether the picture still changes. Motion JPEG is taken
from the driver as it is and decoded strictly (node/pictures/jpeg.py): OpenCV shows a frame that
lost a packet as if it were whole.

Where a lamp flashes for each part, the frames between are dark and all alike: a frame darker than
the quality gate allows is neither evidence of a frozen picture nor what a trigger waits for, unless
no lighter one comes in time.

One file: a camera is one file a kind; what drivers do wrong is met where it happens.
"""

import atexit
import logging
import os
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from node.cameras import Request
from node.frame import Frame, Pixels
from node.pictures.decode import decode
from schemas import Problem, UsbCamera
from schemas.program import ProgramCamera

log = logging.getLogger(__name__)

REOPEN_S = 2.0
CLOSE_S = 3.0
BUFFERS = 3
MOST_FAILURES = 3  # of reads, in a row
LOOK_NS = 200_000_000
STALLED_NS = 500_000_000  # a read that fails so late waited for a frame; the device itself is there
# a stamp further from its arrival is of another clock, or of a driver that guesses
BELIEVED_NS = 2_000_000_000
SETTLE_FRAMES = 2  # a sensor shows new settings in the frame after the one that is being exposed
# V4L2_EXPOSURE_MANUAL; V4L2_CID_EXPOSURE_ABSOLUTE is in 100 us
MANUAL_EXPOSURE, EXPOSURE_UNIT_MS = 1, 0.1
MOTION_JPEG = {cv2.VideoWriter.fourcc(*name) for name in ("MJPG", "JPEG")}
SYSFS = Path("/sys/class/video4linux")

# OpenCV waits this long (s) for a frame before a read fails; 10 by default, and read once
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "1")


class Usb:
    """The camera. `beat_ns` is the monotonic time of the thread's last turn: older than 15 s means
    it hangs."""

    simulated = False
    controls = ("exposure_ms", "gain")

    def __init__(self, settings: UsbCamera, _folder: Path) -> None:
        self._settings = settings
        self._name = settings.device or f"camera {settings.serial}"
        self._state = threading.Condition()
        self._problem: Problem | None = Problem("CAMERA_NOT_FOUND", "the camera is not open")
        self._newest: Frame | None = None
        self._dark: Frame | None = None  # the newest one that no lamp lit
        self._damaged: Problem | None = None  # the newest frame since somebody began to wait
        self._wanted_ns: int | None = None  # what grab() waits for: a frame exposed after this
        self._asked = ProgramCamera()
        self._refused: tuple[ProgramCamera, Problem] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.beat_ns = time.monotonic_ns()

    @property
    def problem(self) -> Problem | None:
        """Why there is no frame, until frames come again."""
        if self._thread is not None and not self._thread.is_alive():
            return Problem("CAMERA_ERROR", f"the thread of {self._name} has ended")
        return self._problem

    def open(self) -> None:
        """Start the thread, if it does not run; it opens the device and tells by `problem`."""
        if self._thread is None or not self._thread.is_alive():
            self._stop = threading.Event()
            self._tell(Problem("CAMERA_NOT_FOUND", f"{self._name} is being opened"), self._stop)
            thread = threading.Thread(
                target=self._run, args=(self._stop,), name="usb-camera", daemon=True
            )
            thread.start()
            self._thread = thread
            # a thread that Python ends inside of OpenCV aborts the process
            atexit.register(self.close)

    def grab(self, request: Request) -> Frame:
        """The first whole, lit frame that surely was exposed after the trigger; at the deadline a
        dark one if none is lit.

        Raises Problem CAMERA_NOT_FOUND, CAMERA_BUSY (naming who holds it), CAMERA_ERROR (lost, or a
        setting that it does not take), FRAME_FROZEN or IMAGE_SIZE at once, IMAGE_INVALID if several
        frames in a row are damaged; at the deadline IMAGE_INVALID if the last one was, else
        CAMERA_TIMEOUT, which also tells that it has stalled.
        """
        with self._state:
            if request.camera != self._asked:
                self._asked, self._newest, self._dark = request.camera, None, None
            self._damaged, self._wanted_ns = None, request.after_ns
            try:
                while True:
                    problem = self.problem
                    if self._refused is not None and self._refused[0] == request.camera:
                        problem = problem or self._refused[1]
                    if problem is not None:
                        raise problem.with_traceback(None)  # else it grows each time it is raised
                    if self._newest is not None and self._newest.exposed_ns > request.after_ns:
                        return self._newest
                    left_s = (request.deadline_ns - time.monotonic_ns()) / 1e9
                    if left_s <= 0:
                        if self._dark is not None and self._dark.exposed_ns > request.after_ns:
                            return self._dark
                        raise self._damaged or Problem("CAMERA_TIMEOUT", self._name)
                    self._state.wait(left_s)
            finally:
                self._wanted_ns = None

    def close(self) -> None:
        """Let the device go, within the time-out of a read; a thread that hangs in the driver is
        left behind."""
        with self._state:
            self._tell(Problem("CAMERA_NOT_FOUND", "the camera is not open"), self._stop)
            self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(CLOSE_S)
            atexit.unregister(self.close)

    def _tell(self, problem: Problem, stop: threading.Event) -> None:
        """There are no frames, because of this, unless the camera was closed meanwhile."""
        with self._state:
            if not stop.is_set():
                self._problem, self._newest, self._dark = problem, None, None
                self._state.notify_all()

    def _show(self, frame: Frame, lit: bool, applied: ProgramCamera, stop: threading.Event) -> None:
        """A new frame, unless the camera was closed meanwhile or other settings are asked of it."""
        with self._state:
            if not stop.is_set() and self._asked == applied:
                self._problem = None
                if lit:
                    self._newest = frame
                else:
                    self._dark = frame
                self._state.notify_all()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.beat_ns = time.monotonic_ns()
            capture = cv2.VideoCapture()
            try:
                self._open(capture)
                self._drain(capture, stop)
            except (Problem, cv2.error, OSError) as error:
                problem = (
                    error
                    if isinstance(error, Problem)
                    else Problem("CAMERA_ERROR", f"{self._name}: {error}")
                )
                if self._problem is None or self._problem.code != problem.code:
                    log.warning("%s", problem.message)
                self._tell(problem.with_traceback(None), stop)
            finally:
                capture.release()
            self.beat_ns = time.monotonic_ns()
            stop.wait(REOPEN_S)

    def _open(self, capture: cv2.VideoCapture) -> None:
        """Open and set up the device. Raises Problem CAMERA_NOT_FOUND, CAMERA_BUSY, CAMERA_ERROR,
        CAMERA_TIMEOUT."""
        settings = self._settings
        device = Path(settings.device) if settings.device else by_serial(settings.serial or "")
        if device is None or not device.exists():
            raise Problem("CAMERA_NOT_FOUND", self._name)
        device = device.resolve()
        if not os.access(device, os.R_OK | os.W_OK):
            raise Problem("CAMERA_ERROR", f"no permission to use {device}")
        if not capture.open(str(device), cv2.CAP_V4L2):
            holders = ", ".join(islice(holding(device), 3))
            if holders:
                raise Problem("CAMERA_BUSY", f"{device} is held by {holders}")
            raise Problem("CAMERA_ERROR", f"{device} cannot be opened")
        if settings.fourcc and not capture.set(
            cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*settings.fourcc)
        ):
            raise Problem("CAMERA_ERROR", f"{device} does not give {settings.fourcc}")
        for wish, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, settings.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, settings.height),
            (cv2.CAP_PROP_FPS, settings.fps),
            (cv2.CAP_PROP_BUFFERSIZE, BUFFERS),
        ):
            capture.set(wish, value)  # the frames show what came of it
        if round(capture.get(cv2.CAP_PROP_FOURCC)) in MOTION_JPEG:
            # the driver's bytes, not what OpenCV makes of them
            capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)
        for _ in range(MOST_FAILURES):  # some cameras take seconds to their first frame
            began_ns = time.monotonic_ns()
            if capture.grab():
                return
            # OpenCV calls a device opened that it could not set up
            if time.monotonic_ns() - began_ns < STALLED_NS:
                raise Problem("CAMERA_ERROR", f"{device} cannot be set up")
        raise Problem("CAMERA_TIMEOUT", f"{device} gives no frame")

    def _drain(self, capture: cv2.VideoCapture, stop: threading.Event) -> None:
        """Read until stopped. Raises Problem CAMERA_ERROR when the device is lost, CAMERA_TIMEOUT
        when it stalls."""
        looks = _Looks(self._settings, self._name)
        clock = _Clock(capture, self._settings.fps)
        applied = ProgramCamera()
        settled_ns = failures = damaged = 0
        while not stop.is_set():
            self.beat_ns = time.monotonic_ns()
            asked, wanted_ns = self._asked, self._wanted_ns
            if asked != applied:
                refused = self._apply(capture, asked)
                self._refused = None if refused is None else (asked, refused)
                applied, settled_ns = asked, time.monotonic_ns() + SETTLE_FRAMES * clock.period_ns
            began_ns = clock.begin()
            if not capture.grab():
                failures += 1
                if failures >= MOST_FAILURES:
                    if time.monotonic_ns() - began_ns > STALLED_NS:
                        raise Problem("CAMERA_TIMEOUT", f"{self._name} gives no more frames")
                    raise Problem("CAMERA_ERROR", f"{self._name} is lost")
                stop.wait(0.01)  # a lost device fails at once
                continue
            failures = 0
            exposed_ns = clock.exposed_ns(capture)
            settled = exposed_ns > settled_ns
            wanted = settled and wanted_ns is not None and exposed_ns > wanted_ns
            if not wanted and not looks.due():
                continue
            read, raw = capture.retrieve()
            if not read:
                continue
            try:
                pixels = _decoded(raw)
            except Problem as problem:
                self._damaged = Problem("IMAGE_INVALID", f"{self._name}: {problem.message}")
                damaged += 1
                if damaged >= MOST_FAILURES:
                    self._tell(self._damaged, stop)
                continue
            damaged, self._damaged = 0, None
            fault = looks.at(pixels)
            if fault is not None:
                self._tell(fault, stop)
            elif settled and looks.repeated == 0:
                taken_at_s = time.time() - (time.monotonic_ns() - exposed_ns) / 1e9
                self._show(
                    Frame(pixels, exposed_ns, taken_at_s, f"usb:{self._name}", False),
                    looks.lit,
                    applied,
                    stop,
                )

    def _apply(self, capture: cv2.VideoCapture, asked: ProgramCamera) -> Problem | None:
        """Set exposure and gain; the problem if the camera does not take them."""
        if asked.mode != "normal":
            return Problem("CAMERA_ERROR", f"{self._name} has no mode {asked.mode}")
        if asked.exposure_ms is not None:
            capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, MANUAL_EXPOSURE)
            # -1: it knows no other
            manual = capture.get(cv2.CAP_PROP_AUTO_EXPOSURE) in (MANUAL_EXPOSURE, -1)
            if not (
                manual
                and _takes(capture, cv2.CAP_PROP_EXPOSURE, asked.exposure_ms / EXPOSURE_UNIT_MS)
            ):
                return Problem(
                    "CAMERA_ERROR",
                    f"{self._name} does not take an exposure of {asked.exposure_ms:g} ms",
                )
        if asked.gain is not None and not _takes(capture, cv2.CAP_PROP_GAIN, asked.gain):
            return Problem("CAMERA_ERROR", f"{self._name} does not take a gain of {asked.gain:g}")
        return None


def _takes(capture: cv2.VideoCapture, wish: int, value: float) -> bool:
    """Set a value and read it back: V4L2 clamps what is out of range without a word."""
    return capture.set(wish, max(0, round(value))) and abs(capture.get(wish) - value) <= max(
        1.0, 0.1 * value
    )


def _decoded(raw: Pixels) -> Pixels:
    """The frame; raw is that already, or one row of the driver's bytes. Raises Problem
    IMAGE_INVALID."""
    return decode(raw.tobytes()) if raw.size == max(raw.shape) else raw


class _Clock:
    """When a frame was exposed at the earliest: see the head of this file."""

    def __init__(self, capture: cv2.VideoCapture, fps: float) -> None:
        told = capture.get(cv2.CAP_PROP_FPS)
        self.period_ns = round(1e9 / (told if 0 < told <= 1000 else fps))
        self._begun = deque(
            [time.monotonic_ns()], maxlen=max(1, round(capture.get(cv2.CAP_PROP_BUFFERSIZE)))
        )
        self._before_ns: int | None = None

    def begin(self) -> int:
        """A read begins, which gives the buffer of the frame before to the driver: now."""
        self._begun.append(time.monotonic_ns())
        return self._begun[-1]

    def exposed_ns(self, capture: cv2.VideoCapture) -> int:
        """For the frame just read, monotonic."""
        arrived_ns = time.monotonic_ns()
        stamp_ns = round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)
        if abs(arrived_ns - stamp_ns) >= BELIEVED_NS:
            self._before_ns = None
            # _begun[0]: when this frame's buffer was given to the driver
            return self._begun[0] - self.period_ns
        exposed_ns = min(stamp_ns, arrived_ns) - self.period_ns
        if self._before_ns is not None:
            exposed_ns = min(exposed_ns, self._before_ns)
        self._before_ns = stamp_ns
        return exposed_ns


class _Looks:
    """Tells frames that repeat, or have another size than asked for.

    `repeated`: how often the newest one was seen before. `lit`: whether it is as light as the
    quality gate asks for.
    """

    def __init__(self, settings: UsbCamera, name: str) -> None:
        self._settings = settings
        self._name = name
        self._mark: int | None = None
        self._last_ns = 0
        self.repeated = 0
        self.lit = True

    def due(self) -> bool:
        """Whether it is time to look at a frame that no request waits for."""
        return time.monotonic_ns() - self._last_ns >= LOOK_NS

    def at(self, pixels: Pixels) -> Problem | None:
        """What is wrong with this frame, if anything."""
        self._last_ns = time.monotonic_ns()
        height, width = pixels.shape[:2]
        if (width, height) != (self._settings.width, self._settings.height):
            asked = f"{self._settings.width} x {self._settings.height}"
            return Problem(
                "IMAGE_SIZE",
                f"{self._name} gives {width} x {height} px, {asked} px were asked of it",
            )
        self.lit = float(np.mean(pixels[::8, ::8])) >= self._settings.quality.brightness_low
        if not self.lit:
            self._mark, self.repeated = None, 0  # without light, all pictures are alike
        elif self._settings.frozen_frames:
            # noise alone makes each picture of a live sensor differ here
            mark = zlib.crc32(pixels[::8].tobytes())
            self.repeated = self.repeated + 1 if mark == self._mark else 0
            self._mark = mark
            if self.repeated >= self._settings.frozen_frames:
                return Problem(
                    "FRAME_FROZEN", f"{self._name} gave the same picture {self.repeated + 1} times"
                )
        return None


def by_serial(serial: str, sysfs: Path = SYSFS) -> Path | None:
    """The device file of the first video node of the USB device with that serial number, None if it
    is not there."""
    for node in sorted(sysfs.glob("video*"), key=lambda path: (len(path.name), path.name)):
        place = (node / "device").resolve()
        for folder in (place, *place.parents):
            serial_at = folder / "serial"
            if serial_at.is_file():
                if serial_at.read_text(errors="replace").strip() == serial:
                    return Path("/dev") / node.name
                break
    return None


def holding(device: Path, proc: Path = Path("/proc")) -> Iterator[str]:
    """Processes that have the device open, as `name (pid N)`; those of other users only if we may
    look."""
    for folder in proc.glob("[0-9]*"):
        try:
            if any(file.readlink() == device for file in (folder / "fd").iterdir()):
                yield f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
        except OSError:
            continue  # it has ended, or is not ours to look at
