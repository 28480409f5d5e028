"""Register a master: a program learns from another picture, given or taken now."""

import base64
from typing import Any

from node.commands.live import live_frame
from node.commands.reach import Reach
from node.program import load
from schemas.command import RegisterMaster
from schemas.program import check_limits
from schemas.store.programs import MAX_MASTER_BYTES


def register_master(reach: Reach, command: RegisterMaster) -> dict[str, Any]:
    """The version that was stored. A master that its tools cannot learn from is refused: Problem
    PROGRAM_INVALID."""
    station = reach.station(command.station)
    if command.image is not None:
        pixels = reach.decoder.decode(base64.b64decode(command.image))
    else:
        pixels = live_frame(station).pixels
    # as we encode it, whatever came
    data = station.pictures.encode_exact(pixels, MAX_MASTER_BYTES)
    store = station.shelf.store
    head = store.get(command.program)
    program = head.program.model_copy(
        update={"master": "master.png" if data.startswith(b"\x89PNG") else "master.jpg"}
    )
    if any(each.program_id == program.id for each in reach.stations.values()):
        check_limits(program)
    load(program, head.version, head.hash, data, store.file)
    stored = store.save(
        program, data, by="command", note="register_master", expect_version=head.version
    )
    station.shelf.refresh()
    reach.outbox.event(
        "program.changed", station.id, {"program": command.program, "version": stored.version}
    )
    return {
        "program": command.program,
        "program_version": stored.version,
        "program_hash": stored.hash,
    }
