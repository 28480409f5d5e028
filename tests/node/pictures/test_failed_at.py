"""The close-up shows the tool that decided the verdict, wherever the part lay, and there is none
where it would say nothing."""

import pytest

from node.frame import Placement
from node.pictures.failed_at import failed_at
from schemas.store.live_pictures import WHOLE
from tests.node.pictures.test_annotate import bright, inspected
from tests.rooms.pictures.scenes import Scene

FRAME = Scene.plain(1000, 500, 90.0).frame(3)
GOOD, BAD = {"low": 1.0}, {"low": 200.0}


def shares(place: tuple[int, ...]) -> tuple[float, float, float, float]:
    left, top, width, height = (part / WHOLE for part in place)
    return 1000 * left, 500 * top, 1000 * (left + width), 500 * (top + height)


def test_it_holds_the_first_tool_that_failed_and_little_else() -> None:
    found = inspected(
        FRAME,
        bright("fine", 10, 10, 60, 60, **GOOD),
        bright("dark", 600, 200, 100, 60, **BAD),
        bright("darker", 100, 300, 60, 60, **BAD),
    )
    place = failed_at(found)
    assert place is not None
    left, top, right, bottom = shares(place)
    assert left <= 600
    assert top <= 200
    assert right >= 699
    assert bottom >= 259
    assert (right - left) * (bottom - top) < 1000 * 500 / 10


def test_it_follows_the_part() -> None:
    found = inspected(FRAME, bright("dark", 600, 200, 100, 60, **BAD))
    here = failed_at(found)
    found.placement = Placement(dx=-300.0, dy=100.0)
    there = failed_at(found)
    assert here is not None
    assert there is not None
    assert shares(there)[0] == pytest.approx(shares(here)[0] - 300, abs=2)
    assert shares(there)[1] == pytest.approx(shares(here)[1] + 100, abs=2)


def test_a_place_beyond_the_edge_ends_there() -> None:
    place = failed_at(inspected(FRAME, bright("corner", 0, 0, 40, 40, **BAD)))
    assert place is not None
    assert place[:2] == (0, 0)
    assert place[0] + place[2] <= WHOLE


@pytest.mark.parametrize(
    "tools",
    [
        [bright("fine", 10, 10, 60, 60, **GOOD)],
        [bright("everything", 0, 0, 1000, 500, **BAD)],
        [],
    ],
    ids=["nothing failed", "all of the picture failed", "no tool looked"],
)
def test_there_is_none_where_it_would_say_nothing(tools: list[dict[str, object]]) -> None:
    found = inspected(FRAME, *(tools or [bright("fine", 10, 10, 60, 60, **GOOD)]))
    found.findings = found.findings if tools else ()
    assert failed_at(found) is None
