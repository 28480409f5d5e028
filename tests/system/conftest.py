"""What the tests of whole processes share: a line at a node that is ready."""

from collections.abc import Iterator

import pytest

from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import Line


@pytest.fixture
def ready(shared: NodeProcess) -> Iterator[Line]:
    """A PLC and an observer of the test's own, at the node that the tests of its file share."""
    line = Line(shared.broker_port)
    line.state("Ready")
    yield line
    line.close()


@pytest.fixture
def alone(node: NodeProcess, line: Line) -> Line:
    """A PLC and an observer at a node that no other test has."""
    node.start()
    line.state("Ready")
    return line
