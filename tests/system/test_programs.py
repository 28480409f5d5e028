"""Programs beside a running node: many of them, and some that bring what their tools were
taught."""

import cv2
import pytest

from node.cameras import synthetic
from node.program import load
from node.teach.lesson import Lesson, Picture, teach
from schemas import SyntheticCamera, as_program
from schemas.store.programs import Programs, model_name
from tests.rooms.installation.processes import NodeProcess
from tests.rooms.installation.site_of_web import Someone, application
from tests.rooms.promise.promise import Line, wait_for
from web.site import NAME

pytestmark = pytest.mark.system


def test_saving_one_of_many_large_programs_holds_up_no_inspection(
    node: NodeProcess, line: Line
) -> None:
    programs = Programs(node.state / "programs")
    stored = programs.get("synthetic-part").program
    region = {"x": 150, "y": 110, "width": 330, "height": 250}
    tools = [
        {"kind": "difference", "name": f"d{number}", "region": region, "high": 0.0}
        for number in range(64)
    ]
    for number in range(40):  # many seconds of learning, were they all loaded
        programs.save(
            as_program({**stored.document(), "id": f"large-{number}", "tools": tools}),
            None,
            by="test",
        )
    node.start()
    line.state("Ready")
    for limit_ms in (901, 902):
        programs.save(stored.model_copy(update={"limits_ms": limit_ms}), None, by="test")
        version = limit_ms - 899
        wait_for(
            lambda version=version: line.result(line.trigger())["program_version"] == version, 10
        )
    programs.save(
        as_program({**stored.document(), "id": "large-7", "limits_ms": 900}), None, by="test"
    )
    assert (
        line.result(line.trigger(payload={"program": "large-7", "trigger_id": "t-7"}))[
            "program_version"
        ]
        == 2
    )
    assert node.stop() == 0


def test_a_bundle_with_a_taught_tool_is_imported_while_the_node_runs(
    node: NodeProcess, line: Line
) -> None:
    camera = SyntheticCamera()
    document = synthetic.program(camera)
    document["tools"].append(
        {
            "kind": "difference",
            "name": "look",
            "region": {"x": 175, "y": 135, "width": 290, "height": 210},
            "high": 0.0,
        }
    )
    document["id"] = "taught"
    elsewhere = Programs(node.folder / "elsewhere")
    master = cv2.imencode(".png", synthetic.master(camera))[1].tobytes()
    stored = elsewhere.save(as_program(document), master, by="test")
    scene = synthetic._Scene(camera)
    parts = [
        synthetic.Part(number, "OK", None, number * 1.5, -number, 1.0, number)
        for number in range(1, 5)
    ]
    pictures = [cv2.imencode(".png", scene.draw(part))[1].tobytes() for part in parts]
    lesson = Lesson(
        good=[Picture(str(number), lambda data=data: data) for number, data in enumerate(pictures)]
    )
    model = teach(
        load(stored.program, 1, stored.hash, master), "look", lesson, None, lambda *_: None
    ).model
    document = stored.program.document()
    document["tools"][-1]["model"] = model_name(model)
    taught = elsewhere.save(as_program(document), None, by="test", files={model_name(model): model})
    node.start()
    line.state("Ready")
    app = application(node.folder, node.config)
    try:
        admin = Someone(app, "ADMIN")
        wait_for(lambda: admin.get("/stations"), 10)
        bundle = elsewhere.export("taught")
        answer = admin.ask("POST", "/programs/import", data=bundle, content_type="application/zip")
        assert answer.status_code == 201, answer.text
        assert (answer.json["data"]["checked"], answer.json["data"]["hash"]) == (
            "node",
            taught.hash,
        )
        assert (
            line.result(line.trigger(payload={"program": "taught", "trigger_id": "t-1"}))[
                "program_hash"
            ]
            == taught.hash
        )
    finally:
        app.extensions[NAME].close()
