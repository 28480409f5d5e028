"""What several tools need of one frame and view is made once, and shared."""

from collections import Counter
from typing import Any

import cv2
import numpy as np
import pytest

from node.frame import IN_PLACE, Frame, Placement
from node.measure import measure
from node.program import load
from schemas import as_program
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene

MAKERS = (
    "cvtColor",
    "GaussianBlur",
    "spatialGradient",
    "Sobel",
    "LUT",
    "blur",
    "boxFilter",
    "warpAffine",
)
HERE = {"x": 60, "y": 40, "width": 120, "height": 100}
THERE = {"x": 200, "y": 60, "width": 100, "height": 120}
SCENE = Scene.plain(360, 240, (60.0, 60.0, 60.0)).part(215, 80, size=(70, 30))
for x in (90, 120, 150, 215, 245, 275):
    SCENE = bar(SCENE, x, 100, 14, 300, (70.0, 70.0, 240.0), 8)
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("area", {"threshold": 90, "polarity": "light"}),
    ("brightness", {}),
    ("colour_area", {"hue_low_deg": 340, "hue_high_deg": 20, "relative_to": "region"}),
    ("colour_area", {"hue_low_deg": 100, "hue_high_deg": 160, "relative_to": "region"}),
    ("colour", {"value": "lightness"}),
    ("colour", {"value": "a"}),
    ("contrast", {}),
    ("blobs", {"threshold": 90, "polarity": "light"}),
    ("edge_pixels", {"relative_to": "region"}),
    ("edge_pixels", {"relative_to": "region", "gradient_low": 30.0}),
    ("edge", {"value": "count"}),
    ("edge", {"value": "count", "smoothing_px": 2.0}),
    ("width", {}),
    ("pitch", {}),
    ("line", {"which": "first", "polarity": "dark_to_light"}),
    ("line", {"which": "last", "polarity": "light_to_dark", "value": "straightness"}),
)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Each call that makes something from pixels: what, from which pixels, how. The pixels are
    kept: no address comes twice."""
    calls: list[tuple[Any, ...]] = []

    def counted(name: str, real: Any) -> Any:
        def call(source: Any, *args: Any, **options: Any) -> Any:
            how = repr(
                [
                    a.tobytes() if isinstance(a, np.ndarray) else a
                    for a in (*args, *sorted(options.items()))
                ]
            )
            if isinstance(source, np.ndarray):
                place = source.__array_interface__["data"][0], source.shape, source.strides
                calls.append(((name, place, how), source))
            return real(source, *args, **options)

        return call

    for name in MAKERS:
        monkeypatch.setattr(cv2, name, counted(name, getattr(cv2, name)))
    return calls


@pytest.mark.parametrize(
    "placement", [IN_PLACE, Placement(3.0, -2.0), Placement(1.5, -2.5, 4.0, 1.0, 180, 120)]
)
def test_nothing_is_made_twice_of_the_same_pixels(
    made: list[tuple[Any, ...]], placement: Placement
) -> None:
    tools = [
        {"kind": kind, "name": f"t{number}_{where['x']}", "region": where, "low": -1000.0, **more}
        for where in (HERE, THERE)
        for number, (kind, more) in enumerate(KINDS)
    ]
    document = {
        "schema": "program/1",
        "id": "p",
        "name": "P",
        "master": "master.png",
        "tools": tools,
    }
    program = load(as_program(document), 1, "", bytes(cv2.imencode(".png", SCENE.pixels(3, 1))[1]))
    made.clear()
    frame = SCENE.frame(3)
    findings = measure(frame, placement, program)
    # nearly all had something to see
    assert sum(finding.result.error is not None for finding in findings) <= 2
    counts = Counter(key for key, _ in made)
    assert [key[0] for key, count in counts.items() if count > 1] == []
    makes = Counter(key[0] for key in counts)
    grays = [key for key in counts if key[0] == "cvtColor" and str(cv2.COLOR_BGR2GRAY) in key[2]]
    assert len(grays) == 1  # of the whole frame, for both places
    assert makes["LUT"] == 2  # a colour space for each place
    if placement.angle_deg == 0:
        # a leaning edge is stood upright once in each place, by a first and a better guess, and
        # once more by the line through its rows
        assert makes["warpAffine"] <= 6


def test_the_next_frame_has_its_own(made: list[tuple[Any, ...]]) -> None:
    for _ in range(2):
        frame: Frame = SCENE.frame(3)
        assert frame.gray is frame.gray
    assert len(made) == 2
