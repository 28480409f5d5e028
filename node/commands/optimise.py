"""Optimise: the exposure and gain with which a camera gives the lightest picture that is not burnt
out."""

import time
from typing import Any, NamedTuple

import cv2
import numpy as np

from node.cameras import Request
from node.cameras.one_at_a_time import OneAtATime
from node.frame import Frame
from schemas import Problem
from schemas.program import ProgramCamera

SHARE = 0.995  # this share of the pixels ...
AIM = 230.0  # ... shall stay below this gray: the rest may be gloss
NEAR = 12.0
BURNT = 250.0
GRABS = 8
LIMIT_S = 6.0
FIRST_MS, LEAST_MS, MOST_MS = 5.0, 0.1, 50.0  # a longer exposure blurs what moves
MOST_GAIN = 16.0
STEP = 4.0  # lighter by at most this much at a time: a dark picture tells little


class _Try(NamedTuple):
    frame: Frame
    camera: ProgramCamera
    level: float


def optimise(
    camera: OneAtATime, start: ProgramCamera, timeout_ms: int, most_ms: float = MOST_MS
) -> tuple[Frame, ProgramCamera]:
    """The best of at most 8 pictures, and the settings it was taken with; the mode stays as in
    `start`.

    The level that 99.5 % of the pixels stay below is led to 230: exposure first, gain where the
    longest exposure (`most_ms`, or half the camera's time-out) is too dark. Raises Problem
    CAMERA_ERROR if the camera takes neither, or what grab() raises for the first picture; a setting
    that the camera refuses later ends the search.
    """
    if not {"exposure_ms", "gain"} & set(camera.controls):
        raise Problem(
            "CAMERA_ERROR",
            "this camera can be told neither exposure nor gain: change the light, or the lens",
        )
    most_ms = max(LEAST_MS, min(most_ms, timeout_ms / 2))
    asked, best = _first(camera, start, most_ms), None
    most_gain = MOST_GAIN
    until = time.monotonic() + LIMIT_S
    for _ in range(GRABS):
        now_ns = time.monotonic_ns()
        try:
            frame = camera.grab(Request(now_ns, now_ns + timeout_ms * 1_000_000, None, asked))
        except Problem:
            if best is None:
                raise
            if asked.gain == best.camera.gain:
                break  # beyond what the camera takes
            most_gain = best.camera.gain or 1.0
            asked = asked.model_copy(update={"gain": best.camera.gain})
            continue
        tried = _Try(frame, asked, _level(frame))
        best = tried if best is None else _better(best, tried)
        following = _next(camera, tried, most_ms, most_gain)
        if following == asked or time.monotonic() >= until:
            break
        asked = following
    assert best is not None
    return best.frame, best.camera


def _first(camera: OneAtATime, start: ProgramCamera, most_ms: float) -> ProgramCamera:
    exposure_ms, gain = start.exposure_ms, start.gain
    if "exposure_ms" in camera.controls:
        exposure_ms = min(exposure_ms or FIRST_MS, most_ms)
    if "gain" in camera.controls and gain is None and "exposure_ms" not in camera.controls:
        gain = 1.0
    return start.model_copy(update={"exposure_ms": exposure_ms, "gain": gain})


def _better(a: _Try, b: _Try) -> _Try:
    """The picture that is nearer to the aim; one that is burnt out only if both are."""
    return min(a, b, key=lambda tried: (tried.level >= BURNT, abs(tried.level - AIM)))


def _next(camera: OneAtATime, tried: _Try, most_ms: float, most_gain: float) -> ProgramCamera:
    """The settings to try after these, the same ones if they are good or cannot be changed
    further."""
    if abs(tried.level - AIM) <= NEAR:
        return tried.camera
    factor = 0.5 if tried.level >= BURNT else min(STEP, AIM / max(tried.level, 1.0))
    exposure_ms, gain = tried.camera.exposure_ms, tried.camera.gain
    # gain brings noise: it goes first
    if "gain" in camera.controls and factor < 1 and (gain or 1.0) > 1.0:
        less = max(1.0, (gain or 1.0) * factor)
        factor, gain = factor * (gain or 1.0) / less, round(less, 2)
    if "exposure_ms" in camera.controls and exposure_ms is not None:
        wanted = min(most_ms, max(LEAST_MS, exposure_ms * factor))
        factor, exposure_ms = factor * exposure_ms / wanted, round(wanted, 1)
    if "gain" in camera.controls and factor > 1.05 and (gain or 1.0) < most_gain:
        gain = round(min(most_gain, (gain or 1.0) * factor), 2)
    return tried.camera.model_copy(update={"exposure_ms": exposure_ms, "gain": gain})


def _level(frame: Frame) -> float:
    """The gray that 99.5 % of the pixels stay below; of the lightest channel of a coloured frame,
    which burns out first."""
    step = max(1, min(frame.pixels.shape[:2]) // 240)
    pixels: Any = np.ascontiguousarray(frame.pixels[::step, ::step])
    channels = cv2.split(pixels) if frame.coloured else (pixels,)
    return max(float(np.quantile(channel, SHARE)) for channel in channels)
