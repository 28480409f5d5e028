"""A line of drawn parts: boxes on a belt, seen from above, whose true verdict is known.

Part n is a pure function of the seed and n: its place, its light, its defect. `program` judges
exactly these parts and `master` is the picture to teach it with, so that a demo, a test or a bench
needs nothing else. All shapes are given in px of a 640 x 480 frame and scaled to the frame's size;
they are drawn large and shrunk, then softened as a lens would.

One file: a camera is one file a kind; half of this one is the drawing of its part.
"""

import random
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.cameras import Request
from node.frame import Frame, Pixels
from schemas import Problem, SyntheticCamera
from schemas.program import ProgramCamera

Defect = Literal[
    "label_missing",
    "label_small",
    "mark_colour",
    "lamp_dark",
    "print_missing",
    "scratch",
    "chip",
    "part_missing",
]
DEFECTS: tuple[Defect, ...] = (
    "label_missing", "label_small", "mark_colour", "lamp_dark", "print_missing", "scratch", "chip", "part_missing",  # noqa: E501
)  # fmt: skip
VARIANTS = 2  # ways to draw each defect
JITTER_PX = 25.0
LIGHT = 0.03
NOISE_GRAY = 1.5
NOMINAL_MS = 5.0  # the exposure at which the parts are as light as drawn
HIGH_GAIN = 2.0
LENS_PX = 0.6  # standard deviation of the softening
MARGIN = 64  # spare px of belt and noise: each frame shows another part of them
FINE = 4  # the sprite is drawn for a frame of about 2560 x 1920 px

BODY = (150, 110, 340, 260)  # x, y, width, height; the part's centre is the frame's
INK = (46, 42, 40)
PAPER = (206, 214, 218)
COLOURS = {"green": (70, 170, 40), "red": (40, 40, 200), "blue": (200, 90, 30)}
REGIONS = {
    "logo": (172, 132, 92, 76),
    "mark": (286, 134, 72, 72),
    "lamp": (407, 147, 46, 46),
    "label": (170, 232, 124, 116),
    "print": (304, 224, 172, 52),
    "cog": (346, 284, 80, 76),
}


class DrawnPart(NamedTuple):
    """One part: its number, its true verdict and why, and its shift against the master in px."""

    n: int
    verdict: Literal["OK", "NG", "ERROR"]
    defect: Defect | None
    dx: float
    dy: float
    light: float = 1.0
    roll: int = 0


Part = DrawnPart  # what scripts outside of this repository call it


def truth(settings: SyntheticCamera, n: int) -> DrawnPart:
    """The n-th part of the line (from 1), from seed and n alone; the shift scales with the
    frame."""
    dice = random.Random(f"{settings.seed}:{n}")
    reach = JITTER_PX * _scale(settings)
    dx, dy = dice.uniform(-reach, reach), dice.uniform(-reach, reach)
    light, roll = dice.uniform(1 - LIGHT, 1 + LIGHT), dice.getrandbits(32)
    kind = dice.choice(DEFECTS)
    if dice.random() >= settings.defect_rate:
        return DrawnPart(n, "OK", None, dx, dy, light, roll)
    return DrawnPart(n, "ERROR" if kind == "part_missing" else "NG", kind, dx, dy, light, roll)


def master(settings: SyntheticCamera) -> Pixels:
    """A good part in the middle, without noise: height x width x 3 (BGR)."""
    return _Scene(settings).draw(DrawnPart(0, "OK", None, 0.0, 0.0), noisy=False)


def program(settings: SyntheticCamera) -> dict[str, Any]:
    """The program (program/1) that judges these parts; its master is `master(settings)`."""
    search = _region(settings, REGIONS["logo"], margin=JITTER_PX + 6)

    def tool(
        kind: str, name: str, low: float | None, high: float | None, **more: Any
    ) -> dict[str, Any]:
        region = _region(settings, REGIONS[name])
        return {"kind": kind, "name": name, "region": region, "low": low, "high": high, **more}

    return {
        "schema": "program/1",
        "id": "synthetic-part",
        "name": "Synthetic part",
        "master": "master.png",
        "locator": {
            "kind": "pattern",
            "region": _region(settings, REGIONS["logo"]),
            "search": search,
            "low": 0.7,
        },
        "tools": [
            tool("area", "label", 0.8, 1.2, polarity="dark", threshold=130),
            tool(
                "colour_area",
                "mark",
                0.8,
                1.2,
                hue_low_deg=80,
                hue_high_deg=150,
                saturation_low=0.4,
            ),
            tool("brightness", "lamp", 180.0, None),
            tool("edge_pixels", "print", 0.8, 1.2, gradient_low=20.0),
            tool("outline", "cog", 0.85, None, gradient_low=20.0, tolerance_px=1),
        ],
        "judgement": "all",
        "limits_ms": 1000,
        "keep": {"ng": True, "ok_every": 10},
    }


class SyntheticLine:
    """The camera over the line: each grab shows the next part, or the one a part_id `part-N` asks
    for."""

    simulated = True
    controls = ("exposure_ms", "gain", "mode")

    def __init__(self, settings: SyntheticCamera, _folder: Path) -> None:
        self._settings = settings
        self._scene: _Scene | None = None
        self._shown = 0

    @property
    def problem(self) -> Problem | None:
        """Why there is no frame; None while open."""
        return (
            Problem("CAMERA_NOT_FOUND", "the camera is not open") if self._scene is None else None
        )

    def open(self) -> None:
        """Draw belt and noise."""
        self._scene = self._scene or _Scene(self._settings)

    def grab(self, request: Request) -> Frame:
        """The next part; waits for the exposure, which begins after `after_ns`. Raises Problem
        CAMERA_TIMEOUT."""
        scene = self._scene
        if scene is None:
            raise Problem("CAMERA_NOT_FOUND", "the camera is not open")
        number = self._settings.number(request.part_id)
        if number is None:
            self._shown += 1
            number = self._shown
        part = truth(self._settings, number)
        exposed_ns = _wait_until(request.after_ns + 1, request.deadline_ns)
        taken_at_s = time.time()
        exposure_ms = (
            self._settings.exposure_ms
            if request.camera.exposure_ms is None
            else request.camera.exposure_ms
        )
        if exposure_ms:
            _wait_until(exposed_ns + round(exposure_ms * 1e6), request.deadline_ns)
        pixels = _exposed(
            scene.draw(part), request.camera, self._settings.exposure_ms or NOMINAL_MS
        )
        return Frame(
            pixels, exposed_ns, taken_at_s, f"synthetic:{self._settings.seed}:part-{part.n}", True
        )

    def close(self) -> None:
        """Forget the drawings; the line goes on where it was when opened again."""
        self._scene = None


def _wait_until(moment_ns: int, deadline_ns: int) -> int:
    """The monotonic time when it is at least moment_ns. Raises Problem CAMERA_TIMEOUT at the
    deadline."""
    while True:
        now_ns = time.monotonic_ns()
        if now_ns >= deadline_ns:
            raise Problem("CAMERA_TIMEOUT", "the exposure does not end in time")
        if now_ns >= moment_ns:
            return now_ns
        time.sleep((min(moment_ns, deadline_ns) - now_ns) / 1e9)


def _exposed(pixels: Pixels, asked: ProgramCamera, nominal_ms: float) -> Pixels:
    """The picture as a sensor gives it: light grows with exposure and gain, and what is too light
    is white.

    hdr is the mean of an exposure of half the time and one of twice the time.
    """
    light = (1.0 if asked.gain is None else asked.gain) * (
        HIGH_GAIN if asked.mode == "high_gain" else 1.0
    )
    light *= 1.0 if asked.exposure_ms is None else asked.exposure_ms / nominal_ms
    if asked.mode == "hdr":
        short, long = (cv2.convertScaleAbs(pixels, alpha=light * factor) for factor in (0.5, 2.0))
        return cv2.addWeighted(short, 0.5, long, 0.5, 0.0)
    return pixels if light == 1.0 else cv2.convertScaleAbs(pixels, alpha=light)


def _taps(fraction: float) -> NDArray[np.float32]:
    """Weights that move pixels by a fraction of a px to the right or down (E. Catmull, R. Rom
    1974)."""
    t = 1 - fraction
    weights = (
        -t + 2 * t**2 - t**3,
        2 - 5 * t**2 + 3 * t**3,
        t + 4 * t**2 - 3 * t**3,
        -(t**2) + t**3,
    )
    return np.array([weight / 2 for weight in weights], np.float32)


def _scale(settings: SyntheticCamera) -> float:
    return min(settings.width / 640, settings.height / 480)


def _region(
    settings: SyntheticCamera, box: tuple[int, int, int, int], margin: float = 0
) -> dict[str, int]:
    """A box of the 640 x 480 scene as a region of the frame."""
    k = _scale(settings)
    x = round((box[0] - margin - 320) * k + settings.width / 2)
    y = round((box[1] - margin - 240) * k + settings.height / 2)
    return {
        "x": x,
        "y": y,
        "width": round((box[2] + 2 * margin) * k),
        "height": round((box[3] + 2 * margin) * k),
    }


class _Scene:
    """What is drawn once: belt, noise and the sprites of the part."""

    def __init__(self, settings: SyntheticCamera) -> None:
        self.width, self.height, self.scale = settings.width, settings.height, _scale(settings)
        dice = np.random.default_rng(settings.seed)
        self.belt = self._belt(dice)
        noise = (
            dice.normal(0, NOISE_GRAY, (self.height + MARGIN, self.width + MARGIN, 3))
            .round()
            .astype(np.int8)
        )
        self.lighter, self.darker = (
            np.maximum(noise, 0).astype(np.uint8),
            np.maximum(-noise, 0).astype(np.uint8),
        )
        # 100 MB at most
        self.sprite = lru_cache(maxsize=max(2, min(16, int(256 / self.scale**2))))(self._sprite)

    def draw(self, part: DrawnPart, noisy: bool = True) -> Pixels:
        """The frame of a part: a new array, height x width x 3."""
        x, y = part.roll % MARGIN, part.roll // MARGIN % MARGIN
        frame: Any = self.belt[:, x : x + self.width].copy()
        if part.defect != "part_missing":
            self._place(frame, part)
        if not noisy:
            return frame  # type: ignore[no-any-return]
        noise = (slice(y, y + self.height), slice(x, x + self.width))
        cv2.convertScaleAbs(frame, dst=frame, alpha=part.light)
        cv2.add(frame, self.lighter[noise], dst=frame)
        return cv2.subtract(frame, self.darker[noise], dst=frame)

    def _place(self, frame: Pixels, part: DrawnPart) -> None:
        """Blend the part into the frame, moved to a fraction of a pixel."""
        ink: Any
        cover: Any
        ink, cover = self.sprite(
            part.defect, part.roll // MARGIN**2 % VARIANTS if part.defect else 0
        )
        height, width = ink.shape[:2]
        # the sprite's middle is the frame's, to half a px
        left = (self.width - width) / 2 + part.dx
        top = (self.height - height) / 2 + part.dy
        x, y = int(np.floor(left)), int(np.floor(top))
        if left != x or top != y:
            across, down = _taps(left - x), _taps(top - y)
            ink = cv2.sepFilter2D(ink, -1, across, down)
            cover = cv2.sepFilter2D(cover, -1, across, down)
        cover = cv2.cvtColor(cover, cv2.COLOR_GRAY2BGR)
        under = frame[y : y + height, x : x + width]
        under[:] = cv2.add(cv2.multiply(under, cv2.bitwise_not(cover), scale=1 / 255), ink)

    def _belt(self, dice: np.random.Generator) -> Pixels:
        """Dark rubber with ribs and grain between two steel rails; MARGIN px wider than the
        frame."""
        k, width = self.scale, self.width + MARGIN
        grain: Any = dice.normal(0, 9, (self.height, width)).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), 1.2 * k)
        ribs = 5 * np.sign(np.sin(np.arange(width) * 2 * np.pi / (16 * k)))
        gray = 66 + grain + ribs[None, :]
        belt = np.dstack([gray + 2, gray, gray - 3]).clip(0, 255).astype(np.uint8)
        rail = round(26 * k)
        for rows in (slice(0, rail), slice(self.height - rail, self.height)):
            belt[rows] = (168, 170, 172)
        cv2.line(belt, (0, rail), (width, rail), (30, 30, 30), max(1, round(2 * k)))
        cv2.line(
            belt,
            (0, self.height - rail),
            (width, self.height - rail),
            (30, 30, 30),
            max(1, round(2 * k)),
        )
        return cv2.GaussianBlur(belt, (0, 0), LENS_PX)

    def _sprite(self, defect: Defect | None, variant: int) -> tuple[Pixels, Pixels]:
        """The part on black, and its cover (255 part, 0 belt, one channel), with a margin of 8 px
        around."""
        k = self.scale
        width, height = (2 * round((side / 2 + 8) * k) for side in BODY[2:])
        fine = max(1, round(FINE / k))
        pen = _ScenePen(width, height, k * fine, fine)
        _draw_part(pen, defect, variant)
        small = [
            cv2.resize(sheet, (width, height), interpolation=cv2.INTER_AREA)
            for sheet in (pen.ink, pen.cover)
        ]
        ink, cover = (cv2.GaussianBlur(sheet, (0, 0), LENS_PX) for sheet in small)
        return ink, cover


class _ScenePen:
    """Draws on the large sheet in coordinates of the 640 x 480 scene."""

    def __init__(self, width: int, height: int, scale: float, fine: int) -> None:
        self.ink = np.zeros((height * fine, width * fine, 3), np.uint8)
        self.cover = np.zeros(self.ink.shape[:2], np.uint8)
        self.scale = scale
        self.x0, self.y0 = self.ink.shape[1] / 2 - 320 * scale, self.ink.shape[0] / 2 - 240 * scale

    def polygon(
        self, points: Any, colour: tuple[int, int, int], sheet: Pixels | None = None
    ) -> None:
        places = np.round(np.asarray(points, float) * self.scale + (self.x0, self.y0)).astype(
            np.int32
        )
        cv2.fillPoly(self.ink if sheet is None else sheet, [places], colour)

    def box(
        self, x: float, y: float, width: float, height: float, colour: tuple[int, int, int]
    ) -> None:
        self.polygon([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour)

    def disc(self, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
        turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        self.polygon(
            np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1), colour
        )

    def stroke(self, points: Any, thick: float, colour: tuple[int, int, int]) -> None:
        places = np.round(np.asarray(points, float) * self.scale + (self.x0, self.y0)).astype(
            np.int32
        )
        cv2.polylines(self.ink, [places], False, colour, max(1, round(thick * self.scale)))

    def text(self, text: str, x: float, y: float, size: float) -> None:
        place = round(x * self.scale + self.x0), round(y * self.scale + self.y0)
        cv2.putText(
            self.ink,
            text,
            place,
            cv2.FONT_HERSHEY_SIMPLEX,
            size * self.scale,
            INK,
            round(2 * self.scale),
        )


def _draw_part(pen: _ScenePen, defect: Defect | None, variant: int) -> None:
    """The box with logo, colour mark, lamp window, label, print and cog, and what is wrong with
    it."""
    x, y, width, height = BODY
    corner = 14
    body = [(x + corner, y), (x + width - corner, y), (x + width, y + corner), (x + width, y + height - corner),  # noqa: E501
            (x + width - corner, y + height), (x + corner, y + height), (x, y + height - corner), (x, y + corner)]  # fmt: skip  # noqa: E501
    pen.polygon(body, PAPER)
    pen.polygon(body, (255, 255, 255), pen.cover)
    # logo: what the locator looks for
    pen.disc(206, 170, 26, INK)
    pen.disc(206, 170, 15, PAPER)
    pen.polygon([(200, 164), (250, 142), (252, 156), (212, 182)], INK)
    pen.box(228, 176, 26, 7, INK)
    pen.box(228, 188, 16, 7, INK)
    # colour mark
    pen.disc(
        322, 170, 22, COLOURS[("red", "blue")[variant] if defect == "mark_colour" else "green"]
    )
    # lamp window
    pen.disc(430, 170, 34, INK)
    pen.disc(
        430,
        170,
        30,
        ((70, 76, 80), (110, 116, 120))[variant] if defect == "lamp_dark" else (226, 240, 244),
    )
    # label in its printed frame
    pen.stroke([(182, 244), (282, 244), (282, 336), (182, 336), (182, 244)], 2, INK)
    if defect == "label_small":
        pen.box(190, 252, *((50, 76), (84, 44))[variant], (96, 84, 70))
    elif defect != "label_missing":
        pen.box(190, 252, 84, 76, (96, 84, 70))
    # print
    if not (defect == "print_missing" and variant):
        pen.text("LOT 4711", 314, 246, 0.62)
    if defect != "print_missing":
        pen.text("EXP 2031", 314, 270, 0.62)
    if defect == "scratch":
        zigzag = [(312 + 13 * i, (230, 272)[i % 2]) for i in range(13)] if variant else [
            (308 + 9 * i, (228, 270)[i % 2]) for i in range(18)]  # fmt: skip
        pen.stroke(zigzag, 1.6, (70, 66, 60))
    # cog
    turn = np.arange(12) * np.pi / 6
    for radius, half in ((30.0, 0.14), (24.0, 0.262)):
        for angle in turn:
            pen.polygon(
                [
                    (386, 322),
                    *(
                        (386 + radius * np.cos(angle + a), 322 + radius * np.sin(angle + a))
                        for a in (-half, half)
                    ),
                ],
                INK,
            )
    pen.disc(386, 322, 9, PAPER)
    if defect == "chip":
        cut = (
            [(386, 330), (440, 330), (440, 364), (330, 364), (330, 330)],
            [(390, 280), (424, 280), (424, 362), (390, 362)],
        )
        pen.polygon(cut[variant], PAPER)
