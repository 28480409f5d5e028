"""A locator that is taught from good parts: what they do not have in common is left out of its
pattern.

One file: teaching and finding are seen on the same drawn parts.
"""

import base64
import json
import math
import re
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.cli.command import main
from node.frame import Pixels
from node.locators import pattern
from node.model_file import pack, unpack
from node.program import LoadedProgram, load
from node.teach.lesson import Lesson, LessonOutcome, Picture, teach
from node.vision.patterns import recurring
from schemas import Pattern, Pose, Problem, Program, as_program
from schemas.store.programs import Programs, model_name
from tests.rooms.installation.nodes import still
from tests.rooms.installation.processes import NodeProcess, free_port
from tests.rooms.pictures.scenes import Scene, frame, region

pytestmark = pytest.mark.slow

PART, SIZE = (94, 64), (108, 92)
AROUND = region(84, 54, 128, 112)  # with 10 px of the background
GLARE, DIRT, PRINT = (
    (130, 100),
    (165, 120, 25, 14),
    (108, 132, 30, 16),
)  # on the master only: a disc, a box; a label on each part
SHIFTED, TURNED = Pattern(region=AROUND, low=0.6), Pattern(region=AROUND, angle_deg=20, low=0.6)
BOTH = pytest.mark.parametrize("settings", [SHIFTED, TURNED], ids=["shifted", "turned"])


def scene(
    dx: float, dy: float, seed: int, part: int = 1, dirty: bool = False, parts: bool = True
) -> Scene:
    """A part in front of a background of its own; with a stain and glare if it is dirty."""
    made = Scene.plain(320, 240).clutter(7 * seed + 5)
    if not parts:
        return made
    made = made.part(PART[0] + dx, PART[1] + dy, part, SIZE)
    return made.disc(*GLARE, 13, 250.0).rectangle(*DIRT, 15.0) if dirty else made


def place(seed: int) -> tuple[float, float]:
    dx, dy = np.random.default_rng(seed).uniform(-20, 20, 2)
    return float(dx), float(dy)


@cache
def master() -> Pixels:
    return scene(0, 0, 1, dirty=True).pixels(3, 99)


@cache
def good(seed: int) -> Pixels:
    gain = np.random.default_rng(seed).uniform(0.75, 1.15)
    return scene(*place(seed), seed).lit(float(gain)).pixels(3, seed)


@cache
def other(seed: int) -> Pixels:
    """Another part, or none."""
    return scene(4.2, 3.1, seed, part=seed, parts=seed % 2 == 0).pixels(3, seed)


def png(pixels: Pixels) -> bytes:
    return bytes(cv2.imencode(".png", pixels)[1])


def program(settings: Pattern, model: str | None = None) -> Program:
    tool = {
        "kind": "brightness",
        "name": "light",
        "region": {"x": 100, "y": 70, "width": 40, "height": 40},
        "low": 1.0,
    }
    locator = {**settings.model_dump(mode="json"), "model": model}
    document = {
        "schema": "program/1",
        "id": "cap",
        "name": "Cap",
        "master": "m.png",
        "locator": locator,
        "tools": [tool],
    }
    return as_program(document)


def taught(settings: Pattern, pictures: list[Pixels], shown: Pixels | None = None) -> LessonOutcome:
    shown = master() if shown is None else shown
    given = [
        Picture(f"{number}.png", partial(png, pixels)) for number, pixels in enumerate(pictures)
    ]
    loaded = load(program(settings), 1, "", png(shown))
    return teach(loaded, "locator", Lesson(given), None, lambda _done, _all: None, png(shown))


@cache
def five(settings: Pattern) -> LessonOutcome:
    return taught(settings, [good(seed) for seed in range(2, 7)])


def with_model(settings: Pattern, model: bytes, shown: bytes | None = None) -> LoadedProgram:
    made = program(settings, model_name(model))
    return load(
        made,
        1,
        "",
        png(master()) if shown is None else shown,
        {model_name(model): model}.__getitem__,
    )


def found(learned: LoadedProgram, pixels: Pixels) -> Pose:
    settings = learned.program.locator
    assert isinstance(settings, Pattern)
    return pattern.find(frame(pixels), settings, learned.locator)


def mask(outcome: LessonOutcome, settings: Pattern) -> Pixels:
    return recurring.mask_of(outcome.model, settings, frame(master()))


@BOTH
def test_parts_that_were_not_taught_are_found_better_and_nearer(settings: Pattern) -> None:
    before, after = (
        load(program(settings), 1, "", png(master())),
        with_model(settings, five(settings).model),
    )
    errors = []
    for seed in range(20, 26):
        x, y = AROUND.centre[0] + place(seed)[0], AROUND.centre[1] + place(seed)[1]
        old, new = found(before, good(seed)), found(after, good(seed))
        assert new.score > max(old.score, 0.95)
        errors.append((math.hypot(old.x - x, old.y - y), math.hypot(new.x - x, new.y - y)))
    assert max(new for _, new in errors) <= 0.1
    assert np.mean([new for _, new in errors]) <= np.mean([old for old, _ in errors])


def test_a_turned_part_is_found_by_what_recurs() -> None:
    after = with_model(TURNED, five(TURNED).model)
    for angle in (-18.0, 7.0, 15.0):
        turn = cv2.getRotationMatrix2D(AROUND.centre, -angle, 1.0)
        clear = scene(0, 0, 40).pixels()
        turned = cv2.warpAffine(
            clear, turn, (320, 240), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        pose = found(after, turned)  # type: ignore[arg-type]
        assert pose.angle_deg == pytest.approx(angle, abs=0.2)
        assert math.hypot(pose.x - AROUND.centre[0], pose.y - AROUND.centre[1]) <= 0.2
        assert pose.score > 0.9


@BOTH
def test_glare_dirt_and_background_are_left_out_and_what_recurs_is_kept(settings: Pattern) -> None:
    kept = mask(five(settings), settings)
    x, y = np.meshgrid(np.arange(AROUND.width) + AROUND.x, np.arange(AROUND.height) + AROUND.y)
    glare = np.hypot(x - GLARE[0], y - GLARE[1]) <= 13
    dirt = (x >= DIRT[0]) & (x < DIRT[0] + DIRT[2]) & (y >= DIRT[1]) & (y < DIRT[1] + DIRT[3])
    on_part = (
        (x >= PART[0] + 6)
        & (x < PART[0] + SIZE[0] - 6)
        & (y >= PART[1] + 6)
        & (y < PART[1] + SIZE[1] - 6)
    )
    near = cv2.dilate((glare | dirt).astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    clear = scene(0, 0, 1).pixels()[AROUND.y : AROUND.bottom, AROUND.x : AROUND.right].astype(float)
    differs = np.abs(clear - master()[AROUND.y : AROUND.bottom, AROUND.x : AROUND.right]) > 90
    assert kept[differs & (glare | dirt)].mean() <= 0.02
    assert kept[on_part & ~near].mean() >= 0.97
    facts = five(settings).facts
    assert 0 < facts["dropped"] < facts["points"]
    assert facts["score_after"][0] > facts["score_before"][0]
    assert facts["dropped_at"]


def test_teaching_tells_the_best_other_place_in_the_master() -> None:
    """Half of another such part: too little to be refused, but a part may be mistaken for it."""
    shown = (
        scene(0, 0, 1, dirty=True).part(200.0, 140.0, 1, SIZE).rectangle(254, 130, 66, 110, 90.0)
    )
    outcome = taught(SHIFTED, [good(seed) for seed in range(2, 7)], shown.pixels(3, 99))
    found_at = re.fullmatch(r"score 0\.(\d\d) at x (\d+), y (\d+)", outcome.facts["next_best"])
    assert found_at
    score, x, y = map(int, found_at.groups())
    assert 20 <= score < 70
    centre = AROUND.centre
    assert math.hypot(x - centre[0] - 106, y - centre[1] - 76) <= 3


@BOTH
def test_a_label_that_differs_from_part_to_part_is_left_out(settings: Pattern) -> None:
    def labelled(seed: int) -> Pixels:
        x, y = place(seed) if seed else (0.0, 0.0)
        made, dice = scene(x, y, 3), np.random.default_rng(100 + seed)
        for bar in range(6):
            tone = float(dice.choice([20.0, 230.0]))
            made = made.rectangle(PRINT[0] + 5 * bar + x, PRINT[1] + y, 5, PRINT[3], tone)
        return made.pixels(3, seed)

    outcome = taught(settings, [labelled(seed) for seed in range(1, 8)], labelled(0))
    kept = recurring.mask_of(outcome.model, settings, frame(labelled(0)))
    left, top = PRINT[0] - AROUND.x, PRINT[1] - AROUND.y
    assert kept[top : top + PRINT[3], left : left + PRINT[2]].mean() <= 0.5
    assert kept[top - 50 : top - 10, left : left + 60].mean() >= 0.95


@BOTH
def test_what_is_no_such_part_is_found_no_more_often_than_before(settings: Pattern) -> None:
    before, after = (
        load(program(settings), 1, "", png(master())),
        with_model(settings, five(settings).model),
    )
    for seed in range(50, 56):
        for learned in (before, after):
            with pytest.raises(Problem, match="PART_NOT_FOUND"):
                found(learned, other(seed))


@BOTH
def test_where_all_recurs_nearly_all_is_kept(settings: Pattern) -> None:
    def alike(seed: int) -> Pixels:
        x, y = place(seed) if seed else (0.0, 0.0)
        return Scene.plain(320, 240).part(PART[0] + x, PART[1] + y, 1, SIZE).pixels(3, seed)

    outcome = taught(settings, [alike(seed) for seed in range(1, 6)], alike(0))
    assert outcome.facts["dropped"] <= 0.02 * outcome.facts["points"]
    assert outcome.facts["score_after"][0] >= outcome.facts["score_before"][0] - 0.01


def test_one_bad_picture_among_five_drops_nothing_more() -> None:
    spoilt = scene(3.0, 2.0, 6).disc(180, 90, 11, 245.0).pixels(3, 1)
    outcome = taught(SHIFTED, [good(seed) for seed in range(2, 6)] + [spoilt])
    assert mask(outcome, SHIFTED)[
        90 - 2 - AROUND.y - 4 : 90 - 2 - AROUND.y + 4, 177 - AROUND.x - 4 : 177 - AROUND.x + 4
    ].all()


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        (
            lambda: [good(seed) for seed in range(2, 6)],
            "found in 4 different good pictures; 5 are needed",
        ),
        (lambda: [good(2)] * 9, "found in 1 different good pictures"),
        (lambda: [*(good(s) for s in range(2, 6)), other(51)], "not found in 4.png"),
    ],
    ids=["four", "one again and again", "one without the part"],
)
def test_too_few_pictures_are_refused(pictures: Any, said: str) -> None:
    with pytest.raises(Problem, match="PICTURES_UNFIT") as problem:
        taught(SHIFTED, pictures())
    assert said in problem.value.message


def test_what_recurs_must_fix_the_place() -> None:
    """All that parts have in common is one long edge: what fixed the place in the master is a
    sticker."""

    def edge(seed: int, x: float, y: float) -> Pixels:
        made = Scene.plain(320, 240, 60.0).rectangle(-10, 110, 400, 200, 180.0)
        if seed == 0:
            return made.disc(130, 90, 6, 200.0).pixels(3, 1)
        return made.disc(130 + x, 90 + y, 6, 200.0).pixels(3, seed)

    settings = Pattern(region=region(90, 80, 120, 60), low=0.5)
    shown = edge(0, 0, 0)
    patches = [
        (frame(edge(n, 12.0 * n - 36, 0)).view(settings.region).gray, np.ones((60, 120), np.bool_))
        for n in range(1, 7)
    ]
    kept = recurring.kept_of(frame(shown), settings, patches)
    with pytest.raises(Problem, match=r"NO_CONTRAST.*one direction"):
        pattern.learn(frame(shown), settings, kept=kept.mask)


def test_a_pattern_of_which_hardly_anything_recurs_is_refused() -> None:
    patches = [
        (
            frame(scene(0, 0, 70 + n, part=70 + n).pixels()).view(AROUND).gray,
            np.ones((112, 128), np.bool_),
        )
        for n in range(5)
    ]
    with pytest.raises(Problem, match=r"PICTURES_UNFIT.*points differ"):
        recurring.kept_of(frame(master()), SHIFTED, patches)


def _other(arrays: dict[str, Any], **changes: Any) -> bytes:
    return pack("pattern", {**arrays, **changes})


@BOTH
def test_a_model_that_does_not_fit_the_master_or_the_region_is_refused_when_loaded(
    settings: Pattern,
) -> None:
    model, shown = five(settings).model, png(master())
    another = png(good(2))
    moved = settings.model_copy(update={"region": region(85, 54, 128, 112)})
    box = np.array([84, 54, 128, 112])
    arrays = {**unpack(model, "pattern", recurring.SHAPES), "region": box}
    assert with_model(settings, _other(arrays), shown).locator is not None
    for wanted, data, picture, said in (
        (settings, model, another, "another master image"),
        (moved, model, shown, "another region"),
        (settings, _other(arrays, kept=arrays["kept"][:-1]), shown, "another size"),
        (settings, _other(arrays, kept=arrays["kept"].astype(np.uint16)), shown, "another size"),
        (settings, b"PK no arrays", shown, "cannot be read"),
        (settings, pack("difference", arrays), shown, "not for pattern"),
    ):
        with pytest.raises(
            Problem, match=r"PROGRAM_INVALID.*locator: What a tool was taught cannot be used"
        ) as problem:
            with_model(wanted, data, picture)
        assert isinstance(problem.value.__cause__, Problem)
        assert problem.value.__cause__.code == "MODEL_INVALID"
        assert said in problem.value.message
    for share in (
        np.zeros_like(arrays["kept"]),
        np.where(np.arange(arrays["kept"].size) < 90, 255, 0).astype(np.uint8),
    ):
        with pytest.raises(Problem, match=r"PROGRAM_INVALID.*locator: There is nothing to see"):
            with_model(settings, _other(arrays, kept=share))


def test_a_mask_that_keeps_everything_finds_what_no_mask_finds() -> None:
    whole = np.ones((AROUND.height, AROUND.width), np.uint8)
    plain, kept = (
        pattern.learn(frame(master()), TURNED),
        pattern.learn(frame(master()), TURNED, kept=whole),
    )
    for seed in range(20, 24):
        one, same = (pattern.find(frame(good(seed)), TURNED, learned) for learned in (plain, kept))
        assert math.hypot(one.x - same.x, one.y - same.y) <= 0.02
        assert one.score == pytest.approx(same.score, abs=0.01)


def test_from_the_command_line_to_another_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = NodeProcess(tmp_path, free_port(), [{"id": "cam1", "camera": {"kind": "synthetic"}}])
    store = Programs(site.state / "programs")
    store.save(program(SHIFTED), png(master()), "test")
    folder = tmp_path / "good"
    folder.mkdir()
    for seed in range(2, 6):
        (folder / f"{seed}.png").write_bytes(png(good(seed)))
    words = ["teach", "cap", "locator", str(folder), "--json", "--config", str(site.config)]
    assert main(words) == 1
    assert "PICTURES_UNFIT" in capsys.readouterr().err
    assert store.get("cap").version == 1

    (folder / "6.png").write_bytes(png(good(6)))
    (folder / "empty.png").write_bytes(png(other(51)))
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["good"], told["check"]) == (2, 5, ["good/empty.png"])
    assert 0 < told["dropped"] < told["points"]
    stored = store.get("cap")
    assert isinstance(stored.program.locator, Pattern)
    assert stored.program.locator.model == told["model"]
    assert f"{told['dropped']} of {told['points']} points left out" in stored.note

    # taught again, from the pattern that was taught
    assert main([word for word in words if word != "--json"]) == 0
    out = capsys.readouterr().out
    assert "px; " in out
    assert "good/empty.png" in out
    assert "--confirm" not in out

    stored = store.get("cap")
    elsewhere = Programs(tmp_path / "elsewhere")
    copy = elsewhere.import_(store.export("cap"), "test")
    assert copy.hash == stored.hash
    # as an import may store it
    other_file = cv2.imencode(".png", master(), [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    assert other_file != png(master())
    loaded = load(copy.program, 1, copy.hash, other_file, elsewhere.file)
    assert found(loaded, good(20)).score > 0.95
    with pytest.raises(
        Problem, match=r"PROGRAM_INVALID.*locator: What a tool was taught is missing"
    ):
        load(copy.program, 1, copy.hash, elsewhere.master(copy.program))


def test_another_master_is_not_registered_for_a_locator_that_was_taught_on_the_one_it_has(
    tmp_path: Path,
) -> None:
    """What is kept of a pattern is given in pixels of its own master; another one is refused, and
    the program stays as it is."""
    model = five(SHIFTED).model
    wanted = program(SHIFTED, model_name(model))
    with still(tmp_path) as node:
        store = node.service.programs
        before = store.save(wanted, png(master()), "test", files={model_name(model): model})

        def register(program_id: str, pixels: Pixels) -> dict[str, Any]:
            image = base64.b64encode(png(pixels)).decode()
            return node.command(
                "register_master", request_id=program_id, station="cam1", program="cap", image=image
            )

        refused = register("r-1", good(7))
        assert refused["error"]["code"] == "PROGRAM_INVALID", refused
        assert "another master image: teach the locator again" in str(refused["error"])
        assert store.get("cap").hash == before.hash
        # the same pixels are the same master, whatever file they come in
        assert register("r-2", master())["ok"]
        after = store.get("cap")
        loaded = load(
            after.program, after.version, after.hash, store.master(after.program), store.file
        )
        assert found(loaded, good(20)).score > 0.95
        store.save(program(SHIFTED), png(master()), "test")
        assert register("r-3", good(7))["ok"]


def test_a_locator_of_another_kind_is_not_taught() -> None:
    document = program(SHIFTED).document()
    document["locator"] = None
    loaded = load(as_program(document), 1, "", png(master()))
    lesson = Lesson([Picture("1.png", lambda: png(good(2)))])
    with pytest.raises(Problem, match=r"PROGRAM_INVALID.*kind pattern"):
        teach(loaded, "locator", lesson, None, lambda _done, _all: None, png(master()))
    with pytest.raises(Problem, match="PICTURES_UNFIT"):
        teach(
            load(program(SHIFTED), 1, "", png(master())),
            "locator",
            replace(lesson, bad=lesson.good),
            None,
            print,
            png(master()),
        )
