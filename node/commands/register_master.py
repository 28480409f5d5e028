"""Register a master: a program learns from another picture, given or taken now."""

import base64
from typing import TYPE_CHECKING, Any

from node.commands.live import live_frame
from node.program import load
from schemas.command import RegisterMaster
from schemas.store.programs import MAX_MASTER_BYTES

if TYPE_CHECKING:
    from node.worker.bench import Bench


def register_master(bench: "Bench", command: RegisterMaster) -> dict[str, Any]:
    """The version that was stored. A master that its tools cannot learn from is refused: Problem
    PROGRAM_INVALID."""
    if command.image is not None:
        pixels = bench.workshop.decoder.decode(base64.b64decode(command.image))
    else:
        pixels = live_frame(bench).pixels
    # as we encode it, whatever was sent
    data = bench.pictures.encode_exact(pixels, MAX_MASTER_BYTES)
    store = bench.shelf.store
    head = store.get(command.program)
    program = head.program.model_copy(
        update={"master": "master.png" if data.startswith(b"\x89PNG") else "master.jpg"}
    )
    load(program, head.version, head.hash, data, store.file)
    stored = store.save(
        program, data, by="command", note="register_master", expect_version=head.version
    )
    bench.shelf.refresh()
    return {
        "program": command.program,
        "program_version": stored.version,
        "program_hash": stored.hash,
    }
