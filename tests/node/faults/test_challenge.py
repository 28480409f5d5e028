"""What a program would miss: no shipped program calls a picture without the part OK; a program that
is blind to a fault is reported."""

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from node.cameras import synthetic
from node.faults.challenge import MOST_SHOWN, FaultOutcome, challenge, challenged, inspected
from node.faults.drawn import NO_PART
from node.pictures.decode import decode
from node.program import LoadedProgram, load
from schemas import Problem, QualityLimits, SyntheticCamera, as_program
from tests.rooms.pictures.scenes import Scene

pytestmark = pytest.mark.slow

SCREWS = Path("deploy/pictures/screws")
REGION = {"x": 100, "y": 80, "width": 120, "height": 100}
PART = Scene.plain(320, 240, (190.0, 200.0, 210.0)).part(100, 80)


def loaded(document: dict, master: bytes) -> LoadedProgram:
    return load(as_program(document), 1, "", master)


def program(tool: dict, **more: object) -> LoadedProgram:
    document = {
        "schema": "program/1",
        "id": "p",
        "name": "P",
        "master": "m.png",
        "tools": [tool],
        **more,
    }
    return loaded(document, cv2.imencode(".png", PART.pixels(2))[1].tobytes())


@cache
def shipped(name: str) -> tuple[LoadedProgram, np.ndarray]:
    """An example program and a good picture."""
    if name == "screws":
        document = json.loads((SCREWS / "program.json").read_text())
        data = (SCREWS / document["master"]).read_bytes()
        return loaded(document, data), decode(data)
    camera = SyntheticCamera()
    pixels = synthetic.master(camera)
    return loaded(synthetic.program(camera), cv2.imencode(".png", pixels)[1].tobytes()), pixels


def ok(found: list[FaultOutcome]) -> set[str]:
    return {each.kind for each in found if each.verdict == "OK"}


@pytest.mark.parametrize("name", ["synthetic", "screws"])
def test_no_shipped_program_calls_a_picture_without_its_part_ok(name):
    found = list(challenge(shipped(name)[0], [shipped(name)[1]]))
    assert {each.kind for each in found} >= {
        *NO_PART,
        "stain",
        "blurred",
        "lamp -30 %",
        "haze on the lens",
        "one side unlit",
        "drop on the lens",
        "finger in the picture",
        "dust",
        "motion blur",
        "camera turned by 1 degree",
        "camera moved by 6 px",
        "colour cast",
        "hair",
    }
    assert not ok(found) & {*NO_PART}
    assert {"label over left half", "label over right half"} <= {*NO_PART}


@pytest.mark.parametrize("name", ["synthetic", "screws"])
def test_no_shipped_program_calls_plain_or_noisy_pictures_or_other_parts_ok(name):
    program_, good = shipped(name)
    rows, columns = good.shape[:2]
    dice = np.random.default_rng(2)
    pictures = [np.full_like(good, level) for level in range(0, 256, 15)]
    pictures += [dice.integers(0, top, good.shape, dtype=np.uint8) for top in (16, 64, 256)]
    pictures += [
        np.clip(dice.normal(level, 20, good.shape), 0, 255).astype(np.uint8)
        for level in (60, 128, 200)
    ]
    pictures += [
        Scene.plain(columns, rows, (120.0, 130.0, 140.0)).clutter(seed).pixels(3)
        for seed in range(3)
    ]
    pictures += [
        Scene.plain(columns, rows, (60.0, 60.0, 60.0)).part(columns / 3, rows / 3, seed).pixels(3)
        for seed in range(3)
    ]
    for half in (
        np.s_[: rows // 2],
        np.s_[rows // 2 :],
        np.s_[:, : columns // 2],
        np.s_[:, columns // 2 :],
    ):
        for level in (0, 128, 255):
            pictures.append(good.copy())
            pictures[-1][half] = level
    assert inspected(program_, good).verdict == "OK"
    assert [
        number
        for number, pixels in enumerate(pictures)
        if inspected(program_, pixels).verdict == "OK"
    ] == []


def test_a_program_that_looks_closely_misses_less_than_one_that_hardly_looks():
    close = program(
        {"kind": "difference", "name": "print", "region": REGION, "high": 0},
        locator={"kind": "pattern", "region": REGION},
    )
    blind = program(
        {"kind": "brightness", "name": "light", "region": REGION, "low": 1, "high": 254}
    )
    good = [PART.pixels(2, 1)]
    seen, unseen = (list(challenge(each, good)) for each in (close, blind))
    assert not ok(seen) & {
        *NO_PART,
        "stain",
        "hole",
        "its feature missing",
        "turned by 180 degrees",
        "mirrored",
        "second part",
    }
    assert ok(unseen) >= {"stain", "hole", "scratch", "part missing", "turned by 180 degrees"}
    assert all((each.picture is not None) is (each.verdict == "OK") for each in [*seen, *unseen])
    assert all(each.picture.shape == (240, 320, 3) for each in unseen if each.picture is not None)


def test_a_picture_that_is_no_good_one_is_not_drawn_upon():
    far = program({"kind": "brightness", "name": "light", "region": REGION, "low": 254})
    assert list(challenge(far, [PART.pixels(2)])) == []


def test_faults_are_asked_for_slice_by_slice_and_each_is_told_once():
    blind = program(
        {"kind": "brightness", "name": "light", "region": REGION, "low": 1, "high": 254}
    )
    good = PART.pixels(2, 1)
    at_once = [each[:4] for each in challenge(blind, [good])]
    told, first = [], 0
    while first is not None:
        found = challenged(blind, good, first, QualityLimits(), 0.02)
        assert len(found.outcomes) >= 1
        assert sum(each.picture is not None for each in found.outcomes) <= MOST_SHOWN
        assert found.of == len(at_once)
        told += [each[:4] for each in found.outcomes]
        first = found.next
    assert told == at_once
    assert {each.kind for each in found.outcomes if each.never} <= {*NO_PART}


def test_nothing_is_drawn_on_a_picture_that_is_not_ok_itself_and_it_is_said_why():
    far = program({"kind": "brightness", "name": "light", "region": REGION, "low": 254})
    with pytest.raises(Problem) as refused:
        challenged(far, PART.pixels(2), 0, QualityLimits(), 1.0)
    assert refused.value.code == "PICTURES_UNFIT"
    assert "NG" in refused.value.message
