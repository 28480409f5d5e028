"""The quality gate: lenient with pictures of parts, strict with what cannot be judged."""

import cv2
import numpy as np
import pytest

from node.cameras.synthetic import master
from node.frame import Frame
from node.quality import check, measure
from schemas import Problem, QualityLimits, SyntheticCamera

LIMITS = QualityLimits()
PART = master(SyntheticCamera())


def frame(pixels) -> Frame:
    return Frame(np.clip(pixels, 0, 255).astype(np.uint8), 1, 1.0, "drawn", True)


def noise(shape, sigma: float = 2.0):
    return np.random.default_rng(1).normal(0, sigma, shape)


def test_figures_of_a_known_picture():
    pixels = np.full((480, 640), 100, np.uint8)
    pixels[:, 320:] = 200
    pixels[:48] = 255
    found = measure(frame(pixels))
    assert found.brightness == pytest.approx(0.9 * 150 + 0.1 * 255, abs=0.5)
    assert found.clipped == pytest.approx(0.1, abs=0.01)


def test_black_white_and_plain_frames_are_refused():
    for level in (0, 3, 252, 255):
        with pytest.raises(Problem, match=r"IMAGE_QUALITY.*brightness"):
            check(frame(level + noise((480, 640, 3))), LIMITS)
    with pytest.raises(Problem, match=r"IMAGE_QUALITY.*sharpness"):
        check(frame(120 + noise((480, 640, 3))), LIMITS)


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0])
def test_a_defocused_frame_is_refused_with_and_without_noise(scale, sigma):
    sharp = cv2.resize(PART, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(float)
    check(frame(sharp + noise(sharp.shape, sigma)), LIMITS)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 10 * scale) + noise(sharp.shape, sigma)
    with pytest.raises(Problem, match="sharpness"):
        check(frame(blurred), LIMITS)


def test_sharpness_falls_with_focus_and_not_with_noise():
    blurs = [measure(frame(cv2.GaussianBlur(PART, (0, 0), sigma))).sharpness for sigma in (0.5, 1, 2, 4, 8)]
    assert blurs == sorted(blurs, reverse=True)
    assert measure(frame(PART + noise(PART.shape, 4))).sharpness == pytest.approx(measure(frame(PART)).sharpness, rel=0.2)


def test_dim_bright_and_binary_pictures_pass():
    binary = np.where(PART[:, :, 0] > 100, 255, 0).astype(np.uint8)
    for pixels in (PART * 0.3, np.minimum(PART * 1.8, 255), binary, 255 - binary):
        check(frame(pixels), LIMITS)


def test_a_burnt_out_picture_is_refused():
    burnt = np.full((480, 640), 255, np.uint8)
    burnt[200:220, 200:500] = 0
    with pytest.raises(Problem, match=r"IMAGE_QUALITY.*too light|clipped"):
        check(frame(burnt), LIMITS)


def test_the_problem_names_figure_and_limit():
    with pytest.raises(Problem) as raised:
        check(frame(PART), QualityLimits(sharpness_low=255.0))
    assert raised.value.details["limit"] == 255.0
    assert "sharpness" in raised.value.message


def test_small_and_narrow_frames_have_figures_too():
    for shape in ((16, 16), (16, 2000), (17, 4001)):
        assert 0 <= measure(frame(np.full(shape, 90, np.uint8))).sharpness <= 255
