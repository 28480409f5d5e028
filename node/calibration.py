"""From px to mm: learning a camera from pictures of a checkerboard, and lengths on the part's
plane.

A length is never a distorted length times a scale: the points are taken to the plane first (lens,
then plane), and what is measured is measured there.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels
from schemas import Problem
from schemas.calibration import Calibration, Checkerboard, Scale

T = TypeVar("T")
Floats = NDArray[np.float64]
Flat = Callable[[Any], Floats]  # n x 2 points of the frame, in px, as points of the part's plane

LEAST_VIEWS = 3
MOST_TILT_DEG, MOST_SPREAD = 2.0, 0.01  # of boards in one plane
MOST_ERROR_PX = 0.01  # of undoing the lens; it is more only where its polynomial folds over


def in_px(points: Any) -> Floats:
    """The points as they are."""
    same: Floats = np.asarray(points, float).reshape(-1, 2)
    return same


def flat(calibration: Calibration | None, unit: str) -> Flat:
    """What takes points of the frame to where lengths are measured in `unit`, px or mm.

    Raises Problem NO_VALUE for mm without a calibration.
    """
    if unit != "mm":
        return in_px
    if calibration is None:
        raise Problem("NO_VALUE", "mm need the program's calibration")
    return lambda points: to_mm(calibration, points)


def px_length(to_plane: Flat, at: Any) -> float:
    """Length of one px on the plane at a point of the frame."""
    start, right, down = to_plane(np.add(at, [[0, 0], [1, 0], [0, 1]]))
    return float(np.sqrt(np.hypot(*(right - start)) * np.hypot(*(down - start))))


def check_size(calibration: Calibration | None, width: int, height: int) -> None:
    """Raises Problem IMAGE_SIZE if the calibration was made from pictures of another size: then its
    lens does not fit."""
    if isinstance(calibration, Checkerboard) and (calibration.width, calibration.height) != (
        width,
        height,
    ):
        of = f"{calibration.width} x {calibration.height}"
        raise Problem(
            "IMAGE_SIZE",
            f"the calibration is for pictures of {of} px, not of {width} x {height} px",
        )


def to_mm(calibration: Calibration, points: Any) -> Floats:
    """Points of the frame (n x 2, px) as points of the part's plane in mm.

    Raises Problem NO_VALUE for a point beyond what the model of the lens can tell.
    """
    pixels = in_px(points)
    if isinstance(calibration, Scale):
        return np.multiply(pixels, calibration.mm_per_px, dtype=float)
    if len(pixels) == 0:
        return pixels
    straight = _undistorted(
        pixels, np.array(calibration.camera_matrix), np.array(calibration.distortion)
    )
    if calibration.plane is None:
        return np.asarray(straight * calibration.mm_per_px)
    return _projected(straight, np.array(calibration.plane))


def from_length(length_px: float, length_mm: float) -> Scale:
    """The scale of a camera that looks square at something of known length.

    Raises Problem NO_VALUE if a length is not positive.
    """
    if not (0 < length_px < np.inf and 0 < length_mm < np.inf):
        raise Problem("NO_VALUE", f"{length_mm:g} mm over {length_px:g} px is no scale")
    return Scale(mm_per_px=length_mm / length_px)


def from_checkerboard(
    pictures: Sequence[Pixels],
    columns: int,
    rows: int,
    square_mm: float,
    in_plane: int | None = None,
    until: float = math.inf,
) -> Checkerboard:
    """Camera and lens from pictures of one checkerboard with columns x rows inner corners; uint8,
    gray or BGR, of one size.

    in_plane: number of the picture in which the board lies where the parts will lie; it gives the
    plane. None is allowed if all boards lie in one plane, to 2 degrees and 1 % of their distance:
    it is the plane of the least tilted one. Corners by A. Duda, U. Frese 2018; camera by Z. Zhang
    2000. error_px is the reprojection error (RMS). until: as of in_time.

    Raises Problem NO_CONTRAST if the board is found in fewer than 3 pictures, or not in picture
    in_plane; NO_VALUE if None is not allowed; IMAGE_SIZE if sizes differ; TIMEOUT.
    """
    if not pictures or len({picture.shape[:2] for picture in pictures}) > 1:
        raise Problem("IMAGE_SIZE", "the pictures of a calibration must have one size")
    if columns < 3 or rows < 3 or not square_mm > 0:
        raise Problem(
            "NO_VALUE", f"a board of {columns} x {rows} corners with squares of {square_mm:g} mm"
        )
    height, width = pictures[0].shape[:2]
    boards = [_corners(picture, columns, rows) for picture in in_time(pictures, until)]
    usable = [number for number, board in enumerate(boards) if board is not None]
    if len(usable) < LEAST_VIEWS or (in_plane is not None and in_plane not in usable):
        missing = [number for number in range(len(boards)) if number not in usable]
        raise Problem(
            "NO_CONTRAST",
            f"no board of {columns} x {rows} inner corners in the pictures {missing}, counted"
            " from 0",
        )
    grid = np.zeros((columns * rows, 3), np.float32)
    grid[:, :2] = np.mgrid[:columns, :rows].T.reshape(-1, 2) * square_mm
    corners: Any = [boards[number] for number in usable]
    # k3 stays 0: with boards that do not reach the corners it runs wild there, and it changes
    # nothing elsewhere
    error, camera, distortion, turns, places = cv2.calibrateCamera(
        [grid] * len(usable), corners, (width, height), None, None, flags=cv2.CALIB_FIX_K3
    )
    camera, distortion = np.asarray(camera, float), np.asarray(distortion, float).ravel()[:5]
    straight = [_undistorted(board.reshape(-1, 2), camera, distortion) for board in corners]
    if in_plane is None:
        normals = np.array([cv2.Rodrigues(turn)[0][:, 2] for turn in turns])
        away = np.abs(np.sum(normals * np.reshape(places, (-1, 3)), axis=1))
        _check_one_plane(normals, away)
        board = straight[int(np.abs(normals[:, 2]).argmax())]
    else:
        board = straight[usable.index(in_plane)]
    homography, _ = cv2.findHomography(board, grid[:, :2].astype(float))
    plane = tuple(tuple(float(value) for value in row) for row in homography)
    mm_per_px = square_mm / _side(board, columns, rows)
    return Checkerboard(
        camera_matrix=(
            (float(camera[0, 0]), 0.0, float(camera[0, 2])),
            (0.0, float(camera[1, 1]), float(camera[1, 2])),
            (0.0, 0.0, 1.0),
        ),
        distortion=tuple(float(value) for value in distortion),  # type: ignore[arg-type]
        mm_per_px=float(mm_per_px),
        plane=plane,  # type: ignore[arg-type]
        width=width,
        height=height,
        error_px=float(error),
    )


def in_time(things: Iterable[T], until: float) -> Iterator[T]:
    """The things, one by one, until then (monotonic seconds). Raises Problem TIMEOUT: to look
    through a picture of 12 megapixels that shows no board takes a quarter of a minute."""
    for thing in things:
        if time.monotonic() > until:
            raise Problem("TIMEOUT", "looking for the boards takes too long: give fewer pictures")
        yield thing


def _check_one_plane(normals: Floats, away: Floats) -> None:
    """Raises Problem NO_VALUE if boards that were held by hand do not say where the parts will
    lie."""
    tilt_deg = float(np.degrees(np.arccos(np.clip(np.abs(normals @ normals.T), 0, 1))).max())
    spread = float(away.max() / away.min()) - 1
    if tilt_deg > MOST_TILT_DEG or spread > MOST_SPREAD:
        raise Problem(
            "NO_VALUE",
            f"the boards lie in different planes (tilted by up to {tilt_deg:.1f} degrees, nearer"
            f" and farther by {spread:.0%}), so none tells where the parts will lie: mark the"
            " picture in which the board lies there, or take one",
        )


def _corners(picture: Pixels, columns: int, rows: int) -> Any:
    """The inner corners row by row, n x 1 x 2; None if they are not all seen."""
    gray = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    # that helps in uneven light, but loses clean boards
    for flags in (0, cv2.CALIB_CB_NORMALIZE_IMAGE):
        flags |= cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_ACCURACY
        seen, corners = cv2.findChessboardCornersSB(gray, (columns, rows), flags=flags)
        if seen:
            return corners.reshape(-1, 1, 2).astype(np.float32)
    return None


def _undistorted(points: Floats, camera: Any, distortion: Any) -> Floats:
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-10)
    undone = cv2.undistortImagePoints(
        np.ascontiguousarray(points, np.float64), camera, distortion, arg1=criteria
    )
    straight: Floats = np.asarray(undone, np.float64).reshape(-1, 2)
    rays = np.column_stack(
        [(straight - camera[:2, 2]) / camera[[0, 1], [0, 1]], np.ones(len(straight))]
    )
    back = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), camera, distortion)[0].reshape(-1, 2)
    wrong = ~(np.abs(back - points).max(axis=1) <= MOST_ERROR_PX)  # also NaN
    if wrong.any():
        x, y = points[wrong][0]
        raise Problem(
            "NO_VALUE",
            f"the calibration of the lens does not reach ({x:.0f}, {y:.0f}); show it boards there",
        )
    return straight


def _projected(points: Floats, homography: Floats) -> Floats:
    lifted = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:])


def _side(board: Floats, columns: int, rows: int) -> float:
    """Mean side of the squares in px."""
    grid = board.reshape(rows, columns, 2)
    right, down = np.diff(grid, axis=1), np.diff(grid, axis=0)
    return float(np.mean(np.concatenate([np.hypot(*right.T).ravel(), np.hypot(*down.T).ravel()])))
