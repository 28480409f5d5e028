"""The locator: a part is found to a fraction of a pixel or not at all.

One file: what the locator finds and what it refuses are two sides of the same drawn scenes.
"""

import math
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.frame import Frame
from node.locators.pattern import find, learn
from schemas import Pattern, Pose, Problem, Region
from tests.rooms.pictures.scenes import Scene, frame, region

pytestmark = pytest.mark.slow

PART = region(100, 70, 96, 80)  # on the part, 6 px inside its rim
BACKGROUND = Scene.plain(320, 240).clutter(5)
BOARD = Path(__file__).parents[2] / "data" / "board.jpg"


def scene(dx: float = 0.0, dy: float = 0.0, seed: int = 1, background: Scene = BACKGROUND) -> Scene:
    return background.part(94 + dx, 64 + dy, seed, (108, 92))


def error_px(pose: Pose, dx: float, dy: float, where: Region = PART) -> float:
    x, y = where.centre
    return math.hypot(pose.x - x - dx, pose.y - y - dy)


WANTED = Pattern(region=PART)
NARROW = Pattern(region=PART, search=region(80, 50, 136, 120))


@cache
def learned_part(seed: int) -> Any:
    """What is learned from a part where it was taught, before the first background."""
    return learn(scene(0, 0, seed).frame(3), WANTED)


@cache
def learned_of(wanted: Pattern) -> Any:
    """What is learned from the first part."""
    return learn(scene().frame(5), wanted)


def search(picture: Frame, wanted: Pattern = WANTED, master: Frame | None = None) -> Pose:
    return find(picture, wanted, learn(master, wanted) if master else learned_of(wanted))


def test_shifts_are_found_to_a_twentieth_of_a_pixel_in_the_median_under_noise() -> None:
    given_, errors = Pattern(region=PART), []
    learned = learn(scene().frame(5, 99), given_)
    rng = np.random.default_rng(3)
    for number, (dx, dy) in enumerate(rng.uniform(-60, 60, (40, 2))):
        pose = find(scene(dx, dy).frame(5, number), given_, learned)
        assert pose.score > 0.9
        errors.append(error_px(pose, dx, dy))
    assert np.median(errors) <= 0.03
    assert max(errors) <= 0.1


def test_a_smooth_texture_without_noise_is_found_to_a_hundredth_of_a_pixel() -> None:
    plain = Scene.plain(320, 240, 128.0)
    for dx, dy in ((0.0, 0.0), (0.1, -0.3), (0.5, 0.5), (-20.25, 14.75), (31.4, -2.6)):
        pose = search(plain.waves(dx, dy).frame(), master=plain.waves().frame())
        assert error_px(pose, dx, dy) <= 0.01


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    dx=st.floats(-94, 118),
    dy=st.floats(-64, 84),
    gain=st.floats(0.3, 1.3),
    offset=st.floats(-10, 20),
    ramp=st.floats(-0.3, 0.3),
)
def test_a_part_is_found_anywhere_in_any_light(
    seed: int, dx: float, dy: float, gain: float, offset: float, ramp: float
) -> None:
    background = Scene.plain(320, 240).clutter(seed + 1)
    picture = scene(dx, dy, seed, background).lit(gain, offset, ramp).frame(3, seed)
    assert error_px(find(picture, WANTED, learned_part(seed)), dx, dy) <= 0.25


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_part_that_is_not_there_is_never_found(seed: int) -> None:
    clutter = Scene.plain(320, 240).clutter(seed)
    for other in (clutter, scene(9.3, 4.2, seed + 2, clutter)):  # nothing, or another part
        with pytest.raises(Problem, match="PART_NOT_FOUND"):
            search(other.frame(5, seed))


@settings(max_examples=40, deadline=None)
@given(
    cut=st.floats(1, 40),
    side=st.sampled_from(["left", "right", "top", "bottom"]),
    seed=st.integers(0, 9),  # parts, each learned once
)
def test_a_pattern_cut_off_by_the_frame_is_not_found(cut: float, side: str, seed: int) -> None:
    dx = {"left": -100 - cut, "right": 320 - 196 + cut}.get(side, 0)
    dy = {"top": -70 - cut, "bottom": 240 - 150 + cut}.get(side, 0)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        find(scene(dx, dy, seed).frame(3, seed), WANTED, learned_part(seed))


@settings(max_examples=40, deadline=None)
@given(cut=st.floats(1, 40), side=st.sampled_from(["left", "right", "top", "bottom"]))
def test_a_pattern_cut_off_by_the_search_region_is_not_found(cut: float, side: str) -> None:
    dx = {"left": -20 - cut, "right": 20 + cut}.get(side, 0)
    dy = {"top": -20 - cut, "bottom": 20 + cut}.get(side, 0)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        search(scene(dx, dy).frame(3, 1), NARROW)


@pytest.mark.parametrize(
    ("dx", "dy"), [(-20, -20), (20, 20), (-20, 20), (0, -20), (19.7, -19.8), (0.4, 0.4)]
)
def test_a_pattern_just_inside_the_search_region_is_found(dx: float, dy: float) -> None:
    assert error_px(search(scene(dx, dy).frame(3, 1), NARROW), dx, dy) <= 0.1


def test_a_pattern_in_the_corners_of_the_frame_is_found() -> None:
    for dx, dy in ((-100, -70), (124, -70), (-100, 90), (124, 90)):
        assert error_px(search(scene(dx, dy).frame(3, 1)), dx, dy) <= 0.1


def test_only_the_search_region_is_looked_at() -> None:
    two = scene(-60, -40).part(94 + 80, 64 + 60, 1, (108, 92)).frame(3, 1)
    for left, dx, dy in ((0, -60, -40), (1, 80, 60)):
        half = region(160, 60, 160, 180) if left else region(0, 0, 160, 180)
        given_ = Pattern(region=PART, search=None)
        learned = learned_of(given_)
        only = given_.model_copy(update={"search": half})
        assert error_px(find(two, only, learned), dx, dy) <= 0.1


@pytest.mark.parametrize(
    "size", [(8, 8), (9, 13), (12, 12), (20, 11), (31, 23), (55, 90), (150, 64)]
)
def test_patterns_of_all_sizes_are_found(size: tuple[int, int]) -> None:
    def texture(dx: float, dy: float, seed: int) -> Frame:
        return Scene.plain(320, 240, 128.0).waves(dx, dy, finest_px=3).frame(2, seed)

    # the smallest look like other places in the texture, so they are looked for nearby
    where = region(101, 83, *size)
    near = region(81, 63, size[0] + 40, size[1] + 40)
    pose = search(
        texture(12.3, -7.6, 1), Pattern(region=where, search=near, alone=False), texture(0, 0, 0)
    )
    assert error_px(pose, 12.3, -7.6, where) <= 0.3


def test_a_texture_too_fine_for_a_coarse_search_is_found_at_full_resolution() -> None:
    rng = np.random.default_rng(1)
    master = rng.integers(0, 256, (240, 320), dtype=np.uint8)
    given_ = Pattern(region=PART)
    learned = learn(frame(master.copy()), given_)
    pose = find(frame(np.roll(master, (13, -21), axis=(0, 1))), given_, learned)
    assert error_px(pose, -21, 13) <= 0.01
    assert pose.score > 0.99
    assert len(learned.levels) == 1


def test_the_score_says_how_much_of_the_part_is_seen_and_low_decides() -> None:
    # a fifth of the pattern is covered
    picture = scene(10.4, 5.7).disc(160, 120, 22, 240.0).frame(5, 1)
    score = search(picture, Pattern(region=PART, low=0.3)).score
    assert 0.3 < score < search(scene(10.4, 5.7).frame(5, 1), Pattern(region=PART)).score
    assert search(picture, Pattern(region=PART, low=score - 0.01)).score == pytest.approx(score)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        search(picture, Pattern(region=PART, low=score + 0.01))


@pytest.mark.parametrize("gray", [0.0, 100.0, 255.0])
def test_in_a_flat_frame_nothing_is_found(gray: float) -> None:
    for noise in (0.0, 5.0):
        with pytest.raises(Problem, match="PART_NOT_FOUND"):
            search(Scene.plain(320, 240, gray).frame(noise))


@pytest.mark.parametrize("noise", [0.0, 2.0])
def test_a_flat_master_teaches_nothing(noise: float) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(Scene.plain(320, 240).frame(noise), Pattern(region=PART))


def test_regions_that_leave_the_frame_are_an_error() -> None:
    given_ = Pattern(region=region(260, 70, 96, 80))
    with pytest.raises(Problem, match="REGION_INVALID"):
        learn(scene().frame(), given_)
    wide = Pattern(region=PART, search=region(90, 60, 300, 120))
    with pytest.raises(Problem, match="REGION_INVALID"):
        search(scene().frame(), wide)
    with pytest.raises(Problem, match="REGION_INVALID"):
        search(Scene.plain(90, 200).clutter().frame())


@settings(max_examples=40, deadline=None)
@given(
    x=st.integers(4, 230),
    y=st.integers(4, 160),
    size=st.sampled_from([(80, 70), (40, 30), (60, 48)]),
    right=st.integers(-4, 4),
    down=st.integers(-4, 4),
)
@example(x=138, y=138, size=(80, 70), right=1, down=-1)
@example(x=149, y=150, size=(80, 70), right=-3, down=2)
@example(x=152, y=10, size=(40, 30), right=1, down=-1)
@example(x=196, y=180, size=(40, 30), right=-3, down=2)
@example(x=131, y=193, size=(40, 30), right=1, down=0)
def test_on_a_real_board_half_pixels_are_found(
    x: int, y: int, size: tuple[int, int], right: int, down: int
) -> None:
    board = cv2.imread(str(BOARD))
    assert board is not None

    def shot(dx: int, dy: int) -> Frame:
        """The board at half size, moved by dx / 2 and dy / 2 px: means of 2 x 2 px make the shift
        exact."""
        return frame(
            cv2.resize(
                board[4 - dy : 476 - dy, 4 - dx : 636 - dx],
                (316, 236),
                interpolation=cv2.INTER_AREA,
            )
        )

    where = region(x, y, *size)
    # a board is full of similar parts
    pose = search(shot(right, down), Pattern(region=where, alone=False), shot(0, 0))
    assert error_px(pose, right / 2, down / 2, where) <= 0.15


def two_parts(dx: float = 0.0) -> Scene:
    return Scene.plain(640, 480, (210.0, 205.0, 200.0)).part(60 + dx, 150).part(380, 160)


@pytest.mark.parametrize("angle_deg", [0, 20])
def test_of_two_parts_in_view_none_is_chosen_unless_neighbours_are_meant(angle_deg: float) -> None:
    where = region(60, 150, 120, 100)
    master = Scene.plain(640, 480, (210.0, 205.0, 200.0)).part(60, 150)
    wanted = Pattern(region=where, angle_deg=angle_deg)
    learned = learn(master.frame(4), wanted)
    for seed in range(5):
        for picture in (
            two_parts(7.3),
            two_parts(7.3).disc(430, 200, 16, 20.0),
            two_parts(7.3).lit(ramp=0.4),
        ):
            with pytest.raises(Problem, match="two places") as caught:
                find(picture.frame(4, seed), wanted, learned)
            assert [
                round(pose.x, -1)
                for pose in sorted(caught.value.details["places"], key=lambda pose: pose.x)
            ] == [130, 440]
    tray = wanted.model_copy(update={"alone": False})
    assert find(two_parts(7.3).frame(4, 1), tray, learned).runner_up == pytest.approx(
        0.99, abs=0.03
    )
    near = wanted.model_copy(update={"search": region(20, 100, 260, 260)})
    assert find(two_parts(7.3).frame(4, 1), near, learn(master.frame(4), near)).x == pytest.approx(
        126.8, abs=0.1
    )


@pytest.mark.parametrize("angle_deg", [0, 20])
def test_one_part_among_clutter_is_found(angle_deg: float) -> None:
    wanted = Pattern(region=region(60, 150, 120, 100), angle_deg=angle_deg)
    learned = learn(Scene.plain(640, 480, 210.0).part(60, 150).frame(4), wanted)
    for seed in range(6):
        pose = find(
            Scene.plain(640, 480, 210.0).clutter(seed).part(313.4, 260.6, 1).frame(4, seed),
            wanted,
            learned,
        )
        assert error_px(pose, 253.4, 110.6, wanted.region) <= 0.5


@pytest.mark.parametrize("angle_deg", [0, 15])
def test_a_part_a_tenth_larger_or_smaller_is_another(angle_deg: float) -> None:
    master = Scene.plain(640, 480, 90.0).part(200, 150, 3, (160, 130))
    wanted = Pattern(region=region(200, 150, 160, 130), angle_deg=angle_deg)
    learned = learn(master.blurred(0.8).frame(3), wanted)
    for times in (0.9, 1.1):
        turn = cv2.getRotationMatrix2D((320, 240), 0, times)
        resized = Scene(
            cv2.warpAffine(master.light, turn, (640, 480), flags=cv2.INTER_AREA, borderValue=90.0)
        )
        with pytest.raises(Problem, match="PART_NOT_FOUND"):
            find(resized.blurred(0.8).frame(3, 1), wanted, learned)


def refusal(scene_: Scene, angle_deg: float = 0, where: Region | None = None) -> str:
    """What learning the pattern says, or nothing."""
    wanted = Pattern(region=where or region(280, 150, 100, 60), angle_deg=angle_deg)
    try:
        learn(scene_.blurred(0.8).frame(3), wanted)
    except Problem as problem:
        return problem.message
    return ""


DARK = Scene.plain(640, 480, 70.0)


@pytest.mark.parametrize("angle_deg", [0, 15])
def test_a_pattern_that_does_not_fix_the_place_is_refused_with_the_direction(
    angle_deg: float,
) -> None:
    across = DARK.rectangle(-10, 180, 800, 400, 160.0)
    assert "along 0 degrees" in refusal(across, angle_deg) or "along 180 degrees" in refusal(
        across, angle_deg
    )
    assert "along 90 degrees" in refusal(DARK.rectangle(330, -10, 12, 600, 160.0), angle_deg)
    slope = np.fromfunction(
        lambda y, x: 70 + 90 / (1 + np.exp(-(y - 180 - (x - 330) * 0.577))), (480, 640)
    )
    assert "along 30 degrees" in refusal(Scene(slope), angle_deg)
    shading = np.fromfunction(
        lambda y, x: 60 + 120 * np.exp(-(((x - 320) / 300) ** 2) - ((y - 240) / 250) ** 2),
        (480, 640),
    )
    assert refusal(Scene(shading), angle_deg, region(60, 60, 160, 120))


def test_a_pattern_that_looks_the_same_turned_is_refused_where_turns_are_looked_for() -> None:
    disc, square, bar = (
        DARK.disc(330, 180, 24, 160.0),
        DARK.rectangle(310, 160, 40, 40, 160.0),
        DARK.rectangle(300, 162, 60, 36, 160.0),
    )
    assert not any(refusal(scene_) for scene_ in (disc, square, bar))
    assert "however it is turned" in refusal(disc, 15)
    assert not refusal(square, 15)
    assert "90 degrees" in refusal(square, 180)
    assert "180 degrees" in refusal(bar, 180)
    assert not refusal(bar.disc(310, 172, 5, 40.0), 180)  # a dot tells which way round it is


@pytest.mark.parametrize("angle_deg", [0, 15])
def test_corners_crossings_and_print_fix_the_place(angle_deg: float) -> None:
    print_ = cv2.putText(
        np.full((480, 640), 70, np.uint8), "AB3", (290, 195), 0, 1.2, 200, 2, cv2.LINE_AA
    )
    crossing = DARK.rectangle(270, 175, 200, 8, 160.0).rectangle(325, 100, 8, 200, 160.0)
    corner = DARK.rectangle(330, 180, 800, 400, 160.0)
    for scene_ in (corner, crossing, Scene(print_.astype(float)), DARK.part(270, 140)):
        assert refusal(scene_, angle_deg) == ""


@pytest.mark.parametrize("angle_deg", [0, 20])
def test_a_pattern_that_the_master_shows_twice_is_refused_unless_neighbours_are_meant(
    angle_deg: float,
) -> None:
    master = two_parts().frame(4)
    wanted = Pattern(region=region(60, 150, 120, 100), angle_deg=angle_deg)
    with pytest.raises(Problem, match=r"NO_CONTRAST.*in the master once"):
        learn(master, wanted)
    learn(master, wanted.model_copy(update={"alone": False}))
    learn(master, wanted.model_copy(update={"search": region(20, 100, 260, 260)}))


@pytest.mark.parametrize("angle_deg", [0, 20])
def test_a_pattern_is_refused_with_the_place_of_another_that_is_but_alike(angle_deg: float) -> None:
    # the second has a hole
    master = Scene.plain(640, 480, 210.0).part(60, 150).part(380, 160).disc(440, 210, 30, 210.0)
    with pytest.raises(Problem, match=r"NO_CONTRAST.*two places.*\(4\d\d, 2\d\d\)"):
        learn(master.frame(4), Pattern(region=region(60, 150, 120, 100), angle_deg=angle_deg))
