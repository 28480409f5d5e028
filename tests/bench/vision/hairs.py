"""Hairs, threads and scratches drawn across things of known size: how often a value is off.

`python -m tests.bench.vision.hairs [width | distance | circle] [DRAWS]`. A hair is a soft curved
band, 2 to 14 px thick, 0.2 to 0.95 of the light taken away (a scratch: added), through a place of
the region, at any slant; bars are 5 to 60 px wide and lean by up to 8 degrees, discs have 20 to 70
px, at blur 0.6 to 1.3, of 60 to 150 gray levels, noise 1 to 4. Each is measured with the hair and
without it; both are learned from another picture without one. `distance` is that of two lines, each
through one side of a bar; it counts the angle of the first as well.
"""

import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame
from node.measurement import Given, Measurement
from node.tools import circle, distance, line, width
from schemas import CircleTool, Distance, Line, Problem, Region, Width
from schemas.trigger import EMPTY

WIDE, HIGH = 200, 140
WHERE = Region(x=40, y=40, width=120, height=60)
ROUND = Region(x=50, y=20, width=100, height=100)
FINE = 4
OFF_PX, OFF_DEG = 0.15, 0.3

Light = NDArray[np.float64]


class Drawn(NamedTuple):
    """A bar or disc without and with the hair, a master of the same; its width or diameter in px;
    the hair's slant against the edges in degrees, its thickness and its darkness, and how the bar
    leans in degrees."""

    clean: Frame
    haired: Frame
    master: Frame
    width: float
    slant_deg: float
    thick: float
    dark: float
    lean_deg: float = 0.0


def frame(light: Light, noise: float, dice: np.random.Generator) -> Frame:
    """What a camera sees of it."""
    seen = np.clip(np.rint(light + dice.normal(0, noise, light.shape)), 0, 255).astype(np.uint8)
    return Frame(seen, 0, 0.0, "drawn", simulated=True)


def drawn(seed: int) -> Drawn:
    """One bar, whose kind follows from the seed."""
    dice = np.random.default_rng([473, seed])
    wide, blur, step = dice.uniform(5, 60), dice.uniform(0.6, 1.3), dice.uniform(60, 150)
    lean, noise, light = dice.uniform(-8, 8), dice.uniform(1, 4), dice.random() < 0.5
    x, y = (WHERE.centre[0] + dice.uniform(-6, 6), WHERE.centre[1])
    down, across = _grid()
    c, s = math.cos(math.radians(lean)), math.sin(math.radians(lean))
    cover = np.clip((wide / 2 - np.abs(c * (across - x) + s * (down - y))) * FINE + 0.5, 0, 1)
    bar = _bright(cover, step, light)
    haired, thick, dark, slant = _haired(bar, WHERE, dice)
    frames = (frame(_seen(each, blur), noise, dice) for each in (bar, haired, bar))
    return Drawn(*frames, wide, slant + lean, thick, dark, lean)


def disc(seed: int) -> Drawn:
    """One disc, whose kind follows from the seed."""
    dice = np.random.default_rng([911, seed])
    wide, blur, step = dice.uniform(20, 70), dice.uniform(0.6, 1.3), dice.uniform(60, 150)
    noise, light = dice.uniform(1, 4), dice.random() < 0.5
    x, y = (middle + dice.uniform(-4, 4) for middle in ROUND.centre)
    down, across = _grid()
    cover = np.clip((wide / 2 - np.hypot(across - x, down - y)) * FINE + 0.5, 0, 1)
    disc = _bright(cover, step, light)
    haired, thick, dark, slant = _haired(disc, ROUND, dice)
    frames = (frame(_seen(each, blur), noise, dice) for each in (disc, haired, disc))
    return Drawn(*frames, wide, slant, thick, dark)


def _grid() -> tuple[Light, Light]:
    down, across = ((np.arange(size * FINE) + 0.5) / FINE - 0.5 for size in (HIGH, WIDE))
    return down[:, None], across


def _bright(cover: Light, step: float, light: bool) -> Light:
    return (40.0 if light else 200.0) + (step if light else -step) * cover


def _haired(
    thing: Light, where: Region, dice: np.random.Generator
) -> tuple[Light, float, float, float]:
    """With a hair somewhere in the region; its thickness, darkness and slant."""
    down, across = _grid()
    thick, dark, slant = dice.uniform(2, 14), dice.uniform(0.2, 0.95), dice.uniform(-90, 90)
    hx, hy = dice.uniform(where.x, where.right), dice.uniform(where.y, where.bottom)
    turn, bend = math.radians(slant), dice.uniform(-0.004, 0.004)
    along = math.sin(turn) * (across - hx) + math.cos(turn) * (down - hy)
    away = math.cos(turn) * (across - hx) - math.sin(turn) * (down - hy) + bend * along**2
    hair = np.clip((thick / 2 - np.abs(away)) * FINE + 0.5, 0, 1)
    soft = cv2.GaussianBlur(hair, (0, 0), FINE * dice.uniform(0.1, 1.5))
    dims = dice.random() < 0.7
    haired = thing * (1 - dark * soft) if dims else thing + (235 - thing) * dark * soft
    return haired, thick, dark, slant


def _seen(picture: Light, blur: float) -> Light:
    sharp = picture.reshape(HIGH, FINE, WIDE, FINE).mean(axis=(1, 3))
    return cv2.GaussianBlur(sharp, (0, 0), blur)


def asked(seen: Frame, master: Frame, settings: Width) -> float | None:
    """The width, None if there is none."""
    return _value(width, seen, master, settings)


def across(seen: Frame, one: Drawn) -> tuple[float, float] | None:
    """How far the distance of two lines through the sides of a bar is off in px, and the first
    one's angle in degrees; None if there is no distance."""
    light = one.master.gray[HIGH // 2, WIDE // 2] > 127
    rise = ("dark_to_light", "light_to_dark") if light else ("light_to_dark", "dark_to_light")
    sides: dict[str, Measurement | None] = {}
    for name, polarity in zip(("first", "second"), rise, strict=True):
        settings = Line(name=name, region=WHERE, low=-90, high=90, polarity=polarity)
        sides[name] = _measured(line, seen, one.master, settings)
    between = Distance(name="d", first="first", second="second", low=0)
    try:
        found = distance.measure(None, between, None, Given(EMPTY, sides, {}))
    except Problem:
        return None
    first = sides["first"]
    assert first is not None
    return found.value - one.width, first.value - one.lean_deg


def diameter(seen: Frame, master: Frame) -> float | None:
    """Of a disc, None if there is none."""
    return _value(circle, seen, master, CircleTool(name="c", region=ROUND, low=0))


def _value(tool: Any, seen: Frame, master: Frame, settings: Any) -> float | None:
    found = _measured(tool, seen, master, settings)
    return None if found is None else float(found.value)


def _measured(tool: Any, seen: Frame, master: Frame, settings: Any) -> Measurement | None:
    try:
        learned = tool.learn(master.view(settings.region), settings)
        return tool.measure(seen.view(settings.region), settings, learned)  # type: ignore[no-any-return]
    except Problem:
        return None


def _of_width(one: Drawn, seen: Frame) -> tuple[float, float] | None:
    value = asked(seen, one.master, Width(name="w", region=WHERE, low=0.0))
    return None if value is None else (value - one.width, 0.0)


def _of_distance(one: Drawn, seen: Frame) -> tuple[float, float] | None:
    return across(seen, one)


def _of_circle(one: Drawn, seen: Frame) -> tuple[float, float] | None:
    value = diameter(seen, one.master)
    return None if value is None else (value - one.width, 0.0)


Off = Callable[[Drawn, Frame], tuple[float, float] | None]
MODES: dict[str, tuple[Callable[[int], Drawn], Off]] = {
    "width": (drawn, _of_width),
    "distance": (drawn, _of_distance),
    "circle": (disc, _of_circle),
}


def main(mode: str, draws: int, told: bool) -> None:
    """Prints the shares."""
    draw, measure = MODES[mode]
    given = off = gross = clean_given = clean_off = 0
    errors = []
    for seed in range(draws):
        one = draw(seed)
        clean = measure(one, one.clean)
        if clean is not None:
            clean_given += 1
            clean_off += _is_off(clean)
            errors.append(clean[0])
        found = measure(one, one.haired)
        if found is None:
            continue
        given += 1
        off += _is_off(found)
        gross += abs(found[0]) > max(OFF_PX, 0.1 * one.width)
        if _is_off(found) and told:
            print(
                f"{seed}: {one.width:.2f} px, off {found[0]:.2f} px, {found[1]:.2f} degrees, slant"
                f" {one.slant_deg:.0f}, {one.thick:.1f} px thick, {one.dark:.2f} dark"
            )
    print(
        f"{mode}, {draws} drawn: with a hair {given} have a value, {off} are off by more than"
        f" {OFF_PX} px ({gross} by a tenth); clean {clean_given} have one, {clean_off} off, rms"
        f" {np.std(errors):.4f} px"
    )


def _is_off(found: tuple[float, float]) -> bool:
    return abs(found[0]) > OFF_PX or abs(found[1]) > OFF_DEG


if __name__ == "__main__":
    asked_for = [each for each in sys.argv[1:] if each != "-v"]
    modes = [each for each in asked_for if each in MODES]
    numbers = [int(each) for each in asked_for if each not in MODES]
    main(modes[0] if modes else "width", numbers[0] if numbers else 700, "-v" in sys.argv)
