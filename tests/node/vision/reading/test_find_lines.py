"""Where lines are looked for, what is read around them, and what counts of several looks."""

import cv2
import numpy as np
import pytest

from node.vision.reading.find_lines import AROUND_PX, Corners, grown, looks, merged, placed
from node.vision.reading.recognise import Reading


def box(x: float, y: float, width: float, height: float) -> Corners:
    right, low = x + width, y + height
    return np.array([(x, y), (right, y), (right, low), (x, low)], np.float32)


LINE = box(20, 20, 100, 20)


def test_corners_in_each_look_are_brought_back_to_the_picture() -> None:
    pixels = np.full((80, 200, 3), 220, np.uint8)
    cv2.rectangle(pixels, (60, 30), (139, 49), (40, 40, 40), -1)
    seen = list(looks(pixels))
    assert len(seen) > 2
    for look, scale in seen:
        ys, xs = np.nonzero(look[:, :, 0] < 130)
        width, height = xs.max() - xs.min() + 1, ys.max() - ys.min() + 1
        found = placed(box(float(xs.min()), float(ys.min()), width, height), scale, (200, 80))
        assert found is not None
        assert found == pytest.approx(box(60, 30, 80, 20), abs=3)


def test_what_lies_in_the_ground_that_was_added_is_no_line() -> None:
    assert placed(box(AROUND_PX, 0, 100, AROUND_PX - 4), 1.0, (200, 80)) is None
    partly = placed(box(AROUND_PX - 10, AROUND_PX, 100, 20), 1.0, (200, 80))
    assert partly == pytest.approx(box(0, 0, 90, 20))


def test_a_line_is_read_with_a_margin_that_reaches_into_no_other_line() -> None:
    (alone,) = grown([LINE])
    assert alone == pytest.approx(box(14, 14, 112, 32))
    near, far = box(20, 44, 100, 20), box(20, 90, 100, 20)
    first, second, third = grown([LINE, near, far])
    assert (first.tolist(), second.tolist()) == (LINE.tolist(), near.tolist())
    assert third == pytest.approx(box(14, 84, 112, 32))


def test_the_margin_of_a_turned_line_turns_with_it() -> None:
    turn = np.float32([[0, 1], [-1, 0]])
    (turned,) = grown([LINE @ turn])
    (upright,) = grown([LINE])
    assert turned == pytest.approx(upright @ turn)


def test_of_two_looks_at_a_place_that_with_more_characters_counts_then_the_surer_one() -> None:
    part, whole = (Reading("21", 1.0), box(70, 20, 30, 20)), (Reading("79 1211", 0.8), LINE)
    other = (Reading("LOT", 0.7), box(20, 60, 100, 20))
    surer = (Reading("791 211", 0.9), LINE)
    assert merged(merged([], [part]), [whole, other]) == [whole, other]
    assert merged([whole, other], [part]) == [whole, other]
    assert merged([whole, other], [surer]) == [other, surer]
    assert merged([surer], [whole]) == [surer]
