"""Two straight edges: the pose of a part without texture, or none."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Frame
from node.locate import locate
from node.locators.corner import find, learn, origin
from schemas import CornerLocator, Problem
from schemas.geometry import RotatedRectangle
from tests.rooms.pictures.scenes import frame

SIZE = (400, 300)
CORNER = (119.5, 89.5)
TOP = RotatedRectangle(x=220, y=90, width=80, height=120, angle_deg=90)  # its x axis points down
LEFT = RotatedRectangle(x=120, y=180, width=80, height=100, angle_deg=0)
EDGES = CornerLocator(first=TOP, second=LEFT)
FINE = 8


def plate(
    dx: float = 0,
    dy: float = 0,
    angle_deg: float = 0,
    noise: float = 4,
    seed: int = 0,
    tones: tuple[int, int] = (60, 180),
) -> Frame:
    """A bare plate whose left top corner lies at CORNER, turned about it and shifted; means of 8 x
    8 finer px."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    points = [
        (CORNER[0] + dx + c * u - s * v, CORNER[1] + dy + s * u + c * v)
        for u, v in ((0, 0), (600, 0), (600, 500), (0, 500))
    ]
    fine = np.full((SIZE[1] * FINE, SIZE[0] * FINE), tones[0], np.uint8)
    scaled = np.rint((np.array(points) * FINE + (FINE - 1) / 2) * 256).astype(np.int32)
    cv2.fillConvexPoly(fine, scaled, float(tones[1]), shift=8)
    light = cv2.resize(fine, SIZE, interpolation=cv2.INTER_AREA).astype(float)
    light += np.random.default_rng(seed).normal(0, noise, light.shape) if noise else 0
    return frame(np.clip(np.rint(light), 0, 255).astype(np.uint8))


LEARNED = learn(plate(), EDGES)


def test_the_origin_is_the_corner_of_the_master() -> None:
    assert origin(EDGES, LEARNED) == pytest.approx(CORNER, abs=0.1)


@settings(max_examples=10, deadline=None)
@given(
    dx=st.floats(-12, 12), dy=st.floats(-12, 12), angle=st.floats(-8, 8), seed=st.integers(0, 99)
)
def test_shift_and_turn_are_found_under_noise(
    dx: float, dy: float, angle: float, seed: int
) -> None:
    pose, placement = locate(plate(dx, dy, angle, seed=seed), EDGES, LEARNED)
    assert pose is not None
    assert (pose.x, pose.y) == pytest.approx((CORNER[0] + dx, CORNER[1] + dy), abs=0.3)
    assert pose.angle_deg == pytest.approx(angle, abs=0.1)
    assert pose.score > 0.8
    assert (placement.dx, placement.dy) == pytest.approx((dx, dy), abs=0.3)


def test_the_median_error_is_below_a_tenth_of_a_pixel() -> None:
    rng = np.random.default_rng(1)
    errors = []
    for seed, (dx, dy, angle) in enumerate(rng.uniform((-10, -10, -5), (10, 10, 5), (30, 3))):
        pose = find(plate(dx, dy, angle, 5, seed + 1), EDGES, LEARNED)
        errors.append(math.hypot(pose.x - CORNER[0] - dx, pose.y - CORNER[1] - dy))
    assert np.median(errors) <= 0.1


def test_dirt_on_a_part_of_an_edge_does_not_move_it() -> None:
    pixels = plate(3, -2, 2).pixels.copy()
    cv2.circle(pixels, (240, 90), 16, 20.0, -1)
    cv2.circle(pixels, (118, 180), 12, 250.0, -1)
    pose = find(frame(pixels), EDGES, LEARNED)
    assert (pose.x, pose.y) == pytest.approx((CORNER[0] + 3, CORNER[1] - 2), abs=0.3)
    assert pose.angle_deg == pytest.approx(2, abs=0.2)


def test_without_edges_there_is_no_part() -> None:
    noise = np.random.default_rng(1).normal(120, 5, (SIZE[1], SIZE[0]))
    for picture in (
        frame(np.full((300, 400), 90, np.uint8)),
        frame(np.rint(noise).astype(np.uint8)),
        plate(-110, 0),
        plate(0, 150),
    ):
        with pytest.raises(Problem, match="PART_NOT_FOUND"):
            find(picture, EDGES, LEARNED)


def test_an_edge_from_light_to_dark_is_not_one_from_dark_to_light() -> None:
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        find(plate(tones=(180, 60)), EDGES, LEARNED)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_clutter_has_no_corner(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 255, (30, 40), dtype=np.uint8)
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        find(
            frame(cv2.resize(pixels, SIZE, interpolation=cv2.INTER_CUBIC).astype(np.uint8)),
            EDGES,
            LEARNED,
        )


def test_bad_masters_name_the_field() -> None:
    with pytest.raises(Problem, match=r"NO_CONTRAST.*first"):
        learn(frame(np.full((300, 400), 90, np.uint8)), EDGES)
    with pytest.raises(Problem, match=r"PROGRAM_INVALID.*second"):
        learn(plate(), CornerLocator(first=LEFT, second=LEFT))
    with pytest.raises(Problem, match=r"REGION_INVALID.*first"):
        learn(
            plate(),
            CornerLocator(first=TOP.model_copy(update={"y": 20.0, "width": 80}), second=LEFT),
        )
    with pytest.raises(Problem, match=r"PROGRAM_INVALID.*first"):
        learn(plate(), CornerLocator(first=TOP.model_copy(update={"height": 3}), second=LEFT))
