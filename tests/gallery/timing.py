"""`python -m tests.gallery.timing`: the diagrams of docs/plc.md, from a run of the real node.

Three parts, a good one, a bad one and one that is missing, come by MQTT and then by an input line.
What is drawn is what was recorded: the lines' own timeline and the messages. One part goes before
them.
"""

import contextlib
import itertools
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import cv2

from broker.link import Link, Waiter
from broker.topics import Names
from broker.wire import Message
from deploy.demo.broker_process import start_broker
from node.cameras import synthetic
from node.gpio.memory import MemoryBank
from node.service import Service
from schemas import Settings, SyntheticCamera, as_program
from schemas.settings import BrokerSettings
from schemas.store.programs import Programs
from tests.rooms.promise.promise import wait_for

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
VERDICTS = ("OK", "NG", "ERROR")
ROLES = ("ready", "busy", "ok", "ng", "error", "result_valid")
EVERY_S = 0.16  # between two parts
PULSE_MS = 60
NAME, STATION = "node-01", "cam1"
WIDTH, LEFT, ROW, HIGH = 960, 150, 34, 18  # px: of all, of the names, of a row, of a level
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.name{font-weight:600}.grid{stroke:#ddd}"
    ".line{fill:none;stroke-width:2}svg{background:#fff}"
)
COLOURS = {"ok": "#1a7f37", "ng": "#cf222e", "error": "#8250df", "message": "#0969da"}


class Event(NamedTuple):
    """Something that was sent or received: when, in which row, and its label."""

    at_ns: int
    row: str
    word: str


class Recording(NamedTuple):
    """What happened: the levels of the lines after each change, and events."""

    levels: list[tuple[int, dict[str, bool]]]
    events: list[Event]


def camera() -> SyntheticCamera:
    """A line whose parts 2, 3 and 4 are good, bad and missing."""
    for seed in itertools.count(1):
        found = SyntheticCamera(seed=seed, defect_rate=0.6)
        if tuple(synthetic.truth(found, n).verdict for n in (2, 3, 4)) == VERDICTS:
            return found
    raise AssertionError


@contextlib.contextmanager
def node(folder: Path) -> Iterator[tuple[MemoryBank, Link]]:
    """A node in this process that is Ready, its lines, and a connection to its broker."""
    broker = start_broker(folder / "broker")
    line = camera()
    program = as_program({**synthetic.program(line), "keep": {"ng": False, "ok_every": 0}})
    master = cv2.imencode(".png", synthetic.master(line))[1].tobytes()
    Programs(folder / "state" / "programs").save(program, master, by="timing")
    lines = {role: place for place, role in enumerate(ROLES, 1)}
    station = {
        "id": STATION,
        "program": program.id,
        "camera": line.model_dump(mode="json"),
        "lines": {
            "kind": "memory",
            **lines,
            "trigger": {"line": 0},
            "drive": {"mode": "pulse", "pulse_ms": PULSE_MS},
        },
        "short": True,
        "ack": "always",
    }
    url = f"mqtt://127.0.0.1:{broker.port}"
    values = {
        "node_id": NAME,
        "environment": "testing",
        "state_dir": str(folder / "state"),
        "broker": {"url": url},
        "metrics": {"enabled": False},
        "station": [station],
    }
    done = threading.Event()
    service = Service(Settings.model_validate(values), folder)
    thread = threading.Thread(target=service.run, args=(lambda: "stop" if done.is_set() else None,))
    thread.start()
    bank = service.driver._lanes[STATION].bank
    assert isinstance(bank, MemoryBank)
    try:
        with contextlib.closing(Link(BrokerSettings(url=url), "timing", 10)) as link:
            wait_for(lambda: bank.timeline and bank.timeline[-1][1]["ready"], 60, "READY")
            yield bank, link
    finally:
        done.set()
        thread.join(20)
        broker.stop()


def record(by: str) -> Recording:
    """Run three parts, by "mqtt" or by an input "line". Raises AssertionError if one is
    misjudged."""
    events: list[Event] = []
    names = Names("inspection/v1", NAME)
    topics = [names(kind, STATION) for kind in ("accepted", "short", "result")]
    stop = threading.Event()

    def happened(row: str, word: str = "") -> None:
        events.append(Event(time.monotonic_ns(), row, word))

    def listen(waiter: Waiter) -> None:
        while not stop.is_set():
            if (message := waiter.take(0.05)) is not None:
                value = json.loads(message.payload)
                kind = message.topic.split("/")[-2]
                happened(kind, str(value.get("verdict") or value.get("state")))

    def part(number: int) -> None:
        # a trigger while it is not READY is refused, and has no result
        wait_for(lambda: bank.timeline[-1][1]["ready"], 30, "READY")
        heard = sum(each.row == "result" for each in events)
        if by == "mqtt":
            happened("trigger", f"P{number}")
            payload = json.dumps({"trigger_id": f"P{number}"}).encode()
            link.send(Message(names("trigger", STATION), payload), lambda _: happened("PUBACK"))
        else:
            for on in (True, False):
                bank.pull(on)
                happened("TRIGGER", str(int(on)))
                time.sleep(EVERY_S / 4)
        time.sleep(EVERY_S)
        wait_for(lambda: sum(each.row == "result" for each in events) > heard, 30, "a result")
        wait_for(lambda: not bank.timeline[-1][1]["result_valid"], 30, "the end of the pulse")

    with (
        tempfile.TemporaryDirectory(prefix="timing-") as folder,
        node(Path(folder)) as (bank, link),
        link.listening(*topics) as waiter,
    ):
        thread = threading.Thread(target=listen, args=(waiter,))
        thread.start()
        part(0)  # the first one is slower than all others
        time.sleep(EVERY_S / 4)
        events.clear()
        for number in (1, 2, 3):
            part(number)
        stop.set()
        thread.join(5)
        levels = bank.timeline
    verdicts = tuple(each.word for each in events if each.row == "result")
    assert verdicts == VERDICTS, verdicts
    return Recording(levels, sorted(events))


def svg(title: str, recording: Recording, rows: list[str]) -> str:
    """The diagram: a row for each line or message, over the time in ms from the first trigger."""
    zero = min(event.at_ns for event in recording.events)
    end = max(max(event.at_ns for event in recording.events), recording.levels[-1][0])
    first, last = zero - 15_000_000, end + 25_000_000
    height = 40 + ROW * len(rows) + 30

    def x(at_ns: int) -> float:
        return round(LEFT + (WIDTH - LEFT - 20) * (at_ns - first) / (last - first), 1)

    drawn = [
        f'<text x="8" y="20" class="name">{escape(title)}</text>',
        f'<text x="{WIDTH - 24}" y="{height - 8}">ms</text>',
    ]
    for ms in range(0, int((last - zero) / 1e6), 50):
        at = x(zero + ms * 1_000_000)
        drawn.append(f'<path class="grid" d="M{at} 34V{height - 24}"/>')
        if at < WIDTH - 60:
            drawn.append(f'<text x="{at - 8}" y="{height - 8}">{ms}</text>')
    for place, row in enumerate(rows):
        base = 40 + ROW * (place + 1) - 8
        drawn.append(f'<text x="8" y="{base - 4}" class="name">{escape(row)}</text>')
        if row.isupper() and row != "PUBACK":
            drawn.append(_level(recording, row, base, x, (first, last)))
        else:
            drawn += _messages(recording, row, base, x)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
            f' aria-label="{escape(title)}"><style>{STYLE}</style>',
            *drawn,
            "</svg>\n",
        ]
    )


def _level(
    recording: Recording, row: str, base: int, x: Callable[[int], float], span: tuple[int, int]
) -> str:
    if row == "TRIGGER":
        changes = [(each.at_ns, each.word == "1") for each in recording.events if each.row == row]
    else:
        changes = [(at, values.get(row.lower(), False)) for at, values in recording.levels]
    first, last = span
    on = next((value for at, value in reversed(changes) if at <= first), False)
    path = f"M{x(first)} {base - HIGH * on}"
    for at, value in changes:
        if at > first and value != on:
            path += f"H{x(at)}V{base - HIGH * value}"
            on = value
    colour = COLOURS.get(row.lower(), "#333")
    return f'<path class="line" stroke="{colour}" d="{path}H{x(last)}"/>'


def _messages(
    recording: Recording, row: str, base: int, x: Callable[[int], float]
) -> Iterator[str]:
    for event in recording.events:
        if event.row == row:
            at, top = x(event.at_ns), base - HIGH
            colour = COLOURS.get(event.word.lower(), COLOURS["message"])
            yield f'<path stroke="{colour}" stroke-width="2" d="M{at} {base}V{top}"/>'
            yield f'<circle cx="{at}" cy="{top}" r="3" fill="{colour}"/>'
            yield f'<text x="{at + 6}" y="{base - 4}">{escape(event.word)}</text>'


LINES = ["BUSY", "OK", "NG", "ERROR", "RESULT_VALID"]
DIAGRAMS = {
    "mqtt": (
        "By MQTT: three parts",
        ["trigger", "PUBACK", "accepted", *LINES, "short", "result"],
    ),
    "line": ("By lines: three parts", ["TRIGGER", "READY", *LINES]),
}


def main() -> int:
    """Write both."""
    for by, (title, rows) in DIAGRAMS.items():
        (FOLDER / f"timing-{by}.svg").write_text(svg(title, record(by), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
