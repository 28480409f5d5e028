"""Decode rate and time of `code` next to zxing-cpp alone and OpenCV's QRCodeDetector: `python -m
tests.bench.vision.codes`.

The pictures are those of the project, or with DATA=/path/to/data those of its folder codes/; each
as it is and at other sizes, contrasts, angles, with noise and blur. A text counts only if it is the
published one; any other is a misreading. Times are those of the thread, so that whatever else runs
on the machine counts little.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import zxingcpp

from node.frame import Frame, Pixels
from node.measurement import Given
from node.tools.code import measure as measure_code
from node.vision.reading.text_match import shown
from schemas import Code, Problem, Region
from schemas.trigger import EMPTY

OWN = Path(__file__).parents[2] / "data" / "codes"
MOST_PX = 4_000_000
GIVEN = Given(EMPTY, {}, {})
Read = Callable[[], list[str]]


def _sized(factor: float) -> Callable[[Pixels], Any]:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return lambda pixels: cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=way)


def _lit(gain: float, offset: float, noise: float = 0.0) -> Callable[[Pixels], Any]:
    return lambda p: np.clip(
        np.rint(p * gain + offset + np.random.default_rng(1).normal(0, noise, p.shape)), 0, 255
    )


def _turned(angle_deg: float) -> Callable[[Pixels], Any]:
    def turn(pixels: Pixels) -> Any:
        side = int(np.hypot(*pixels.shape)) + 2
        matrix = cv2.getRotationMatrix2D(
            ((pixels.shape[1] - 1) / 2, (pixels.shape[0] - 1) / 2), angle_deg, 1
        )
        matrix[:, 2] += (side - pixels.shape[1]) / 2, (side - pixels.shape[0]) / 2
        return cv2.warpAffine(pixels, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)

    return turn


CHANGES: dict[str, Callable[[Pixels], Any]] = {
    "as they are": lambda pixels: pixels,
    "size x 0.5": _sized(0.5),
    "size x 0.7": _sized(0.7),
    "size x 2": _sized(2),
    "contrast 0.1": _lit(0.1, 120),
    "contrast 0.04": _lit(0.04, 120),
    "contrast 0.3, noise 8": _lit(0.3, 100, 8),
    "noise 25": _lit(1, 0, 25),
    "inverted": lambda pixels: 255 - pixels,
    "turned by 30 degrees": _turned(30),
    "turned by 45 degrees": _turned(45),
    "light ramp": lambda pixels: pixels * np.linspace(0.3, 1, pixels.shape[1]),
    "blur 2 px": lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 2),
}


def pictures(folder: Path) -> list[tuple[str, Pixels, bytes | None]]:
    """Name, gray picture and published text of each; the text is None for those that have no code.
    Others are left out."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".png", ".webp", ".jpg"):
            continue
        pixels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        truth = next(
            (path.with_suffix(end) for end in (".txt", ".bin") if path.with_suffix(end).is_file()),
            None,
        )
        nothing = truth is None and (
            "falsepositives" in path.parent.name or path.stem.startswith("nothing")
        )
        if pixels is not None and min(pixels.shape) >= 16 and (truth is not None or nothing):
            found.append(
                (
                    f"{path.parent.name}/{path.name}",
                    np.asarray(pixels, np.uint8),
                    truth.read_bytes() if truth else None,
                )
            )
    return found


def _by_zxing(pixels: Pixels) -> Read:
    return lambda: [
        shown([code.text]) or ""
        for code in zxingcpp.read_barcodes(pixels, text_mode=zxingcpp.TextMode.Plain)
    ]


def _by_opencv(pixels: Pixels) -> Read:
    def read() -> list[str]:
        try:
            return [text for text in cv2.QRCodeDetector().detectAndDecodeMulti(pixels)[1] if text]
        except (cv2.error, UnicodeDecodeError):  # raised on payloads that are not UTF-8
            return []

    return read


def _by_tool(pixels: Pixels) -> Read:
    """Settings and frame are made beforehand, as the node makes them for all of its tools."""
    where = Region(x=0, y=0, width=pixels.shape[1], height=pixels.shape[0])
    tool = Code(name="c", region=where, low=1.0)
    view = Frame(pixels, 0, 0.0, "bench", True).view(where)

    def read() -> list[str]:
        try:
            text = measure_code(view, tool, None, GIVEN).text
        except Problem:
            return []
        return [] if text is None else [text, *text.split(", ")]

    return read


def _by_zxing_stretched(pixels: Pixels) -> Read:
    """zxing-cpp on a picture whose contrast somebody has stretched for it, the time of that left
    out: what reading costs where zxing-cpp alone sees nothing and is soon done."""
    low, high = np.percentile(pixels, (0.5, 99.5))
    if high <= low:
        return _by_zxing(pixels)
    levels = np.clip(np.rint((pixels - low) * (255 / (high - low))), 0, 255)
    return _by_zxing(np.ascontiguousarray(levels, np.uint8))


WAYS = {
    "tool": _by_tool,
    "zxing": _by_zxing,
    "stretched": _by_zxing_stretched,
    "opencv": _by_opencv,
}


def _texts(truth: bytes) -> set[str]:
    """How the published text may be shown: published files are UTF-8 or, for binary payloads, the
    bytes themselves."""
    return {shown([truth.decode(code, "replace")]) or "" for code in ("utf-8", "latin-1")}


def measure(data: Path | None = None) -> list[dict[str, Any]]:
    """One row per change, and one for all: pictures, reads, misreadings, false reads, median ms of
    each way, ratios of times.

    ratio, ratio_of_sums: tool by zxing-cpp, median and of sums, pictures with a code.
    ratio_stretched: of sums, by zxing-cpp's on stretched contrast. ratio_without: of sums, pictures
    without.
    """
    return list(_rows(data))


def _rows(data: Path | None) -> Iterator[dict[str, Any]]:
    samples = pictures(data / "codes" if data else OWN)
    whole: dict[str, Any] = {}
    every: dict[str, list[float]] = {}
    for change, make in CHANGES.items():
        row: dict[str, Any] = {"change": change, "pictures": 0, "without": 0}
        row |= {f"{what}_{way}": 0 for what in ("read", "misread", "false") for way in WAYS}
        times: dict[str, list[float]] = {
            f"{way}{end}": [] for way in WAYS for end in ("", " without")
        }
        for _, original, truth in samples:
            pixels = np.ascontiguousarray(make(original), np.uint8)
            if pixels.size > MOST_PX or min(pixels.shape) < 8:
                continue
            row["without" if truth is None else "pictures"] += 1
            # what it shows of odd character sets
            sure = set(_by_zxing(original)()) if truth is not None else set()
            for way, prepared in WAYS.items():
                read = prepared(pixels)
                start = time.thread_time()
                found = read()
                took = time.thread_time() - start
                if truth is None:
                    times[f"{way} without"].append(took)
                    row[f"false_{way}"] += bool(found)
                    continue
                times[way].append(took)
                right = any(text in _texts(truth) | sure for text in found)
                row[f"read_{way}"] += right
                row[f"misread_{way}"] += bool(found) and not right
        for name, found_times in times.items():
            every.setdefault(name, []).extend(found_times)
        for key, number in row.items():
            whole[key] = "all of these" if key == "change" else whole.get(key, 0) + number
        yield row | _ratios(times)
    yield (
        whole
        | _ratios(every)
        | {"target": "reads as many as zxing-cpp or more, ratio_of_sums at most 2"}
    )


def _ratios(times: dict[str, list[float]]) -> dict[str, float]:
    ratio = median(a / b for a, b in zip(times["tool"], times["zxing"], strict=True))
    sums = (sum(times[f"tool{end}"]) / sum(times[f"zxing{end}"]) for end in ("", " without"))
    stretched = sum(times["tool"]) / sum(times["stretched"])
    ms = {f"ms_{way}": round(1000 * median(times[way]), 2) for way in WAYS}
    return {
        **ms,
        "ratio": round(ratio, 2),
        "ratio_stretched": round(stretched, 2),
        **dict(zip(("ratio_of_sums", "ratio_without"), (round(v, 2) for v in sums), strict=True)),
    }


def main() -> None:
    """Print the table."""
    data = os.environ.get("DATA")
    parts = ("read", "misread", "false", "ms")
    print(
        "| pictures | n | read: tool / zxing-cpp / the same, stretched / OpenCV | misread |"
        " false reads | ms | tool / zxing-cpp: median, sums, without a code; / stretched |"
    )
    print("|---|---|---|---|---|---|---|")
    for row in _rows(Path(data) if data else None):
        triple = {what: " / ".join(str(row[f"{what}_{way}"]) for way in WAYS) for what in parts}
        print(
            f"| {row['change']} | {row['pictures']} + {row['without']} | {triple['read']} |"
            f" {triple['misread']} | {triple['false']} | {triple['ms']} | {row['ratio']},"
            f" {row['ratio_of_sums']}, {row['ratio_without']}; {row['ratio_stretched']} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
