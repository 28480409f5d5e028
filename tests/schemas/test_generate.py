"""What is generated is current, and says the same as the models and the contract.

One file: all that is generated is compared at one place.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from schemas import COMMANDS, Problem, parse_program, parse_trigger
from schemas.generate import (
    COMMAND,
    DRAFT,
    MODELS,
    ROOT,
    generated,
    run,
    schema,
    schema_hashes,
    stale,
)
from schemas.settings.load import load

pytestmark = pytest.mark.slow

RESULT = """{"schema":"result/1","result_id":"0193...","trigger_id":"L3-000123","assigned":false,
 "node":"node-01","station":"cam1","seq":4711,
 "verdict":"NG","evaluation":2,
 "program":"bottle-cap","program_version":7,"program_hash":"sha256:...",
 "part_id":"SN42","meta":{"shift":"A"},"source":"mqtt",
 "received_at":"...Z","captured_at":"...Z","finished_at":"...Z","duration_ms":12.4,
 "timings_ms":{"wait":0.2,"acquire":3.1,"locate":1.2,"measure":6.3,"judge":0.1,"output":0.1},
 "pose":{"x":312.4,"y":201.9,"angle_deg":-1.3,"scale":1.0,"score":0.94},
 "tools":[{"name":"cap","kind":"pattern","verdict":"OK","value":0.97,"unit":"score",
 "low":0.7,"high":null,"ms":2.1,"error":null}],
 "error":null,
 "images":{"raw":"0193....jpg","annotated":"0193....annotated.jpg"},
 "simulated":false}"""
TRIGGER = (
    '{"trigger_id":"L3-000123","program":"bottle-cap","part_id":"SN42","sent_at":"2026-11-22T01:02:03.456Z",'
    '"max_age_ms":2000,"meta":{"shift":"A"}}'
)
STATE = (
    '{"state":"Ready","stations":{"cam1":{"state":"Ready","program":"bottle-cap","program_version":7,"camera":"ok",'
    '"outputs":"ok","error":null}},"since":"...","version":"...","session":"persistent"}'
)
PROGRAM = """{"schema":"program/1","id":"bottle-cap","name":"Bottle cap","master":"master.png",
 "camera":{"exposure_ms":5.0,"gain":1.0,"mode":"normal"},
 "locator":{"kind":"pattern","region":{"x":200,"y":150,"width":120,"height":100},
 "search":{"x":100,"y":80,"width":400,"height":300},"low":0.7},
 "tools":[{"kind":"area","name":"label","region":{"x":300,"y":100,"width":150,"height":120},"low":0.95,"high":1.05}],
 "judgement":"all","limits_ms":500,"outputs":{"OUT4":"tool:label:ng"},"keep":{"ng":true,"ok_every":10}}"""
SETTINGS = """
node_id = "node-01"
environment = "production"            # production | development | testing
state_dir = "/var/lib/inspection-node"

[broker]
url = "mqtt://127.0.0.1:1883"         # mqtts:// with ca_file, cert_file, key_file; username, password from the environment
base = "inspection/v1"

[metrics]
bind = "127.0.0.1:9464"

[web]
bind = "127.0.0.1:5000"

[[station]]
id = "cam1"
program = "bottle-cap"                # active program at first start; later the ledger remembers
camera = { kind = "folder", path = "pictures", order = "name" }   # name | part_id | newest; kinds: synthetic, folder, usb, ...
lines = { kind = "memory" }           # or gpiod: see LINES
queue_limit = 16
max_age_ms = 2000
clocks_synced = false
timer_ms = 0                          # 0 is off
"""  # noqa: E501
LINES = {
    "kind": "gpiod",
    "chip": "pinctrl-rp1",
    "ok": 17,
    "ng": 18,
    "busy": {"line": 27, "active": "low"},
}

CONTRACT: list[tuple[str, Any]] = [
    ("trigger", json.loads(TRIGGER)),
    ("trigger", {}),
    (
        "trigger",
        {
            "trigger_id": 4711,
            "program": "",
            "part_id": "",
            "sent_at": "",
            "max_age_ms": "",
            "meta": "",
            "ack": True,
        },
    ),
    ("accepted", {"trigger_id": "L3-000123", "known": False, "state": "waiting"}),
    (
        "accepted",
        {
            "trigger_id": "L3-000123",
            "known": True,
            "state": "answered",
            "result_id": "0193...",
            "seq": 4711,
            "verdict": "NG",
            "evaluation": 2,
        },
    ),
    (
        "short",
        {
            "trigger_id": "L3-000123",
            "seq": 4711,
            "verdict": "NG",
            "evaluation": 2,
            "code": None,
            "part_id": "SN42",
        },
    ),
    ("result", json.loads(RESULT)),
    ("state", json.loads(STATE)),
    ("state", {"state": "Offline"}),
    ("reply", {"request_id": "r-1", "ok": True, "data": {}}),
    (
        "reply",
        {
            "request_id": "r-1",
            "ok": False,
            "error": {"code": "PROGRAM_NOT_FOUND", "message": "..."},
        },
    ),
    ("program", json.loads(PROGRAM)),
    ("settings", tomllib.loads(SETTINGS)),
    ("settings", {"station": [{"id": "cam1", "camera": {"kind": "synthetic"}, "lines": LINES}]}),
    ("command.ping", {"request_id": "r-1"}),
    ("command.ping", {"request_id": "r-1", "sent_at": "2026-11-22T01:02:03.456Z"}),
    ("reply", {"request_id": "r-1", "ok": True, "data": {}, "repeated": True}),
    ("command.select_program", {"request_id": "r-1", "station": "cam1", "program": "bottle-cap"}),
    (
        "command.try_program",
        {"request_id": "r-1", "station": "cam1", "program": json.loads(PROGRAM)},
    ),
    ("command.resend", {"request_id": "r-1", "station": "cam1", "from_seq": 1, "to_seq": 10}),
    (
        "command.set_output",
        {"request_id": "r-1", "station": "cam1", "output": "OUT4", "active": True},
    ),
]


def test_the_generated_files_are_current() -> None:
    old = stale(generated())
    assert not old, f"not current: {old}; run: {COMMAND}"


def test_nothing_else_lies_beside_the_generated_files() -> None:
    there = {
        f"schemas/json_schemas/{path.name}"
        for path in (ROOT / "schemas" / "json_schemas").iterdir()
    }
    assert there - {"schemas/json_schemas/asyncapi.json"} == {
        path for path in generated() if path.startswith("schemas/json_schemas/")
    }


def test_check_names_the_command_to_run() -> None:
    good = subprocess.run(
        [sys.executable, "-m", "schemas.generate", "--check"],
        cwd=ROOT,
        capture_output=True,
        timeout=60,
    )
    assert good.returncode == 0


def test_a_stale_or_missing_file_is_told_and_left_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run({"schemas/json_schemas/none.json": "{}"}, "do this", ["--check"]) == 1
    assert "schemas/json_schemas/none.json" in (told := capsys.readouterr().err)
    assert "run: .venv/bin/do this" in told
    assert not (ROOT / "schemas/json_schemas/none.json").exists()
    assert run({}, "do this", ["--what"]) == 64


@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_schema_is_a_schema_and_each_field_has_its_sentence(name: str) -> None:
    body = schema(name)
    jsonschema.Draft202012Validator.check_schema(body)
    assert (body["$schema"], body["$id"]) == (DRAFT, f"urn:inspection-node:schema:{name}")
    for table in [body, *body.get("$defs", {}).values()]:
        for key, field in table.get("properties", {}).items():
            told = field.get("description") or body.get("$defs", {}).get(
                field.get("$ref", "")[8:], {}
            ).get("description")
            assert key == "kind" or told, f"{name}: {key} has no sentence"


def test_every_command_has_a_schema() -> None:
    assert {name.removeprefix("command.") for name in MODELS if name.startswith("command.")} == set(
        COMMANDS
    )


@pytest.mark.parametrize(("name", "value"), CONTRACT)
def test_the_examples_of_the_contract_fit_model_and_schema(name: str, value: Any) -> None:
    model: type[BaseModel] = MODELS[name]
    model.model_validate(value)
    jsonschema.validate(value, schema(name), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(("name", "value"), CONTRACT)
def test_an_unknown_key_fits_neither_model_nor_schema(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        MODELS[name].model_validate({**value, "__proto__": 1})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {**value, "__proto__": 1}, schema(name), jsonschema.Draft202012Validator
        )


def test_what_the_contract_shows_is_taken() -> None:
    assert parse_trigger(TRIGGER.encode()).trigger_id == "L3-000123"
    assert parse_program(PROGRAM.encode()).tools[0].name == "label"


def test_what_a_model_writes_fits_its_schema() -> None:
    for name, value in CONTRACT:
        if name != "settings":
            written = MODELS[name].model_validate(value).model_dump(mode="json", by_alias=True)
            jsonschema.validate(written, schema(name), jsonschema.Draft202012Validator)


def test_the_hashes_are_those_of_the_files() -> None:
    import hashlib

    for name, told in schema_hashes().items():
        assert (
            told
            == "sha256:"
            + hashlib.sha256((ROOT / f"schemas/json_schemas/{name}.json").read_bytes()).hexdigest()
        )


def example(tmp_path: Path) -> str:
    text = (ROOT / "deploy/node.example.toml").read_text()
    assert "/var/lib/inspection-node" in text
    return text.replace("/var/lib/inspection-node", str(tmp_path / "state"))


def test_the_example_loads_as_it_is_and_shows_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(example(tmp_path))
    settings = load(path, {}).settings
    path.write_text(
        f'state_dir = "{tmp_path}/state"\nstation = [{{id = "cam1", camera = {{kind ='
        ' "synthetic"}}]'
    )
    assert settings == load(path, {}).settings


@pytest.mark.parametrize("kind", ["folder", "usb", "gpiod"])
def test_the_other_kinds_of_the_example_load_when_their_marks_are_taken_off(
    tmp_path: Path, kind: str
) -> None:
    head, *blocks = re.split(r"\n(?:# )?\[station\.", example(tmp_path))
    table = "lines" if kind == "gpiod" else "camera"
    (block,) = [text for text in blocks if f'# kind = "{kind}"' in text]
    lines = [
        line.removeprefix("# ")
        for line in block.splitlines()[1:]
        if line.startswith("# ") and " = " in line
    ]
    lines = [
        line
        for line in lines
        if line.split(" = ")[0].isidentifier() and not line.startswith("serial")
    ]
    other = "" if table == "camera" else '[station.camera]\nkind = "synthetic"\n'
    path = tmp_path / "node.toml"
    path.write_text(f"{head}\n{other}[station.{table}]\n" + "\n".join(lines))
    station = load(path, {}).settings.station[0]
    assert getattr(station, table).kind == kind


def test_the_example_names_every_key(tmp_path: Path) -> None:
    text = example(tmp_path)
    keys = {
        key
        for table in [schema("settings"), *schema("settings")["$defs"].values()]
        for key, field in table["properties"].items()
        if "$ref" not in field and key not in ("station", "camera", "lines")
    }
    inline = {"line", "active", "edge", "debounce_ms", "mode", "pulse_ms", "delay_ms"}
    for key in keys - inline:
        assert (
            f"\n{key} = " in text
            or f"\n# {key} = " in text
            or f"# {key}:" in text
            or f" {key} = " in text
            or f".{key}]" in text
        ), key


def test_a_bad_trigger_fits_no_schema_either() -> None:
    for value in (
        {"trigger_id": "a b"},
        {"max_age_ms": 0},
        {"max_age_ms": "3"},
        {"role": "ADMIN"},
        [],
        None,
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(value, schema("trigger"), jsonschema.Draft202012Validator)
    with pytest.raises(Problem):
        parse_trigger(b'{"max_age_ms":0}')
