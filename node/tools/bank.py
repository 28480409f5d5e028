"""The memory of `learned`: patch features of good pictures, thinned out, with what held-out good pictures score against it.

A picture's own patches are near to the memory it is in, so a threshold from them would reject good parts. Here each good
picture is scored by a memory made of the others (five folds), the metric included, and the threshold is what a good picture
exceeds with the stated probability.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.models.archive import Array, pack
from node.tools.features import Floats, Maps, backbone
from schemas import Problem

SIZE = 2000  # patches in the memory
CANDIDATES = 15000  # of which they are chosen
PROJECTED = 24  # dimensions in which they are chosen
FOLDS = 5
POWER = 0.25  # 0: each channel by its own spread; 1: wholly decorrelated
TOP = 3
LEAST, MOST = 5, 200  # pictures
TWINS = 0.3
TWIN_NOISE = 1e-3  # of the features' own length: rounding of one and the same picture
TWIN_STEP = 3  # every third place will do
SMOOTHING = 1.0  # places, of what is usual
THERE = 0.9  # how much what is usual at a place counts against what is usual everywhere
LEVEL = 0.9  # quantile of a picture's places: how unusual it is as a whole
CALMED = 0.5  # 0: that plays no part; 1: scores are in relation to it
CLIP = 3.0  # robust standard deviations
LEAST_SPREAD = 0.02  # of the logarithms of scores
TAIL, LEAST_TAIL = 0.3, 4  # of the scores the greatest: share, and how many
LEAST_STEP = 0.01  # of the logarithms of those
SHAPES = {
    "bank": ("f", 2),
    "mean": ("f", 1),
    "metric": ("f", 2),
    "base": ("f", 2),
    "levels": ("f", 1),
    "scores": ("f", 1),
    "bad_scores": ("f", 1),
    "site": ("i", 1),
    "backbone": ("U", 0),
}


@dataclass(frozen=True)
class Bank:
    """bank: patches x dimensions. mean, metric: (feature - mean) @ metric lies in the bank's space.

    base: rows x columns, mean distance of held-out good pictures there. levels: of them, see `calmed`. scores, bad_scores: of
    them and of labelled bad ones. site: width and height of the view and size_px when taught.
    """

    bank: Floats
    mean: Floats
    metric: Floats
    base: Floats
    levels: Floats
    scores: Floats
    bad_scores: Floats
    site: tuple[int, int, int]
    backbone: str

    @classmethod
    def of(cls, arrays: dict[str, Array]) -> "Bank":
        """From a model file. Raises Problem MODEL_INVALID if its arrays do not fit each other."""
        bank, metric = (np.ascontiguousarray(arrays[name], np.float32) for name in ("bank", "metric"))
        floats = {name: arrays[name].astype(np.float32) for name in ("mean", "base", "levels", "scores")}
        fits = bank.shape[1] == metric.shape[1] and metric.shape[0] == len(floats["mean"]) and len(arrays["site"]) == 3
        fits = fits and len(bank) <= SIZE and len(floats["levels"]) == len(floats["scores"]) >= LEAST
        if not fits or any(floats[name].min() <= 0 for name in ("base", "levels", "scores")):
            raise Problem("MODEL_INVALID", "the arrays of the model file do not fit each other")
        bad = arrays["bad_scores"][1:].astype(np.float32)  # the first is none: an array is never empty
        site = tuple(int(value) for value in arrays["site"])
        return cls(bank, **floats, metric=metric, bad_scores=bad, site=site, backbone=str(arrays["backbone"]))  # type: ignore[arg-type]

    def packed(self) -> bytes:
        """The model file."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in SHAPES}
        arrays["bank"] = self.bank.astype(np.float16)
        arrays["bad_scores"] = np.concatenate([np.zeros(1, np.float32), self.bad_scores])
        arrays["site"] = np.array(self.site, np.int64)
        return pack("learned", arrays)

    def distances(self, seen: Maps) -> Floats:
        """Of each place to the nearest patch of the memory. Raises Problem MODEL_INVALID if the maps are of another shape."""
        if self.base.shape != (seen.rows, seen.columns) or seen.places.shape[1] != len(self.mean):
            raise Problem("MODEL_INVALID", "it was taught on another size")
        return nearest(_moved(seen, self.mean, self.metric), self.bank)

    def relative(self, seen: Maps) -> Floats:
        """The distances in relation to what is usual there and to how unusual the whole is, see `related` and `calmed`."""
        found = related(self.distances(seen), self.base, seen.counts)
        return calmed(found, level(found, seen.counts), self.levels)

    def score(self, relative: Floats, counts: NDArray[np.bool_] | None) -> float:
        """Mean of the three greatest."""
        return float(np.sort(_counted(relative, counts))[-TOP:].mean())


class Taught(NamedTuple):
    """odd: names of pictures that are unlike the other good ones. alike: of those that show what another one shows."""

    bank: Bank
    odd: list[str]
    alike: list[str]


def teach(
    good: Sequence[tuple[str, Maps]],
    bad: Sequence[tuple[str, Maps]],
    site: tuple[int, int, int],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Taught:
    """A memory of good pictures; the same for the same pictures.

    Pictures that show the same are held out together: with one of them in the memory, the other would be no new picture. What
    is unlike the others is named and stays out, until it is added. Raises Problem PICTURES_UNFIT for too few or too many, or
    too few that differ.
    """
    if not LEAST <= len(good) <= MOST:
        raise Problem("PICTURES_UNFIT", f"{len(good)} good pictures; {LEAST} to {MOST} are needed")
    groups = grouped([maps for _, maps in good])
    different = max(groups) + 1
    alike = [name for number, (name, _) in enumerate(good) if groups[number] in groups[:number]]
    if different < LEAST:
        what = "the pictures are all the same" if different == 1 else f"only {different} of the pictures differ"
        raise Problem("PICTURES_UNFIT", f"{what}; {LEAST} different ones are needed (a frozen camera? copies?)")
    first = _taught(good, groups, site, progress)
    unlike = odd([name for name, _ in good], first.scores)
    kept = [number for number, (name, _) in enumerate(good) if name not in unlike]
    if unlike and len({groups[number] for number in kept}) >= LEAST:
        first = _taught([good[number] for number in kept], [groups[number] for number in kept], site, progress)
    return Taught(with_bad(first, bad), unlike, alike)


def grouped(seen: Sequence[Maps]) -> list[int]:
    """For each picture the number of its group, 0 upwards; those that show the same are of one.

    They are if they lie nearer to each other than TWINS of what two pictures usually do: the same picture twice, or the same
    part photographed again before it was moved.
    """
    flat = np.stack([maps.places[::TWIN_STEP].ravel() for maps in seen])
    flat = flat - flat.mean(axis=0)
    squares = np.einsum("ij,ij->i", flat, flat)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * (flat @ flat.T), 0))
    usual = float(np.median(apart[np.triu_indices(len(flat), 1)]))
    level = math.sqrt(float(np.mean([np.square(maps.places[::TWIN_STEP]).sum() for maps in seen])))
    near = apart <= max(TWINS * usual, TWIN_NOISE * level)
    groups: list[int] = []
    for number in range(len(flat)):
        like = [groups[other] for other in range(number) if near[number, other]]
        groups.append(min(like) if like else max(groups, default=-1) + 1)
    return groups


def _taught(
    good: Sequence[tuple[str, Maps]], groups: Sequence[int], site: tuple[int, int, int], progress: Callable[[int, int], None]
) -> Bank:
    seen = [maps for _, maps in good]
    counts = seen[0].counts
    order = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    folds = min(FOLDS, len(order))
    fold_of = [order[group] % folds for group in groups]
    held: Floats = np.empty((len(good), len(seen[0].places)), np.float32)
    for fold in range(folds):
        others = [maps for number, maps in enumerate(seen) if fold_of[number] != fold]
        mean, metric, bank = _memory(others)
        for number in (number for number, own in enumerate(fold_of) if own == fold):
            held[number] = nearest(_moved(seen[number], mean, metric), bank)
        progress(fold + 1, folds + 1)
    total = held.sum(axis=0)
    shape = seen[0].rows, seen[0].columns
    for distances in held:  # what is usual at a place, by the other pictures alone
        distances[:] = related(distances, ((total - distances) / (len(good) - 1)).reshape(shape), counts)
    levels = np.array([level(relative, counts) for relative in held], np.float32)
    mean, metric, bank = _memory(seen)
    progress(folds + 1, folds + 1)
    base, none = (total / len(good)).reshape(shape), np.empty(0, np.float32)
    made = Bank(bank, mean, metric, base, levels, none, none, site, backbone().digest)
    scores = [made.score(calmed(relative, own, levels), counts) for relative, own in zip(held, levels, strict=True)]
    return replace(made, scores=np.array(scores, np.float32))


def with_bad(bank: Bank, bad: Sequence[tuple[str, Maps]]) -> Bank:
    """The same memory with more labelled bad pictures."""
    scores = [bank.score(bank.relative(maps), maps.counts) for _, maps in bad]
    return replace(bank, bad_scores=np.concatenate([bank.bad_scores, np.array(scores, np.float32)]))


def add(bank: Bank, good: Sequence[tuple[str, Maps]]) -> Taught:
    """One more good picture after the other: each is scored before it is taken in, so its score is that of a held-out one."""
    names, old = [], len(bank.scores)
    if old + len(good) > MOST:
        raise Problem("PICTURES_UNFIT", f"{old + len(good)} good pictures; {MOST} at most")
    for name, maps in good:
        names.append(name)
        distances, count = bank.distances(maps), len(bank.scores)
        relative = related(distances, bank.base, maps.counts)
        own = level(relative, maps.counts)
        score = bank.score(calmed(relative, own, bank.levels), maps.counts)
        base = ((bank.base * count + distances.reshape(bank.base.shape)) / (count + 1)).astype(np.float32)
        places = maps.places if maps.counts is None else maps.places[maps.counts]
        wider = np.concatenate([bank.bank, (places - bank.mean) @ bank.metric])
        scores, levels = np.append(bank.scores, np.float32(score)), np.append(bank.levels, np.float32(own))
        bank = replace(bank, bank=wider[coreset(wider, SIZE)], base=base, levels=levels, scores=scores)
    return Taught(bank, odd([""] * old + names, bank.scores), [])


def threshold(scores: Floats, bad_scores: Floats, false_reject_rate: float) -> float:
    """The score that a good part exceeds with that probability, or what parts good from bad ones best if some are labelled.

    The logarithms of the greatest three tenths of the scores are taken as exponentially distributed, with a mean found in few
    of them, so what a new one exceeds is that of their predictive distribution (J. Aitchison, I. Dunsmore 1975, Statistical
    prediction analysis). With bad ones: where the distance to both is the same in their own spreads, if that is lower.
    """
    start, step, count, share = _tail(scores)
    limit = start + count * step * ((share / false_reject_rate) ** (1 / count) - 1)
    if len(bad_scores):
        mean, spread = _spread(scores)
        bad = np.log(np.maximum(bad_scores.astype(float), 1e-6))
        other = max(float(bad.std(ddof=1)), LEAST_SPREAD) if len(bad) >= LEAST else spread
        between = (mean * other + float(bad.mean()) * spread) / (spread + other)
        if between > mean + spread:  # else they look alike, and most good ones would be rejected
            limit = min(limit, between)
    return math.exp(limit)


def expected_rejects(scores: Floats, limit: float) -> float:
    """Share of good parts above a score, by the same distribution; below its start as many as of the scores."""
    start, step, count, share = _tail(scores)
    beyond = math.log(limit) - start
    return float(share * (1 + beyond / (count * step)) ** -count if beyond > 0 else (scores > limit).mean())


def _tail(scores: Floats) -> tuple[float, float, int, float]:
    """Where the logarithms' upper tail starts, how far its scores lie beyond on average, how many and what share they are."""
    logs = np.sort(_drawn_in(scores))
    count = max(LEAST_TAIL, round(TAIL * len(logs)))
    start = float(logs[-count - 1])
    return start, max(float(logs[-count:].mean()) - start, LEAST_STEP), count, count / len(logs)


def _spread(scores: Floats) -> tuple[float, float]:
    """Mean and spread of the logarithms."""
    logs = _drawn_in(scores)
    return float(logs.mean()), max(float(logs.std(ddof=1)), LEAST_SPREAD)


def _drawn_in(scores: Floats) -> NDArray[np.float64]:
    """Logarithms, those far from the others drawn in: a bad picture among the good ones counts only so far."""
    logs = np.log(scores.astype(float))
    middle = float(np.median(logs))
    reach = CLIP * max(1.4826 * float(np.median(np.abs(logs - middle))), LEAST_SPREAD)
    return np.asarray(np.clip(logs, middle - reach, middle + reach))


def odd(names: list[str], scores: Floats) -> list[str]:
    """Names of pictures that score far above the other good ones: perhaps they are not good."""
    logs = np.log(scores.astype(float))
    middle = np.median(logs)
    spread = 1.4826 * np.median(np.abs(logs - middle))
    return [name for name, value in zip(names, logs, strict=True) if name and value > middle + 4 * max(spread, 0.05)]


def related(distances: Floats, base: Floats, counts: NDArray[np.bool_] | None) -> Floats:
    """Distances divided by what is usual there.

    base: rows x columns, the mean distance of good pictures; it is smoothed and drawn a little to what is usual everywhere.
    """
    usual = float(_counted(base.ravel(), counts).mean())
    if counts is None:
        there = cv2.GaussianBlur(base, (0, 0), SMOOTHING)
    else:  # what does not count has no part in its neighbours
        cover = counts.reshape(base.shape).astype(np.float32)
        there = cv2.GaussianBlur(base * cover, (0, 0), SMOOTHING)
        there = there / np.maximum(cv2.GaussianBlur(cover, (0, 0), SMOOTHING), np.float32(1e-3))
    return np.asarray(distances / ((1 - THERE) * usual + THERE * there.ravel() + 1e-6), np.float32)


def level(relative: Floats, counts: NDArray[np.bool_] | None) -> float:
    """How unusual a picture is as a whole."""
    return max(float(np.quantile(_counted(relative, counts), LEVEL)), 1e-6)


def calmed(relative: Floats, own: float, levels: Floats) -> Floats:
    """Relative distances of a picture of some level where it is the middle one of the good pictures' levels.

    Other light or a nearer part makes every place a little unusual, a defect some places very much. What is more unusual as a
    whole than any good picture was is not excused further: it may be another part.
    """
    return np.asarray(relative * (np.median(levels) / min(own, float(levels.max()))) ** CALMED, np.float32)


def _counted(values: Floats, counts: NDArray[np.bool_] | None) -> Floats:
    return values if counts is None else values[counts]


def nearest(places: Floats, bank: Floats) -> Floats:
    """Euclidean distance of each place to the nearest of the bank."""
    lengths = np.einsum("ij,ij->i", bank, bank)[None]
    wide = np.hstack([places, np.ones((len(places), 1), np.float32)])
    least = (wide @ np.vstack([-2 * bank.T, lengths])).min(axis=1)  # the lengths within the product: no second pass
    return np.asarray(np.sqrt(np.maximum(least + np.einsum("ij,ij->i", places, places), 0)), np.float32)


def coreset(places: Floats, size: int) -> NDArray[np.intp]:
    """Places such that none is far from one of them (greedy k-centre, T. Gonzalez 1985), in a random projection."""
    dice = np.random.default_rng(0)
    chosen = np.arange(len(places))
    if len(places) <= size:
        return chosen
    if len(places) > CANDIDATES:
        chosen = np.sort(dice.choice(len(places), CANDIDATES, replace=False))
    rotation = dice.normal(0, PROJECTED**-0.5, (places.shape[1], PROJECTED)).astype(np.float32)
    small = places[chosen] @ rotation
    squares = np.einsum("ij,ij->i", small, small)
    far = np.full(len(small), np.inf, np.float32)
    picked = np.empty(size, np.intp)
    at = 0
    for number in range(size):
        picked[number] = at
        np.minimum(far, squares + (squares[at] - 2 * (small @ small[at])), out=far)
        at = int(far.argmax())
    return chosen[np.sort(picked)]


def _moved(seen: Maps, mean: Floats, metric: Floats) -> Floats:
    return np.asarray((seen.places - mean) @ metric, np.float32)


def _memory(seen: Sequence[Maps]) -> tuple[Floats, Floats, Floats]:
    """Mean, metric and patches of some pictures."""
    places = np.concatenate([maps.places if maps.counts is None else maps.places[maps.counts] for maps in seen])
    mean = places.mean(axis=0)
    spread = places.std(axis=0)
    spread = spread + 0.1 * np.median(spread) + 1e-6
    values, vectors = np.linalg.eigh(np.cov(((places - mean) / spread)[::3].T))
    metric = ((vectors * (np.maximum(values, 0) + 0.01) ** (-POWER / 2)) / spread[:, None]).astype(np.float32)
    moved = (places - mean) @ metric
    return mean, metric, moved[coreset(moved, SIZE)]
