"""What every camera promises, tried on all kinds that need no hardware."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import cv2
import pytest

from node.cameras import CAMERAS, Camera, Request, make_camera
from node.cameras.synthetic import master
from schemas import CameraSettings, FolderCamera, Problem, SyntheticCamera, UsbCamera
from schemas.program import ProgramCamera

pytestmark = pytest.mark.slow

SECOND = 1_000_000_000
SHOWING = {
    "synthetic": lambda path: SyntheticCamera(),
    "folder by name": lambda path: FolderCamera(path=str(path)),
    "folder by part_id": lambda path: FolderCamera(path=str(path), order="part_id"),
    "folder newest": lambda path: FolderCamera(path=str(path), order="newest"),
}
ABSENT = {
    "folder": lambda path: FolderCamera(path="missing"),
    "usb": lambda path: UsbCamera(device="/dev/there-is-no-such-camera"),
    "usb by serial": lambda path: UsbCamera(serial="there is no such camera"),
}


def ask(after_ns: int | None = None, limit_s: float = 5.0, part_id: str = "part-1") -> Request:
    after_ns = time.monotonic_ns() if after_ns is None else after_ns
    return Request(after_ns, after_ns + round(limit_s * SECOND), part_id)


@pytest.fixture(params=SHOWING)
def camera(request, tmp_path: Path) -> Iterator[Camera]:
    """A camera that has something to show; a picture is written into the folder of `newest` again
    and again."""
    picture = cv2.imencode(".png", master(SyntheticCamera(width=320, height=240)))[1].tobytes()
    (tmp_path / "part-1.png").write_bytes(picture)
    (tmp_path / "part-2.png").write_bytes(picture)
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.03):
            (tmp_path / "part-1.png").write_bytes(picture)

    made = make_camera(SHOWING[request.param](tmp_path), tmp_path)
    writer = threading.Thread(target=write, daemon=True)
    if not made.simulated:
        writer.start()
    yield made
    made.close()
    done.set()
    if writer.is_alive():
        writer.join()


@pytest.fixture(params=ABSENT)
def absent(request, tmp_path: Path) -> Iterator[Camera]:
    made = make_camera(ABSENT[request.param](tmp_path), tmp_path)
    yield made
    made.close()


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(Problem) as raised:
        action()
    return raised.value.code


def test_every_kind_of_the_schema_has_a_driver():
    kinds = get_args(get_args(CameraSettings)[0])
    assert set(CAMERAS) == {get_args(kind.model_fields["kind"].annotation)[0] for kind in kinds}


def test_a_camera_names_only_settings_that_a_program_has(camera):
    assert set(camera.controls) <= set(ProgramCamera.model_fields)


def test_a_camera_that_is_not_open_tells_so_and_gives_no_frame(camera):
    assert camera.problem is not None
    assert code_of(lambda: camera.grab(ask())) == "CAMERA_NOT_FOUND"


def test_frames_are_newer_than_their_trigger_and_not_from_the_future(camera):
    camera.open()
    assert camera.problem is None
    before_ns = 0
    for _ in range(5):
        request = ask()
        frame = camera.grab(request)
        assert request.after_ns < frame.exposed_ns <= time.monotonic_ns() < request.deadline_ns
        assert frame.exposed_ns > before_ns
        assert abs(frame.taken_at_s - time.time()) < 2
        before_ns = frame.exposed_ns


def test_a_frame_of_later_is_waited_for(camera):
    camera.open()
    request = ask(time.monotonic_ns() + SECOND // 10)
    assert camera.grab(request).exposed_ns > request.after_ns


def test_a_deadline_before_the_exposure_is_a_timeout(camera):
    camera.open()
    began_ns = time.monotonic_ns()
    request = Request(began_ns + 10 * SECOND, began_ns + SECOND // 20, "part-1")
    assert code_of(lambda: camera.grab(request)) == "CAMERA_TIMEOUT"
    assert time.monotonic_ns() - began_ns < 5 * SECOND
    assert camera.problem is None


def test_pixels_are_read_only_bgr(camera):
    camera.open()
    frame = camera.grab(ask())
    assert frame.pixels.shape == (frame.height, frame.width, 3)
    with pytest.raises(ValueError, match="read-only"):
        frame.pixels[0, 0] = 0


def test_what_is_simulated_says_so(camera):
    camera.open()
    assert camera.grab(ask()).simulated is camera.simulated


def test_a_closed_camera_can_be_closed_and_opened_again(camera):
    camera.open()
    camera.open()
    camera.close()
    camera.close()
    assert code_of(lambda: camera.grab(ask())) == "CAMERA_NOT_FOUND"
    camera.open()
    assert camera.grab(ask()).width >= 320


def test_an_absent_camera_is_not_found(absent):
    with contextlib.suppress(Problem):  # a driver may leave the opening to its thread
        absent.open()
    assert absent.problem is not None
    assert absent.problem.code == "CAMERA_NOT_FOUND"
    assert code_of(lambda: absent.grab(ask())) == "CAMERA_NOT_FOUND"
    absent.close()
    absent.close()
