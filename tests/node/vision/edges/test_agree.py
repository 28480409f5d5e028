"""A hair, a thread or a scratch over a caliper: the value is right, or there is none."""

from functools import lru_cache
from typing import Any

import pytest

from node.frame import Frame
from node.tools import edge, pitch, width
from schemas import Edge, Pitch, Problem, Width
from tests.bench.vision.hairs import WHERE, Drawn, asked, drawn
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

# hairs that moved a width by 0.15 to 45 px, some at every slant, and others that did not
SEEDS = (3, 4, 5, 6, 10, 13, 16, 20, 23, 27, 34, 41, 54, 56, 110, 139, 140, 172, 204, 299)
SETTINGS = Width(name="t", region=WHERE, low=0.0)


@lru_cache(maxsize=len(SEEDS))
def picture(seed: int) -> Drawn:
    return drawn(seed)


@lru_cache
def teeth() -> Scene:
    """Four teeth of 12 px, 28 px apart, leaning by 3 degrees."""
    scene = Scene.plain(240, 140, 60.0)
    for number in range(4):
        scene = bar(scene, 58 + 28 * number, 70, 12, 160, 180.0, 3.0)
    return scene.blurred(0.8)


def value(module: Any, tool: Any, seen: Frame, master: Frame) -> float | None:
    learned = module.learn(master.view(tool.region), tool)
    try:
        return float(module.measure(seen.view(tool.region), tool, learned).value)
    except Problem:
        return None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hair_across_a_bar_does_not_change_its_width(seed: int) -> None:
    one = picture(seed)
    found = asked(one.haired, one.master, SETTINGS)
    assert found is None or found == pytest.approx(one.width, abs=0.15)
    assert asked(one.clean, one.master, SETTINGS) == pytest.approx(one.width, abs=0.1)


@pytest.mark.parametrize("slant", [65, 75, 90])
def test_a_hair_that_leaves_most_rows_alone_costs_no_value(slant: float) -> None:
    one = bar(Scene.plain(240, 140, 60.0), 100, 70, 40.3, 160, 180.0, 2.0)
    hair = bar(one, 100, 70, 3, 400, 20.0, slant)
    seen, master = (scene.blurred(0.8).frame(3, seed) for seed, scene in ((1, hair), (2, one)))
    assert value(width, SETTINGS, seen, master) == pytest.approx(40.3, abs=0.06)


def test_a_hair_across_an_edge_does_not_move_it() -> None:
    tool = Edge(name="t", region=WHERE, low=0.0, which="first")
    for seed in (4, 5, 10, 20, 23, 41, 54, 172):
        one = picture(seed)
        clean = value(edge, tool, one.clean, one.master)
        haired = value(edge, tool, one.haired, one.master)
        assert clean is not None
        assert haired is None or haired == pytest.approx(clean, abs=0.15)


@pytest.mark.parametrize("slant", [20, 60, 90])
def test_a_thread_across_a_comb_does_not_change_its_pitch(slant: float) -> None:
    comb = teeth()
    thread = bar(comb, 92, 70, 7, 400, 20.0, slant)
    for reduced in ("mean", "min", "max"):
        tool = Pitch(name="t", region=WHERE, low=0.0, value=reduced)
        due = value(pitch, tool, comb.frame(3, 1), comb.frame(3, 2))
        found = value(pitch, tool, thread.frame(3, 3), comb.frame(3, 2))
        assert due is not None
        assert found is None or found == pytest.approx(due, abs=0.15)


@pytest.mark.parametrize("size", range(3, 12))
def test_a_region_of_a_few_px_is_no_worse_for_the_comparison(size: int) -> None:
    """What is looked at beside an edge ends at the region's border."""
    half = Scene.plain(240, 140, 60.0).rectangle(100, -5, 300, 300, 180.0)
    where = region(100 - size // 2, 40, size, 60)
    tool = Edge(name="t", region=where, value="count", low=1.0, smoothing_px=0.7)
    known = edge.learn(half.frame(3, 1).view(where), tool)
    assert edge.measure(half.frame(3, 2).view(where), tool, known).value == 1
    assert abs(known.beside[0]) < 0.5 or size < 5


def test_what_is_no_straight_edge_in_the_master_is_measured_as_it_was() -> None:
    """A program that was stored with a round or torn edge goes on loading and measuring."""
    disc = Scene.plain(240, 140, 60.0).disc(100, 70, 28.3, 180.0).blurred(0.8)
    found = value(width, SETTINGS, disc.frame(3, 1), disc.frame(3, 2))
    assert found is not None
    assert found == pytest.approx(value(width, SETTINGS, disc.frame(3, 3), disc.frame(3, 2)), abs=1)
