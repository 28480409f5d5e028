"""Whether a part is alone: if two places are seen nearly alike, nobody can say which of them a
verdict would be about."""

import math
from collections.abc import Sequence

from schemas import Pattern, Pose, Problem

CLOSE = 0.88  # of the best score: a second place with this much is another part
HALF = 0.5  # of a pattern: places that overlap by more are one


def overlap(one: Sequence[float], other: Sequence[float], size: tuple[int, int]) -> float:
    """Share of a pattern of that width and height at one pose that the other covers, as if both
    were turned alike: 0 to 1.

    A pose is x, y, turn in rad and size, as in `fitted`.
    """
    c, s = math.cos(one[2]), math.sin(one[2])
    x, y = other[0] - one[0], other[1] - one[1]
    across, down = abs(c * x + s * y) / one[3], abs(c * y - s * x) / one[3]
    return max(1 - across / size[0], 0.0) * max(1 - down / size[1], 0.0)


def single(poses: Sequence[Pose], settings: Pattern, strict: bool = False) -> Pose:
    """The first of the poses, which is the best, with the score of the best one that lies
    elsewhere.

    Raises Problem PART_NOT_FOUND, with both `places`, if that one counts as found too, unless
    neighbours are meant; strict: however much better the first is, as when a pattern is taught.
    """
    best = poses[0]
    size = settings.region.width, settings.region.height
    others = [pose for pose in poses[1:] if overlap(_row(best), _row(pose), size) < HALF]
    second = max(others, key=lambda pose: pose.score, default=None)
    if second is None:
        return best
    if settings.alone and second.score >= max(settings.low, 0.0 if strict else CLOSE * best.score):
        at = " and ".join(
            f"({pose.x:.0f}, {pose.y:.0f}), score {pose.score:.2f}" for pose in (best, second)
        )
        raise Problem("PART_NOT_FOUND", f"there are two places: {at}", places=(best, second))
    return best.model_copy(update={"runner_up": second.score})


def _row(pose: Pose) -> tuple[float, float, float, float]:
    return pose.x, pose.y, math.radians(pose.angle_deg), pose.scale
