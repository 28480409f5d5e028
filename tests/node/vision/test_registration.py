"""Fine registration: drawn pictures moved by known maps, light, defects, and nothing to see."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from node.frame import Frame, Pixels
from node.vision.registration import Registration, affine, reference, register
from schemas import Problem
from schemas.geometry import Circle
from tests.rooms.pictures.scenes import Scene, frame, region

WIDTH, HEIGHT = 320, 240
SCENE = Scene.plain(WIDTH, HEIGHT, 60.0).clutter(5, 60)
CORNERS = np.array([[0, 0], [WIDTH - 1, 0], [WIDTH - 1, HEIGHT - 1], [0, HEIGHT - 1]], float)


def mapped(matrix: NDArray[np.float64]) -> Pixels:
    """The scene moved by a 2 x 3 map, rendered four times as fine so that interpolation gives no
    hint."""
    fine = cv2.resize(SCENE.blurred(1.0).light, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    whole = matrix.copy()
    whole[:, 2] = 4 * matrix[:, 2] + 1.5 - matrix[:, :2] @ [1.5, 1.5]
    large = cv2.warpAffine(
        fine, whole, (4 * WIDTH, 4 * HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    small = cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)


MASTER = mapped(np.eye(2, 3))


def about_centre(
    angle_deg: float, dx: float, dy: float, stretch: float = 1.0, shear: float = 0.0
) -> NDArray[np.float64]:
    """A map about the middle of the picture."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    linear = np.array([[c, -s], [s, c]]) @ np.array([[stretch, shear], [0, 1]])
    middle = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])
    return np.hstack([linear, (middle - linear @ middle + [dx, dy])[:, None]])


def worst(found: Registration, truth: NDArray[np.float64]) -> float:
    """Greatest distance in px at the corners of the view."""
    wanted = CORNERS @ truth[:, :2].T + truth[:, 2]
    return float(np.linalg.norm(found.to_picture(CORNERS) - wanted, axis=1).max())


@pytest.mark.parametrize(
    ("angle_deg", "dx", "dy", "stretch", "shear"),
    [
        (0, 0, 0, 1, 0),
        (0, 0.37, -0.61, 1, 0),
        (1, -5.3, 6.1, 1, 0),
        (-2, 12.4, 9.7, 1, 0),
        (0.4, 2.2, 1.3, 1.01, 0.006),
    ],
)
def test_a_known_affine_map_is_found_to_a_tenth_of_a_pixel(
    angle_deg: float, dx: float, dy: float, stretch: float, shear: float
) -> None:
    truth = about_centre(angle_deg, dx, dy, stretch, shear)
    found = register(mapped(truth), np.eye(2, 3), reference(MASTER), 20, 2.5, 0.0)
    assert worst(found, truth) < 0.1
    assert found.score > 0.99


def test_light_and_noise_move_it_by_less_than_a_fifth_of_a_pixel() -> None:
    truth = about_centre(-1.2, 4.4, -3.3)
    dark = mapped(truth) * 0.7 + 20 + np.random.default_rng(1).normal(0, 8, MASTER.shape)
    found = register(
        np.clip(np.rint(dark), 0, 255).astype(np.uint8), np.eye(2, 3), reference(MASTER), 10, 2, 0.0
    )
    assert worst(found, truth) < 0.2
    assert found.gain == pytest.approx(0.7, abs=0.03)
    assert found.offset == pytest.approx(20, abs=4)


def test_a_defect_does_not_pull() -> None:
    truth = about_centre(0.5, 2.6, 1.8)
    part = mapped(truth).copy()
    cv2.rectangle(part, (120, 80), (170, 130), 255, -1)
    assert worst(register(part, np.eye(2, 3), reference(MASTER), 8, 1, 0.0), truth) < 0.15


def test_bent_parts_are_followed_beyond_what_is_affine() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    wave = 1.5 * np.sin(y / HEIGHT * 2 * np.pi).astype(np.float32)
    part = cv2.remap(MASTER, x - wave, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    known = reference(MASTER)
    points = np.array(
        [(px, py) for px in range(20, WIDTH - 20, 20) for py in range(20, HEIGHT - 20, 20)], float
    )
    truth = points + np.stack(
        [1.5 * np.sin(points[:, 1] / HEIGHT * 2 * np.pi), np.zeros(len(points))], axis=1
    )
    stiff, bent = (
        register(np.asarray(part, np.uint8), np.eye(2, 3), known, 4, 0.5, most)
        for most in (0.0, 2.0)
    )
    off = [
        float(np.linalg.norm(found.to_picture(points) - truth, axis=1).mean())
        for found in (stiff, bent)
    ]
    assert off[1] < 0.3
    assert off[1] < 0.6 * off[0]


def test_a_part_that_bends_to_its_corners_is_followed_there_through_fine_print() -> None:
    """The affine fit leaves more than half the print's pitch at the corners."""
    print_ = SCENE
    for y in range(8, HEIGHT - 8, 24):
        for x in range(10, WIDTH - 10, 6):
            print_ = print_.rectangle(x, y, 3, 12, 150)
    master = print_.blurred(0.7).pixels(3, 1)

    def moved(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        u, v = x / WIDTH * 2 - 1, y / HEIGHT * 2 - 1
        return [x + 4.5 * u * v * (1 + u) / 2, y - 3.5 * u**2 * v]

    points = np.array([(x, y) for x in (12, 90, 160, 230, 307) for y in (12, 80, 160, 227)], float)
    truth = np.stack(moved(points[:, 0], points[:, 1]), axis=1)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    from_x, from_y = x, y
    for _ in range(6):  # the map backwards
        to_x, to_y = moved(from_x, from_y)
        from_x, from_y = from_x + x - to_x, from_y + y - to_y
    part = cv2.remap(
        print_.blurred(0.7).light,
        from_x.astype(np.float32),
        from_y.astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    found = register(
        np.clip(np.rint(part), 0, 255).astype(np.uint8), np.eye(2, 3), reference(master), 4, 0.5, 4
    )
    off = np.linalg.norm(found.to_picture(points) - truth, axis=1)
    assert off.max() < 0.5, off.round(2)


@pytest.mark.parametrize("ramp", [-0.4, 0.4])
def test_a_light_that_gets_stronger_over_the_view_is_not_taken_for_a_bend(ramp: float) -> None:
    truth = about_centre(0.6, 2.3, -1.7)
    lit = mapped(truth) * (0.7 + ramp * np.linspace(-1, 1, WIDTH))
    part = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
    found = register(part, np.eye(2, 3), reference(MASTER), 8, 1, 2.0)
    points = np.array([(x, y) for x in range(10, 320, 50) for y in range(10, 240, 44)], float)
    wanted = points @ truth[:, :2].T + truth[:, 2]
    off = np.linalg.norm(found.to_picture(points) - wanted, axis=1)
    assert off.max() < 0.5, off.max()


def test_what_is_bent_out_of_the_picture_is_not_inside_of_it() -> None:
    shift = np.zeros((5, 6, 2), np.float32)
    shift[:, 0, 0] = -4.0  # of the left column of nodes, half a cell beyond the view
    bent = Registration(np.eye(2, 3), 160, 120, shift, 40)
    inside = bent.inside(np.zeros((120, 160), np.uint8), 0)
    across = bent.to_picture([[x, 60] for x in range(160)])[:, 0]
    assert (across < -1).any()
    assert (inside[60] == np.where(across >= -0.5, 255, 0)).all()


def test_sampling_lays_the_part_over_the_master() -> None:
    truth = about_centre(1, 5, -4)
    part = mapped(truth)
    found = register(part, np.eye(2, 3), reference(MASTER), 12, 2, 2.0)
    inside = found.inside(part, 3) > 0
    assert 0.9 < inside.mean() < 1
    assert np.abs(found.sample(part)[inside].astype(int) - MASTER[inside]).mean() < 2


def test_a_view_of_a_masked_region_starts_from_the_locators_pose() -> None:
    where = Circle(x=150, y=120, radius=60)
    known = reference(frame(MASTER).view(where).gray, frame(MASTER).view(where).mask)
    found = affine(frame(mapped(about_centre(0, 3.3, -2.4))).view(where), known, 6, 0.5)
    # the view of the circle begins at (90, 60) of the master
    assert found.to_picture([[60, 60]])[0] == pytest.approx([153.3, 117.6], abs=0.1)


def test_another_picture_is_not_laid_over_the_master() -> None:
    other: Frame = Scene.plain(WIDTH, HEIGHT, 60.0).clutter(77, 60).frame()
    with pytest.raises(Problem) as problem:
        affine(other.view(region(0, 0, WIDTH, HEIGHT)), reference(MASTER))
    assert problem.value.code == "PART_NOT_FOUND"


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (40, 40)])
def test_a_master_without_structure_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(Problem) as problem:
        reference(np.full(size, 80, np.uint8))
    assert problem.value.code == "NO_CONTRAST"


def test_a_view_that_lies_beside_the_picture_has_no_score() -> None:
    beside = np.array([[1.0, 0.0, WIDTH + 2.0], [0.0, 1.0, 0.0]])
    assert register(MASTER, beside, reference(MASTER), 0, 0, 0.0).score < 0.5
