"""What is seen of a pattern must fix its place: lines that run on beyond it agree anywhere along
them."""

import pytest

from node.locators.pattern import find, learn
from schemas import Pattern, Problem
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(220, 150, 200, 150)
TRACES = Scene.plain(640, 480, 230.0).rectangle(-5, 164, 700, 18, 30.0)
TRACES = TRACES.rectangle(-5, 196, 700, 18, 30.0)
BOARD = (
    TRACES.rectangle(-5, 234, 300, 34, 30.0)
    .disc(256, 270, 34, 30.0)
    .disc(256, 270, 13, 230.0)
    .rectangle(372, 200, 18, 300, 30.0)
)


@pytest.mark.parametrize("angle_deg", [0, 15, 180])
def test_parallel_lines_alone_are_no_part_though_most_of_its_contrast_lies_along_them(
    angle_deg: float,
) -> None:
    wanted = Pattern(region=WHERE, angle_deg=angle_deg, alone=False)
    learned = learn(BOARD.frame(3), wanted)
    bars = TRACES.rectangle(-5, 234, 700, 200, 30.0)  # the same lines, and nothing across
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        find(bars.blurred(0.8).frame(4, 2), wanted, learned)
    assert find(BOARD.blurred(0.8).frame(4, 2), wanted, learned).score > 0.95


@pytest.mark.parametrize("angle_deg", [0, 15])
def test_a_part_of_which_a_fifth_is_covered_is_found_whatever_is_under_it(angle_deg: float) -> None:
    wanted = Pattern(region=WHERE, angle_deg=angle_deg, alone=False)
    learned = learn(BOARD.frame(3), wanted)
    for x, y in ((256, 270), (380, 240), (320, 190)):  # the pad, what goes down, the lines
        pose = find(BOARD.disc(x, y, 44, 120.0).frame(4, 3), wanted, learned)
        assert (pose.x, pose.y) == pytest.approx(WHERE.centre, abs=1)
