"""Acquire: what is refused although the camera gave a frame."""

import time
from pathlib import Path

import numpy as np
import pytest

from node.acquire import acquire
from node.cameras import Request, make_camera
from node.cameras.synthetic import master, truth
from node.frame import Frame
from node.quality import check
from schemas import Problem, QualityLimits, SyntheticCamera

LIMITS = QualityLimits()


class Liar:
    """A driver that hands out a frame from a second ago."""

    simulated = True
    controls = ()
    problem = None

    def open(self) -> None: ...

    def close(self) -> None: ...

    def grab(self, request: Request) -> Frame:
        return Frame(master(SyntheticCamera()), request.after_ns - 10**9, 1.0, "liar", True)


def ask() -> Request:
    now_ns = time.monotonic_ns()
    return Request(now_ns, now_ns + 10**10)


def line() -> object:
    camera = make_camera(SyntheticCamera(), Path())
    camera.open()
    return camera


def test_a_good_frame_comes_and_its_quality_is_within_the_limits():
    frame = acquire(line(), ask(), (640, 480))
    assert (frame.width, frame.height) == (640, 480)
    quality = check(frame, LIMITS)
    assert LIMITS.brightness_low < quality.brightness < LIMITS.brightness_high
    assert quality.sharpness > LIMITS.sharpness_low


def test_without_a_master_any_size_is_taken():
    assert acquire(line(), ask(), None).width == 640


def test_a_frame_older_than_its_trigger_is_refused_whatever_the_driver_says():
    with pytest.raises(Problem, match=r"CAMERA_ERROR.*older than its trigger"):
        acquire(Liar(), ask(), None)


def test_another_size_than_the_masters_is_refused():
    with pytest.raises(Problem, match=r"IMAGE_SIZE.*640 x 480.*480 x 640"):
        acquire(line(), ask(), (480, 640))


def test_every_drawn_part_and_the_empty_belt_pass_the_gate():
    camera, settings = line(), SyntheticCamera()
    numbers = {truth(settings, n).defect: n for n in range(1, 200)}
    for number in numbers.values():
        now_ns = time.monotonic_ns()
        check(acquire(camera, Request(now_ns, now_ns + 10**10, f"part-{number}"), None), LIMITS)
    assert (
        np.count_nonzero([truth(settings, n).defect == "part_missing" for n in numbers.values()])
        == 1
    )
