"""Edges at half of their depth: used where neighbours fit no model of steps; never for a line that
is too thin for its blur."""

import math

import numpy as np
import pytest

from node.tools import width
from node.vision.edges import half
from node.vision.edges.half import Half, stays
from node.vision.edges.steps import gauss
from schemas import Width
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

X = np.arange(120)
WHERE = region(20, 5, 80, 60)


def one(values: np.ndarray, counts: np.ndarray, at: float, sign: float = 1.0) -> Half | None:
    """What becomes of a single place."""
    return stays(values, counts, np.array([at]), np.array([sign]))[0]


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
        found = one(values, np.ones(len(X), bool), middle + wide / 2)
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
    assert one(values, counts, 66.0) is not None
    counts[70] = False
    assert one(values, counts, 66.0) is None


@pytest.mark.parametrize(
    "values", [np.full(120, 90.0), np.linspace(0, 255, 120), np.where(X == 60, 200.0, 50.0)]
)
def test_no_edge_stays_where_there_is_none(values: np.ndarray) -> None:
    assert one(values, np.ones(len(X), bool), 60.0) is None


def alone(values: np.ndarray, counts: np.ndarray, at: float, sign: float) -> Half | None:
    """`stays` for one place, written for one: the truth for what is done with many at once."""
    first, last = max(round(at) - half.AROUND, 0), round(at) + half.AROUND + 1
    near = sign * values[first:last]
    halfway = between(near, at - first)
    if halfway is None or not counts[first:last][halfway[1] : halfway[2]].all():
        return None
    edge = halfway[0]
    again = between(half.blurred(near[None], edge.blur)[0], edge.at)
    if again is None or abs(again[0].at - edge.at) > half.MOST_MOVED_PX:
        return None
    return Half(first + edge.at, sign * edge.step, edge.blur)


def between(values: np.ndarray, at: float) -> tuple[Half, int, int] | None:
    """The step up near `at` between the levels of its sides, and where these end."""
    middle = min(max(round(at), 1), len(values) - 2)
    first = max(middle - 2, 0)
    foot = first + int(np.diff(values[first : middle + 3]).argmax())
    depth = float(values[foot + 1] - values[foot])
    for _ in range(3):
        before, low = side(-values[foot::-1], depth)
        after, high = side(values[foot + 1 :], depth)
        depth = high + low
    low, start, end = -low, foot - before, foot + 1 + after
    if depth <= 0 or min(foot + 1 - start, end - foot) < half.LEAST_WIDTH_PX:
        return None
    left, right = foot, foot + 1
    while values[left] > low + half.REACHED * depth:
        left -= 1
    while values[right] < high - half.REACHED * depth:
        right += 1
    place, blur = fitted(np.arange(left, right + 1), (values[left : right + 1] - low) / depth)
    good = left <= place <= right and blur < half.MOST_BLUR
    return (Half(place, depth, blur), start, end + 1) if good else None


def side(values: np.ndarray, depth: float) -> tuple[int, float]:
    """The last value before they turn back, and the greatest."""
    greatest = np.maximum.accumulate(values)
    back = np.flatnonzero(values < greatest - half.TURNS_BACK * max(depth, 1.0))
    last = int(back[0]) - 1 if len(back) else len(values) - 1
    return last, float(greatest[last])


def fitted(x: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Place and blur of one step from 0 to 1."""
    at, blur = float(x[-1] + 0.5 - values.sum()), max(0.3, (len(x) - 2) / 3.5)
    for _ in range(half.ROUNDS):
        far = (np.append(x - 0.5, x[-1] + 0.5) - at) / blur
        density, below = gauss(far)
        columns = np.stack([-np.diff(below), np.diff(density)])
        rest = values - blur * np.diff(far * below + density)
        system = columns @ columns.T + half.SMALL * np.eye(2)
        by, more = np.linalg.solve(system, columns @ rest).tolist()
        at += min(max(by, -0.5), 0.5)
        blur = min(max(blur + min(max(more, -0.5 * blur), blur), 0.1), 16.0)
        if max(abs(by), abs(more)) < half.SETTLED_PX:
            break
    return at, blur


def test_many_at_once_are_where_each_is_alone() -> None:
    """Scans of any length with soft and sharp steps, places on edges and beside them."""
    rng, found = np.random.default_rng(1), 0
    for _ in range(120):
        width = int(rng.integers(12, 400))
        x, values = np.arange(width), np.full(width, rng.uniform(20, 200))
        for place in rng.uniform(0, width, int(rng.integers(1, width // 6 + 2))).tolist():
            soft = rng.uniform(0.2, 2.5)
            values += rng.uniform(-60, 60) * (1 + np.tanh((x - place) / soft))
        values += rng.normal(0, rng.choice([0, 0.5, 3]), width)
        counts = rng.random(width) >= rng.choice([0, 0.01])
        steep = np.argsort(np.abs(np.diff(values)))[-10:] + rng.uniform(-0.5, 1.5, 10)
        at = np.concatenate([rng.uniform(0, width - 1, 20), steep.clip(0, width - 1)])
        sign = np.where(np.interp(at, x[:-1] + 0.5, np.diff(values)) < 0, -1.0, 1.0)
        sign[::7] *= -1
        together = stays(values, counts, at, sign)
        for place, up, edge in zip(at.tolist(), sign.tolist(), together, strict=True):
            truth = alone(values, counts, place, up)
            assert (edge is None) == (truth is None)
            if edge is not None and truth is not None:
                found += 1
                assert edge == pytest.approx(truth, rel=0, abs=1e-9)
    assert found > 200


def test_no_place_gives_no_edge() -> None:
    assert stays(seen(12.0, 0.8), np.ones(len(X), bool), np.zeros(0), np.zeros(0)) == []
