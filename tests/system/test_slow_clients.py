"""The web under clients that are slow, silent, many or never close: everybody else is answered all
the while."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.serve.serving import more_files
from tests.attack.loads import WEB, Load, Probe
from tests.rooms.installation.web_process import Web
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    more_files()
    made = Web(tmp_path_factory.mktemp("web"))
    yield made.ready()
    made.end()


@pytest.mark.parametrize("load", WEB, ids=lambda load: load.__name__)
def test_somebody_else_is_answered(web: Web, load: Load) -> None:
    with (
        load(web.port),
        Probe(web.port, "/health/live", every_s=0.1) as health,
        Probe(web.port, "/app/run", every_s=0.2) as run,
    ):
        wait_for(
            lambda: min(len(health.waits), len(run.waits)) >= 8 or health.failed or run.failed,
            30,
            "answers",
        )
    assert (health.failed, run.failed) == (0, 0), "no answer within 8 s"


def test_the_log_says_that_connections_were_cut_off(web: Web, tmp_path: Path) -> None:
    with WEB[4](web.port):
        wait_for(lambda: "were cut off" in web.log.read_text(), 30, "word of it")
