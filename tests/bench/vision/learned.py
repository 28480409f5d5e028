"""`learned` on pictures with known truth: AUROC, false rejects, escapes, times, beside per-pixel
statistics and PatchCore.

`DATA=/path/to/data python -m tests.bench.vision.learned`; without DATA, on some of what ships and
is drawn. Some good pictures, drawn at random, are taught; the other good ones and all bad ones are
tested; cookies also split as their names say. The threshold is the tool's own, from those taught
alone. Times are those of the thread. `auroc_patchcore`: the same features as they are, the greatest
distance to a memory of the same size. `refused`: share of the good pictures that have no value
because they are unlike the taught ones as a whole; they count as rejected, and refused bad ones do
not count as escapes; `auroc` is of the values that both would have. `kept`: share of the batches of
as many good pictures as were taught in which no more were rejected than `learned` promises (nan
where it promises nothing, or fewer were tested). `drawn_found`: share of the faults drawn on the
first of those taught that it would catch, from which teaching warns; `escapes_if_5%_known`: escapes
at the limit that rejects that share of the good ones tested.

`SETS=cookies,screws TAUGHT=5,100 DRAWS=1` chooses, and leaves `classify` out. `CONFIRMED=1`: what
teaching names as unlike the others is confirmed and stays in, as a person who looks at it would do:
all are good, and PatchCore's memory holds them all.
"""

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from node.faults import stains
from node.frame import Frame, Pixels, View
from node.networks import features, promise
from node.networks import memory_bank as bank
from node.networks.nearest import Nearest
from node.teach.lesson import ASKED_PICTURES
from node.tools import learned
from schemas import Learned, Problem, Region
from tests.bench.vision import classify
from tests.bench.vision.good_and_bad import Pictures, sets

TAUGHT = tuple(int(count) for count in os.environ.get("TAUGHT", "5,10,20,50,100").split(","))
DRAWS = int(os.environ.get("DRAWS", "2"))
CONFIRMED = os.environ.get("CONFIRMED", "0") != "0"
CHOSEN = tuple(name for name in os.environ.get("SETS", "").split(",") if name)  # parts of names
LEAST_ASKED = 10  # good pictures that were not taught
# without DATA: one draw of 20, half of the pictures
QUICK = ("board, moved", "synthetic line", "drawn: moulded part")
TIMED = 12
NAMED = "cookies"  # whose first 31 good pictures are named to be taught, the others to be asked
NAMED_TAUGHT = 31
RATES = (
    "false_rejects",
    "escapes",
    "escapes_if_2%_known",
    "escapes_if_5%_known",
    "drawn_found",
    "refused",
)
TARGETS = {
    "target_auroc": "patchcore",
    "target_false_rejects": 0.05,
    "target_escapes": 0.2,
    "target_kept": 0.95,
    "target_ms": 15,
}


def measure(data: Path | None) -> list[dict[str, Any]]:
    """One row per set and number of good pictures for `learned`, one for all of these, and those of
    `classify`."""
    return list(_rows(data))


def _rows(data: Path | None) -> Iterator[dict[str, Any]]:
    rows = []
    for name, make in sets(data).items():
        if (data is None and name not in QUICK) or (
            CHOSEN and not any(part in name for part in CHOSEN)
        ):
            continue
        good, bad = make()
        for row in (
            _learned(name, good, bad) if data else _learned(name, good[:40], bad[:24], (20,), 1)
        ):
            rows.append(row)
            yield row
        if name == NAMED:
            yield from _learned(f"{name}, as named", good, bad, (NAMED_TAUGHT,), 0)
    for taught in sorted({row["good_taught"] for row in rows if row["good_taught"] in TAUGHT}):
        these = [row for row in rows if row["good_taught"] == taught and "unlike" not in row["set"]]
        figures = ("auroc", "auroc_patchcore", "auroc_plain", *RATES)
        means = {
            figure: round(float(np.mean([row[figure] for row in these])), 3) for figure in figures
        }
        yield {"set": f"mean of {len(these)} sets", "good_taught": taught, **means, **TARGETS}
    if data is not None and not CHOSEN:
        yield from classify.rows(data)


def _learned(
    name: str, good: Pictures, bad: Pictures, numbers: tuple[int, ...] = TAUGHT, draws: int = DRAWS
) -> Iterator[dict[str, Any]]:
    """draws: how often those to be taught are drawn at random; 0: the first ones are taught."""
    height, width = good[0].shape[:2]
    settings = Learned(name="tool", region=Region(x=0, y=0, width=width, height=height))
    seen = [
        (str(number), features.maps_of(pixels, settings.size_px))
        for number, pixels in enumerate((*good, *bad))
    ]
    small = [_small(pixels) for pixels in (*good, *bad)]
    for number in sorted({min(number, len(good) - LEAST_ASKED) for number in numbers}):
        found: list[tuple[float, ...]] = []
        for draw in range(max(draws, 1)):
            order = (
                np.random.default_rng(100 + draw).permutation(len(good))
                if draws
                else np.arange(len(good))
            )
            taught, asked = order[:number], [*order[number:], *range(len(good), len(seen))]
            began = time.thread_time()
            made = _taught([seen[place] for place in taught], (width, height, settings.size_px))
            # the network's part was done before
            teach_s = time.thread_time() - began + 0.015 * number
            kept = learned.learn(None, settings, made.packed())
            assert kept is not None
            values = [_value(made, maps, kept.threshold) for _, maps in (seen[k] for k in asked)]
            found_values, refused = (np.array(each) for each in zip(*values, strict=True))
            ok, ng = np.split(found_values, [len(good) - number])
            no, none = np.split(refused, [len(good) - number])
            rejected = (ok > 1) | no
            plain = _plain([small[place] for place in taught], [small[place] for place in asked])
            auc, plain_auc = _auroc(ok, ng), _auroc(plain[: len(ok)], plain[len(ok) :])
            rates = (
                float(rejected.mean()),
                float(((ng <= 1) & ~none).mean()),
                *(float(((ng <= np.quantile(ok, 1 - at)) & ~none).mean()) for at in (0.02, 0.05)),
                _drawn_found(made, [good[k] for k in taught], settings, kept.threshold),
                float(no.mean()),
            )
            least = promise.one_in(made.different, made.beyond(kept.threshold) + 1)
            batches = [
                rejected[start : start + number].sum() <= number / least
                for start in range(0, len(ok) - number + 1, number)
            ]
            promised = float(np.mean(batches)) if least > 1 and batches else math.nan
            known = _patchcore(
                [seen[place][1] for place in taught], [seen[place][1] for place in asked]
            )
            ms = float(np.median([_ms(settings, kept, pixels) for pixels in bad[:TIMED]]))
            found.append(
                (
                    auc,
                    _auroc(known[: len(ok)], known[len(ok) :]),
                    plain_auc,
                    *rates,
                    promised,
                    teach_s,
                    ms,
                )
            )
        means = [float(value) for value in np.mean(found, axis=0)]
        names = ("auroc", "auroc_patchcore", "auroc_plain", *RATES, "kept", "teach_s", "ms")
        counts = {
            "set": name,
            "good_taught": number,
            "good_asked": len(good) - number,
            "bad": len(bad),
            "draws": draws,
        }
        yield {
            **counts,
            **{
                key: round(value, 3 if value < 3 else 1)
                for key, value in zip(names, means, strict=True)
            },
            **TARGETS,
        }


def _taught(good: list[tuple[str, features.Maps]], site: tuple[int, int, int]) -> bank.PatchBank:
    """The memory; if too few remain without those that are unlike the others, or if it is chosen,
    all are confirmed, as all are good."""
    try:
        return bank.teach(good, site, {name for name, _ in good} if CONFIRMED else ()).bank
    except Problem:
        return bank.teach(good, site, {name for name, _ in good}).bank


def _value(made: bank.PatchBank, seen: features.Maps, threshold: float) -> tuple[float, bool]:
    """The score as the tool reports it, and whether it says that there is none."""
    distances = made.distances(seen)
    return bank.top(distances, seen.counts) / threshold, bool(
        bank.unlike(*made.strange(seen, distances)) > 1
    )


def _drawn_found(
    made: bank.PatchBank, taught: Pictures, settings: Learned, threshold: float
) -> float:
    """The share as teaching reports it."""
    found = [
        bank.top(made.distances(features.maps(spoilt, settings.size_px)), None) > threshold
        for number, pixels in enumerate(taught[:ASKED_PICTURES])
        for spoilt in stains.drawn(_view(settings, pixels), number)
    ]
    return float(np.mean(found))


def _view(settings: Learned, pixels: Pixels) -> View:
    return Frame(np.ascontiguousarray(pixels), 0, 0.0, "bench", simulated=True).view(
        settings.region
    )


def _ms(settings: Learned, kept: Any, pixels: Pixels) -> float:
    """CPU time of one picture, network included."""
    view = _view(settings, pixels)
    began = time.thread_time()
    with contextlib.suppress(Problem):  # unlike all good pictures
        learned.measure(view, settings, kept)
    return 1e3 * (time.thread_time() - began)


def _small(pixels: Pixels) -> Any:
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return cv2.GaussianBlur(
        cv2.resize(gray, (256, 256), interpolation=cv2.INTER_AREA), (0, 0), 1.5
    ).astype(np.float32)


def _plain(taught: list[Any], asked: list[Any]) -> Any:
    """The plain way: mean and spread of each pixel of the good ones, after a blur; then the mean
    over the 100 most unusual pixels."""
    stack = np.stack(taught)
    mean, spread = stack.mean(axis=0), stack.std(axis=0) + 3
    return np.array(
        [
            np.partition((np.abs(small - mean) / spread).ravel(), -100)[-100:].mean()
            for small in asked
        ]
    )


def _patchcore(taught: list[features.Maps], asked: list[features.Maps]) -> Any:
    """Greatest distance of each picture's features, as they are, to a memory of those taught (K.
    Roth et al. 2022)."""
    places = np.concatenate([maps.places for maps in taught])
    memory = Nearest(np.ascontiguousarray(places[bank.coreset(places, bank.SIZE)]))
    return np.array([memory.exact(maps.places).max() for maps in asked])


def _auroc(good: Any, bad: Any) -> float:
    return float((bad[:, None] > good[None]).mean() + 0.5 * (bad[:, None] == good[None]).mean())


if __name__ == "__main__":
    given = os.environ.get("DATA")
    for row in _rows(Path(given) if given else None):
        print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
