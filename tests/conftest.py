"""The fixtures for every test: a broker, a node with the synthetic line, and the checker's line."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import node as _node  # noqa: F401
from deploy.demo.broker_process import BrokerProcess, start_broker
from tests.rooms.installation.processes import ROOT, NodeProcess
from tests.rooms.promise.promise import Line

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as a shell leaves it to a background job: what we start would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)

# tests start hundreds of processes, and each would compile all modules again
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# folders of tests with whole processes, or many pictures
SLOW = ("browser", "brokers", "gallery", "system")
# folders with the files that take longest, longest first: those that mostly compute, and those that
# mostly wait for processes
COMPUTING = ("browser", "gallery")
WAITING = ("system", "brokers", "deploy", "broker")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what `make fast` leaves out, by its folder; single files elsewhere mark themselves."""
    if hasattr(config, "workerinput"):
        _side_by_side(items)
    for item in items:
        folder = item.path.relative_to(ROOT / "tests").parts[0]
        if folder in SLOW:
            item.add_marker(pytest.mark.slow)
        if folder == "browser":
            item.add_marker(pytest.mark.browser)
        if folder == "web":
            item.add_marker(pytest.mark.worker("thread"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, but all files that look at pages go to one worker: they share a plant and
    a browser. Files begin in the order in which they were collected."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            browser = nodeid.startswith("tests/browser/")
            return "tests/browser" if browser else super()._split_scope(nodeid)

    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


def _side_by_side(items: list[pytest.Item]) -> None:
    """Order files so that what takes longest begins first, and a file that waits for processes
    runs beside one that computes."""
    tests = Counter(item.path for item in items)
    folders = {path: path.relative_to(ROOT / "tests").parts[0] for path in tests}
    ranks = {folder: rank for rank, folder in enumerate((*COMPUTING, *WAITING))}
    # a file of a few long tests at the very end would be waited for by all others
    long = {
        item.path for item in items if {"slow", "system"} & {m.name for m in item.iter_markers()}
    }

    def turn_of(path: Path) -> tuple[int, bool, int, Path]:
        return ranks.get(folders[path], len(ranks)), path not in long, -tests[path], path

    ordered = sorted(tests, key=turn_of)
    browser = sum(folder == "browser" for folder in folders.values())
    turns: dict[Path, tuple[int, bool]] = {}
    for waiting in (False, True):
        files = [path for path in ordered if (folders[path] in WAITING) is waiting]
        first = 0 if waiting else -browser
        turns |= {path: (turn, waiting) for turn, path in enumerate(files, first)}
    items.sort(key=lambda item: turns[item.path])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker of the test's own, with our mosquitto.conf: mosquitto, or else that of the iotcore
    wheel."""
    process = broker_in(tmp_path)
    yield process
    process.stop()


def broker_in(folder: Path) -> BrokerProcess:
    """See `broker`."""
    process = start_broker(folder / "broker", 0)
    if os.environ.get("CI") and process.kind != "mosquitto":
        process.stop()
        pytest.fail("CI needs mosquitto")
    return process


@pytest.fixture
def line(broker: BrokerProcess) -> Iterator[Line]:
    """A PLC and an observer."""
    made = Line(broker.port)
    yield made
    made.close()


@pytest.fixture
def node(
    request: pytest.FixtureRequest, tmp_path: Path, broker: BrokerProcess
) -> Iterator[NodeProcess]:
    """A node with one synthetic station, not yet started; its program is imported."""
    marker = request.node.get_closest_marker("worker")
    kind = {} if marker is None else {"worker": marker.args[0]}
    process = synthetic_node(tmp_path, broker.port, **kind)
    yield process
    process.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A broker and a node that runs, for those tests of a file that leave it as they found it:
    ready, with its own program. A start costs a second of processor, most tests much less."""
    folder = tmp_path_factory.mktemp("shared")
    broker = broker_in(folder)
    process = synthetic_node(folder, broker.port, worker="thread")
    process.start()
    yield process
    process.end()
    broker.stop()


@pytest.fixture
def ready(shared: NodeProcess) -> Iterator[Line]:
    """A PLC and an observer of the test's own, at the node that the tests of its file share."""
    made = Line(shared.broker_port)
    made.state("Ready")
    yield made
    made.close()


def synthetic_node(folder: Path, broker_port: int, **station: object) -> NodeProcess:
    """A node whose station cam1 inspects the synthetic line with its own program."""
    import cv2

    from node.cameras import synthetic
    from schemas import SyntheticCamera, as_program
    from schemas.store.programs import Programs

    camera = SyntheticCamera(**station.pop("camera", {}))  # type: ignore[arg-type]
    process = NodeProcess(
        folder,
        broker_port,
        [
            {
                "id": "cam1",
                "program": "synthetic-part",
                "camera": camera.model_dump(mode="json"),
                "lines": {
                    "kind": "memory",
                    "ok": 1,
                    "ng": 2,
                    "error": 3,
                    "busy": 4,
                    "result_valid": 5,
                    "ready": 6,
                },
                **station,
            }
        ],
    )
    program = as_program(synthetic.program(camera))
    master = cv2.imencode(".png", synthetic.master(camera))[1].tobytes()
    Programs(process.state / "programs").save(program, master, by="test")
    return process


settings.register_profile("steady", derandomize=True, deadline=None)
# the same examples at every run: a failure is a failure of the change, not of the day
settings.load_profile("steady")
