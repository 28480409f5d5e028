"""The drawn line: its truth is a pure function, and the tools find it."""

import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from node.cameras import Request
from node.cameras.synthetic import DEFECTS, JITTER_PX, SyntheticLine, master, program, truth
from node.frame import Frame, Placement
from node.locators import pattern
from node.tools import TOOLS
from schemas import Problem, SyntheticCamera, as_program

pytestmark = pytest.mark.slow


def grab(line: SyntheticLine, part_id: str | None = None) -> Frame:
    now_ns = time.monotonic_ns()
    return line.grab(Request(now_ns, now_ns + 10_000_000_000, part_id))


def opened(settings: SyntheticCamera) -> SyntheticLine:
    line = SyntheticLine(settings, Path())
    line.open()
    return line


def judge(settings: SyntheticCamera, count: int) -> list[tuple[str, str]]:
    """Verdict and true verdict of the first parts, by the tools alone."""
    recipe = as_program(program(settings))
    first = Frame(master(settings), 1, 1.0, "master", True)
    place = pattern.learn(first, recipe.locator)
    learned = [TOOLS[tool.kind].learn(first.view(tool.region), tool) for tool in recipe.tools]
    centre = recipe.locator.region.centre
    line, answers = opened(settings), []
    for n in range(1, count + 1):
        frame, verdict = grab(line), "OK"
        try:
            pose = pattern.find(frame, recipe.locator, place)
            shift = Placement(pose.x - centre[0], pose.y - centre[1])
            assert abs(shift.dx - truth(settings, n).dx) < 0.25
            assert abs(shift.dy - truth(settings, n).dy) < 0.25
            for tool, knowledge in zip(recipe.tools, learned, strict=True):
                value = (
                    TOOLS[tool.kind].measure(frame.view(tool.region, shift), tool, knowledge).value
                )
                if (tool.low is not None and value < tool.low) or (
                    tool.high is not None and value > tool.high
                ):
                    verdict = "NG"
        except Problem as problem:
            verdict = f"ERROR {problem.code}"
        true = truth(settings, n).verdict
        answers.append((verdict, true if true != "ERROR" else "ERROR PART_NOT_FOUND"))
    return answers


@pytest.mark.parametrize(
    ("width", "height", "seed", "count"),
    [(640, 480, 1, 150), (320, 240, 2, 100), (1280, 960, 3, 24), (451, 333, 4, 40)],
)
def test_the_tools_find_the_truth_at_every_size(width, height, seed, count):
    answers = judge(SyntheticCamera(width=width, height=height, seed=seed, defect_rate=0.6), count)
    assert [n for n, (found, true) in enumerate(answers, 1) if found != true] == []
    assert {"OK", "NG", "ERROR PART_NOT_FOUND"} == {true for _, true in answers}


def test_a_part_is_the_same_whenever_it_is_asked_for():
    settings = SyntheticCamera(seed=7)
    assert [truth(settings, n) for n in range(1, 50)] == [truth(settings, n) for n in range(1, 50)]
    assert truth(settings, 5) != truth(SyntheticCamera(seed=8), 5)


def test_defects_come_at_their_rate_and_every_kind_comes():
    parts = [truth(SyntheticCamera(defect_rate=0.25), n) for n in range(1, 4001)]
    counts = Counter(part.defect for part in parts)
    assert set(counts) == {None, *DEFECTS}
    assert 0.22 < 1 - counts[None] / len(parts) < 0.28
    assert {truth(SyntheticCamera(defect_rate=0.0), n).verdict for n in range(1, 100)} == {"OK"}
    assert "OK" not in {truth(SyntheticCamera(defect_rate=1.0), n).verdict for n in range(1, 100)}


def test_parts_lie_within_the_jitter_at_fractions_of_a_pixel():
    shifts = np.array([truth(SyntheticCamera(), n)[3:5] for n in range(1, 500)])
    assert JITTER_PX * 0.95 < np.abs(shifts).max() <= JITTER_PX
    assert np.std(shifts % 1) > 0.2


def test_parts_come_in_order_and_a_part_id_names_one():
    line = opened(SyntheticCamera(seed=3))
    assert [grab(line).source for _ in range(2)] == ["synthetic:3:part-1", "synthetic:3:part-2"]
    assert grab(line, "lot-9/part-17").source == "synthetic:3:part-17"
    assert grab(line, "part-x").source == "synthetic:3:part-3"


def test_the_same_part_is_drawn_the_same_and_others_differ():
    line = opened(SyntheticCamera())
    first = grab(line, "part-4").pixels
    assert np.array_equal(first, grab(line, "part-4").pixels)
    assert not np.array_equal(first, grab(line, "part-5").pixels)


def test_the_exposure_is_waited_for_and_may_take_too_long():
    line = opened(SyntheticCamera(exposure_ms=50))
    began_ns = time.monotonic_ns()
    frame = grab(line)
    assert time.monotonic_ns() - frame.exposed_ns >= 50_000_000
    assert frame.exposed_ns >= began_ns
    with pytest.raises(Problem, match="CAMERA_TIMEOUT"):
        line.grab(Request(time.monotonic_ns(), time.monotonic_ns() + 20_000_000))


def test_the_program_is_valid_and_its_master_is_stored_without_loss():
    settings = SyntheticCamera()
    assert len(as_program(program(settings)).tools) == 5
    pixels = master(settings)
    assert np.array_equal(cv2.imdecode(cv2.imencode(".png", pixels)[1], cv2.IMREAD_COLOR), pixels)
