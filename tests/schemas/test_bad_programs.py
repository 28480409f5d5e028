"""Every bad program is refused with PROGRAM_INVALID, and names are only ever names.

One file: one table of bad programs.
"""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Problem, Program, as_program, parse_program

pytestmark = pytest.mark.slow

REGION = {"x": 10, "y": 10, "width": 50, "height": 40}
TOOL: dict[str, Any] = {"kind": "area", "name": "label", "region": REGION, "low": 0.9, "high": 1.1}
GOOD: dict[str, Any] = {
    "schema": "program/1",
    "id": "cap",
    "name": "Cap",
    "master": "master.png",
    "locator": {
        "kind": "pattern",
        "region": REGION,
        "search": {"x": 0, "y": 0, "width": 200, "height": 200},
    },
    "tools": [TOOL, {**TOOL, "name": "lid"}],
    "judgement": "label and not lid",
    "outputs": {"OUT1": "tool:lid:ng"},
}


def refused(value: Any) -> Problem:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(Problem) as caught:
        parse_program(data)
    assert caught.value.code == "PROGRAM_INVALID"
    assert len(caught.value.message) < 3000
    assert caught.value.message.isprintable()
    return caught.value


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good program with one place changed: `tools.0.low`."""
    program = copy.deepcopy(GOOD)
    *way, last = path.split(".")
    at: Any = program
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[int(last) if isinstance(at, list) else last] = value
    return program


def test_the_good_program_is_good() -> None:
    assert parse_program(json.dumps(GOOD).encode()).document()["tools"][1]["name"] == "lid"


HUGE = 2**63


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *[
            (f"tools.0.region.{key}", bad)
            for key in REGION
            for bad in (-1, HUGE - 1, 65536, 1.5, "1", True, None, [])
        ],
        *[(f"tools.0.region.{key}", 0) for key in ("width", "height")],
        ("tools.0.region", None),
        ("tools.0.region", [1, 2, 3, 4]),
        ("tools.0.region", {**REGION, "angle_deg": 3}),
        ("tools.0.low", 1.2),
        ("tools.0.low", "0.9"),
        ("tools.0.low", True),
        ("tools.0", {key: value for key, value in TOOL.items() if key not in ("low", "high")}),
        ("tools.0.kind", "polygon"),
        ("tools.0.kind", None),
        ("tools.0.kind", "__class__"),
        ("tools.0.threshold", 0),
        ("tools.0.threshold", 255),
        ("tools.0.surprise", 1),
        ("tools.0.name", "lid"),
        ("tools.0.name", "and"),
        ("tools.0.name", "Label"),
        ("tools.0.name", "x" * 33),
        ("tools.0.name", "{{ 7*7 }}"),
        ("tools.0.name", "label\n"),
        ("tools.0.name", "lаbel"),
        ("tools", [{**TOOL, "name": f"t{n}"} for n in range(500)]),
        ("tools", {}),
        ("tools", None),
        (
            "tools.0",
            {"kind": "outline", "name": "label", "region": REGION, "low": 0.5, "tolerance_px": 6},
        ),
        (
            "tools.0",
            {
                "kind": "edge_pixels",
                "name": "label",
                "region": REGION,
                "low": 0.5,
                "gradient_low": 0,
            },
        ),
        ("locator.region", {**REGION, "width": 7}),
        ("locator.region", {**REGION, "x": 180}),
        ("locator.search", {"x": 20, "y": 20, "width": 20, "height": 20}),
        ("locator.low", 0),
        ("locator.low", 1.1),
        ("locator.kind", "magic"),
        ("judgement", "label and missing"),
        ("judgement", ""),
        ("judgement", "label and"),
        ("judgement", "label()"),
        ("judgement", "label if lid else label"),
        ("judgement", "[label for label in lid]"),
        ("judgement", "lambda: label"),
        ("judgement", "label.real"),
        ("judgement", "label + lid"),
        ("judgement", "label < lid"),
        ("judgement", "1"),
        ("judgement", "__import__('os')"),
        ("judgement", "(" * 400 + "label" + ")" * 400),
        ("judgement", "not " * 300 + "label"),
        ("judgement", "label and " * 200 + "lid"),
        ("judgement", "label\nand lid"),
        ("outputs", {"OUT1": "tool:missing:ng"}),
        ("outputs", {"OUT9": "ok"}),
        ("outputs", {"OUT1": "everything"}),
        ("outputs", {"OUT1": "tool:lid:ng\n"}),
        ("master", None),
        ("master", "../master.png"),
        ("master", "/etc/passwd"),
        ("master", "master.svg"),
        ("master", "master.png\n"),
        ("master", "a/b.png"),
        ("master", ".png"),
        ("id", "Cap"),
        ("id", "../cap"),
        ("id", "cap\n"),
        ("id", "x" * 65),
        ("id", ""),
        ("name", ""),
        ("name", "x" * 4096),
        ("name", "a\u202eb"),
        ("name", "a\u2066b"),
        ("name", "a\u200fb"),
        ("name", "a\u2028b"),
        ("name", "a\u0085b"),
        ("name", "a\nb"),
        ("name", "a\n"),
        ("name", "a\x1b[31m"),
        ("camera", {"exposure_ms": -1}),
        ("camera", {"exposure_ms": 0}),
        ("camera", {"exposure_ms": 1e9}),
        ("camera", {"gain": -1}),
        ("camera", {"mode": "disco"}),
        ("limits_ms", 0),
        ("limits_ms", -5),
        ("limits_ms", HUGE - 1),
        ("limits_ms", 500.0),
        ("keep", {"ok_every": -1}),
        ("schema", "program/0"),
        ("schema", "result/1"),
        ("schema", 1),
        ("surprise", 1),
        ("__proto__", {}),
    ],
)
def test_a_bad_program_is_refused(path: str, value: Any) -> None:
    refused(changed(path, value))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    refused(json.dumps(GOOD).replace("0.9", number).encode())
    refused(json.dumps(GOOD).replace('"x": 10', f'"x": {number}').encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"3",
        b"[]",
        b"{}",
        b'"x"',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b"{" * 100_000,
        b" " * 2_000_000,
    ],
)
def test_what_is_no_program_at_all_is_refused(data: bytes) -> None:
    refused(data)


def test_a_key_given_twice_is_refused() -> None:
    refused(json.dumps(GOOD).replace('"low": 0.9', '"low": 0.9, "low": 0.1').encode())


@pytest.mark.parametrize("version", ["program/2", "program/10"])
def test_a_newer_schema_is_refused_and_says_so(version: str) -> None:
    assert "newer version" in refused(changed("schema", version)).message


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "{{ 7*7 }}", "Größe 😀", "部品", "'; DROP TABLE", "%s%n"]
)
def test_a_name_for_people_may_be_any_printable_text_and_comes_back_as_it_was(name: str) -> None:
    program = parse_program(json.dumps(changed("name", name)).encode())
    assert program.name == name
    assert parse_program(json.dumps(program.document()).encode()).hash == program.hash


def test_the_hash_is_of_the_meaning_not_of_the_spelling() -> None:
    program = parse_program(json.dumps(GOOD, indent=4, sort_keys=True).encode())
    assert program.hash == as_program(GOOD).hash
    assert program.hash != as_program(changed("tools.0.low", 0.91)).hash


def outcome(data: bytes) -> Program | None:
    """The program, or None after the right problem; any other exception is a hole."""
    problem = None
    try:
        return parse_program(data)
    except Problem as caught:
        problem = caught
    assert problem.code == "PROGRAM_INVALID"
    assert problem.message.isprintable()
    return None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_program_or_a_problem(data: bytes) -> None:
    assert isinstance(outcome(data), Program | None)


NAMES = (
    "id",
    "name",
    "master",
    "locator",
    "locator.region",
    "tools",
    "tools.0",
    "tools.0.region.x",
    "tools.1.low",
)
PATHS = st.sampled_from([*NAMES, "judgement", "outputs", "keep", "camera", "limits_ms"])
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(PATHS, ANY)
def test_any_change_is_a_program_or_a_problem(path: str, value: Any) -> None:
    program = outcome(json.dumps(changed(path, value)).encode())
    if program is not None:
        assert parse_program(json.dumps(program.document()).encode()).hash == program.hash


EDGE: dict[str, Any] = {"kind": "edge", "name": "rim", "region": REGION, "low": 0.0}
LINE: dict[str, Any] = {"kind": "line", "name": "side", "region": REGION, "low": -5.0}


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (
            {"kind": "distance", "first": "rim", "second": "label"},
            "tool gap: second: the tool label (area) is not of the kind edge or",
        ),
        (
            {"kind": "distance", "first": "lid", "second": "rim"},
            "tool gap: first: the tool lid (area) is not of the kind edge or",
        ),
        (
            {"kind": "distance", "first": "count", "second": "rim"},
            "tool gap: first: the tool count counts edges",
        ),
        (
            {"kind": "angle", "first": "side", "second": "rim"},
            "tool gap: second: the tool rim (edge) is not of the kind line",
        ),
    ],
)
def test_a_tool_that_measures_from_what_another_finds_names_one_that_finds_something(
    tool: dict[str, Any], said: str
) -> None:
    tools = [*GOOD["tools"], EDGE, {**EDGE, "name": "count", "value": "count"}, LINE]
    assert parse_program(json.dumps({**GOOD, "tools": tools}).encode())
    problem = refused({**GOOD, "tools": [*tools, {**tool, "name": "gap", "low": 0.0}]})
    assert said in problem.message
