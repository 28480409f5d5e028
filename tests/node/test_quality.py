"""The quality gate: lenient with pictures of parts, strict with what cannot be judged."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from node.cameras.synthetic import master
from node.frame import Frame
from node.quality import check, measure
from schemas import Problem, QualityLimits, SyntheticCamera
from tests.rooms.pictures.scenes import Scene

pytestmark = pytest.mark.slow

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
    blurs = [
        measure(frame(cv2.GaussianBlur(PART, (0, 0), sigma))).sharpness
        for sigma in (0.5, 1, 2, 4, 8)
    ]
    assert blurs == sorted(blurs, reverse=True)
    assert measure(frame(PART + noise(PART.shape, 4))).sharpness == pytest.approx(
        measure(frame(PART)).sharpness, rel=0.2
    )


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


@pytest.mark.parametrize("channel", range(3))
def test_a_frame_of_which_one_channel_is_burnt_out_is_refused(channel):
    pixels = np.stack([PART[:, :, 1] * 0.6] * 3, axis=2) + noise(PART.shape)
    check(frame(pixels), LIMITS)
    pixels[:, :, channel] = 255
    with pytest.raises(Problem, match=r"IMAGE_QUALITY.*burnt out in a channel"):
        check(frame(pixels), LIMITS)


@pytest.mark.parametrize("size", [(640, 480), (1280, 960)])
@pytest.mark.parametrize("across", [16, 40, 80])
@pytest.mark.parametrize("dark", [False, True])
def test_one_sharp_hole_in_a_plain_plate_is_sharp_and_a_blurred_one_is_not(size, across, dark):
    scale = size[0] / 640
    ground, hole = (60.0, 180.0) if dark else (200.0, 40.0)
    scene = Scene.plain(*size, ground).disc(
        size[0] / 2 + 3.3, size[1] / 2 - 5.2, across * scale / 2, hole
    )
    sharp, soft = scene.blurred(0.7), scene.blurred(6 * scale)
    for noise_ in (0, 2, 8):
        check(frame(sharp.pixels(noise_, 1)), LIMITS)
        with pytest.raises(Problem, match="sharpness"):
            check(frame(soft.pixels(noise_, 2)), LIMITS)


def photo(scale: int = 1):
    path = Path(__file__).parents[1] / "data" / "board.jpg"
    gray = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.float32)
    return cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def woven():
    """Cloth that fills the frame: as random as noise, but seen through a lens."""
    return 128 + 180 * cv2.GaussianBlur(noise((480, 640), 1.0).astype(np.float32), (0, 0), 0.9)


@pytest.mark.parametrize("sigma", [0, 4, 12])
@pytest.mark.parametrize(
    ("draw", "blur"),
    [(photo, 6), (lambda: photo(2), 12), (woven, 6)],
    ids=["photo", "large", "woven"],
)
def test_noise_is_no_sharpness_and_a_sharp_picture_stays_sharp(draw, blur, sigma):
    pixels = draw()
    check(frame(pixels + noise(pixels.shape, sigma)), LIMITS)
    soft = cv2.GaussianBlur(pixels, (0, 0), blur)
    with pytest.raises(Problem, match="sharpness"):
        check(frame(soft + noise(soft.shape, sigma)), LIMITS)


def test_hot_pixels_do_not_make_a_blurred_picture_sharp():
    pixels = Scene.plain(640, 480, 150.0).disc(320, 240, 30, 60.0).blurred(8).pixels(2)
    dice = np.random.default_rng(3)
    pixels[dice.integers(0, 480, 30), dice.integers(0, 640, 30)] = 255
    with pytest.raises(Problem, match="sharpness"):
        check(frame(pixels), LIMITS)
