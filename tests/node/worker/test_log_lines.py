"""Lines of a worker's log: they cross to the node, and none of them ends a part."""

import json
import logging

import pytest

from node.worker.log_lines import LogLines
from node.worker.wire import Wire, pair


def test_a_line_that_cannot_be_made_is_told_of_and_whoever_wrote_it_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    theirs, ours = (Wire(end) for end in pair())
    log = logging.Logger("tests.tool", logging.INFO)
    lines = LogLines(theirs, "cam1")
    log.addHandler(lines)
    log.info("%d bolts", "many")
    assert "many" in capsys.readouterr().err
    lines.part("T1")
    log.info("%d bolts", 3, extra={"fields": {"tool": "bolts"}})
    kind, payload = ours.receive() or (b"", b"")
    fields = {"station": "cam1", "tool": "bolts", "trigger_id": "T1"}
    assert kind == b"l"
    assert json.loads(payload) == ["tests.tool", logging.INFO, "3 bolts", None, fields]
    theirs.close()
    log.info("nobody hears this")
    ours.close()
