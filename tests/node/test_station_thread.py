"""The thread of a station: the one that hangs is given up, and no other."""

import threading
import time

from node.part import Part
from node.station_thread import StationThread
from schemas.trigger import EMPTY


def _part(number: int) -> Part:
    return Part(number, "cam1", f"T{number}", EMPTY, False, "mqtt", 0.0, time.monotonic_ns())


def test_who_came_back_while_it_was_given_up_does_not_take_the_next_part_along() -> None:
    began, go_on = threading.Event(), threading.Event()

    def inspect(part: Part) -> None:
        if part.id == 1:
            raise RuntimeError("no claim, no result")
        began.set()
        go_on.wait(30)

    faults: list[str] = []
    thread = StationThread("cam1", inspect, lambda: True, faults.append, 10**12, 4)
    first, second = _part(1), _part(2)
    for part in (first, second):
        assert thread.reserve()
        thread.add(part)
    thread.start()
    try:
        assert began.wait(30)
        thread.abandon(first)
        assert thread.current is second, "it is still watched"
        assert thread.hanging == 0
        thread.abandon(second)
        assert thread.current is None
        assert thread.hanging == 1
    finally:
        go_on.set()
        thread.end()
    assert faults == ["T1 has no result: RuntimeError: no claim, no result"]
