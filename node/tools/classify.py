"""Which of the taught classes a region looks like, or none of them: logistic regression on what a
network sees in it."""

from dataclasses import dataclass

import numpy as np

from node.frame import View
from node.measurement import Measurement
from node.model_file import unpack
from node.networks.features import Floats, backbone, maps, vector
from node.networks.likeness import limits, nearest
from node.networks.logistic import SHAPES, Weights
from schemas import Problem
from schemas.tools.classify import Classify


@dataclass(frozen=True)
class ClassifyLearned:
    """The names of the classes, how to tell them apart, what was taught of each, and how unlike
    them a new picture may be."""

    classes: tuple[str, ...]
    weights: Weights
    taught: tuple[Floats, ...]
    limits: tuple[float, ...]


def learn(
    _view: View | None, settings: Classify, model: bytes | None = None
) -> ClassifyLearned | None:
    """What was taught; None if nothing was. Raises Problem MODEL_INVALID, also if the expected
    class was not taught."""
    if model is None:
        return None
    arrays = unpack(model, "classify", SHAPES)
    classes = tuple(str(name) for name in arrays["classes"])
    if str(arrays["backbone"]) != backbone().digest:
        raise Problem("MODEL_INVALID", "it was taught with another backbone; teach it again")
    if int(arrays["size"]) != settings.size_px:
        raise Problem("MODEL_INVALID", "size_px was changed since it was taught; teach it again")
    for name in (settings.expected, *settings.least):
        if name not in classes:
            raise Problem(
                "MODEL_INVALID", f"expected: {name} was not taught; {', '.join(classes)} were"
            )
    weights = Weights(
        *(arrays[name].astype(np.float32) for name in ("mean", "scale", "weights", "bias"))
    )
    if not weights.fits(len(classes)):
        raise Problem("MODEL_INVALID", "the arrays of the model file do not fit each other")
    vectors, labels = arrays["vectors"].astype(np.float32), arrays["labels"].astype(np.intp)
    fits = len(vectors) == len(labels) and vectors.shape[1] == len(weights.mean)
    if not fits or set(labels.tolist()) != set(range(len(classes))):
        raise Problem("MODEL_INVALID", "the arrays of the model file do not fit each other")
    taught = tuple(vectors[labels == label] for label in range(len(classes)))
    return ClassifyLearned(classes, weights, taught, tuple(limits(vectors, labels, len(classes))))


def measure(view: View, settings: Classify, learned: ClassifyLearned | None) -> Measurement:
    """Probability of the expected class; the text is the likeliest one.

    Raises Problem NOT_TAUGHT, NO_CONTRAST if the view has one value only, NO_VALUE if the lead of
    the likeliest class is below the margin (it would be a guess) or its probability below its own
    limit, or if it is unlike all that was taught of that class: it is neither.
    """
    if learned is None:
        raise Problem("NOT_TAUGHT", f"tool {settings.name}")
    if view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    seen = vector(maps(view, settings.size_px))
    if len(seen) != len(learned.weights.mean):
        raise Problem("MODEL_INVALID", "it was taught with another backbone; teach it again")
    chances = learned.weights.probabilities(seen[None])[0]
    second, first = np.argsort(chances)[-2:]
    if chances[first] - chances[second] < settings.margin:
        likely, next_ = (f"{learned.classes[k]} {chances[k]:.2f}" for k in (first, second))
        raise Problem("NO_VALUE", f"it may be {likely} or {next_}")
    name = learned.classes[first]
    if chances[first] < settings.least.get(name, 0.0):
        raise Problem(
            "NO_VALUE",
            f"it may be {name}, {chances[first]:.2f}, which counts from"
            f" {settings.least[name]:g} on",
        )
    unlike = float(nearest(seen[None], learned.taught[first])[0]) / max(learned.limits[first], 1e-6)
    if settings.unlike_high is not None and unlike > settings.unlike_high:
        raise Problem(
            "NO_VALUE",
            f"neither: it is unlike what was taught, even of {name}, {unlike:.2f} times what a"
            f" {name} may be",
        )
    return Measurement(float(chances[learned.classes.index(settings.expected)]), text=name)
