"""Hairs, threads and scratches drawn across bars of known width: how often a width is off.

`python -m tests.bench.vision.hairs [DRAWS]`. A hair is a soft curved band, 2 to 14 px thick, 0.2 to
0.95 of the light taken away (a scratch: added), through a place of the region, at any slant; bars
are 5 to 60 px wide, at blur 0.6 to 1.3, of 60 to 150 gray levels, noise 1 to 4, leaning by up to 8
degrees. Each is measured with the hair and without it; both are learned from another picture
without one.
"""

import math
import sys
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Frame
from node.tools import width
from schemas import Problem, Region, Width

WIDE, HIGH = 200, 140
WHERE = Region(x=40, y=40, width=120, height=60)
FINE = 4
OFF_PX = 0.15


class Drawn(NamedTuple):
    """A bar without and with the hair, a master of the same bar; its width in px; the hair's slant
    against the edges in degrees, and its thickness."""

    clean: Frame
    haired: Frame
    master: Frame
    width: float
    slant_deg: float
    thick: float
    dark: float


def frame(light: NDArray[np.float64], noise: float, dice: np.random.Generator) -> Frame:
    """What a camera sees of it."""
    seen = np.clip(np.rint(light + dice.normal(0, noise, light.shape)), 0, 255).astype(np.uint8)
    return Frame(seen, 0, 0.0, "drawn", simulated=True)


def drawn(seed: int) -> Drawn:
    """One bar, whose kind follows from the seed."""
    dice = np.random.default_rng([473, seed])
    wide, blur, step = dice.uniform(5, 60), dice.uniform(0.6, 1.3), dice.uniform(60, 150)
    lean, noise, light = dice.uniform(-8, 8), dice.uniform(1, 4), dice.random() < 0.5
    x, y = (WHERE.centre[0] + dice.uniform(-6, 6), WHERE.centre[1])
    down, across = ((np.arange(size * FINE) + 0.5) / FINE - 0.5 for size in (HIGH, WIDE))
    down = down[:, None]
    c, s = math.cos(math.radians(lean)), math.sin(math.radians(lean))
    cover = np.clip((wide / 2 - np.abs(c * (across - x) + s * (down - y))) * FINE + 0.5, 0, 1)
    low = 40.0 if light else 200.0
    bar = low + (step if light else -step) * cover
    thick, dark, slant = dice.uniform(2, 14), dice.uniform(0.2, 0.95), dice.uniform(-90, 90)
    hx, hy = dice.uniform(WHERE.x, WHERE.right), dice.uniform(WHERE.y, WHERE.bottom)
    turn, bend = math.radians(slant), dice.uniform(-0.004, 0.004)
    along = math.sin(turn) * (across - hx) + math.cos(turn) * (down - hy)
    away = math.cos(turn) * (across - hx) - math.sin(turn) * (down - hy) + bend * along**2
    hair = np.clip((thick / 2 - np.abs(away)) * FINE + 0.5, 0, 1)
    soft = cv2.GaussianBlur(hair, (0, 0), FINE * dice.uniform(0.1, 1.5))
    haired = bar * (1 - dark * soft) if dice.random() < 0.7 else bar + (235 - bar) * dark * soft

    def seen(picture: NDArray[np.float64]) -> NDArray[np.float64]:
        sharp = picture.reshape(HIGH, FINE, WIDE, FINE).mean(axis=(1, 3))
        return cv2.GaussianBlur(sharp, (0, 0), blur)

    return Drawn(
        frame(seen(bar), noise, dice),
        frame(seen(haired), noise, dice),
        frame(seen(bar), noise, dice),
        wide,
        slant + lean,
        thick,
        dark,
    )


def asked(seen: Frame, master: Frame, settings: Width) -> float | None:
    """The width, None if there is none."""
    try:
        learned = width.learn(master.view(settings.region), settings)
        return float(width.measure(seen.view(settings.region), settings, learned).value)
    except Problem:
        return None


def main(draws: int) -> None:
    """Prints the shares."""
    settings = Width(name="w", region=WHERE, low=0.0)
    given = off = gross = clean_given = clean_off = 0
    errors = []
    for seed in range(draws):
        one = drawn(seed)
        clean = asked(one.clean, one.master, settings)
        clean_given += clean is not None
        clean_off += clean is not None and abs(clean - one.width) > OFF_PX
        if clean is not None:
            errors.append(clean - one.width)
        value = asked(one.haired, one.master, settings)
        if value is None:
            continue
        given += 1
        wrong = abs(value - one.width)
        off += wrong > OFF_PX
        gross += wrong > max(OFF_PX, 0.1 * one.width)
        if wrong > OFF_PX and "-v" in sys.argv:
            print(
                f"{seed}: {one.width:.2f} px reads {value:.2f}, slant {one.slant_deg:.0f},"
                f" {one.thick:.1f} px thick, {one.dark:.2f} dark"
            )
    print(
        f"{draws} bars: with a hair {given} have a width, {off} are off by more than {OFF_PX} px"
        f" ({gross} by a tenth); clean {clean_given} have one, {clean_off} off, rms"
        f" {np.std(errors):.4f} px"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] != "-v" else 700)
