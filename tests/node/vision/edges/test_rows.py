"""An edge with a missing piece is never the same edge, though its mean place is the same."""

from functools import lru_cache

import pytest

from node.tools import edge, pitch, width
from schemas import Edge, Pitch, Problem, Width
from tests.rooms.pictures.bars import bar
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(60, 60, 200, 64)
PLAIN = Scene.plain(320, 200, 60.0)
TOOLS = {
    "width": (width, Width(name="t", region=WHERE, low=0.0)),
    "edge": (edge, Edge(name="t", region=WHERE, low=0.0, which="first")),
    "count": (edge, Edge(name="t", region=WHERE, low=0.0, value="count")),
    "mean": (pitch, Pitch(name="t", region=WHERE, low=0.0)),
    "least": (pitch, Pitch(name="t", region=WHERE, low=0.0, value="min")),
    "greatest": (pitch, Pitch(name="t", region=WHERE, low=0.0, value="max")),
}


@lru_cache
def comb(teeth: int = 4, lean_deg: float = 0.0) -> Scene:
    """Teeth of 16 px, 40 px apart, the first about x = 90."""
    scene = PLAIN
    for number in range(teeth):
        scene = bar(scene, 90 + 40 * number, 92, 16, 160, 170.0, lean_deg)
    return scene


def value(kind: str, part: Scene, master: Scene | None, noise: float = 3.0) -> float:
    module, tool = TOOLS[kind]
    learned = None if master is None else module.learn(master.frame(noise, 1).view(WHERE), tool)
    return float(module.measure(part.frame(noise, 2).view(WHERE), tool, learned).value)


@pytest.mark.parametrize("lean", [-8.0, 0.0, 5.0])
@pytest.mark.parametrize("kind", TOOLS)
def test_a_tooth_of_which_a_third_is_missing_has_no_value(kind: str, lean: float) -> None:
    master = comb(lean_deg=lean)
    for top, high in ((60, 22), (80, 22), (102, 22), (60, 44), (90, 34)):
        broken = master.rectangle(70, top, 40, high, 60.0)
        for noise, taught in ((0.0, master), (6.0, master), (3.0, None)):
            with pytest.raises(Problem, match="NO_VALUE"):
                value(kind, broken, taught, noise)


@pytest.mark.parametrize("kind", TOOLS)
@pytest.mark.parametrize("left", [12, 14])
def test_a_tooth_of_which_hardly_a_fifth_is_left_has_no_value(kind: str, left: int) -> None:
    """Less than a quarter of the rows show it, so what most of them show is noise, or nothing."""
    whole = bar(PLAIN, 130, 92, 30, 160, 210.0)
    rest = whole.rectangle(100, 0, 60, 124 - left, 60.0)
    for noise in (0.0, 3.0):
        with pytest.raises(Problem, match=r"NO_VALUE|NO_CONTRAST"):
            value(kind, rest, whole, noise)
        with pytest.raises(Problem, match=r"NO_VALUE|NO_CONTRAST"):
            value(kind, rest, None, noise)


@pytest.mark.parametrize("rows", [15, 19, 23])
@pytest.mark.parametrize("left", [2, 3])
def test_what_is_left_in_the_last_rows_alone_has_no_value(rows: int, left: int) -> None:
    """Rows that make up no whole band are in none, but in the mean."""
    where = region(60, 40, 90, rows)
    given = Width(name="t", region=where, low=0.0, contrast_low=8.0)
    whole = Scene.plain(240, 140, 60.0).rectangle(90, -5, 30, 300, 240.0).blurred(0.6)
    known = width.learn(whole.frame(2, 1).view(where), given)
    stub = Scene.plain(240, 140, 60.0).rectangle(90, 40 + rows - left, 30, 300, 240.0)
    for noise in (0, 2):
        with pytest.raises(Problem, match=r"NO_VALUE|NO_CONTRAST"):
            width.measure(stub.blurred(0.6).frame(noise, 3).view(where), given, known)
    assert width.measure(whole.frame(2, 3).view(where), given, known).value == pytest.approx(
        30, abs=0.1
    )


@pytest.mark.parametrize("lean", [-20.0, 0.0, 12.0])
@pytest.mark.parametrize("kind", TOOLS)
def test_whole_teeth_have_their_value_in_any_light_with_noise_and_nicks(
    kind: str, lean: float
) -> None:
    master = comb(lean_deg=lean)
    for gain, nick, noise in ((0.7, 0, 6.0), (1.3, 2, 3.0), (1.0, 5, 6.0), (1.0, 5, 0.0)):
        part = master.lit(gain)
        part = part.rectangle(70, 80, 40, nick, gain * 60.0) if nick else part
        assert value(kind, part, master, noise) > 0
        assert value(kind, part, None, noise) > 0


def test_a_region_that_the_master_fills_in_part_asks_for_no_more() -> None:
    half = comb().rectangle(0, 100, 320, 100, 60.0)
    assert value("mean", half, half) == pytest.approx(40, abs=0.1)
    with pytest.raises(Problem, match=r"seen in 6\d% of the rows"):
        value("mean", half, None)
    with pytest.raises(Problem, match="NO_VALUE"):
        value("mean", half.rectangle(70, 60, 40, 22, 60.0), half)


@pytest.mark.parametrize("kind", ["mean", "least", "greatest"])
def test_a_missing_tooth_at_the_end_is_no_pitch(kind: str) -> None:
    assert value(kind, comb(4), comb(4)) == pytest.approx(40, abs=0.1)
    with pytest.raises(Problem, match="an edge is missing"):
        value(kind, comb(3), comb(4))


@pytest.mark.parametrize("kind", ["mean", "least"])
def test_a_missing_tooth_between_others_is_no_least_or_mean_pitch(kind: str) -> None:
    with pytest.raises(Problem, match="an edge is missing"):
        value(kind, comb(4).rectangle(115, 0, 30, 200, 60.0), comb(4))
    assert value("greatest", comb(4).rectangle(115, 0, 30, 200, 60.0), comb(4)) > 79


@pytest.mark.parametrize("kind", ["mean", "greatest"])
def test_a_burr_between_teeth_is_no_mean_or_greatest_pitch(kind: str) -> None:
    with pytest.raises(Problem, match="an edge too many"):
        value(kind, comb(4).rectangle(105, 0, 4, 200, 170.0), comb(4))


@pytest.mark.parametrize("moved", [0, 9, 17, 25, 33])
def test_a_thread_that_runs_out_of_the_region_has_its_pitch_wherever_it_lies(moved: int) -> None:
    def thread(x: float) -> Scene:
        scene = PLAIN
        for number in range(9):
            scene = scene.rectangle(x + 40 * number - 8, 0, 16, 200, 170.0)
        return scene

    for kind in ("mean", "least", "greatest"):
        assert value(kind, thread(moved - 5), thread(0)) == pytest.approx(40, abs=0.1)
