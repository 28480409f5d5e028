"""Models at rest: stored by their own hash, part of the program's hash, carried by bundles,
verified when read."""

from pathlib import Path
from typing import Any

import pytest

from schemas import Problem, Program, as_program
from schemas.settings import ProgramSettings
from schemas.store.programs import MAX_MODEL_BYTES, Programs, model_name, read_import

MODEL = b"PK of some arrays"
OTHER = b"PK of others"


def program(model: bytes | None) -> Program:
    tool: dict[str, Any] = {
        "kind": "learned",
        "name": "look",
        "region": {"x": 0, "y": 0, "width": 50, "height": 50},
        "model": None if model is None else model_name(model),
    }
    return as_program({"schema": "program/1", "id": "cap", "name": "Cap", "tools": [tool]})


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path / "state")


def test_a_model_is_stored_once_and_read_again(programs: Programs, tmp_path: Path) -> None:
    stored = programs.save(program(MODEL), None, "ada", files={model_name(MODEL): MODEL})
    assert programs.file(model_name(MODEL)) == MODEL
    again = programs.save(stored.program, None, "ada")  # what is stored need not be given again
    assert again == stored
    assert stored.hash != program(OTHER).hash
    assert [path.name for path in (tmp_path / "state" / "models").glob("*.npz")] == [
        model_name(MODEL)
    ]


def test_a_model_that_is_missing_too_large_or_not_what_it_says_is_refused(
    programs: Programs,
) -> None:
    large = b"0" * (MAX_MODEL_BYTES + 1)
    for code, model, files in (
        ("MODEL_NOT_FOUND", MODEL, {}),
        ("MODEL_INVALID", MODEL, {model_name(MODEL): OTHER}),
        ("MODEL_INVALID", large, {model_name(large): large}),
    ):
        with pytest.raises(Problem) as caught:
            programs.save(program(model), None, "ada", files=files)
        assert caught.value.code == code
    with pytest.raises(Problem, match="PROGRAM_NOT_FOUND"):
        programs.get("cap")


@pytest.mark.parametrize("name", ["../../etc/passwd", "0" * 64 + ".npz", "0" * 64, ""])
def test_no_other_file_is_read(programs: Programs, name: str) -> None:
    with pytest.raises(Problem, match="MODEL_NOT_FOUND"):
        programs.file(name)


def test_a_damaged_model_is_told(programs: Programs, tmp_path: Path) -> None:
    programs.save(program(MODEL), None, "ada", files={model_name(MODEL): MODEL})
    (tmp_path / "state" / "models" / model_name(MODEL)).write_bytes(OTHER)
    with pytest.raises(Problem, match="STORE_CORRUPT"):
        programs.file(model_name(MODEL))


def test_a_bundle_carries_the_models_to_another_node(programs: Programs, tmp_path: Path) -> None:
    stored = programs.save(program(MODEL), None, "ada", files={model_name(MODEL): MODEL})
    bundle = programs.export("cap")
    assert bundle == programs.export("cap")
    other = Programs(tmp_path / "other")
    assert other.import_(bundle, "olaf").hash == stored.hash
    assert other.file(model_name(MODEL)) == MODEL


def test_a_model_beside_a_json_file_is_taken_with_it(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "cap.json").write_text(program(MODEL).model_dump_json(by_alias=True))
    assert read_import(tmp_path / "cap.json", ProgramSettings()).files == {}
    with pytest.raises(Problem, match="MODEL_NOT_FOUND"):
        programs.import_(tmp_path / "cap.json", "ada")
    (tmp_path / model_name(MODEL)).write_bytes(MODEL)
    assert programs.import_(tmp_path / "cap.json", "ada").version == 1
