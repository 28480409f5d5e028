"""A program that takes its time: a taught `learned` and a `code` on the parts of the drawn line,
each with its own code beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import zxingcpp

from node.cameras import Request, synthetic
from node.frame import Pixels
from node.program import load
from node.teach import Lesson, Picture, teach
from schemas import as_program
from schemas.store.programs import Programs, model_name
from tests.bench.site import Size, camera_of

HEAVY = "heavy-part"
PICTURES = 8
TAUGHT = 12  # good parts, other than those that are inspected
CODE = (505, 190, 70)  # left, top and side of the code in px at 640 x 480
REACH = 27  # px around it: as far as a part is moved
LOOK = {"x": 165, "y": 228, "width": 140, "height": 124}


def pictures(folder: Path, size: Size) -> list[str]:
    """Draw the good parts that are inspected into a folder; their part ids."""
    folder.mkdir(parents=True)
    found = []
    for n, pixels in _good(folder, size, 0, PICTURES):
        assert cv2.imwrite(str(folder / f"part-{n}.png"), pixels)
        found.append(f"part-{n}")
    return found


def store(state: Path, size: Size) -> None:
    """Teach the program and store it: every part with a readable code is OK."""
    settings = camera_of(size)
    scale = size.width / 640
    left, top, side = CODE
    around = {
        "x": left - REACH,
        "y": top - REACH,
        "width": side + 2 * REACH,
        "height": side + 2 * REACH,
    }
    look = {"kind": "learned", "name": "look", "region": _scaled(LOOK, scale), "high": 1000.0}
    code = {"kind": "code", "name": "serial", "region": _scaled(around, scale), "low": 1}
    document: dict[str, Any] = synthetic.program(settings) | {
        "id": HEAVY,
        "name": "Heavy part",
        "keep": {"ng": False, "ok_every": 0},
        "limits_ms": 5000,
        "tools": [look, code],
    }
    master = cv2.imencode(".png", _coded(synthetic.master(settings), "MASTER", scale))[1].tobytes()
    program = as_program(document)
    lesson = Lesson(
        [
            Picture(f"part-{n}.png", lambda pixels=pixels: _png(pixels))  # type: ignore[misc]
            for n, pixels in _good(state, size, PICTURES, TAUGHT)
        ]
    )
    untaught = load(program, 1, program.hash, master)
    model = teach(untaught, "look", lesson, None, lambda _done, _steps: None).model
    name = model_name(model)
    taught = as_program(document | {"tools": [look | {"model": name}, code]})
    Programs(state / "programs").save(taught, master, by="bench", files={name: model})


def _good(folder: Path, size: Size, first: int, count: int) -> Iterator[tuple[int, Pixels]]:
    """Good parts of the line with their codes, `count` of them, beginning with the first-th."""
    settings = camera_of(size)
    line = synthetic.SyntheticLine(settings, folder)
    line.open()
    numbers = [n for n in range(1, 1000) if synthetic.truth(settings, n).verdict == "OK"]
    for n in numbers[first : first + count]:
        frame = line.grab(Request(0, 1 << 62, f"part-{n}"))
        yield n, _coded(frame.pixels, f"SN-{n:06d}", size.width / 640)


def _coded(pixels: Pixels, text: str, scale: float) -> Pixels:
    """The picture with a Data Matrix beside the part."""
    left, top, side = (round(value * scale) for value in CODE)
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix)
    small = np.asarray(made.to_image(scale=1))
    drawn = cv2.resize(small, (side, side), interpolation=cv2.INTER_NEAREST)
    with_code = pixels.copy()
    with_code[top : top + side, left : left + side] = drawn[:, :, None]
    return with_code


def _png(pixels: Pixels) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def _scaled(region: dict[str, int], scale: float) -> dict[str, int]:
    return {key: round(value * scale) for key, value in region.items()}
