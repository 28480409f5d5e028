"""What comes between camera and part: each fault lies where its name says, always the same."""

import numpy as np
import pytest

from node.faults.between import between, hair
from schemas import Region
from tests.rooms.pictures.scenes import Scene

PART = Region(x=40, y=60, width=100, height=80)
COLOUR = Scene.plain(400, 240, (60.0, 90.0, 120.0)).part(45, 65).pixels(2, 1)
GRAY = Scene.plain(400, 240, 90.0).rectangle(60, 70, 50, 40, 180.0).pixels(2, 1)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    away = np.abs(after.astype(int) - before)
    return (away.max(axis=2) if away.ndim == 3 else away) > 25


@pytest.mark.parametrize("picture", [COLOUR, GRAY], ids=["colour", "gray"])
def test_every_fault_changes_the_picture_and_always_in_the_same_way(picture: np.ndarray) -> None:
    kinds = []
    for fault, again in zip(between(picture, PART), between(picture, PART), strict=True):
        assert np.array_equal(fault.draw(), again.draw()), fault.kind
        assert (fault.draw() != picture).any(), fault.kind
        kinds.append(fault.kind)
    assert ("colour cast" in kinds) is (picture.ndim == 3)
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize(("side", "left"), [("left", 40), ("right", 90)])
def test_a_label_covers_the_half_that_it_names(side: str, left: int) -> None:
    for picture in (COLOUR, GRAY):
        drawn = {each.kind: each.draw for each in between(picture, PART)}
        covered = changed(picture, drawn[f"label over {side} half"]())
        own = np.zeros(covered.shape, bool)
        own[60:140, left : left + 50] = True
        assert not covered[~own].any()
        assert covered[own].mean() > 0.7


@pytest.mark.parametrize(
    ("part", "border"),
    [
        (PART, np.s_[60:140, 350:]),
        (Region(x=290, y=60, width=100, height=80), np.s_[60:140, :50]),
        (Region(x=10, y=60, width=380, height=80), np.s_[200:, 10:390]),
        (Region(x=10, y=120, width=380, height=110), np.s_[:55, 10:390]),
    ],
)
def test_the_second_part_is_cut_off_by_a_border(part: Region, border: tuple) -> None:  # type: ignore[type-arg]
    dice = np.random.default_rng(1).integers(0, 256, (240, 400), dtype=np.uint8)
    drawn = {each.kind: each.draw for each in between(dice, part)}
    made = drawn["second part half in view"]()
    inside = np.zeros(dice.shape, bool)
    inside[border] = True
    assert (made == dice)[~inside].all()
    own = dice[part.y : part.bottom, part.x : part.right]
    high, wide = made[border].shape
    corners = [own[:high, :wide], own[-high:, :wide], own[:high, -wide:]]
    assert any(np.array_equal(made[border], each) for each in corners)


def test_where_half_a_part_has_no_room_there_is_none() -> None:
    whole = Region(x=0, y=0, width=400, height=240)
    assert "second part half in view" not in {each.kind for each in between(COLOUR, whole)}


def test_a_finger_comes_from_below_and_ends_in_the_part() -> None:
    drawn = {each.kind: each.draw for each in between(GRAY, PART)}
    under = changed(GRAY, drawn["finger in the picture"]())
    assert under[-1].any()
    assert not under[: PART.y].any()
    assert under[PART.y : PART.bottom].any()


@pytest.mark.parametrize("number", range(5))
def test_a_hair_lies_across_the_region_and_covers_little_of_it(number: int) -> None:
    made = changed(GRAY, hair(GRAY, PART, number))[PART.y : PART.bottom, PART.x : PART.right]
    rows, columns = np.nonzero(made)
    assert max(np.ptp(rows) / PART.height, np.ptp(columns) / PART.width) > 0.6
    assert 0.01 < made.mean() < 0.1
