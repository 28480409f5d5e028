"""A node whose pictures are copied to a share: they arrive, and if they do not, that is
reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.demo.broker_process import BrokerProcess
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.installation.targets import files_below
from tests.rooms.promise.promise import Line, wait_for

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.fixture
def share(tmp_path: Path) -> Path:
    return tmp_path / "share"


@pytest.fixture
def node(tmp_path: Path, broker: BrokerProcess, share: Path) -> Iterator[NodeProcess]:
    made = synthetic_node(tmp_path, broker.port, worker="thread")
    share.mkdir()
    with made.config.open("a") as file:
        file.write(
            "\n[exports.pictures]\n"
            "template = '{station}/{verdict}/{part_id}_{seq}.jpg'\n"
            f"target = {{ kind = 'folder', path = '{share}', mounted = false }}\n"
        )
    yield made
    made.end()


def test_pictures_arrive_also_those_of_while_the_share_was_away_and_the_node_was_killed(
    node: NodeProcess, line: Line, share: Path
) -> None:
    node.start()
    line.state("Ready")
    sent = [inspected(line, n) for n in range(3)]
    wait_for(lambda: set(files_below(share)) == named(sent))
    away = share.with_name("away")
    share.rename(away)
    sent += [inspected(line, n) for n in range(3, 14)]  # every 10th good one is kept
    wanted = named(sent)
    assert len(wanted) > len(files_below(away))
    wait_for(lambda: node.metrics()["inspection_export_failures_total"] > 0)
    alarm = line.expect(lambda topic, value: topic == "alarm/EXPORT" and bool(value), 40)
    assert str(share) in alarm["message"]
    pictures = [one["images"]["raw"] for one in sent if one["images"]["raw"]]
    wait_for(lambda: {*pictures} <= {path.name for path in node.state.glob("pictures/*/*")})
    node.kill()
    node.start()
    away.rename(share)
    wait_for(lambda: set(files_below(share)) == wanted)
    wait_for(lambda: node.metrics()["inspection_export_waiting"] == 0)
    assert not [name for name in node.metrics() if name.startswith("inspection_export_lost_total")]


def inspected(line: Line, number: int) -> dict[str, Any]:
    """The result of a part."""
    part = {"trigger_id": f"t-{number}", "part_id": f"SN{number}"}
    return line.result(line.trigger(payload=part))


def named(results: list[dict[str, Any]]) -> set[str]:
    """The names at the share of those whose picture is kept."""
    return {
        f"{one['station']}/{one['verdict']}/{one['part_id']}_{one['seq']}.jpg"
        for one in results
        if one["images"]["raw"]
    }
