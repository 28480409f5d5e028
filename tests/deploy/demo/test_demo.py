"""`inspection-node demo` as a person would run it: as a process, in a pipe, on free ports.

One file: a demo is started once and looked at by all of them.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from deploy.demo.broker_process import find_mosquitto
from deploy.demo.children import free_port, port_is_free
from deploy.demo.demo_truth import SCREWS
from node.frame import Frame
from node.locate import locate
from node.measure import measure
from node.pictures.decode import decode
from node.program import load
from schemas.program import parse_program
from schemas.store.programs import Programs
from schemas.store.users import Users
from tests.rooms.installation.processes import ROOT
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

LINE = re.compile(r"(cam[12]) #(\d+) (OK|NG|ERROR) +truth (OK|NG|ERROR|unknown) \((yes|NO|-)\)")
COMMAND = (sys.executable, "-m", "deploy.cli.command")
KINDS = ["iotcore", *(["mosquitto"] if find_mosquitto() or os.environ.get("CI") else [])]


class Demo:
    """The demo with a state folder of its own."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.folder = folder
        self.ports = [free_port() for _ in range(3)]
        self._out = folder.parent / f"{folder.name}-{self.ports[0]}.txt"
        ports = [
            f"--{name}-port={port}"
            for name, port in zip(("mqtt", "web", "metrics"), self.ports, strict=True)
        ]
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [*COMMAND, "demo", f"--state={folder}", *ports, *more],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        """What it has printed."""
        return self._out.read_text()

    def results(self, station: str) -> list[tuple[int, str, str, str]]:
        """seq, verdict, truth and agreement of each printed result."""
        return [(int(m[2]), m[3], m[4], m[5]) for m in LINE.finditer(self.said) if m[1] == station]

    def wait(self, station: str, count: int) -> None:
        """Wait until that many results are printed."""
        wait_for(
            lambda: len(self.results(station)) >= count or self.process.poll() is not None,
            60,
            f"{count} of {station}",
        )
        assert self.process.poll() is None, self.said

    def children(self) -> dict[int, str]:
        """Its child processes and their command lines."""
        found = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        )
        return {
            int(pid): Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in found
        }

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """The exit code after a signal."""
        self.process.send_signal(how)
        return self.process.wait(15)


@pytest.fixture
def demos() -> Iterator[list[Demo]]:
    """Demos that are ended after the test, whatever happened."""
    made: list[Demo] = []
    yield made
    for demo in made:
        if demo.process.poll() is None:
            demo.end(signal.SIGTERM)


class Shown(NamedTuple):
    """A demo that has shown all that it has, and was then ended by Ctrl-C."""

    demo: Demo
    kind: str
    children: dict[int, str]
    code: int


@pytest.fixture(scope="module")
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    demo = Demo(tmp_path_factory.mktemp("demo") / "state", f"--broker={request.param}")
    try:
        demo.wait("cam2", 13)  # all photographs, and some again
        children = demo.children()
        return Shown(demo, request.param, children, demo.end(signal.SIGINT))
    finally:
        if demo.process.poll() is None:
            demo.end(signal.SIGTERM)


@pytest.mark.system
@pytest.mark.parametrize("shown", KINDS, indirect=True)
def test_every_verdict_of_the_demo_is_the_truth_and_ctrl_c_ends_everything(shown: Shown) -> None:
    demo, _, children, code = shown
    for station in ("cam1", "cam2"):
        results = demo.results(station)
        assert all(verdict == truth for _, verdict, truth, _ in results), demo.said
        assert {verdict for _, verdict, _, _ in results} >= {"OK", "NG"}
        assert [seq for seq, *_ in results] == list(range(1, len(results) + 1))
    assert len(children) == 3, children
    assert code == 0, demo.said
    assert not [pid for pid in children if _alive(pid)]
    assert all(port_is_free(port) for port in demo.ports)
    assert "has ended" in (demo.folder / "node.log").read_text()


@pytest.mark.system
@pytest.mark.parametrize("kind", KINDS)
def test_the_tour_of_the_readme_works_word_by_word_with_mosquitto_clients_alone(
    tmp_path: Path, demos: list[Demo], kind: str
) -> None:
    if shutil.which("mosquitto_sub") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("mosquitto-clients is not installed")
    demo = Demo(tmp_path / "state", f"--broker={kind}", "--no-plc")
    demos.append(demo)
    tour = re.search(
        r"## Five minutes\n.*?```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert tour is not None
    listen, *rest = (  # the folder is that which the demo printed, as the README says
        line.replace("demo-state", shlex.quote(str(demo.folder)))
        for line in tour[1].splitlines()
        if line and not line.startswith("#")
    )
    wait_for(lambda: "on line" in demo.said or demo.process.poll() is not None, 60, "the start")
    heard = tmp_path / "heard.txt"
    with heard.open("wb") as out:
        watching = subprocess.Popen(["sh", "-c", f"exec env {listen}"], stdout=out)
    try:
        wait_for(lambda: b"/state " in heard.read_bytes(), 20, "the retained state")
        subprocess.run(["sh", "-e", "-c", "\n".join(rest)], check=True, timeout=60)
        wait_for(lambda: b"reply/resume" in heard.read_bytes(), 20, "the last reply")
        wait_for(lambda: heard.read_bytes().count(b"/result/cam1 ") >= 3, 20, "all results")
        files = {file.name: file for file in (demo.folder / "credentials").iterdir()}
        assert files.keys() == {"node-01", "web", "plc", "operator", "viewer"}
        assert all(
            file.stat().st_mode & 0o077 == 0
            for file in [*files.values(), demo.folder / ".env", demo.folder]
        )
        assert all(file.stat().st_mode & 0o077 == 0 for file in (demo.folder / "mqtt").rglob("*"))
        passwords = [file.read_text().strip() for file in files.values()]
        assert not [each for each in passwords if each in demo.said], "it is shown"
        running = [
            each.cmdline()
            for each in (
                psutil.Process(watching.pid),
                *psutil.Process(demo.process.pid).children(True),
            )
        ]
        assert "mosquitto_sub" in running[0]
        assert not [each for each in passwords if each in " ".join(chain(*running, rest))], (
            "a list of processes has it"
        )
        alone = f"mosquitto_pub -p {demo.ports[0]} -t inspection/v1/node-01/trigger/cam1 -m SN-4712".split()  # noqa: E501
        for who in (
            [],
            ["-u", "plc"],
            ["-u", "plc", "-P", files["viewer"].read_text().strip()],
            ["-u", "admin", "-P", "admin"],
        ):
            assert (
                subprocess.run([*alone, *who], capture_output=True, timeout=60).returncode != 0
            ), who
    finally:
        watching.terminate()
        watching.wait(10)
    told = [line.partition(" ")[::2] for line in heard.read_text().splitlines()]
    results = [json.loads(payload) for topic, payload in told if topic.endswith("/result/cam1")]
    codes = {
        "assigned" if r["assigned"] else r["trigger_id"].partition("-")[0]: (
            (r["error"] or {}).get("code")
        )
        for r in results
    }
    assert codes == {"t": None, "assigned": None, "bad": "BAD_TRIGGER"}
    assert len(results) == 3, "the same id again gets no second result"
    (part,) = [result for result in results if result["assigned"]]
    (one,) = [result for result in results if result["trigger_id"].startswith("t-")]
    assert part["part_id"] == "SN-4711"
    (again,) = [json.loads(payload) for topic, payload in told if topic.endswith("/accepted/cam1")]
    assert (again["trigger_id"], again["known"]) == (one["trigger_id"], True)
    assert all(json.loads(payload)["ok"] for topic, payload in told if "/reply/" in topic)
    assert {topic.rpartition("/")[2] for topic, _ in told if "/reply/" in topic} >= {
        "ping",
        "pause",
        "resume",
    }


@pytest.mark.system
@pytest.mark.parametrize("shown", KINDS[-1:], indirect=True)
def test_a_second_start_goes_on_where_the_first_ended(shown: Shown, demos: list[Demo]) -> None:
    first = shown.demo
    password = re.search(r"password (\S+) \(shown only now", first.said)
    assert password is not None
    stored = [
        file
        for file in first.folder.rglob("*")
        if file.is_file() and password[1].encode() in file.read_bytes()
    ]
    assert not stored, "the password is stored somewhere"
    second = Demo(first.folder, "--no-plc", f"--broker={shown.kind}")
    demos.append(second)
    wait_for(
        lambda: "on line" in second.said or second.process.poll() is not None,
        60,
        "the second start",
    )
    assert "there already" in second.said
    assert "password" not in second.said
    answer = subprocess.run(
        [
            *COMMAND,
            "trigger",
            "cam1",
            "--part-id=part-1",
            "--json",
            f"--config={first.folder / 'node.toml'}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    seq = json.loads(answer.stdout)["seq"]
    assert seq == len(first.results("cam1")) + 1
    wait_for(lambda: second.results("cam1"), 10, "the result of a trigger that we sent")
    assert second.results("cam1")[0][0] == seq
    assert second.results("cam1")[0][3] == "yes"
    assert [user.username for user in Users(first.folder / "node" / "users").list()] == ["admin"]
    assert len(Programs(first.folder / "node" / "programs").versions("four-screws")) == 1
    assert second.end(signal.SIGTERM) == 0, second.said


@pytest.mark.system
def test_no_process_stays_when_the_demo_is_killed(tmp_path: Path, demos: list[Demo]) -> None:
    demo = Demo(tmp_path / "state")
    demos.append(demo)
    demo.wait("cam1", 1)
    children = demo.children()
    demo.end(signal.SIGKILL)
    wait_for(lambda: not [pid for pid in children if _alive(pid)], 15, f"the end of {children}")


@pytest.mark.system
@pytest.mark.parametrize("which", ["node", "broker", "web"])
def test_a_child_that_dies_ends_the_demo_with_1(
    tmp_path: Path, demos: list[Demo], which: str
) -> None:
    demo = Demo(tmp_path / "state")
    demos.append(demo)
    demo.wait("cam1", 1)
    wait_for(
        lambda: any("gunicorn" in command for command in demo.children().values()), 60, "the web"
    )
    children = demo.children()
    names = {"node": " run ", "web": "gunicorn"}
    found = {
        name: pid
        for pid, command in children.items()
        for name, word in names.items()
        if word in command
    }
    found["broker"] = next(pid for pid in children if pid not in found.values())
    os.kill(found[which], signal.SIGKILL)
    assert demo.process.wait(20) == 1
    assert f"the {which} ended by itself with -9" in demo.said
    assert not [pid for pid in children if _alive(pid)]


@pytest.mark.system
def test_a_port_that_was_asked_for_and_is_taken_is_an_error(tmp_path: Path, broker: object) -> None:
    port = broker.port  # type: ignore[attr-defined]
    ended = subprocess.run(
        [*COMMAND, "demo", f"--state={tmp_path / 'state'}", f"--mqtt-port={port}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in ended.stderr


def test_the_stored_photographs_are_judged_truthfully_by_both_kinds_of_tools() -> None:
    program = parse_program((SCREWS / "program.json").read_bytes())
    loaded = load(program, 1, program.hash, (SCREWS / str(program.master)).read_bytes())
    truths = json.loads((SCREWS / "truth.json").read_text())
    pictures = sorted(SCREWS.glob("*.jpg"))
    assert [picture.name for picture in pictures] == sorted(truths)
    for picture in pictures:
        frame = Frame(decode(picture.read_bytes()), 0, 0.0, picture.name, True)
        assert (frame.width, frame.height) == loaded.size
        pose, placement = locate(frame, program.locator, loaded.locator)
        assert pose is not None
        truth = truths[picture.name]
        assert (truth["x"], truth["y"]) == pytest.approx((pose.x, pose.y), abs=1.0)
        assert truth["verdict"] == ("OK" if truth["screws"] == "1111" else "NG")
        assert truth["screws"] == picture.stem.partition("_")[2]
        found = [finding.result.verdict for finding in measure(frame, placement, loaded)]
        for kind in (found[:4], found[4:]):
            assert (
                "".join("1" if verdict == "OK" else "0" for verdict in kind) == truth["screws"]
            ), picture.name


def test_the_pictures_are_small_enough_to_ship_and_have_their_licence() -> None:
    assert sum(picture.stat().st_size for picture in SCREWS.glob("*.jpg")) < 1_500_000
    assert "Apache License" in (SCREWS / "LICENSE").read_text()
    assert "aaronzink/tensorflow-visual-inspection" in (SCREWS / "README.md").read_text()


def _alive(pid: int) -> bool:
    """Whether the process runs: one that has ended, but that init has not yet waited for, does
    not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
