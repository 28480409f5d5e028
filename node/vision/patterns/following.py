"""From the coarse places of a pattern to the few that are told apart by how much is seen of it.

All places are brought nearer at once, where pixels are so large that fine print still pulls them
(`rough`), then by gradients at few points, then at many; the worse ones are given up on the way.
Finally gray levels are fitted. At first only the best places of the coarse search are followed; if
nothing certain is found, all: in a large picture full of other things the right one may be far
down. Where half of the part may be covered, none is given up where pixels are large: half of a
print agrees less there than stripes that are no part of it. And when such a pattern is taught, all
places are followed to the end, for any of them may be taken for the covered part.
"""

import math
from dataclasses import dataclass

import numpy as np

from node.frame import Pixels
from node.vision.patterns.alone import HALF, overlap
from node.vision.patterns.coarse import Coarse
from node.vision.patterns.sizes import Ruler
from node.vision.patterns.turned_fit import (
    Floats,
    Gradients,
    Grays,
    Level,
    Likeness,
    Poses,
    agreement,
    followed,
    gradients,
    seen,
    settled,
)
from schemas import Pattern, Region

FIRST = 60  # places that are followed at first, the others only if nothing certain is found
CERTAIN = 0.8  # score
ROUGHLY, NEAR = 2, 24  # steps in between, and places of these that go on
FOLLOWED = 12  # of these, after the first step
OTHERS = 2  # besides, that lie apart from the best
SETTLED = 3  # of these, after the last one: they are told apart by their scores
STEPS = 4
# instead of FOLLOWED, OTHERS, SETTLED and STEPS when a pattern is taught of which half is enough
MANY_FOLLOWED, MANY, MANY_STEPS = 60, 12, 12
LAGGING = 0.2  # a place whose agreement is so far behind the best one's is given up
# poses nearer than this, in px of the level (of 4 px at most), are one
SAME_PX, SAME_RAD, SAME_FACTOR = 1.5, 0.03, 4
Known = tuple[float, float, Poses]  # score and agreement, score, pose (1 x 4)


@dataclass(frozen=True, eq=False)
class TurnedPattern:
    """The pattern. coarse: for the search of all turns; rough: where its places are brought nearer,
    None if the next level is near enough; sketch, level: where they are followed, at few points and
    at many; grays: for the last fits, coarse to fine; like: what the score
    compares with; ruler: to see that the size is the master's, None if it need not be."""

    coarse: Coarse
    rough: Level | None
    sketch: Level
    level: Level
    grays: tuple[Grays, ...]
    like: Likeness
    ruler: Ruler | None


def told_apart(
    images: dict[int, Pixels],
    slopes: Gradients,
    places: Poses,
    settings: Pattern,
    learned: TurnedPattern,
    clear: float,
    share: float | None,
) -> list[Known]:
    """The last few of the coarse places, in no order; images: the picture by its factors, slopes:
    its gradients at that of `level`; clear, share: as in `turned.find`."""
    region, level = settings.region, learned.level
    lagging = LAGGING if share is None else 1.0
    thorough = settings.covered and share is not None
    part = share or settings.seen_low
    most, others, last, steps = FOLLOWED, OTHERS, SETTLED, STEPS
    if thorough:
        most, others, last, steps = MANY_FOLLOWED, MANY, MANY, MANY_STEPS
    known: list[Known] = []
    near = np.empty((0, 4))
    for few in [places] if thorough else np.split(places, [FIRST]):
        if known and max(known, key=lambda each: each[0])[1] >= max(settings.low, CERTAIN):
            break
        if len(few) and learned.rough is not None:
            rough = gradients(images[learned.rough.factor])
            few = followed(rough, learned.rough, few, ROUGHLY)
            if not settings.covered:
                few, _ = _best(rough, learned.rough, few, NEAR, region, 1.0, part)
        if not len(few):
            break
        near = np.concatenate([near, followed(slopes, learned.sketch, few, 1)])
        poses, _ = _best(slopes, learned.sketch, near, most, region, lagging, part, others)
        poses = followed(slopes, level, poses, steps)
        poses, agrees = _best(slopes, level, poses, last, region, lagging, part, others)
        known = []
        for each, agrees_ in zip(poses, agrees.tolist(), strict=True):
            if any(
                lead - clear > 1 + agrees_ and same_place(pose, each[None], region)
                for lead, _, pose in known
            ):
                continue  # another turn there, which could not be seen well enough to matter
            one = _settled(images, slopes, learned, each[None], agrees_, part)
            scored, limit = seen(images[1], learned.like, one, part)
            known.append((scored + agrees_, min(scored, limit), one))
    return known


def same_place(one: Poses, other: Poses, region: Region) -> bool:
    """Whether two poses (1 x 4) of the pattern overlap by half."""
    return overlap(one[0], other[0], (region.width, region.height)) >= HALF


def _best(
    slopes: Gradients,
    level: Level,
    poses: Poses,
    most: int,
    region: Region,
    lagging: float,
    share: float,
    others: int = OTHERS,
) -> tuple[Poses, Floats]:
    """The poses that agree best, best first, each once, and their agreement.

    Behind these come up to `others` that lie apart from the best and from each other: other parts,
    if there are any.
    """
    agrees, size = agreement(slopes, level, poses, share), (region.width, region.height)
    order = np.argsort(agrees)[::-1]
    order = order[agrees[order] >= agrees[order[0]] - lagging]
    poses, agrees = poses[order], agrees[order]
    by = poses[:, None, :3] - poses[:, :3]
    turned = np.abs((by[:, :, 2] + math.pi) % math.tau - math.pi)
    near = np.hypot(by[:, :, 0], by[:, :, 1]) < SAME_PX * min(level.factor, SAME_FACTOR)
    same = near & (turned < SAME_RAD)
    free = np.ones(len(poses), bool)
    kept: list[int] = []
    while len(kept) < most and free.any():
        kept.append(int(free.argmax()))
        free &= ~same[kept[-1]]
    ahead = [kept[0]]
    if len(kept) == most:
        for n in range(kept[-1] + 1, len(poses)):
            if len(ahead) > others:
                break
            if all(overlap(poses[one].tolist(), poses[n].tolist(), size) < HALF for one in ahead):
                ahead.append(n)
    chosen = kept + ahead[1:]
    return poses[chosen], agrees[chosen]


def _settled(
    images: dict[int, Pixels],
    slopes: Gradients,
    learned: TurnedPattern,
    pose: Poses,
    agrees: float,
    share: float,
) -> Poses:
    """The pose after the fits of gray levels, unless they led away from where the gradients agree:
    what covers a part pulls."""
    poses: Poses | None = pose
    for grays in learned.grays:
        poses = settled(images[grays.factor], grays, poses) if poses is not None else None
    if poses is None:
        return pose
    now = float(agreement(slopes, learned.level, poses, share)[0])
    return poses if now >= agrees - 0.02 else pose
