"""The end of a node, in less than 10 s whatever waits: everything is asked to end at once, and
nothing is waited for longer than its share. What does not end in time is left behind, and told to
the log.

What is being inspected is finished, or answered; what waits is answered, or is still in the ledger
and taken up at the next start. Then the lines become safe and the results go out.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from node.intake import Intake
from node.limits import ANSWER_S, FINISH_S
from node.station import Station
from node.watch import answer
from schemas import Problem

log = logging.getLogger(__name__)


def finish(stations: Iterable[Station]) -> None:
    """Let every station finish its part, for FINISH_S in all; then answer for those that have
    not."""
    stations = list(stations)
    for station in stations:
        station.thread.end()
    until = time.monotonic() + FINISH_S
    while time.monotonic() < until and not all(station.thread.ended for station in stations):
        time.sleep(0.005)
    for station in stations:
        part = station.thread.current
        if not station.thread.ended and part is not None and part.claim():
            answer(
                station,
                part,
                Problem("INTERRUPTED", "the node stops, and the inspection did not end in time"),
            )
            log.error(
                "station %s: the inspection of %s is left behind", station.id, part.trigger_id
            )


def answer_waiting(stations: Iterable[Station], intake: Intake) -> None:
    """Answer the parts that wait, for ANSWER_S at most; those not answered by then stay in the
    ledger for the next start."""
    until = time.monotonic() + ANSWER_S
    left = 0
    for station in stations:
        for part in station.thread.take_waiting():
            if time.monotonic() >= until:
                left += 1
                continue
            intake.answer(part, station, Problem("INTERRUPTED", "the node stops"))
        if time.monotonic() < until:
            station.store_again()
    if left:
        log.warning("%d triggers wait for the next start", left)


def apart(what: dict[str, Callable[[], object]], limit_s: float) -> list[str]:
    """Call all of these at the same time; returns those that have not come back in time."""
    threads = [
        threading.Thread(target=_logged, args=each, name=f"end of {each[0]}", daemon=True)
        for each in what.items()
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + limit_s
    late = []
    for thread, name in zip(threads, what, strict=True):
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            log.error("%s did not end within %.1f s and is left behind", name, limit_s)
            late.append(name)
    return late


def _logged(name: str, end: Callable[[], object]) -> None:
    try:
        end()
    except Exception:
        log.exception("the end of %s", name)
