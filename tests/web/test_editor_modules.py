"""The editor's modules that need no browser: they judge as the node does, draw what the schemas
take, and know every kind."""

import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from node.judge import decide
from schemas import Problem
from schemas.geometry import AnyRegion

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "web" / "static" / "js" / "editor"
FRAME = {"width": 640, "height": 480}
REGION: TypeAdapter[Any] = TypeAdapter(AnyRegion)
SHAPES = ("rectangle", "rotated", "circle", "ring", "polygon")

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="Node.js runs the modules outside a browser"
)


def run(script: str, given: Any) -> Any:
    """What a script prints as JSON; it has `given`, and `geometry` and `judge` as modules."""
    head = (
        f"import * as geometry from {json.dumps((MODULES / 'geometry.js').as_uri())};import * as"
        f" judge from {json.dumps((MODULES / 'judge.js').as_uri())};import {{ readFileSync }} from"
        ' "node:fs"; const given = JSON.parse(readFileSync(0, "utf8"));'
    )
    command = [
        "node",
        "--input-type=module",
        "--no-warnings",
        "-e",
        f"{head}console.log(JSON.stringify({script}))",
    ]
    return json.loads(
        subprocess.run(
            command, input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60
        ).stdout
    )


def table(name: str) -> set[str]:
    """The keys of one of the tables in table.js."""
    text = (MODULES / "table.js").read_text(encoding="utf-8")
    body = text.split(f"export const {name} = {{", 1)[1].split("\n};", 1)[0]
    return set(re.findall(r"^  ([a-z_]+): \{", body, re.MULTILINE))


def kinds_of_the_schema() -> tuple[set[str], set[str]]:
    schema = json.loads(
        (ROOT / "schemas" / "json_schemas" / "program.json").read_text(encoding="utf-8")
    )["properties"]
    locator = next(option for option in schema["locator"]["anyOf"] if "discriminator" in option)
    return set(schema["tools"]["items"]["discriminator"]["mapping"]), set(
        locator["discriminator"]["mapping"]
    )


def test_the_picker_has_a_sentence_for_every_kind_of_tool_and_locator() -> None:
    tools, locators = kinds_of_the_schema()
    assert table("KINDS") == tools
    assert table("LOCATORS") == locators


@needs_node
def test_a_judgement_is_decided_as_the_node_decides_it() -> None:
    judgements = [
        "all",
        "any",
        "a",
        "not a",
        "a and b or c",
        "a or b and c",
        "not (a or b) and c",
        "not not a",
        "(a)",
        "a and not b or not c and a",
    ]
    cases = [
        {
            "judgement": judgement,
            "passed": dict(zip("abc", (bool(n & 1), bool(n & 2), bool(n & 4)), strict=True)),
        }
        for judgement in judgements
        for n in range(8)
    ]
    said = run("given.map(({judgement, passed}) => judge.decide(judgement, passed))", cases)
    assert said == [decide(**case) for case in cases]


@needs_node
@pytest.mark.parametrize("judgement", ["d", "a b", "(a", "a)", "and", "a or", "not"])
def test_a_judgement_that_cannot_be_decided_is_refused_as_by_the_node(judgement: str) -> None:
    case = {"judgement": judgement, "passed": {"a": True, "b": False}}
    refused = run(
        "(() => { try { judge.decide(given.judgement, given.passed); return false } catch { return"
        " true } })()",
        case,
    )
    with pytest.raises(Problem):
        decide(**case)
    assert refused


@needs_node
def test_a_tool_without_a_number_is_an_error_and_its_limits_are_good_themselves() -> None:
    values = [
        [None, 0, 1],
        [1.0, 1.0, None],
        [1.0, None, 1.0],
        [0.99, 1.0, None],
        [1.01, None, 1.0],
        [5, None, None],
    ]
    said = run("given.map(([value, low, high]) => judge.toolVerdict(value, low, high))", values)
    assert said == ["ERROR", "OK", "OK", "NG", "NG", "OK"]
    assert (
        run("judge.toolVerdict(NaN, 0, 1) + judge.toolVerdict(Infinity, 0, null)", None)
        == "ERRORERROR"
    )


@needs_node
def test_limits_are_put_between_good_and_bad_pictures() -> None:
    found = run(
        "judge.suggest([0.95, 1, 1.05], [0.4, 0.6, 1.06], {low: 0.8, high: 1.2}, 0.02)", None
    )
    assert found["low"] == pytest.approx((0.6 + 0.95) / 2)
    assert found["high"] > 1.05  # 1.06 is too near: it was bad for another reason
    assert run("judge.suggest([1], [], {low: 0.8, high: null}, 0.1)", None) == {
        "low": 0.9,
        "high": None,
    }
    assert run("judge.suggest([], [0.4], {low: 0.8, high: null}, 0.1)", None) is None


@needs_node
def test_whatever_is_dragged_and_turned_stays_a_region_in_the_frame() -> None:
    dice = random.Random(5)
    moves = [
        {
            "shape": dice.choice(SHAPES),
            "a": at(dice),
            "b": at(dice),
            "by": at(dice, -640),
            "turn": dice.uniform(-180, 180),
            "to": at(dice, -300),
        }
        for _ in range(250)
    ]
    script = """given.moves.flatMap(({shape, a, b, by, turn, to}) => {
      const first = geometry.into(geometry.between(shape, a, b), given.frame);
      const moved = geometry.moved(first, by.x, by.y, given.frame);
      const turned = geometry.into(geometry.turned(moved, turn), given.frame);
      const grips = geometry.handles(turned);
      const pull = (grip) => geometry.reached((p) => geometry.dragged(turned, grip.id, p), grip, to, given.frame);
      const pulled = grips.map((grip) => pull(grip)?.region);
      const other = geometry.SHAPES.map((name) => geometry.into(geometry.converted(turned, name), given.frame));
      return [first, moved, turned, ...pulled.filter(Boolean), ...other];
    })"""  # noqa: E501
    regions = run(script, {"moves": moves, "frame": FRAME})
    assert len(regions) > 2000
    for region in regions:
        assert REGION.validate_python(region).inside(640, 480), region


@needs_node
def test_regions_are_sound_and_inside_as_the_schema_says() -> None:
    dice = random.Random(7)
    regions = [wild(dice) for _ in range(800)]
    said = run(
        "given.regions.map((region) => [geometry.sound(region), geometry.inside(region,"
        " given.frame)])",
        {"regions": regions, "frame": FRAME},
    )
    seen = set()
    for region, (sound, inside) in zip(regions, said, strict=True):
        try:
            known = REGION.validate_python(region)
        except ValidationError:
            assert not (sound and inside), region
            seen.add("refused")
            continue
        assert sound, region
        assert inside == known.inside(640, 480), region
        seen.add("inside" if inside else "outside")
    assert seen == {"refused", "inside", "outside"}


def at(dice: random.Random, least: int = 0) -> dict[str, float]:
    return {"x": dice.uniform(least, 639), "y": dice.uniform(least, 479)}


def wild(dice: random.Random) -> dict[str, Any]:
    """A region as a person may type it."""
    shape = dice.choice(SHAPES)
    if shape == "polygon":
        return {
            "shape": shape,
            "points": [
                at(dice, dice.choice((0, 0, 0, -20))) for _ in range(dice.choice((3, 4, 5)))
            ],
        }
    if shape == "rectangle":
        return {
            "shape": shape,
            "x": dice.randint(0, 700),
            "y": dice.randint(0, 500),
            "width": dice.randint(0, 400),
            "height": dice.randint(1, 300),
        }
    region: dict[str, Any] = {"shape": shape, **at(dice)}
    if shape == "rotated":
        return {
            **region,
            "width": dice.randint(1, 300),
            "height": dice.randint(0, 300),
            "angle_deg": dice.uniform(-180, 180),
        }
    region["radius"] = dice.uniform(0, 200)
    return region if shape == "circle" else {**region, "inner_radius": dice.uniform(0, 200)}
