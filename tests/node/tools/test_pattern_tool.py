"""Pattern as a measuring tool: drawn parts are counted and scored where they are; where nothing is
alike there is no count."""

import pytest

from node.frame import Placement
from node.tools.pattern_tool import learn, measure
from schemas import PatternTool, Problem
from schemas.geometry import Circle
from tests.rooms.pictures.scenes import Scene, region

WHERE = region(20, 20, 360, 260)
PATTERN = region(40, 40, 64, 54)


def tool(**changes) -> PatternTool:  # type: ignore[no-untyped-def]
    return PatternTool(
        **({"name": "screw", "region": WHERE, "pattern": PATTERN, "low": 0.7} | changes)
    )


def parts(*places: tuple[float, float], seed: int = 2) -> Scene:
    scene = Scene.plain(400, 300, 70.0)
    for x, y in places:
        scene = scene.part(x, y, seed, (60, 50))
    return scene


MASTER = parts((42.0, 42.0))


def found(scene: Scene, given: PatternTool, placement: Placement = Placement(), noise: float = 5):  # type: ignore[no-untyped-def]  # noqa: B008
    learned = learn(MASTER.frame(noise).view(given.region), given)
    return measure(
        scene.frame(noise, 1).view(given.region, placement, given.ignore), given, learned
    )


@pytest.mark.parametrize("number", range(5))
def test_all_of_them_are_counted(number: int) -> None:
    places = [(42.3, 45.7), (150.6, 60.2), (280.1, 50.9), (60.5, 190.5), (240.7, 200.4)][:number]
    result = found(parts(*places), tool(value="count"))
    assert result.value == number
    middles = sorted(
        (float(x), float(y)) for x, y in (mark.points.mean(axis=0) for mark in result.marks())
    )
    for middle, (x, y) in zip(middles, sorted(places), strict=True):
        assert middle == pytest.approx((x + 29.5, y + 24.5), abs=1.1)


def test_the_score_is_high_where_it_is_and_low_where_it_is_not() -> None:
    assert found(parts((201.4, 133.6)), tool()).value > 0.93
    assert found(parts((201.4, 133.6)).lit(0.5, 20, 0.3), tool()).value > 0.9
    assert found(parts((201.4, 133.6), seed=5), tool()).value < 0.6
    assert found(Scene.plain(400, 300, 70.0), tool()).value < 0.4


@pytest.mark.parametrize("right", [20, 8, 220])
def test_a_stripe_or_an_edge_scores_though_it_fixes_no_place(right: int) -> None:
    """Where there must be none, too low a score would be OK."""
    master = Scene.plain(400, 300, 70.0).rectangle(180, -5, right, 310, 180.0).blurred(0.8)
    given = tool(region=region(60, 60, 250, 180), pattern=region(150, 100, 64, 54))
    for noise in (0.0, 1.0):
        learned = learn(master.frame(noise, 1).view(given.region), given)
        assert measure(master.frame(noise, 2).view(given.region), given, learned).value > 0.8


def test_clutter_has_none() -> None:
    for seed in range(6):
        assert found(Scene.plain(400, 300, 70.0).clutter(seed), tool(value="count")).value == 0


def test_faint_noise_is_no_pattern() -> None:
    assert found(Scene.plain(400, 300, 70.0), tool(value="count"), noise=0.4).value == 0


def test_a_place_counts_only_if_every_pixel_of_it_does() -> None:
    scene = parts((42.0, 42.0), (280.0, 200.0))
    assert found(scene, tool(value="count")).value == 2
    assert found(scene, tool(value="count", ignore=(region(300, 220, 5, 5),))).value == 1
    assert found(scene, tool(value="count", region=Circle(x=90, y=80, radius=70))).value == 1


def test_the_region_follows_a_part_that_is_moved_and_turned() -> None:
    scene = parts((42.0, 42.0), (150.0, 60.0))
    frame = scene.frame(3)
    given = tool(value="count", region=region(30, 30, 220, 100))
    learned = learn(MASTER.frame(3).view(WHERE), given)
    assert measure(frame.view(given.region, Placement(0, 0, 0)), given, learned).value == 2
    turned = frame.view(given.region, Placement(0, 0, 12, 1, 140, 80))
    assert measure(turned, given, learned).value < 2


@pytest.mark.parametrize("gray", [0.0, 90.0, 255.0])
def test_a_view_of_one_value_is_a_problem_and_no_number(gray: float) -> None:
    learned = learn(MASTER.frame(5).view(WHERE), tool())
    with pytest.raises(Problem, match="NO_CONTRAST"):
        measure(Scene.plain(400, 300, gray).frame().view(WHERE), tool(), learned)


def test_a_flat_pattern_teaches_nothing() -> None:
    with pytest.raises(Problem, match="NO_CONTRAST"):
        learn(MASTER.frame(1).view(WHERE), tool(pattern=region(300, 200, 40, 40)))


def test_a_pattern_that_leaves_the_master_is_refused() -> None:
    with pytest.raises(Problem, match="REGION_INVALID"):
        learn(MASTER.frame(1).view(WHERE), tool(pattern=region(380, 40, 64, 54)))


def test_without_a_master_it_says_so() -> None:
    assert tool().needs_master
    with pytest.raises(Problem, match="MASTER_IMAGE_NOT_FOUND"):
        measure(MASTER.frame().view(WHERE), tool(), None)


@pytest.mark.parametrize(
    "changes",
    [{"pattern": region(0, 0, 7, 20)}, {"pattern": region(0, 0, 361, 20)}, {"least_score": 0.1}],
)
def test_bad_settings_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        tool(**changes)


@pytest.mark.parametrize("value", ["score", "count"])
@pytest.mark.parametrize(
    "covered", [(0, 0, 30, 50), (30, 0, 30, 50), (0, 0, 60, 25), (0, 25, 60, 25)]
)
def test_a_pattern_of_which_half_is_missing_is_not_there(
    covered: tuple[int, int, int, int], value: str
) -> None:
    x, y, wide, high = covered
    for seed in (2, 3, 4, 6):
        master = parts((42.0, 42.0), seed=seed)
        given = tool(value=value)
        learned = learn(master.frame(2).view(given.region), given)
        half = parts((200.0, 130.0), seed=seed).rectangle(200 + x, 130 + y, wide, high, 70.0)
        assert measure(half.frame(2, 1).view(given.region), given, learned).value < 0.7
        whole = parts((200.0, 130.0), seed=seed).blurred(0.8).lit(0.7)
        assert measure(whole.frame(4, 1).view(given.region), given, learned).value >= 0.9


@pytest.mark.parametrize("reduced", ["score", "count"])
def test_pale_print_is_no_pattern_unless_the_limit_says_so(reduced: str) -> None:
    for share in (0.1, 0.25, 0.3):
        pale = Scene(70 + (parts((201.4, 133.6)).light - 70) * share)
        with pytest.raises(Problem, match=r"NO_CONTRAST.*of the master's"):
            found(pale, tool(value=reduced), noise=2)
        assert found(pale, tool(value=reduced, contrast_low=0), noise=2).value > 0.6
    half = Scene(70 + (parts((201.4, 133.6)).light - 70) * 0.5)
    assert found(half, tool(value=reduced), noise=2).value > 0.8
