"""Log lines: one event per line with what was going on, nothing secret, nothing raw, and a flood
that is reported as a number.

One file: what a line holds and what it hides is read off the same lines.
"""

import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import logs
from schemas.logs import log_performance
from schemas.logs.files import LogFile
from schemas.logs.lines import ALIKE, Lines, Renderer
from schemas.logs.redaction import HIDDEN, Redaction
from schemas.settings.load import load

KNOWN = "a-password-of-the-broker"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"


class Out:
    """A logger of its own, and the lines that came out of it."""

    def __init__(self, folder: Path, *, as_json: bool) -> None:
        self.path = folder / "app.log"
        files = {
            kind: LogFile(folder, kind, 2**20, 30, 2**24) for kind in ("app", "error", "access")
        }
        self.handler = Lines(Renderer(Redaction(iter([KNOWN])), as_json=as_json), files)
        self.log = logging.Logger("node.somewhere", logging.DEBUG)
        self.log.addHandler(self.handler)

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()

    def last(self) -> dict[str, Any]:
        found = json.loads(self.lines()[-1])
        assert isinstance(found, dict)
        return found


@pytest.fixture(params=[True, False], ids=["json", "text"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Out]:
    made = Out(tmp_path, as_json=request.param)
    yield made
    made.handler.close()


@pytest.fixture
def as_json(tmp_path: Path) -> Iterator[Out]:
    made = Out(tmp_path, as_json=True)
    yield made
    made.handler.close()


def test_a_line_tells_when_how_bad_who_and_in_whose_part_or_request(
    as_json: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        logs.telling, "test", lambda: {"station": "cam1", "trigger_id": "L3-7", "user": "ada"}
    )
    as_json.log.warning("the lamp is %s", "dark", extra={"fields": {"request_id": "r-1"}})
    line = as_json.last()
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "node.somewhere",
        "event": "the lamp is dark",
        "station": "cam1",
        "trigger_id": "L3-7",
        "user": "ada",
        "request_id": "r-1",
        "thread": "MainThread",
    }


@pytest.mark.parametrize(
    "text",
    [
        "a\nWARNING forged",
        "\x1b[2J",
        "\u202egnp.exe",
        "\x00",
        "\ud800",
        "a\r\nb",
        "\x85x",
        "\u2028x",
    ],
)
def test_whatever_is_logged_is_one_printable_line(out: Out, text: str) -> None:
    out.log.warning("read %s", text, extra={"fields": {"route": text}})
    lines = out.path.read_bytes().decode().split("\n")
    assert len(lines) == 2, lines
    assert lines[0].isprintable()


def test_a_line_of_a_traceback_passes_for_no_event(out: Out) -> None:
    try:
        raise ValueError("x\n2026-11-27T00:00:00Z [info] forged token=abcdef")
    except ValueError:
        out.log.exception("failed")
    first, *more = out.path.read_text().splitlines()
    assert all(line.startswith("  | ") for line in more)
    assert "ValueError" in out.path.read_text()
    assert "abcdef" not in out.path.read_text()
    assert "failed" in first


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        (f"cannot sign in with {KNOWN}", KNOWN),
        ("password=hunter2-hunter2", "hunter2"),
        ('{"new_password": "hunter2, and more"}', "hunter2"),
        ("Authorization: Bearer abcdefgh12345678", "abcdefgh"),
        ("sent bearer abcdefgh12345678 to it", "abcdefgh"),
        (f"the cookie {JWT} came", JWT),
        ("mqtt://node:hunter2@10.0.0.1:1883 is away", "hunter2"),
        ("one of abcd-efgh-ijkl-mnop was used", "abcd-efgh"),
        ("recovery_codes: ['ab', 'cd']", "'cd'"),
        ("INSPECTION_BROKER__PASSWORD=hunter2", "hunter2"),
        ("access_token: abc.def", "abc.def"),
        ("otpauth://totp/x?secret=JBSWY3DP&issuer=y", "JBSWY3DP"),
    ],
)
def test_a_secret_does_not_stand_in_a_line(out: Out, said: str, secret: str) -> None:
    out.log.warning("%s", said, extra={"fields": {"route": [said]}})
    text = out.path.read_text()
    assert secret not in text
    assert text.count(HIDDEN) == 2


def test_a_field_that_is_named_like_a_secret_is_hidden_whatever_it_is(as_json: Out) -> None:
    as_json.log.info(
        "x", extra={"fields": {"token": 12345, "details": {"recovery_codes": ["a"], "count": 3}}}
    )
    assert as_json.last()["token"] == HIDDEN
    assert as_json.last()["details"] == {"recovery_codes": HIDDEN, "count": 3}


@pytest.mark.parametrize(
    "said",
    [
        "TOKEN_INVALID: its session has ended",
        "a refresh token was used twice: 2 sessions",
        "in 3:4",
    ],
)
def test_what_is_no_secret_stays(as_json: Out, said: str) -> None:
    as_json.log.warning("%s", said)
    assert as_json.last()["event"] == said


def test_a_flood_is_a_few_lines_and_their_number(as_json: Out) -> None:
    for n in range(500):
        as_json.log.error("camera %d does not answer", n)
    as_json.log.error("something else")
    as_json.handler.close()
    told = [json.loads(line) for line in as_json.lines()]
    assert len(told) == ALIKE + 2
    assert told[ALIKE]["event"] == "something else"
    assert told[-1]["left_out"] == 500 - ALIKE
    assert "camera %d does not answer" in told[-1]["event"]


def test_a_flood_of_lines_of_many_kinds_is_bounded_too(
    as_json: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schemas.logs.lines.MOST", 50)
    for n in range(200):
        as_json.log.info(f"kind {n}")
    assert len(as_json.lines()) == 50
    as_json.handler.close()
    assert len(as_json.lines()) == 51
    assert as_json.last()["left_out"] == 150


def test_what_was_left_out_of_a_later_flood_is_told_too(as_json: Out) -> None:
    for _ in range(ALIKE + 3):
        as_json.log.info("again")
    timer = as_json.handler._timer
    assert timer is not None
    timer.cancel()
    as_json.handler._later()  # as if that of an earlier flood were over
    later = as_json.handler._timer
    assert later is not None
    assert later is not timer
    assert later.is_alive()


def test_what_was_left_out_is_told_though_nobody_writes_any_more(
    as_json: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schemas.logs.lines.WINDOW_S", 0.2)
    for _ in range(ALIKE + 3):
        as_json.log.info("again")
    timer = as_json.handler._timer
    assert timer is not None
    timer.join(20)
    assert as_json.last()["left_out"] == 3


def test_the_access_log_leaves_nothing_out_and_has_a_file_of_its_own(as_json: Out) -> None:
    for n in range(ALIKE * 2):
        logs.accessed(as_json.log, {"event": f"GET /{n}", "status": 200})
    as_json.log.error("bad")
    folder = as_json.path.parent
    assert [
        json.loads(line)["event"] for line in (folder / "access.log").read_text().splitlines()
    ] == [f"GET /{n}" for n in range(ALIKE * 2)]
    assert (folder / "error.log").read_text() == as_json.path.read_text() != ""


def test_a_disk_that_takes_no_line_stops_nobody_and_is_told_once(
    as_json: Out, capfd: pytest.CaptureFixture[str]
) -> None:
    for file in as_json.handler._files.values():
        file.close()
    as_json.log.error("first")
    as_json.log.error("second")
    assert capfd.readouterr().err.count("a log line cannot be written: OSError") == 1
    as_json.handler._files = {}


def test_a_slow_function_says_so_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    @log_performance(limit_s=-1.0)
    def slow(n: int) -> int:
        """Documented."""
        return n + 1

    @log_performance(limit_s=3600.0)
    def quick() -> None:
        raise ValueError

    assert slow(1) == 2
    assert slow.__doc__ == "Documented."
    with pytest.raises(ValueError):
        quick()
    (line,) = [record for record in caplog.records if record.name == "schemas.logs"]
    assert line.levelname == "WARNING"
    assert line.fields["function"].endswith("slow")  # type: ignore[attr-defined]
    assert line.fields["duration_s"] >= 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("environment", "given", "json_lines"),
    [
        ("production", "auto", True),
        ("production", "text", False),
        ("testing", "auto", False),
        ("testing", "json", True),
    ],
)
def test_production_logs_json_unless_it_is_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str, given: str, json_lines: bool
) -> None:
    config = tmp_path / "node.toml"
    config.write_text(
        f'environment = "{environment}"\nstate_dir = "{tmp_path}"\nlogs.format ='
        f' "{given}"\nlogs.folder = "{tmp_path}/logs"\nstation = [{{ id = "cam1", camera = {{ kind'
        ' = "synthetic" } }]\n'
    )
    settings = load(
        config, {"INSPECTION_BROKER__USERNAME": "n", "INSPECTION_BROKER__PASSWORD": KNOWN}
    ).settings
    root = logging.Logger("root")
    monkeypatch.setattr(logging, "getLogger", lambda name=None: root)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    logs.begin(settings, "web")
    logs.begin(settings, "web")  # once more, as at a reload
    root.warning("with %s", KNOWN)
    (line,) = (tmp_path / "logs" / "web" / "app.log").read_text().splitlines()
    assert KNOWN not in line
    assert line.startswith("{") is json_lines
    for handler in root.handlers:
        handler.close()


@pytest.mark.parametrize(
    "text",
    [
        "a-",
        "a",
        "password",
        "token-",
        "a.b+c",
        "a://",
        "eyJ-",
        "token=[",
        "token='",
        'token="',
        "bearer ",
        "token ",
        "x=token=",
        "\t",
    ],
)
def test_hiding_takes_a_time_in_proportion_to_the_text_whatever_stands_in_it(text: str) -> None:
    def steps(length: int) -> float:
        begin = time.thread_time()
        Redaction(iter([KNOWN])).text((text * length)[:length])
        return time.thread_time() - begin

    # a hundred times the text: a quadratic search would need ten thousand times as long
    assert steps(200_000) < 1000 * max(steps(2000), 1e-4)
