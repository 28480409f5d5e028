"""Learned: good parts are below 1, spoilt ones above, wherever the part lies; the threshold keeps
its promise.

One file: a tool has one test, and teaching its memory once serves all of it.
"""

import io
import zipfile
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from node.faults import stains as faults
from node.frame import IN_PLACE, Frame, Placement
from node.model_file import pack
from node.networks import features, nearest, promise
from node.networks import memory_bank as bank
from node.tools import learned
from schemas import Learned, Problem
from tests.rooms.pictures.scenes import Scene, region

pytestmark = pytest.mark.slow

WHERE = region(30, 20, 140, 120)
SIZE_PX = 128
SITE = (WHERE.width, WHERE.height, SIZE_PX)


def tool(**changes) -> Learned:  # type: ignore[no-untyped-def]
    return Learned(**({"name": "look", "region": WHERE, "size_px": SIZE_PX} | changes))


def part(seed: int, spoilt: bool = False, dx: float = 0.0, dy: float = 0.0) -> Frame:
    """A good part: half a px of play, different light, noise; or one with a dark spot at its (70,
    60)."""
    dice = np.random.default_rng(seed)
    x, y = 40 + dx + dice.uniform(-0.5, 0.5), 30 + dy + dice.uniform(-0.5, 0.5)
    scene = Scene.plain(220, 180, (60.0, 60.0, 60.0)).part(x, y)
    if spoilt:
        scene = scene.disc(x + 70, y + 60, 8, (10.0, 10.0, 160.0))
    return scene.lit(dice.uniform(0.95, 1.05)).frame(3, seed)


def maps(seeds: range, spoilt: bool = False) -> list[tuple[str, features.Maps]]:
    return [
        (f"{seed}.png", features.maps(part(seed, spoilt).view(WHERE), SIZE_PX)) for seed in seeds
    ]


@cache
def taught() -> bank.PatchBank:
    return bank.teach(maps(range(12)), SITE).bank


@cache
def kept() -> learned.LearnedMemory:
    found = learned.learn(part(0).view(WHERE), tool(), taught().packed())
    assert found is not None
    return found


def value(frame: Frame, placement: Placement = IN_PLACE) -> float:
    return learned.measure(frame.view(WHERE, placement), tool(), kept()).value


def test_good_parts_that_were_not_taught_are_good_and_spoilt_ones_are_not() -> None:
    assert sum(value(part(seed)) > 1 for seed in range(100, 130)) <= 3  # of 30, with 12 taught
    assert all(value(part(seed, spoilt=True)) > 1 for seed in range(200, 210))


def test_the_first_part_waits_for_nothing_that_is_made_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits neither to measure how quick products are here, nor for the patches to be
    prepared."""
    late: list[str] = []

    def told(name: str, made: object) -> Any:
        return lambda *given: late.append(name) or made(*given)  # type: ignore[operator]

    nearest.products.cache_clear()
    found = learned.learn(part(0).view(WHERE), tool(), taught().packed())
    for module, name in ((nearest, "_product"), (nearest, "_seconds"), (bank, "limits")):
        monkeypatch.setattr(module, name, told(name, getattr(module, name)))
    assert learned.measure(part(1).view(WHERE), tool(), found).value < 1.5
    assert late == []


def test_what_was_taught_as_good_is_good() -> None:
    assert all(value(part(seed)) < 1 for seed in range(12))


def test_the_part_is_followed() -> None:
    at = Placement(20, 15, 0, 1)
    assert value(part(140, dx=20, dy=15), at) < 1.1
    assert value(part(240, spoilt=True, dx=20, dy=15), at) > 1
    with pytest.raises(Problem, match=r"NO_VALUE.*unlike all good"):
        value(part(140, dx=60, dy=45))


def test_the_heat_and_the_marks_are_where_the_defect_is() -> None:
    found = learned.measure(part(201, spoilt=True).view(WHERE), tool(), kept())
    assert found.heat is not None
    heat = found.heat()
    row, column = divmod(int(heat.values.argmax()), heat.values.shape[1])
    assert np.hypot(*(heat.matrix @ [column, row, 1] - [110, 90])) < 15
    marks = found.marks()
    assert min(np.hypot(*(mark.points.mean(axis=0) - [110, 90])) for mark in marks) < 15


def test_what_is_ignored_does_not_matter() -> None:
    settings = tool(ignore=[region(95, 75, 30, 30)])
    views = [
        (str(seed), features.maps(part(seed).view(WHERE, ignore=settings.ignore), SIZE_PX))
        for seed in range(6)
    ]
    model = bank.teach(views, SITE).bank.packed()
    known = learned.learn(None, settings, model)
    view = part(200, spoilt=True).view(WHERE, ignore=settings.ignore)
    assert learned.measure(view, settings, known).value < 1.1
    assert value(part(200, spoilt=True)) > 1.5


def test_nothing_to_see_is_a_problem_and_no_number() -> None:
    for gray in (0.0, 128.0, 255.0):
        with pytest.raises(Problem, match="NO_CONTRAST"):
            value(Scene.plain(220, 180, (gray, gray, gray)).frame())


def test_a_tool_that_was_not_taught_says_how_to_teach_it() -> None:
    assert learned.learn(part(0).view(WHERE), tool(), None) is None
    with pytest.raises(Problem, match="NOT_TAUGHT"):
        learned.measure(part(0).view(WHERE), tool(), None)


def test_a_region_changed_since_it_was_taught_is_refused() -> None:
    other = tool(region=region(30, 20, 100, 120))
    with pytest.raises(Problem, match=r"MODEL_INVALID.*changed"):
        learned.learn(part(0).view(other.region), other, taught().packed())
    with pytest.raises(Problem, match=r"MODEL_INVALID.*changed"):
        learned.measure(part(0).view(other.region), other, kept())


def test_one_more_good_picture_is_added_without_starting_over() -> None:
    odd = (
        Scene.plain(220, 180, (60.0, 60.0, 60.0))
        .part(40, 30)
        .disc(60, 120, 7, (200.0, 200.0, 200.0))
    )
    before = value(odd.frame(3, 1))
    shown = [("odd.png", features.maps(odd.frame(3, 2).view(WHERE), SIZE_PX))]
    assert bank.add(taught(), shown) == (taught(), ["odd.png"], [])
    added, *left_out = bank.add(taught(), shown, {"odd.png"})
    assert left_out == [[], []]
    assert len(added.scores) == added.different == 13
    assert len(added.bank) <= bank.SIZE
    after = learned.learn(None, tool(), added.packed())
    assert before > 1
    assert learned.measure(odd.frame(3, 1).view(WHERE), tool(), after).value < 0.9


def test_the_same_pictures_teach_the_same_bytes() -> None:
    again = bank.teach(maps(range(12)), SITE).bank
    assert again.packed() == taught().packed()


@pytest.mark.parametrize("count", [0, 4])
def test_too_few_pictures_are_refused(count: int) -> None:
    with pytest.raises(Problem, match="PICTURES_UNFIT"):
        bank.teach(maps(range(count)), SITE)


def test_scores_that_lean_upwards_raise_the_threshold() -> None:
    even = np.exp(np.linspace(-0.2, 0.2, 21)).astype(np.float32)
    leaning = even.copy()
    leaning[-7:] *= 1.08  # the same in the middle and below
    none = np.empty(0, np.float32)
    assert promise.threshold(leaning, none, 0.02) > 1.05 * promise.threshold(even, none, 0.02)


@pytest.mark.parametrize("count", [8, 20, 50])
def test_the_threshold_keeps_the_stated_rate_on_scores_of_its_kind(count: int) -> None:
    dice = np.random.default_rng(count)
    normal, tailed = [], []
    for _ in range(400):
        for rates, draw in (
            (normal, lambda n: dice.normal(0.5, 0.2, n)),
            (tailed, lambda n: dice.exponential(0.2, n)),
        ):
            scores, new = np.exp(draw(count)), np.exp(draw(200))
            rates.append(
                (
                    new
                    > promise.threshold(scores.astype(np.float32), np.empty(0, np.float32), 0.02)
                ).mean()
            )
    assert 0.004 < np.mean(normal) < 0.025
    assert 0.012 < np.mean(tailed) < 0.045  # more, since the greatest are drawn in


def test_a_bad_picture_among_the_good_ones_barely_moves_the_threshold() -> None:
    scores = np.exp(np.random.default_rng(3).normal(0, 0.1, 19)).astype(np.float32)
    none = np.empty(0, np.float32)
    mixed = np.append(scores, np.float32(5))
    clean, more = (promise.threshold(found, none, 0.02) for found in (scores, mixed))
    assert clean < more < 1.2 * clean
    assert bank.odd(mixed)[19]


def test_a_lower_rate_is_a_higher_threshold_and_labelled_bad_ones_lower_it() -> None:
    scores = np.exp(np.random.default_rng(1).normal(0, 0.1, 20)).astype(np.float32)
    none = np.empty(0, np.float32)
    strict, lenient = (promise.threshold(scores, none, rate) for rate in (0.001, 0.02))
    assert strict > lenient
    assert promise.expected_rejects(scores, strict) == pytest.approx(0.001, rel=0.2)
    near = np.array([1.25, 1.3], np.float32)
    assert scores.mean() < promise.threshold(scores, near, 0.001) < 1.25
    assert promise.threshold(scores, np.array([9.0], np.float32), 0.02) == lenient


def test_a_model_file_from_outside_is_believed_in_nothing() -> None:
    good = taught()
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bank.npy", b"\0" * (100 << 20))
    pickled = io.BytesIO()
    np.savez(pickled, allow_pickle=True, kind=np.array("learned"), bank=np.array([print], object))
    files = {
        "not a zip": b"PK no",
        "cut off": good.packed()[:-2000],
        "bomb": bomb.getvalue(),
        "pickled": pickled.getvalue(),
        "of another tool": pack("classify", {name: getattr(good, name) for name in bank.SHAPES}),
        "not finite": replace(good, mean=good.mean * np.nan).packed(),
        "of another size": replace(good, mean=good.mean[:5]).packed(),
        "of another network": replace(good, backbone="0" * 64).packed(),
        "without spread": replace(good, middles=good.middles * 0).packed(),
        "of more pictures than it has": replace(good, different=13).packed(),
        "of other places": replace(good, places=(3, 3)).packed(),
    }
    for name, data in files.items():
        with pytest.raises(Problem) as caught:
            learned.learn(part(0).view(WHERE), tool(), data)
        assert caught.value.code == "MODEL_INVALID", name


@pytest.mark.parametrize("times", [5, 8])
def test_copies_of_one_picture_teach_nothing(times: int) -> None:
    with pytest.raises(Problem, match=r"PICTURES_UNFIT.*all the same"):
        bank.teach(maps(range(1)) * times, SITE)


def test_too_few_different_pictures_are_refused_however_many_copies_there_are() -> None:
    with pytest.raises(Problem, match=r"PICTURES_UNFIT.*only 4 of the pictures differ"):
        bank.teach(maps(range(4)) * 3, SITE)


def test_pictures_that_show_the_same_are_named_and_held_out_together() -> None:
    """With a copy in the memory each held-out picture would seem nothing new, and the threshold
    would be far too low."""
    copied = [*maps(range(12)), *[(f"copy of {name}", seen) for name, seen in maps(range(12))]]
    found = bank.teach(copied, SITE)
    assert found.alike == [f"copy of {number}.png" for number in range(12)]
    once = promise.threshold(taught().scores, taught().bad_scores, 0.02)
    assert promise.threshold(found.bank.scores, found.bank.bad_scores, 0.02) == pytest.approx(
        once, rel=0.3
    )
    assert bank.teach(maps(range(12)), SITE).alike == []


def test_a_picture_unlike_the_others_stays_out_of_the_memory_until_it_is_confirmed() -> None:
    spoilt = maps(range(200, 201), spoilt=True)
    found = bank.teach([*maps(range(12)), *spoilt], SITE)
    assert found.odd == ["200.png"]
    assert found.bank.packed() == taught().packed()
    assert bank.add(found.bank, spoilt) == (found.bank, ["200.png"], [])
    for confirmed in (
        bank.add(found.bank, spoilt, {"200.png"})[0],
        bank.teach([*maps(range(12)), *spoilt], SITE, {"200.png"}).bank,
    ):
        assert len(confirmed.scores) == 13
        assert (
            confirmed.distances(spoilt[0][1]).max() < 0.5 * found.bank.distances(spoilt[0][1]).max()
        )


def test_more_pictures_than_are_held_at_once_are_taken_in_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is scored first; what is unlike the others stays out there, too, and so do copies."""
    monkeypatch.setattr(bank, "HELD", 12)
    late = [*maps(range(12, 16)), *maps(range(3, 4)), *maps(range(200, 201), spoilt=True)]
    found = bank.teach(iter([*maps(range(12)), *late]), SITE)
    assert found.odd == ["200.png"]
    assert found.alike == ["3.png"]
    assert (len(found.bank.scores), found.bank.different) == (16, 16)
    assert len(found.bank.bank) == bank.SIZE
    assert (found.bank.scores[:12] == taught().scores).all()


@pytest.mark.parametrize(
    ("pictures", "at"), [(5, 1), (10, 1), (20, 1), (50, 1), (100, 4), (300, 9)]
)
def test_the_promise_is_counted_in_batches_of_as_many_good_parts_as_were_taught(
    pictures: int, at: int
) -> None:
    """This holds whatever their scores are like: all that counts is which of the first and the
    further ones are greater."""
    dice = np.random.default_rng(pictures)
    taught, further = dice.random((2, 20_000, pictures))
    beyond = (further > np.sort(taught, axis=1)[:, [-at]]).sum(axis=1)
    least = promise.one_in(pictures, at)
    assert (beyond <= pictures / least).mean() >= 0.945
    assert (beyond <= pictures // (least + 1)).mean() < 0.955
    for rate in (0.02, 0.05, 0.2):
        assert promise.kept(pictures, at, rate) == pytest.approx(
            (beyond <= rate * pictures + 1e-9).mean(), abs=0.01
        )


@pytest.mark.parametrize("count", [50, 55])
def test_above_50_pictures_what_is_held_out_meets_a_memory_as_coarse_as_the_whole_one(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many patches for fewer pictures it would score less than a new part does."""
    dice = np.random.default_rng(4)
    places = dice.normal(size=(count, 64, 8)).astype(np.float32)
    good = [(str(n), features.Maps(p, 4, 8, 8, None, np.eye(2, 3))) for n, p in enumerate(places)]
    folds: list[int] = []

    def search(patches: Any) -> nearest.Nearest:
        folds.append(len(patches))
        return nearest.Nearest(patches)

    monkeypatch.setattr(bank, "Nearest", search)
    whole = bank.teach(good, (64, 64, 64), confirmed=[name for name, _ in good]).bank.bank
    others = count * 4 // 5
    finer = 1 if count > bank.MANY else count / others
    assert [fold / others for fold in folds] == pytest.approx([finer * len(whole) / count] * 5)


def test_few_pictures_do_not_tell_how_channels_spread_so_features_are_compared_as_they_are() -> (
    None
):
    """A channel that differs tenfold from part to part counts as it is with 7 pictures, and less
    with 8; yet the scale that the network gave it is kept."""
    dice = np.random.default_rng(3)
    spread = np.where(np.arange(8) == 2, 10.0, 1.0)

    def seen(count: int) -> list[tuple[str, features.Maps]]:
        made = (dice.normal(size=(64, 8)) * spread for _ in range(count))
        return [
            (str(n), features.Maps(p.astype(np.float32), 4, 8, 8, None, np.eye(2, 3)))
            for n, p in enumerate(made)
        ]

    few, more = (
        bank.teach(seen(count), (64, 64, 64), confirmed=[str(n) for n in range(count)]).bank
        for count in (7, 8)
    )
    assert np.ptp(few.bank, axis=0).argmax() == 2
    assert (few.metric == np.eye(8)).all()
    lengths = np.linalg.norm(more.metric, axis=1)
    assert lengths[2] < 0.7 * np.delete(lengths, 2).min()
    assert 10 * lengths[2] > 2 * np.delete(lengths, 2).max()


@pytest.mark.parametrize(
    ("middle", "whole", "refused"),
    [
        (0.9, 0.9, False),
        (1.2, 0.9, False),  # good parts, too, exceed either one alone
        (0.9, 1.7, False),
        (1.1, 1.1, True),
        (1.3, 0.5, True),
        (0.5, 1.8, True),
    ],
)
def test_no_part_is_what_both_the_middle_place_and_the_whole_say_or_one_of_them_loudly(
    middle: float, whole: float, refused: bool
) -> None:
    assert bool(bank.unlike(middle, whole) > 1) is refused


def test_what_would_be_refused_is_counted_in_the_promise_too() -> None:
    """24 held-out pictures, of which the last is unlike the others, in its middle place or as a
    whole or both; no score is beyond the limit."""
    dice = np.random.default_rng(2)
    usual = np.exp(dice.normal(0, 0.02, 24)).astype(np.float32)
    wholes = (1 + dice.normal(0, 0.1, (24, 40))).astype(np.float32)
    odd, strange = usual.copy(), wholes.copy()
    strange[-1, :20] -= 0.5
    # beyond its limit, which it raises itself, and yet not far beyond
    odd[-1] = 1.35

    def beyond(middles: features.Floats, of: features.Floats) -> int:
        made = replace(taught(), scores=usual, middles=middles, wholes=of)
        assert (middles / made.far).max() < bank.MIDDLE_ALONE
        return made.beyond(10.0)

    assert beyond(usual, wholes) == beyond(odd, wholes) == beyond(usual, strange) == 0
    assert beyond(odd, strange) == 1
    assert replace(taught(), scores=usual, middles=usual, wholes=wholes).beyond(0.0) == 24


def test_five_pictures_that_are_alike_by_chance_reject_no_part_by_its_middle_place_alone() -> None:
    """A number for a part is how bad its worst places are, whatever its middle place says."""
    found = bank.teach(maps(range(5)), SITE).bank
    good = part(6).view(WHERE)
    seen = features.maps(good, SIZE_PX)
    distances = found.distances(seen)
    tight = replace(found, middles=np.ones(5, np.float32))  # all alike
    own = bank.middle(distances, None) / tight.far / 1.1
    tight = replace(tight, middles=tight.middles * np.float32(own))
    assert bank.middle(distances, None) / tight.far == pytest.approx(1.1, abs=0.01)
    known = learned.LearnedMemory(tight, promise.threshold(tight.scores, tight.bad_scores, 0.02))
    told = learned.measure(good, tool(), known).value
    assert told == pytest.approx(bank.top(distances, None) / known.threshold)
    assert told < 1


def test_so_few_pictures_promise_nothing() -> None:
    assert [promise.one_in(pictures) for pictures in (1, 5, 6, 10, 20, 50, 100)] == [
        1,
        1,
        2,
        3,
        5,
        12,
        25,
    ]
    assert promise.one_in(10, 11) == 1


def test_as_many_pictures_as_are_needed_allow_a_rate_and_one_less_does_not() -> None:
    for rate, pictures in ((0.2, 20), (0.05, 80), (0.02, 200)):
        assert promise.needed(rate) == pictures
        assert (promise.place(pictures - 1, rate), promise.place(pictures, rate)) == (0, 1)
        at = promise.place(40 * pictures, rate)
        assert 1 / rate <= promise.one_in(40 * pictures, at)
        assert promise.kept(40 * pictures, at + 1, rate) < promise.SURE


@pytest.mark.parametrize("count", [10, 30, 200])
def test_the_promise_of_a_threshold_is_kept_in_most_draws_whatever_the_scores_are_like(
    count: int,
) -> None:
    dice = np.random.default_rng(count)
    # even, exponential, without a mean
    for quantile in (lambda p: p, lambda p: -np.log1p(-p), lambda p: (1 - p) ** -0.5):
        broken = 0
        for _ in range(200):
            scores, further = np.exp(0.2 * quantile(dice.random((2, count)))).astype(np.float32)
            limit = promise.threshold(scores, np.empty(0, np.float32), 0.05)
            broken += int((further > limit).sum()) > count / promise.one_in(
                count, int((scores > limit).sum()) + 1
            )
        assert broken <= 20  # 10 of 200 are expected at most


@pytest.mark.parametrize("kind", ["noise", "dark", "sheet", "cloth", "other"])
def test_what_is_no_picture_of_the_part_is_never_good(kind: str) -> None:
    dice = np.random.default_rng(4)
    shape = (180, 220, 3)
    plain = Scene.plain(220, 180, (60.0, 60.0, 60.0))
    shown = {
        "noise": lambda: Frame(dice.integers(0, 256, shape, np.uint8), 0, 0.0, "t", simulated=True),
        "dark": lambda: Scene.plain(220, 180, (8.0, 8.0, 8.0)).frame(2, 1),  # a covered lens
        "sheet": lambda: Scene.plain(220, 180, (235.0, 235.0, 235.0)).frame(2, 1),
        "cloth": lambda: plain.waves(seed=2).frame(3),
        "other": lambda: plain.clutter(7, 40).frame(3),
    }[kind]()
    with pytest.raises(Problem, match=r"NO_VALUE.*unlike all good pictures"):
        value(shown)


def test_faults_are_drawn_where_pixels_count_one_a_picture() -> None:
    view = part(0).view(WHERE, ignore=(region(30, 20, 70, 120),))
    spoilt = list(faults.drawn(view, 1))
    assert len(spoilt) == 12
    for other in spoilt:
        changed = (other.gray != view.gray) & (view.mask > 0)
        assert 0 < np.count_nonzero(changed) < 0.1 * view.size_px


def test_an_empty_sheet_is_no_part_though_parts_lie_on_such() -> None:
    """Each of its places is like the ground beside a part, so only the whole tells."""
    sheet = Scene.plain(220, 180, (235.0, 235.0, 235.0))
    views = [
        (
            str(seed),
            sheet.disc(80 + seed % 3, 70 + seed % 2, 15, (90.0, 60.0, 60.0))
            .frame(3, seed)
            .view(WHERE),
        )
        for seed in range(8)
    ]
    found = bank.teach([(name, features.maps(view, SIZE_PX)) for name, view in views], SITE).bank
    known = learned.learn(None, tool(), found.packed())
    assert (
        learned.measure(
            sheet.disc(81, 70, 15, (90.0, 60.0, 60.0)).frame(3, 50).view(WHERE), tool(), known
        ).value
        < 1.3
    )
    with pytest.raises(Problem, match=r"NO_VALUE.*unlike all good pictures"):
        learned.measure(sheet.frame(3, 51).view(WHERE), tool(), known)
