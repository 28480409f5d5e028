"""The nearest of a memory's patches: the search that most of `learned`'s time goes into.

Which patch is nearest is found with products of 8 bit, where the processor has them and they are
faster; the distance is then computed from the patch itself in floats. Another patch may have been
nearer by some thousandths, so a distance is never given too small.
"""

import time
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
PRODUCT = Path(__file__).parent / "product_u8s8.onnx"
ROWS = 128  # places at once: their products stay in the cache
REACH = 0.9999  # of the memory's numbers lie within 8 bit, the others are cut off
MOST = 127
ZERO = 128  # what is subtracted from the places' 8 bit
TRIES = 3
TRIED = (1024, 152, 2000)  # places, dimensions, patches


class Nearest:
    """Search among patches x dimensions."""

    def __init__(self, patches: Floats) -> None:
        self._patches = patches

    def distances(self, places: Floats) -> Floats:
        """Euclidean distance of each of places x dimensions to the nearest patch."""
        if products() is None:
            return self.exact(places)
        return self.quick(places)

    def exact(self, places: Floats) -> Floats:
        """In floats."""
        least = np.concatenate(
            [(wide @ self._wide).min(axis=1) for wide in _few(_with_ones(places))]
        )
        return np.sqrt(np.maximum(least + _squares(places), 0), dtype=np.float32)

    def quick(self, places: Floats) -> Floats:
        """Searches in 8 bit, and measures to the patch that was found in floats. Needs
        onnxruntime."""
        scale, patches, digits = self._small
        scaled = places * np.float32(1 / scale)
        scaled += np.float32(ZERO + 0.5)
        small = np.full((len(places), len(patches)), ZERO + MOST, np.uint8)
        np.clip(scaled, 1, 255, out=small[:, : -digits - 1], casting="unsafe")
        small[:, -1] = ZERO + 1
        nearest = np.concatenate([self._product(few).argmax(axis=1) for few in _few(small)])
        return np.sqrt(_squares(places - self._patches[nearest]))

    @cached_property
    def _product(self) -> Callable[[NDArray[np.uint8]], NDArray[np.int32]]:
        return _product(self._small[1])

    @cached_property
    def _wide(self) -> Floats:
        """With the patches' lengths as one more dimension: no second pass."""
        return np.vstack([-2 * self._patches.T, _squares(self._patches)[None]]).astype(np.float32)

    @cached_property
    def _small(self) -> tuple[float, NDArray[np.int8], int]:
        """Scale, and dimensions x patches in 8 bit; the last ones are half of the squared lengths:
        some of 127, the last of 1.

        The greatest product less that half is the nearest.
        """
        scale = max(float(np.quantile(np.abs(self._patches), REACH)) / MOST, 1e-9)
        small = np.clip(np.rint(self._patches / scale), -MOST, MOST).astype(np.int64)
        halves = np.square(small).sum(axis=1) // 2
        high, low = np.divmod(halves - halves.min(), MOST)
        digits = max(1, -(-int(high.max()) // MOST))
        parts = [np.clip(high - number * MOST, 0, MOST) for number in range(digits)]
        return (
            scale,
            np.ascontiguousarray(
                np.column_stack([small, *(-part for part in parts), -low]).astype(np.int8).T
            ),
            digits,
        )


def right() -> bool:
    """Whether products of 8 bit are right on this processor, and onnxruntime is there.

    Some processors cut off sums of two that do not fit in 16 bit, which numbers over the whole
    range reveal.
    """
    dice = np.random.default_rng(0)
    count, dimensions, size = TRIED
    try:
        whole = (
            dice.integers(0, 256, (count, dimensions), np.uint8),
            dice.integers(-127, 128, (dimensions, size)).astype(np.int8),
        )
        wanted = (whole[0].astype(np.float64) - ZERO) @ whole[1].astype(np.float64)
        return bool(np.array_equal(_product(whole[1])(whole[0]), wanted))
    except Exception:  # onnxruntime's own exceptions have no common base; it may be missing
        return False


@cache
def products() -> float | None:
    """How many times as fast as in floats the search in 8 bit is here, measured once per process;
    None if floats are as good.

    Processors without such products saturate or take longer; then, and without onnxruntime, floats
    are used.
    """
    if not right():
        return None
    dice = np.random.default_rng(0)
    count, dimensions, size = TRIED
    search = Nearest(dice.normal(size=(size, dimensions)).astype(np.float32))
    places = dice.normal(size=(count, dimensions)).astype(np.float32)
    gain = _seconds(search.exact, places) / _seconds(search.quick, places)
    return gain if gain > 1 else None


def _product(patches: NDArray[np.int8]) -> Callable[[NDArray[np.uint8]], NDArray[np.int32]]:
    """Integer products of any n x dimensions, less 128, and dimensions x patches, which lie ready
    in the order in which the processor takes them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # on the station's own thread
    options.log_severity_level = 3
    held = onnxruntime.OrtValue.ortvalue_from_numpy(patches)  # lives as long as the session
    options.add_initializer("patches", held)
    session: Any = onnxruntime.InferenceSession(
        PRODUCT.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    return lambda places, _held=held: session.run(["products"], {"places": places})[0]  # type: ignore[misc]


def _seconds(search: Callable[[Floats], Floats], places: Floats) -> float:
    """The least time of some tries: the thread's own time, so that other busy threads do not
    decide."""
    times = []
    for _ in range(TRIES + 1):  # the first one prepares
        began = time.thread_time()
        search(places)
        times.append(time.thread_time() - began)
    return max(min(times), 1e-9)


def _few(rows: NDArray[Any]) -> list[NDArray[Any]]:
    return [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]


def _with_ones(places: Floats) -> Floats:
    return np.hstack([places, np.ones((len(places), 1), np.float32)])


def _squares(rows: Floats) -> Floats:
    return np.einsum("ij,ij->i", rows, rows)  # type: ignore[no-any-return]
