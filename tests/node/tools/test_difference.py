"""Defects on drawn parts whose defects are known, and none where there are none.

One file: a tool has one test, and this one's defects are drawn on the same boards.
"""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest

from node.frame import Placement, View
from node.program import load
from node.tools import difference
from schemas import Difference, Problem, Program
from schemas.geometry import AnyRegion, Circle, Polygon, Region, Ring, RotatedRectangle
from tests.rooms.pictures.scenes import Scene, frame, region

pytestmark = pytest.mark.slow

BARE = (
    Scene.plain(400, 300, 60.0)
    .clutter(9, 80)
    .rectangle(120, 100, 160, 110, 150)
    .rectangle(140, 120, 90, 3, 40)
)
PART = BARE.rectangle(250, 130, 14, 14, 20).disc(160, 170, 12, 30)
WHERE = region(80, 70, 240, 170)
SHAPES: tuple[AnyRegion, ...] = (
    WHERE,
    RotatedRectangle(x=200, y=155, width=220, height=140, angle_deg=12),
    Circle(x=200, y=155, radius=95),
    Ring(x=200, y=155, radius=95, inner_radius=10),
    Polygon.model_validate(
        {
            "points": [
                {"x": 90, "y": 80},
                {"x": 310, "y": 85},
                {"x": 300, "y": 230},
                {"x": 95, "y": 225},
            ]
        }
    ),
)


def tool(where: AnyRegion = WHERE, **more: object) -> Difference:
    """Settings, in short."""
    return Difference(name="d", region=where, **more)  # type: ignore[arg-type]


def seen(
    scene: Scene,
    settings: Difference,
    noise: float = 3,
    seed: int = 1,
    placement: Placement | None = None,
) -> View:
    """A view of a scene through a lens with a blur of 0.7 px."""
    taken = scene.blurred(0.7).frame(noise, seed)
    return taken.view(settings.region, placement or Placement(), settings.ignore)


def value(scene: Scene, settings: Difference, master: Scene = PART, noise: float = 3) -> float:
    """What the tool measures on a scene, learned from a master."""
    learned = difference.learn(seen(master, settings, noise, 0), settings)
    return float(difference.measure(seen(scene, settings, noise), settings, learned).value)


def shifted(scene: Scene, dx: float, dy: float, angle_deg: float = 0) -> Scene:
    """The scene moved, as a camera would see it."""
    matrix = cv2.getRotationMatrix2D((199.5, 149.5), angle_deg, 1)
    matrix[:, 2] += np.array([dx, dy])
    size = (scene.width, scene.height)
    return Scene(
        cv2.warpAffine(
            scene.light, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    )  # type: ignore[arg-type]


def test_the_same_part_has_no_defect() -> None:
    assert value(PART, tool()) == 0


@pytest.mark.parametrize(
    ("dx", "dy", "angle_deg"),
    [(0.5, 0.5, 0), (0.3, -0.7, 0), (6.4, -3.2, 0), (-4.6, 7.1, 1.2), (9.5, 8.5, -1.4)],
)
def test_a_shifted_or_turned_part_has_no_defect(dx: float, dy: float, angle_deg: float) -> None:
    assert value(shifted(PART, dx, dy, angle_deg), tool()) == 0


@pytest.mark.parametrize(
    ("gain", "offset", "ramp"),
    [(0.7, 0, 0), (1, 25, 0), (0.6, 30, 0), (0.9, 0, 0.3), (0.8, 10, -0.3)],
)
def test_other_light_makes_no_defect(gain: float, offset: float, ramp: float) -> None:
    assert value(PART.lit(gain, offset, ramp), tool(contrast_low=40)) == 0


def test_noise_makes_no_defect() -> None:
    assert value(PART, tool(), noise=15) == 0


@pytest.mark.parametrize(("gain", "dx"), [(1.0, 0.0), (0.75, 4.4)])
def test_extra_missing_and_moved_features_are_counted_where_they_are(
    gain: float, dx: float
) -> None:
    cases = {
        "extra": (PART.rectangle(200, 180, 8, 8, 20), 1),
        "missing": (BARE.disc(160, 170, 12, 30), 1),
        "missing thin line": (PART.rectangle(140, 120, 90, 3, 150), 1),
        "moved by 8 px": (BARE.rectangle(250, 138, 14, 14, 20).disc(160, 170, 12, 30), 2),
        "two": (PART.rectangle(200, 180, 8, 8, 20).rectangle(240, 190, 10, 10, 240), 2),
    }
    for name, (scene, count) in cases.items():
        assert value(shifted(scene, dx, 0).lit(gain), tool(join_px=1)) == count, name


def test_the_boxes_lie_on_the_defect_in_the_frame() -> None:
    settings = tool(margin_px=0)
    learned = difference.learn(seen(PART, settings), settings)
    part = shifted(PART.rectangle(200, 180, 12, 10, 20), 5, -3)
    marks = difference.measure(seen(part, settings), settings, learned).marks()
    assert [mark.closed for mark in marks] == [True]
    low, high = marks[0].points.min(axis=0), marks[0].points.max(axis=0)
    assert [*low, *high] == pytest.approx([204.5, 176.5, 216.5, 186.5], abs=1.5)


def test_area_and_the_largest_area_are_those_of_the_defects() -> None:
    two = PART.rectangle(200, 180, 20, 12, 20).rectangle(240, 190, 8, 8, 240)
    assert value(two, tool(value="area")) == pytest.approx(20 * 12 + 8 * 8, rel=0.2)
    assert value(two, tool(value="largest_area")) == pytest.approx(20 * 12, rel=0.2)


def test_what_is_too_small_or_too_thin_does_not_count() -> None:
    spot, scratch = PART.rectangle(200, 180, 6, 6, 20), PART.rectangle(170, 190, 60, 4, 20)
    assert value(spot, tool()) == 1
    assert value(spot, tool(area_low_px=60)) == 0
    assert value(scratch, tool()) == 1
    assert value(scratch, tool(thickness_low_px=6)) == 0


def test_edges_that_jitter_within_the_tolerance_are_no_defect() -> None:
    rough = PART
    for step in range(10):  # the plate's lower edge goes out and in by 2 px
        rough = rough.rectangle(130 + 14 * step, 210, 7, 2, 150)
    assert value(rough, tool(contrast_low=35, bend_px=0)) == 0
    assert (
        value(
            rough,
            tool(
                contrast_low=35,
                tolerance_px=0,
                join_px=0,
                thickness_low_px=1,
                area_low_px=5,
                bend_px=0,
            ),
        )
        > 3
    )


@pytest.mark.parametrize("where", SHAPES, ids=lambda where: where.shape)
def test_regions_of_any_shape_see_what_lies_in_them_only(where: AnyRegion) -> None:
    assert value(PART.rectangle(196, 185, 10, 10, 20), tool(where)) == 1
    assert value(PART.rectangle(20, 20, 30, 30, 240), tool(where)) == 0


def test_what_is_ignored_is_not_judged() -> None:
    scene = PART.rectangle(200, 180, 10, 10, 20)
    assert value(scene, tool(ignore=(region(190, 170, 30, 30),))) == 0


def test_the_view_follows_the_locators_pose() -> None:
    settings = tool(search_px=2, search_deg=0.5)
    learned = difference.learn(seen(PART, settings), settings)
    far = shifted(PART, 40, 25, -10)  # OpenCV turns the other way
    good = Placement(40.6, 24.5, 10.2, 1.0, 199.5, 149.5)
    assert difference.measure(seen(far, settings, placement=good), settings, learned).value == 0
    bad = shifted(PART.rectangle(200, 180, 10, 10, 20), 40, 25, -10)
    assert difference.measure(seen(bad, settings, placement=good), settings, learned).value == 1


def test_what_lies_outside_of_the_frame_is_not_judged_and_too_much_of_it_is_a_problem() -> None:
    whole = tool(Region(x=0, y=0, width=400, height=300))
    assert value(shifted(PART, 12, -9), whole) == 0
    with pytest.raises(Problem) as problem:
        value(shifted(PART, 12, -9), whole.model_copy(update={"seen_low": 0.99}))
    assert problem.value.code == "REGION_INVALID"


@pytest.mark.parametrize("level", [0.0, 90.0, 255.0])
def test_an_empty_picture_is_a_problem_never_a_number(level: float) -> None:
    learned = difference.learn(seen(PART, tool()), tool())
    with pytest.raises(Problem) as problem:
        difference.measure(seen(Scene.plain(400, 300, level), tool(), noise=0), tool(), learned)
    assert problem.value.code == "NO_CONTRAST"


@pytest.mark.parametrize("noise", [2.0, 10.0, 40.0])
def test_noise_alone_is_a_problem_never_a_number(noise: float) -> None:
    learned = difference.learn(seen(PART, tool()), tool())
    with pytest.raises(Problem) as problem:
        difference.measure(seen(Scene.plain(400, 300, 120.0), tool(), noise=noise), tool(), learned)
    assert problem.value.code in ("PART_NOT_FOUND", "NO_CONTRAST")


def test_a_master_without_structure_is_refused_when_the_program_is_loaded() -> None:
    settings = tool(region(5, 5, 30, 30))
    program = Program.model_validate(
        {
            "id": "p",
            "name": "P",
            "master": "m.png",
            "tools": [settings.model_dump(mode="json", by_alias=True)],
        }
    )
    flat = cv2.imencode(".png", np.full((60, 60), 90, np.uint8))[1].tobytes()
    with pytest.raises(Problem, match="tool d"):
        load(program, 1, "sha256:0", flat)


# taught from several good parts


def varied(seed: int) -> Scene:
    """A good part, moved a little: a label on it has any gray from 60 to 200, and everything else
    is the same."""
    rng = np.random.default_rng(seed)
    return shifted(
        PART.rectangle(180, 180, 30, 15, float(rng.uniform(60, 200))), *rng.uniform(-1, 1, 2)
    )


def test_what_varies_between_good_parts_is_learned_and_no_defect() -> None:
    settings = tool(contrast_low=30)
    done: list[int] = []
    model = difference.teach(
        [seen(varied(seed), settings, seed=seed) for seed in range(8)], settings, done.append
    )
    assert done == [1, 2, 3, 4, 5, 6, 7, 8]
    master = seen(varied(0), settings)
    alone, taught = difference.learn(master, settings), difference.learn(master, settings, model)
    others = [seen(varied(seed), settings, seed=seed) for seed in range(20, 26)]
    assert sum(difference.measure(view, settings, alone).value for view in others) > 0
    assert sum(difference.measure(view, settings, taught).value for view in others) == 0
    bad = seen(varied(30).rectangle(250, 180, 10, 10, 20), settings)
    assert difference.measure(bad, settings, taught).value == 1


def test_one_good_part_teaches_what_the_master_does() -> None:
    settings = tool()
    model = difference.teach([seen(PART, settings, seed=4)], settings)
    learned = difference.learn(seen(PART, settings), settings, model)
    assert difference.measure(seen(PART, settings), settings, learned).value == 0
    assert (
        difference.measure(
            seen(PART.rectangle(200, 180, 10, 10, 20), settings), settings, learned
        ).value
        == 1
    )


def test_a_model_is_laid_over_the_master_even_if_its_first_part_lay_off() -> None:
    settings = tool(margin_px=0)
    model = difference.teach([seen(shifted(PART, 4, 3), settings, seed=4)], settings)
    learned = difference.learn(seen(PART, settings), settings, model)
    marks = difference.measure(
        seen(PART.rectangle(200, 180, 12, 10, 20), settings), settings, learned
    ).marks()
    assert [*marks[0].points.min(axis=0)] == pytest.approx([199.5, 179.5], abs=1.5)


def test_a_damaged_model_is_refused() -> None:
    settings = tool()
    model = difference.teach([seen(PART, settings)], settings)
    other = difference.teach(
        [seen(PART, tool(region(90, 70, 200, 150)))], tool(region(90, 70, 200, 150))
    )
    for damaged in (b"", b"not a model", model[:-40], other):
        with pytest.raises(Problem) as problem:
            difference.learn(seen(PART, settings), settings, damaged)
        assert problem.value.code == "MODEL_INVALID"


def test_a_part_that_cannot_be_laid_over_the_others_is_named() -> None:
    settings = tool()
    with pytest.raises(Problem, match="good part 2"):
        difference.teach(
            [seen(PART, settings), seen(Scene.plain(400, 300, 60.0).clutter(70, 80), settings)],
            settings,
        )
    with pytest.raises(Problem) as problem:
        difference.teach([], settings)
    assert problem.value.code == "PICTURES_UNFIT"


def test_the_unit_is_that_of_the_value() -> None:
    assert [tool().unit, tool(value="area").unit] == ["count", "px"]


def test_gray_and_colour_frames_measure_alike() -> None:
    settings = tool()
    learned = difference.learn(seen(PART, settings), settings)
    gray = PART.rectangle(200, 180, 10, 10, 20).blurred(0.7).pixels(3, 5)
    colour = frame(np.repeat(gray[:, :, None], 3, axis=2)).view(WHERE)
    assert difference.measure(colour, settings, learned).value == 1


def resized(
    scene: Scene, wide: float, high: float, shear: float = 0.0, angle_deg: float = 0.0
) -> Scene:
    """The scene stretched and sheared about its middle, then turned."""
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    linear = np.array([[c, -s], [s, c]]) @ np.array([[wide, shear], [0, high]])
    centre = np.array([199.5, 149.5])
    matrix = np.column_stack([linear, centre - linear @ centre])
    light = cv2.warpAffine(
        scene.light,
        matrix,
        (scene.width, scene.height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return Scene(light)  # type: ignore[arg-type]


@pytest.mark.parametrize("where", SHAPES[:3])
@pytest.mark.parametrize("angle_deg", [0.0, 1.3])
@pytest.mark.parametrize(
    ("wide", "high", "shear"),
    [
        (1.04, 1.04, 0),
        (0.96, 0.96, 0),
        (1.05, 1, 0),
        (1, 0.95, 0),
        (1, 1, 0.05),
        (1, 1, -0.04),
        (1.1, 1.1, 0),
    ],
)
def test_a_part_of_another_size_or_sheared_is_not_the_masters(
    wide: float, high: float, shear: float, angle_deg: float, where: AnyRegion
) -> None:
    with pytest.raises(Problem, match="PART_NOT_FOUND"):
        value(resized(PART, wide, high, shear, angle_deg), tool(where))


@pytest.mark.parametrize("noise", [3.0, 10.0])
@pytest.mark.parametrize(
    ("wide", "high", "shear"), [(1.015, 1.015, 0), (0.985, 1.01, 0), (1.018, 1, 0), (1, 1, 0.018)]
)
def test_what_the_cameras_distance_changes_is_no_other_size(
    wide: float, high: float, shear: float, noise: float
) -> None:
    assert value(resized(PART, wide, high, shear, 0.8), tool(), noise=noise) == 0


def test_how_much_stretch_is_allowed_is_a_setting() -> None:
    assert value(resized(PART, 1.05, 1.05), tool(stretch_high=0.06)) == 0
    with pytest.raises(Problem, match=r"PART_NOT_FOUND.*width: 1\.\d%, 0\.5% are allowed"):
        value(resized(PART, 1.015, 1.0), tool(stretch_high=0.005))


def as_the_line_shows_it(seed: int, scene: Scene = PART) -> Scene:
    """A good part as the line shows it: a little moved, turned, lighter or softer."""
    dice = np.random.default_rng(seed)
    moved = shifted(scene, *dice.uniform(-3, 3, 2), dice.uniform(-0.6, 0.6))
    return moved.blurred(dice.uniform(0.3, 0.6)).lit(dice.uniform(0.95, 1.05))


def test_ten_good_parts_narrow_what_is_allowed_to_what_they_show() -> None:
    """A faint stain of 45 gray levels is less than the 64 that one master alone must allow."""
    model = difference.teach(
        [seen(as_the_line_shows_it(seed), tool(), 4, seed) for seed in range(10)], tool()
    )
    few = difference.teach(
        [seen(as_the_line_shows_it(seed), tool(), 4, seed) for seed in range(4)], tool()
    )
    taught = tool(model="0" * 64 + ".npz")
    known, less = (
        difference.learn(seen(PART, taught, 3, 0), taught, made) for made in (model, few)
    )
    for seed in range(20, 30):
        stained = PART.disc(205 + seed % 5, 185, 7, 105.0)
        assert (
            difference.measure(
                seen(as_the_line_shows_it(seed), taught, 4, seed), taught, known
            ).value
            == 0
        )
        assert (
            difference.measure(
                seen(as_the_line_shows_it(seed, stained), taught, 4, seed), taught, known
            ).value
            == 1
        )
        assert (
            difference.measure(
                seen(as_the_line_shows_it(seed, stained), taught, 4, seed), taught, less
            ).value
            == 0
        )


def test_ten_good_parts_show_how_far_edges_are_off_so_moved_or_smeared_print_is_seen() -> None:
    """Within 2 px of fine print there is every gray level: something smeared there differs only in
    its place."""
    fine = PART
    for row in range(4):
        for column in range(12):
            fine = fine.rectangle(150 + 7 * column, 170 + 10 * row, 3 + (row + column) % 3, 6, 40.0)
    model = difference.teach(
        [seen(as_the_line_shows_it(seed, fine), tool(), 4, seed) for seed in range(10)], tool()
    )
    taught = tool(model="0" * 64 + ".npz")
    loose = taught.model_copy(update={"taught_tolerance_px": 2})
    known, before = (
        difference.learn(seen(fine, each, 3, 0), each, model) for each in (taught, loose)
    )
    smeared = fine.light.copy()
    smeared[168:190, 170:215] = cv2.blur(fine.light, (15, 1))[168:190, 170:215]
    moved = fine.light.copy()
    moved[168:190, 172:215] = fine.light[168:190, 168:211]
    found = {}
    for name, light in (("good", fine.light), ("smeared", smeared), ("moved", moved)):
        views = [
            seen(as_the_line_shows_it(seed, Scene(light)), taught, 4, seed)
            for seed in range(20, 26)
        ]
        found[name] = [
            sum(difference.measure(view, taught, each).value > 0 for view in views)
            for each in (known, before)
        ]
    assert found["good"] == [0, 0]
    assert found["smeared"][0] == found["moved"][0] == 6
    assert found["smeared"][1] < 6


def test_where_ten_good_parts_tell_the_tolerance_the_outermost_pixels_are_judged_too() -> None:
    model = difference.teach(
        [seen(as_the_line_shows_it(seed), tool(), 4, seed) for seed in range(10)], tool()
    )
    taught = tool(model="0" * 64 + ".npz")
    (x, y), (right, _), *_ = WHERE.corners
    at_the_rim = PART.rectangle(round((x + right) / 2), round(y), 20, 2, 120)
    for settings, found in ((taught, 1), (taught.model_copy(update={"taught_tolerance_px": 2}), 0)):
        learned = difference.learn(seen(PART, settings, 3, 0), settings, model)
        assert (
            difference.measure(seen(at_the_rim, settings, 3, 7), settings, learned).value == found
        )


def test_beyond_the_view_of_the_first_good_part_nothing_was_taught_and_nothing_is_judged() -> None:
    """Without a locator the first good part may lie some px off the master: its border says nothing
    of what lies beyond it."""
    across = PART
    for row in range(5):  # print that runs to the view's border
        across = across.rectangle(74, 92 + 30 * row, 30, 6, 150)
    first = shifted(across, 5, 3, 1.0)
    model = difference.teach(
        [seen(first, tool(), 4, 0)]
        + [seen(as_the_line_shows_it(seed, across), tool(), 4, seed) for seed in range(1, 10)],
        tool(),
    )
    taught = tool(model="0" * 64 + ".npz")
    learned = difference.learn(seen(across, taught, 3, 0), taught, model)
    assert cv2.countNonZero(learned.judged) < learned.judged.size
    for seed in range(20, 24):
        view = seen(as_the_line_shows_it(seed, across), taught, 4, seed)
        assert difference.measure(view, taught, learned).value == 0


TAUGHT = tool(model="0" * 64 + ".npz")


def test_an_area_that_is_a_little_off_all_over_is_found_where_ten_good_parts_were_taught() -> None:
    """18 gray levels over 40 x 24 px: less than the 26 that a pixel may differ by."""
    made, few = (
        difference.teach(
            [seen(as_the_line_shows_it(seed), TAUGHT, 4, seed) for seed in range(count)], TAUGHT
        )
        for count in (10, 9)
    )
    known, less = (
        difference.learn(seen(PART, TAUGHT, 3, 0), TAUGHT, model) for model in (made, few)
    )
    for seed in range(20, 26):
        faint = seen(as_the_line_shows_it(seed, PART.rectangle(180, 178, 40, 24, 132)), TAUGHT, 4)
        (mark,) = difference.measure(faint, TAUGHT, known).marks()
        assert np.abs(mark.points.mean(axis=0) - [199.5, 189.5]).max() < 8
        assert difference.measure(faint, TAUGHT, less).value == 0
        good = seen(as_the_line_shows_it(seed), TAUGHT, 4, seed)
        assert difference.measure(good, TAUGHT, known).value == 0


def test_an_area_with_a_defect_in_it_is_one_defect_and_no_larger() -> None:
    model = difference.teach(
        [seen(as_the_line_shows_it(seed), TAUGHT, 4, seed) for seed in range(10)], TAUGHT
    )
    settings = TAUGHT.model_copy(update={"value": "area"})
    learned = difference.learn(seen(PART, settings, 3, 0), settings, model)
    spot = seen(PART.rectangle(200, 180, 16, 12, 20), settings)
    by_pixels = replace(learned, area_high=None)
    value = difference.measure(spot, settings, learned).value
    assert value == difference.measure(spot, settings, by_pixels).value > 16 * 12
    assert difference.measure(spot, TAUGHT, learned).value == 1


def test_what_a_stronger_lamp_burns_out_is_no_defect_but_what_covers_it_is() -> None:
    white = PART.rectangle(180, 178, 26, 26, 235)
    model = difference.teach(
        [seen(as_the_line_shows_it(seed, white), TAUGHT, 4, seed) for seed in range(10)], TAUGHT
    )
    learned = difference.learn(seen(white, TAUGHT, 3, 0), TAUGHT, model)
    assert difference.measure(seen(white.lit(1.17), TAUGHT), TAUGHT, learned).value == 0
    gray = white.rectangle(184, 182, 18, 18, 205)
    assert difference.measure(seen(gray.lit(1.05), TAUGHT), TAUGHT, learned).value == 1


def bent(scene: Scene, px: float) -> Scene:
    """The scene bent by up to that much, in one direction in its middle, in the other outside."""
    y, x = np.mgrid[: scene.height, : scene.width].astype(np.float32)
    off = px * np.cos((x - 200) / 110 * np.pi).astype(np.float32)
    return Scene(
        cv2.remap(scene.light, x, y - off, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    )  # type: ignore[arg-type]


def test_ten_good_parts_tell_how_far_a_part_may_bend() -> None:
    flat, bending, few = (
        difference.teach(
            [
                seen(as_the_line_shows_it(seed, bent(PART, px * (-1) ** seed)), TAUGHT, 4, seed)
                for seed in range(count)
            ],
            TAUGHT,
        )
        for px, count in ((0.0, 10), (1.4, 10), (0.0, 9))
    )
    master = seen(PART, TAUGHT, 3, 0)
    by_flat, by_bending, by_few = (
        difference.learn(master, TAUGHT, model) for model in (flat, bending, few)
    )
    assert by_flat.bend_px < TAUGHT.bend_px == by_few.bend_px < by_bending.bend_px
    assert by_bending.bend_px <= 2 * TAUGHT.bend_px
    for seed in range(20, 24):
        part = seen(as_the_line_shows_it(seed, bent(PART, 2.4)), TAUGHT, 4, seed)
        assert difference.measure(part, TAUGHT, by_bending).value == 0
        assert difference.measure(part, TAUGHT, by_flat).value > 0
    stiff = TAUGHT.model_copy(update={"bend_px": 0.0})
    assert difference.learn(master, stiff, flat).bend_px == 0


def pale(scene: Scene, contrast: float) -> Scene:
    """The scene with that much of its contrast, and as light as before."""
    middle = scene.light.mean()
    return Scene(middle + (scene.light - middle) * contrast)


def test_ten_good_parts_tell_how_pale_a_part_may_be() -> None:
    many, few = (
        difference.teach(
            [seen(as_the_line_shows_it(seed), TAUGHT, 4, seed) for seed in range(count)], TAUGHT
        )
        for count in (10, 9)
    )
    master = seen(PART, TAUGHT, 3, 0)
    by_many, by_few = (difference.learn(master, TAUGHT, model) for model in (many, few))
    assert by_many.pale_high < by_few.pale_high
    for seed in range(20, 24):
        good = seen(as_the_line_shows_it(seed), TAUGHT, 4, seed)
        assert difference.measure(good, TAUGHT, by_many).value == 0
        faded = seen(as_the_line_shows_it(seed, pale(PART, 0.72)), TAUGHT, 4, seed)
        with pytest.raises(Problem, match=r"NO_CONTRAST.*pale print"):
            difference.measure(faded, TAUGHT, by_many)


@pytest.mark.parametrize("key", ["bent", "pale"])
@pytest.mark.parametrize("bend", [None, np.nan, -1.0, np.inf])
def test_a_model_says_how_bent_and_pale_its_parts_were_or_is_an_older_one(
    bend: float | None, key: str
) -> None:
    model = difference.teach(
        [seen(as_the_line_shows_it(seed), TAUGHT, 4, seed) for seed in range(10)], TAUGHT
    )
    with np.load(io.BytesIO(model)) as file:
        arrays = {name: file[name] for name in file.files if name != key}
    if bend is not None:
        arrays[key] = np.array(bend)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    if bend is None:
        learned = difference.learn(seen(PART, TAUGHT, 3, 0), TAUGHT, file.getvalue())
        older = {"bent": learned.bend_px == TAUGHT.bend_px, "pale": learned.pale_high == 1.5}
        assert older[key]
        return
    with pytest.raises(Problem) as problem:
        difference.learn(seen(PART, TAUGHT, 3, 0), TAUGHT, file.getvalue())
    assert problem.value.code == "MODEL_INVALID"
