"""Another master for a program that a station uses: it is a way into the line, and a program that
would accept every value does not pass."""

import base64
from pathlib import Path

import cv2

from node.cameras import synthetic
from schemas import SyntheticCamera, as_program
from tests.rooms.installation.nodes import still

CAMERA = SyntheticCamera(seed=3)
MASTER = bytes(cv2.imencode(".png", synthetic.master(CAMERA))[1])


def test_a_program_in_use_whose_tool_takes_everything_gets_no_master(tmp_path: Path) -> None:
    with still(tmp_path) as node:
        store = node.service.programs
        program = synthetic.program(CAMERA)
        store.save(as_program(program), MASTER, by="test")
        used = node.command(
            "select_program", request_id="s", station="cam1", program="synthetic-part"
        )
        assert used["ok"], used
        tools = [*program["tools"][:-1], program["tools"][-1] | {"low": 0.0, "high": None}]
        master = store.get("synthetic-part").program.master
        store.save(as_program(program | {"tools": tools, "master": master}), None, by="test")
        given = {"station": "cam1", "program": "synthetic-part"}
        picture = base64.b64encode(MASTER).decode()
        refused = node.command("register_master", request_id="r", image=picture, **given)
        assert refused["error"]["code"] == "PROGRAM_INVALID"
        assert "cog" in refused["error"]["message"]
        node.service.threads.workshop.decoder.close()
