"""The commands of the contract, over the real broker."""

import base64
import json
from uuid import uuid4

import cv2
import numpy as np
import pytest

from schemas.command import COMMANDS
from tests.conftest import synthetic_node
from tests.rooms.installation.processes import NodeProcess, settle
from tests.rooms.promise.promise import Line, stored

pytestmark = [pytest.mark.system, pytest.mark.worker("thread")]


def picture(data: str) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.worker("process")
def test_every_command_of_the_contract_answers(alone: Line) -> None:
    for name in COMMANDS:
        reply = alone.command(name, request_id=f"r-{uuid4()}", surprise=1)
        assert reply["ok"] is False
        assert reply["error"]["code"] == "BAD_COMMAND", name
    assert alone.command("ping")["ok"] is True


def test_what_is_no_command_is_answered_with_a_code(ready: Line) -> None:
    ready.client.publish(f"{ready.prefix}cmd/ping", b"{", qos=1)
    assert (
        ready.expect(lambda topic, value: topic == "reply/ping")["error"]["code"] == "BAD_COMMAND"
    )
    ready.client.publish(f"{ready.prefix}cmd/dance", b'{"request_id":"r-1"}', qos=1)
    reply = ready.expect(
        lambda topic, value: topic.startswith("reply/") and value["request_id"] == "r-1"
    )
    assert reply["error"]["code"] == "UNKNOWN_COMMAND"


def test_a_repeated_request_is_answered_again_but_not_done_again(ready: Line) -> None:
    first = ready.command("trigger", request_id="same", station="cam1")
    second = ready.command("trigger", request_id="same", station="cam1")
    assert second == {**first, "repeated": True}
    result = ready.result(first["data"]["trigger_id"])
    assert result["source"] == "command"
    ready.result(ready.trigger())
    assert len(ready.results()) == 2
    other = ready.command("ping", request_id="same")
    assert other["error"]["code"] == "BAD_COMMAND"


def test_capture_gives_a_picture_and_no_result(ready: Line) -> None:
    data = ready.command("capture", station="cam1")["data"]
    assert picture(data["image"]).shape == (data["height"], data["width"], 3)
    assert data["quality"]["brightness"] > 0
    assert ready.results() == []


def test_capture_takes_other_camera_settings_and_searches_the_best_ones(ready: Line) -> None:
    dark = ready.command("capture", station="cam1", camera={"exposure_ms": 1.0})["data"]
    best = ready.command(
        "capture", station="cam1", camera={"exposure_ms": 1.0}, optimise=True, exact=True
    )["data"]
    assert dark["quality"]["brightness"] < best["quality"]["brightness"] / 3
    assert best["camera"]["exposure_ms"] == pytest.approx(5.0, rel=0.3)
    assert base64.b64decode(best["image"]).startswith(b"\x89PNG")
    reply = ready.command("capture", station="cam1", camera={"exposure_ms": 0})
    assert reply["error"]["code"] == "BAD_COMMAND"


def test_try_program_judges_a_given_image_and_stores_nothing(
    ready: Line, shared: NodeProcess
) -> None:
    from node.cameras import synthetic
    from schemas import SyntheticCamera

    before = stored(shared.ledger)
    camera = SyntheticCamera()
    master = base64.b64encode(cv2.imencode(".png", synthetic.master(camera))[1]).decode()
    reply = ready.command("try_program", station="cam1", program="synthetic-part", image=master)
    assert reply["data"]["verdict"] == "OK"
    assert picture(reply["data"]["annotated"]).shape == (480, 640, 3)
    own = {**synthetic.program(camera), "id": "mine"}
    reply = ready.command("try_program", station="cam1", program=own, image=master, master=master)
    assert (reply["data"]["verdict"], reply["data"]["program"]) == ("OK", "mine")
    own["tools"] = [{**own["tools"][0], "low": 0.5, "high": 0.4}]
    reply = ready.command("try_program", station="cam1", program=own, image=master, master=master)
    assert reply["error"]["code"] == "PROGRAM_INVALID"
    assert own["tools"][0]["name"] in reply["error"]["message"]
    assert stored(shared.ledger) == before


def test_register_master_makes_a_new_version_from_the_live_image(alone: Line) -> None:
    from node.cameras import synthetic
    from schemas import SyntheticCamera

    master = base64.b64encode(
        cv2.imencode(".png", synthetic.master(SyntheticCamera(seed=9)))[1]
    ).decode()
    reply = alone.command("register_master", station="cam1", program="synthetic-part", image=master)
    assert reply["ok"], reply
    assert alone.result(alone.trigger())["program_version"] == reply["data"]["program_version"]
    black = base64.b64encode(cv2.imencode(".png", np.zeros((480, 640, 3), np.uint8))[1]).decode()
    refused = alone.command(
        "register_master", station="cam1", program="synthetic-part", image=black
    )
    assert refused["error"]["code"] == "PROGRAM_INVALID"


def test_select_program_is_remembered_over_a_restart(alone: Line, node: NodeProcess) -> None:
    from schemas.store.programs import Programs

    programs = Programs(node.state / "programs")
    other = programs.get("synthetic-part").program.model_copy(update={"id": "other"})
    programs.save(other, None, by="test")
    assert (
        alone.command("select_program", station="cam1", program="no-such")["error"]["code"]
        == "PROGRAM_NOT_FOUND"
    )
    assert (
        alone.command("select_program", station="cam1", program="other")["data"]["program_version"]
        == 1
    )
    assert alone.result(alone.trigger())["program"] == "other"
    assert node.stop() == 0
    node.start()
    alone.state("Ready")
    assert alone.result(alone.trigger())["program"] == "other"


def test_what_would_take_every_value_is_not_selected(ready: Line, shared: NodeProcess) -> None:
    from schemas import as_program
    from schemas.store.programs import Programs

    programs = Programs(shared.state / "programs")
    region = {"x": 10, "y": 10, "width": 50, "height": 50}
    anything = {"kind": "brightness", "name": "light", "region": region, "low": 0.0, "high": 255.0}
    programs.save(as_program({"id": "free", "name": "Free", "tools": [anything]}), None, by="test")
    refused = ready.command("select_program", station="cam1", program="free")
    assert refused["error"]["code"] == "PROGRAM_INVALID"
    assert "tool light: low: no limits yet" in refused["error"]["message"]
    assert ready.result(ready.trigger())["program"] == "synthetic-part"


def test_pause_answers_triggers_and_lines_are_set_by_hand_in_maintenance_only(ready: Line) -> None:
    from node.cameras.synthetic import truth
    from schemas import SyntheticCamera

    refused = ready.command("set_output", station="cam1", output="ok", active=True)
    assert refused["error"]["code"] == "NOT_IN_MAINTENANCE"
    ready.command("pause", station="cam1")
    ready.state("Halted")
    assert ready.result(ready.trigger())["error"]["code"] == "STATION_PAUSED"
    assert ready.command("set_output", station="cam1", output="ok", active=True)["ok"] is False
    ready.command("pause", station="cam1", maintenance=True)
    reply = ready.command("set_output", station="cam1", output="ng", active=True)
    assert reply["data"]["lines"]["ng"] is True
    ready.command("resume")
    ready.state("Ready")
    good = next(n for n in range(1, 100) if truth(SyntheticCamera(), n).verdict == "OK")
    part = {"trigger_id": "after-pause", "part_id": f"part-{good}"}
    assert ready.result(ready.trigger(payload=part))["outputs"] == "ok"


def test_resend_publishes_stored_results_again_byte_for_byte(ready: Line) -> None:
    ids = [ready.trigger() for _ in range(3)]
    seqs = [ready.result(trigger_id)["seq"] for trigger_id in ids]
    before = [payload for topic, payload, _, _ in ready.heard if topic == "result/cam1"]
    reply = ready.command("resend", station="cam1", from_seq=seqs[1], to_seq=seqs[2])
    assert reply["data"]["seqs"] == seqs[1:]
    ready.command("resend", station="cam1", trigger_ids=[ids[0]])
    ready.result(ready.trigger())
    again = [
        payload
        for topic, payload, _, user in ready.heard
        if topic == "result/cam1" and "resend" in user
    ]
    assert again == [before[1], before[2], before[0]]
    assert (
        ready.command("resend", station="cam1", trigger_ids=["no"])["error"]["code"]
        == "RESULT_NOT_FOUND"
    )


def test_a_reply_goes_to_the_response_topic_of_clients_only(ready: Line) -> None:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    inside = "inspection/v1/_client/me"
    heard: list[tuple[str, bytes, bytes]] = []
    ready.client.on_message = lambda _c, _u, m: heard.append(
        (m.topic, m.payload, m.properties.CorrelationData)
    )
    ready.client.subscribe([(inside, 1), ("elsewhere/x", 1)])
    for topic in (inside, "elsewhere/x", f"{ready.prefix}alarm/FIRE"):
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic, properties.CorrelationData = topic, b"c-1"
        request = json.dumps({"request_id": f"r-{uuid4()}"})
        ready.client.publish(f"{ready.prefix}cmd/ping", request, qos=1, properties=properties)
    ready.expect(lambda topic, value: topic == "event/command.response_topic")
    ready.command("ping")
    assert [(topic, correlation) for topic, _, correlation in heard] == [(inside, b"c-1")]
    assert not [topic for topic, _, _, _ in ready.heard if topic == "alarm/FIRE"]


def test_reset_counters_starts_from_zero(ready: Line) -> None:
    ready.result(ready.trigger())
    assert ready.command("reset_counters", station="cam1")["ok"] is True


def test_commands_that_waited_while_the_node_was_away_start_nothing(
    tmp_path, broker, line: Line
) -> None:
    node = synthetic_node(tmp_path, broker.port, worker="thread", max_age_ms=500)
    with node.config.open("a") as config:  # tables come last
        config.write("\n[commands]\nmax_age_ms = 1000\n")
    node.start()
    try:
        line.state("Ready")
        node.kill()
        settle(2.0)
        seen = len(line.heard)
        line.trigger(payload={"trigger_id": "late-1"})
        for name, fields in {
            "trigger": {"trigger": {"trigger_id": "late-2"}},
            "pause": {"maintenance": True},
            "set_output": {"output": "ok", "active": True},
            "select_program": {"program": "synthetic-part"},
        }.items():
            request = json.dumps({"request_id": f"late-{name}", "station": "cam1", **fields})
            line.client.publish(f"{line.prefix}cmd/{name}", request, qos=1).wait_for_publish(10)
        node.start()
        replies = {
            name: line.expect(lambda topic, value, name=name: topic == f"reply/{name}", 20, seen)
            for name in ("trigger", "pause", "set_output", "select_program")
        }
        assert {
            name: reply["error"] and reply["error"]["code"] for name, reply in replies.items()
        } == {
            "trigger": "COMMAND_STALE",
            "pause": None,
            "set_output": "COMMAND_STALE",
            "select_program": "COMMAND_STALE",
        }
        for trigger_id in ("late-1", "late-2"):
            result = line.result(trigger_id)
            assert (result["error"]["code"], result["outputs"]) == ("TRIGGER_STALE", "none")
        assert not any(
            line.command("ping")["data"]["lines"]["cam1"][name]
            for name in ("ok", "ng", "error", "busy")
        )
    finally:
        node.end()
