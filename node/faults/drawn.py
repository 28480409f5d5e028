"""Faults drawn on the picture of a good part: of the part and the picture as a whole, and at each
tool's region."""

import math
from functools import partial
from typing import Any

import cv2
import numpy as np

from node.faults.between import between, hair
from node.faults.fault import DrawnFault
from node.frame import Frame, Pixels
from node.locate import locate
from node.program import LoadedProgram
from schemas import Region
from schemas.tools.base import RegionTool

NO_PART = (
    "one colour",
    "black",
    "white",
    "noise",
    "part missing",
    "half missing",
    "another part",
    "label over left half",
    "label over right half",
)  # an OK for these is never right
SPOT = 0.12  # of the root of a region's area: a stain, a hole, and four times as long a scratch
SHIFT, LEAST_SHIFT_PX = 0.06, 4  # of a region's width
SIZES = (0.95, 0.97, 1.03, 1.05)
LAMP, BURNT, BLUR_PX = 0.7, 2.5, 4.0
# of the contrast, of the light on the dark side, of the light in the middle of a drop
HAZE, UNLIT, DROP = 0.6, 0.35, 0.5
TILES = 4  # rows and columns of a part that are shuffled to make another


def faults(pixels: Pixels, loaded: LoadedProgram) -> list[DrawnFault]:
    """All faults, not yet drawn, always in the same order; regions lie where the part does. Raises
    Problem of the locator."""
    regions = _regions(loaded, pixels)
    drawn = _whole(pixels, _around(list(regions.values()), pixels))
    for number, (name, place) in enumerate(regions.items(), 1):
        if name != "locator":
            drawn += _local(pixels, name, place, number)
    return drawn


def looked_at(pixels: Pixels, loaded: LoadedProgram) -> Region:
    """The upright rectangle around what a program looks at in a picture. Raises Problem of the
    locator."""
    return _around(list(_regions(loaded, pixels).values()), pixels)


def _whole(pixels: Pixels, part: Region) -> list[DrawnFault]:
    """Faults of the part or of the picture as a whole."""
    rows, columns = slice(part.y, part.bottom), slice(part.x, part.right)
    own = pixels[rows, columns]

    def with_part(content: Any) -> Pixels:
        made = pixels.copy()
        made[rows, columns] = content
        return made

    def ground() -> Pixels:
        return _ground(pixels, part, np.random.default_rng(1))[rows, columns]

    def half() -> Pixels:
        made = own.copy()
        middle = made.shape[1] // 2
        made[:, middle:] = ground()[:, middle:]
        return with_part(made)

    def noise() -> Pixels:
        return np.random.default_rng(1).integers(0, 256, pixels.shape, dtype=np.uint8)

    def gray() -> Pixels:
        made = pixels.copy()
        made[made.shape[0] // 2 :] = 128
        return made

    level = np.uint8(pixels.reshape(-1, *pixels.shape[2:]).mean(axis=0))
    drawn = [
        DrawnFault("one colour", None, lambda: np.broadcast_to(level, pixels.shape).copy()),
        DrawnFault("black", None, lambda: np.zeros_like(pixels)),
        DrawnFault("white", None, lambda: np.full_like(pixels, 255)),
        DrawnFault("noise", None, noise),
        DrawnFault("part missing", None, lambda: with_part(ground())),
        DrawnFault("half missing", None, half),
        DrawnFault("another part", None, lambda: with_part(_shuffled(own))),
        DrawnFault("turned by 180 degrees", None, lambda: with_part(own[::-1, ::-1])),
        DrawnFault("mirrored", None, lambda: with_part(own[:, ::-1])),
    ]
    beside = _beside(part, pixels)
    if beside is not None:
        drawn.append(DrawnFault("second part", None, partial(_copied, pixels, beside, own)))
    drawn += [
        DrawnFault(f"size {size:.0%}", None, partial(_resized, pixels, part, size))
        for size in SIZES
    ]
    drawn += [
        DrawnFault("blurred", None, lambda: cv2.GaussianBlur(pixels, (0, 0), BLUR_PX)),
        DrawnFault("lamp -30 %", None, lambda: cv2.convertScaleAbs(pixels, alpha=LAMP)),
    ]
    drawn += [
        DrawnFault(
            "haze on the lens",
            None,
            lambda: cv2.convertScaleAbs(pixels, alpha=HAZE, beta=255 * (1 - HAZE) / 2),
        ),
        DrawnFault(
            "one side unlit",
            None,
            partial(_lit, pixels, np.linspace(1.0, UNLIT, pixels.shape[1])[None]),
        ),
        DrawnFault("drop on the lens", None, partial(_drop, pixels, part)),
    ]
    colours = ("blue", "green", "red") if pixels.ndim == 3 else ()
    drawn += [
        DrawnFault(f"{name} burnt out", None, partial(_burnt, pixels, number))
        for number, name in enumerate(colours)
    ]
    drawn += between(pixels, part)
    return [*drawn, DrawnFault("half of the picture gray", None, gray)]


def _shuffled(own: Pixels) -> Pixels:
    """The tiles of a part in another order."""
    high, wide = own.shape[0] // TILES, own.shape[1] // TILES
    other = own.copy()
    for place, source in enumerate(np.roll(np.arange(TILES * TILES), 5).tolist()):
        (y, x), (v, u) = divmod(place, TILES), divmod(source, TILES)
        other[y * high : (y + 1) * high, x * wide : (x + 1) * wide] = own[
            v * high : (v + 1) * high, u * wide : (u + 1) * wide
        ]
    return other


def _copied(pixels: Pixels, place: Region, content: Pixels) -> Pixels:
    made = pixels.copy()
    made[place.y : place.bottom, place.x : place.right] = content
    return made


def _resized(pixels: Pixels, part: Region, size: float) -> Pixels:
    middle_x, middle_y = part.centre
    turn = np.array([[size, 0, middle_x * (1 - size)], [0, size, middle_y * (1 - size)]])
    whole = pixels.shape[1::-1]
    flags, border = cv2.INTER_AREA, cv2.BORDER_REPLICATE
    return cv2.warpAffine(pixels, turn, whole, flags=flags, borderMode=border)


def _lit(pixels: Pixels, light: Any) -> Pixels:
    return np.asarray(
        np.rint(pixels * (light[:, :, None] if pixels.ndim == 3 else light)), np.uint8
    )


def _drop(pixels: Pixels, part: Region) -> Pixels:
    """Oil or water on the lens, far out of focus: soft and darker in the middle, over a quarter of
    the part."""
    (x, y), reach = part.centre, max(4.0, min(part.width, part.height) / 4)
    rows, columns = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    away = ((columns - x) / reach) ** 2 + ((rows - y) / reach) ** 2
    soft = np.exp(-0.5 * away)
    shade = soft[:, :, None] if pixels.ndim == 3 else soft
    smeared = cv2.GaussianBlur(pixels, (0, 0), BLUR_PX)
    return np.asarray(
        np.rint((pixels * (1 - shade) + smeared * shade) * (1 - DROP * shade)), np.uint8
    )


def _burnt(pixels: Pixels, channel: int) -> Pixels:
    burnt = pixels.copy()
    burnt[:, :, channel] = np.clip(burnt[:, :, channel] * BURNT + 60, 0, 255)
    return burnt


def _local(pixels: Pixels, name: str, place: Region, number: int) -> list[DrawnFault]:
    """Faults at one tool's region: each as dark or light as is far from what is there."""
    dice = np.random.default_rng([1, number])
    radius = max(2, round(SPOT * math.sqrt(place.width * place.height) / 2))
    x, y = (
        round(low + share * size)
        for low, share, size in zip(
            (place.x, place.y), dice.uniform(0.3, 0.7, 2), (place.width, place.height), strict=True
        )
    )
    turn = float(dice.uniform(0, math.pi))
    rows, columns = slice(place.y, place.bottom), slice(place.x, place.right)
    own = pixels[rows, columns]
    ink = (20,) * 3 if float(own.mean()) > 100 else (235,) * 3
    by = max(LEAST_SHIFT_PX, round(SHIFT * place.width))

    def stain() -> Pixels:
        return cv2.circle(pixels.copy(), (x, y), radius, ink, -1, cv2.LINE_AA)

    def hole() -> Pixels:
        rim = cv2.circle(pixels.copy(), (x, y), radius + 1, (110,) * 3, -1, cv2.LINE_AA)
        return cv2.circle(rim, (x, y), radius, (0,) * 3, -1, cv2.LINE_AA)

    def scratch() -> Pixels:
        ends = [
            (round(x + s * 4 * radius * math.cos(turn)), round(y + s * 4 * radius * math.sin(turn)))
            for s in (-1, 1)
        ]
        return cv2.line(pixels.copy(), ends[0], ends[1], ink, max(1, radius // 4), cv2.LINE_AA)

    def missing() -> Pixels:
        rim = np.concatenate([own[0], own[-1], own[:, 0], own[:, -1]])
        bare = np.median(rim, axis=0) + np.random.default_rng([2, number]).normal(0, 2, own.shape)
        made = pixels.copy()
        made[rows, columns] = np.clip(bare, 0, 255).astype(np.uint8)
        return made

    def moved() -> Pixels:
        made = missing()
        made[rows, place.x + by : place.right] = own[:, :-by]
        return made

    drawn = [
        DrawnFault("stain", name, stain),
        DrawnFault("hole", name, hole),
        DrawnFault("scratch", name, scratch),
        DrawnFault("hair", name, partial(hair, pixels, place, number)),
        DrawnFault("its feature missing", name, missing),
    ]
    return (
        [*drawn, DrawnFault(f"its feature moved by {by} px", name, moved)]
        if by < place.width // 2
        else drawn
    )


def _regions(loaded: LoadedProgram, pixels: Pixels) -> dict[str, Region]:
    """The upright rectangles around locator and tools by name, where they lie in this picture."""
    height, width = pixels.shape[:2]
    frame = Frame(np.ascontiguousarray(pixels), 0, 0.0, "drawn", simulated=True)
    _, placement = locate(frame, loaded.program.locator, loaded.locator)
    asked: dict[str, Any] = {}
    if loaded.program.locator is not None:
        asked["locator"] = loaded.program.locator.region
    asked |= {
        tool.settings.name: tool.settings.region
        for tool in loaded.tools
        if isinstance(tool.settings, RegionTool)
    }
    regions = {}
    for name, region in asked.items():
        corners = (
            np.array(region.corners, float) @ placement.matrix[:, :2].T + placement.matrix[:, 2]
        )
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        x, y = max(0, math.floor(left)), max(0, math.floor(top))
        right, bottom = min(width, math.ceil(right) + 1), min(height, math.ceil(bottom) + 1)
        if right - x >= 2 * TILES and bottom - y >= 2 * TILES:
            regions[name] = Region(x=x, y=y, width=int(right - x), height=int(bottom - y))
    return regions


def _around(regions: list[Region], pixels: Pixels) -> Region:
    """What the program looks at: the smallest upright rectangle around its regions, or the whole
    picture."""
    if not regions:
        return Region(x=0, y=0, width=pixels.shape[1], height=pixels.shape[0])
    x, y = min(r.x for r in regions), min(r.y for r in regions)
    return Region(
        x=x, y=y, width=max(r.right for r in regions) - x, height=max(r.bottom for r in regions) - y
    )


def _ground(pixels: Pixels, part: Region, dice: np.random.Generator) -> Pixels:
    """The picture's background as far as it can be guessed: the median of what lies around the
    part, with a little noise."""
    outside = np.ones(pixels.shape[:2], bool)
    outside[part.y : part.bottom, part.x : part.right] = False
    around = pixels[outside] if outside.any() else pixels.reshape(-1, *pixels.shape[2:])
    noisy = np.median(around, axis=0) + dice.normal(0, 2, pixels.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _beside(part: Region, pixels: Pixels) -> Region | None:
    """Where a second part fits into the picture."""
    height, width = pixels.shape[:2]
    for x, y in (
        (part.right, part.y),
        (part.x - part.width, part.y),
        (part.x, part.bottom),
        (part.x, part.y - part.height),
    ):
        if min(x, y) >= 0 and x + part.width <= width and y + part.height <= height:
            return Region(x=x, y=y, width=part.width, height=part.height)
    return None
