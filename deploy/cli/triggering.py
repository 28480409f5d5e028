"""`trigger`: inspect one part and wait for its result; the trigger is repeated until the node has
it, whatever the broker loses."""

import argparse
import sys
from typing import Any

from broker.client import Client, Producer
from deploy.cli import addressee, show
from schemas import Problem

EXITS = {"OK": 0, "NG": 2, "ERROR": 3}


def trigger(args: argparse.Namespace) -> int:
    """0 OK, 2 NG, 3 ERROR. Raises Problem BROKER_AWAY, NODE_AWAY, BAD_TRIGGER."""
    given = {
        "trigger_id": args.id,
        "program": args.program,
        "part_id": args.part_id,
        "max_age_ms": args.max_age_ms,
        "meta": dict(args.meta) or None,
    }
    settings, node = addressee.reached(args)
    with Producer(settings, node) as producer:
        try:
            result = producer.inspect(args.station, given, args.timeout)
        except Problem as problem:
            if problem.code != "NODE_AWAY":
                raise
            raise Problem(
                "NODE_AWAY",
                f"{problem.message.partition(': ')[2]}; {_state(Client(settings, node))}",
            ) from None
    if args.json:
        show.document(result)
    else:
        _print(result)
    verdict = result.get("verdict")
    if verdict not in EXITS:
        raise Problem("NODE_AWAY", f"its result has no verdict but {verdict!r:.40}")
    return EXITS[verdict]


def _state(client: Client) -> str:
    """What is known about a node that gave no result."""
    with client:
        state = client.retained("state", timeout_s=0.5)
    return f"its last state is {state.get('state')}" if state else "the broker knows no state of it"


def _print(result: dict[str, Any]) -> None:
    error = result.get("error") or {}
    program = (
        f"{result.get('program') or 'no program'} version {result.get('program_version') or '-'}"
    )
    print(
        f"{result.get('verdict')}  {result.get('station')} #{result.get('seq')}  {program} "
        f" {result.get('trigger_id')}"
    )
    if error:
        print(f"{error.get('code')}: {error.get('message')}")
    tools = result.get("tools") or []
    if tools:
        show.table(
            ("tool", "kind", "verdict", "value", "unit", "low", "high", "ms", "error"),
            map(_tool, tools),
        )
    times = {"total": result.get("duration_ms"), **(result.get("timings_ms") or {})}
    print("ms: " + ", ".join(f"{name} {show.number(ms)}" for name, ms in times.items()))
    if result.get("outputs") == "error":
        show.note("the output lines could not be driven")
    if result.get("simulated"):
        show.note("camera or lines are simulated")
    sys.stdout.flush()


def _tool(tool: dict[str, Any]) -> tuple[Any, ...]:
    numbers = [show.number(tool.get(key)) for key in ("value", "low", "high", "ms")]
    error = tool.get("error") or {}
    named = tool.get("name"), tool.get("kind"), tool.get("verdict")
    return (
        *named,
        numbers[0],
        tool.get("unit"),
        numbers[1],
        numbers[2],
        numbers[3],
        error.get("message"),
    )
