"""Plain OpenCV ways to find a turned part, next to the locator `pattern`: templates of all angles,
directions of gradients, and features."""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas import Pose, Region
from tests.bench.vision.locate_pictures import Gray, turned

BRUTE_STEP_DEG = 1.0
Finder = Callable[[Gray], Pose | None]


def sweep(master: Gray, where: Region, half_range_deg: float, halvings: int) -> Finder:
    """matchTemplate over all angles at a pyramid level, then over 1 degree around the best at full
    resolution."""
    model = master[where.y : where.bottom, where.x : where.right]

    def halved(picture: Gray, times: int) -> Gray:
        for _ in range(times):
            picture = cv2.pyrDown(picture)  # type: ignore[assignment]
        return picture

    def made(
        angles: NDArray[np.float64], times: int
    ) -> list[tuple[float, Gray, Gray, float, float]]:
        small = halved(model, times)
        return [(float(angle), *turned(small, float(angle))) for angle in angles]

    step = BRUTE_STEP_DEG * 2**halvings
    coarse = made(np.arange(-half_range_deg, half_range_deg, step), halvings)

    def best(
        picture: Gray, models: list[tuple[float, Gray, Gray, float, float]]
    ) -> tuple[float, float, float, float]:
        top = (-1.0, 0.0, 0.0, 0.0)
        for angle, pixels, mask, x, y in models:
            if pixels.shape[0] > picture.shape[0] or pixels.shape[1] > picture.shape[1]:
                continue
            if abs(angle) < 0.1:
                scores = cv2.matchTemplate(picture, pixels, cv2.TM_CCOEFF_NORMED)
            else:
                scores = cv2.matchTemplate(picture, pixels, cv2.TM_CCOEFF_NORMED, mask=mask)
            scores[~np.isfinite(scores) | (scores > 1.001)] = -1
            _, score, _, place = cv2.minMaxLoc(scores)
            top = max(top, (score, place[0] + x, place[1] + y, angle))
        return top

    def find(picture: Gray) -> Pose | None:
        score, x, y, angle = best(halved(picture, halvings), coarse)
        if halvings:
            scale = 2**halvings
            x, y = scale * x, scale * y
            reach = math.hypot(where.width, where.height) / 2 + scale + 2
            left, top = max(int(x - reach), 0), max(int(y - reach), 0)
            window = picture[top : int(y + reach), left : int(x + reach)]
            fine = [
                (a, *turned(model, a))
                for a in np.arange(angle - step / 2, angle + step / 2 + 0.01, BRUTE_STEP_DEG / 2)
            ]
            score, x, y, angle = best(window, fine)
            x, y = x + left, y + top
        return Pose(x=x, y=y, angle_deg=angle, score=max(score, 0)) if score > 0.3 else None

    return find


def features(master: Gray, where: Region, half_range_deg: float) -> Finder:
    """SIFT and RANSAC."""
    sift = cv2.SIFT.create()
    model = master[where.y : where.bottom, where.x : where.right]
    points, words = sift.detectAndCompute(model, None)
    matcher = cv2.BFMatcher()

    def find(picture: Gray) -> Pose | None:
        seen, seen_words = sift.detectAndCompute(picture, None)
        if words is None or seen_words is None or len(seen) < 2:
            return None
        pairs = [
            p
            for p in matcher.knnMatch(words, seen_words, k=2)
            if len(p) == 2 and p[0].distance < 0.8 * p[1].distance
        ]
        if len(pairs) < 3:
            return None
        from_ = np.array([points[p[0].queryIdx].pt for p in pairs])
        to = np.array([seen[p[0].trainIdx].pt for p in pairs])
        turn, _ = cv2.estimateAffinePartial2D(from_, to, ransacReprojThreshold=2.0)
        if turn is None or not np.isfinite(turn).all():
            return None
        x, y = turn @ ((where.width - 1) / 2, (where.height - 1) / 2, 1)
        return Pose(
            x=float(x), y=float(y), angle_deg=math.degrees(math.atan2(turn[1, 0], turn[0, 0]))
        )

    return find


def pyramid(master: Gray, where: Region, half_range_deg: float) -> Finder:
    """The sweep at a quarter of the size."""
    return sweep(master, where, half_range_deg, 2)


def directions(master: Gray, where: Region, half_range_deg: float) -> Finder:
    """Directions of steep gradients, summed over the pattern, at a quarter of the size; then 1
    degree around at full size."""

    def field(picture: Any) -> Any:
        across, down = (cv2.Sobel(picture, cv2.CV_32F, dx, 1 - dx, scale=1 / 8) for dx in (1, 0))
        length = cv2.magnitude(across, down)
        return cv2.merge(
            [np.where(length > 4, part / (length + 1e-6), 0) for part in (across, down)]
        )

    def quarter(picture: Any) -> Any:
        return cv2.pyrDown(cv2.pyrDown(picture))

    def made(model: Gray, angles: NDArray[np.float64]) -> list[tuple[float, Any, float, float]]:
        found = []
        for angle in angles.tolist():
            pixels, mask, x, y = turned(model, angle)
            inside = cv2.erode(mask, np.ones((5, 5), np.uint8), borderValue=0) > 0
            parts = field(pixels) * inside[:, :, None]
            found.append(
                (angle, parts / max(float(np.count_nonzero(np.any(parts, axis=2))), 1.0), x, y)
            )
        return found

    def best(
        picture: Any, models: list[tuple[float, Any, float, float]]
    ) -> tuple[float, float, float, float]:
        top = (-1.0, 0.0, 0.0, 0.0)
        for angle, parts, x, y in models:
            if parts.shape[0] <= picture.shape[0] and parts.shape[1] <= picture.shape[1]:
                _, score, _, place = cv2.minMaxLoc(cv2.matchTemplate(picture, parts, cv2.TM_CCORR))
                top = max(top, (score, place[0] + x, place[1] + y, angle))
        return top

    model = np.ascontiguousarray(master[where.y : where.bottom, where.x : where.right])
    step = 4 * BRUTE_STEP_DEG
    coarse = made(quarter(model), np.arange(-half_range_deg, half_range_deg, step))

    def find(picture: Gray) -> Pose | None:
        score, x, y, angle = best(field(quarter(picture)), coarse)
        reach = math.hypot(where.width, where.height) / 2 + 6
        left, top = max(int(4 * x - reach), 0), max(int(4 * y - reach), 0)
        window = field(picture[top : int(4 * y + reach), left : int(4 * x + reach)])
        fine = made(model, np.arange(angle - step / 2, angle + step / 2 + 0.01, BRUTE_STEP_DEG / 2))
        score, x, y, angle = best(window, fine)
        return (
            Pose(x=x + left, y=y + top, angle_deg=angle, score=min(max(score, 0), 1))
            if score > 0.2
            else None
        )

    return find
