"""Trying a program: a picture travels once, only what has changed is made anew, and the answer is
the same as if everything had been."""

import base64
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from node.cameras import synthetic
from node.locators import pattern
from node.tools import area, brightness
from schemas import SyntheticCamera, as_program
from tests.rooms.installation.nodes import Still, still

CAMERA = SyntheticCamera(seed=3)
PIXELS = synthetic.master(CAMERA)
MASTER = bytes(cv2.imencode(".png", PIXELS)[1])
DARK = bytes(cv2.imencode(".png", PIXELS // 2)[1])
HASH = hashlib.sha256(MASTER).hexdigest()
PROGRAM = synthetic.program(CAMERA)
TOLD = ("verdict", "pose", "error", "tools")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Still]:
    with still(tmp_path) as made:
        yield made
        made.service.threads.workshop.decoder.close()


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each tool learned and measured."""
    counts: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            counts[name] += 1
            return function(*args, **more)

        return call

    for kind in (area, brightness):
        for name in ("learn", "measure"):
            said = f"{kind.__name__.rpartition('.')[2]}.{name}"
            monkeypatch.setattr(kind, name, counting(said, getattr(kind, name)))
    monkeypatch.setattr(pattern, "learn", counting("locator.learn", pattern.learn))
    monkeypatch.setattr(pattern, "find", counting("locator.find", pattern.find))
    return counts


number = iter(range(10_000))


def tried(node: Still, program: dict[str, Any] | str = PROGRAM, **given: Any) -> dict[str, Any]:
    """The data of a reply that must be good."""
    request_id = f"t{next(number)}"
    reply = node.command(
        "try_program", request_id=request_id, station="cam1", program=program, **given
    )
    assert reply["ok"], reply
    return dict(reply["data"])


def changed(place: int, **settings: Any) -> dict[str, Any]:
    tools = [dict(tool) for tool in PROGRAM["tools"]]
    tools[place] |= settings
    return PROGRAM | {"tools": tools}


def told(found: dict[str, Any]) -> dict[str, Any]:
    """The part of an answer that does not depend on the time it took."""
    tools = [{key: value for key, value in tool.items() if key != "ms"} for tool in found["tools"]]
    return {key: tools if key == "tools" else found[key] for key in TOLD}


def test_pictures_are_known_by_their_hash_and_judged_alike(node: Still) -> None:
    first = tried(node, image=encoded(MASTER), master=encoded(MASTER))
    assert (first["image_sha256"], first["master_sha256"]) == (HASH, HASH)
    assert first["verdict"] == "OK"
    for given in ({"image_sha256": HASH}, {"on_master": True}):
        again = tried(node, master_sha256=HASH, **given)
        assert told(again) == told(first)
        assert again["annotated"] == first["annotated"]


def test_only_the_tool_that_changed_learns_and_measures_again(
    node: Still, done: Counter[str]
) -> None:
    tried(node, on_master=True, master=encoded(MASTER))
    assert done["locator.learn"] == done["locator.find"] == done["brightness.measure"] == 1
    before = Counter(done)
    found = tried(node, changed(0, threshold=90), on_master=True, master_sha256=HASH)
    assert Counter(done) - before == {"area.learn": 1, "area.measure": 1}
    with_all = tried(node, changed(0, threshold=90), image=encoded(MASTER), master=encoded(MASTER))
    assert told(found) == told(with_all)


def test_another_picture_another_locator_and_another_master_are_looked_at_anew(
    node: Still, done: Counter[str]
) -> None:
    tried(node, on_master=True, master=encoded(MASTER))
    before = Counter(done)
    dark = tried(node, image=encoded(DARK), master_sha256=HASH)
    assert Counter(done) - before == {
        "locator.find": 1,
        "area.measure": 1,
        "brightness.measure": 1,
    }
    assert dark["verdict"] != "OK"
    before = Counter(done)
    lower = PROGRAM | {"locator": PROGRAM["locator"] | {"low": 0.6}}
    tried(node, lower, on_master=True, master_sha256=HASH)
    assert Counter(done) - before == {"locator.learn": 1, "locator.find": 1}  # it lies as before
    before = Counter(done)
    tried(node, on_master=True, master=encoded(DARK))
    assert (Counter(done) - before)["area.learn"] == 1


def test_a_tool_that_uses_another_is_asked_again_when_that_one_changes(node: Still) -> None:
    count = {"kind": "count", "name": "good", "tools": ["label", "lamp"], "low": 2.0}
    program = PROGRAM | {"tools": [*PROGRAM["tools"], count]}
    first = tried(node, program, on_master=True, master=encoded(MASTER))
    assert first["tools"][-1]["value"] == 2
    tools = [dict(tool) for tool in program["tools"]]
    tools[2] |= {"low": 254.0}
    found = tried(node, program | {"tools": tools}, on_master=True, master_sha256=HASH)
    assert found["tools"][2]["verdict"] == "NG"
    assert found["tools"][-1]["value"] == 1


def test_times_are_told_as_if_all_had_been_measured(
    node: Still, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = brightness.measure

    def slow(*args: Any) -> Any:
        time.sleep(0.05)
        return measure(*args)

    monkeypatch.setattr(brightness, "measure", slow)
    first = tried(node, on_master=True, master=encoded(MASTER))
    again = tried(node, on_master=True, master_sha256=HASH)
    assert [tool["ms"] for tool in again["tools"]] == [tool["ms"] for tool in first["tools"]]
    assert again["timings_ms"]["measure"] >= sum(tool["ms"] for tool in again["tools"]) >= 50
    hurried = PROGRAM | {"limits_ms": 50}
    late = tried(node, hurried, on_master=True, master_sha256=HASH)
    assert late["error"]["code"] == "TIMEOUT"


def test_a_hash_that_is_not_known_is_refused_so_that_the_picture_is_sent(node: Still) -> None:
    for given in (
        {"image_sha256": "0" * 64, "master": encoded(MASTER)},
        {"image": encoded(MASTER), "master_sha256": "0" * 64},
    ):
        reply = node.command(
            "try_program", request_id=f"t{next(number)}", station="cam1", program=PROGRAM, **given
        )
        assert reply["error"]["code"] == "IMAGE_NOT_KEPT"


def test_the_master_of_a_stored_program_need_not_be_sent_at_all(node: Still) -> None:
    store = node.service.programs
    stored = store.save(as_program(PROGRAM), MASTER, by="test")
    by_id = tried(node, stored.program.id, on_master=True)
    assert by_id["verdict"] == "OK"
    assert by_id["master_sha256"] == HASH
    edited = changed(2, low=254.0) | {"master": stored.program.master}
    assert tried(node, edited, on_master=True)["verdict"] == "NG"


def test_without_a_master_there_is_nothing_to_try_it_on(node: Still) -> None:
    region = {"x": 0, "y": 0, "width": 9, "height": 9}
    tool = {"kind": "brightness", "name": "a", "region": region, "low": 1.0}
    program = {"schema": "program/1", "id": "p", "name": "P", "tools": [tool]}
    found = tried(node, program, on_master=True)
    assert found["error"]["code"] == "MASTER_IMAGE_NOT_FOUND"
