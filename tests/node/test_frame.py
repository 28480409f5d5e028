"""Frames and views: whole pixels, never clipped, never changed, never held in a reference cycle."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.frame import Frame, Placement
from node.measurement import outlines
from schemas import Problem
from tests.rooms.pictures.scenes import Scene, frame, region

SHIFTS = st.floats(-40, 40, allow_nan=False)


@given(dx=SHIFTS, dy=SHIFTS)
def test_a_view_lies_within_half_a_pixel_of_where_the_part_is_or_there_is_none(
    dx: float, dy: float
) -> None:
    picture = Scene.plain(64, 48).frame()
    where = region(20, 15, 24, 18)
    if not (-20.5 <= dx < 20.5 and -15.5 <= dy < 15.5):
        with pytest.raises(Problem, match="REGION_INVALID"):
            picture.view(where, Placement(dx, dy))
        return
    view = picture.view(where, Placement(dx, dy))
    assert view.cut is not None
    assert abs(view.cut[0] - 20 - dx) <= 0.5
    assert abs(view.cut[1] - 15 - dy) <= 0.5
    assert view.gray.shape == (18, 24)


@pytest.mark.parametrize("shift", [(float("nan"), 0.0), (0.0, float("inf")), (-1e300, 0.0)])
def test_a_placement_that_is_no_place_is_an_error(shift: tuple[float, float]) -> None:
    with pytest.raises(Problem, match="REGION_INVALID"):
        Scene.plain(64, 48).frame().view(region(1, 1, 8, 8), Placement(*shift))


@pytest.mark.parametrize(
    "where",
    [
        region(57, 0, 8, 8),
        region(0, 41, 8, 8),
        region(0, 0, 65, 8),
        region(65535, 65535, 65535, 65535),
    ],
)
def test_a_region_that_leaves_the_frame_is_an_error(where) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Problem, match="REGION_INVALID"):
        Scene.plain(64, 48).frame().view(where)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint16),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 1), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros((4,), np.uint8),
        np.zeros((4, 4), np.float64),
    ],
)
def test_other_arrays_than_8_bit_gray_or_bgr_are_no_frame(pixels) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Problem, match="IMAGE_INVALID"):
        frame(pixels)


def test_pixels_and_all_that_is_made_of_them_are_read_only() -> None:
    view = Scene.plain(64, 48, (10, 20, 30)).frame().view(region(2, 3, 8, 9))
    for array in (view.frame.pixels, view.gray, view.bgr, view.hsv, *view.gradients):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_gray_hsv_and_gradients_are_made_once_for_the_same_place() -> None:
    picture = Scene.plain(64, 48, (10, 20, 30)).clutter().frame()
    one, other = (
        picture.view(region(2, 3, 8, 9)),
        picture.view(region(1, 3, 8, 9), Placement(dx=1.2)),
    )
    assert picture.gray is picture.gray
    assert one.hsv is other.hsv
    assert one.gradients is other.gradients
    assert picture.view(region(3, 3, 8, 9)).hsv is not one.hsv


def test_a_frame_is_freed_with_its_last_user_without_a_garbage_collection() -> None:
    picture = Scene.plain(64, 48, (10, 20, 30)).frame()
    gone = weakref.ref(picture)
    gc.disable()
    try:
        view = picture.view(region(2, 3, 8, 9))
        assert view.hsv.size
        assert view.gradients[0].size
        del view, picture
        assert gone() is None
    finally:
        gc.enable()


def test_a_gray_frame_has_no_colours() -> None:
    view = Scene.plain(64, 48).frame().view(region(2, 3, 8, 9))
    with pytest.raises(Problem, match="IMAGE_INVALID"):
        _ = view.bgr
    with pytest.raises(Problem, match="IMAGE_INVALID"):
        _ = view.hsv


def test_gradients_are_gray_levels_per_px_to_the_right_and_down() -> None:
    y, x = np.mgrid[:40, :50]
    view = frame((50 + 3 * x + 2 * y).astype(np.uint8)).view(region(10, 10, 20, 20))
    across, down = view.gradients
    assert np.all(across[2:-2, 2:-2] == 3 * 8)
    assert np.all(down[2:-2, 2:-2] == 2 * 8)


@pytest.mark.parametrize(("colour", "spot", "uniform"), [(60.0, 61.0, False), (60.0, 60.0, True)])
def test_a_view_is_uniform_only_if_every_pixel_is_the_same(
    colour: float, spot: float, uniform: bool
) -> None:
    for tone, other in ((colour, spot), ((9.0, 8.0, colour), (9.0, 8.0, spot))):
        picture = Scene.plain(64, 48, tone).rectangle(19.5, 19.5, 1, 1, other).frame()  # type: ignore[arg-type]
        assert picture.view(region(10, 10, 20, 20)).uniform is uniform


def test_marks_are_in_the_pixels_of_the_whole_frame() -> None:
    picture = Scene.plain(64, 48, 0.0).rectangle(29.5, 19.5, 10, 5, 255.0).frame()
    view = picture.view(region(20, 10, 30, 30))
    (mark,) = outlines(view, np.ascontiguousarray(view.gray))
    assert mark.closed
    assert mark.points.min(axis=0).tolist() == [30, 20]
    assert mark.points.max(axis=0).tolist() == [39, 24]


def test_frames_can_be_compared_and_kept_in_sets() -> None:
    one, other = Scene.plain(8, 8).frame(), Scene.plain(8, 8).frame()
    assert one != other
    assert len({one, other, one}) == 2
    assert isinstance(one, Frame)
