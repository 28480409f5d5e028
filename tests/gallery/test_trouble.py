"""Every kind of tool under four kinds of trouble: a lazy part handler, a dirty lens, a failing lamp
and a wrong batch. None of them is OK, or its case (`may_be_ok`) or the table here says why it may
be."""

from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from node.faults.challenge import inspected
from node.faults.drawn import faults, looked_at
from node.frame import Pixels
from schemas import Region
from tests.gallery import missed
from tests.gallery.missed import Challenged
from tests.gallery.test_missed import NAMES, challenged

pytestmark = pytest.mark.slow

GREASE, LEFT = 0.16, 0.35  # blur, of the part's size; of the contrast
FAILED = 0.2  # of the light


def lazy(found: Challenged, part: Region) -> dict[str, Pixels]:
    """The part lies half out of its place, or is not there."""
    by = np.array([[1.0, 0.0, 0.5 * part.width], [0.0, 1.0, 0.5 * part.height]])
    size = found.good.shape[1::-1]
    half = cv2.warpAffine(found.good, by, size, borderMode=cv2.BORDER_REPLICATE)
    return {"half out of place": half} | drawn(found, "part missing")


def dirty(found: Challenged, part: Region) -> dict[str, Pixels]:
    """Grease all over the lens."""
    sigma = max(4.0, GREASE * min(part.width, part.height))
    soft = cv2.GaussianBlur(found.good, (0, 0), sigma).astype(float)
    gray = soft.mean(axis=(0, 1))
    return {"grease": np.clip(np.rint(gray + LEFT * (soft - gray)), 0, 255).astype(np.uint8)}


def dim(found: Challenged, _part: Region) -> dict[str, Pixels]:
    """The lamp gives a fifth of its light, or that on one side only."""
    ramp = np.linspace(FAILED, 0.0, found.good.shape[1])[None]
    ramp = ramp[:, :, None] if found.good.ndim == 3 else ramp
    return {
        "a fifth of the light": cv2.convertScaleAbs(found.good, alpha=FAILED),
        "less on one side": (found.good * ramp).astype(np.uint8),
    }


def batch(found: Challenged, part: Region) -> dict[str, Pixels]:
    """Another part, the negative, or one of 1.15 times the size."""
    larger = cv2.getRotationMatrix2D(part.centre, 0.0, 1.15)
    size = found.good.shape[1::-1]
    grown = cv2.warpAffine(found.good, larger, size, borderMode=cv2.BORDER_REPLICATE)
    return {"larger": grown, "negative": 255 - found.good} | drawn(found, "another part")


def drawn(found: Challenged, kind: str) -> dict[str, Pixels]:
    """As `challenge` draws it."""
    every = faults(found.good, found.program)
    return {kind: next(each.draw() for each in every if each.kind == kind)}


TROUBLE = {"lazy handler": lazy, "dirty lens": dirty, "failing lamp": dim, "wrong batch": batch}
DIM = "a fifth of the light"
EDGES = "its edges have contrast enough, and are where they were"
READ = "it still reads, and it is the same text"
MAY = {  # OK, and why that is right
    ("circle", DIM): EDGES,
    ("distance", DIM): EDGES,
    ("pitch", DIM): EDGES,
    ("pattern", DIM): "the agreement with the master does not depend on light",
    ("compare", DIM): "one place is compared with another in the same light",
    ("colour_area", DIM): "hue and saturation are shares of the light",
    ("code", DIM): READ,
    ("code", "less on one side"): READ,
    ("code", "larger"): READ,
    ("code", "negative"): READ,
    ("text", DIM): READ,
    ("text", "less on one side"): READ,
    ("text", "larger"): READ,
    ("text", "negative"): READ,
    ("blobs", "larger"): "it counts them, and as many are there",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trouble", TROUBLE)
def test_no_tool_is_ok_in_trouble(name: str, trouble: str) -> None:
    found = challenged(name)
    pictures = TROUBLE[trouble](found, looked_at(found.good, found.program))
    wrong = {
        picture
        for picture, pixels in pictures.items()
        if inspected(found.program, np.ascontiguousarray(pixels)).verdict == "OK"
    }
    told = unsaid(name, wrong, missed.own(name))
    assert not told, told


def unsaid(name: str, ok: set[str], own: Mapping[str, str]) -> str:
    """What to do about pictures that are OK without a reason; empty if there are none."""
    left = sorted(ok - {picture for kind, picture in MAY if kind == name} - set(own))
    if not left:
        return ""
    return (
        f"{name} is OK under: {', '.join(left)}. Make it refuse, or say why that is right in"
        f" `may_be_ok` of its CASE in tests/node/tools/test_{name}.py"
    )


def test_what_is_ok_under_trouble_is_named_with_what_to_do() -> None:
    told = unsaid("share", {DIM, "larger"}, {"larger": "it is a share"})
    assert told.startswith(f"share is OK under: {DIM}. Make it refuse, or say why")
    assert "CASE in tests/node/tools/test_share.py" in told
    assert unsaid("share", {DIM}, {DIM: "it is a share"}) == ""
    assert unsaid("circle", {DIM}, {}) == ""


def test_what_may_be_ok_is_of_a_program_and_a_picture_that_are_tried() -> None:
    assert {name for name, _ in MAY} <= set(NAMES)
