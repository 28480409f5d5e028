"""Node and web under accounts of their own, as install.sh makes them: they share the state folder,
and nobody else reads it."""

import json
import os
import signal
import stat
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.demo.broker_process import BrokerProcess
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import ROOT, NodeProcess, free_port
from tests.rooms.people.people import PASSWORD
from tests.rooms.promise.promise import Line, wait_for

pytestmark = pytest.mark.system
ENVIRON = {
    "PATH": os.environ["PATH"],
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")]),
}
NODE, WEB, GROUP, STRANGER = 61001, 61002, 61001, 61003


def python() -> list[str]:
    """A Python that other accounts may start: ours, or the system's of the same version with our
    packages; else none."""
    for each in (sys.executable, "/usr/bin/python3"):
        words = [
            each,
            "-c",
            (
                "import sys, pydantic, schemas; sys.exit(sys.version_info[:2] !="
                f" {sys.version_info[:2]})"
            ),
        ]
        try:
            if (
                subprocess.run(
                    words, check=False, user=STRANGER, cwd="/", env=ENVIRON, capture_output=True
                ).returncode
                == 0
            ):
                return [each]
        except OSError:
            continue
    return []


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other accounts can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_node_and_web_share_the_state_and_a_stranger_reads_nothing(
    folder: Path, broker: BrokerProcess, line: Line, tmp_path: Path
) -> None:
    if os.geteuid() != 0 or not python():
        pytest.skip("only root starts processes of other accounts, which must reach a Python")
    site = synthetic_node(folder, broker.port)
    port = free_port()
    site.config.write_text(site.config.read_text() + f'\nweb = {{ bind = "127.0.0.1:{port}" }}\n')
    site.config.chmod(0o644)
    site.state.chmod(0o2770)
    for path in (site.state, *site.state.rglob("*")):
        os.chown(path, NODE, GROUP)
        path.chmod(0o2770 if path.is_dir() else 0o660)
    started = [_start(site, "run", NODE), _start(site, "web", WEB)]
    try:
        line.state("Ready", 60)
        assert line.result(line.trigger(), limit_s=60)["seq"] == 1
        wait_for(lambda: _get(port, "/api/v1/health/ready"), 60, "the web")
        started[0].send_signal(signal.SIGTERM)  # and again, now that each has made its own
        assert started[0].wait(40) == 0
        started[0] = _start(site, "run", NODE)
        assert line.result(line.trigger(), limit_s=60)["seq"] == 2
        (tmp_path / "password").write_text(PASSWORD)
        add = [
            sys.executable,
            "-m",
            "deploy.cli.command",
            "user",
            "add",
            "ada",
            "--password-file",
            str(tmp_path / "password"),
        ]
        subprocess.run([*add, "--config", str(site.config)], check=True, cwd=ROOT, timeout=60)
        token = _get(port, "/api/v1/auth/login", {"username": "ada", "password": PASSWORD})[
            "access_token"
        ]
        stored = _get(port, "/api/v1/results", token=token)["results"]
        assert len(stored) == 2
        program = _get(port, "/api/v1/programs/synthetic-part", token=token)
        assert program["version"] == 1
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        codes = [process.wait(40) for process in started]
    assert codes == [0, 0]
    modes = {path: path.stat() for path in (site.state, *site.state.rglob("*"))}
    assert {found.st_uid for found in modes.values()} == {NODE, WEB}
    assert {found.st_gid for found in modes.values()} == {GROUP}
    assert not [path for path, found in modes.items() if stat.S_IMODE(found.st_mode) & 0o007]
    look = subprocess.run(
        ["ls", str(site.state)],
        check=False,
        user=STRANGER,
        group=STRANGER,
        extra_groups=[],
        capture_output=True,
    )
    assert look.returncode != 0


def _start(site: NodeProcess, what: str, account: int) -> subprocess.Popen[bytes]:
    words = [*python(), "-m", "deploy.cli.command", what, "--config", str(site.config)]
    with (site.folder / f"{what}.log").open("wb") as log:
        return subprocess.Popen(
            words,
            cwd=ROOT,
            env=ENVIRON,
            stdout=log,
            stderr=log,
            user=account,
            group=GROUP,
            extra_groups=[],
        )


def _get(
    port: int, path: str, body: dict[str, str] | None = None, token: str = ""
) -> dict[str, object] | None:
    """The data of an answer; None while nobody answers well."""
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)["data"]  # type: ignore[no-any-return]
    except OSError:
        return None
