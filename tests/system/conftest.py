"""What the tests of whole processes share."""

import pytest

from tests.rooms.installation.processes import NodeProcess
from tests.rooms.promise.promise import Line


@pytest.fixture
def alone(node: NodeProcess, line: Line) -> Line:
    """A PLC and an observer at a node that no other test has."""
    node.start()
    line.state("Ready")
    return line
