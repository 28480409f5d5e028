"""What would a program miss? Faults drawn on good pictures, each inspected as a part is, and what still came out OK.

Drawn faults are no real ones: what is caught here may be missed on the line, where light and shape are other. What is missed
here is missed there too, if it looks like that. Some faults a program need not see (another light, a little blur); then an OK
is right, and a person says so.
"""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from node.annotate import annotate
from node.frame import Frame, Pixels
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.part import Inspection, Part
from node.program import LoadedProgram
from node.quality import check
from schemas import Problem, QualityLimits, Region, Trigger
from schemas.tools.base import RegionTool

NO_PART = (
    "one colour",
    "black",
    "white",
    "noise",
    "part missing",
    "half missing",
    "another part",
)  # OK of these is never right
SPOT = 0.12  # of the root of a region's area: a stain, a hole, and four times as long a scratch
SHIFT, LEAST_SHIFT_PX = 0.06, 4  # of a region's width
SIZES = (0.95, 0.97, 1.03, 1.05)
LAMP, BURNT, BLUR_PX = 0.7, 2.5, 4.0
TILES = 4  # rows and columns of a part that are shuffled to make another


class Fault(NamedTuple):
    """One drawn picture: what is wrong with it, and at which tool, if it is at one."""

    kind: str
    tool: str | None
    pixels: Pixels


class Outcome(NamedTuple):
    """What the program says of it; picture: the annotated one, if that is OK."""

    kind: str
    tool: str | None
    verdict: str
    code: str | None
    picture: Pixels | None


def challenge(loaded: LoadedProgram, pictures: Sequence[Pixels], limits: QualityLimits | None = None) -> Iterator[Outcome]:
    """The outcome of each fault on each picture of a good part. A picture that is not OK before is passed over."""
    for pixels in pictures:
        if inspected(loaded, pixels, limits).verdict != "OK":
            continue
        for fault in drawn(pixels, loaded):
            found = inspected(loaded, fault.pixels, limits)
            code = found.fault.code if found.fault else None
            verdict = "ERROR" if found.fault else found.verdict
            yield Outcome(fault.kind, fault.tool, verdict, code, annotate(found) if verdict == "OK" else None)


def inspected(loaded: LoadedProgram, pixels: Pixels, limits: QualityLimits | None = None) -> Inspection:
    """One picture, from the quality gate to the verdict, as node/inspection.py does it, without camera and lines."""
    part = Part(0, "challenge", "challenge", Trigger(), False, "command", 0.0, time.monotonic_ns())
    frame = Frame(np.ascontiguousarray(pixels), 0, 0.0, "drawn", simulated=True)
    found = Inspection(part, loaded, frame)
    try:
        if loaded.size is not None and loaded.size != (frame.width, frame.height):
            raise Problem("IMAGE_SIZE", f"{frame.width} x {frame.height} px")
        check(frame, limits or QualityLimits())
        found.pose, found.placement = locate(frame, loaded.program.locator, loaded.locator)
        found.findings = measure(frame, found.placement, loaded, part.trigger)
        found.verdict, found.fault = judge(found, loaded)
    except Problem as problem:
        found.fail(problem)
    return found


def drawn(pixels: Pixels, loaded: LoadedProgram) -> Iterator[Fault]:
    """The faults, always the same for the same picture; regions lie where the part does."""
    dice = np.random.default_rng(1)
    regions = _regions(loaded, pixels)
    part = _around(list(regions.values()), pixels)
    ground = _ground(pixels, part, dice)
    yield from _whole(pixels, part, ground, dice)
    for name, place in regions.items():
        if name != "locator":
            yield from _local(pixels, name, place, dice)


def _whole(pixels: Pixels, part: Region, ground: Pixels, dice: np.random.Generator) -> Iterator[Fault]:
    """Faults of the part or of the picture as a whole."""
    rows, columns = slice(part.y, part.bottom), slice(part.x, part.right)

    def with_part(content: Any, base: Pixels = pixels) -> Pixels:
        made = base.copy()
        made[rows, columns] = content
        return made

    own = pixels[rows, columns]
    level = pixels.reshape(-1, *pixels.shape[2:]).mean(axis=0)
    yield Fault("one colour", None, np.broadcast_to(np.uint8(level), pixels.shape).copy())
    yield Fault("black", None, np.zeros_like(pixels))
    yield Fault("white", None, np.full_like(pixels, 255))
    yield Fault("noise", None, dice.integers(0, 256, pixels.shape, dtype=np.uint8))
    yield Fault("part missing", None, with_part(ground[rows, columns]))
    half = own.copy()
    half[:, half.shape[1] // 2 :] = ground[rows, columns][:, half.shape[1] // 2 :]
    yield Fault("half missing", None, with_part(half))
    high, wide = own.shape[0] // TILES, own.shape[1] // TILES
    other = own.copy()
    for place, source in enumerate(np.roll(np.arange(TILES * TILES), 5).tolist()):
        (y, x), (v, u) = divmod(place, TILES), divmod(source, TILES)
        other[y * high : (y + 1) * high, x * wide : (x + 1) * wide] = own[v * high : (v + 1) * high, u * wide : (u + 1) * wide]
    yield Fault("another part", None, with_part(other))
    yield Fault("turned by 180 degrees", None, with_part(own[::-1, ::-1]))
    yield Fault("mirrored", None, with_part(own[:, ::-1]))
    beside = _beside(part, pixels)
    if beside is not None:
        two = pixels.copy()
        two[beside.y : beside.bottom, beside.x : beside.right] = own
        yield Fault("second part", None, two)
    for size in SIZES:
        middle_x, middle_y = part.centre
        turn = np.array([[size, 0, middle_x * (1 - size)], [0, size, middle_y * (1 - size)]])
        resized = cv2.warpAffine(pixels, turn, pixels.shape[1::-1], flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
        yield Fault(f"size {size:.0%}", None, resized)  # type: ignore[arg-type]
    yield Fault("blurred", None, cv2.GaussianBlur(pixels, (0, 0), BLUR_PX))  # type: ignore[arg-type]
    yield Fault("lamp -30 %", None, cv2.convertScaleAbs(pixels, alpha=LAMP))  # type: ignore[arg-type]
    for channel, name in enumerate(("blue", "green", "red") if pixels.ndim == 3 else ()):
        burnt = pixels.copy()
        burnt[:, :, channel] = np.clip(burnt[:, :, channel] * BURNT + 60, 0, 255)
        yield Fault(f"{name} burnt out", None, burnt)
    gray = pixels.copy()
    gray[gray.shape[0] // 2 :] = 128
    yield Fault("half of the picture gray", None, gray)


def _local(pixels: Pixels, name: str, place: Region, dice: np.random.Generator) -> Iterator[Fault]:
    """Faults at one tool's region: each as dark or light as is far from what is there."""
    side = math.sqrt(place.width * place.height)
    radius = max(2, round(SPOT * side / 2))
    x, y = (
        round(low + share * size)
        for low, share, size in zip((place.x, place.y), dice.uniform(0.3, 0.7, 2), (place.width, place.height), strict=True)
    )
    dark = float(pixels[place.y : place.bottom, place.x : place.right].mean()) > 100
    ink = (20,) * 3 if dark else (235,) * 3
    yield Fault("stain", name, cv2.circle(pixels.copy(), (x, y), radius, ink, -1, cv2.LINE_AA))  # type: ignore[arg-type]
    hole = cv2.circle(pixels.copy(), (x, y), radius + 1, (110,) * 3, -1, cv2.LINE_AA)
    yield Fault("hole", name, cv2.circle(hole, (x, y), radius, (0,) * 3, -1, cv2.LINE_AA))  # type: ignore[arg-type]
    turn = float(dice.uniform(0, math.pi))
    ends = [(round(x + s * 4 * radius * math.cos(turn)), round(y + s * 4 * radius * math.sin(turn))) for s in (-1, 1)]
    yield Fault("scratch", name, cv2.line(pixels.copy(), ends[0], ends[1], ink, max(1, radius // 4), cv2.LINE_AA))  # type: ignore[arg-type]
    rows, columns = slice(place.y, place.bottom), slice(place.x, place.right)
    own = pixels[rows, columns]
    rim = np.concatenate([own[0], own[-1], own[:, 0], own[:, -1]])
    bare = np.median(rim, axis=0) + dice.normal(0, 2, own.shape)
    missing = pixels.copy()
    missing[rows, columns] = np.clip(bare, 0, 255).astype(np.uint8)
    yield Fault("its feature missing", name, missing)
    moved = missing.copy()
    by = max(LEAST_SHIFT_PX, round(SHIFT * place.width))
    if by < place.width // 2:
        moved[rows, place.x + by : place.right] = own[:, :-by]
        yield Fault(f"its feature moved by {by} px", name, moved)


def _regions(loaded: LoadedProgram, pixels: Pixels) -> dict[str, Region]:
    """The upright rectangles around locator and tools by name, where they lie in this picture."""
    height, width = pixels.shape[:2]
    frame = Frame(np.ascontiguousarray(pixels), 0, 0.0, "drawn", simulated=True)
    _, placement = locate(frame, loaded.program.locator, loaded.locator)
    asked: dict[str, Any] = {}
    if loaded.program.locator is not None:
        asked["locator"] = loaded.program.locator.region
    asked |= {tool.settings.name: tool.settings.region for tool in loaded.tools if isinstance(tool.settings, RegionTool)}
    found = {}
    for name, region in asked.items():
        corners = np.array(region.corners, float) @ placement.matrix[:, :2].T + placement.matrix[:, 2]
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        x, y = max(0, math.floor(left)), max(0, math.floor(top))
        right, bottom = min(width, math.ceil(right) + 1), min(height, math.ceil(bottom) + 1)
        if right - x >= 2 * TILES and bottom - y >= 2 * TILES:
            found[name] = Region(x=x, y=y, width=int(right - x), height=int(bottom - y))
    return found


def _around(regions: list[Region], pixels: Pixels) -> Region:
    """What the program looks at: the smallest upright rectangle around its regions, or the whole picture."""
    if not regions:
        return Region(x=0, y=0, width=pixels.shape[1], height=pixels.shape[0])
    x, y = min(r.x for r in regions), min(r.y for r in regions)
    return Region(x=x, y=y, width=max(r.right for r in regions) - x, height=max(r.bottom for r in regions) - y)


def _ground(pixels: Pixels, part: Region, dice: np.random.Generator) -> Pixels:
    """The picture's background as far as it can be guessed: the median of what lies around the part, with a little noise."""
    outside = np.ones(pixels.shape[:2], bool)
    outside[part.y : part.bottom, part.x : part.right] = False
    around = pixels[outside] if outside.any() else pixels.reshape(-1, *pixels.shape[2:])
    noisy = np.median(around, axis=0) + dice.normal(0, 2, pixels.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def _beside(part: Region, pixels: Pixels) -> Region | None:
    """Where a second part fits into the picture."""
    height, width = pixels.shape[:2]
    for x, y in ((part.right, part.y), (part.x - part.width, part.y), (part.x, part.bottom), (part.x, part.y - part.height)):
        if min(x, y) >= 0 and x + part.width <= width and y + part.height <= height:
            return Region(x=x, y=y, width=part.width, height=part.height)
    return None
