"""The command line as a whole: what it refuses, which codes it ends with, what it loads."""

import json
import subprocess
import sys

import pytest

from deploy.cli.command import main
from tests.rooms.installation.processes import ROOT, free_port

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "nope",
        "trigger",
        "trigger cam1 --timeout 0",
        "trigger cam1 --timeout nan",
        "trigger cam1 --max-age-ms -1",
        "trigger cam1 --meta shift",
        "program",
        "program import",
        "program show",
        "program rollback cap newest",
        "program diff cap 1",
        "user add",
        "user add bob --role ROOT",
        "user add bob --password secret",
        "user unlock",
        "web now",
        "schemas no-such-schema",
    ],
)
def test_wrong_usage_ends_with_64_and_says_why(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(wrong.split()) == 64
    told = capsys.readouterr()
    assert told.out == ""
    assert "inspection-node" in told.err


def test_help_names_every_subcommand_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    for name in ("run", "demo", "trigger", "watch", "program", "user", "doctor", "schemas"):
        assert f"\n    {name} " in told


def test_a_failure_is_one_line_on_stderr_with_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    away = f"mqtt://127.0.0.1:{free_port()}"
    assert main(["trigger", "cam1", "--timeout=0.5", "--broker", away]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "BROKER_AWAY" in told.err


@pytest.mark.parametrize(
    "given",
    [
        "--broker foo",
        "--broker http://127.0.0.1",
        "--broker mqtt://127.0.0.1 --node NODE",
        "--config /no/such.toml",
    ],
)
def test_wrong_settings_are_told_by_their_key(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trigger", "cam1", *given.split()]) == 1
    assert "SETTINGS_INVALID" in capsys.readouterr().err


def test_a_subcommand_for_the_broker_loads_neither_opencv_nor_the_node() -> None:
    code = (
        "import sys; from deploy.cli.command import main;main(['trigger', 'cam1', '--timeout=0.5',"
        f" '--broker', 'mqtt://127.0.0.1:{free_port()}']);print([name for name in ('cv2', 'numpy',"
        " 'node', 'rich', 'tinydb', 'argon2') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "[]\n"


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    program = (
        f"{sys.executable} -m deploy.cli.command schemas settings | head -c 1;"
        " exit ${PIPESTATUS[0]}"
    )
    done = subprocess.run(
        ["bash", "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_schemas_are_listed_and_printed_as_shipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schemas", "--json"]) == 0
    listed = {row["name"]: row["description"] for row in json.loads(capsys.readouterr().out)}
    assert {path.stem for path in (ROOT / "schemas" / "json_schemas").glob("*.json")} == set(listed)
    assert all(listed.values())
    assert main(["schemas", "trigger"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(
        (ROOT / "schemas" / "json_schemas" / "trigger.json").read_text()
    )
