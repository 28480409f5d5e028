"""Classify: sites it was not taught are told apart, and what it cannot tell is a problem, not a
guess."""

from functools import cache

import numpy as np
import pytest
from pydantic import ValidationError

from node.frame import Frame
from node.model_file import pack
from node.networks import likeness, logistic
from node.networks.features import backbone, maps, vector
from node.tools import classify
from schemas import Classify, Problem
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(20, 20, 100, 100)
NAMES = ("cross", "empty", "screw")


def tool(**changes) -> Classify:  # type: ignore[no-untyped-def]
    return Classify(
        **({"name": "site", "region": WHERE, "expected": "screw", "size_px": 96} | changes)
    )


def site(kind: str, seed: int) -> Frame:
    """A hole, a screw's head or a cross somewhere in the region, in different light."""
    dice = np.random.default_rng(seed)
    x, y = 70 + dice.uniform(-12, 12, 2)
    scene = Scene.plain(140, 140, (90.0, 120.0, 150.0))
    if kind == "screw":
        scene = scene.disc(x, y, 22, (190.0, 190.0, 190.0)).disc(x, y, 16, (150.0, 150.0, 150.0))
        scene = scene.rectangle(x - 14, y - 2, 28, 4, (40.0, 40.0, 40.0))
    elif kind == "empty":
        scene = scene.disc(x, y, 9, (20.0, 25.0, 30.0))
    else:
        scene = scene.rectangle(x - 20, y - 4, 40, 8, (30.0, 30.0, 160.0)).rectangle(
            x - 4, y - 20, 8, 40, (30.0, 30.0, 160.0)
        )
    return scene.lit(dice.uniform(0.8, 1.2), ramp=dice.uniform(-0.2, 0.2)).frame(4, seed)


@cache
def model(*kinds: str) -> bytes:
    seen = [
        vector(maps(site(kind, 10 * number + k).view(WHERE), 96))
        for number, kind in enumerate(kinds)
        for k in range(4)
    ]
    labels = np.repeat(np.arange(len(kinds)), 4)
    weights = logistic.fit(np.stack(seen), labels, len(kinds))
    arrays = {name: getattr(weights, name) for name in ("mean", "scale", "weights", "bias")}
    more = {
        "classes": np.array(kinds),
        "vectors": np.stack(seen),
        "labels": labels,
        "size": np.array(96),
    }
    return pack("classify", arrays | more | {"backbone": np.array(backbone().digest)})


def test_sites_that_were_not_taught_are_told_apart() -> None:
    known = classify.learn(None, tool(), model(*NAMES))
    for kind in NAMES:
        for seed in range(500, 506):
            found = classify.measure(site(kind, seed).view(WHERE), tool(), known)
            assert found.text == kind
            assert (found.value > 0.5) is (kind == "screw")


def test_what_is_between_two_classes_is_a_problem_and_no_guess() -> None:
    known = classify.learn(None, tool(), model("empty", "screw"))
    shapeless = Scene.plain(140, 140, (90.0, 120.0, 150.0)).frame(4).view(WHERE)
    with pytest.raises(Problem, match=r"NO_VALUE.*it may be"):
        classify.measure(shapeless, tool(margin=0.99), known)
    assert 0 <= classify.measure(shapeless, tool(margin=0.0, unlike_high=None), known).value <= 1


@pytest.mark.parametrize("seed", range(4))
def test_what_is_of_no_class_that_was_taught_is_neither(seed: int) -> None:
    known = classify.learn(None, tool(margin=0), model("empty", "screw"))
    plain = Scene.plain(140, 140, (90.0, 120.0, 150.0))
    strangers = (
        site("cross", seed),
        plain.clutter(seed, 60).frame(4),
        plain.waves(seed=seed).frame(4),
        plain.rectangle(30, 30, 80, 80, (235.0, 235.0, 235.0)).frame(4, seed),  # a sticker over it
        np.random.default_rng(seed).integers(0, 256, (140, 140, 3), np.uint8),
    )
    for shown in strangers:
        picture = shown if isinstance(shown, Frame) else Frame(shown, 0, 0.0, "t", simulated=True)
        with pytest.raises(Problem, match=r"NO_VALUE.*neither"):
            classify.measure(picture.view(WHERE), tool(margin=0), known)


def test_copies_of_one_picture_do_not_say_how_unlike_others_may_be() -> None:
    dice = np.random.default_rng(1)
    vectors = (dice.normal(size=(1, 50)) + 0.3 * dice.normal(size=(12, 50))).astype(np.float32)
    labels = np.repeat([0, 1], 6)
    once = likeness.limits(vectors, labels, 2)
    twice = likeness.limits(np.repeat(vectors, 3, axis=0), np.repeat(labels, 3), 2)
    assert twice == pytest.approx(once, rel=1e-4)
    assert likeness.limits(np.repeat(vectors[:1], 6, axis=0), labels[:6], 1) == [0]


def test_nothing_to_see_and_nothing_taught_are_problems() -> None:
    known = classify.learn(None, tool(), model("empty", "screw"))
    with pytest.raises(Problem, match="NO_CONTRAST"):
        classify.measure(Scene.plain(140, 140, (9.0, 9.0, 9.0)).frame().view(WHERE), tool(), known)
    assert classify.learn(None, tool(), None) is None
    with pytest.raises(Problem, match="NOT_TAUGHT"):
        classify.measure(site("screw", 1).view(WHERE), tool(), None)


def test_a_class_counts_from_its_own_limit_on() -> None:
    known = classify.learn(None, tool(), model("empty", "screw"))
    screw, empty = (site(kind, 500).view(WHERE) for kind in ("screw", "empty"))
    sure = classify.measure(screw, tool(), known).value
    above, below = (f"screw={sure + step:.4f}" for step in (0.001, -0.001))
    with pytest.raises(Problem, match=rf"NO_VALUE.*it may be screw, {sure:.2f}, which counts from"):
        classify.measure(screw, tool(class_low=[above]), known)
    assert classify.measure(screw, tool(class_low=[below, "empty=0"]), known).text == "screw"
    assert classify.measure(empty, tool(class_low=[above]), known).text == "empty"


@pytest.mark.parametrize(
    "limits", [["screw=0.9", "screw=0.8"], ["screw=1.2"], ["screw"], ["=0.5"], ["a b=0.5"]]
)
def test_limits_of_classes_that_cannot_be_meant_are_refused(limits: list[str]) -> None:
    with pytest.raises(ValidationError, match="class_low"):
        tool(class_low=limits)


@pytest.mark.parametrize(
    "changes", [{"expected": "nail"}, {"size_px": 128}, {"class_low": ["nail=0.5"]}]
)
def test_settings_that_do_not_fit_the_model_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Problem, match="MODEL_INVALID"):
        classify.learn(None, tool(**changes), model("empty", "screw"))


def test_a_model_whose_arrays_do_not_fit_is_refused() -> None:
    with pytest.raises(Problem, match="MODEL_INVALID"):
        classify.learn(None, tool(), b"PK")
    with pytest.raises(Problem, match="MODEL_INVALID"):
        classify.learn(None, tool(), pack("classify", {"classes": np.array(["screw", "empty"])}))


def test_the_probabilities_follow_the_distance_and_sum_to_one() -> None:
    dice = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], (30, 10, 5))
    centres = np.array([[0, 0], [4, 0], [0, 4]])
    vectors = (centres[labels] + dice.normal(0, 0.5, (45, 2))).astype(np.float32)
    weights = logistic.fit(vectors, labels, 3)
    chances = weights.probabilities(vectors)
    assert np.allclose(chances.sum(axis=1), 1)
    assert (chances.argmax(axis=1) == labels).all()
    middle = weights.probabilities(np.array([[2, 0], [1.5, 0]], np.float32))
    assert middle[0].max() < chances.max(axis=1).mean()
    assert middle[1, 0] > middle[0, 0]
