"""Trigger: a part by command, which goes the way of all triggers."""

from typing import Any

from node.commands.reach import Asked, Reach
from schemas import Problem
from schemas.command import TriggerCommand
from schemas.trigger import as_trigger


def trigger(reach: Reach, command: TriggerCommand, asked: Asked) -> dict[str, Any]:
    """What its trigger was told; it is answered even if the command is too old to start anything.

    Raises Problem COMMAND_STALE, and TRIGGER_KNOWN for an id that was given to another part.
    """
    station = reach.station(command.station)
    given = as_trigger(command.trigger)
    # the same request must not make a second trigger
    trigger_id = given.trigger_id or f"cmd-{command.request_id}"[:64]
    given = given.model_copy(
        update={"trigger_id": trigger_id, "sent_at": given.sent_at or command.sent_at}
    )
    problem = Problem("TRIGGER_STALE", "its command waited too long") if asked.stale else None
    taken = reach.intake.take(
        station, given, "command", asked.received, backlog=asked.backlog, problem=problem
    )
    if asked.stale:
        raise Problem(
            "COMMAND_STALE",
            f"{asked.stale}; its trigger {taken.told.trigger_id} is answered TRIGGER_STALE",
        )
    if taken.differs:
        raise Problem("TRIGGER_KNOWN", taken.told.trigger_id)
    return {
        "duplicate": taken.told.known,
        **taken.told.model_dump(exclude_none=True, exclude={"known"}),
    }
