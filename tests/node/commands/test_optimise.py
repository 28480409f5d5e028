"""Optimise: the drawn line is made dark or burnt out, and the light comes back."""

import time
from pathlib import Path

import pytest

from node.cameras import Camera, Request
from node.cameras.folder import PictureFolder
from node.cameras.one_at_a_time import OneAtATime
from node.cameras.synthetic import SyntheticLine
from node.commands.optimise import optimise
from node.frame import Frame
from node.quality import measure
from schemas import FolderCamera, Problem, SyntheticCamera
from schemas.program import ProgramCamera


class Counting(SyntheticLine):
    """The drawn line without defects, which counts the pictures it has given and refuses gains
    above `most_gain`."""

    def __init__(self, most_gain: float = 1000.0) -> None:
        super().__init__(SyntheticCamera(defect_rate=0.0), Path())
        self.asked: list[ProgramCamera] = []
        self._most_gain = most_gain
        self.open()

    def grab(self, request: Request) -> Frame:
        self.asked.append(request.camera)
        if (request.camera.gain or 0) > self._most_gain:
            raise Problem("CAMERA_ERROR", "it does not take that gain")
        return super().grab(request)


def search(camera: Camera, **start: object) -> tuple[Frame, ProgramCamera]:
    return optimise(OneAtATime(camera), ProgramCamera.model_validate(start), timeout_ms=2000)


@pytest.mark.parametrize("exposure_ms", [0.1, 1.0, 5.0, 20.0, 200.0])
def test_from_any_exposure_the_picture_becomes_light_and_is_not_burnt_out(
    exposure_ms: float,
) -> None:
    camera = Counting()
    frame, found = search(camera, exposure_ms=exposure_ms)
    assert measure(frame).clipped < 0.005
    # at which the parts are as light as drawn
    assert found.exposure_ms == pytest.approx(5.0, rel=0.25)
    assert len(camera.asked) <= 8


def test_gain_helps_only_where_the_longest_exposure_is_too_dark() -> None:
    camera = Counting()
    frame, found = optimise(
        OneAtATime(camera), ProgramCamera(exposure_ms=1.0), timeout_ms=2000, most_ms=2.0
    )
    assert found.exposure_ms == 2.0
    assert found.gain == pytest.approx(2.5, rel=0.25)
    assert measure(frame).clipped < 0.005
    _, found = search(Counting(), exposure_ms=5.0, gain=8.0)
    assert found.gain == 1.0


def test_a_setting_that_the_camera_refuses_ends_the_search_with_the_best_so_far() -> None:
    camera = Counting(most_gain=1.0)
    _, found = optimise(
        OneAtATime(camera), ProgramCamera(exposure_ms=1.0), timeout_ms=2000, most_ms=2.0
    )
    assert (found.exposure_ms, found.gain) == (2.0, None)


def test_a_camera_that_takes_no_settings_says_so(tmp_path: Path) -> None:
    folder = PictureFolder(FolderCamera(path=str(tmp_path)), tmp_path)
    with pytest.raises(Problem, match=r"CAMERA_ERROR.*neither exposure nor gain"):
        search(folder)


def test_the_mode_stays() -> None:
    _, found = search(Counting(), mode="high_gain")
    assert found.mode == "high_gain"
    assert found.exposure_ms == pytest.approx(2.5, rel=0.25)


def test_exposure_gain_and_mode_change_the_drawn_light() -> None:
    def brightness(**asked: object) -> float:
        now_ns = time.monotonic_ns()
        request = Request(now_ns, now_ns + 10**10, "part-1", ProgramCamera.model_validate(asked))
        return measure(Counting().grab(request)).brightness

    plain = brightness()
    assert brightness(exposure_ms=5.0) == pytest.approx(plain)
    assert brightness(exposure_ms=2.5) == pytest.approx(plain / 2, rel=0.02)
    assert brightness(exposure_ms=2.5, gain=2.0) == pytest.approx(plain, rel=0.02)
    assert brightness(exposure_ms=2.5, mode="high_gain") == pytest.approx(plain, rel=0.02)
    assert brightness(mode="hdr") > plain
