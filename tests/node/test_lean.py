"""What a node loads: a library that one kind of tool needs only when a program that has such a tool
is loaded."""

import subprocess
import sys
from typing import Any

HEAVY = (
    "onnxruntime",
    "rapidocr_onnxruntime",
    "zxingcpp",
    "onnx",
    "scipy",
    "networkx",
    "shapely",
    "pyclipper",
    "PIL",
    "gpiod",
    "minio",
    "paramiko",
    "sentry_sdk",
    "structlog",
    "rich",
    "flask",
)
PIXELS = ("cv2", "numpy")
# what only the node's own process needs: a worker has no broker and no ledger
OF_THE_NODE = ("broker", "paho", "prometheus_client", "sqlite3", "schemas.store.ledger", "ssl")
TOLD = "import sys; print(*(name for name in {} if name in sys.modules))"
PLAIN = {
    "area": {"threshold": 100},
    "brightness": {},
    "edge_pixels": {"gradient_low": 20.0},
    "contrast": {},
}


def loaded_by(code: str, asked: tuple[str, ...] = HEAVY) -> set[str]:
    """Which of the heavy libraries a new process has loaded after that."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{TOLD.format(asked)}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def loading(kinds: dict[str, dict[str, Any]]) -> str:
    """The code that loads a program with tools of these kinds."""
    region = {"x": 10, "y": 10, "width": 60, "height": 40}
    tools = [
        {"kind": kind, "name": f"t_{number}", "region": region, "low": 0.0, **more}
        for number, (kind, more) in enumerate(kinds.items())
    ]
    document = {
        "schema": "program/1",
        "id": "some",
        "name": "Some",
        "master": "master.png",
        "locator": {"kind": "pattern", "region": region, "low": 0.5},
        "tools": tools,
    }
    return f"""
import numpy as np
import node.service, node.worker.__main__, node.worker.threads
from node.frame import Frame
from node.program import load
from schemas import as_program
pixels = np.random.default_rng(1).integers(0, 255, (80, 100, 3)).astype(np.uint8)
program = as_program({document!r})
load(program, 1, program.hash, Frame(pixels, 0, 0.0, "drawn", simulated=True))
"""


def test_a_node_whose_programs_only_look_at_pixels_loads_no_library_of_one_kind_of_tool() -> None:
    assert loaded_by(loading(PLAIN)) == set()


def test_a_node_whose_workers_are_processes_loads_nothing_that_knows_pixels() -> None:
    assert loaded_by("import node.__main__", PIXELS) == set()


def test_a_worker_process_loads_neither_broker_nor_ledger_nor_metrics() -> None:
    assert loaded_by("import node.worker.__main__", OF_THE_NODE) == set()


def test_the_library_of_a_tool_is_there_once_its_program_is_loaded() -> None:
    assert loaded_by(loading({**PLAIN, "code": {}})) == {"zxingcpp"}


def test_the_shapes_of_a_part_are_made_before_the_first_part_comes() -> None:
    """Each takes milliseconds, which a waiting part would notice."""
    code = """
import sys
from schemas import Result, ready
before = Result.__pydantic_complete__
ready(Result)
if before or not Result.__pydantic_complete__: sys.exit("made at another time")
"""
    assert loaded_by(code) == set()
