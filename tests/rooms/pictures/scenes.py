"""Draws parts whose true answer is known: shapes of known area at sub-pixel places, textures, hues,
noise and light.

Coordinates are those of a frame: the centre of the top left pixel is (0, 0), so a rectangle from x
= 9.5, 10 px wide, covers the columns 10 to 19 wholly. Every shape is anti-aliased: a pixel's value
is the share of it that is covered. Scenes are values: each call returns a new one; pixels() and
frame() round it to 8 bit.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame
from schemas import Region

Colour = float | tuple[float, float, float]  # gray, or blue, green, red
FINE = 16  # samples a pixel and axis for shapes that are not rectangles


@dataclass(frozen=True, eq=False)
class Scene:
    """Light as floats, height x width (x 3 for colour scenes), 0 black to 255 white."""

    light: NDArray[np.float64]

    @classmethod
    def plain(cls, width: int = 640, height: int = 480, colour: Colour = 60.0) -> "Scene":
        """One colour everywhere; a gray number makes a gray scene, a triple a coloured one."""
        return cls(
            np.ones((height, width, 1) if np.isscalar(colour) else (height, width, 3)).squeeze()
            * colour
        )

    @property
    def width(self) -> int:
        """Columns in px."""
        return self.light.shape[1]

    @property
    def height(self) -> int:
        """Rows in px."""
        return self.light.shape[0]

    def painted(self, cover: NDArray[np.float64], colour: Colour) -> "Scene":
        """The colour laid over the scene where `cover` (height x width, 0 to 1) says so."""
        if self.light.ndim == 3:
            cover = cover[:, :, None]
        return Scene(self.light * (1 - cover) + cover * colour)

    def rectangle(self, x: float, y: float, width: float, height: float, colour: Colour) -> "Scene":
        """An upright rectangle with its left top corner at (x, y); its area is width * height
        px."""
        light = self.light.copy()
        _rectangle(light, x, y, width, height, colour)
        return Scene(light)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> "Scene":
        """A disc around (x, y); its area is pi * radius**2 px."""
        light = self.light.copy()
        _disc(light, x, y, radius, colour)
        return Scene(light)

    def part(
        self, x: float, y: float, seed: int = 1, size: tuple[int, int] = (120, 100)
    ) -> "Scene":
        """A textured part with its left top corner at (x, y): a plate with 24 rectangles and discs
        with sharp edges.

        The same seed gives the same part, wherever it lies.
        """
        rng = np.random.default_rng(seed)
        light = self.rectangle(x, y, *size, self._tone(rng, 100, 140)).light
        for number in range(24):
            tone = self._tone(rng, 20, 235)
            px, py, w, h = rng.random(4) * [
                0.8 * size[0],
                0.8 * size[1],
                0.2 * size[0],
                0.2 * size[1],
            ]
            if number % 2:
                _rectangle(light, x + px, y + py, w + 2, h + 2, tone)
            else:
                radius = 1.5 + min(w, h) / 2
                _disc(light, x + px + radius, y + py + radius, radius, tone)
        return Scene(light)

    def waves(
        self,
        dx: float = 0.0,
        dy: float = 0.0,
        seed: int = 1,
        finest_px: float = 6.0,
        contrast: float = 30.0,
    ) -> "Scene":
        """A smooth texture over the whole scene, moved by (dx, dy): 40 waves, none shorter than
        finest_px."""
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[: self.height, : self.width]
        total = np.zeros((self.height, self.width))
        for _ in range(40):
            angle, phase = rng.random(2) * 2 * np.pi
            rate = 2 * np.pi / (finest_px * (1 + 9 * rng.random()))
            total += np.cos(rate * ((x - dx) * np.cos(angle) + (y - dy) * np.sin(angle)) + phase)
        total *= contrast / np.sqrt(20)
        return Scene(self.light + (total[:, :, None] if self.light.ndim == 3 else total))

    def clutter(self, seed: int = 1, count: int = 120) -> "Scene":
        """Discs and rectangles of all sizes and tones everywhere, none of them a part."""
        rng = np.random.default_rng(seed)
        light = self.light.copy()
        for number in range(count):
            tone = self._tone(rng, 20, 235)
            x, y, w, h = rng.random(4) * [self.width, self.height, self.width / 8, self.height / 8]
            if number % 2:
                _disc(light, x, y, 1 + h / 2, tone)
            else:
                _rectangle(light, x, y, w, h, tone)
        return Scene(light)

    def lit(self, gain: float = 1.0, offset: float = 0.0, ramp: float = 0.0) -> "Scene":
        """Different light: times gain, plus offset, times a ramp from 1 - ramp / 2 at the left to 1
        + ramp / 2."""
        slope = 1 + ramp * (np.arange(self.width) / max(self.width - 1, 1) - 0.5)
        return Scene(
            self.light * gain * (slope[:, None] if self.light.ndim == 3 else slope) + offset
        )

    def blurred(self, sigma_px: float) -> "Scene":
        """Seen through a lens: a Gaussian blur, which leaves areas and places as they are."""
        return Scene(cv2.GaussianBlur(self.light, (0, 0), sigma_px))

    def pixels(self, noise: float = 0.0, seed: int = 0) -> NDArray[np.uint8]:
        """What an 8 bit camera would give, with Gaussian noise of that standard deviation in gray
        levels."""
        light = self.light
        if noise:
            light = light + np.random.default_rng(seed).normal(0, noise, light.shape)
        return np.clip(np.rint(light), 0, 255).astype(np.uint8)

    def frame(self, noise: float = 0.0, seed: int = 0) -> Frame:
        """The same as a Frame."""
        return frame(self.pixels(noise, seed))

    def within(self, region: Region) -> "Scene":
        """The scene cut to a region."""
        return replace(self, light=self.light[region.y : region.bottom, region.x : region.right])

    def _tone(self, rng: np.random.Generator, low: float, high: float) -> Colour:
        tones = rng.uniform(low, high, 3)
        return (
            float(tones[0])
            if self.light.ndim == 2
            else (float(tones[0]), float(tones[1]), float(tones[2]))
        )


def frame(pixels: NDArray[np.uint8]) -> Frame:
    """A Frame of any pixels."""
    return Frame(pixels, exposed_ns=0, taken_at_s=0.0, source="scene", simulated=True)


def region(x: int, y: int, width: int, height: int) -> Region:
    """A Region, in short."""
    return Region(x=x, y=y, width=width, height=height)


Light = NDArray[np.float64]
Span = tuple[int, int]  # of pixels: the first, and the one after the last


def _rectangle(
    light: Light, x: float, y: float, width: float, height: float, colour: Colour
) -> None:
    rows, columns = _touched(y, height, light.shape[0]), _touched(x, width, light.shape[1])
    cover = np.outer(_covered(rows, y, height), _covered(columns, x, width))
    _paint(light, rows, columns, cover, colour)


def _disc(light: Light, x: float, y: float, radius: float, colour: Colour) -> None:
    rows, columns = (
        _touched(at - radius, 2 * radius, size)
        for at, size in zip((y, x), light.shape[:2], strict=True)
    )
    down, across = (
        (np.arange(first * FINE, last * FINE) + 0.5) / FINE - 0.5 - at
        for (first, last), at in ((rows, y), (columns, x))
    )
    inside = (across**2 + down[:, None] ** 2 <= radius**2).view(np.uint8)
    high, wide = rows[1] - rows[0], columns[1] - columns[0]
    # numbers of samples, of FINE and then of FINE squared ones: exact
    added = inside.reshape(high, FINE, wide * FINE).sum(axis=1, dtype=np.uint8)
    cover = added.reshape(high, wide, FINE).sum(axis=2, dtype=np.uint16) / FINE**2
    _paint(light, rows, columns, cover, colour)


def _paint(light: Light, rows: Span, columns: Span, cover: Light, colour: Colour) -> None:
    """Works in place, only where the shape lies: a scene has hundreds of shapes."""
    there = light[rows[0] : rows[1], columns[0] : columns[1]]
    if light.ndim == 3:
        cover = cover[:, :, None]
    there *= 1 - cover
    there += cover * colour


def _touched(low: float, length: float, size: int) -> Span:
    """The part of a line of `size` px that a stretch may cover."""
    first = int(np.clip(np.floor(low - 1), 0, size))
    return first, int(np.clip(np.ceil(low + length + 2), first, size))


def _covered(pixels: Span, low: float, length: float) -> Light:
    """Share of each of these pixels that a stretch covers."""
    beyond = np.arange(*pixels) + 0.5 - low
    return np.clip(beyond, 0, 1) - np.clip(beyond - length, 0, 1)
