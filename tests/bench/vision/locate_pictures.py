"""What a locator is tried on: real pictures, a pattern as a person would teach it in each, and the
same moved by a known similarity, easy and hard; and pictures without the part.

Master and moved picture are both rendered from a source three times as fine (Lanczos, then means of
3 x 3 px), so no method gains from the interpolation. hard: blur of 1.2 px, a light ramp of +-30 %,
a disc of any gray over a fifth of the pattern, noise sigma 8.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame
from schemas import Pose, Region
from tests.rooms.pictures.scenes import Scene

SIZE = (640, 480)
LARGE = (2448, 2048)  # px of a large picture
FINE = 3
SHIPPED = Path(__file__).parents[2] / "data"
PICTURES = (  # one of each kind: a board, print, sweets, a wall, screws, a printed board
    "parts/board.jpg",
    "parts/box_in_scene.png",
    "parts/smarties.png",
    "parts/graf1.png",
    "screws/11_1111.jpg",
    "pcb/44000108_temp.jpg",
)
ALL = ("parts/*", "screws/*.jpg", "pcb/*_temp.jpg")
OTHERS = (
    "parts/*",
    "screws/*.jpg",
    "pcb/*.jpg",
    "okng/**/*.jpg",
    "codes/**/*.png",
    "codes/**/*.jpg",
    "calibration/*.jpg",
)
SIZES = ((160, 120), (120, 120), (200, 150), (96, 96))  # of the pattern in px
LIKE = 0.8  # correlation of a pattern with another place of the master that makes it no pattern
# standard deviation in gray levels that each of so many ninths of a pattern has
LEAST_BLOCK, LEAST_BLOCKS = 6.0, 7
Gray = NDArray[np.uint8]
Move = tuple[float, float, float, float]  # dx, dy in px, degrees, scale


class Shot(NamedTuple):
    """A moved picture and where the centre of the pattern truly lies."""

    pixels: Gray
    truth: Pose


def sources(data: Path | None, names: Sequence[str] = PICTURES) -> Iterator[tuple[str, Gray]]:
    """Name and gray picture three times as fine as what is rendered of it; without data the one
    that ships."""
    for path in (
        [path for name in names for path in sorted(data.glob(name))]
        if data
        else [SHIPPED / "board.jpg"]
    ):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
        if picture is not None:
            yield path.stem, _covering(picture, (FINE * SIZE[0], FINE * SIZE[1]))  # type: ignore[arg-type]


def _covering(picture: Gray, size: tuple[int, int]) -> Gray:
    """The picture, scaled until it just covers that size."""
    rows, columns = picture.shape
    scale = max(size[0] / columns, size[1] / rows)
    wide = (math.ceil(columns * scale), math.ceil(rows * scale))
    return cv2.resize(picture, wide, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)  # type: ignore[return-value]


def taught(source: Gray, size: tuple[int, int]) -> Region:
    """Where a person would teach a pattern of that size: the place with the most corners, at least
    100 px from the border."""
    corners = cv2.cornerMinEigenVal(rendered(source, Region(x=0, y=0, width=8, height=8)), 7)
    mean = cv2.blur(np.minimum(corners, np.quantile(corners, 0.95)), size)
    inner = (
        slice(100 + size[1] // 2, -100 - size[1] // 2),
        slice(100 + size[0] // 2, -100 - size[0] // 2),
    )
    row, column = np.unravel_index(int(mean[inner].argmax()), mean[inner].shape)
    return Region(x=100 + int(column), y=100 + int(row), width=size[0], height=size[1])


def patterns(
    data: Path | None, full: bool = False
) -> Iterator[tuple[int, str, Gray, Region, Gray]]:
    """Number, name and source of a picture, the pattern taught in it and the master.

    full: of all pictures except those in which nobody would teach one, in one size each; otherwise
    of every picture, in the first size in which a person would, if there is one.
    """
    for number, (name, source) in enumerate(sources(data, ALL if full else PICTURES)):
        own = SIZES[number % len(SIZES)]
        for size in (own,) if full else (own, *SIZES, own):
            where = taught(source, size)
            master = rendered(source, where)
            if teachable(master, where):
                break
        else:
            if full:
                continue
        yield number, name, source, where, master


def rendered(
    source: Gray,
    where: Region,
    move: Move = (0.0, 0.0, 0.0, 1.0),
    size: tuple[int, int] = SIZE,
    mirrored: bool = True,
) -> Gray:
    """The picture with the pattern moved: turned and scaled about its centre, then shifted.

    mirrored: whether what lies beyond the source is its mirror image, and else its mean gray level:
    where half of a part is covered, its mirrored half may be the better one.
    """
    dx, dy, angle_deg, scale = move
    cx, cy = where.centre
    c, s = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    turn = np.array([[c, -s, cx + dx - c * cx + s * cy], [s, c, cy + dy - s * cx - c * cy]])
    # between fine and coarse pixels: the centre of the top left pixel is (0, 0) in both
    half = (FINE - 1) / 2
    turn[:, 2] = FINE * (turn[:, 2] + turn[:, :2] @ (-half / FINE, -half / FINE)) + half
    wide = (FINE * size[0], FINE * size[1])
    border = cv2.BORDER_REFLECT_101 if mirrored else cv2.BORDER_CONSTANT
    level = float(source.mean())
    fine = cv2.warpAffine(
        source, turn, wide, flags=cv2.INTER_LANCZOS4, borderMode=border, borderValue=level
    )
    return cv2.resize(fine, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def spoilt(picture: Gray, truth: Pose, where: Region, rng: np.random.Generator) -> Gray:
    """The hard case of a picture."""
    light: Any = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.2)
    light *= np.linspace(0.7, 1.3, picture.shape[1], dtype=np.float32)[
        :: 1 if rng.random() < 0.5 else -1
    ]
    radius = math.sqrt(0.2 * where.width * where.height / math.pi)
    u, v = (rng.random(2) - 0.5) * (where.width - radius, where.height - radius)
    c, s = math.cos(math.radians(truth.angle_deg)), math.sin(math.radians(truth.angle_deg))
    middle = (int(truth.x + c * u - s * v), int(truth.y + s * u + c * v))
    cv2.circle(light, middle, round(radius), float(rng.integers(0, 256)), -1, cv2.LINE_AA)
    light += rng.normal(0, 8, light.shape)
    return np.asarray(np.clip(np.rint(light), 0, 255), np.uint8)


def shots(
    source: Gray,
    where: Region,
    half_range_deg: float,
    hard: bool,
    count: int,
    seed: int,
    mirrored: bool = True,
) -> Iterator[Shot]:
    """Moved pictures; the whole pattern lies in each. mirrored: see `rendered`."""
    rng = np.random.default_rng([seed, int(half_range_deg), hard])
    x, y = where.centre
    reach = math.hypot(where.width, where.height) / 2 + 2
    for _ in range(count):
        to_x, to_y = rng.uniform((reach, reach), (SIZE[0] - reach, SIZE[1] - reach))
        move = (to_x - x, to_y - y, float(rng.uniform(-half_range_deg, half_range_deg)), 1.0)
        truth = Pose(x=to_x, y=to_y, angle_deg=move[2])
        picture = rendered(source, where, move, mirrored=mirrored)
        yield Shot(spoilt(picture, truth, where, rng) if hard else picture, truth)


def framed(pixels: Gray) -> Frame:
    """A frame of the pixels."""
    return Frame(pixels, 0, 0.0, "bench", simulated=True)


def apart(one: float, other: float) -> float:
    """Difference of two angles in degrees."""
    return abs((one - other + 180) % 360 - 180)


def teachable(master: Gray, where: Region) -> bool:
    """Whether a person would take it for a pattern: there is something to see in most of it, and
    nothing like it anywhere else."""
    pattern_ = master[where.y : where.bottom, where.x : where.right].astype(np.float32)
    blocks = [
        block.std()
        for rows in np.array_split(pattern_, 3)
        for block in np.array_split(rows, 3, axis=1)
    ]
    if sum(block > LEAST_BLOCK for block in blocks) < LEAST_BLOCKS:
        return False
    small, model = (
        cv2.resize(p, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        for p in (master, pattern_.astype(np.uint8))
    )
    best = 0.0
    for angle in range(-180, 180, 12):
        pixels, mask, x, y = turned(model, angle)  # type: ignore[arg-type]
        found = cv2.matchTemplate(small, pixels, cv2.TM_CCOEFF_NORMED, mask=mask)
        found[~np.isfinite(found) | (found > 1.001)] = -1
        if abs(angle) <= 12:
            column, row = round(where.centre[0] / 4 - x), round(where.centre[1] / 4 - y)
            found[max(row - 6, 0) : max(row + 7, 0), max(column - 6, 0) : max(column + 7, 0)] = -1
        best = max(best, float(found.max()))
    return best < LIKE


def kind_of(name: str) -> str:
    """What the names of pictures of the same part have in common: boards of one series, views of
    one scene."""
    letters = "".join(c for c in name if not c.isdigit())
    return name[:5] if letters in ("_temp", "_test") else letters.split("-")[0].split("_")[0]


def others_of(data: Path | None) -> Iterator[tuple[str, Gray]]:
    """Pictures of 640 x 480 px without the parts that are looked for."""
    rng = np.random.default_rng(5)
    for level in (0, 128, 255):
        yield "flat", np.full(SIZE[::-1], level, np.uint8)
        yield "noise", np.clip(rng.normal(level, 12, SIZE[::-1]), 0, 255).astype(np.uint8)
    for seed in range(12):
        scene = Scene.plain(*SIZE).clutter(seed, 80)
        yield (
            "clutter",
            (scene.part(200, 150, seed, (180, 140)) if seed % 2 else scene).pixels(4.0, seed),
        )
        yield "waves", Scene.plain(*SIZE, 128.0).waves(finest_px=4 + seed).pixels(4.0, seed)
    for glob in OTHERS if data else ("pcb/*.jpg", "codes/*.png"):
        for path in sorted((data or SHIPPED).glob(glob)):
            picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if picture is not None:
                wide = _covering(picture, SIZE)  # type: ignore[arg-type]
                yield path.stem, np.ascontiguousarray(wide[: SIZE[1], : SIZE[0]])


def turned(pattern_: Gray, angle_deg: float) -> tuple[Gray, Gray, float, float]:
    """A pattern turned about its centre, its mask, and the centre in the turned picture."""
    rows, columns = pattern_.shape
    c, s = abs(math.cos(math.radians(angle_deg))), abs(math.sin(math.radians(angle_deg)))
    width, height = math.ceil(columns * c + rows * s), math.ceil(columns * s + rows * c)
    turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), -angle_deg, 1.0)
    turn[:, 2] += ((width - columns) / 2, (height - rows) / 2)
    mask = cv2.warpAffine(
        np.full_like(pattern_, 255), turn, (width, height), flags=cv2.INTER_NEAREST
    )
    return cv2.warpAffine(pattern_, turn, (width, height)), mask, (width - 1) / 2, (height - 1) / 2  # type: ignore[return-value]
