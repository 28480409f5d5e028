"""When pictures are written: after the result is on its way, and never in front of it."""

import threading
import time
from typing import Any

import pytest

from node import pictures, showing
from schemas import Images


class Store:
    """Notes when something is written."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.came = threading.Event()

    def write(self, *_: Any) -> None:
        self.put()

    def put(self, *_: Any) -> None:
        self.at.append(time.monotonic())
        self.came.set()


class Anything:
    """Stands for an inspection with its result: only what is asked for here is there."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)


def test_a_picture_is_drawn_after_its_result_has_had_time_to_go_out(monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = Store()
    drawn: Any = Anything(frame=Anything(pixels=None), program=True)
    result: Any = Anything(station="cam1", seq=1, result_id="r", images=Images(raw="r.jpg", annotated="r.annotated.jpg"))
    for module in (pictures, showing):
        monkeypatch.setattr(module, "AFTER_S", 0.3)
        monkeypatch.setattr(module, "annotate", lambda _: None)
    monkeypatch.setattr(pictures.PictureWriter, "encode", lambda *_: b"")
    monkeypatch.setattr(showing, "as_jpeg", lambda _: b"")
    writer = pictures.PictureWriter(store, 90, Anything())  # type: ignore[arg-type]
    writer._places.acquire()
    shower = showing.Showing(store)
    shower.watch("cam1")
    for part in (writer, shower):
        store.came.clear()
        part.start()  # type: ignore[attr-defined]
        began = time.monotonic()
        writer.keep(drawn, result) if part is writer else shower.offer(drawn, result)
        assert store.came.wait(10)
        assert store.at[-1] >= began + 0.3
        part.stop(5.0)  # type: ignore[attr-defined]
