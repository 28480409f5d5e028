"""Classes from few labelled vectors: multinomial logistic regression with a penalty on the square
of its weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from node.networks.features import Floats

PENALTY = 0.01
SHAPES = {
    "classes": ("U", 1),
    "mean": ("f", 1),
    "scale": ("f", 1),
    "weights": ("f", 2),
    "bias": ("f", 1),
    "vectors": ("f", 2),
    "labels": ("i", 1),
    "size": ("i", 0),
    "backbone": ("U", 0),
}  # of a model file; vectors and labels are kept so that pictures can be added
STEPS = 1000


@dataclass(frozen=True)
class Weights:
    """Class k has the score (vector - mean) / scale @ weights[:, k] + bias[k]; probabilities are
    their softmax."""

    mean: Floats
    scale: Floats
    weights: Floats
    bias: Floats

    def fits(self, classes: int) -> bool:
        """Whether the arrays fit each other, for that many classes."""
        dimensions = len(self.mean)
        shapes = (
            self.scale.shape == (dimensions,),
            self.weights.shape == (dimensions, classes),
            self.bias.shape == (classes,),
        )
        return classes >= 2 and all(shapes) and float(self.scale.min()) > 0

    def probabilities(self, vectors: Floats) -> NDArray[np.float64]:
        """n x classes, for n x dimensions."""
        scores = ((vectors - self.mean) / self.scale).astype(float) @ self.weights + self.bias
        return _softmax(np.asarray(scores, float))


def fit(vectors: Floats, labels: NDArray[np.intp], classes: int) -> Weights:
    """The weights for labels 0 to classes - 1, each class counting the same however many vectors it
    has. Deterministic.

    The vectors are scaled to a mean square of 1 in all, so that PENALTY does not depend on their
    dimensions. Minimised by Nesterov's accelerated gradient (Y. Nesterov 1983) in the space that
    the vectors span.
    """
    mean = vectors.mean(axis=0)
    spread = vectors.std(axis=0)
    scale = (spread + 0.1 * spread.mean() + 1e-6) * np.sqrt(np.float32(vectors.shape[1]))
    whole = ((vectors - mean) / scale).astype(float)
    left, singular, right = np.linalg.svd(whole, full_matrices=False)
    inputs = np.hstack([left * singular, np.ones((len(whole), 1))])  # the last is the bias
    wanted = np.eye(classes)[labels]
    share = wanted @ (1 / (classes * wanted.sum(axis=0)))
    penalty = np.full((inputs.shape[1], 1), PENALTY)
    penalty[-1] = PENALTY / 10  # a bias is barely held back
    steepest = 0.5 * np.linalg.eigvalsh((inputs * share[:, None]).T @ inputs).max() + PENALTY
    weights = ahead = np.zeros((inputs.shape[1], classes))
    for step in range(STEPS):
        gap = (_softmax(inputs @ ahead) - wanted) * share[:, None]
        new = ahead - (inputs.T @ gap + penalty * ahead) / steepest
        ahead = new + step / (step + 3) * (new - weights)
        weights = new
    fitted = (right.T @ weights[:-1]).astype(np.float32)
    return Weights(mean, scale.astype(np.float32), fitted, weights[-1].astype(np.float32))


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]
