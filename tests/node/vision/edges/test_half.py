"""Edges at half of their depth: used where neighbours fit no model of steps; never for a line that
is too thin for its blur."""

import math

import numpy as np
import pytest

from node.tools import width
from node.vision.edges.half import stays
from schemas import Width
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

X = np.arange(120)
WHERE = region(20, 5, 80, 60)


def seen(wide: float, blur: float, middle: float = 60.0) -> np.ndarray:
    """A dark bar of 120 gray levels in white, as pixels see it."""
    fine = (np.arange(len(X) * 8) + 0.5) / 8 - 0.5 - middle
    inside = [
        0.5 * (math.erf((x + wide / 2) / blur / 2**0.5) - math.erf((x - wide / 2) / blur / 2**0.5))
        for x in fine
    ]
    return 180 - 120 * np.reshape(inside, (len(X), 8)).mean(axis=1)


@pytest.mark.parametrize("blur", [0.5, 0.9, 1.5, 2.5])
@pytest.mark.parametrize("share", [0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0])
def test_an_edge_that_stays_under_blur_is_where_it_is(share: float, blur: float) -> None:
    wide = share * math.hypot(blur, 0.29)
    for middle in (60.0, 60.3, 60.5):
        values = seen(wide, blur, middle)
        found = stays(values, np.ones(len(X), bool), middle + wide / 2, 1.0)
        if share <= 3:
            assert found is None
        if share >= 8 and wide >= 4:
            assert found is not None
        if found is not None:
            assert found.at == pytest.approx(middle + wide / 2, abs=0.06)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("blur", [0.5, 0.8])
def test_a_groove_beside_stains_is_as_wide_as_at_half_its_depth(blur: float, seed: int) -> None:
    """Weak, soft steps beside a groove of 5 px: they fit no model of one blur."""
    scene = bar(Scene.plain(120, 70, 180.0), 60 + 0.17 * seed, 34.5, 5.0, 110, 60.0).blurred(blur)
    stain = bar(
        bar(Scene.plain(120, 70, 0.0), 68 + 0.17 * seed, 34.5, 3, 110, 40.0), 51, 34.5, 2, 110, 45.0
    ).blurred(1.6)
    view = Scene(scene.light - stain.light).frame(2, seed).view(WHERE)
    found = width.measure(
        view, Width(name="w", region=WHERE, between="dark", measure="inside", low=0.0)
    ).value
    assert found == pytest.approx(5.0, abs=0.15)


def test_what_does_not_count_is_no_side_of_an_edge() -> None:
    values, counts = seen(12.0, 0.8), np.ones(len(X), bool)
    assert stays(values, counts, 66.0, 1.0) is not None
    counts[70] = False
    assert stays(values, counts, 66.0, 1.0) is None


@pytest.mark.parametrize(
    "values", [np.full(120, 90.0), np.linspace(0, 255, 120), np.where(X == 60, 200.0, 50.0)]
)
def test_no_edge_stays_where_there_is_none(values: np.ndarray) -> None:
    assert stays(values, np.ones(len(X), bool), 60.0, 1.0) is None
