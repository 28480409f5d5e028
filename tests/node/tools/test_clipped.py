"""What a sensor cuts off is not known: an edge beside something burnt out or black has no place; a
threshold that runs through one surface counts nothing; pale print is not a weak lamp."""

import numpy as np
import pytest

from node.frame import Frame
from node.measurement import Given, Measurement
from node.tools import area, blobs, circle, difference, distance, edge, line, pitch, width
from schemas import (
    Area,
    Blobs,
    CircleTool,
    Difference,
    Distance,
    Edge,
    Line,
    Pitch,
    Problem,
    Width,
)
from schemas.trigger import EMPTY
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(40, 40, 120, 60)
GAINS = (1.0, 1.3, 1.5, 1.8, 2.6)
WHITE_FROM = 255 / 180  # times the light, the lighter of the two levels is white


def bar(blur: float, ground: float, level: float, size: float = 20.0) -> Scene:
    scene = Scene.plain(200, 140, ground).rectangle(90.37, -5, size, 150, level)
    return scene.blurred(blur)


@pytest.mark.parametrize("blur", [0.8, 1.5, 2.5])
@pytest.mark.parametrize(("ground", "level"), [(60.0, 180.0), (180.0, 60.0)])
def test_a_width_beside_white_is_right_or_no_value(
    blur: float, ground: float, level: float
) -> None:
    """At 2.6 times the light the bar read 2 to 5 px too wide, or too narrow on a light ground."""
    tool = Width(name="w", region=WHERE, low=0.0)
    for seed, gain in enumerate(GAINS):
        view = bar(blur, ground, level).lit(gain).frame(2, seed).view(WHERE)
        if gain < WHITE_FROM:
            assert width.measure(view, tool).value == pytest.approx(20, abs=0.1)
        else:
            with pytest.raises(Problem, match=r"NO_VALUE.*burnt out"):
                width.measure(view, tool)


def test_a_width_beside_black_is_right_or_no_value() -> None:
    tool = Width(name="w", region=WHERE, low=0.0)
    scene = bar(1.5, 180.0, 60.0)
    assert width.measure(scene.lit(1, -40).frame(2).view(WHERE), tool).value == pytest.approx(
        20, abs=0.1
    )
    with pytest.raises(Problem, match=r"NO_VALUE.*black"):
        width.measure(scene.lit(1, -90).frame(2).view(WHERE), tool)
    with pytest.raises(Problem, match=r"NO_VALUE.*black"):  # so also when the program is loaded
        width.learn(scene.lit(1, -90).frame(2).view(WHERE), tool)


def test_white_that_was_drawn_is_no_more_than_white() -> None:
    """Binary prints, screenshots and drawings have no noise, and nothing was cut off."""
    tool = Width(name="w", region=WHERE, low=0.0)
    for ground, level in ((255.0, 60.0), (255.0, 0.0), (60.0, 255.0)):
        view = Scene.plain(200, 140, ground).rectangle(90.37, -5, 20, 150, level).frame()
        assert width.measure(view.view(WHERE), tool).value == pytest.approx(20, abs=0.1)
    # and a white that noise still tells from the end of the range is no burnt out one
    view = bar(1.0, 60.0, 253.0).frame(3, 1)
    assert width.measure(view.view(WHERE), tool).value == pytest.approx(20, abs=0.1)


def test_circle_edge_and_line_beside_white_tell_no_place_but_an_angle_and_a_pitch() -> None:
    round_ = Scene.plain(200, 200, 60.0).disc(100.3, 99.6, 40, 180.0).blurred(1.5)
    tool = CircleTool(name="c", region=region(40, 40, 120, 120), low=0.0)
    for gain in GAINS:
        view = round_.lit(gain).frame(2, 1).view(tool.region)
        if gain < WHITE_FROM:
            assert circle.measure(view, tool).value == pytest.approx(80, abs=0.1)
        else:
            with pytest.raises(Problem, match=r"NO_VALUE.*burnt out"):
                circle.measure(view, tool)
        place = tool.model_copy(update={"value": "centre_distance"})
        learned = circle.learn(round_.frame(2).view(tool.region), place)
        assert circle.measure(view, place, learned).value < 0.1
    lit = bar(1.5, 60.0, 180.0).lit(2.0).frame(2, 1).view(WHERE)
    with pytest.raises(Problem, match=r"NO_VALUE.*burnt out"):
        edge.measure(lit, Edge(name="e", region=WHERE, low=0.0))
    left, right = (
        line.measure(
            lit,
            Line(name=name, region=WHERE, low=-9.0, polarity=polarity),  # type: ignore[arg-type]
        )
        for name, polarity in (("l", "dark_to_light"), ("r", "light_to_dark"))
    )
    assert left.value == pytest.approx(0, abs=0.1)
    given: dict[str, Measurement | None] = {"l": left, "r": right}
    with pytest.raises(Problem, match=r"NO_VALUE.*burnt out"):
        distance.measure(
            None, Distance(name="d", first="l", second="r", low=0.0), None, Given(EMPTY, given, {})
        )
    comb = Scene.plain(200, 140, 60.0)
    for tooth in range(5):
        comb = comb.rectangle(50.2 + 21.4 * tooth, -5, 9, 150, 180.0)
    view = comb.blurred(1.2).lit(1.8).frame(2, 1).view(WHERE)
    assert pitch.measure(view, Pitch(name="p", region=WHERE, low=0.0)).value == pytest.approx(
        21.4, abs=0.05
    )


SQUARE = region(40, 30, 120, 120)
CARDS = {
    "a gray card": Scene.plain(200, 180, 120.0),
    "a card in slanting light": Scene.plain(200, 180, 120.0).lit(ramp=0.6),
    "a light card": Scene.plain(200, 180, 150.0),
}


@pytest.mark.parametrize("card", CARDS)
def test_a_card_before_the_lens_has_no_area_and_no_blob(card: str) -> None:
    """A threshold between two things runs through a surface that shows only one: its noise and
    shading were an area of 0.4 of the region, and one blob."""
    master = Scene.plain(200, 180, 60.0).disc(100, 90, 40, 180.0).frame(3)
    shown: Frame = CARDS[card].frame(3, 1)
    kinds = (
        Area(name="a", region=SQUARE, low=0.9),
        Area(name="a", region=SQUARE, low=0.2, relative_to="region", threshold=120),
        Blobs(name="b", region=SQUARE, polarity="light", low=1.0),
        Blobs(name="b", region=SQUARE, polarity="light", threshold=120, low=1.0, high=1.0),
    )
    for tool in kinds:
        kind = area if tool.kind == "area" else blobs
        learned = kind.learn(master.view(SQUARE), tool)
        assert kind.measure(master.view(SQUARE), tool, learned).value > 0.2
        if tool.kind == "area" and card == "a light card":
            continue  # all of it is light, and so it is reported
        with pytest.raises(Problem, match=r"NO_CONTRAST.*(one surface|one value)"):
            kind.measure(shown.view(SQUARE), tool, learned)


def test_a_part_that_is_missing_has_an_area_of_nothing() -> None:
    master = Scene.plain(200, 180, 60.0).disc(100, 90, 40, 180.0).frame(3)
    empty = Scene.plain(200, 180, 60.0).frame(3, 1).view(SQUARE)
    tools = (
        Area(name="a", region=SQUARE, low=0.9),
        Blobs(name="b", region=SQUARE, polarity="light", low=1.0),
    )
    assert area.measure(empty, tools[0], area.learn(master.view(SQUARE), tools[0])).value < 0.01
    assert blobs.measure(empty, tools[1], blobs.learn(master.view(SQUARE), tools[1])).value == 0


PRINT = region(20, 20, 160, 130)


def test_pale_print_and_haze_are_no_lamp_that_ages() -> None:
    """A whole print at 0.4 of its contrast was taken for a change of light, and nothing
    differed."""
    tool = Difference(name="d", region=PRINT)
    scene = Scene.plain(200, 170, 170.0)
    for row in range(4):
        for column in range(6):
            if (row + column) % 3:
                scene = scene.rectangle(30 + 24 * column, 32 + 29 * row, 14, 17, 40.0)
    master = scene.frame(2)
    learned = difference.learn(master.view(PRINT), tool)
    dice = np.random.default_rng(1)
    for gain in (0.3, 0.5, 0.8, 1.2):
        lamp = scene.lit(gain, ramp=float(dice.uniform(-0.2, 0.2))).frame(2, 1)
        assert difference.measure(lamp.view(PRINT), tool, learned).value == 0
    for share in (0.25, 0.4, 0.55):
        for towards in (170.0, 105.0):  # what ink leaves pale, and what haze lays over everything
            pale = scene.lit(share, (1 - share) * towards).frame(2, 1)
            with pytest.raises(Problem, match=r"NO_CONTRAST.*pale print"):
                difference.measure(pale.view(PRINT), tool, learned)
    # stray light on all of it leaves the contrast
    assert difference.measure(scene.lit(0.9, 30).frame(2, 1).view(PRINT), tool, learned).value == 0
