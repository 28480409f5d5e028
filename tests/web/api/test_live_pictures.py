"""The picture of the newest part, with the real broker and a real node with the synthetic line."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.rooms.installation.processes import NodeProcess
from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.promise import Line, wait_for

pytestmark = pytest.mark.slow


def picture(viewer: Someone, seq: int) -> TestResponse:
    """The answer with the picture of that part, once it is drawn."""
    found: list[TestResponse] = []

    def look() -> bool:
        found.append(viewer.ask("GET", f"/stations/cam1/picture?seq={seq}"))
        return found[-1].headers.get("X-Seq") == str(seq)

    wait_for(look, 10, f"the picture of part {seq}")
    return found[-1]


@pytest.mark.system
def test_who_watches_sees_every_newest_part_also_the_one_before_they_came(
    app_with_node: Flask, line: Line
) -> None:
    viewer = Someone(app_with_node, "VIEWER")
    first = line.result(line.trigger())
    answer = picture(viewer, 1)
    assert answer.mimetype == "image/jpeg"
    assert (answer.headers["X-Result-Id"], answer.headers["X-Seq"]) == (first["result_id"], "1")
    assert cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR).shape == (
        480,
        640,
        3,
    )
    second = line.result(line.trigger())
    answer = picture(viewer, 2)
    assert (answer.headers["X-Result-Id"], answer.headers["X-Seq"]) == (second["result_id"], "2")
    ids = [second["result_id"], first["result_id"]]
    assert viewer.get("/stations/cam1/pictures") == {"result_ids": ids}
    assert viewer.ask("GET", f"/stations/cam1/pictures/{ids[0]}").data == answer.data
    # not there yet: the newest, and it says which
    older = viewer.ask("GET", "/stations/cam1/picture?seq=3")
    assert (older.status_code, older.headers["X-Seq"]) == (200, "2")


@pytest.mark.system
def test_nothing_is_drawn_while_nobody_watches(
    app_with_node: Flask, node: NodeProcess, line: Line
) -> None:
    for _ in range(3):
        line.result(line.trigger())
    assert not (node.state / "shown").exists()
    reply = line.command("show", station="cam1")
    assert reply["ok"] is True
    wait_for(lambda: len(list((node.state / "shown").rglob("*.jpg"))) == 1, 10, "the newest part")
    assert line.command("show", station="cam9")["error"]["code"] == "STATION_NOT_FOUND"


def test_without_node_and_picture_there_is_nothing_and_no_waiting(tmp_path: Path) -> None:
    viewer = Someone(application(tmp_path), "VIEWER")
    answer = viewer.ask("GET", "/stations/cam1/picture")
    assert (answer.status_code, answer.data) == (204, b"")
    assert viewer.get("/stations/cam1/pictures") == {"result_ids": []}
    gone = "019a0000-0000-7000-8000-000000000001"
    for name in (gone, "..%2f..%2fledger.db", "x"):
        assert viewer.refused("GET", f"/stations/cam1/pictures/{name}")[0] == 404, name
    for path in (
        "/stations/cam9/picture",
        "/stations/cam9/pictures",
        f"/stations/cam9/pictures/{gone}",
    ):
        assert viewer.refused("GET", path) == (404, "STATION_NOT_FOUND"), path
    assert viewer.refused("GET", "/stations/cam1/picture?seq=0") == (422, "VALIDATION_FAILED")
