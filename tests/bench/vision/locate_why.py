"""At which step of the search a pattern was lost that lies in the picture.

- seen too little, too little there: the score at the right place is below `low` (of what is seen;
  by how much of the pattern is there)
- the fit leads away from the right place
- never proposed: no place of the coarse search leads there
- lost on the way: one does, but is given up before places are told apart
- refused: the right place is among the last few, and another one too
"""

import math
from typing import Any

import numpy as np

from node.locators import pattern
from node.vision.patterns import following, turned
from node.vision.patterns.coarse import STEP_PX, doubled_of, everywhere
from node.vision.patterns.turned_fit import Poses, agreement, followed, gradients, reduced, seen
from schemas import Pattern, Pose, Problem
from tests.bench.vision.locate_pictures import Gray, apart, framed

LEADS = 1.5  # coarse px, and steps between turns, within which a place leads to the part
STEPS = 4


def row_of(pose: Pose) -> Poses:
    """As the search has it: 1 x 4."""
    return np.array([[pose.x, pose.y, math.radians(pose.angle_deg), pose.scale]])


def near(poses: Poses, truth: Pose, px: float = 2, degrees: float = 1) -> Any:
    """Which of the poses are the truth's, within so many px and degrees."""
    away = np.hypot(poses[:, 0] - truth.x, poses[:, 1] - truth.y)
    turns = [apart(math.degrees(turn), truth.angle_deg) for turn in poses[:, 2].tolist()]
    return (away <= px) & (np.array(turns) <= degrees)


def why(picture: Gray, settings: Pattern, learned: Any, truth: Pose) -> str:
    """In a line; the whole picture is searched."""
    try:
        pose = pattern.find(framed(picture), settings, learned)
    except Problem as problem:
        told = problem.message
    else:
        if near(row_of(pose), truth)[0]:
            return "found"
        told = f"another place, score {pose.score:.2f}"
    known = learned if isinstance(learned, turned.TurnedPattern) else learned.rescue
    if known is None:
        return f"by correlation alone: {told}"
    images = {1: picture}
    levels = [known.level, *known.grays, *([known.rough] if known.rough else [])]
    for factor in sorted({level.factor for level in levels} - {1}):
        images[factor] = reduced(images[max(images)], factor // max(images))
    slopes, share = gradients(images[known.level.factor]), settings.seen_low

    there = followed(slopes, known.level, row_of(truth), STEPS)
    agrees = float(agreement(slopes, known.level, there, share)[0])
    fitted = following._settled(images, slopes, known, there, agrees, share)
    scored, most = seen(picture, known.like, fitted, share)
    places = everywhere(doubled_of(slopes, picture.shape, known.coarse), known.coarse)
    px = known.coarse.factor
    step = math.degrees(STEP_PX * px / (math.hypot(*known.like.full) / 2))
    ranks = np.flatnonzero(near(places, truth, LEADS * px, LEADS * step))
    last = following.told_apart(images, slopes, places, settings, known, turned.CLEAR, None)
    reached = [bool(near(pose, truth)[0]) for _, _, pose in last]

    if not near(fitted, truth)[0]:
        cause = "the fit leads away"
    elif min(scored, most) < settings.low:
        cause = "seen too little" if scored < settings.low else "too little there"
    elif not len(ranks):
        cause = "never proposed"
    else:
        cause = "refused" if any(reached) else "lost on the way"
    ends = ", ".join(
        f"{'*' * right}{score:.2f}" for right, (_, score, _) in zip(reached, last, strict=True)
    )
    return (
        f"{cause} ({told}); there: seen {scored:.2f}, at most {most:.2f}, agreement {agrees:.2f};"
        f" coarse place {ranks[0] + 1 if len(ranks) else '-'} of {len(places)};"
        f" last places (* right): {ends}"
    )
