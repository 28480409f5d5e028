"""`classify` on pictures with known truth: good and bad as two classes, and pictures of other sets
as strangers to both.

`DATA=/path/to/data python -m tests.bench.vision.classify [PART OF A NAME ...]`. Some pictures of
each class, drawn at random, are taught; the others are tested, and some of each other set. A
stranger that is taken for the good class is a wrong OK.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from node.networks import features, likeness, logistic
from schemas.tools.classify import Classify
from tests.bench.vision.good_and_bad import sets

TAUGHT = (4, 6, 12)  # of each class, at most; at least 2 of each are left to be tested
DRAWS = 20
STRANGERS = 4  # of each other set, two good and two bad
MOST = 60  # pictures of a class
SETTINGS = Classify.model_fields
MARGIN, UNLIKE = float(SETTINGS["margin"].default), float(SETTINGS["unlike_high"].default)


def rows(data: Path | None, wanted: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """One row per set and number of taught pictures; data: None for what is drawn."""
    seen = {name: _vectors(make()) for name, make in sets(data).items() if _asked(name, wanted)}
    for name, (good, bad) in seen.items():
        others = [
            each
            for other, pair in seen.items()
            if other != name
            for one in pair
            for each in one[: STRANGERS // 2]
        ]
        for number in TAUGHT:
            if number <= min(len(good), len(bad)) - 2:
                yield {
                    "set": f"classify: {name}",
                    "taught": number,
                    **_row(good, bad, np.stack(others), number),
                }


def _asked(name: str, wanted: tuple[str, ...]) -> bool:
    return "unlike" not in name and (not wanted or any(part in name for part in wanted))


def _vectors(both: Any) -> tuple[Any, Any]:
    size = SETTINGS["size_px"].default
    good, bad = (
        np.stack([features.vector(features.maps_of(each, size)) for each in some[:MOST]])
        for some in both
    )
    return good, bad


def _row(good: Any, bad: Any, strangers: Any, number: int) -> dict[str, Any]:
    """Shares of the pictures tested: wrong, unsure (the lead is below the margin), neither; and of
    strangers taken for good."""
    dice = np.random.default_rng(number)
    found = []
    for _ in range(DRAWS):
        order = [dice.permutation(len(some)) for some in (bad, good)]
        vectors = np.concatenate(
            [some[kept[:number]] for some, kept in zip((bad, good), order, strict=True)]
        )
        labels = np.repeat([0, 1], number)
        weights, limits = logistic.fit(vectors, labels, 2), likeness.limits(vectors, labels, 2)

        def told(
            asked: Any,
            weights: Any = weights,
            vectors: Any = vectors,
            labels: Any = labels,
            limits: Any = limits,
        ) -> Any:
            """0 and 1: the classes; 2: unsure; 3: neither."""
            chances = weights.probabilities(asked)
            first = chances.argmax(axis=1)
            far = [
                likeness.nearest(asked, vectors[labels == label]) / max(limits[label], 1e-6)
                for label in (0, 1)
            ]
            unlike = np.where(first == 1, far[1], far[0]) > UNLIKE
            return np.where(
                np.abs(chances[:, 1] - chances[:, 0]) < MARGIN, 2, np.where(unlike, 3, first)
            )

        ng, ok = (told(some[kept[number:]]) for some, kept in zip((bad, good), order, strict=True))
        new = np.concatenate([ng, ok])
        found.append(
            (
                (ng == 1).mean(),
                (ok == 0).mean(),
                (new == 2).mean(),
                (ng == 3).mean(),
                (ok == 3).mean(),
                (told(strangers) == 1).mean(),
            )
        )
    names = (
        "bad_told_good",
        "good_told_bad",
        "unsure",
        "bad_neither",
        "good_neither",
        "strangers_told_good",
    )
    return {
        name: round(float(value), 3)
        for name, value in zip(names, np.mean(found, axis=0), strict=True)
    }


if __name__ == "__main__":
    given = os.environ.get("DATA")
    for row in rows(Path(given) if given else None, tuple(sys.argv[1:])):
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
