"""The memory of `learned`: patch features of good pictures, thinned out, with what held-out good
pictures score against it.

A picture's own patches are near the memory it is in, so a threshold from them would reject good
parts. Here each good picture is scored by a memory made of others, the metric included.

One file: memory, scores and threshold of a bank are one computation over the same features.
"""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from node.model_file import Array, pack
from node.networks.features import Floats, Maps, backbone, vector
from node.networks.likeness import left_out, limits, nearest
from node.networks.nearest import Nearest
from schemas import Problem

SIZE = 2000  # patches in the memory
CANDIDATES = 40000  # of which they are chosen
PROJECTED = 64  # dimensions in which they are chosen
FOLDS = 5
EACH = 10  # pictures: up to this many are held out one by one, for a memory of few misses each
MANY = 50  # pictures: from here on one more or less adds little that is new
POWER = 0.25  # 0: features as they are; 1: wholly decorrelated
# different pictures; fewer do not tell how channels go together, and features stay as they are
TELLING = 8
TOP = 2
LEAST = 5  # pictures
# pictures whose features are held at once; each further one is scored, taken in and let go
HELD = 200
TWINS = 0.3
TWIN_NOISE = 1e-3  # of the features' own length: rounding of one and the same picture
SKETCH = 64  # numbers that stand for a picture's features when copies are looked for
# robust standard deviations of the logarithms of scores, and the least that is one
ODD, LEAST_SPREAD = 4.0, 0.05
# standard deviations of the logarithms of the middle places, and the least that is one
FAR, FAR_SPREAD = 3.0, 0.06
# times that: from here on one of the two is enough, the middle place or the whole
MIDDLE_ALONE, WHOLE_ALONE = 1.25, 1.75
SHAPES = {
    "bank": ("f", 2),
    "mean": ("f", 1),
    "metric": ("f", 2),
    "middles": ("f", 1),
    "scores": ("f", 1),
    "bad_scores": ("f", 1),
    "sketches": ("f", 2),
    "wholes": ("f", 2),
    "different": ("i", 0),
    "told": ("i", 1),
    "places": ("i", 1),
    "site": ("i", 1),
    "backbone": ("U", 0),
}


@dataclass(frozen=True)
class PatchBank:
    """bank: patches x dimensions. mean, metric: (feature - mean) @ metric lies in the bank's space.

    middles, scores: of good pictures that were held out, see `middle` and `top`. bad_scores: of
    labelled bad ones. sketches: of the good ones, see `sketch`. wholes: of the first of them, see
    `features.vector`. different: how many of them are no copies. places: rows and columns. site:
    width and height of the view and size_px when taught. told: the N of the promise that was told
    when it was taught (at most 1 good part in N is rejected), how many of its own drawn faults it
    caught, and of how many; 0, 0, 0 before.
    """

    bank: Floats
    mean: Floats
    metric: Floats
    middles: Floats
    scores: Floats
    bad_scores: Floats
    sketches: Floats
    wholes: Floats
    different: int
    places: tuple[int, int]
    site: tuple[int, int, int]
    backbone: str
    told: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def of(cls, arrays: dict[str, Array]) -> "PatchBank":
        """From a model file. Raises Problem MODEL_INVALID if its arrays do not fit each other."""
        bank, metric = (
            np.ascontiguousarray(arrays[name], np.float32) for name in ("bank", "metric")
        )
        floats: dict[str, Any] = {
            name: arrays[name].astype(np.float32)
            for name in ("mean", "middles", "scores", "sketches", "wholes")
        }
        counts = {len(floats[name]) for name in ("middles", "scores", "sketches")}
        fits = (
            bank.shape[1] == metric.shape[1]
            and metric.shape[0] == len(floats["mean"])
            and len(bank) <= SIZE
        )
        fits = fits and len(counts) == 1 and LEAST <= int(arrays["different"]) <= min(counts)
        fits = (
            fits
            and len(arrays["site"]) == 3
            and len(arrays["places"]) == 2
            and len(arrays["told"]) == 3
        )
        if not fits or any(floats[name].min() <= 0 for name in ("middles", "scores")):
            raise Problem("MODEL_INVALID", "the arrays of the model file do not fit each other")
        # the first is none: an array is never empty
        bad = arrays["bad_scores"][1:].astype(np.float32)
        whole: dict[str, Any] = {
            name: tuple(int(each) for each in arrays[name]) for name in ("places", "site", "told")
        }
        whole["different"] = int(arrays["different"])
        return cls(
            bank=bank,
            metric=metric,
            bad_scores=bad,
            backbone=str(arrays["backbone"]),
            **(floats | whole),
        )

    def packed(self) -> bytes:
        """The model file."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in SHAPES}
        arrays |= {name: arrays[name].astype(np.float16) for name in ("bank", "wholes")}
        arrays["bad_scores"] = np.concatenate([np.zeros(1, np.float32), self.bad_scores])
        whole = {
            name: np.array(arrays[name], np.int64)
            for name in ("different", "places", "site", "told")
        }
        return pack("learned", arrays | whole)

    @cached_property
    def search(self) -> Nearest:
        """Among its patches."""
        return Nearest(self.bank)

    def prepare(self) -> None:
        """Make what the first picture would wait for: on a thread that may take its time."""
        self.search.distances(np.zeros((1, self.bank.shape[1]), np.float32))
        _ = self._reach, self.far

    def distances(self, seen: Maps) -> Floats:
        """The distance of each place to the nearest patch of the memory. Raises Problem
        MODEL_INVALID if the maps are of another shape."""
        if self.places != (seen.rows, seen.columns) or seen.places.shape[1] != len(self.mean):
            raise Problem("MODEL_INVALID", "it was taught on another size")
        return self.search.distances(_moved(seen, self.mean, self.metric))

    def strange(self, seen: Maps, distances: Floats) -> tuple[float, float]:
        """How unlike the good pictures a whole picture is: by its middle place, and by its features
        as a whole; hardly any good one exceeds 1. distances: of its places.

        Each place may be like some place of a good part, even an empty one, and the whole of such
        places still be unlike it. Raises Problem MODEL_INVALID if the maps have other channels.
        """
        whole = vector(seen)[None]
        if whole.shape[1] != self.wholes.shape[1]:
            raise Problem("MODEL_INVALID", "it was taught on other channels")
        strange = float(nearest(whole, self.wholes)[0]) / max(self._reach, 1e-6)
        return middle(distances, seen.counts) / self.far, strange

    @cached_property
    def _reach(self) -> float:
        return limits(self.wholes, np.zeros(len(self.wholes), np.intp), 1)[0]

    @cached_property
    def far(self) -> float:
        """The distance between the middle one of a picture's places and what was taught that hardly
        any good picture exceeds.

        It lies some standard deviations beyond the mean of the held-out ones, of their logarithms.
        """
        logs = np.log(self.middles.astype(float))
        spread = max(float(logs.std(ddof=1)), FAR_SPREAD) * math.sqrt(1 + 1 / len(logs))
        return math.exp(float(logs.mean()) + FAR * spread)

    def beyond(self, limit: float) -> int:
        """How many of the held-out good pictures would be rejected at a threshold, or refused.

        For those whose whole was not kept, the middle place alone counts.
        """
        middles = self.middles / np.float32(self.far)
        wholes = np.full(len(middles), WHOLE_ALONE, np.float32)
        wholes[: len(self.wholes)] = left_out(self.wholes) / max(self._reach, 1e-6)
        return int(((self.scores > limit) | (unlike(middles, wholes) > 1)).sum())


class Taught(NamedTuple):
    """odd: names of pictures that were left out because they are unlike the other good ones. alike:
    names of those that show what another one shows."""

    bank: PatchBank
    odd: list[str]
    alike: list[str]


def teach(
    good: Iterable[tuple[str, Maps]],
    site: tuple[int, int, int],
    confirmed: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Taught:
    """A memory of good pictures; the same for the same pictures.

    Pictures that show the same are held out together: with one of them in the memory, the other
    would be no new picture. What is unlike the others is named and stays out, unless its name is
    among the `confirmed`. Raises Problem PICTURES_UNFIT for too few, or too few that differ.
    """
    coming = iter(good)
    first = list(islice(coming, HELD))
    if len(first) < LEAST:
        raise Problem("PICTURES_UNFIT", f"{len(first)} good pictures; {LEAST} are needed")
    groups = grouped(np.stack([sketch(maps) for _, maps in first]))
    different = max(groups) + 1
    alike = [name for number, (name, _) in enumerate(first) if groups[number] in groups[:number]]
    if different < LEAST:
        what = (
            "the pictures are all the same"
            if different == 1
            else f"only {different} of the pictures differ"
        )
        raise Problem(
            "PICTURES_UNFIT",
            f"{what}; {LEAST} different ones are needed (a frozen camera? copies?)",
        )
    made = _taught([maps for _, maps in first], groups, site, progress)
    unlike = [
        name
        for (name, _), far in zip(first, odd(made.scores), strict=True)
        if far and name not in confirmed
    ]
    kept = [number for number, (name, _) in enumerate(first) if name not in unlike]
    if unlike and len({groups[number] for number in kept}) < LEAST:
        names = ", ".join(unlike)
        raise Problem(
            "PICTURES_UNFIT",
            f"{names}: unlike the others, of which fewer than {LEAST} remain; confirm them or add"
            " more",
        )
    if unlike:
        made = _taught(
            [first[number][1] for number in kept],
            [groups[number] for number in kept],
            site,
            progress,
        )
    later = add(made, coming, confirmed)
    return Taught(later.bank, unlike + later.odd, alike + later.alike)


def add(
    bank: PatchBank, good: Iterable[tuple[str, Maps]], confirmed: Collection[str] = ()
) -> Taught:
    """One more good picture after the other: each is scored before it is taken in, so its score is
    that of a held-out one.

    A copy of one that was taught is not a new picture and stays out; so does what is unlike the
    others, unless it is confirmed.
    """
    unlike, alike = [], []
    near = _near(bank.sketches)
    for name, maps in good:
        distances = bank.distances(maps)
        own = sketch(maps)
        if (np.linalg.norm(bank.sketches - own, axis=1) <= near).any():
            alike.append(name)
            continue
        score = top(distances, maps.counts)
        if name not in confirmed and bool(odd(np.append(bank.scores, np.float32(score)))[-1]):
            unlike.append(name)
            continue
        places = maps.places if maps.counts is None else maps.places[maps.counts]
        wider = np.concatenate([bank.bank, (places - bank.mean) @ bank.metric])
        bank = replace(
            bank,
            bank=wider[coreset(wider, SIZE)],
            middles=np.append(bank.middles, np.float32(middle(distances, maps.counts))),
            scores=np.append(bank.scores, np.float32(score)),
            sketches=np.concatenate([bank.sketches, own[None]]),
            wholes=np.concatenate([bank.wholes, vector(maps)[None]])[:HELD],
            different=bank.different + 1,
        )
    return Taught(bank, unlike, alike)


def sketch(seen: Maps) -> Floats:
    """A few numbers for a picture's features; those of two pictures differ as much as their
    features (count sketch, M. Charikar et al. 2002)."""
    dice = np.random.default_rng(0)
    flat = seen.places.ravel()
    at = dice.integers(0, SKETCH, len(flat))
    signed = flat * dice.choice(np.array([-1, 1], np.float32), len(flat))
    return np.bincount(at, signed, SKETCH).astype(np.float32)


def grouped(sketches: Floats) -> list[int]:
    """For each picture the number of its group, from 0; those that show the same are in one group.

    They show the same if they lie nearer to each other than TWINS of what two pictures usually do:
    the same picture twice, or the same part photographed again before it was moved.
    """
    near = _near(sketches)
    groups: list[int] = []
    for number, own in enumerate(sketches):
        like = [
            groups[other]
            for other in np.flatnonzero(np.linalg.norm(sketches[:number] - own, axis=1) <= near)
        ]
        groups.append(min(like) if like else max(groups, default=-1) + 1)
    return groups


def _near(sketches: Floats) -> float:
    """How near to each other those of copies lie."""
    some = sketches[:HELD]
    apart = np.linalg.norm(some[:, None] - some, axis=2)[np.triu_indices(len(some), 1)]
    return max(
        TWINS * float(np.median(apart)), TWIN_NOISE * float(np.linalg.norm(some, axis=1).mean())
    )


def _taught(
    seen: Sequence[Maps],
    groups: Sequence[int],
    site: tuple[int, int, int],
    progress: Callable[[int, int], None],
) -> PatchBank:
    counts = seen[0].counts
    order = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    folds = len(order) if len(order) <= EACH else FOLDS
    fold_of = [order[group] % folds for group in groups]
    held: Floats = np.empty((len(seen), len(seen[0].places)), np.float32)
    telling = len(order) >= TELLING
    for fold in range(folds):
        others = [maps for number, maps in enumerate(seen) if fold_of[number] != fold]
        size = round(SIZE * len(others) / len(seen)) if len(seen) > MANY else SIZE
        mean, metric, bank = _memory(others, telling, size)
        search = Nearest(bank)
        for number in (number for number, own in enumerate(fold_of) if own == fold):
            held[number] = search.distances(_moved(seen[number], mean, metric))
        progress(fold + 1, folds + 1)
    middles = np.array([middle(distances, counts) for distances in held], np.float32)
    scores = np.array([top(distances, counts) for distances in held], np.float32)
    mean, metric, bank = _memory(seen, telling)
    progress(folds + 1, folds + 1)
    sketches, wholes = (
        np.stack([sketch(maps) for maps in seen]),
        np.stack([vector(maps) for maps in seen]),
    )
    return PatchBank(
        bank, mean, metric, middles, scores, np.empty(0, np.float32), sketches, wholes,
        len(order), (seen[0].rows, seen[0].columns), site, backbone().digest,
    )  # fmt: skip


def with_bad(bank: PatchBank, bad: Iterable[tuple[str, Maps]]) -> PatchBank:
    """The same memory with more labelled bad pictures."""
    scores = [top(bank.distances(maps), maps.counts) for _, maps in bad]
    return replace(bank, bad_scores=np.concatenate([bank.bad_scores, np.array(scores, np.float32)]))


def odd(scores: Floats) -> NDArray[np.bool_]:
    """Which pictures score far above the other good ones: perhaps they are not good."""
    logs = np.log(scores.astype(float))
    median = np.median(logs)
    spread = 1.4826 * np.median(np.abs(logs - median))
    return np.asarray(logs > median + ODD * max(spread, LEAST_SPREAD))


def middle(distances: Floats, counts: NDArray[np.bool_] | None) -> float:
    """Distance of the middle one of its places: half of them lie farther from what was taught."""
    return max(float(np.median(_counted(distances, counts))), 1e-6)


def top(distances: Floats, counts: NDArray[np.bool_] | None) -> float:
    """Mean of the greatest."""
    return float(np.sort(_counted(distances, counts))[-TOP:].mean())


def _counted(values: Floats, counts: NDArray[np.bool_] | None) -> Floats:
    return values if counts is None else values[counts]


def unlike(middles: Any, wholes: Any) -> Any:
    """Above 1 for what is no picture of the part: both its middle place and its whole are beyond
    what hardly any good part exceeds, or it is `foreign`.

    middles, wholes: as multiples of that, numbers or arrays of one length. Good parts, too, exceed
    either one alone if few pictures were taught.
    """
    return np.maximum(np.minimum(middles, wholes), foreign(middles, wholes))


def foreign(middles: Any, wholes: Any) -> Any:
    """Above 1 if one of them alone is far beyond."""
    return np.maximum(middles / MIDDLE_ALONE, wholes / WHOLE_ALONE)


def coreset(places: Floats, size: int) -> NDArray[np.intp]:
    """Places such that none is far from one of them (greedy k-centre, T. Gonzalez 1985), in a
    random projection."""
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
    moved = seen.places @ metric
    moved -= mean @ metric
    return moved


def _memory(seen: Sequence[Maps], telling: bool, size: int = SIZE) -> tuple[Floats, Floats, Floats]:
    """Mean, metric and that many patches of some pictures; telling: whether these tell how channels
    spread.

    Where there are many pictures, a memory of fewer of them has fewer patches in proportion: with
    as many, it would show each picture more finely than the memory of all does, and what is held
    out would score less than a new picture. Where there are few, those that are missing make up for
    it.
    """
    places = np.concatenate(
        [maps.places if maps.counts is None else maps.places[maps.counts] for maps in seen]
    )
    mean = places.mean(axis=0)
    metric = _metric(places - mean) if telling else np.eye(len(mean), dtype=np.float32)
    moved = (places - mean) @ metric
    return mean, metric, moved[coreset(moved, size)]


def _metric(places: Floats) -> Floats:
    """What many channels say at once counts a little less; each keeps the scale that the network
    gave it."""
    values, vectors = np.linalg.eigh(np.cov(places[::3].T))
    share = np.maximum(values, 0) / max(float(values.mean()), 1e-12) + 0.01
    return np.asarray(vectors * share ** (-POWER / 2), np.float32)
