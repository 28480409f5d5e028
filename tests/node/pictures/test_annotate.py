"""The annotated picture: everything that was found is in it, whatever the size of the picture and
the number of tools."""

import cv2
import numpy as np
import pytest

from node.frame import Frame
from node.judge import judge
from node.locate import locate
from node.measure import measure
from node.part import Part
from node.pictures.annotate import COLOURS, PAPER, annotate, limits_of, shown
from node.pictures.failed_at import failed_at
from node.program import load
from node.seen import Inspection
from schemas import Problem, ToolResult, Trigger, as_program
from tests.rooms.pictures.scenes import Scene


def inspected(frame: Frame, *tools: dict[str, object], judged: bool = True) -> Inspection:
    """A part inspected without a master."""
    document = {"schema": "program/1", "id": "p", "name": "P", "tools": list(tools)}
    loaded = load(as_program(document), 1, "", None)
    found = Inspection(Part(1, "s", "t", Trigger(), False, "api", 0.0, 0), loaded, frame)
    found.pose, found.placement = locate(frame, None, None)
    found.findings = measure(frame, found.placement, loaded)
    if judged:
        found.verdict, found.fault = judge(found, loaded)
    return found


def bright(
    name: str, x: int, y: int, width: int, height: int, **limits: float
) -> dict[str, object]:
    region = {"x": x, "y": y, "width": width, "height": height}
    return {"kind": "brightness", "name": name, "region": region, **(limits or {"low": 1.0})}


def circle(name: str, x: float, y: float) -> dict[str, object]:
    return {
        "kind": "circle",
        "name": name,
        "region": {"shape": "circle", "x": x, "y": y, "radius": 34},
        "low": 10.0,
    }


HOLES = Scene.plain(400, 300, 60.0).disc(110, 150, 20, 200.0).disc(290, 150, 20, 200.0)


def changed(found: Inspection) -> np.ndarray:
    """The pixels in which the picture differs from the frame: height x width."""
    assert found.frame is not None
    return np.any(annotate(found) != found.frame.gray[:, :, None], axis=2)


@pytest.mark.parametrize(
    "size", [(640, 480), (1280, 960), (64, 48), (8, 8), (2, 2), (300, 20), (12, 600)]
)
def test_the_picture_keeps_the_frames_size_whatever_it_is(size: tuple[int, int]) -> None:
    frame = Scene.plain(*size, 90.0).frame(3)
    found = inspected(
        frame, bright("a", 0, 0, 1, 1), bright("b", 0, 0, size[0], size[1], high=10.0)
    )
    assert annotate(found).shape == (size[1], size[0], 3)
    assert frame.pixels.ndim == 2


def test_the_distance_of_two_circles_is_drawn_from_centre_to_centre() -> None:
    gap = {"kind": "distance", "name": "gap", "first": "one", "second": "other", "low": 0.0}
    tools = [circle("one", 110, 150), circle("other", 290, 150)]
    between = (150, slice(146, 255))
    assert not changed(inspected(HOLES.frame(), *tools))[between].all()
    assert changed(inspected(HOLES.frame(), *tools, gap))[between].all()


def test_labels_do_not_lie_on_each_other() -> None:
    frame = Scene.plain(640, 480, 90.0).frame()
    good = changed(inspected(frame, bright("a", 300, 200, 40, 40))).sum()
    bad = [bright(f"n{n}", 300, 200, 40, 40, high=1.0) for n in range(8)]
    label = changed(inspected(frame, bad[0])).sum() - good
    many = changed(inspected(frame, *bad)).sum() - good
    assert many > 6 * label > 6000  # all eight boxes are seen, though all belong to one place


def test_only_what_is_not_good_has_a_label() -> None:
    frame = Scene.plain(640, 480, 90.0).frame()
    without = changed(inspected(frame, bright("a", 300, 200, 40, 40)))
    assert (
        without[40:190].sum() == 0
    )  # no words near it: nothing but its outline, and the verdict in its corner
    good = bright("b", 100, 200, 40, 40)
    failed = changed(inspected(frame, bright("a", 300, 200, 40, 40, high=1.0), good))
    assert failed[40:190, 280:].sum() > 1000
    assert failed[40:190, :280].sum() == 0


@pytest.mark.parametrize("verdict", ["OK", "NG", "ERROR"])
def test_an_outline_shows_on_any_colour(verdict: str) -> None:
    tool = {"OK": bright("a", 300, 200, 40, 40), "NG": bright("a", 300, 200, 40, 40, high=0.0)}.get(
        verdict
    )
    lens = {
        "kind": "circle",
        "name": "a",
        "region": {"x": 300, "y": 200, "width": 40, "height": 40},
        "low": 1.0,
    }
    for under in [
        *COLOURS.values(),
        (70, 170, 40),
        (30, 90, 30),
        (255, 255, 255),
        (3, 3, 3),
        (128, 128, 128),
    ]:
        frame = Frame(np.full((480, 640, 3), under, np.uint8), 0, 0.0, "given", simulated=True)
        found = inspected(frame, tool or lens)
        assert found.findings[0].result.verdict == verdict or max(under) == 255
        left = annotate(found)[215, 290:310].astype(float) @ (
            0.114,
            0.587,
            0.299,
        )  # across the left side of the region
        plain = np.dot(under, (0.114, 0.587, 0.299))
        assert np.abs(left - plain).max() > 100


def test_as_many_tools_as_a_program_may_have_are_drawn() -> None:
    tools = [bright(f"tool_{n}", 10 * (n % 8) * 7, 50 * (n // 8), 60, 40) for n in range(64)]
    found = inspected(Scene.plain(640, 480, 90.0).frame(2), *tools)
    assert changed(found).mean() > 0.2


def test_a_part_that_was_not_found_shows_where_it_was_looked_for() -> None:
    master = Scene.plain(320, 240, 60.0).part(100, 70)
    search = {"x": 60, "y": 40, "width": 200, "height": 180}
    document = {
        "schema": "program/1",
        "id": "p",
        "name": "P",
        "master": "m.png",
        "locator": {
            "kind": "pattern",
            "region": {"x": 105, "y": 75, "width": 90, "height": 80},
            "search": search,
        },
        "tools": [bright("a", 100, 70, 20, 20)],
    }
    loaded = load(as_program(document), 1, "", bytes(cv2.imencode(".png", master.pixels())[1]))
    frame = Scene.plain(320, 240, 60.0).frame()
    found = Inspection(Part(1, "s", "t", Trigger(), False, "api", 0.0, 0), loaded, frame)
    with pytest.raises(Problem) as raised:
        locate(frame, loaded.program.locator, loaded.locator)
    found.fail(raised.value)
    seen = changed(found)
    assert seen[120:200, 60].all()
    assert seen[120:200, 259].all()


def test_of_two_parts_both_places_are_drawn() -> None:
    document = {
        "schema": "program/1",
        "id": "p",
        "name": "P",
        "master": "m.png",
        "locator": {"kind": "pattern", "region": {"x": 20, "y": 20, "width": 90, "height": 80}},
        "tools": [bright("a", 100, 70, 20, 20)],
    }
    master = Scene.plain(400, 300, 60.0).part(10, 10)
    loaded = load(as_program(document), 1, "", bytes(cv2.imencode(".png", master.pixels())[1]))
    frame = Scene.plain(400, 300, 60.0).part(20, 30).part(240, 160).frame(2)
    found = Inspection(Part(1, "s", "t", Trigger(), False, "api", 0.0, 0), loaded, frame)
    with pytest.raises(Problem) as raised:
        locate(frame, loaded.program.locator, loaded.locator)
    found.fail(raised.value)
    seen = changed(found)
    for x, y in ((30, 40), (250, 170)):  # where the pattern lies in either part
        assert seen[y + 10 : y + 70, x].all()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "px", "-"),
        (0.0, "count", "0"),
        (12.0, "count", "12"),
        (1.2345678, "ratio", "1.235"),
        (0.00123456, "ratio", "0.0012"),
        (123456.7, "px", "123457 px"),
        (100.0, "px", "100 px"),
        (-0.25, "deg", "-0.25°"),
        (43.8412, "px", "43.84 px"),
    ],
)
def test_values_are_written_with_four_digits_and_their_unit(
    value: float | None, unit: str, text: str
) -> None:
    assert shown(value, unit) == text


def test_what_is_shown_close_beside_the_verdict_has_no_label_on_it() -> None:
    frame = Scene.plain(1000, 500, 90.0).frame(3)
    found = inspected(frame, bright("dark", 450, 200, 100, 60, low=200.0))
    place = failed_at(found)
    assert place is not None
    left, top, width, height = place
    paper = np.round(0.18 * 90 + 0.82 * np.array(PAPER, float))
    labels = (np.abs(annotate(found) - paper) < 1.5).all(axis=2)
    close = labels[top // 2 : (top + height) // 2, left : left + width]
    assert labels.sum() > 1000, "the label is drawn"
    assert close.sum() < 50, "and elsewhere; strokes have an edge or two of that colour"


def test_limits_are_written_in_signs() -> None:
    result = ToolResult(
        name="a",
        kind="b",
        verdict="OK",
        value=1.0,
        unit="px",
        low=None,
        high=2.5,
        ms=1.0,
        text=None,
        error=None,
    )
    assert limits_of(result) == "≤ 2.5"
    assert limits_of(result.model_copy(update={"low": 1.0})) == "1 – 2.5"
    assert limits_of(result.model_copy(update={"low": 1.0, "high": None})) == "≥ 1"
