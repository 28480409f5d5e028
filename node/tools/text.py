"""Reads printed text with the PP-OCR models that the wheel rapidocr-onnxruntime carries."""

import threading
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import View
from node.measurement import Given, Mark, Measurement
from node.vision.reading.find_lines import grown, looks, merged, placed
from node.vision.reading.recognise import Reading, recognise
from node.vision.reading.text_match import in_order, judge, shown
from schemas import Problem, Text

INSTALL = "pip install 'inspection-node[text]' && pip install --no-deps rapidocr-onnxruntime"
SMALL_SIDE = 64  # px; a smaller region is enlarged, for letters below about 12 px are not found
LARGE_SIDE = 960  # px of the picture in which lines are looked for
LONGEST_WAIT_S = 10.0


class _TextLine(NamedTuple):
    text: str
    confidence: float
    corners: NDArray[np.float64]  # 4 x 2, in the view


class _Reader:
    """The models, loaded once for all stations; the reader keeps state between its steps, so one
    uses it at a time."""

    def __init__(self) -> None:
        try:
            from rapidocr_onnxruntime import RapidOCR  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise Problem(
                "PROGRAM_INVALID", f"install the extra text: {INSTALL} ({error.name} is missing)"
            ) from None
        self._read: Any = RapidOCR(
            intra_op_num_threads=1,
            inter_op_num_threads=1,
            det_limit_type="max",
            det_limit_side_len=LARGE_SIDE,
        )
        self._turn = threading.Lock()

    def __call__(self, pixels: Any, settings: Text) -> list[tuple[Reading, Any]]:
        """Each line with its corners (4 x 2; None where the picture is one line) of at least the
        settings' confidence."""
        if not self._turn.acquire(timeout=LONGEST_WAIT_S):
            raise Problem("TIMEOUT", "the text reader is busy")
        try:
            if settings.lines == "one":
                return self._sure([(pixels, None)], settings)[0]
            readings: list[tuple[Reading, Any]] = []
            for look, scale in looks(pixels):
                sure, all_sure = self._sure(self._lines(pixels, look, scale), settings)
                readings = merged(readings, sure)
                if readings and all_sure:
                    break
            return readings
        finally:
            self._turn.release()

    def _lines(self, pixels: Any, look: Any, scale: float) -> list[tuple[Any, Any]]:
        """Pixels, some around it included, and corners of the lines found in a look."""
        found = self._read(look, use_det=True, use_cls=False, use_rec=False)[0] or []
        size = (pixels.shape[1], pixels.shape[0])
        boxes = [
            box
            for each in found
            if (box := placed(np.array(each, np.float32), scale, size)) is not None
        ]
        return list(zip(self._read.get_crop_img_list(pixels, grown(boxes)), boxes, strict=True))

    def _sure(
        self, lines: list[tuple[Any, Any]], settings: Text
    ) -> tuple[list[tuple[Reading, Any]], bool]:
        """What is read with enough confidence, and whether that is all that was found."""
        network, names = self._read.text_rec.session, self._read.text_rec.postprocess_op.character
        readings = [
            (
                recognise(
                    line,
                    lambda fitted: network(fitted)[0][0],
                    names,
                    settings.characters,
                    corners is not None,
                ),
                corners,
            )
            for line, corners in lines
            if min(line.shape[:2]) > 1
        ]
        sure = [
            each
            for each in readings
            if each[0].text and each[0].confidence >= settings.confidence_low
        ]
        return sure, len(sure) == len(lines)


@lru_cache(maxsize=1)
def _reader() -> _Reader:
    return _Reader()


def learn(view: View | None, settings: Text) -> None:
    """Load the models and read once, for the first time is slow. Raises Problem PROGRAM_INVALID if
    the extra is missing.

    view: None without a master.
    """
    if view is None:
        _reader()
    else:
        _lines(view, settings)


def measure(view: View, settings: Text, _learned: None, given: Given) -> Measurement:
    """Confidence of the least sure line, 0 to 1, if the text is right; 0 if it is another or none;
    and the text itself.

    Raises Problem NO_CONTRAST if the view has one value only, NO_VALUE if the trigger lacks what it
    is compared with.
    """
    right = judge(settings, given.trigger, settings.ignore_spaces)
    if view.uniform:
        raise Problem("NO_CONTRAST", "all pixels have one value")
    lines = _lines(view, settings)
    text = " ".join(line.text for line in lines)
    good = bool(lines) and right(text)
    value = min(line.confidence for line in lines) if good else 0.0
    return Measurement(
        value,
        lambda: tuple(Mark(view.to_frame(line.corners), closed=True) for line in lines),
        shown([text] if lines else []),
    )


def _lines(view: View, settings: Text) -> list[_TextLine]:
    """The words, line by line in the order of `in_order`."""
    pixels = view.bgr if view.frame.coloured else cv2.cvtColor(view.gray, cv2.COLOR_GRAY2BGR)
    if view.mask is not None:
        around = cv2.mean(pixels, view.mask)[:3]
        pixels = np.where(view.mask[:, :, None] > 0, pixels, np.rint(around).astype(np.uint8))
    scale = 2.0 if min(view.width, view.height) < SMALL_SIDE else 1.0
    pixels = np.ascontiguousarray(
        cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        if scale > 1
        else pixels
    )
    seen = _reader()(pixels, settings)
    w, h = view.width - 1, view.height - 1
    whole = np.array([(0, 0), (w, 0), (w, h), (0, h)], float)
    lines = [
        _TextLine(*reading, whole if corners is None else np.array(corners, float) / scale)
        for reading, corners in seen
    ]
    return [lines[number] for number in in_order([line.corners for line in lines])]
