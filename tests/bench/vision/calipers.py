"""Calipers and calibration: drawn edges and real boards, next to OpenCV: `python -m tests.bench.vision.calipers`."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from node.calibration import from_checkerboard
from node.frame import Frame
from node.tools import edge
from node.tools.fit import line
from schemas import Edge
from tests.bars import bar
from tests.scenes import Scene, region

WHERE = region(40, 30, 80, 40)


def measure(data: Path | None) -> list[dict[str, Any]]:
    """Rows of what, ours, plain and unit; the real pictures only with `data`."""
    rows = [_drawn(angle) for angle in (0.0, 3.0, 30.0)]
    if data is not None:
        rows.append(_boards(data))
    return rows


def _drawn(angle_deg: float) -> dict[str, Any]:
    """An edge of 60 gray levels, blur 0.8, noise sigma 5; plain: the points of Canny and a line through them."""
    tool = Edge(name="e", region=WHERE, low=0.0)
    ours, plain, times = [], [], ([], [])  # type: ignore[var-annotated]
    for seed in range(20):
        x = 79.5 + 0.05 * seed
        c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
        scene = bar(Scene.plain(160, 100, 60.0), x + 150 * c, 49.5 + 150 * s, 300, 300, 120.0, angle_deg)
        frame = scene.blurred(0.8).frame(5, seed)
        value, ms = _timed(lambda frame=frame: edge.measure(_fresh(frame).view(WHERE), tool).value)  # type: ignore[misc]
        ours.append(abs(value + 40 - x))
        times[0].append(ms)
        value, ms = _timed(lambda frame=frame: _canny(frame.gray[30:70, 40:120]))  # type: ignore[misc]
        plain.append(abs(value + 40 - x))
        times[1].append(ms)
    return {
        "what": f"edge at {angle_deg:g} degrees, median error",
        "ours": median(ours),
        "plain": median(plain),
        "unit": "px",
        "time ratio": median(times[0]) / median(times[1]),
    }


def _canny(gray: Any) -> float:
    y, x = np.nonzero(cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), 40, 80))
    fitted = line(np.column_stack([x, y]).astype(float))
    return float("nan") if fitted is None else fitted.x + (19.5 - fitted.y) * fitted.ux / fitted.uy


def _boards(data: Path) -> dict[str, Any]:
    pictures = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted((data / "calibration").glob("*.jpg"))]
    ours, ms = _timed(lambda: from_checkerboard(pictures, 9, 6, 25.0).error_px)  # type: ignore[arg-type]
    plain, plain_ms = _timed(lambda: _plain_boards(pictures))
    return {"what": "checkerboard, reprojection error", "ours": ours, "plain": plain, "unit": "px", "time ratio": ms / plain_ms}


def _plain_boards(pictures: list[Any]) -> float:
    grid = np.zeros((54, 3), np.float32)
    grid[:, :2] = np.mgrid[:9, :6].T.reshape(-1, 2)
    found = [cv2.findChessboardCorners(picture, (9, 6)) for picture in pictures]
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 0.01)
    corners: Any = [
        cv2.cornerSubPix(p, c, (11, 11), (-1, -1), criteria) for p, (seen, c) in zip(pictures, found, strict=True) if seen
    ]
    size = pictures[0].shape[::-1]
    return float(cv2.calibrateCamera([grid] * len(corners), corners, size, None, None)[0])  # type: ignore[call-overload]


def _fresh(frame: Frame) -> Frame:
    return Frame(frame.pixels, 0, 0.0, "bench", True)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    value = work()
    return value, 1000 * (time.perf_counter() - start)


def main() -> None:
    """Print the table; the environment variable DATA names the real pictures."""
    data = os.environ.get("DATA")
    for row in measure(Path(data) if data else None):
        print(f"{row['what']}: {row['ours']:.4f} {row['unit']}, plain {row['plain']:.4f}, time x {row['time ratio']:.1f}")


if __name__ == "__main__":
    main()
