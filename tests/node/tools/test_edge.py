"""Edge: its place on the part wherever the part lies, and how many there are."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.frame import Placement
from node.measurement import Given, Measurement
from node.tools.edge import learn, measure
from schemas import Edge, Problem, Scale
from schemas.geometry import RotatedRectangle
from schemas.trigger import EMPTY
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(100, 60, 120, 40)
PLAIN = Scene.plain(320, 240, 60.0)
# edges at 130.3, 150.3, 183 and 197
TWO = bar(bar(PLAIN, 140.3, 90, 20, 200, 120.0), 190.0, 90, 14, 200, 200.0)


def tool(**changes) -> Edge:  # type: ignore[no-untyped-def]
    return Edge(**({"name": "e", "region": WHERE, "low": 0.0} | changes))


def measured(
    scene: Scene,
    placement: Placement = Placement(),  # noqa: B008
    noise: float = 3.0,
    **changes,
) -> Measurement:  # type: ignore[no-untyped-def]
    settings = tool(**changes)
    return measure(
        scene.frame(noise, 1).view(settings.region, placement, settings.ignore), settings
    )


@pytest.mark.parametrize(
    ("polarity", "which", "x"),
    [
        ("dark_to_light", "first", 130.3),
        ("dark_to_light", "last", 183.0),
        ("light_to_dark", "first", 150.3),
        ("light_to_dark", "last", 197.0),
        ("any", "first", 130.3),
        ("any", "last", 197.0),
        ("dark_to_light", "strongest", 183.0),
        ("light_to_dark", "strongest", 197.0),
    ],
)
def test_the_edge_that_was_asked_for_is_measured(polarity: str, which: str, x: float) -> None:
    found = measured(TWO, polarity=polarity, which=which)
    assert found.value == pytest.approx(x - 100, abs=0.05)
    assert found.feature is not None
    assert (found.feature.x, found.feature.y) == pytest.approx((x, 79.5), abs=0.05)
    (mark,) = found.marks()
    assert mark.points[:, 0] == pytest.approx([x, x], abs=0.05)


@pytest.mark.parametrize(
    ("polarity", "count"), [("any", 4), ("dark_to_light", 2), ("light_to_dark", 2)]
)
def test_edges_are_counted(polarity: str, count: int) -> None:
    found = measured(TWO, polarity=polarity, value="count")
    assert found.value == count
    assert len(found.marks()) == count
    assert tool(value="count").unit == "count"


def test_no_edge_in_a_picture_with_something_in_it_is_a_count_of_zero() -> None:
    assert measured(PLAIN, noise=4, value="count").value == 0


def test_no_edge_in_a_region_of_one_gray_level_is_no_count() -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measured(PLAIN, noise=0, value="count")


def test_an_edge_of_the_wrong_polarity_is_a_problem_that_says_so() -> None:
    rising = bar(PLAIN, 260, 80, 200, 200, 160.0)
    with pytest.raises(
        Problem, match="no edge light to dark of at least 20 gray levels; 1 of the other polarity"
    ):
        measured(rising, polarity="light_to_dark")
    with pytest.raises(Problem, match="no edge light to dark"):
        learn(rising.frame(3).view(WHERE), tool(polarity="light_to_dark"))


@settings(max_examples=20, deadline=None)
@given(
    dx=st.floats(-20, 20),
    dy=st.floats(-20, 20),
    angle_deg=st.sampled_from([0.0, 0.0, 3.0, -15.0, 90.0, 170.0]),
)
def test_the_place_on_the_part_does_not_change_when_the_part_moves(
    dx: float, dy: float, angle_deg: float
) -> None:
    placement = Placement(dx, dy, angle_deg, 1.0, 160.0, 100.0)
    x, y = placement.matrix @ (165.25, 80.0, 1.0)
    scene = bar(PLAIN, x, y, 50, 120, 180.0, angle_deg)
    found = measured(scene, placement, noise=0, polarity="dark_to_light")
    assert found.value == pytest.approx(40.25, abs=0.06)


def test_a_part_that_is_seen_larger_measures_larger() -> None:
    placement = Placement(0, 0, 0.0, 1.2, 100.0, 79.5)
    scene = bar(PLAIN, 100 + 1.2 * 65, 79.5, 1.2 * 50, 150, 180.0)
    assert measured(scene, placement, polarity="dark_to_light").value == pytest.approx(
        1.2 * 40, abs=0.05
    )


@pytest.mark.parametrize("angle_deg", [30.0, -60.0, 90.0, 200.0])
def test_a_turned_region_scans_along_its_own_axis(angle_deg: float) -> None:
    where = RotatedRectangle(x=160, y=120, width=101, height=31, angle_deg=angle_deg)
    scene = bar(PLAIN, 160, 120, 40.5, 200, 180.0, angle_deg)
    assert measured(scene, region=where, polarity="dark_to_light").value == pytest.approx(
        50 - 20.25, abs=0.05
    )


def test_a_region_may_be_scanned_down() -> None:
    scene = bar(PLAIN, 160, 120.25, 200, 30, 180.0)
    found = measured(scene, region=region(140, 90, 40, 60), scan="down", polarity="dark_to_light")
    assert found.value == pytest.approx(105.25 - 90, abs=0.05)


def test_what_is_ignored_is_not_measured() -> None:
    found = measured(TWO, polarity="any", which="first", ignore=(region(120, 60, 40, 40),))
    assert found.value == pytest.approx(83, abs=0.05)


def test_mm_come_from_the_calibration_and_only_from_it() -> None:
    settings = tool(polarity="dark_to_light", which="first", unit="mm")
    view = TWO.frame(3).view(WHERE)
    assert settings.unit == "mm"
    given = Given(EMPTY, {}, {}, Scale(mm_per_px=0.05))
    assert measure(view, settings, None, given).value == pytest.approx(30.3 * 0.05, abs=0.003)
    with pytest.raises(Problem, match="calibration"):
        measure(view, settings, None, Given(EMPTY, {}, {}))


def test_a_count_has_no_mm() -> None:
    with pytest.raises(ValueError, match="tool e: a count is no length"):
        tool(value="count", unit="mm")


@pytest.mark.parametrize("smoothing_px", [1.0, 2.0])
@pytest.mark.parametrize("blur", [0.4, 0.8, 1.6, 2.5])
def test_an_edge_at_the_regions_border_is_right_or_a_problem(
    blur: float, smoothing_px: float
) -> None:
    told = 0
    for step in range(-8, 65, 4):
        x = 99.5 + step / 8  # the region's outer border is at 99.5
        scene = Scene.plain(320, 240, 60.0).rectangle(x, 0, 250, 240, 180.0).blurred(blur)
        tool = Edge(
            name="e",
            region=region(100, 60, 80, 60),
            low=0,
            which="first",
            smoothing_px=smoothing_px,
        )
        with contextlib.suppress(Problem):
            found = measure(scene.frame(3, step + 8).view(tool.region), tool).value
            assert found == pytest.approx(x - 100, abs=0.1)
            told += 1
    assert told >= 8
