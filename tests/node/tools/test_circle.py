"""Circle: diameter, roundness and place to a fraction of a px, in regions of every shape."""

import math

import numpy as np
import pytest

from node.frame import Placement
from node.measurement import Given, Measurement
from node.tools.circle import learn, measure
from schemas import CircleTool, Problem, Scale
from schemas.geometry import Circle, Ring, RotatedRectangle
from schemas.trigger import EMPTY
from tests.rooms.pictures.scenes import Scene, region

PLAIN = Scene.plain(240, 200, 60.0)
RING = Ring(x=120, y=100, radius=60, inner_radius=22)
REGIONS = [
    RING,
    Circle(x=120, y=100, radius=62),
    region(58, 38, 125, 125),
    RotatedRectangle(x=120, y=100, width=125, height=125, angle_deg=30),
]


def tool(**changes) -> CircleTool:  # type: ignore[no-untyped-def]
    return CircleTool(**({"name": "c", "region": RING, "low": 0.0} | changes))


def measured(
    scene: Scene,
    noise: float = 3.0,
    seed: int = 1,
    placement: Placement = Placement(),  # noqa: B008
    **changes,
) -> Measurement:  # type: ignore[no-untyped-def]
    settings = tool(**changes)
    return measure(
        scene.frame(noise, seed).view(settings.region, placement, settings.ignore), settings
    )


@pytest.mark.parametrize("where", REGIONS)
def test_the_median_error_in_noise_is_below_a_twentieth_of_a_px(where: object) -> None:
    diameters, centres = [], []
    for seed in range(9):
        x, y, radius = 118 + 0.37 * seed, 98.5 + 0.29 * seed, 38 + 0.47 * seed
        found = measured(PLAIN.disc(x, y, radius, 120.0).blurred(0.7), 5.0, seed, region=where)
        assert found.feature is not None
        diameters.append(abs(found.value - 2 * radius))
        centres.append(math.hypot(found.feature.x - x, found.feature.y - y))
    assert np.median(diameters) < 0.05
    assert np.median(centres) < 0.05


@pytest.mark.parametrize("radius", [6.0, 12.5, 40.0])
@pytest.mark.parametrize("blur_px", [0.0, 1.0, 2.0])
def test_a_blur_does_not_make_a_circle_smaller(radius: float, blur_px: float) -> None:
    scene = PLAIN.disc(120.3, 100.2, radius, 170.0)
    scene = scene.blurred(blur_px) if blur_px else scene
    found = measured(scene, 0.0, region=Circle(x=120, y=100, radius=radius + 12))
    assert found.value == pytest.approx(2 * radius, abs=0.02 if radius > 4 * blur_px else 0.12)


def test_the_circle_that_was_asked_for_is_measured() -> None:
    scene = PLAIN.disc(120, 100, 50, 200.0).disc(120, 100, 30.4, 90.0)
    where = Circle(x=121, y=99, radius=60)
    assert measured(scene, region=where, which="first").value == pytest.approx(60.8, abs=0.05)
    assert measured(scene, region=where, which="last").value == pytest.approx(100, abs=0.05)
    assert measured(scene, region=where, polarity="dark_to_light").value == pytest.approx(
        60.8, abs=0.05
    )
    assert measured(scene, region=where, which="strongest").value == pytest.approx(100, abs=0.05)


@pytest.mark.parametrize("gain", [0.4, 0.7, 1.2])
def test_light_does_not_matter(gain: float) -> None:
    assert measured(PLAIN.disc(120, 100, 40, 170.0).lit(gain, 8, ramp=0.2)).value == pytest.approx(
        80, abs=0.05
    )


@pytest.mark.parametrize("angle_deg", [0.0, 40.0])
def test_the_place_is_that_on_the_part_as_it_lies(angle_deg: float) -> None:
    settings = tool(value="centre_distance")
    master = PLAIN.disc(121.3, 99.4, 40, 170.0)
    learned = learn(master.frame(3).view(RING), settings)
    placement = Placement(7.3, -5.6, angle_deg, 1.0, 100.0, 100.0)
    x, y = placement.matrix @ (121.3 + 3.0, 99.4 - 1.0, 1.0)
    moved = PLAIN.disc(x, y, 40, 170.0).frame(3, 2)
    assert measure(moved.view(RING, placement), settings, learned).value == pytest.approx(
        math.hypot(3, 1), abs=0.05
    )
    assert settings.needs_master
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(moved.view(RING, placement), settings, None)


def test_roundness_of_a_circle_is_little_and_of_an_ellipse_the_difference_of_its_half_axes() -> (
    None
):
    assert measured(PLAIN.disc(120, 100, 40, 170.0), value="roundness").value < 0.2
    y, x = ((np.arange(size * 8) + 0.5) / 8 - 0.5 for size in (200, 240))
    inside = ((x - 120) / 41.5) ** 2 + ((y[:, None] - 100) / 40) ** 2 <= 1
    ellipse = PLAIN.painted(inside.reshape(200, 8, 240, 8).mean(axis=(1, 3)), 170.0)
    assert measured(ellipse, value="roundness").value == pytest.approx(1.5, abs=0.2)
    assert measured(ellipse).value == pytest.approx(81.5, abs=0.1)


@pytest.mark.parametrize("depth", [2.0, 8.0])
def test_a_dent_is_roundness_and_does_not_move_the_circle(depth: float) -> None:
    dented = PLAIN.disc(120.0, 100.0, 40, 170.0).disc(120.0 + 40 + 12 - depth, 100.0, 12, 60.0)
    # the rays beside its deepest point
    assert measured(dented, value="roundness").value == pytest.approx(depth, abs=0.7)
    assert measured(dented).value == pytest.approx(80, abs=0.1)


def test_half_a_circle_is_measured_if_that_is_enough() -> None:
    half = PLAIN.disc(120.0, 100.0, 40, 170.0).rectangle(0, 100, 240, 100, 60.0)
    assert measured(half, found_low=0.4).value == pytest.approx(80, abs=0.3)
    with pytest.raises(Problem, match="rays show an edge on one circle"):
        measured(half, found_low=0.8)


def test_the_share_is_of_the_rays_whose_rim_counts() -> None:
    half = PLAIN.disc(120.0, 100.0, 40, 170.0).rectangle(0, 100, 240, 100, 60.0)
    found = measured(half, found_low=0.9, ignore=(region(0, 97, 240, 103),))
    assert found.value == pytest.approx(80, abs=0.3)


@pytest.mark.parametrize(
    "scene",
    [
        PLAIN,
        PLAIN.rectangle(110, 0, 60, 200, 170.0),
        Scene.plain(240, 200, 100.0).clutter(4, 80),
        PLAIN.disc(120, 100, 12, 170.0),  # within the ring's hole
    ],
)
def test_what_is_no_circle_gives_no_number(scene: Scene) -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measured(scene, 4.0)
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(scene.frame(4).view(RING), tool())


def test_a_circle_of_the_wrong_polarity_is_a_problem_that_says_so() -> None:
    with pytest.raises(Problem, match="rays show an edge dark to light"):
        measured(PLAIN.disc(120, 100, 40, 170.0), polarity="dark_to_light")


def test_a_circle_in_mm() -> None:
    settings = tool(unit="mm")
    view = PLAIN.disc(120.2, 100.1, 40, 170.0).frame(3).view(RING)
    given = Given(EMPTY, {}, {}, Scale(mm_per_px=0.025))
    assert measure(view, settings, None, given).value == pytest.approx(2.0, abs=0.001)


def test_the_marks_are_the_circle_its_points_and_its_centre() -> None:
    rim, points, centre = measured(PLAIN.disc(120, 100, 40, 170.0)).marks()
    assert np.hypot(*(rim.points - (120, 100)).T) == pytest.approx(
        np.full(len(rim.points), 40), abs=0.1
    )
    assert len(points.points) == 72
    assert centre.points[0] == pytest.approx([120, 100], abs=0.1)


@pytest.mark.parametrize(("bite_px", "least"), [(2.0, 1.0), (4.0, 3.0), (8.0, 7.0)])
def test_a_narrow_bite_out_of_the_rim_is_roundness(bite_px: float, least: float) -> None:
    where = region(10, 10, 161, 161)
    for turn_deg in range(13, 360, 70):
        x, y = (90 + 60 * f(math.radians(turn_deg)) for f in (math.cos, math.sin))
        bitten = (
            Scene.plain(180, 180, 60.0)
            .disc(90, 90, 60, 180.0)
            .disc(x, y, bite_px, 60.0)
            .blurred(0.7)
        )
        found = measured(bitten, value="roundness", region=where).value
        assert least <= found <= bite_px + 0.5
    assert (
        measured(
            Scene.plain(180, 180, 60.0).disc(90, 90, 60, 180.0),
            5.0,
            value="roundness",
            region=where,
        ).value
        < 0.4
    )


@pytest.mark.parametrize("gap_deg", [30, 90, 120])
def test_a_disc_with_a_slice_missing_is_never_round(gap_deg: float) -> None:
    rows, columns = np.mgrid[:240, :320]
    x, y = columns - 160.3, rows - 120.6
    dark = 0.5 - 0.5 * np.tanh((np.hypot(x, y) - 50) / 0.8)
    missing = np.abs(np.degrees(np.arctan2(y, x))) < gap_deg / 2
    scene = Scene(190.0 - 130.0 * np.where(missing, 0.0, dark)).blurred(0.6)
    where = Circle(x=162.0, y=118.0, radius=70.0)
    settings_ = CircleTool(
        name="c", region=where, value="roundness", polarity="dark_to_light", low=0.0, high=1.0
    )
    try:
        value = measure(scene.frame(3, 1).view(where), settings_).value
    except Problem:
        return
    assert value > 1.0


@pytest.mark.parametrize("bite_px", [16, 24, 40])
@pytest.mark.parametrize("colour", [60.0, 180.0])  # a piece missing, and one too many
def test_a_rim_that_is_missing_in_a_ring_is_never_round(bite_px: int, colour: float) -> None:
    spoilt = Scene.plain(240, 240, 60.0).disc(120, 120, 60, 180.0).disc(180, 120, bite_px, colour)
    with pytest.raises(Problem, match="NO_VALUE"):
        measured(spoilt, value="roundness", region=Ring(x=120, y=120, radius=68, inner_radius=52))


@pytest.mark.parametrize("top", [100, 103, 106])
def test_a_tab_that_is_ignored_does_not_matter_for_roundness(top: int) -> None:
    tabbed = (
        Scene.plain(240, 240, 60.0).disc(120, 120, 60, 180.0).rectangle(170, 112, 70, 16, 180.0)
    )
    where = Circle(x=120, y=120, radius=75)
    tab = region(165, top, 40, 2 * (120 - top))
    assert measured(tabbed, value="roundness", region=where, ignore=(tab,)).value < 0.3
    with pytest.raises(Problem, match="NO_VALUE"):
        measured(tabbed, value="roundness", region=where)
