"""One pair of annotated pictures for each kind of tool and of locator, made the way an inspection
makes them.

A case is a program, a master, a good and a bad part. It is loaded, taught where it must be,
located, measured, judged and annotated by the functions the node itself calls; nothing is drawn
here. A case that does not come out as it says (good OK, bad not OK) is an error of the gallery.

One file: one case for each kind, in the order of the page.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2

from node.cameras.synthetic import Part as Drawn
from node.cameras.synthetic import _Scene, master, program
from node.frame import Frame, Pixels
from node.judge import judge
from node.locate import locate
from node.locators import LOCATORS
from node.measure import measure
from node.part import Part
from node.pictures.annotate import annotate, limits_of, shown
from node.program import LoadedProgram, load
from node.seen import Inspection
from node.teach.lesson import Lesson, Picture, teach
from node.tools import TOOLS
from schemas import Problem, SyntheticCamera, Tool, Trigger, as_program
from schemas.locators import Locator
from schemas.tools import TOOL_MODULES
from tests.gallery import pictures as p
from tests.gallery.case import Case, program_document
from tests.gallery.page import Card, Line, Section, Shot

SYNTHETIC = SyntheticCamera(seed=7)
LINE = _Scene(SYNTHETIC)
ON_BOARD = {
    "kind": "pattern",
    "region": {"x": 292, "y": 118, "width": 76, "height": 78},
    "angle_deg": 10,
    "low": 0.5,
}
CHIP = (355, 324, 136, 97)  # x, y, width, height of the large chip's body in the photo
DIP = (39, 55, 146, 52)


@cache
def cases() -> tuple[Case, ...]:
    """All of them: of the kinds that share photographs or the demo's line, then those that the
    tests of kinds bring."""
    here = (*_locators(), *_drawn_line(), *_on_the_board(), *_others())
    return (*here, *_of_tests({case.kind for case in here}))


def _of_tests(there: set[str]) -> Iterator[Case]:
    """The `CASE` of each kind's test. Raises AttributeError if a kind has none at all."""
    for kind, module in TOOL_MODULES.items():
        if kind not in there:
            yield import_module(f"tests.node.tools.test_{module}").CASE


def _tool(
    kind: str, name: str, x: int, y: int, width: int, height: int, **more: Any
) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": name,
        "region": {"x": x, "y": y, "width": width, "height": height},
        **more,
    }


def _locators() -> Iterator[Case]:
    whole = p.board()
    chip = _tool("brightness", "chip", 380, 340, 80, 50, high=90.0)
    turned = ON_BOARD | {"angle_deg": 180}
    yield Case(
        "pattern",
        program_document([chip], turned),
        whole,
        p.taken(whole, 1, 14.3, -9.6, 31.0, 0.9),
        p.taken(p.board(p.covered(330, 160, 60)), 2, 14.3, -9.6, 31.0, 0.9),
        "photo of a board, moved, turned by 31 degrees, darker, with noise",
        "the same with the pattern covered: not found, and nothing is guessed",
    )
    marks = {
        "kind": "marks",
        "first": {
            "region": {"x": 78, "y": 78, "width": 65, "height": 65},
            "search": {"x": 20, "y": 20, "width": 200, "height": 200},
        },
        "second": {
            "region": {"x": 498, "y": 338, "width": 65, "height": 65},
            "search": {"x": 420, "y": 260, "width": 200, "height": 200},
        },
    }
    contacts = _tool(
        "blobs", "contacts", 180, 215, 280, 50, polarity="light", threshold=140, low=9.0, high=9.0
    )
    yield Case(
        "marks",
        program_document([contacts], marks),
        p.fiducials().pixels(3, 0),
        p.fiducials(16, -11, 3.2).pixels(4, 1),
        p.fiducials(16, -11, 3.2, count=1).pixels(4, 2),
        "drawn board, moved and turned by 3.2 degrees",
        "one mark is missing",
    )
    corner = {
        "kind": "corner",
        "first": {
            "shape": "rotated",
            "x": 350,
            "y": 130,
            "width": 110,
            "height": 180,
            "angle_deg": 90,
        },
        "second": {
            "shape": "rotated",
            "x": 180,
            "y": 260,
            "width": 110,
            "height": 140,
            "angle_deg": 0,
        },
    }
    hole = {
        "kind": "circle",
        "name": "hole",
        "region": {"shape": "circle", "x": 350, "y": 260, "radius": 60},
        "low": 87.0,
        "high": 89.0,
    }
    yield Case(
        "corner",
        program_document([hole], corner),
        p.plate().pixels(3, 0),
        p.plate(13, -8, 4.0).pixels(4, 1),
        p.plate(there=False).pixels(4, 2),
        "drawn plate without texture, moved and turned by 4 degrees",
        "no plate there",
    )


def _drawn_line() -> Iterator[Case]:
    """The demo's drawn line."""
    made = program(SYNTHETIC)
    tools = {tool["name"]: tool for tool in made["tools"]}
    box = {name: tool["region"] for name, tool in tools.items()}

    def case(
        kind: str,
        defect: Any,
        bad_is: str,
        tool: dict[str, Any],
        others: Sequence[dict[str, Any]] = (),
    ) -> Case:
        good, bad = (
            Drawn(1, "OK", None, 11.4, -7.7, 1.02, 911),
            Drawn(2, "NG", defect, -9.2, 12.6, 0.98, 4097),
        )
        document = {**made, "tools": [*others, tool], "judgement": "all", "limits_ms": 60000}
        return Case(
            kind, document, master(SYNTHETIC), LINE.draw(good), LINE.draw(bad), "drawn part", bad_is
        )

    yield case("area", "label_small", "drawn part, its label is too small", tools["label"])
    yield case("brightness", "lamp_dark", "drawn part, its lamp is dark", tools["lamp"])
    yield case("outline", "chip", "drawn part, a tooth is chipped", tools["cog"])
    yield case(
        "colour", "mark_colour", "drawn part, the mark has the wrong colour",
        {"kind": "colour", "name": "mark_tone", "region": _inner(box["mark"], 0.45), "high": 6.0},
    )  # fmt: skip
    yield case(
        "compare", "lamp_dark", "drawn part, the lamp is no lighter than its label",
        {
            "kind": "compare", "name": "lamp_to_label", "region": _inner(box["lamp"], 0.4), "other": _inner(box["label"], 0.8),  # noqa: E501
            "figure": "brightness", "low": 1.1,
        },
    )  # fmt: skip
    yield case(
        "contrast", "print_missing", "drawn part, the print is missing",
        {"kind": "contrast", "name": "print_tone", "region": box["print"], "relative_to": "master", "low": 0.7, "high": 1.3},  # noqa: E501
    )  # fmt: skip
    label, mark = tools["label"], tools["mark"]
    yield case(
        "expression", "label_small", "drawn part, its label is too small",
        {"kind": "expression", "name": "worse_of_both", "expression": "min(label, mark)", "low": 0.8},  # noqa: E501
        [label | {"low": 0.1}, mark | {"low": 0.1}],
    )  # fmt: skip


def _inner(box: dict[str, int], share: float) -> dict[str, int]:
    """The middle of a box."""
    width, height = round(box["width"] * share), round(box["height"] * share)
    return {
        "x": box["x"] + (box["width"] - width) // 2,
        "y": box["y"] + (box["height"] - height) // 2,
        "width": width,
        "height": height,
    }


def _on_the_board() -> Iterator[Case]:
    """The photo of a board seen closer, moved and turned; bad ones have a known change. Places are
    those in the photo."""

    def case(
        kind: str,
        corner: tuple[int, int],
        tools: Sequence[dict[str, Any]],
        change: p.Change,
        bad_is: str,
        lesson: int = 0,
    ) -> Case:
        whole = p.close(p.board(), *corner)
        good, bad = (
            p.taken(whole, 3, -9.4, 7.2, 2.4, 0.95),
            p.taken(p.close(p.board(change), *corner), 4, 8.1, -6.6, -1.8, 1.04),
        )
        taught = [
            p.taken(
                whole,
                100 + n,
                4.0 * (n % 5 - 2),
                3.0 * (n % 7 - 3),
                1.2 * (n % 6 - 2.5),
                0.95 + 0.01 * (n % 11),
            )
            for n in range(lesson)
        ]
        near = [_nearer(tool, corner) for tool in tools]
        return Case(
            kind, program_document(near, NEAR_LOCATORS[corner]), whole, good, bad, "photo of a board, moved and turned", bad_is,  # noqa: E501
            lesson=Lesson(good=[_picture(f"good-{number}", pixels) for number, pixels in enumerate(taught)]),  # noqa: E501
        )  # fmt: skip

    pins = _tool(
        "pitch", "pins", 357, 311, 131, 5, polarity="dark_to_light", value="max", low=6.8, high=10.4
    )
    yield case("pitch", CHIP_AT, [pins], p.painted((407, 304, 5, 24)), "one pin is missing")
    body = _tool(
        "width",
        "body",
        462,
        296,
        18,
        150,
        scan="down",
        measure="inside",
        between="dark",
        low=181.0,
        high=187.0,
    )
    yield case(
        "width", CHIP_AT, [body], p.shifted(CHIP, 0, 0, 0, 0.95), "another chip, 5 % smaller"
    )
    side = _tool(
        "edge",
        "dip_end",
        160,
        68,
        44,
        30,
        polarity="dark_to_light",
        which="first",
        low=48.0,
        high=60.0,
    )
    yield case("edge", CAPS_AT, [side], p.shifted(DIP, -7, 0), "the chip lies 14 px to the left")
    top = {
        "kind": "circle", "name": "capacitor",
        "region": {"shape": "ring", "x": 99.5, "y": 165.5, "radius": 18, "inner_radius": 7},
        "polarity": "light_to_dark", "low": 49.0, "high": 54.0,
    }  # fmt: skip
    yield case(
        "circle", CAPS_AT, [top], p.round_changed(99.5, 165.5, 18, 0.85), "a capacitor 15 % smaller"
    )
    below = _tool(
        "line",
        "lower_edge",
        372,
        404,
        104,
        22,
        scan="down",
        polarity="dark_to_light",
        low=-0.6,
        high=2.0,
    )
    yield case(
        "line", CHIP_AT, [below], p.shifted(CHIP, 0, 0, 2.0), "the chip is turned by 2 degrees"
    )
    left = _tool(
        "line",
        "left_edge",
        345,
        340,
        24,
        64,
        polarity="light_to_dark",
        low=-5.0,
        high=5.0,
        found_low=0.35,
    )
    square = {
        "kind": "angle",
        "name": "square",
        "first": "lower_edge",
        "second": "left_edge",
        "low": 88.5,
    }
    lean = p.sheared((340, 330, 60, 110), 3.0)
    yield case(
        "angle",
        CHIP_AT,
        [below | {"high": 5.0}, left, square],
        lean,
        "the left side leans by 3 degrees",
    )
    other = top | {
        "name": "neighbour",
        "region": {"shape": "ring", "x": 143, "y": 160, "radius": 19, "inner_radius": 7},
        "high": 56.0,
    }
    apart = {
        "kind": "distance",
        "name": "apart",
        "first": "capacitor",
        "second": "neighbour",
        "low": 85.8,
        "high": 89.8,
    }
    yield case(
        "distance",
        CAPS_AT,
        [top, other, apart],
        p.round_changed(143, 160, 17, 1, 3.0),
        "the right capacitor leans by 6 px",
    )
    again = _tool(
        "pattern",
        "dip",
        32,
        46,
        160,
        72,
        low=0.7,
        pattern={"x": 44, "y": 62, "width": 60, "height": 42},
    )
    yield case(
        "pattern", CAPS_AT, [again], p.shifted(DIP, 0, 0, 180), "the chip is the wrong way round"
    )
    look = _tool("learned", "look", 60, 115, 130, 110, size_px=192)
    yield case(
        "learned",
        CAPS_AT,
        [look],
        p.stained(100, 205, 9),
        "a stain and a scratch: neither was ever shown to it",
        40,
    )


CHIP_AT, CAPS_AT = (300, 230), (0, 40)  # left top corners in the photo
NEAR_LOCATORS = {
    CHIP_AT: {
        "kind": "pattern",
        "region": {"x": 370, "y": 130, "width": 130, "height": 90},
        "angle_deg": 6,
        "low": 0.5,
    },
    CAPS_AT: {
        "kind": "pattern",
        "region": {"x": 344, "y": 240, "width": 150, "height": 130},
        "angle_deg": 6,
        "low": 0.5,
    },
}


def _nearer(tool: dict[str, Any], corner: tuple[int, int]) -> dict[str, Any]:
    """The tool's regions as they are in the closer look."""
    made = dict(tool)
    for key in ("region", "pattern"):
        if key in tool:
            made[key] = {k: v for k, v in tool[key].items() if k == "shape"}
            made[key] |= {
                k: 2 * v
                for k, v in tool[key].items()
                if k in ("width", "height", "radius", "inner_radius")
            }
            made[key] |= {k: 2 * (tool[key][k] - at) for k, at in zip("xy", corner, strict=True)}
    return made


def _picture(name: str, pixels: Pixels) -> Picture:
    return Picture(name, lambda: _png(pixels))


def _png(pixels: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", pixels)[1])


def _others() -> Iterator[Case]:
    board = (
        p.read(p.DATA / "pcb" / "13000115_temp.jpg"),
        p.read(p.DATA / "pcb" / "13000115_test.jpg"),
    )
    document = program_document([_tool("difference", "copper", 20, 20, 600, 600, high=0.0)])
    yield Case(
        "difference", document | {"master": "master.png"}, board[0], p.taken(board[0], 5, 3.4, -2.8, 0.6, 0.9), board[1],  # noqa: E501
        "printed board (DeepPCB), moved by 4 px and 0.6 degrees, darker, noise: laid over the master by a full affine fit",  # noqa: E501
        "board under test with 4 labelled defects, as it was scanned",
    )  # fmt: skip
    whole = {
        "polarity": "light",
        "threshold": 160,
        "area_low_px": 2300,
        "circularity_low": 0.95,
        "low": 10.0,
    }
    yield Case(
        "blobs",
        program_document([_tool("blobs", "tablets", 95, 115, 450, 240, **whole)]),
        None, p.blister().pixels(4, 1), p.blister(missing=True, broken=True).pixels(4, 2),
        "drawn blister pack", "one tablet is missing, one is broken",
    )  # fmt: skip
    codes = [p.on_table(p.read(p.DATA / "codes" / f"ean13-{number}.webp")) for number in (30, 34)]
    text = (p.DATA / "codes" / "ean13-30.txt").read_text().strip()
    yield Case(
        "code", program_document([_tool("code", "product", 30, 30, 580, 420, expected=text, low=1.0)]), None, codes[0], codes[1],  # noqa: E501
        "photo of a package (zxing-cpp samples)", "the package of another product",
    )  # fmt: skip
    yield Case(
        "text", program_document([_tool("text", "lot", 120, 170, 400, 150, expected="BATCH 4711 EXP 2027-03", low=0.6)]), None,  # noqa: E501
        p.label("BATCH 4711", "EXP 2027-03"), p.label("BATCH 4711", "EXP 2022-03"), "drawn label", "drawn label, another date",  # noqa: E501
        extra="rapidocr_onnxruntime", rounds=2,
    )  # fmt: skip
    yield from _screws()


def _screws() -> Iterator[Case]:
    made = json.loads((p.SCREWS / "program.json").read_text())
    tools = {tool["name"]: tool for tool in made["tools"]}
    master = p.read(p.SCREWS / made["master"])

    def case(
        kind: str, used: Sequence[dict[str, Any]], good: str, bad: str, bad_is: str, **more: Any
    ) -> Case:
        document = {**made, "tools": list(used), "outputs": {}, "limits_ms": 60000}
        seen = [p.read(p.SCREWS / f"{name}.jpg") for name in (good, bad)]
        return Case(
            kind, document, master, seen[0], seen[1], "photo of four screws", bad_is, **more
        )

    steel = [tool for name, tool in tools.items() if name.startswith("steel")]
    yield case(
        "colour_area",
        [tools["steel_top_right"]],
        "11_1111",
        "76_1011",
        "the screw at the top right is missing",
    )
    yield case(
        "edge_pixels",
        [tools["edges_bottom_left"]],
        "19_1111",
        "66_1001",
        "the screw at the bottom left is missing",
    )
    count = {
        "kind": "count",
        "name": "screws",
        "tools": [tool["name"] for tool in steel],
        "low": 4.0,
    }
    yield case("count", [*steel, count], "20_1111", "100_1001", "two of the screws are missing")
    site = {
        "kind": "classify",
        "name": "site",
        "region": tools["steel_top_right"]["region"],
        "expected": "screw",
    }
    taught = {
        "screw": ("23_1111", "11_1111", "14_1111"),
        "missing": ("21_1011", "33_1011", "55_1011"),
    }
    classes = {
        label: [Picture(name, (p.SCREWS / f"{name}.jpg").read_bytes) for name in names]
        for label, names in taught.items()
    }
    yield case(
        "classify", [site], "19_1111", "100_1001", "no screw at the top right; taught with 3 pictures of either",  # noqa: E501
        lesson=Lesson(classes=classes),
    )  # fmt: skip


def loaded(case: Case) -> LoadedProgram:
    """The case's program, taught. Raises Problem PROGRAM_INVALID, PICTURES_UNFIT, ..."""
    master = None if case.master is None else _png(case.master)
    wanted = as_program(case.document)
    program = load(wanted, 1, wanted.hash, master)
    if case.lesson.count == 0:
        return program
    name = next(tool.name for tool in wanted.tools if tool.kind == case.kind)
    model = teach(program, name, case.lesson, None, lambda done, steps: None).model
    stored = "0" * 64 + ".npz"
    tools = [
        tool | {"model": stored} if tool["name"] == name else tool
        for tool in case.document["tools"]
    ]
    wanted = as_program({**case.document, "tools": tools})
    return load(wanted, 1, wanted.hash, master, lambda _: model)


def inspected(program: LoadedProgram, pixels: Pixels) -> Inspection:
    """One part, from the frame to the verdict, as the node does it."""
    part = Part(1, "gallery", "gallery", Trigger(), False, "api", 0.0, 0)
    found = Inspection(part, program, Frame(pixels.copy(), 0, 0.0, "gallery", simulated=True))
    assert found.frame is not None
    found.step("acquire")
    try:
        found.pose, found.placement = locate(found.frame, program.program.locator, program.locator)
        found.step("locate")
        found.findings = measure(found.frame, found.placement, program)
        found.step("measure")
        found.verdict, found.fault = judge(found, program)
    except Problem as problem:
        if "locate" not in found.timings_ms:
            found.step("locate")
        found.fail(problem)
    return found


def make(
    folder: Path, only: Sequence[str] = (), progress: Callable[[str], None] = lambda _: None
) -> tuple[list[Section], list[str]]:
    """Write the pictures; the sections for the page, and what was not judged as its case says."""
    wrong: list[str] = []
    cards: dict[str, dict[str, Card]] = {"locator": {}, "tool": {}}
    for case in cases():
        family = (
            "locator" if case.kind in LOCATORS and not cards["locator"].get(case.kind) else "tool"
        )
        if only and case.kind not in only:
            continue
        progress(case.kind)
        cards[family][case.kind] = _card(case, family, folder, wrong)
    tools = tuple(cards["tool"][kind] for kind in TOOLS if kind in cards["tool"])
    sections = [
        Section(
            "Locators",
            "Where the part lies. The tools follow it.",
            tuple(cards["locator"].values()),
            1,
        ),
        Section("Tools", "One value each, and what it was measured from.", tools, 2),
    ]
    return sections, wrong


def _card(case: Case, family: str, folder: Path, wrong: list[str]) -> Card:
    title = case.kind if family == "tool" else f"{case.kind} (locator)"
    sentence = _sentence(case.kind, family)
    if case.extra is not None:
        try:
            __import__(case.extra)
        except ImportError:
            return Card(
                title, sentence, note=f"Not shown: the extra {case.extra} is not installed here."
            )
    program = loaded(case)
    shots = []
    for what, pixels, caption in (
        ("good", case.good, case.good_is),
        ("bad", case.bad, case.bad_is),
    ):
        rounds = [inspected(program, pixels) for _ in range(case.rounds)]
        found = min(
            rounds,
            key=lambda one: (
                sum(finding.result.ms for finding in one.findings) + one.timings_ms["locate"]
            ),
        )
        if (found.verdict == "OK") != (what == "good"):
            values = ", ".join(f"{line.name} {line.value}" for line in _lines(found))
            wrong.append(
                f"{case.kind}: the {what} part is {found.verdict}:"
                f" {found.fault.message if found.fault else values}"
            )
        name = f"{family}-{case.kind}-{what}.png"
        (folder / name).write_bytes(_png(annotate(found)))
        note = found.fault.message if found.fault else ""
        shots.append(
            Shot(name, f"{what} part: {caption}", found.verdict, tuple(_lines(found)), note)
        )
    return Card(title, sentence, tuple(shots))


def _sentence(kind: str, family: str) -> str:
    union = Tool if family == "tool" else Locator
    model = next(m for m in union.__origin__.__args__ if m.model_fields["kind"].default == kind)  # type: ignore[attr-defined]
    said = (model.__doc__ or "").strip().removeprefix("Locator: ")
    return said[:1].upper() + said[1:]


def _lines(found: Inspection) -> Iterator[Line]:
    if (
        found.pose is not None
        and found.program is not None
        and found.program.program.locator is not None
    ):
        pose, locator = found.pose, found.program.program.locator
        where = f"x {pose.x:.2f}, y {pose.y:.2f} px, {pose.angle_deg:.2f}°, score {pose.score:.3f}"
        yield Line(
            f"locator {locator.kind}",
            where,
            f"score at least {locator.low:g}",
            f"{found.timings_ms['locate']:.2f}",
            "OK",
        )
    for finding in found.findings:
        result = finding.result
        value = result.error.code if result.error else shown(result.value, result.unit)
        if result.text:
            value += f" “{result.text[:40]}”"
        yield Line(result.name, value, limits_of(result), f"{result.ms:.2f}", result.verdict)
