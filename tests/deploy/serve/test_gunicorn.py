"""What we replace in Gunicorn is still there, takes what ours takes, and is called by Gunicorn
itself: a version that moves it shows here, not at a reload in a plant."""

import ast
import inspect
import textwrap
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.arbiter import Arbiter
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import TConn, ThreadWorker
from gunicorn.workers.workertmp import WorkerTmp

from deploy.serve.serving import Overlap
from deploy.serve.worker import Held, Patient, Threads

PAIRS: list[tuple[type, type]] = [(Threads, ThreadWorker), (Patient, TConn), (Held, SocketUnreader)]


def replaced() -> list[tuple[type, type, str]]:
    """Methods of ours that Gunicorn's class also has."""
    return [
        (ours, theirs, name)
        for ours, theirs in PAIRS
        for name in vars(ours)
        if inspect.isfunction(vars(ours)[name]) and name != "__init__" and hasattr(theirs, name)
    ]


def calls(function: Any) -> set[str]:
    """The names of what a function calls or hands on as `something.name`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_what_we_replace_is_what_we_think() -> None:
    assert {(ours.__name__, name) for ours, _, name in replaced()} == {
        *(("Threads", name) for name in ("accept", "finish_request", "murder_pending")),
        *(("Threads", f"on_{what}_socket_readable") for what in ("client", "pending")),
        ("Threads", "_keepalive_after"),
        ("Patient", "init"),
        ("Held", "chunk"),
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "name"), replaced(), ids=lambda part: getattr(part, "__name__", part)
)
def test_a_replaced_method_takes_what_gunicorn_gives_and_is_called_by_it(
    ours: type, theirs: type, name: str
) -> None:
    given = list(inspect.signature(getattr(theirs, name)).parameters)
    assert list(inspect.signature(getattr(ours, name)).parameters)[: len(given)] == given
    module = inspect.getmodule(theirs)
    assert name in calls(module) or name in calls(inspect.getmodule(ThreadWorker))


def test_a_reload_makes_workers_and_then_lets_us_wait_before_the_old_ones_end() -> None:
    order: list[str] = []
    arbiter = Arbiter.__new__(Arbiter)
    arbiter.worker_age = 3
    arbiter.WORKERS = {}
    arbiter.manage_workers = lambda: order.append("the old ones end")
    overlap = Overlap(arbiter)
    overlap.begin()
    assert arbiter.manage_workers.__func__ is Overlap._patiently
    young = SimpleNamespace(age=4, tmp=SimpleNamespace(last_update=lambda: float(len(order))))
    arbiter.WORKERS[17] = young
    arbiter.reap_workers = lambda: order.append("looked after the young ones")
    arbiter.manage_workers()
    assert order == ["looked after the young ones", "the old ones end"]
    assert "manage_workers" in calls(Arbiter.reload)


def test_arbiter_and_workers_have_what_the_wait_reads() -> None:
    assert isinstance(Arbiter.WORKERS, dict)
    assert "worker_age" in calls(Arbiter.__init__)
    assert callable(Arbiter.reap_workers)
    assert {"age", "tmp"} <= calls(Worker.__init__)
    assert callable(WorkerTmp.last_update)
