"""Going on where another stream ended: in the address, for a page that cannot set a header, and
without a stream."""

from pathlib import Path

import pytest

from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.ledgers import fill

RESULTS = 10  # of each of two stations


@pytest.fixture
def viewer(tmp_path: Path) -> Someone:
    (tmp_path / "state").mkdir()
    fill(tmp_path / "state" / "ledger.db", 2 * RESULTS)
    return Someone(application(tmp_path), "VIEWER")


def ids_of_stream(viewer: Someone, query: str, count: int, **headers: str) -> list[str]:
    """Ids of the first events that have one."""
    answer = viewer.client.get(
        f"/api/v1/events{query}", headers={**viewer.headers, **headers}, buffered=False
    )
    assert answer.status_code == 200, answer.text
    found: list[str] = []
    for chunk in answer.response:
        text = chunk if isinstance(chunk, str) else chunk.decode()
        found += [line[4:] for line in text.splitlines() if line.startswith("id: ")]
        if len(found) == count:
            break
    answer.close()
    return found


def test_a_page_that_takes_over_goes_on_after_the_last_event_of_the_other(viewer: Someone) -> None:
    expected = ["cam1:9,cam2:10", "cam1:10,cam2:10"]
    assert ids_of_stream(viewer, "?after=cam1:8,cam2:10", 2) == expected


def test_what_the_browser_itself_remembers_counts_more(viewer: Someone) -> None:
    assert ids_of_stream(
        viewer, "?after=cam1:1,cam2:1", 1, **{"Last-Event-ID": "cam1:9,cam2:10"}
    ) == ["cam1:10,cam2:10"]


def test_polling_tells_what_has_come_since_and_nothing_twice(viewer: Someone) -> None:
    first = viewer.get("/events/now")
    assert (first["id"], first["results"]) == ("cam1:10,cam2:10", [])
    assert (first["link"]["broker"], first["state"], first["alarms"]) == ("away", None, {})
    later = viewer.get("/events/now?after=cam1:7,cam2:9")
    assert [(result["station"], result["seq"]) for result in later["results"]] == [
        ("cam1", 8),
        ("cam1", 9),
        ("cam1", 10),
        ("cam2", 10),
    ]
    assert viewer.get(f"/events/now?after={later['id']}")["results"] == []


@pytest.mark.parametrize("after", ["x", "cam1:-1", "cam9:1", "%0d%0a", "cam1:99999"])
def test_an_id_that_is_none_begins_anew(viewer: Someone, after: str) -> None:
    assert viewer.get(f"/events/now?after={after}")["results"] == []


def test_a_query_that_is_not_known_is_refused(viewer: Someone) -> None:
    assert viewer.refused("GET", "/events?from=1") == (422, "VALIDATION_FAILED")
    assert viewer.refused("GET", f"/events/now?after={'a' * 1001}") == (422, "VALIDATION_FAILED")
