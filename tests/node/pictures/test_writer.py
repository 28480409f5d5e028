"""When pictures are written: after the result is on its way, and never in front of it."""

import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from node.pictures import live_view
from node.pictures import writer as pictures
from node.worker.seam import Settle
from schemas import Images
from schemas.settings import PictureSettings
from schemas.store.pictures import Pictures, thumb_of


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


def test_a_picture_is_drawn_after_its_result_has_had_time_to_go_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store: Any = Store()
    drawn: Any = Anything(frame=Anything(pixels=None), program=True)
    settle = Settle(1, "r", 1, Images(raw="r.jpg", annotated="r.annotated.jpg"))
    for module in (pictures, live_view):
        monkeypatch.setattr(module, "AFTER_S", 0.3)
        monkeypatch.setattr(module, "annotate", lambda _: None)
    monkeypatch.setattr(pictures.PictureWriter, "encode", lambda *_: b"")
    monkeypatch.setattr(pictures, "small", lambda _: b"")
    monkeypatch.setattr(live_view, "as_jpeg", lambda _: b"")
    monkeypatch.setattr(live_view, "failed_at", lambda _: None)
    writer = pictures.PictureWriter(store, 90, lambda *_: None)
    shower = live_view.LiveView(store)
    shower.watch("cam1")
    for part in (writer, shower):
        store.came.clear()
        part.start()  # type: ignore[attr-defined]
        began = time.monotonic()
        (writer.write if part is writer else shower.offer)("cam1", drawn, settle)
        assert store.came.wait(10)
        assert store.at[-1] >= began + 0.3
        part.stop(5.0)  # type: ignore[attr-defined]


def test_lists_have_a_small_picture_of_what_is_drawn_whatever_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # gray: a JPEG halves the size of colours
    noise = np.random.default_rng(1).integers(0, 255, (300, 400), np.uint8)
    drawn = cv2.cvtColor(cv2.resize(noise, (4000, 3000)), cv2.COLOR_GRAY2BGR)
    monkeypatch.setattr(pictures, "annotate", lambda _: drawn)
    store = Pictures(tmp_path, PictureSettings(min_free_percent=0))
    names = store.names("01a21de4-3908-7ded-8d4e-cfb29bbb2814")
    assert names.annotated is not None
    found: Any = Anything(frame=Anything(pixels=np.zeros((30, 40), np.uint8)), program=True)
    writer = pictures.PictureWriter(store, 90, lambda *_: None)
    writer.start()
    writer.write("cam1", found, Settle(1, "r", 1, names))
    writer.stop(30.0)
    thumb = store.path(thumb_of(names.annotated)).read_bytes()
    assert len(thumb) < 16_000 < len(store.path(names.annotated).read_bytes())
    seen = cv2.imdecode(np.frombuffer(thumb, np.uint8), cv2.IMREAD_COLOR)
    assert seen.shape == (120, 160, 3)
    expected = cv2.resize(drawn, (160, 120), interpolation=cv2.INTER_AREA)
    assert float(np.abs(seen.astype(int) - expected).mean()) < 16, "it shows the same"
    tiny = cv2.imdecode(
        np.frombuffer(pictures.small(np.zeros((1, 9, 3), np.uint8)), np.uint8), cv2.IMREAD_COLOR
    )
    assert tiny.shape == (1, 9, 3), "a small one stays as it is"
