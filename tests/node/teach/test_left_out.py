"""What teaching classes reports about itself: each picture is tested once with a model of others,
in a time that does not grow with the square of their number."""

import numpy as np
import pytest

from node.networks import logistic
from node.networks.features import Floats
from node.teach import lesson


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked here is clear after some of them."""
    monkeypatch.setattr(logistic, "STEPS", 60)
    monkeypatch.setattr(lesson, "ASIDE", 8)


@pytest.mark.parametrize("count", [6, 23])
def test_each_picture_is_asked_once_of_a_model_without_it(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """The last number of each vector names it: no model has seen the picture that it is asked
    about."""
    dice = np.random.default_rng(1)
    labels = np.arange(count) % 2
    vectors = dice.normal(size=(count, 6)).astype(np.float32)
    vectors[:, :4] += 20 * labels[:, None]
    vectors[:, -1] = np.arange(count)
    asked: list[float] = []
    made: list[set[float]] = []
    real = logistic.fit

    class Told:
        def __init__(self, weights: logistic.Weights) -> None:
            self._weights = weights

        def probabilities(self, of: Floats) -> np.ndarray:
            assert not made[-1] & set(of[:, -1].tolist())
            asked.extend(of[:, -1].tolist())
            return self._weights.probabilities(of)

    def fit(of: Floats, their: np.ndarray, classes: int) -> Told:
        made.append(set(of[:, -1].tolist()))
        return Told(real(of, their, classes))

    monkeypatch.setattr(logistic, "fit", fit)
    wrong, _ = lesson._left_out(vectors, labels, 2, 0.1)
    assert sorted(asked) == list(range(count))
    assert len(made) == min(count, lesson.ASIDE)
    assert wrong == 0


def test_what_lies_in_the_other_class_is_counted_as_wrong() -> None:
    dice = np.random.default_rng(2)
    labels = np.repeat([0, 1], 50)
    vectors = dice.normal(size=(100, 4)).astype(np.float32)
    vectors[:, 0] += 20 * labels
    labels[[3, 70]] = 1 - labels[[3, 70]]
    wrong, _ = lesson._left_out(vectors, labels, 2, 0.1)
    assert wrong == 2
