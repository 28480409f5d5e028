"""Colour: CIEDE2000 gives the published values, drawn colours have their known coordinates, a blind
view is a problem."""

import cv2
import numpy as np
import pytest

from node.tools.colour import _delta_e_2000, learn, measure
from schemas import Colour, Problem
from schemas.geometry import Circle
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(20, 30, 100, 80)

# L1 a1 b1 L2 a2 b2 dE00: table 1 of G. Sharma, W. Wu, E. N. Dalal 2005, The CIEDE2000
# color-difference formula
PAIRS = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
ROWS = [tuple(float(v) for v in line.split()) for line in PAIRS.strip().splitlines()]


def tool(**changes) -> Colour:  # type: ignore[no-untyped-def]
    return Colour(**({"name": "cap", "region": WHERE, "high": 2.0} | changes))


def plate(*bgr: float) -> Scene:
    return Scene.plain(160, 120, (bgr[0], bgr[1], bgr[2]))


def test_there_are_34_published_pairs() -> None:
    assert len(ROWS) == 34


@pytest.mark.parametrize("row", ROWS, ids=range(1, 35))
def test_the_published_differences_come_out_both_ways(row: tuple[float, ...]) -> None:
    one, two = (row[0], row[1], row[2]), (row[3], row[4], row[5])
    assert _delta_e_2000(one, two) == pytest.approx(row[6], abs=5e-5)
    assert _delta_e_2000(two, one) == pytest.approx(row[6], abs=5e-5)


@pytest.mark.parametrize(
    # sRGB red, green, blue (at 254 of 255: no channel burnt out) and a middle gray at D65
    ("bgr", "lab"),
    [
        ((0, 0, 254), (53.03, 79.87, 67.02)),
        ((0, 254, 0), (87.42, -85.95, 82.96)),
        ((254, 0, 0), (32.14, 78.97, -107.57)),
        ((119, 119, 119), (50.03, 0, 0)),
    ],
)
def test_coordinates_are_those_of_srgb_at_d65(
    bgr: tuple[float, ...], lab: tuple[float, ...]
) -> None:
    view = plate(*bgr).frame().view(WHERE)
    values = [measure(view, tool(value=value), None).value for value in ("lightness", "a", "b")]
    assert values == pytest.approx(lab, abs=0.1)


def test_noise_moves_the_mean_by_less_than_a_fifth_of_what_is_visible() -> None:
    learned = learn(plate(60, 90, 160).frame().view(WHERE), tool())
    assert measure(plate(60, 90, 160).frame(5, 1).view(WHERE), tool(), learned).value < 0.2


def test_the_difference_to_the_master_is_that_of_the_two_colours() -> None:
    learned = learn(plate(60, 90, 160).frame(5).view(WHERE), tool())
    labs = [
        cv2.cvtColor(np.float32([[bgr]]) / np.float32(255), cv2.COLOR_BGR2Lab)[0, 0]
        for bgr in ((60, 90, 160), (70, 90, 150))
    ]
    wanted = _delta_e_2000(*(tuple(float(v) for v in lab) for lab in labs))  # type: ignore[arg-type]
    assert wanted > 2
    assert measure(
        plate(70, 90, 150).frame(5, 1).view(WHERE), tool(), learned
    ).value == pytest.approx(wanted, abs=0.2)


def test_a_given_reference_needs_no_master() -> None:
    given = tool(reference={"lightness": 53.03, "a": 79.87, "b": 67.02})
    assert not given.needs_master
    assert measure(plate(0, 0, 254).frame().view(WHERE), given, None).value < 0.1
    assert tool().needs_master
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(plate(60, 90, 160).frame().view(WHERE), tool(), None)


def test_only_pixels_that_count_are_averaged() -> None:
    scene = plate(60, 90, 160).disc(70, 70, 20, (200, 40, 40))
    learned = learn(plate(60, 90, 160).frame().view(WHERE), tool())
    assert measure(scene.frame().view(WHERE), tool(), learned).value > 3
    assert (
        measure(
            scene.frame().view(WHERE, ignore=(Circle(x=70, y=70, radius=22),)), tool(), learned
        ).value
        < 0.1
    )


def test_a_gray_camera_is_a_problem() -> None:
    with pytest.raises(Problem, match="IMAGE_INVALID"):
        measure(Scene.plain(160, 120, 90.0).frame().view(WHERE), tool(value="a"), None)


@pytest.mark.parametrize("level", [0, 255])
def test_black_and_burnt_out_views_have_no_colour(level: float) -> None:
    for scene in (
        plate(level, level, level),
        plate(60, 90, 160).rectangle(20, 30, 60, 80, (level, level, level)),
    ):
        with pytest.raises(Problem, match="NO_CONTRAST"):
            measure(scene.frame().view(WHERE), tool(value="lightness"), None)


@pytest.mark.parametrize("bgr", [(60, 140, 255), (255, 255, 90), (40, 255, 180), (255, 40, 60)])
def test_a_colour_with_a_channel_burnt_out_is_not_known(bgr: tuple[float, float, float]) -> None:
    """Whatever the light was beyond 255, the camera says the same: such a master teaches nothing,
    such a part gives no number."""
    with pytest.raises(Problem, match=r"NO_CONTRAST.*burnt out"):
        learn(plate(*bgr).frame(2).view(WHERE), tool())
    learned = learn(
        plate(*(min(level, 245) for level in bgr)).frame(2).view(WHERE), tool(high=20.0)
    )
    for value in ("delta_e", "lightness", "a", "b"):
        with pytest.raises(Problem, match=r"NO_CONTRAST.*burnt out"):
            measure(plate(*bgr).frame(2, 1).view(WHERE), tool(value=value, high=20.0), learned)


def test_a_highlight_is_no_burnt_out_colour() -> None:
    learned = learn(plate(60, 90, 160).frame().view(WHERE), tool())
    shine = plate(60, 90, 160).disc(70, 70, 9, (255, 255, 255))
    assert measure(shine.frame(2).view(WHERE), tool(), learned).value > 1
