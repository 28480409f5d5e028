"""The locator of parts that are turned or scaled: found to a fraction of a pixel and degree, or not
at all."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from node.frame import Frame
from node.locators.pattern import find, learn
from schemas import Pattern, Pose, Problem, Region
from tests.bench.vision.locate_pictures import apart, rendered, spoilt
from tests.rooms.pictures.scenes import Scene, frame, region

pytestmark = pytest.mark.slow

PART = region(212, 152, 96, 80)
BOARD = Path(__file__).parents[2] / "data" / "board.jpg"
FINE = 3


def source(seed: int = 1, part: bool = True) -> NDArray[np.uint8]:
    """A part in clutter, enlarged to three times what will be seen."""
    scene = Scene.plain(520, 384).clutter(seed + 100, 60)
    drawn = (scene.part(206, 146, seed, (108, 92)) if part else scene).pixels()
    return cv2.resize(drawn, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_CUBIC)  # type: ignore[return-value]


SOURCE = source()
SIZE = (520, 384)
FULL = Pattern(region=PART, angle_deg=180)


def shot(
    dx: float, dy: float, angle_deg: float, scale: float = 1.0, fine: NDArray[np.uint8] = SOURCE
) -> NDArray[np.uint8]:
    return rendered(fine, PART, (dx, dy, angle_deg, scale), SIZE)


MASTER = shot(0, 0, 0)
LEARNED = learn(frame(MASTER.copy()), FULL)


def near(pose: Pose, dx: float, dy: float, angle_deg: float, px: float, deg: float) -> bool:
    x, y = PART.centre
    return (
        math.hypot(pose.x - x - dx, pose.y - y - dy) <= px
        and apart(pose.angle_deg, angle_deg) <= deg
    )


def found(picture: NDArray[np.uint8], wanted: Pattern = FULL) -> Pose:
    return find(
        frame(picture), wanted, LEARNED if wanted is FULL else learn(frame(MASTER.copy()), wanted)
    )


@settings(max_examples=5, deadline=None)
@given(dx=st.floats(-130, 130), dy=st.floats(-100, 100), angle=st.floats(-180, 180))
def test_any_shift_and_turn_is_found_to_a_tenth_of_a_pixel_and_a_twentieth_of_a_degree(
    dx: float, dy: float, angle: float
) -> None:
    pose = found(shot(dx, dy, angle))
    assert near(pose, dx, dy, angle, 0.1, 0.05)
    assert pose.scale == 1
    assert pose.score > 0.9


@settings(max_examples=4, deadline=None)
@given(
    dx=st.floats(-60, 60),
    dy=st.floats(-60, 60),
    angle=st.floats(-10, 10),
    scale=st.floats(0.8, 1.2),
)
def test_size_is_found_when_it_may_differ(dx: float, dy: float, angle: float, scale: float) -> None:
    pose = found(shot(dx, dy, angle, scale), SCALED)
    assert near(pose, dx, dy, angle, 0.1, 0.1)
    assert pose.scale == pytest.approx(scale, abs=0.002)


SCALED = Pattern(region=PART, angle_deg=10, scale_low=0.8, scale_high=1.2)


@settings(max_examples=4, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    dx=st.floats(-100, 100),
    dy=st.floats(-80, 80),
    angle=st.floats(-180, 180),
)
def test_light_blur_noise_and_a_disc_over_a_fifth_of_it_hardly_move_it(
    seed: int, dx: float, dy: float, angle: float
) -> None:
    x, y = PART.centre
    truth = Pose(x=x + dx, y=y + dy, angle_deg=angle)
    pose = found(spoilt(shot(dx, dy, angle), truth, PART, np.random.default_rng(seed)))
    assert near(pose, dx, dy, angle, 1, 1)


@pytest.mark.parametrize("kind", ["hard", "fine"])
def test_fine_lines_are_found_at_any_turn(kind: str) -> None:
    """Strokes of 2 px, as of small print, are lost in coarse pixels."""
    rng = np.random.default_rng(4)
    picture = np.full((FINE * SIZE[1], FINE * SIZE[0]), 220, np.uint8)
    for row in range(70, 350, 16):
        for column in range(90, 430, 9):
            for _ in range(2):
                (x1, y1), (x2, y2) = (
                    FINE * (rng.integers(0, 8, 2) + np.array([column, row])) for _ in range(2)
                )
                cv2.line(picture, (int(x1), int(y1)), (int(x2), int(y2)), 40, 2 * FINE, cv2.LINE_AA)
    learned = learn(frame(shot(0, 0, 0, fine=picture)), FULL)
    x, y = PART.centre
    for number, (dx, dy, angle) in enumerate(
        ((3.3, -7.2, 11.0), (20.5, 14.0, 163.0), (-31.0, 5.5, -77.7))
    ):
        moved = shot(dx, dy, angle, fine=picture)
        if kind == "hard":
            moved = spoilt(
                moved,
                Pose(x=x + dx, y=y + dy, angle_deg=angle),
                PART,
                np.random.default_rng(number),
            )
        assert near(
            find(frame(moved), FULL, learned), dx, dy, angle, 1.0 if kind == "hard" else 0.05, 0.5
        )


def test_what_is_there_too_much_counts_against_a_part() -> None:
    """Two edges of a plain part in a rich texture are not the part, though they are seen as well as
    they can be."""
    plain = Scene.plain(520, 384, 60.0).rectangle(230, 166, 60, 52, 180.0)
    part = Pattern(region=region(212, 152, 96, 80), angle_deg=15, low=0.01)
    learned = learn(plain.frame(1), part)
    alone = find(plain.frame(5, 2), part, learned).score
    busy = (
        Scene.plain(520, 384, 60.0)
        .waves(finest_px=5, contrast=90)
        .rectangle(230, 166, 60, 52, 180.0)
    )
    crowded = find(busy.frame(5, 2), part, learned).score
    assert alone > 0.9
    assert crowded < alone - 0.1


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(2, 10_000))
def test_a_part_that_is_not_there_is_never_found(seed: int) -> None:
    for part in (False, True):  # nothing, or another part
        with pytest.raises(Problem, match="PART_NOT_FOUND"):
            found(shot(10, 20, 30, fine=source(seed, part)))


@pytest.mark.parametrize("gray", [0.0, 100.0, 255.0])
@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_in_a_flat_frame_nothing_is_found(gray: float, noise: float) -> None:
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        found(Scene.plain(*SIZE, gray).pixels(noise))


def test_a_part_turned_further_than_allowed_is_not_found() -> None:
    wanted = Pattern(region=PART, angle_deg=15)
    assert near(found(shot(5, 5, 14.5), wanted), 5, 5, 14.5, 0.1, 0.05)
    for angle in (18, -20, 90, 180):
        with pytest.raises(Problem, match="PART_NOT_FOUND"):
            found(shot(5, 5, angle), wanted)


def test_a_part_scaled_further_than_allowed_is_not_found() -> None:
    wanted = Pattern(region=PART, scale_low=0.95, scale_high=1.05)
    assert found(shot(5, 5, 0, 1.04), wanted).scale == pytest.approx(1.04, abs=0.002)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        found(shot(5, 5, 0, 1.12), wanted)


@pytest.mark.parametrize("angle", [0, 37, 90])
def test_a_part_cut_off_by_the_frame_is_not_found(angle: float) -> None:
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        found(shot(-225, 0, angle))


def test_only_the_search_region_is_looked_at() -> None:
    wanted = Pattern(region=PART, angle_deg=180, search=region(160, 100, 200, 190))
    assert near(found(shot(20, 15, 40), wanted), 20, 15, 40, 0.1, 0.05)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        found(shot(120, 15, 40), wanted)


def test_low_decides() -> None:
    picture = shot(3, 4, 50)
    score = found(picture).score
    assert 0.9 < score < 1
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        found(picture, Pattern(region=PART, angle_deg=180, low=1))


@pytest.mark.parametrize("size", [(14, 20), (33, 17), (150, 40), (260, 200)])
def test_patterns_of_all_sizes_are_found(size: tuple[int, int]) -> None:
    picture = Scene.plain(520, 384, 128.0).waves(finest_px=5)
    where = region(130, 92, *size)
    near_ = Region(
        x=max(where.x - 25, 0), y=max(where.y - 25, 0), width=size[0] + 50, height=size[1] + 50
    )
    wanted = Pattern(region=where, search=near_, angle_deg=10, alone=False)
    moved = Scene.plain(520, 384, 128.0).waves(4.3, -3.6, finest_px=5).frame(2, 1)
    pose = find(moved, wanted, learn(picture.frame(2), wanted))
    x, y = where.centre
    assert math.hypot(pose.x - x - 4.3, pose.y - y + 3.6) <= 0.3


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_a_flat_master_teaches_nothing(noise: float) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(Scene.plain(*SIZE).frame(noise), FULL)


def test_regions_that_leave_the_frame_and_searches_without_end_are_an_error() -> None:
    with pytest.raises(Problem, match="REGION_INVALID"):
        learn(frame(MASTER.copy()), Pattern(region=region(480, 70, 96, 80), angle_deg=10))
    with pytest.raises(Problem, match="REGION_INVALID"):
        find(Scene.plain(90, 200).clutter().frame(), FULL, LEARNED)
    tiny = Pattern(region=region(30, 30, 12, 12), angle_deg=180, scale_low=0.8, scale_high=1.2)
    with pytest.raises(Problem, match=r"PROGRAM_INVALID.*search"):
        learn(Scene.plain(2000, 1500).clutter(1, 9).frame(9), tiny)


@settings(max_examples=3, deadline=None)
@given(
    x=st.integers(100, 420),
    y=st.integers(80, 300),
    angle=st.floats(-180, 180),
    right=st.floats(-40, 40),
)
def test_on_a_real_board_any_turn_is_found(x: int, y: int, angle: float, right: float) -> None:
    board = cv2.imread(str(BOARD), cv2.IMREAD_GRAYSCALE)
    assert board is not None
    fine = cv2.resize(board, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    where = region(x, y, 120, 90)

    def seen(move: tuple[float, float, float, float]) -> Frame:
        return frame(rendered(fine, where, move))  # type: ignore[arg-type]

    wanted = Pattern(region=where, angle_deg=180)
    x_, y_ = where.centre
    pose = find(seen((right, 3.3, angle, 1.0)), wanted, learn(seen((0, 0, 0, 1)), wanted))
    assert math.hypot(pose.x - x_ - right, pose.y - y_ - 3.3) <= 0.1
    assert apart(pose.angle_deg, angle) <= 0.1


def half_covered(
    picture: NDArray[np.uint8], dx: float, dy: float, angle_deg: float, gray: int
) -> NDArray[np.uint8]:
    """The right half of the part under something flat."""
    x, y = PART.centre
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    corners = np.array([(0, -45), (52, -45), (52, 45), (0, 45)]) @ np.array([[c, s], [-s, c]]) + (
        x + dx,
        y + dy,
    )
    return cv2.fillPoly(picture.copy(), [np.rint(corners).astype(np.int32)], gray)  # type: ignore[return-value]


@pytest.mark.parametrize(("angle_deg", "turn"), [(180, 140.0), (0, 0.0)])
def test_what_is_half_covered_is_found_if_half_of_it_is_enough(
    angle_deg: float, turn: float
) -> None:
    enough = Pattern(region=PART, angle_deg=angle_deg, seen_low=0.5, low=0.8)
    covered = half_covered(shot(21, -13, turn), 21, -13, turn, 120)
    assert near(found(covered, enough), 21, -13, turn, 0.5, 0.5)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        found(shot(10, 20, turn, fine=source(7, True)), enough)  # another part
    with pytest.raises(ValueError, match=r"low must be 0\.8 or more"):
        Pattern(region=PART, seen_low=0.5)


@pytest.mark.parametrize(("angle_deg", "turn"), [(180, 180.0), (0, 0.0)])
def test_a_part_that_leaves_the_frame_a_little_is_found_where_that_is_allowed(
    angle_deg: float, turn: float
) -> None:
    left = -PART.x - 6.0  # of 96 px
    wanted = Pattern(region=PART, angle_deg=angle_deg, beyond_px=10)
    assert near(found(shot(left, 5, turn), wanted), left, 5, turn, 0.5, 0.5)
    for picture, told in (
        (shot(left, 5, turn), Pattern(region=PART, angle_deg=angle_deg)),
        (shot(left - 14, 5, turn), wanted),
    ):
        with pytest.raises(Problem, match="PART_NOT_FOUND"):
            found(picture, told)
