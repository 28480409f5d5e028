"""Pictures that were sent before: known by the hash of what came, up to a limit, for a while."""

import base64
import hashlib

import numpy as np
import pytest

from node.commands.given_pictures import KEPT_S, GivenPictures
from node.frame import Pixels
from schemas import Problem


class Decoding:
    """Every file is a plain gray picture; calls are counted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, data: bytes) -> Pixels:
        self.count += 1
        return np.full((100, 100), data[0], np.uint8)


def encoded(number: int) -> str:
    return base64.b64encode(bytes([number])).decode()


def digest(number: int) -> str:
    return hashlib.sha256(bytes([number])).hexdigest()


def test_a_picture_is_decoded_once_and_known_by_the_hash_of_its_file() -> None:
    kept, decode = GivenPictures(), Decoding()
    first = kept.take(encoded(7), None, decode)
    assert first is not None
    assert first.digest == digest(7)
    assert kept.take(None, digest(7), decode) is first
    assert kept.take(encoded(7), None, decode) is first
    assert decode.count == 1
    assert kept.take(None, None, decode) is None


def test_a_hash_that_never_came_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        GivenPictures().take(None, digest(1), Decoding())
    assert refused.value.code == "IMAGE_NOT_KEPT"


def test_what_was_used_longest_ago_goes_first_and_the_newest_stays_however_large() -> None:
    kept, decode = GivenPictures(most_bytes=25_000), Decoding()
    for number in (1, 2, 1, 3):
        kept.take(encoded(number), None, decode)
    assert kept.known(digest(2)) is None
    assert kept.known(digest(1)) is not None
    small = GivenPictures(most_bytes=1)
    assert small.take(encoded(1), None, decode) is small.known(digest(1))


def test_what_nobody_uses_is_let_go_after_a_while() -> None:
    now = [0.0]
    kept = GivenPictures(clock=lambda: now[0])
    kept.take(encoded(1), None, Decoding())
    now[0] = KEPT_S
    kept.rest()
    assert kept.known(digest(1)) is not None  # and is used now
    now[0] = 2 * KEPT_S + 1
    kept.rest()
    assert kept.known(digest(1)) is None


def test_a_frame_of_it_has_its_own_time_and_nothing_of_other_frames_but_gray_levels() -> None:
    kept = GivenPictures()
    picture = kept.take(encoded(9), None, lambda _: np.full((50, 60, 3), 9, np.uint8))
    assert picture is not None
    one = picture.frame("given")
    gray = one.gray
    other = picture.frame("given")
    assert other is not one
    assert other.gray is gray
    assert other.exposed_ns >= one.exposed_ns
