"""The search for the nearest patch: in 8 bit the distance is nearly what it is in floats, never
less, and 8 bit is not used where it is not right."""

import numpy as np
import pytest

from node.networks import nearest
from node.networks.nearest import Nearest


def near(places: nearest.Floats, patches: nearest.Floats) -> nearest.Floats:
    apart = places[:, None].astype(float) - patches[None]
    return np.sqrt(np.square(apart).sum(axis=2)).min(axis=1).astype(np.float32)  # type: ignore[no-any-return]


@pytest.fixture
def clouds() -> tuple[nearest.Floats, nearest.Floats]:
    """Places and patches of unequal spread, as features are; some places far away from all."""
    dice = np.random.default_rng(2)
    spread = dice.uniform(0.2, 3, 40)
    places = dice.normal(size=(300, 40)) * spread
    places[:10] *= 30
    return places.astype(np.float32), (dice.normal(size=(170, 40)) * spread).astype(np.float32)


def test_in_floats_it_is_the_distance(clouds: tuple[nearest.Floats, nearest.Floats]) -> None:
    places, patches = clouds
    assert Nearest(patches).exact(places) == pytest.approx(near(places, patches), rel=1e-4)


def test_in_8_bit_it_is_hardly_more_and_never_less(
    clouds: tuple[nearest.Floats, nearest.Floats],
) -> None:
    places, patches = clouds
    share = Nearest(patches).quick(places) / near(places, patches)
    assert share.min() > 1 - 1e-5
    assert share[10:].max() < 1.05
    assert np.mean(share[10:] > 1.001) < 0.1


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_a_patch_itself_is_at_no_distance_whatever_its_length(scale: float) -> None:
    """Lengths that differ a thousandfold: what is added to the products for them must hold them
    all."""
    dice = np.random.default_rng(3)
    patches = (dice.normal(size=(90, 24)) * np.geomspace(0.05, 50, 90)[:, None] * scale).astype(
        np.float32
    )
    assert Nearest(patches).quick(patches[-20:]) == pytest.approx(0, abs=1e-6 * scale)
    assert np.isfinite(Nearest(np.zeros((5, 24), np.float32)).quick(patches)).all()


def test_products_that_are_not_right_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on processors whose 8 bit products saturate, and where onnxruntime is missing."""
    right = nearest._product

    def saturated(patches: np.ndarray) -> object:
        return lambda places: np.clip(right(patches)(places), -32768, 32767)

    def missing(patches: np.ndarray) -> object:
        del patches
        raise ModuleNotFoundError("onnxruntime")

    for product in (saturated, missing):
        monkeypatch.setattr(nearest, "_product", product)
        assert nearest.products.__wrapped__() is None
    monkeypatch.setattr(nearest, "products", lambda: None)
    patches = np.random.default_rng(1).normal(size=(30, 8)).astype(np.float32)
    assert Nearest(patches).distances(patches + 1) == pytest.approx(
        near(patches + 1, patches), rel=1e-4
    )
