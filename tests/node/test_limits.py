"""The time limits of the process are in an order in which each can be kept, and none is outside the
table."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import connection
from node import limits
from node.commands import calibrate
from node.commands.trying import CHALLENGE_S
from node.worker import in_process
from node.worker.bench import PICTURES_STOP_S, SHOWING_STOP_S

WAITS = (
    "acquire",
    "get",
    "join",
    "poll",
    "result",
    "select",
    "settimeout",
    "sleep",
    "stop",
    "wait",
    "wait_for",
)
LEAST_S = 0.1  # shorter ones are steps of a loop that looks at its limit
BEATS = (limits.BEAT_S, limits.CARE_BEAT_S)


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Name and source of all modules that the node's process may load."""
    for package in ("schemas", "broker", "node"):
        for path in sorted(Path(package).rglob("*.py")):
            name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
            if name != limits.__name__:
                yield name, ast.parse(path.read_text())


def constants(module: ast.Module) -> Iterator[str]:
    """Names in a module that end like those of seconds."""
    for statement in module.body:
        targets = (
            statement.targets
            if isinstance(statement, ast.Assign)
            else [getattr(statement, "target", None)]
        )
        for target in targets:
            for name in ast.walk(target) if target is not None else ():
                if isinstance(name, ast.Name) and name.id.endswith("_S"):
                    yield name.id


def bare(module: ast.Module) -> Iterator[str]:
    """Waits of a module whose limit is a number without a name."""
    for node in ast.walk(module):
        given: list[ast.expr] = []
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) in WAITS
        ):
            given = [
                *node.args[:1],
                *(each.value for each in node.keywords if each.arg and "timeout" in each.arg),
            ]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = [*zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)]
            named += [
                (name, value)
                for name, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                if value
            ]
            given = [value for name, value in named if name.arg.endswith("_s")]
        for number in (each for value in given for each in direct(value)):
            if isinstance(number.value, int | float) and LEAST_S <= number.value < 1000:
                yield f"line {number.lineno}: {number.value}"


def direct(value: ast.expr) -> Iterator[ast.Constant]:
    """The plain numbers that an expression may give."""
    if isinstance(value, ast.Constant):
        yield value
    elif isinstance(value, ast.IfExp):
        yield from (*direct(value.body), *direct(value.orelse))
    elif isinstance(value, ast.Call) and getattr(value.func, "id", "") in ("min", "max"):
        for each in value.args:
            yield from direct(each)


def test_every_time_limit_of_the_process_stands_in_the_table_once() -> None:
    listed = [
        (module, name)
        for named in limits.TABLE.values()
        for module, names in named.items()
        for name in names.split()
    ]
    assert sorted(listed) == sorted(
        (name, constant) for name, module in modules() for constant in constants(module)
    )
    assert len(listed) == len(list(limits.rows()))


def test_no_wait_has_a_number_without_a_name() -> None:
    assert [(name, found) for name, module in modules() if (found := list(bare(module)))] == []


@pytest.mark.parametrize(
    "source",
    [
        "thread.join(5)",
        "stopping.wait(min(0.5, left))",
        "stopping.wait(1 if quick else left)",
        "lock.acquire(timeout=0.1)",
        "def stop(limit_s=2.0): ...",
    ],
)
def test_a_number_without_a_name_is_seen(source: str) -> None:
    assert list(bare(ast.parse(source)))


def test_who_waits_under_a_lock_gives_up_before_anybody_is_missed_or_the_watchdog_bites() -> None:
    waits = [row for row in limits.rows() if row.kind in (limits.LOCKS, limits.TURNS)]
    assert [row for row in waits if max(row.seconds) >= min(BEATS)] == []
    assert min(BEATS) > limits.LEDGER_S
    # twice for a command that fails, each for our threads and for other processes
    assert min(BEATS) > 4 * limits.AUDIT_S
    assert min(BEATS) > limits.STILL_S
    assert max(BEATS) < limits.WATCHDOG_S


def test_a_challenge_leaves_the_thread_of_commands_to_others_long_before_it_is_missed() -> None:
    assert CHALLENGE_S <= limits.BEAT_S / 4


def test_a_command_has_ended_long_before_its_thread_is_missed() -> None:
    assert calibrate.LIMIT_S < in_process.ASK_S
    # one apart, and then the station's own worker, which loads what was stored
    assert in_process.ASK_S + 2 * in_process.THERE_S < limits.COMMANDS_BEAT_S / 2


def test_an_end_takes_less_than_ten_seconds_and_its_parts_have_room_in_it() -> None:
    assert limits.END_S < 10
    parts = (
        limits.BROKER_STOP_S,
        limits.LINES_STOP_S,
        PICTURES_STOP_S,
        SHOWING_STOP_S,
    )
    assert max(parts) < limits.APART_S
    assert limits.BROKER.farewell_s < limits.BROKER_STOP_S


def test_a_dead_connection_is_found_in_the_promised_time_by_a_look_at_it_each_second() -> None:
    assert limits.BROKER.dead_s + connection.PASS_S <= limits.DEAD_S


def test_a_unit_that_is_shipped_has_the_watchdog_of_the_table() -> None:
    for unit in Path("deploy").rglob("*.service*"):
        seconds = [line for line in unit.read_text().splitlines() if line.startswith("WatchdogSec")]
        assert seconds in ([], [f"WatchdogSec={limits.WATCHDOG_S:g}"])
