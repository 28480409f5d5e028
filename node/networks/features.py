"""What a network trained on photographs sees in a view: the features that `learned` and `classify`
compare.

The backbone is EfficientNet-Lite0 cut at stride 16 (node/networks), or any ONNX file that the
environment variable INSPECTION_BACKBONE names: input `image` (n x 3 x h x w, red, green, blue from
0 to 255), outputs `s8` and `s16` at strides 8 and 16. onnxruntime runs it in 8 bit, which is the
same on every processor; where there is no onnxruntime, cv2.dnn runs it in floats, for which a model
must be taught again. It is loaded once per process.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels, View
from node.networks.nearest import right
from schemas import Problem

Floats = NDArray[np.float32]
HERE = Path(__file__).parent
SHIPPED = {"onnxruntime": "effnet_lite0_s16_u8s8.onnx", "opencv": "effnet_lite0_s16.onnx"}
# the way features and their scores are made: what was taught in another way must be taught again
WAY = b"7"
CELL = 8  # px of the network's input to one place of the maps
SIDES = (64, 512)  # px
GROUND = 127  # what the network is shown where pixels do not count: its zero
BLOCK = 64  # channels; OpenCV filters 128 at most
MIN_COVER = 0.5  # share of a place's pixels that must count


class Maps(NamedTuple):
    """Features at rows x columns places, 8 px of the network's input each; counts: which places
    count, None if all do.

    places: (rows * columns) x channels, the first `fine` of stride 8, the others of stride 16.
    matrix: 2 x 3, times (column, row, 1) gives (x, y) of the view.
    """

    places: Floats
    fine: int
    rows: int
    columns: int
    counts: NDArray[np.bool_] | None
    matrix: NDArray[np.float64]


class Backbone(NamedTuple):
    """A network: run(1 x 3 x h x w) -> (channels x h/8 x w/8, channels x h/16 x w/16); digest: of
    its file and WAY."""

    run: Callable[[Floats], tuple[Floats, Floats]]
    digest: str
    runner: str


_lock = threading.Lock()
_loaded: dict[tuple[str, str], Backbone] = {}


def backbone(runner: str | None = None) -> Backbone:
    """The network, loaded at the first call; runner: onnxruntime or opencv, None for the faster one
    available.

    Raises Problem SETTINGS_INVALID if its file cannot be used.
    """
    given = os.environ.get("INSPECTION_BACKBONE", "")
    key = (given, runner or "")
    loaded = _loaded.get(key)
    if loaded is None:
        with _lock:
            loaded = _loaded.get(key)
            if loaded is None:
                loaded = _loaded[key] = _load(given, runner)
    return loaded


def _load(given: str, runner: str | None) -> Backbone:
    if runner is None:
        try:
            return _load(given, "onnxruntime")
        except ModuleNotFoundError:
            runner = "opencv"
    path = Path(given or HERE / SHIPPED[runner])
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Problem(
            "SETTINGS_INVALID", f"the backbone {path}: {error.strerror or error}"
        ) from error
    digest = hashlib.sha256(data + WAY).hexdigest()
    try:
        made = _onnxruntime(data) if runner == "onnxruntime" else _opencv(data)
    except ModuleNotFoundError:
        raise
    except cv2.error as error:
        raise Problem("SETTINGS_INVALID", f"the backbone {path}: {error.err}") from error
    except Exception as error:  # onnxruntime's own exceptions have no common base
        raise Problem("SETTINGS_INVALID", f"the backbone {path}: {error}"[:400]) from error
    return Backbone(made, digest, runner)


def _onnxruntime(data: bytes) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Products of 8 bit in the way that is quickest on the processor, if its sums are right: some
    processors cut off what does not fit in 16 bit. Those use a way that is right everywhere and
    takes three times as long."""
    quick, exact = (_session(data, each) for each in (False, True))
    if not right():  # one picture need not show it, another one may
        return exact
    side = SIDES[0]
    tried = np.random.default_rng(0).uniform(0, 255, (1, 3, side, side)).astype(np.float32)
    return quick if all(map(np.array_equal, quick(tried), exact(tried))) else exact


def _session(data: bytes, exact: bool) -> Callable[[Floats], tuple[Floats, Floats]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # on the station's own thread
    options.log_severity_level = 3
    options.add_session_config_entry("session.x64quantprecision", str(int(exact)))
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def run(image: Floats) -> tuple[Floats, Floats]:  # stations may call at the same time
        fine, coarse = session.run(["s8", "s16"], {"image": image})
        return fine[0], coarse[0]

    return run


def _opencv(data: bytes) -> Callable[[Floats], tuple[Floats, Floats]]:
    net: Any = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8))
    lock = threading.Lock()

    def run(image: Floats) -> tuple[Floats, Floats]:
        with lock:
            net.setInput(image)
            fine, coarse = net.forward(["s8", "s16"])
            return np.array(fine[0]), np.array(coarse[0])

    return run


def shape(view_width: int, view_height: int, size_px: int) -> tuple[int, int]:
    """Width and height of the network's input for a view: about size_px squared in all, in
    multiples of 16."""
    scale = size_px / (view_width * view_height) ** 0.5
    low, high = (side // 16 for side in SIDES)
    width, height = (
        min(high, max(low, round(side * scale / 16))) for side in (view_width, view_height)
    )
    return width * 16, height * 16


def picture(view: View) -> Pixels:
    """The view as height x width x 3, what does not count in gray."""
    pixels = view.bgr if view.frame.coloured else cv2.cvtColor(view.gray, cv2.COLOR_GRAY2BGR)
    if view.mask is not None:
        pixels = np.where(view.mask[:, :, None] > 0, pixels, np.uint8(GROUND))
    return pixels


def maps(view: View, size_px: int) -> Maps:
    """The features of a view, made once per frame, whichever tool asks."""
    mask = b"" if view.mask is None else view.mask.tobytes()
    key = f"features {size_px} {hash(mask)}"
    made: tuple[Maps] = view.once(key, lambda: (maps_of(picture(view), size_px, view.mask),))
    return made[0]


def maps_of(pixels: Pixels, size_px: int, mask: Pixels | None = None) -> Maps:
    """The features of a picture, height x width x 3; both strides side by side, each place with its
    neighbours (1 2 1)."""
    height, width = pixels.shape[:2]
    size = shape(width, height, size_px)
    image = np.asarray(cv2.dnn.blobFromImage(_resized(pixels, size), swapRB=True), np.float32)
    fine, coarse = backbone().run(image)
    columns, rows = size[0] // CELL, size[1] // CELL
    places = np.concatenate(
        [*_pooled(fine, columns, rows), *_pooled(coarse, columns, rows)], axis=1
    )
    counts = None
    if mask is not None:
        cover = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
        counts = cover.ravel() >= 255 * MIN_COVER
        if not counts.any():
            counts = cover.ravel() >= cover.max()
    places.flags.writeable = False
    step_x, step_y = width / columns, height / rows
    matrix = np.array([[step_x, 0.0, step_x / 2 - 0.5], [0.0, step_y, step_y / 2 - 0.5]])
    return Maps(places, len(fine), rows, columns, counts, matrix)


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Averages whole pixels first, then reduces the rest of the way, by less than half: this takes
    a third of the time of averaging parts of pixels."""
    times = min(pixels.shape[1] // size[0], pixels.shape[0] // size[1])
    if times > 1:
        whole = pixels.shape[1] // times, pixels.shape[0] // times
        pixels = cv2.resize(pixels, whole, interpolation=cv2.INTER_AREA)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)


def _pooled(planes: Floats, columns: int, rows: int) -> Iterator[Floats]:
    """Planes as places x channels, some channels at once (a third of the time), each place with its
    neighbours.

    Nothing lies beyond the border, so places there, of which the network saw less, differ less.
    """
    for first in range(0, len(planes), BLOCK):
        block = np.ascontiguousarray(planes[first : first + BLOCK].transpose(1, 2, 0))
        soft = cv2.GaussianBlur(block, (3, 3), 0, borderType=cv2.BORDER_CONSTANT)
        yield cv2.resize(soft, (columns, rows), interpolation=cv2.INTER_LINEAR).reshape(
            rows * columns, -1
        )


def vector(seen: Maps) -> Floats:
    """One vector for a whole view: the mean and the maximum of each channel of stride 16 over the
    places that count."""
    places = (seen.places if seen.counts is None else seen.places[seen.counts])[:, seen.fine :]
    return np.concatenate([places.mean(axis=0), places.max(axis=0)])
