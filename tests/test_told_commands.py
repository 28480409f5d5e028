"""Every command that a page tells people to type runs: here, or on the box of `make box`."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.cli.command import _parser
from deploy.demo.children import free_port
from tests.rooms.installation import forked
from tests.rooms.installation.processes import ROOT
from tests.rooms.promise.promise import wait_for
from tests.told_commands import PAGES, Block, blocks

PARSER = _parser([])
Sandbox = tuple[Path, dict[str, str], set[str]]  # a folder, an environment, and what was run there
BLOCKS = [block for page in PAGES for block in blocks(page)]
ENDLESS = re.compile(r"\bmosquitto_sub\b(?!.* -C )|\binspection-node watch\b")
# The verdict is the exit code of `trigger`; `load` ends with 1 where this machine is too busy.
SHIM = """#!/bin/sh
{python} -I -S {call} call {socket} "$@"
code=$?
case "$1:$code" in trigger:[023]|load:1) exit 0;; esac
exit $code
"""
OURS = re.compile(r"(?:^|[|;&]\s*|\bdo\s+)(?:sudo )?inspection-node ([a-z][^|;&<>]*)")
# what gives the same each time
ONCE = re.compile(r"^inspection-node (doctor|user list|program list|backup backups)$")
FORBIDDEN = re.compile(
    r"\b(sudo|apt|apt-get|systemctl|journalctl|pip)\b|(?<![\w.])/(srv|media|etc|opt|var|root)/"
)


def of(where: str) -> list[Block]:
    return [block for block in BLOCKS if block.where == where]


def name(block: Block) -> str:
    return f"{block.page.relative_to(ROOT)}:{block.line}"


def test_every_block_that_does_not_run_here_says_why() -> None:
    assert [
        name(block) for block in BLOCKS if block.where != "sandbox" and len(block.reason) < 10
    ] == []
    assert len(of("sandbox")) >= 8, "most guides have commands that run here"


def test_no_block_that_runs_here_changes_the_machine() -> None:
    assert [
        name(block) for block in of("sandbox") if FORBIDDEN.search("\n".join(block.commands))
    ] == []


def test_what_is_run_by_hand_or_on_the_box_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for block in [*of("by hand"), *of("box")]:
        for command in block.commands:
            for target in re.findall(r"\bmake ([a-z-]+)", command):
                assert re.search(rf"^{target}:", makefile, re.M), f"{name(block)}: {command}"
            for module in re.findall(r"python -m ([\w.]+)", command):
                path = ROOT / module.replace(".", "/")
                assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), (
                    f"{name(block)}: {command}"
                )
            for script in re.findall(r"(?:^|\s)((?:deploy|install)/[\w./-]+)", command):
                assert (ROOT / script).exists(), f"{name(block)}: {command}"


def test_every_command_of_inspection_node_that_a_page_tells_is_understood() -> None:
    """Also those in the text and in tables: the parser takes each with its arguments."""
    wrong = []
    for page in PAGES:
        lines = [command for block in blocks(page) for command in block.commands]
        told = [words for line in lines for words in OURS.findall(line)]
        inline = re.findall(r"`(?:sudo )?inspection-node ([a-z][^`[\]{}]*)`", page.read_text())
        told += [words for words in inline if "..." not in words]
        for words in told:
            given = shlex.split(words)
            if not (understood(given) or (words in inline and is_named(given))):
                wrong.append(f"{page.relative_to(ROOT)}: inspection-node {words}")
    assert wrong == []


def understood(words: list[str]) -> bool:
    try:
        PARSER.parse_args(words)
    except SystemExit as end:
        return end.code == 0
    return True


def is_named(words: list[str]) -> bool:
    """A verb that is named in a sentence, without its arguments: its help exists."""
    return len(words) <= 2 and understood([*words, "--help"])


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A folder like the source tree, in which the demo runs, and the environment for commands."""
    if shutil.which("mosquitto_pub") is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs mosquitto-clients")
        pytest.skip("mosquitto-clients are not installed")
    folder = tmp_path_factory.mktemp("told")
    for each in ("deploy", "docs", "schemas", "tests"):
        (folder / each).symlink_to(ROOT / each)
    bin_ = folder / "bin"
    bin_.mkdir()
    socket = folder / "commands"
    shim = SHIM.format(python=sys.executable, call=forked.__file__, socket=socket)
    (bin_ / "inspection-node").write_text(shim)
    (bin_ / "inspection-node").chmod(0o755)
    path = f"{bin_}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": str(ROOT),
        "CONFIG_PATH": "demo-state/node.toml",
    }
    environ |= {"WEB": str(free_port()), "METRICS": str(free_port())}
    ports = ["--mqtt-port", str(free_port()), "--web-port", environ["WEB"]]
    ports += ["--metrics-port", environ["METRICS"]]
    log = folder / "demo.log"
    with log.open("wb") as file:
        words = ["-m", "deploy.cli.command", "demo", "--state", "demo-state", "--no-plc", *ports]
        demo = subprocess.Popen(
            [sys.executable, *words],
            cwd=folder, env=environ, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    commands = subprocess.Popen([sys.executable, "-m", forked.__name__, "serve", str(socket)])
    try:
        wait_for(socket.exists, 90, "the commands")
        wait_for(lambda: "on line" in log.read_text(errors="replace"), 90, "the demo")
        yield folder, environ, set()
    finally:
        commands.kill()
        commands.wait(10)
        os.killpg(demo.pid, signal.SIGINT)
        demo.wait(40)


def asked(line: str, seen: set[str]) -> str:
    """A line of a block as it is run: a command that only watches does so once, one that never ends
    runs beside the others."""
    bare = line.partition("#")[0].strip()
    if ONCE.search(bare) and bare in seen:
        return ":"
    seen.add(bare)
    return f"{line} & endless+=($!)" if ENDLESS.search(line) else line


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", sorted({block.page for block in of("sandbox")}), ids=lambda page: page.stem
)
def test_the_commands_of_a_page_run_one_after_the_other(page: Path, sandbox: Sandbox) -> None:
    folder, environ, seen = sandbox
    script = ["set -eu", "endless=()", "trap 'kill -INT ${endless[@]} 2>/dev/null || :' EXIT"]
    for block in blocks(page):
        if block.where == "sandbox":
            script.append(f"echo {name(block)} >&2")
            script += [asked(line, seen) for line in block.text.splitlines()]
    text = "\n".join(script)
    for told, ours in (("127.0.0.1:5000", "WEB"), ("127.0.0.1:9464", "METRICS")):
        text = text.replace(told, f"127.0.0.1:{environ[ours]}")
    done = subprocess.run(
        ["bash", "-c", text],
        check=False,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, f"{done.stderr[-1500:]}\n{done.stdout[-500:]}"
