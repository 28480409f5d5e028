"""Every time limit of the process in one table, in seconds.

A thread that waits under a lock gives up before any is missed; one that is missed ends the process
before the unit's watchdog does, which is there for the watch itself; and all parts of an end
together are over before 10 s. Limits of one part (a camera's, a program's, a command's) are
settings, and stand in the part's own deadline.

What holds the process together stands here. A limit of one module stands there, under a name that
ends in `_S`, and TABLE says what each of them is; a test looks through the modules, and holds LOCKS
and TURNS against the heartbeats. `rows` has all of it with its values (`python -m node.limits`
prints that).

Moving a log of gigabytes, once what held it is gone, takes as long as the disk needs. Nobody waits
for it: it has a thread of its own, whose heartbeat counts between two moves, and an alarm tells how
long it takes.
"""

import importlib
import sys
from collections.abc import Iterator
from typing import NamedTuple

from broker.side import Times
from schemas.store.ledger.engine import WAIT_S

# Waits under a lock
LEDGER_S = WAIT_S  # for a commit: then it is refused, or keeps its place in line
# for a row of the audit, in a database that the web writes too: for our own threads, and again for
# other processes
AUDIT_S = 1.5

# Heartbeats: how long a thread may stand still
BEAT_S = 8.0
# chores and keeping: they load programs, look through folders, remove what is too old
CARE_BEAT_S = 24.0
# the thread of commands: longer than any command takes; where a worker is a process commands end by
# limits of their own, and where it is a thread nothing else ends one that hangs
COMMANDS_BEAT_S = 300.0
# the watch did not run for this long: the machine stood still, and no thread is held to its beat
STILL_S = 2.0

# The unit's watchdog (WatchdogSec): the watch tells it every second that it lives
WATCHDOG_S = 30.0

# The end
FINISH_S = 2.0  # for the parts that are being inspected
STOP_S = 0.5  # beside them: commands, chores, keeping
ANSWER_S = 1.5  # for those that wait
APART_S = 2.5  # for what ends side by side: lines, pictures, broker, cameras
BROKER_STOP_S = 2.0
LINES_STOP_S = 1.5
TRACING_STOP_S = 0.5
EXPORTS_STOP_S = 0.5
CLOSE_S = 1.0
END_S = FINISH_S + STOP_S + ANSWER_S + APART_S + CLOSE_S
DIE_S = 1.0  # for safe lines, when nothing can be trusted any more

# The broker: to connect, until a connection without a sign of life is dead, for the last message
BROKER = Times(connect_s=5.0, dead_s=15.0, farewell_s=BROKER_STOP_S / 2)
DEAD_S = 17.0  # the promise about dead connections

# The limits of modules, each by its kind
LOCKS = "waits for a lock, under which others may wait"
TURNS = "waits of a thread with a heartbeat, at one go"
OWN = "waits of a thread, a child or a part that has no heartbeat, but this limit"
DATES = "when something is done, told or tried again: nobody waits"
AGES = "how old something may be"
ELSEWHERE = "of clients and tools of ours, in other processes"
TABLE: dict[str, dict[str, str]] = {
    LOCKS: {
        "node.cameras.one_at_a_time": "CAMERA_S",
        "schemas.store.ledger.engine": "WAIT_S BRIEF_S",
        "schemas.store.ledger.log": "TURN_S",
        "schemas.store.ledger.opening": "POLL_S",
        "schemas.store.ledger.queries": "READ_BUSY_S",
    },
    TURNS: {
        "broker.connection": "PASS_S READ_S",
        "broker.dialling": "LOOK_S",
        "broker.session": "REST_S",
        "node.chores.info_telling": "LOADED_S",
        "node.chores.rounds": "TICK_S",
        "node.gpio.driver": "SHOW_S TURN_S",
        "node.chores.keeping": "TICK_S",
        "node.exports.pictures": "TICK_S",
        "node.notify": "NOTIFY_S",
        "node.sources": "SOURCES_S",
        "node.station_thread": "IDLE_S STORE_AGAIN_S",
        "node.watch": "WATCH_S",
        "node.worker.wire": "TURN_S SEND_S",
    },
    OWN: {
        "broker.sockets": "STAGGER_S",
        "node.cameras.folder": "POLL_S",
        "node.cameras.usb": "REOPEN_S CLOSE_S",
        "node.pictures.sandbox": "LIMIT_S",
        "node.exports": "CONNECT_S QUIET_S",
        "node.exports.pictures": "POLL_S PENDING_S PACE_S",
        "node.gpio.driver": "START_S STOP_S LAST_S",
        "node.gpio.guard": "HANG_S LEAVE_S",
        "node.telemetry.metrics_port": "OPEN_S PACE_S PIECE_S REST_S TURN_S",
        "node.commands.calibrate": "LIMIT_S",
        "node.commands.optimise": "LIMIT_S",
        "node.commands.trying": "CHALLENGE_S",
        "node.pictures.writer": "AFTER_S IDLE_S",
        "node.shelf": "LOAD_S",
        "node.station": "LOAD_S",
        "node.pictures.recode": "LIMIT_S",
        "node.pictures.live_view": "AFTER_S IDLE_S",
        "node.telemetry.tracing": "SEND_S",
        "node.gate": "GATE_S",
        "node.tools.text": "LONGEST_WAIT_S",
        "node.trigger": "STEP_S",
        "node.watch": "AGAIN_S LATE_S",
        "node.worker.bench": "PICTURES_STOP_S SHOWING_STOP_S",
        "node.worker.child": "ENDED_S STARVED_S",
        "node.worker.early": "LET_GO_S",
        "node.worker.manners": "SPAN_S",
        "node.worker.seam": "LOADING_S",
        "node.worker.spare": "SETTLE_S LOOK_S",
        "node.worker.in_process": "START_S ASK_S THERE_S MORE_S GONE_S STOP_S",
        "schemas.store.disk": "LOCK_S",
        "schemas.store.ledger.opening": "THOROUGH_S",
    },
    DATES: {
        "broker.again": "AGAIN_S",
        "broker.dialling": "WAITED_S AGAIN_S",
        "broker.fence": "AGAIN_S GIVE_UP_S UNFENCED_S PAUSE_S LONGEST_S LOST_S LATE_S TOLD_S",
        "broker.lanes": "GRACE_S KICKED_S LOSSES_S SETTLE_S STOOD_S WITHDRAWN_S",
        "broker.longest": "WHOLE_S",
        "broker.marking": "PROBE_S LOAD_S",
        "broker.presence": "ALIVE_S NEAR_S FAR_S SLOW_S STOOD_S QUICK_S",
        "broker.reading": "AGAIN_S",
        "broker.reasons": "STAYS_S",
        "broker.results": "ECHO_S ECHOLESS_S",
        "broker.served": "WILL_DELAY_S SUBACK_S",
        "broker.session": "TELL_S",
        "broker.subscriptions": "AGAIN_S ENDED_S",
        "broker.troubles": "AGAIN_S CONVICTED_S DOTS_S",
        "broker.turns": "SPACING_S ALONE_S IDLE_S",
        "broker.twice": "LINE_S",
        "node.__main__": "SWITCH_S",
        "node.chores.certificates": "LOOK_S",
        "node.chores.faults": "TOLD_S",
        "node.chores.precedence": "APART_S",
        "node.chores.storing": "PROBE_S STEADY_S",
        "node.commands.inbox": "REPLY_EXPIRY_S",
        "node.chores.keeping": "ALARM_S JUMP_S JUMP_TOLD_S PRUNE_S",
        "node.telemetry.metrics_port": "PAGE_S",
        "node.pictures.keeping": "PREVIEW_S",
        "node.shelf": "RETRY_S",
        "node.exports.pictures": "COUNT_S SAVE_S AGAIN_S STUCK_S TOLD_S LOST_S",
        "node.reload": "SLOW_S",
        "node.seldom": "SELDOM_S",
        "node.pictures.live_view": "WATCHED_S EVERY_S TOLD_S",
        "node.cameras.one_at_a_time": "REOPEN_S",
        "node.station": "FAULT_S MAINTENANCE_S",
        "node.worker.child": "WEIGH_S",
        "node.worker.in_process": "AGAIN_S PEEK_S REST_S",
        "node.worker.__main__": "TELL_S ALIVE_S SWITCH_S",
        "node.telemetry.tracing": "EVERY_S",
        "schemas.logs": "SLOW_S",
        "schemas.logs.lines": "WINDOW_S",
        "schemas.store.ledger.care": "NOTE_S IDLE_S",
        "schemas.store.ledger.engine": "HELD_S",
        "schemas.store.ledger.log": "SMALL_S HELD_S",
    },
    AGES: {
        "node.commands.given_pictures": "KEPT_S",
        "node.commands.trying": "IDLE_S",
        "node.worker.in_process": "SILENT_S DRAWING_S STILL_S",
        "node.worker.tries": "IDLE_S",
        "schemas.store.accounts.sessions": "KEEP_ENDED_S SEEN_S",
        "schemas.store.accounts.lockouts": "FORGET_S LOCK_FIRST_S LOCK_MOST_S",
        "schemas.store.clock": "UNSET_BEFORE_S",
        "schemas.store.documents": "YOUNG_S",
        "schemas.logs.files": "DAY_S",
        "schemas.store.ledger.care": "LOST_TOLD_S PENDING_S",
        "schemas.store.pictures": "BACK_S HOUR_S AGE_STEP_S",
        "schemas.store.accounts.vouching": "AGE_S",
    },
    ELSEWHERE: {
        "broker.client": "CONNECT_S LOOK_S RETAINED_S",
        "broker.ends": "FIRST_S LONGEST_S GRACE_S ANSWER_S",
        "broker.hearing": "QUIET_S ASK_S",
        "broker.link": "ACK_S",
        "broker.probe": "LIMIT_S WAIT_S BOTH_S",
        "broker.threaded": "CONNECT_S RETRY_S LOOK_S",
        "schemas.store.accounts.database": "BUSY_S",
        "schemas.store.copies": "WAIT_S",
        "schemas.store.history.rows": "LIMIT_S BUDGET_S WALK_S",
        "schemas.store.ledger.reader": "BUSY_S",
        "schemas.store.state": "WAIT_S POLL_S",
        "schemas.store.history.statistics": "LIMIT_S SAMPLE_S STEPS_S",
    },
}


class LimitRow(NamedTuple):
    """One limit of a module: what kind it is, where it stands, and its value, or the first and the
    last one it takes."""

    kind: str
    module: str
    name: str
    seconds: tuple[float, ...]


def rows() -> Iterator[LimitRow]:
    """The table with its values. Raises AttributeError for a limit that no longer exists."""
    for kind, modules in TABLE.items():
        for module, names in modules.items():
            for name in names.split():
                value = getattr(importlib.import_module(module), name)
                yield LimitRow(kind, module, name, value if isinstance(value, tuple) else (value,))


if __name__ == "__main__":
    for row in rows():
        sys.stdout.write(
            f"{row.kind}: {row.module}.{row.name} ="
            f" {', '.join(f'{value:g}' for value in row.seconds)}\n"
        )
