"""Damaged JPEGs: what was lost on the way is never shown as if it were the part, and whole ones of
all kinds stay readable."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from node.pictures.decode import decode
from schemas import Problem
from tests.rooms.pictures.scenes import Scene

pytestmark = pytest.mark.slow

PART = (
    Scene.plain(640, 480, (200.0, 205.0, 210.0))
    .part(60, 60)
    .disc(430, 400, 14, (25.0, 25.0, 25.0))
    .pixels(3)
)
LAYOUTS = {
    "plain": (),
    "its own tables": (cv2.IMWRITE_JPEG_OPTIMIZE, 1),
    "restarts": (cv2.IMWRITE_JPEG_RST_INTERVAL, 40),
    "not subsampled": (cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
}


def jpeg(quality: int = 90, *more: int, pixels: np.ndarray = PART) -> bytes:
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality, *more])[1].tobytes()


def scan_of(data: bytes) -> int:
    """Where the entropy-coded data begin."""
    at = data.index(b"\xff\xda")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def refused(data: bytes) -> bool:
    try:
        decode(data)
    except Problem as problem:
        return problem.code == "IMAGE_INVALID"
    return False


@pytest.mark.parametrize("quality", [15, 50, 75, 90, 100])
@pytest.mark.parametrize(
    "more", [*LAYOUTS.values(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)], ids=[*LAYOUTS, "progressive"]
)
def test_whole_jpegs_are_read_as_opencv_reads_them(quality, more):
    for pixels in (
        PART,
        PART[:, :, 0],
        np.full((96, 128, 3), 200, np.uint8),
        np.zeros((480, 640), np.uint8),
    ):
        data = jpeg(quality, *more, pixels=np.ascontiguousarray(pixels))
        assert np.array_equal(
            decode(data), cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        )
        assert np.array_equal(decode(data + bytes(500) + b"more"), decode(data))


def drop(data: bytearray, at: int, dice: np.random.Generator) -> None:
    del data[at : at + int(dice.integers(400, 1500))]


def end(data: bytearray, at: int, _dice: np.random.Generator) -> None:
    data[at:] = b"\xff\xd9"


def blank(data: bytearray, at: int, dice: np.random.Generator) -> None:
    length = int(dice.integers(64, 1024))
    data[at : at + length] = bytes(length)


def repeat(data: bytearray, at: int, _dice: np.random.Generator) -> None:
    data[at:at] = data[at - 512 : at]


@pytest.mark.parametrize("damage", [drop, end, blank, repeat])
@pytest.mark.parametrize("more", LAYOUTS.values(), ids=LAYOUTS)
def test_each_of_a_hundred_damages_is_refused(damage: Callable[..., None], more):
    dice = np.random.default_rng(3)
    data = jpeg(90, *more)
    first = scan_of(data) + len(data) // 10
    for _ in range(100):
        broken = bytearray(data)
        damage(broken, int(dice.integers(first, len(data) - 2000)), dice)
        assert refused(bytes(broken))


def test_a_gap_of_zeros_is_refused_at_any_quality_and_in_photos():
    photo = cv2.imread("tests/data/board.jpg")
    dice = np.random.default_rng(4)
    for quality in (15, 50, 90, 100):
        for more in LAYOUTS.values():
            data = jpeg(quality, *more, pixels=photo)
            for _ in range(10):
                broken = bytearray(data)
                blank(broken, int(dice.integers(scan_of(data), len(data) - 1100)), dice)
                assert refused(bytes(broken))


def test_of_two_jpegs_in_one_file_the_first_must_be_whole():
    one, other = jpeg(), jpeg(95)
    assert np.array_equal(decode(one + other), decode(one))
    for cut in (10, 500, 3000):
        assert refused(one[:-cut] + other)


def test_a_restart_marker_in_the_wrong_order_is_refused():
    data = bytearray(jpeg(90, *LAYOUTS["restarts"]))
    at = data.index(b"\xff\xd3", scan_of(bytes(data)))
    data[at + 1] = 0xD6
    assert refused(bytes(data))


def test_motion_jpeg_without_its_tables_is_read():
    data = jpeg(80)
    while (at := data.find(b"\xff\xc4")) >= 0:  # cameras leave the standard ones out
        data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    assert np.array_equal(decode(data), decode(jpeg(80)))
