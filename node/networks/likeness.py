"""How unlike the taught pictures of a class a new one may be, judged by leaving each of them out.

The distance is that of the directions of two feature vectors (their chord), to the nearest taught
one of the class. Each taught one has such a distance to the others; a new one of the class seldom
exceeds their mean by more than a few of their standard deviations, so a picture that does is taken
for none of the classes that were taught.
"""

import math

import numpy as np
from numpy.typing import NDArray

from node.networks.features import Floats

# pictures: with fewer, a class's own distances tell nothing, and those of all classes together are
# used
FEW = 4
SPREADS = 2.2  # standard deviations beyond the mean, more where few pictures tell of them
LEAST_SPREAD = 0.1  # of the mean: pictures taken in a row are more alike than the next day's
SAME = 2e-3  # distance of copies, which tell nothing of how unlike a new picture may be


def nearest(vectors: Floats, taught: Floats) -> Floats:
    """The distance of each of n vectors to the nearest of m, 0 to 2."""
    return np.sqrt(np.maximum(2 - 2 * (_directions(vectors) @ _directions(taught).T), 0)).min(  # type: ignore[no-any-return]
        axis=1
    )


def limits(vectors: Floats, labels: NDArray[np.intp], classes: int) -> list[float]:
    """For each class, the distance from which on a picture does not belong to it."""
    own = [_left_out(vectors[labels == label]) for label in range(classes)]
    together = np.concatenate(own)
    return [_limit(each if len(each) >= FEW else together) for each in own]


def left_out(vectors: Floats) -> Floats:
    """The distance of each vector to the nearest other one that is no copy of it, 0 if there is
    none."""
    chord = _chords(vectors)
    chord[chord < SAME] = 9
    np.fill_diagonal(chord, 9)
    closest = chord.min(axis=1)
    return np.where(closest < 9, closest, 0).astype(np.float32)


def _left_out(vectors: Floats) -> Floats:
    """The distance of each vector to the nearest other one; of copies only one counts."""
    chord = _chords(vectors)
    kept = [n for n in range(len(vectors)) if not (chord[n, :n] < SAME).any()]
    if len(kept) < 2:
        return np.empty(0, np.float32)
    chord = chord[np.ix_(kept, kept)]
    np.fill_diagonal(chord, 9)
    return chord.min(axis=1)  # type: ignore[no-any-return]


def _limit(distances: Floats) -> float:
    """0 if nothing is known because all pictures of all classes are copies of one: then nothing
    belongs to any class."""
    if not len(distances):
        return 0.0
    mean = float(distances.mean())
    spread = float(distances.std(ddof=1)) if len(distances) > 1 else mean
    return mean + SPREADS * max(spread, LEAST_SPREAD * mean) * math.sqrt(1 + 1 / len(distances))


def _chords(vectors: Floats) -> Floats:
    """The distance of each to each."""
    ways = _directions(vectors)
    return np.sqrt(np.maximum(2 - 2 * (ways @ ways.T), 0))  # type: ignore[no-any-return]


def _directions(vectors: Floats) -> Floats:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)  # type: ignore[no-any-return]
