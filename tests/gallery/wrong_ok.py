"""Each kind of wrong OK that was once found: the picture, what was said about it then, and what is
said now.

`before` is in words, because the code that said so is gone; the verdict and the picture are made by
today's code. A case whose good part is not OK, or whose bad part is, is an error of the gallery.

One file: one case for each wrong OK, in the order in which they were found.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zxingcpp

from node.pictures.annotate import annotate
from node.pictures.decode import decode
from node.program import LoadedProgram
from schemas import Problem
from tests.gallery import pictures as p
from tests.gallery import tools
from tests.gallery.case import Case, program_document
from tests.gallery.page import Card, Section, Shot
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene


@dataclass(frozen=True)
class WrongOk:
    """A case whose bad part was once OK; file: the bad part's file as it comes, where that is the
    trouble."""

    title: str
    before: str
    case: Case
    file: bytes | None = None


def make(folder: Path, only: Collection[str] = ()) -> tuple[Section, list[str]]:
    """Write the pictures of all cases, or of those named; the section, and what did not come out as
    it should."""
    wrong: list[str] = []
    cards = tuple(
        _card(number, made(), folder, wrong)
        for number, (name, made) in enumerate(CASES.items(), 1)
        if not only or name in only
    )
    sentence = (
        "Pictures of bad parts that were OK before, and what is said of them now; before is told,"
        " now is made."
    )
    return Section("Once a wrong OK", sentence, cards, 3), wrong


def _card(number: int, found: WrongOk, folder: Path, wrong: list[str]) -> Card:
    shots = []
    program: LoadedProgram | Problem
    try:
        program = tools.loaded(found.case)
    except Problem as problem:
        program = problem
    for what, pixels, caption in (
        ("good", found.case.good, found.case.good_is),
        ("bad", found.case.bad, found.case.bad_is),
    ):
        shown, verdict, note, lines = pixels, "ERROR", "", ()
        try:
            if what == "bad" and found.file is not None:
                decode(found.file)
            if isinstance(program, Problem):
                raise program
            seen = tools.inspected(program, pixels)
            shown, verdict, lines = annotate(seen), str(seen.verdict), tuple(tools._lines(seen))
            note = f"{seen.fault.code}: {seen.fault.message}" if seen.fault else ""
        except Problem as problem:
            note = f"{problem.code}: {problem.message}"
        refused = found.title == REFUSED  # the program: nothing is OK with it
        if (verdict == "OK") != (what == "good" and not refused):
            wrong.append(f"{found.title}: the {what} part is {verdict}: {note}")
        name = f"wrong-ok-{number}-{what}.png"
        (folder / name).write_bytes(tools._png(shown))
        shots.append(Shot(name, f"{what} part: {caption}", verdict, lines, note))
    return Card(found.title, f"Before: {found.before}", tuple(shots))


REFUSED = "A pattern that does not fix the place"


def _gray(light: Scene, noise: float = 3.0, seed: int = 1) -> Any:
    return light.pixels(noise, seed)


def _damaged() -> WrongOk:
    good = p.board()
    file = bytearray(cv2.imencode(".jpg", good, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    middle = 2 * len(file) // 3
    del file[middle : middle + 900]  # a packet is lost
    bad = cv2.imdecode(np.frombuffer(bytes(file), np.uint8), cv2.IMREAD_COLOR)
    lamp = tools._tool("brightness", "lamp", 40, 40, 200, 120, low=20.0)
    case = Case(
        "brightness", program_document([lamp]), None, good, bad,
        "whole", "a packet of 900 bytes is lost: shown as a decoder shows it that only warns",
    )  # fmt: skip
    return WrongOk(
        "A damaged JPEG",
        "OK: the decoder filled up what was missing, and a tool measured that.",
        case,
        bytes(file),
    )


def _two_parts() -> WrongOk:
    def scene(second: bool) -> Any:
        light = Scene.plain(640, 480, (210.0, 205.0, 200.0)).part(60, 150)
        light = light.part(380, 160).disc(440, 300, 9, (20.0, 20.0, 20.0)) if second else light
        return light.pixels(4, 1)

    stain = tools._tool("blobs", "stain", 60, 255, 120, 60, polarity="dark", threshold=90, high=0.0)
    where = {
        "kind": "pattern",
        "region": {"x": 60, "y": 150, "width": 120, "height": 100},
        "angle_deg": 20,
    }
    document = program_document([stain], where)
    case = Case(
        "blobs",
        document,
        scene(False),
        scene(False),
        scene(True),
        "one part",
        "two parts, the second is stained",
    )
    return WrongOk(
        "Two parts in view",
        "OK: the place was that of either part, and the verdict was of that one only.",
        case,
    )


def _one_edge() -> WrongOk:
    def rail(stained: bool) -> Any:
        light = (
            Scene.plain(640, 480, 70.0)
            .rectangle(-10, 180, 800, 400, 160.0)
            .rectangle(300, 230, 60, 30, 235.0)
        )
        return _gray((light.disc(330, 300, 8, 20.0) if stained else light).blurred(0.8))

    stain = tools._tool("blobs", "stain", 310, 280, 40, 40, polarity="dark", threshold=90, high=0.0)
    where = {"kind": "pattern", "region": {"x": 280, "y": 150, "width": 100, "height": 60}}
    case = Case(
        "blobs", program_document([stain], where), rail(False), rail(False), rail(True),
        "its pattern shows one straight edge", "stained; the edge looks the same wherever one stands along it",  # noqa: E501
    )  # fmt: skip
    return WrongOk(
        REFUSED,
        "OK: found with score 1.000, some px beside, another place for each noise, and no stain"
        " there.",
        case,
    )


def _neither() -> WrongOk:
    case = next(case for case in tools._screws() if case.kind == "classify")
    site = case.document["tools"][0]["region"]
    bad = case.good.copy()
    far = site["x"] + site["width"] - 8, site["y"] + site["height"] - 8
    cv2.rectangle(bad, (site["x"] + 8, site["y"] + 8), far, (235, 235, 235), -1)
    said = "OK in 6 of 20 of such pictures: it could only choose between the classes it was taught."
    return WrongOk(
        "Something of no class",
        said,
        replace(case, bad=bad, bad_is="a white sticker over the screw"),
    )


def _two_labels() -> WrongOk:
    made = zxingcpp.create_barcode("LOT-2025-11", zxingcpp.BarcodeFormat.Code128)
    bars = np.array(
        zxingcpp.write_barcode_to_image(made, scale=3, add_quiet_zones=True, add_hrt=False)
    )
    code = np.where((bars[:, :, 0] if bars.ndim == 3 else bars) > 127, 235, 25).astype(np.uint8)
    height, width = code.shape

    def labels(count: int) -> Any:
        page = np.full((2 * height + 160, width + 120), 235, np.uint8)
        for number in range(count):
            top = 60 + number * (height + 40)
            page[top : top + height, 60 : 60 + width] = code
        return cv2.GaussianBlur(page, (0, 0), 0.6)

    tool = tools._tool(
        "code", "lot", 0, 0, width + 120, 2 * height + 160, formats=["code_128"], low=1.0, high=1.0
    )
    case = Case(
        "code",
        program_document([tool]),
        None,
        labels(1),
        labels(2),
        "one label",
        "two labels where one is due",
    )
    return WrongOk(
        "Two equal codes near each other",
        "OK, value 1: one box over both, and what lay between was not looked at.",
        case,
    )


def _formats_that_nobody_named() -> WrongOk:
    def page(*names: str) -> Any:
        whole = np.full((300, 400), 235, np.uint8)
        for top, name in zip((15, 165), names, strict=False):
            code = cv2.imread(str(p.DATA / "codes" / f"{name}.webp"), cv2.IMREAD_GRAYSCALE)
            assert code is not None
            whole[top : top + code.shape[0], 60 : 60 + code.shape[1]] = code
        return whole

    tool = tools._tool("code", "labels", 0, 0, 400, 300, low=2.0)
    case = Case(
        "code",
        program_document([tool]),
        None,
        page("code128-2-37", "code128-3"),
        page("code128-2-37"),
        "two labels",
        "one of the two labels is missing",
    )
    return WrongOk(
        "A code that is none",
        "OK, value 2: with no format named, bars of a label were read as ITF 9004, too.",
        case,
    )


def _cut_by_a_rim() -> WrongOk:
    def dish(inside: int, cut: int) -> Any:
        light = Scene.plain(640, 480, 200.0)
        for x, y in [(300, 190), (280, 290), (370, 210)][:inside]:
            light = light.disc(x, y, 8, 40.0)
        for turn in [math.radians(45), math.radians(215)][:cut]:
            light = light.disc(320 + 100 * math.cos(turn), 240 + 100 * math.sin(turn), 8, 40.0)
        return _gray(light)

    where = {"shape": "circle", "x": 320, "y": 240, "radius": 100}
    grains = {
        "kind": "blobs",
        "name": "grains",
        "region": where,
        "polarity": "dark",
        "threshold": 120,
        "border": "leave_out",
    }
    document = program_document([grains | {"low": 3.0, "high": 3.0}])
    case = Case(
        "blobs",
        document,
        None,
        dish(3, 0),
        dish(1, 2),
        "three grains",
        "one grain, and two that the rim cuts",
    )
    return WrongOk(
        "Cut by a round region's border",
        "OK, value 3: left out was only what touched the box around the circle.",
        case,
    )


def _thin_line() -> WrongOk:
    def line(width: float) -> Any:
        return _gray(bar(Scene.plain(640, 480, 180.0), 320, 240, width, 200, 60.0).blurred(1.3))

    trace = tools._tool("width", "trace", 260, 210, 120, 60, between="dark", low=5.0, high=7.0)
    case = Case(
        "width",
        program_document([trace]),
        None,
        line(6.0),
        line(2.0),
        "a trace of 6 px",
        "a trace of 2 px, at blur 1.3",
    )
    said = (
        "too wide by up to 2.3 times: each edge was fitted as if it were alone, and a thin trace"
        " passed for a wider one."
    )
    return WrongOk("Lines thinner than the blur lets see", said, case)


def _burnt_out() -> WrongOk:
    yellow, orange = (30.0, 200.0, 230.0), (40.0, 120.0, 230.0)

    def cap(colour: tuple[float, float, float], gain: float = 1.0) -> Any:
        return (
            Scene.plain(640, 480, (60.0, 60.0, 60.0))
            .disc(320, 240, 80, colour)
            .lit(gain)
            .pixels(2, 1)
        )

    hues = {"hue_low_deg": 40.0, "hue_high_deg": 65.0, "saturation_low": 0.4, "low": 0.9}
    tool = tools._tool("colour_area", "yellow", 220, 140, 200, 200, **hues)
    document = program_document([tool]) | {"master": "master.png"}
    case = Case(
        "colour_area",
        document,
        cap(yellow),
        cap(yellow),
        cap(orange, 1.9),
        "a yellow cap",
        "an orange cap in too much light",
    )
    return WrongOk(
        "A burnt out channel", "OK: with its red burnt out, orange has the hue of yellow.", case
    )


def _another_size() -> WrongOk:
    good = p.board()
    height, width = good.shape[:2]
    larger = np.array([[1.05, 0, -0.025 * width], [0, 1.05, -0.025 * height]])
    bad = cv2.warpAffine(
        good, larger, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    tool = tools._tool(
        "difference", "print", width // 4, height // 4, width // 2, height // 2, high=0.0
    )
    case = Case(
        "difference",
        program_document([tool]) | {"master": "master.png"},
        good,
        good,
        bad,
        "as the master",
        "another size: 5 % larger",
    )
    return WrongOk(
        "Another size",
        "OK: laid over the master by any stretch and shear, so no size was a defect.",
        case,
    )


def _broken_off() -> WrongOk:
    def pin(length: int) -> Any:
        return _gray(Scene.plain(640, 480, 60.0).rectangle(280, 160, 80, length, 180.0))

    tool = tools._tool("width", "pin", 220, 200, 200, 80, low=79.0, high=81.0)
    case = Case(
        "width",
        program_document([tool]) | {"master": "master.png"},
        pin(160),
        pin(160),
        pin(70),
        "a pin of 80 px",
        "most of it has broken off",
    )
    return WrongOk(
        "Broken off", "OK, 80.0 px: the mean over all rows, whatever some of them show.", case
    )


def _texture() -> WrongOk:
    plain = Scene.plain(640, 480, 110.0)
    part = _gray(plain.part(240, 180, 3, (160, 120)))
    tool = tools._tool("outline", "shape", 230, 170, 180, 140, low=0.7, tolerance_px=3)
    case = Case(
        "outline",
        program_document([tool]) | {"master": "master.png"},
        part,
        part,
        _gray(plain.waves(finest_px=3, contrast=60, seed=3)),
        "the part",
        "a cloth, and no part",
    )
    return WrongOk(
        "A texture for an outline",
        "OK, 0.91: within 3 px each point of the outline found an edge of its direction.",
        case,
    )


def _half_a_print() -> WrongOk:
    part = Scene.plain(640, 480, 110.0).part(240, 180, 3, (160, 120))
    search = tools._tool("pattern", "print", 200, 150, 240, 180, low=0.7)
    search["pattern"] = {"x": 240, "y": 180, "width": 160, "height": 120}
    case = Case(
        "pattern",
        program_document([search]) | {"master": "master.png"},
        _gray(part),
        _gray(part, seed=2),
        _gray(part.rectangle(240, 180, 80, 120, 110.0), seed=2),
        "the whole print",
        "half of it is missing",
    )
    return WrongOk(
        "Half a print", "OK, 0.77: the correlation of what is left outweighs what is not.", case
    )


def _beside_master(
    tool: dict[str, Any], good: Scene, bad: Scene, good_is: str, bad_is: str
) -> Case:
    """A case of one tool whose master is the good part."""
    document = program_document([tool]) | {"master": "master.png"}
    pixels = _gray(good), _gray(good, seed=2), _gray(bad, seed=3)
    return Case(tool["kind"], document, *pixels, good_is, bad_is)


def _too_much_light() -> WrongOk:
    def pin(width: float) -> Scene:
        return Scene.plain(640, 480, 60.0).rectangle(280, 160, width, 160, 180.0).blurred(1.5)

    tool = tools._tool("width", "pin", 220, 200, 200, 80, low=79.5, high=80.5)
    lit = pin(77.7).lit(2.2)
    case = _beside_master(tool, pin(80), lit, "a pin of 80 px", "77.7 px wide, and burnt out")
    return WrongOk(
        "Too much light", "OK, 80.1 px: what the sensor cuts off moves each edge outwards.", case
    )


def _pale_print() -> WrongOk:
    label = Scene.plain(640, 480, 170.0)
    for row in range(5):
        for column in range(7):
            if (row + column) % 3:
                label = label.rectangle(236 + 25 * column, 170 + 29 * row, 15, 17, 40.0)
    tool = tools._tool("difference", "print", 220, 155, 200, 170, high=0)
    pale = label.lit(0.4, 0.6 * 170)
    case = _beside_master(tool, label, pale, "the print", "pale: hardly any ink")
    return WrongOk("Pale print", "OK, no defect: it was taken for weaker light.", case)


def _gray_card() -> WrongOk:
    ground = Scene.plain(640, 480, 60.0)
    tool = tools._tool("blobs", "hole", 260, 180, 120, 120, low=1, high=1, polarity="light")
    card = Scene.plain(640, 480, 121.0)
    hole = ground.disc(320, 240, 40, 180.0)
    case = _beside_master(tool, hole, card, "one hole", "a gray card, and no hole")
    return WrongOk(
        "A card before the lens", "OK, 1 hole: the threshold ran through its noise.", case
    )


CASES = {  # in the order in which they were found
    "damaged": _damaged,
    "two parts": _two_parts,
    "one edge": _one_edge,
    "neither": _neither,
    "two labels": _two_labels,
    "formats that nobody named": _formats_that_nobody_named,
    "cut by a rim": _cut_by_a_rim,
    "thin line": _thin_line,
    "burnt out": _burnt_out,
    "another size": _another_size,
    "broken off": _broken_off,
    "texture": _texture,
    "half a print": _half_a_print,
    "too much light": _too_much_light,
    "pale print": _pale_print,
    "gray card": _gray_card,
}
