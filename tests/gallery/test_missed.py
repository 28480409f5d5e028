"""No program of the gallery, and no example that ships, misses more than its table says or calls
something else OK."""

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from node.faults.challenge import inspected
from node.faults.drawn import faults
from node.frame import Pixels
from tests.gallery import missed, pictures
from tests.gallery.missed import Challenged

# as the table has them: to draw all cases takes seconds, for every process that collects tests
TABLE = missed.table()
NAMES = sorted(TABLE)


@cache
def challenged(name: str) -> Challenged:
    needed = missed.extra(name)
    if needed is not None and find_spec(needed) is None:
        told = f"{needed} of the extra {name} is not installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    return missed.program(name)


@cache
def others() -> dict[str, Pixels]:
    """Pictures of other parts and of no part, 640 x 480 px: the parts of all programs are among
    them."""
    dice = np.random.default_rng(3)
    found = {
        "board": pictures.board(),
        "plate": pictures.plate().pixels(3, 0),
        "blister": pictures.blister().pixels(3, 0),
        "label": pictures.label("BATCH 1234", "EXP 2031-12"),
        "code": pictures.on_table(pictures.read(pictures.DATA / "codes" / "ean13-34.webp")),
        "drawn line": missed.program("drawn line").good,
        "screws": pictures.read(pictures.SCREWS / "11_1111.jpg"),
        "printed board": pictures.read(pictures.DATA / "pcb" / "20085107_temp.jpg"),
        "soft noise": cv2.GaussianBlur(
            dice.integers(0, 256, (480, 640, 3), dtype=np.uint8), (0, 0), 4
        ),
        "dark": dice.integers(0, 12, (480, 640, 3), dtype=np.uint8),
        "light": dice.integers(244, 256, (480, 640, 3), dtype=np.uint8),
    }
    return {name: np.ascontiguousarray(pixels, np.uint8) for name, pixels in found.items()}


SAME = {  # the part of a program, so OK is right
    "drawn line": {"area", "brightness", "outline", "colour", "compare", "contrast", "expression"},
    "screws": {"colour_area", "edge_pixels", "count", "classify"},
    "blister": {"blobs"},
    "plate": {"corner"},
    "board": {"pattern"},
}


def test_the_table_has_every_program_and_no_other() -> None:
    assert sorted(missed.names()) == NAMES, "run .venv/bin/python -m tests.gallery.missed"


@pytest.mark.parametrize("name", NAMES)
def test_a_program_misses_only_what_its_table_says_and_each_of_it_has_a_reason(name: str) -> None:
    new = {
        fault for fault in missed.missed(challenged(name)) if not missed.need_not(name, fault)
    } - set(TABLE[name])
    assert new == set(), (
        f"{name} misses what it did not miss before; if that is right: .venv/bin/python -m"
        f" tests.gallery.missed {name!r}"
    )
    worry = [fault for fault in TABLE[name] if missed.reason(name, fault) is None]
    assert not worry, "\n".join(missed.told(name, worry))
    drawn = {
        f"{each.kind} at {each.tool}" if each.tool else each.kind
        for each in faults(challenged(name).good, challenged(name).program)
    }
    assert set(TABLE[name]) <= drawn, "run .venv/bin/python -m tests.gallery.missed"


@pytest.mark.parametrize("name", NAMES)
def test_a_program_calls_no_other_part_ok(name: str) -> None:
    found = challenged(name)
    wrong = []
    for other, pixels in others().items():
        if other == name or name in SAME.get(other, ()):
            continue
        shown = (
            cv2.resize(pixels, found.good.shape[1::-1])
            if pixels.shape[:2] != found.good.shape[:2]
            else pixels
        )
        gray = (
            cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY)
            if found.good.ndim == 2 and shown.ndim == 3
            else shown
        )
        if inspected(found.program, np.ascontiguousarray(gray)).verdict == "OK":
            wrong.append(other)
    assert wrong == []


def test_what_a_program_misses_without_a_reason_is_said_first_and_what_to_do_about_it() -> None:
    lines = missed.told("area", ["dust", "no reason for this"])
    assert lines[0] == "area misses 2 faults, 1 of them without a reason"
    assert lines[1].startswith("  NO REASON: no reason for this: let the tool refuse it, or say")
    assert lines[2] == f"  dust: {missed.REASONS['dust']}"


def test_a_case_may_give_the_reason_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "own", lambda name: {"part missing": "paper is as light"})
    assert missed.reason("area", "part missing") == "paper is as light"
    monkeypatch.undo()
    assert missed.reason("area", "part missing") is None


def test_a_good_part_that_is_not_ok_is_said_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    whole = missed.program("drawn line")
    dark = whole._replace(good=np.zeros_like(whole.good))
    table = tmp_path / "missed.json"
    table.write_text("{}")
    monkeypatch.setattr(missed, "TABLE", table)
    monkeypatch.setattr(missed, "program", lambda name: dark)
    assert missed.main(["drawn line"]) == 1
    assert "drawn line: its good part is ERROR: " in capsys.readouterr().err
    assert table.read_text() == "{}"
