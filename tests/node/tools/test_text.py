"""Text: drawn lines are read and compared; a missing extra says how to install it; a blind view
gives a problem."""

import itertools
import sys

import cv2
import numpy as np
import pytest

from node.frame import Pixels
from node.measurement import Given, Measurement
from node.program import load
from node.tools import text as text_tool
from node.vision.reading.text_match import in_order
from schemas import Problem, Program, Text, Trigger
from tests.rooms.pictures.scenes import frame, region


def label(*lines: str, height: int = 60, colour: int = 20, ground: int = 225) -> Pixels:
    pixels = np.full((height * len(lines), 340, 3), ground, np.uint8)
    for number, line in enumerate(lines):
        at = (16, height * number + 42)
        cv2.putText(pixels, line, at, cv2.FONT_HERSHEY_DUPLEX, 1.1, (colour,) * 3, 2, cv2.LINE_AA)
    return pixels


def read(pixels: Pixels, trigger: Trigger | None = None, **changes) -> Measurement:  # type: ignore[no-untyped-def]
    given = {
        "name": "lot",
        "region": region(0, 0, pixels.shape[1], pixels.shape[0]),
        "low": 0.5,
    } | changes
    tool = Text(**given)
    view = frame(np.array(pixels)).view(tool.region, ignore=tool.ignore)
    return text_tool.measure(view, tool, None, Given(trigger or Trigger(), {}, {}))


def test_a_missing_extra_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)
    text_tool._reader.cache_clear()
    tool = Text(name="lot", region=region(0, 0, 340, 60), low=0.5)
    with pytest.raises(
        Problem, match=r"PROGRAM_INVALID.*install the extra text: pip install"
    ) as raised:
        text_tool.learn(frame(label("4711")).view(tool.region), tool)
    assert "--no-deps rapidocr-onnxruntime" in raised.value.message


def test_a_missing_extra_is_told_when_a_program_is_loaded_even_without_a_master(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr_onnxruntime", None)
    text_tool._reader.cache_clear()
    tool = Text(name="lot", region=region(0, 0, 340, 60), low=0.5)
    program = Program(id="label", name="Label", tools=(tool,))
    with pytest.raises(Problem, match=r"PROGRAM_INVALID.*tool lot: install the extra text"):
        load(program, 1, "sha256:0", None)


@pytest.mark.parametrize("gray", [0, 90, 255])
def test_a_view_of_one_value_is_a_problem_and_no_number(gray: int) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        read(np.full((60, 200, 3), gray, np.uint8))


def test_a_trigger_that_does_not_say_it_is_a_problem() -> None:
    with pytest.raises(Problem, match="NO_VALUE"):
        read(label("4711"), match="part_id")


class TestWithTheExtra:
    """What needs the models."""

    @pytest.fixture(autouse=True)
    def _models(self) -> None:
        pytest.importorskip("rapidocr_onnxruntime", reason="the extra text is not installed")

    def test_lines_are_read_from_top_to_bottom(self) -> None:
        found = read(label("EXP 2027-03", "BATCH 4711"), expected="EXP 2027-03 BATCH 4711")
        assert found.value > 0.8
        assert (found.text or "").replace(" ", "") == "EXP2027-03BATCH4711"
        middles = [float(mark.points[:, 1].mean()) for mark in found.marks()]
        assert middles == pytest.approx([30, 90], abs=8)

    def test_one_line_is_read_without_looking_for_it(self) -> None:
        assert read(label("EXP 2027-03"), lines="one", expected="EXP 2027-03").value > 0.8

    @pytest.mark.parametrize(
        ("pattern", "good"), [(r"EXP20\d\d-\d\d", True), (r"EXP19\d\d-\d\d", False)]
    )
    def test_the_text_must_match_the_pattern(self, pattern: str, good: bool) -> None:
        found = read(label("EXP 2027-03"), lines="one", pattern=pattern)
        assert (found.value > 0.8) is good
        assert good or found.value == 0

    def test_another_text_is_0_and_shown(self) -> None:
        found = read(label("EXP 2027-03"), lines="one", expected="EXP 2027-04")
        assert found.value == 0
        assert (found.text or "").replace(" ", "") == "EXP2027-03"

    def test_the_trigger_says_what_must_be_read(self) -> None:
        assert (
            read(label("472938"), Trigger(part_id="472938"), lines="one", match="part_id").value
            > 0.8
        )
        assert (
            read(label("472938"), Trigger(part_id="472939"), lines="one", match="part_id").value
            == 0
        )

    def test_where_there_is_no_text_the_value_is_0(self) -> None:
        rng = np.random.default_rng(1)
        found = read(np.clip(rng.normal(120, 5, (80, 300, 3)), 0, 255).astype(np.uint8))
        assert (found.value, found.text) == (0, None)

    def test_what_does_not_count_is_not_read(self) -> None:
        found = read(label("EXP 2027-03", "BATCH 4711"), ignore=(region(0, 60, 340, 60),))
        assert (found.text or "").replace(" ", "") == "EXP2027-03"

    def test_gray_cameras_are_read_too(self) -> None:
        gray = np.asarray(cv2.cvtColor(label("EXP 2027-03"), cv2.COLOR_BGR2GRAY), np.uint8)
        assert read(gray, lines="one", expected="EXP2027-03").value > 0.8

    @pytest.mark.parametrize("lines", ["one", "many"])
    def test_separate_dots_are_read(self, lines: str) -> None:
        for text in ("472938", "160529"):
            found = read(dotted(text), lines=lines, characters="0123456789")
            assert (found.text, found.value > 0.5) == (text, True)

    @pytest.mark.parametrize("pitch", [4.0, 7.5, 11.0])
    def test_dots_are_found_however_far_apart_and_with_little_ground(self, pitch: float) -> None:
        drawn = dotted("713523", pitch)
        close = np.ascontiguousarray(drawn[round(pitch) : -round(pitch)])
        found = read(close, lines="many", characters="0123456789")
        assert (found.text, found.value > 0.5) == ("713523", True)

    def test_only_the_characters_that_are_allowed_are_read(self) -> None:
        assert read(label("472938"), lines="one", characters="0123456789").value > 0.8
        for other in ("BATCH", "EXP 2027-03"):
            found = read(label(other), lines="one", characters="0123456789")
            assert (found.value, found.text) == (0, None), other

    def test_print_that_nobody_could_read_is_not_read(self) -> None:
        clear = label("EXP 2027-03", "BATCH 4711")
        for smeared in (
            cv2.blur(clear, (45, 1)),
            cv2.GaussianBlur(clear, (0, 0), 9),
            cv2.blur(clear, (1, 41)),
        ):
            for part in (smeared[:60], smeared[60:]):
                assert read(np.asarray(part, np.uint8), lines="one").value == 0


DIGITS = ("3E5149453E", "00427F4000", "4261514946", "2141454B31", "1814127F10",
          "2745454539", "3C4A494930", "0171090503", "3649494936", "064949291E")  # fmt: skip


def dotted(text: str, pitch: float = 6.0) -> Pixels:
    """Digits of 5 x 7 separate dots, as an ink jet prints them; each byte is a column, its lowest
    bit the uppermost dot."""
    pixels = np.full((round(12 * pitch), round((7 * len(text) + 6) * pitch), 3), 215, np.uint8)
    for place, digit in enumerate(text):
        for column, bits in enumerate(bytes.fromhex(DIGITS[int(digit)])):
            for row in (row for row in range(7) if bits >> row & 1):
                at = (round((3 + 7 * place + column) * pitch), round((2.5 + row) * pitch))
                cv2.circle(pixels, at, round(0.36 * pitch), (60, 60, 60), -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.6), np.uint8)


def boxes_of(words: list[tuple[float, float, float, float]], angle_deg: float) -> list:  # type: ignore[type-arg]
    """Boxes (x, y, width, height) of a label turned about its middle, as the reader gives them."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    boxes = [np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]) for x, y, w, h in words]
    return [(box - (320, 120)) @ np.array([[c, s], [-s, c]]) + (320, 120) for box in boxes]


@pytest.mark.parametrize("angle_deg", [0, 1, -1, 3, -3, 8, -8, 20, -20])
@pytest.mark.parametrize(
    "words",
    [
        [(30, 60, 100, 40), (330, 60, 160, 40), (30, 130, 100, 40), (330, 130, 130, 40)],
        # lines 10 px apart, not quite level
        [(30, 60, 100, 40), (330, 64, 160, 36), (30, 110, 100, 40), (330, 106, 130, 40)],
        [
            (20, 60, 30, 20),
            (500, 60, 30, 20),
            (20, 90, 500, 20),
            (20, 120, 60, 20),
            (100, 122, 60, 20),
        ],
        [(20, 60, 90, 60), (130, 75, 40, 30), (20, 130, 90, 30)],  # a large word beside a small one
    ],
)
def test_words_are_read_line_by_line_however_the_label_is_turned(
    words: list, angle_deg: float
) -> None:  # type: ignore[type-arg]
    boxes = boxes_of(words, angle_deg)
    for shuffled in itertools.permutations(range(len(words))):
        assert [
            shuffled[place] for place in in_order([boxes[number] for number in shuffled])
        ] == list(range(len(words)))
