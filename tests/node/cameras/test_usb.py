"""The USB camera without hardware: names, holders, frozen pictures. tests/rig/camera_rig.py tries
it on a kernel."""

import os
import time
from itertools import count, repeat
from pathlib import Path

import cv2
import numpy as np
import pytest

from node.cameras import Request
from node.cameras.usb import Usb, _Clock, _Looks, by_serial, holding
from node.pictures.decode import decode
from schemas import Problem, UsbCamera

pytestmark = pytest.mark.slow

MS = 1_000_000


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """Two USB cameras, each with a picture and a metadata node; the bus has a serial of its own."""
    nodes = tmp_path / "class"
    nodes.mkdir()
    (tmp_path / "usb1").mkdir()
    (tmp_path / "usb1" / "serial").write_text("0000:00:14.0\n")
    for port, serial, names in (
        ("1-1", "AAA", ("video10", "video11")),
        ("1-2", "BBB", ("video2", "video3")),
    ):
        interface = tmp_path / "usb1" / port / f"{port}:1.0"
        interface.mkdir(parents=True)
        (interface.parent / "serial").write_text(f"{serial}\n")
        for name in names:
            (nodes / name).mkdir()
            (nodes / name / "device").symlink_to(interface)
    return nodes


def test_a_serial_number_leads_to_the_first_node_of_its_camera(sysfs):
    assert by_serial("AAA", sysfs) == Path("/dev/video10")
    assert by_serial("BBB", sysfs) == Path("/dev/video2")


def test_an_unknown_serial_number_leads_nowhere_and_the_bus_is_no_camera(sysfs):
    assert by_serial("CCC", sysfs) is None
    assert by_serial("0000:00:14.0", sysfs) is None
    assert by_serial("AAA", sysfs / "none") is None


def test_who_holds_a_file_is_named(tmp_path):
    path = tmp_path / "device"
    path.touch()
    assert list(holding(path)) == []
    with path.open():
        assert [text.endswith(f"(pid {os.getpid()})") for text in holding(path)] == [True]


def test_a_file_that_is_no_camera_is_an_error():
    usb = Usb(UsbCamera(device="/dev/full"), Path())
    usb.open()
    until_s = time.monotonic() + 10
    while usb.problem is None or "being opened" in usb.problem.message:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    assert usb.problem.code == "CAMERA_ERROR"
    assert usb.beat_ns > 0
    usb.close()


def test_pictures_that_repeat_are_told_after_so_many_and_forgiven_when_they_change():
    looks = _Looks(UsbCamera(device="/dev/video0", frozen_frames=3), "cam")
    one, two = (np.full((480, 640, 3), level, np.uint8) for level in (101, 102))
    told = [looks.at(pixels) for pixels in (one, one, one, one, one, two, two, one)]
    assert [problem and problem.code for problem in told] == [
        None,
        None,
        None,
        *["FRAME_FROZEN"] * 2,
        None,
        None,
        None,
    ]
    assert looks.repeated == 0


def test_frozen_pictures_pass_if_the_check_is_off():
    looks = _Looks(UsbCamera(device="/dev/video0", frozen_frames=0), "cam")
    assert {looks.at(np.zeros((480, 640, 3), np.uint8)) for _ in range(20)} == {None}


def test_noise_in_a_few_pixels_is_a_live_picture():
    looks = _Looks(UsbCamera(device="/dev/video0", frozen_frames=1), "cam")
    dice = np.random.default_rng(1)
    for _ in range(50):
        pixels = np.full((480, 640, 3), 128, np.uint8)
        pixels[dice.random(pixels.shape) < 0.001] += 1
        assert looks.at(pixels) is None


def test_another_size_than_asked_for_is_told():
    problem = _Looks(UsbCamera(device="/dev/video0"), "cam").at(np.zeros((240, 320, 3), np.uint8))
    assert problem is not None
    assert problem.code == "IMAGE_SIZE"


class Stamps:
    """What the clock asks OpenCV's capture for: its frame rate, its buffers and the stamp of the
    newest frame."""

    def __init__(self) -> None:
        self.stamp_ns = 0

    def get(self, wish: int) -> float:
        return {0: self.stamp_ns / MS, 5: 25.0}.get(wish, 3.0)


def test_a_frame_began_a_period_before_its_stamp_and_after_the_frame_before():
    stamps = Stamps()
    clock = _Clock(stamps, 30.0)
    now_ns = stamps.stamp_ns = time.monotonic_ns() - 5 * MS
    assert clock.exposed_ns(stamps) == pytest.approx(now_ns - 40 * MS, abs=1000)
    stamps.stamp_ns = time.monotonic_ns()
    stamps.stamp_ns -= 1 * MS
    assert clock.exposed_ns(stamps) <= stamps.stamp_ns - 40 * MS
    late_ns = now_ns - 300 * MS
    clock = _Clock(stamps, 30.0)
    stamps.stamp_ns = late_ns
    clock.exposed_ns(stamps)
    stamps.stamp_ns = now_ns  # frames were lost in between: the exposure may have been long
    assert clock.exposed_ns(stamps) == pytest.approx(late_ns, abs=1000)


@pytest.mark.parametrize(
    "stamp_ns", [0, 10**18, time.time_ns()], ids=["zero", "far ahead", "wall clock"]
)
def test_a_stamp_of_another_clock_is_not_believed(stamp_ns):
    stamps = Stamps()
    clock = _Clock(stamps, 30.0)
    stamps.stamp_ns = stamp_ns
    begun = [clock.begin() for _ in range(6)]
    # three buffers: this one was empty two reads ago
    assert clock.exposed_ns(stamps) == begun[-3] - 40 * MS


def test_a_stamp_in_the_near_future_is_cut_to_its_arrival():
    stamps = Stamps()
    clock = _Clock(stamps, 30.0)
    stamps.stamp_ns = time.monotonic_ns() + 200 * MS
    assert clock.exposed_ns(stamps) <= time.monotonic_ns() - 40 * MS


class Capture:
    """OpenCV's capture of a camera that sends motion JPEG or pixels: a frame every few ms, chosen
    by the test."""

    def __init__(self, frames) -> None:
        self.frames = iter(frames)
        self.raw = None

    def grab(self) -> bool:
        time.sleep(0.005)
        self.raw = next(self.frames)
        return True

    def retrieve(self):
        return True, self.raw

    def get(self, wish: int) -> float:
        return time.monotonic() * 1000 if wish == cv2.CAP_PROP_POS_MSEC else 500.0

    def set(self, _wish: int, _value: float) -> bool:
        return True


def usb_with(frames, monkeypatch: pytest.MonkeyPatch) -> Usb:
    """A camera whose device brings these frames."""
    usb = Usb(UsbCamera(device="/dev/video0", frozen_frames=2), Path())
    monkeypatch.setattr(usb, "_open", lambda _capture: None)
    capture = Capture(frames)
    drain = usb._drain
    monkeypatch.setattr(usb, "_drain", lambda _capture, stop: drain(capture, stop))
    usb.open()
    return usb


def grabbed(usb: Usb, limit_ms: int = 3000):
    now_ns = time.monotonic_ns()
    return usb.grab(Request(now_ns, now_ns + limit_ms * MS))


def part(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(90, 110, (480, 640, 3), np.uint8)


def row(pixels: np.ndarray, damaged: bool = False) -> np.ndarray:
    """A frame of motion JPEG as OpenCV gives it unconverted."""
    data = cv2.imencode(".jpg", pixels)[1].tobytes()
    if damaged:
        data = data[: len(data) // 2] + data[len(data) // 2 + 700 :]
    return np.frombuffer(data, np.uint8)[None]


def opened(usb: Usb) -> None:
    until_s = time.monotonic() + 10
    while usb.problem is not None and time.monotonic() < until_s:
        time.sleep(0.005)


def test_a_damaged_frame_of_motion_jpeg_is_passed_over(monkeypatch):
    whole = [row(part(seed)) for seed in range(4)]
    broken = row(part(9), damaged=True)
    usb = usb_with(
        (frame for _ in count() for frame in (*whole[:2], broken, *whole[2:], broken)), monkeypatch
    )
    opened(usb)
    truths = [decode(data.tobytes()) for data in whole]
    for _ in range(6):
        pixels = grabbed(usb).pixels
        assert any(np.array_equal(pixels, truth) for truth in truths)
    usb.close()


def test_a_camera_all_of_whose_frames_are_damaged_says_so(monkeypatch):
    usb = usb_with(repeat(row(part(1), damaged=True)), monkeypatch)
    until_s = time.monotonic() + 10
    while usb.problem is None or usb.problem.code != "IMAGE_INVALID":
        assert time.monotonic() < until_s
        time.sleep(0.01)
    with pytest.raises(Problem, match="IMAGE_INVALID"):
        grabbed(usb)
    usb.close()


def test_between_the_flashes_of_a_lamp_the_picture_is_not_frozen_and_a_trigger_gets_the_lit_frame(
    monkeypatch,
):
    dark = np.zeros((480, 640, 3), np.uint8)
    usb = usb_with((part(number) if number % 40 == 39 else dark for number in count()), monkeypatch)
    opened(usb)
    for _ in range(5):
        assert usb.problem is None
        assert grabbed(usb).gray.mean() > 80
    usb.close()


def test_a_lamp_that_has_failed_gives_a_dark_frame_at_the_deadline(monkeypatch):
    usb = usb_with(repeat(np.zeros((480, 640, 3), np.uint8)), monkeypatch)
    opened(usb)
    frame = grabbed(usb, limit_ms=300)
    assert frame.gray.max() == 0  # what the quality gate calls too dark
    usb.close()


def test_a_lit_picture_that_repeats_is_still_frozen(monkeypatch):
    usb = usb_with(repeat(part(1)), monkeypatch)
    until_s = time.monotonic() + 10
    while usb.problem is None or usb.problem.code != "FRAME_FROZEN":
        assert time.monotonic() < until_s
        time.sleep(0.01)
    usb.close()
