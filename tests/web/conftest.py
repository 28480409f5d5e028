"""What the tests of the web share: an application and its administrator, and cheaply hashed
passwords."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.routing import Rule

from tests.rooms.installation import site_of_web
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.people import people
from tests.rooms.promise.promise import Line, wait_for
from web.credentials import password, proof
from web.site import Site


@pytest.fixture(autouse=True, scope="session")
def cheap_hashes() -> None:
    """What a test makes is not worth gigabytes, but is hashed by the same code; `test_password`
    looks at the real parameters."""
    password.HASHER = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    proof.RECOVERY_COST = {"time_cost": 1, "memory_cost": 64}


@pytest.fixture(autouse=True, scope="session")
def routes_compiled_once() -> Iterator[None]:
    """Each application has the same 130 routes, and Werkzeug writes and compiles two functions for
    each of them: most of what an application costs. They know nothing about the application."""
    compiled: dict[object, Any] = {}
    real = Rule._compile_builder

    def once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = real(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture(autouse=True, scope="module")
def sites_closed() -> Iterator[None]:
    """Each application holds open files and a thread or two. Those of all tests together would be
    more than the 1,024 files that select(2) can watch: from then on, each MQTT client of this
    process would hear nothing."""
    made: list[Site] = []
    real = Site.__init__

    def kept(site: Site, *given: Any, **more: Any) -> None:
        real(site, *given, **more)
        made.append(site)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Site, "__init__", kept)
        yield
    for site in made:
        site.close()


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """The web over an empty state folder, without broker and node."""
    return people.application(tmp_path)


@pytest.fixture
def ada(app: Flask) -> people.Caller:
    """Its first administrator."""
    return people.Caller(app, "ada", "ADMIN")


@pytest.fixture
def app_with_node(node: NodeProcess, line: Line, tmp_path: Path) -> Iterator[Flask]:
    """The web beside a broker and a node that is ready, and that the web has heard."""
    node.start()
    line.state("Ready")
    yield from hearing(tmp_path, node)


@pytest.fixture(scope="module")
def app_with_shared(shared: NodeProcess) -> Iterator[Flask]:
    """The web beside the node that the tests of a file share."""
    yield from hearing(shared.folder, shared)


def hearing(folder: Path, node: NodeProcess) -> Iterator[Flask]:
    """A web that has heard the node, until it is closed."""
    made = site_of_web.application(folder, node.config)
    watch = people.site_of(made).watch
    wait_for(lambda: (watch.state or {}).get("state") == "Ready", 60, "the web hears the node")
    yield made
    people.site_of(made).close()
