"""Resend: results that somebody missed are published once more."""

import json
from typing import Any

from node.commands.reach import Reach
from schemas import Problem
from schemas.command import Resend


def resend(reach: Reach, command: Resend) -> dict[str, Any]:
    """Returns which ones. Raises Problem RESULT_NOT_FOUND if there are none."""
    station = reach.station(command.station)
    seqs = (command.from_seq, command.to_seq) if command.from_seq and command.to_seq else None
    payloads = station.ledger.results(station.id, command.result_ids, command.trigger_ids, seqs)
    if not payloads:
        raise Problem("RESULT_NOT_FOUND", f"station {station.id}")
    reach.outbox.resend(station.id, payloads)
    return {"count": len(payloads), "seqs": [json.loads(payload)["seq"] for payload in payloads]}
