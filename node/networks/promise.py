"""Where a score is too unusual for a good part, and what may be promised of it.

Of n scores of good parts that were held out, and n of further ones, none can be told from the
others beforehand (conformal prediction, V. Vovk et al. 2005). So how many of the further ones lie
beyond the k-th greatest of the first is distributed as if n of 2 n balls were drawn (S. Wilks 1942,
Statistical prediction with special reference to the problem of tolerance limits), whatever the
scores are like. Counted among all parts there will ever be, fewer pictures would do (S. Wilks
1941); but a shift sees a batch, and chance is in that too: with 20 taught, at most 1 part in 7 of
all is rejected, and yet more than 1 in 7 of the next 20 in one draw of nine.
"""

import math

import numpy as np
from numpy.typing import NDArray

from node.networks.features import Floats

SURE = 0.95  # of the draws of pictures in which the promise is kept
# this many may lie beyond the greatest of any number: more do in fewer than one draw in 2 **
# (ALWAYS + 1)
ALWAYS = 4
CLIP = 3.0  # robust standard deviations
LEAST_SPREAD = 0.02  # of the logarithms of scores
LEAST = 5  # labelled bad ones that tell of their own spread
TAIL, LEAST_TAIL = 0.3, 4  # of the scores the greatest: share, and how many
LEAST_STEP = 0.01  # of the logarithms of those
LEAST_BEYOND = 0.02  # of the logarithm: the greatest good score is good, and what is hardly more


def kept(pictures: int, place: int, rate: float) -> float:
    """The share of draws in which at most `rate` of as many further good parts score beyond the
    place-th greatest of that many."""
    allowed = math.floor(rate * pictures + 1e-9)
    # of all scores; with fewer than `place` of the pictures' own among them, too many lie beyond
    first = allowed + place
    if place > pictures or allowed >= pictures:
        return float(place <= pictures)
    whole = _ways(2 * pictures, first)
    own = range(max(first - pictures, 0), min(place, first + 1))
    return 1 - math.fsum(
        math.exp(_ways(pictures, k) + _ways(pictures, first - k) - whole) for k in own
    )


def _ways(of: int, some: int) -> float:
    """Logarithm of the number of ways to choose."""
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)


def place(pictures: int, rate: float) -> int:
    """Which of the greatest scores keeps at most `rate` beyond it: the greatest such place, 0 if
    there are too few pictures."""
    low, high = 0, pictures
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if kept(pictures, middle, rate) >= SURE else (low, middle - 1)
    return low


def one_in(pictures: int, at: int = 1) -> int:
    """The N of `at most 1 good part in N is rejected`, which the place-th greatest of that many
    scores promises; 1 promises nothing."""
    low, high = 1, max(pictures, 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if kept(pictures, at, 1 / middle) >= SURE else (low, middle - 1)
    return low


def needed(rate: float) -> int:
    """The least number of pictures with which that rate can be promised."""
    pictures = math.ceil(ALWAYS / rate - 1e-9)
    while pictures > 1 and kept(pictures - 1, 1, rate) >= SURE:
        pictures -= 1
    return pictures


def threshold(scores: Floats, bad_scores: Floats, false_reject_rate: float) -> float:
    """The score that is 1.0: what good parts exceed with that probability, and no less than what a
    promise needs.

    For the first the logarithms of the greatest three tenths of the scores are taken as
    exponentially distributed, with a mean found in few of them (predictive distribution; J.
    Aitchison, I. Dunsmore 1975). The second is the greatest score, or a smaller one if the pictures
    are enough to promise the rate. If bad ones are labelled: where the distance to both is the same
    in their own spreads, if that is lower.
    """
    start, step, count, share = _tail(scores)
    limit = start + count * step * ((share / false_reject_rate) ** (1 / count) - 1)
    limit = max(
        limit,
        float(np.sort(_drawn_in(scores))[-max(1, place(len(scores), false_reject_rate))])
        + LEAST_BEYOND,
    )
    if len(bad_scores):
        mean, spread = _spread(scores)
        bad = np.log(np.maximum(bad_scores.astype(float), 1e-6))
        other = max(float(bad.std(ddof=1)), LEAST_SPREAD) if len(bad) >= LEAST else spread
        between = (mean * other + float(bad.mean()) * spread) / (spread + other)
        if between > mean + spread:  # else they look alike, and most good ones would be rejected
            limit = min(limit, between)
    return math.exp(limit)


def expected_rejects(scores: Floats, limit: float) -> float:
    """Share of good parts above a score, by the same distribution; below its start, the same share
    as among the scores."""
    start, step, count, share = _tail(scores)
    beyond = math.log(limit) - start
    return float(
        share * (1 + beyond / (count * step)) ** -count if beyond > 0 else (scores > limit).mean()
    )


def _tail(scores: Floats) -> tuple[float, float, int, float]:
    """Where the logarithms' upper tail starts, how far its scores lie beyond that on average, how
    many they are and what share."""
    logs = np.sort(_drawn_in(scores))
    count = max(LEAST_TAIL, round(TAIL * len(logs)))
    start = float(logs[-count - 1])
    return start, max(float(logs[-count:].mean()) - start, LEAST_STEP), count, count / len(logs)


def _spread(scores: Floats) -> tuple[float, float]:
    """Mean and spread of the logarithms."""
    logs = _drawn_in(scores)
    return float(logs.mean()), max(float(logs.std(ddof=1)), LEAST_SPREAD)


def _drawn_in(scores: Floats) -> NDArray[np.float64]:
    """Logarithms, with those far from the others drawn in: a bad picture among the good ones counts
    only up to a limit."""
    logs = np.log(scores.astype(float))
    middle = float(np.median(logs))
    reach = CLIP * max(1.4826 * float(np.median(np.abs(logs - middle))), LEAST_SPREAD)
    return np.asarray(np.clip(logs, middle - reach, middle + reach))
