"""Calibration: a drawn camera is learned from its boards, and mm are measured on the part's plane,
not scaled.

One file: the same drawn camera is calibrated and then measured with.
"""

import base64
import math
import time
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from node.calibration import check_size, flat, from_checkerboard, from_length, px_length, to_mm
from node.commands import calibrate
from node.frame import Placement
from node.measure import measure
from node.program import load
from schemas import Checkerboard, Problem, Scale, as_program
from schemas.command import Calibrate
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene

pytestmark = pytest.mark.slow

SIZE = (480, 360)
CAMERA = np.array([[520.0, 0, 243.0], [0, 520.0, 176.0], [0, 0, 1]])
DISTORTION = np.array([-0.22, 0.06, 0.0, 0.0, 0.0])
POSES = [  # of the board: turned by (degrees about x, y, z), at (mm)
    ((0, 0, 0), (-40, -25, 190)),
    ((25, 0, 5), (-45, -20, 200)),
    ((-25, 5, -5), (-35, -30, 200)),
    ((0, 28, 10), (-40, -25, 210)),
    ((5, -28, 0), (-30, -25, 200)),
    ((18, 18, 20), (-30, -40, 220)),
]
SQUARE_MM = 10.0


def ray(points: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Where pixels look at 1 mm from the camera."""
    return cv2.undistortPoints(points.reshape(-1, 1, 2), CAMERA, DISTORTION).reshape(-1, 2)


def board(turned: Any, at: Any) -> np.ndarray:  # type: ignore[type-arg]
    """A picture of a board with 9 x 6 inner corners, its first at the board's (0, 0): each px is
    looked up on the board."""
    rotation = cv2.Rodrigues(np.radians(turned))[0]
    fine = 3
    x, y = np.meshgrid(*((np.arange(size * fine) + 0.5) / fine - 0.5 for size in SIZE))
    rays = ray(np.stack([x.ravel(), y.ravel()], axis=1))
    homography = np.linalg.inv(np.column_stack([rotation[:, 0], rotation[:, 1], at]))
    places = np.column_stack([rays, np.ones(len(rays))]) @ homography.T
    u, v = (places[:, :2] / places[:, 2:]).T / SQUARE_MM
    light = np.where((np.floor(u) + np.floor(v)) % 2 == 0, 40.0, 210.0)
    light[(u < -1) | (u > 9) | (v < -1) | (v > 6)] = 225.0
    light = light.reshape(SIZE[1], fine, SIZE[0], fine).mean(axis=(1, 3))
    return Scene(light).blurred(0.6).pixels(2.0)


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:  # type: ignore[type-arg]
    return [board(*pose) for pose in POSES]


@pytest.fixture(scope="module")
def learned(pictures: list[np.ndarray]) -> Checkerboard:  # type: ignore[type-arg]
    return from_checkerboard(pictures, 9, 6, SQUARE_MM, in_plane=0)


def seen(places_mm: np.ndarray, pose: int = 0) -> np.ndarray:  # type: ignore[type-arg]
    """Where points of a board are in its picture."""
    turned, at = POSES[pose]
    lifted = np.column_stack([places_mm, np.zeros(len(places_mm))])
    return cv2.projectPoints(lifted, np.radians(turned), np.array(at, float), CAMERA, DISTORTION)[
        0
    ].reshape(-1, 2)


def test_the_camera_is_learned_from_its_boards(learned: Checkerboard) -> None:
    assert learned.error_px is not None
    assert learned.error_px < 0.1
    assert learned.camera_matrix[0][0] == pytest.approx(520, rel=0.01)
    assert learned.camera_matrix[0][2] == pytest.approx(243, abs=4)
    # the boards do not reach the corners
    assert learned.distortion[0] == pytest.approx(-0.22, abs=0.06)
    assert learned.mm_per_px == pytest.approx(190 / 520, rel=0.01)


def test_lengths_are_those_on_the_plane_where_a_scale_is_wrong(learned: Checkerboard) -> None:
    places = np.array([[-5.0, -5.0], [85.0, -5.0], [85.0, 55.0], [-5.0, 55.0], [40.0, 25.0]])
    for one, other in ((0, 1), (1, 2), (0, 2), (3, 4)):
        true = float(np.hypot(*(places[one] - places[other])))
        ends = seen(places[[one, other]])
        found = to_mm(learned, ends)
        assert np.hypot(*(found[1] - found[0])) == pytest.approx(true, abs=0.1)
    outer = seen(places[[0, 2]])
    scaled = float(np.hypot(*(outer[1] - outer[0]))) * learned.mm_per_px
    assert abs(scaled - np.hypot(90, 60)) > 0.5  # what a scale alone would say


def test_a_plane_that_is_tilted_is_measured_right(pictures: list[np.ndarray]) -> None:  # type: ignore[type-arg]
    tilted = from_checkerboard(pictures, 9, 6, SQUARE_MM, in_plane=1)
    found = to_mm(tilted, seen(np.array([[0.0, 0.0], [80.0, 0.0], [80.0, 50.0]]), pose=1))
    assert np.hypot(*(found[1] - found[0])) == pytest.approx(80, abs=0.1)
    assert np.hypot(*(found[2] - found[1])) == pytest.approx(50, abs=0.1)


def test_boards_held_by_hand_do_not_say_where_the_parts_lie(pictures: list[np.ndarray]) -> None:  # type: ignore[type-arg]
    with pytest.raises(
        Problem, match=r"NO_VALUE.*tilted by up to \d+\.\d degrees, nearer.*by \d+%.*mark the"
    ):
        from_checkerboard(pictures, 9, 6, SQUARE_MM)
    far = [board((0, 0, turn), (-40 + turn, -25, 190 + 6 * (turn > 0))) for turn in (-20, 0, 20)]
    with pytest.raises(Problem, match=r"NO_VALUE.*farther by 3%"):
        from_checkerboard(far, 9, 6, SQUARE_MM)


@pytest.mark.parametrize("tilt_deg", [0, 15])
def test_boards_of_one_plane_need_no_mark(tilt_deg: int) -> None:
    tilt = cv2.Rodrigues(np.radians([tilt_deg, 0.0, 0.0]))[0]
    poses = []
    for turn, x, y in ((0, -40, -25), (30, -20, -45), (-30, -50, 5), (90, 25, -40)):
        turned = np.degrees(
            cv2.Rodrigues(tilt @ cv2.Rodrigues(np.radians([0.0, 0.0, turn]))[0])[0]
        ).ravel()
        poses.append((turned, tilt @ np.array([x, y, 0.0]) + (0, 0, 200)))
    flat_ = from_checkerboard([board(*pose) for pose in poses], 9, 6, SQUARE_MM)
    lifted = np.array([[0.0, 0.0, 0.0], [60.0, 30.0, 0.0]])
    turned, at = poses[0]
    ends = cv2.projectPoints(lifted, np.radians(turned), at, CAMERA, DISTORTION)[0].reshape(-1, 2)
    found = to_mm(flat_, ends)
    assert np.hypot(*(found[1] - found[0])) == pytest.approx(np.hypot(60, 30), rel=0.003)


def test_too_few_boards_are_a_problem_that_names_the_pictures(pictures: list[np.ndarray]) -> None:  # type: ignore[type-arg]
    blank = np.full((SIZE[1], SIZE[0]), 128, np.uint8)
    with pytest.raises(Problem, match=r"no board of 9 x 6 inner corners in the pictures \[1, 3\]"):
        from_checkerboard([pictures[0], blank, pictures[1], blank], 9, 6, SQUARE_MM)
    with pytest.raises(Problem, match=r"in the pictures \[0\]"):
        from_checkerboard([blank, *pictures[:3]], 9, 6, SQUARE_MM, in_plane=0)
    with pytest.raises(Problem, match="IMAGE_SIZE"):
        from_checkerboard([pictures[0], blank[:-1]], 9, 6, SQUARE_MM)
    with pytest.raises(Problem, match="IMAGE_SIZE"):
        from_checkerboard([], 9, 6, SQUARE_MM)


def test_boards_that_take_too_long_to_find_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = np.full((40, 60), 128, np.uint8)
    for until, code in ((math.inf, "NO_CONTRAST"), (time.monotonic() - 1.0, "TIMEOUT")):
        with pytest.raises(Problem, match=code):
            from_checkerboard([plain] * 3, 9, 6, SQUARE_MM, until=until)
    asked = Calibrate(
        request_id="r",
        station="cam1",
        images=(base64.b64encode(b"a picture").decode(),) * 3,
        columns=9,
        rows=6,
        square_mm=SQUARE_MM,
    )
    decoder = SimpleNamespace(decode=lambda _: plain)
    bench: Any = SimpleNamespace(workshop=SimpleNamespace(decoder=decoder))
    for limit_s, code in ((calibrate.LIMIT_S, "NO_CONTRAST"), (-1.0, "TIMEOUT")):
        monkeypatch.setattr(calibrate, "LIMIT_S", limit_s)
        with pytest.raises(Problem, match=code):
            calibrate.calibrate(bench, asked)


def test_a_known_length_is_a_scale() -> None:
    scale = from_length(412.6, 25.0)
    assert to_mm(scale, [[10.0, 10.0], [10.0, 422.6]]) == pytest.approx(
        np.array([[10, 10], [10, 422.6]]) * 25 / 412.6
    )
    assert px_length(flat(scale, "mm"), (5.0, 5.0)) == pytest.approx(25 / 412.6)
    for length_px, length_mm in ((0.0, 25.0), (10.0, 0.0), (-1.0, 1.0), (float("nan"), 1.0)):
        with pytest.raises(Problem, match="NO_VALUE"):
            from_length(length_px, length_mm)


def test_px_stay_px_and_mm_need_a_calibration() -> None:
    assert flat(None, "px")([[3.0, 4.0]]).tolist() == [[3.0, 4.0]]
    with pytest.raises(Problem, match="NO_VALUE"):
        flat(None, "mm")


def test_a_calibration_is_refused_for_pictures_of_another_size(learned: Checkerboard) -> None:
    check_size(learned, *SIZE)
    check_size(Scale(mm_per_px=1.0), 1, 1)
    check_size(None, 1, 1)
    with pytest.raises(Problem, match=r"IMAGE_SIZE.*480 x 360 px, not of 640 x 480"):
        check_size(learned, 640, 480)


def program(calibration: object = None, **changes: object) -> dict[str, object]:
    """A program that measures a bar: its length in mm, and the gap between its edges by two other
    tools."""
    region = {"x": 40, "y": 100, "width": 400, "height": 40}
    tools = [
        {"kind": "width", "name": "bar", "region": region, "low": 1.0, "unit": "mm", **changes},
        {
            "kind": "line",
            "name": "left",
            "region": {**region, "width": 180},
            "low": -90.0,
            "polarity": "dark_to_light",
        },
        {
            "kind": "line",
            "name": "right",
            "region": {**region, "x": 260, "width": 180},
            "low": -90.0,
            "polarity": "light_to_dark",
        },
        {
            "kind": "distance",
            "name": "gap",
            "first": "left",
            "second": "right",
            "low": 1.0,
            "unit": "mm",
        },
        {"kind": "angle", "name": "leaning", "first": "left", "second": "right", "low": 0.0},
    ]
    return {
        "schema": "program/1",
        "id": "p",
        "name": "p",
        "tools": tools,
        **({"calibration": calibration} if calibration else {}),
    }


def test_a_program_measures_in_mm_through_the_lens(learned: Checkerboard) -> None:
    # a bar of 78 mm; the lens bends it little over 40 rows
    ends = seen(np.array([[-8.0, 15.0], [70.0, 15.0]]))
    scene = bar(
        Scene.plain(*SIZE, 60.0), ends[:, 0].mean(), 119.5, ends[1, 0] - ends[0, 0], 300, 170.0
    )
    loaded = load(as_program(program(learned.model_dump(mode="json"))), 1, "", None)
    found = {
        finding.result.name: finding.result
        for finding in measure(scene.frame(3), Placement(), loaded)
    }
    assert found["bar"].unit == found["gap"].unit == "mm"
    assert found["bar"].value == pytest.approx(78, abs=0.3)
    assert found["gap"].value == pytest.approx(found["bar"].value, abs=0.1)
    assert 0 < found["leaning"].value < 3  # upright in the picture, so not upright on the plane


def test_a_program_in_mm_without_a_calibration_is_refused_when_it_is_saved() -> None:
    with pytest.raises(
        Problem, match=r"PROGRAM_INVALID.*tool bar: unit is mm, but the program has no calibration"
    ):
        as_program(program())


def test_an_angle_is_between_lines_only() -> None:
    value = program({"kind": "scale", "mm_per_px": 0.1})
    value["tools"][4]["first"] = "bar"  # type: ignore[index]
    with pytest.raises(
        Problem, match=r"tool leaning: (first|second): the tool .* is not of the kind line"
    ):
        as_program(value)


def test_a_frame_of_another_size_than_the_calibration_is_not_measured(
    learned: Checkerboard,
) -> None:
    loaded = load(as_program(program(learned.model_dump(mode="json"))), 1, "", None)
    with pytest.raises(Problem, match="IMAGE_SIZE"):
        measure(Scene.plain(640, 480).frame(3), Placement(), loaded)
    master = cv2.imencode(".png", Scene.plain(640, 480).pixels(3))[1].tobytes()
    with pytest.raises(Problem, match=r"PROGRAM_INVALID.*calibration: .*480 x 360"):
        load(
            as_program({**program(learned.model_dump(mode="json")), "master": "m.png"}),
            1,
            "",
            master,
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"camera_matrix": [[-1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]},
        {"camera_matrix": [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]]},
        {"camera_matrix": [[1.0, 0.0], [0.0, 1.0]]},
        {"plane": [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 1.0]]},
        {"distortion": [0.1, 0.2]},
        {"distortion": [0.1, 0.2, 0.0, 0.0, float("nan")]},
        {"mm_per_px": 0.0},
        {"kind": "sphere"},
    ],
)
def test_what_is_no_calibration_is_refused(learned: Checkerboard, wrong: dict[str, object]) -> None:
    with pytest.raises(Problem, match=r"PROGRAM_INVALID.*calibration"):
        as_program(program({**learned.model_dump(mode="json"), **wrong}))


def test_the_lens_is_undone_to_a_thousandth_of_a_px(learned: Checkerboard) -> None:
    grid = np.stack(np.meshgrid(np.linspace(0, 479, 12), np.linspace(0, 359, 9)), axis=-1).reshape(
        -1, 2
    )
    plain = learned.model_copy(update={"plane": None, "mm_per_px": 1.0})
    straight = to_mm(plain, grid)
    camera = np.array(learned.camera_matrix)
    rays = np.column_stack(
        [(straight - camera[:2, 2]) / camera[[0, 1], [0, 1]], np.ones(len(straight))]
    )
    back = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), camera, np.array(learned.distortion))[
        0
    ].reshape(-1, 2)
    assert np.abs(back - grid).max() < 1e-3


def test_a_point_that_the_model_of_the_lens_does_not_reach_has_no_mm(learned: Checkerboard) -> None:
    wild = learned.model_copy(update={"distortion": (-0.25, 0.5, 0.0, 0.0, -2.0)})
    assert to_mm(wild, [[240.0, 180.0]]).shape == (1, 2)
    with pytest.raises(Problem, match=r"does not reach \(0, 0\)"):
        to_mm(wild, [[240.0, 180.0], [0.0, 0.0]])
