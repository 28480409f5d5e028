"""The annotated picture: where the part was found, what each tool saw of it, its value against its
limits, and the verdict.

Labels hide nothing where that can be had: each goes to the place near its tool that covers the
fewest marks, regions and labels, with a line to its tool if it is not beside it. Colours come with
words: NG and ERROR are written.
"""

import math
import threading
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from node.frame import Pixels
from node.measurement import Heat, Mark
from node.part import Inspection
from schemas import Compare, Marks, Pose, Region, ToolResult
from schemas.geometry import AnyRegion, Circle, Ring, RotatedRectangle
from schemas.tools import CornerLocator, Locator
from schemas.tools.base import RegionTool

Colour = tuple[int, int, int]
Floats = NDArray[np.float64]
_Place = tuple[int, int, int, int]  # left, top, width, height

COLOURS: dict[str, Colour] = {"OK": (90, 220, 90), "NG": (80, 80, 255), "ERROR": (0, 190, 255)}
POSE: Colour = (255, 200, 60)
PAPER: Colour = (32, 28, 26)
INK: Colour = (255, 255, 255)
FAINT: Colour = (205, 205, 205)
MOST_NOTES = 24  # tools with a second line: above it labels are one line each
# what it costs to cover a px of detail, where a region's costs 1, a mark's 8 and another label's 64
DETAIL = 0.3

_fonts = threading.local()


class _Note(NamedTuple):
    """A label: what it says, in which colour, and the box in the frame that it belongs to (left,
    top, right, bottom)."""

    lines: tuple[str, ...]
    colour: Colour
    box: tuple[float, float, float, float] | None


def annotate(found: Inspection) -> Pixels:
    """The frame with the pose, each tool's region, marks, value, limits and ms, and the verdict
    drawn in; BGR, its own size."""
    frame, program = found.frame, found.program
    assert frame is not None
    canvas: Pixels = np.array(
        frame.pixels if frame.coloured else cv2.cvtColor(frame.pixels, cv2.COLOR_GRAY2BGR), np.uint8
    )
    pen = _Pen(canvas)
    for finding in found.findings:
        if finding.measurement is not None and finding.measurement.heat is not None:
            _warm(canvas, finding.measurement.heat())
    notes: list[_Note] = []
    matrix = found.placement.matrix
    locator = program.program.locator if program is not None else None
    if found.pose is not None and locator is not None:
        notes.append(_located(pen, locator, found.pose, matrix, found.timings_ms.get("locate")))
    elif locator is not None and found.fault is not None and found.fault.code == "PART_NOT_FOUND":
        notes.append(_missed(pen, locator, found.fault.message, found.places))
    tools = program.tools if program else ()
    for finding, tool in zip(found.findings, tools, strict=False):
        colour = COLOURS[finding.result.verdict]
        seen: list[Floats] = []
        if isinstance(tool.settings, RegionTool):
            for line in _borders(tool.settings.region):
                seen.append(line @ matrix[:, :2].T + matrix[:, 2])
                pen.outline(seen[-1], colour)
            for hole in tool.settings.ignore:
                for line in _borders(hole):
                    pen.outline(line @ matrix[:, :2].T + matrix[:, 2], FAINT)
            if isinstance(tool.settings, Compare):
                for line in _borders(tool.settings.other):
                    pen.outline(line @ matrix[:, :2].T + matrix[:, 2], colour)
        marks = finding.marks()
        for mark in marks:
            pen.mark(mark, colour)
        if not seen:
            seen = [mark.points for mark in marks if len(mark.points)]
        notes.append(
            _Note(_lines(finding.result, len(found.findings) <= MOST_NOTES), colour, _around(seen))
        )
    verdict = "ERROR" if found.fault else found.verdict
    pen.write(verdict, found.fault.code if found.fault else None, COLOURS[verdict], notes)
    return canvas


def _lines(result: ToolResult, limits: bool) -> tuple[str, ...]:
    """What is written of a tool: its value, and its limits and ms."""
    judged = "" if result.verdict == "OK" else f"{result.verdict}  "
    if result.error is not None:
        said = f"{result.name}  {judged}{result.error.code}"
    else:
        said = f"{result.name}  {judged}{shown(result.value, result.unit)}"
    if not limits:
        return (said,)
    read = (f"“{result.text[:28]}”",) if result.text else ()
    return (said, *read, f"{limits_of(result)}   {shown(result.ms)} ms")


def shown(value: float | None, unit: str = "") -> str:
    """A value with four digits, without an exponent; a ratio, a count and a score have no unit."""
    if value is None:
        return "-"
    digits = 3 - math.floor(math.log10(abs(value))) if value else 0
    said = f"{value:.{min(max(digits, 0), 4)}f}"
    said = said.rstrip("0").rstrip(".") if "." in said else said
    return (
        said
        if unit in ("", "ratio", "count", "score")
        else f"{said}°"
        if unit == "deg"
        else f"{said} {unit}"
    )


def limits_of(result: ToolResult) -> str:
    """The limits in words."""
    if result.low is None:
        return f"at most {shown(result.high)}"
    return (
        f"at least {shown(result.low)}"
        if result.high is None
        else f"{shown(result.low)} to {shown(result.high)}"
    )


def _located(pen: "_Pen", locator: Locator, pose: Pose, matrix: Floats, ms: float | None) -> _Note:
    """Draw what was located and its axes; its label."""
    borders = [np.array(place.corners, float) for place in _places(locator)]
    # which looks at the same places wherever the part lies
    if not isinstance(locator, CornerLocator):
        borders = [border @ matrix[:, :2].T + matrix[:, 2] for border in borders]
    for border in borders:
        pen.outline(border, POSE)
    pen.axes(pose)
    said = f"{locator.kind}  x {pose.x:.1f}  y {pose.y:.1f}"
    if pose.angle_deg:
        said += f"  {pose.angle_deg:.2f}°"
    if pose.scale != 1:
        said += f"  × {pose.scale:.3f}"
    least = f"score {pose.score:.2f}, at least {locator.low:g}"
    return _Note(
        (said, least if ms is None else f"{least}   {shown(ms)} ms"), POSE, _around(borders[:1])
    )


def _missed(pen: "_Pen", locator: Locator, why: str, places: tuple[Pose, ...]) -> _Note:
    """Draw where the part was looked for, and where it may be if there are several; the label says
    why it was not found."""
    borders = [np.array(place.corners, float) for place in _places(locator, searched=True)]
    for border in borders:
        pen.outline(border, COLOURS["ERROR"])
    for pose in places:
        taught = _places(locator)[0]
        size = (taught.width, taught.height)
        pen.outline(
            np.array(cv2.boxPoints(((pose.x, pose.y), size, pose.angle_deg))), COLOURS["ERROR"]
        )
        pen.axes(pose)
    why = "two places are alike" if places else why.rpartition(": ")[2]
    return _Note(
        (f"{locator.kind}  ERROR  not found", why[:60]), COLOURS["ERROR"], _around(borders)
    )


def _places(locator: Locator, searched: bool = False) -> list[Region | RotatedRectangle]:
    """What is located, in the master; or where it is looked for, in the frame, if that is not all
    of it."""
    if isinstance(locator, CornerLocator):
        return [locator.first, locator.second]
    parts = [locator.first, locator.second] if isinstance(locator, Marks) else [locator]
    if not searched:
        return [part.region for part in parts]
    return [part.search for part in parts if part.search is not None]


def _borders(region: AnyRegion) -> list[Floats]:
    """The closed lines around a region, in the master."""
    lines = [np.array(region.corners, float)]
    if isinstance(region, Ring) and region.inner_radius >= 1:
        lines.append(
            np.array(Circle(x=region.x, y=region.y, radius=region.inner_radius).corners, float)
        )
    return lines


def _around(lines: Sequence[Floats]) -> tuple[float, float, float, float] | None:
    if not lines:
        return None
    points = np.vstack(lines)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


class _Pen:
    """Draws on a canvas in strokes that show on light and dark, and remembers what must not be
    covered."""

    def __init__(self, canvas: Pixels) -> None:
        self.canvas = canvas
        self.height, self.width = canvas.shape[:2]
        self.text_px = int(min(max(round(self.height / 36), 12), 48, max(9, self.width // 24)))
        self.stroke = max(1, round(self.height / 450))
        self.cost = DETAIL * (
            np.abs(cv2.Laplacian(cv2.cvtColor(canvas, cv2.COLOR_BGR2GRAY), cv2.CV_16S)) > 24
        ).astype(np.float32)
        self.line_px = round(1.3 * self.text_px)
        self.pad = max(2, self.text_px // 4)
        if not hasattr(_fonts, "sans"):  # one a thread: whether one may be shared is not documented
            _fonts.sans = cv2.FontFace("sans")
        self.font = _fonts.sans

    def outline(self, points: Floats, colour: Colour) -> None:
        """A closed line around a place that was looked at."""
        line = [_fine(points)]
        cv2.polylines(self.canvas, line, True, PAPER, self.stroke + 2, cv2.LINE_AA, 4)
        cv2.polylines(self.canvas, line, True, colour, self.stroke, cv2.LINE_AA, 4)
        left, top, right, bottom = (round(v) for v in _around([points]) or (0, 0, 0, 0))
        part = self.cost[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
        np.maximum(part, 1, out=part)

    def mark(self, mark: Mark, colour: Colour) -> None:
        """What was found: a line if it is joined up, else points."""
        if len(mark.points) == 0:
            return
        if mark.closed:
            ends = _fine(mark.points)
            cv2.polylines(self.canvas, [ends], True, PAPER, self.stroke + 2, cv2.LINE_AA, 4)
            cv2.polylines(self.canvas, [ends], True, colour, self.stroke, cv2.LINE_AA, 4)
            cv2.polylines(
                self.cost, [np.round(mark.points).astype(np.int32)], True, (8,), self.text_px // 2
            )
            return
        few = len(mark.points) < 5
        size = self.text_px * (0.45 if few else 0.16)
        for x, y in mark.points.tolist():
            arms = _fine(np.array([(x - size, y), (x + size, y), (x, y - size), (x, y + size)]))
            for thickness, ink in ((self.stroke + 2, PAPER), (self.stroke, colour)):
                if few or thickness == self.stroke:
                    cv2.polylines(
                        self.canvas, [arms[:2], arms[2:]], False, ink, thickness, cv2.LINE_AA, 4
                    )
            cv2.circle(self.cost, (round(x), round(y)), self.text_px // 3, (8,), -1)

    def axes(self, pose: Pose) -> None:
        """The place of the part: its x axis is the long arm."""
        c, s = math.cos(math.radians(pose.angle_deg)), math.sin(math.radians(pose.angle_deg))
        for length, (ux, uy) in ((3.0, (c, s)), (1.8, (-s, c))):
            reach = length * self.text_px
            arm = np.array([(pose.x, pose.y), (pose.x + reach * ux, pose.y + reach * uy)])
            for thickness, colour in ((2 * self.stroke + 2, PAPER), (2 * self.stroke, POSE)):
                cv2.polylines(self.canvas, [_fine(arm)], False, colour, thickness, cv2.LINE_AA, 4)
            cv2.polylines(self.cost, [np.round(arm).astype(np.int32)], False, (8,), self.text_px)
        cv2.circle(
            self.canvas, (round(pose.x), round(pose.y)), 2 * self.stroke + 1, POSE, -1, cv2.LINE_AA
        )

    def write(self, verdict: str, code: str | None, colour: Colour, notes: Sequence[_Note]) -> None:
        """The verdict in the corner that hides least of the marks, and all labels; those without a
        place below the verdict."""
        size = 2 * self.text_px
        said = [(verdict, size, 700)] + ([(code, self.text_px, 600)] if code else [])
        width = max(self._wide(*part) for part in said) + 4 * self.pad
        height = round(1.25 * size) + (self.line_px if code else 0) + self.pad
        x, y = self._place(width, height, None)
        self._paper(x, y, width, height, colour)
        below = y + self.pad // 2
        for text, px, weight in said:
            self._text(text, (x + 2 * self.pad, below), px, weight, colour if px == size else INK)
            below += round(1.25 * px)
        labels = [self._label(note) for note in sorted(notes, key=lambda note: note.box is None)]
        for note, place, _ in labels:
            if note.box is not None:
                self._leader(note.box, *place, note.colour)
        for note, place, sizes in labels:
            self._note(note, place, sizes)

    def _label(self, note: _Note) -> tuple[_Note, _Place, list[tuple[int, int]]]:
        """Where a label goes, and size and weight of its lines; the place is taken."""
        small = max(9, round(0.85 * self.text_px))
        sizes = [(self.text_px, 600)] + [(small, 400)] * (len(note.lines) - 1)
        width = (
            max(self._wide(text, *size) for text, size in zip(note.lines, sizes, strict=True))
            + 3 * self.pad
        )
        height = round(sum(1.3 * px for px, _ in sizes)) + self.pad
        x, y = self._place(width, height, note.box)
        self.cost[y : y + height, x : x + width] = 64
        return note, (x, y, width, height), sizes

    def _note(self, note: _Note, place: _Place, sizes: list[tuple[int, int]]) -> None:
        self._paper(*place, note.colour)
        below = float(place[1] + self.pad // 2)
        for number, (text, (px, weight)) in enumerate(zip(note.lines, sizes, strict=True)):
            self._text(
                text, (place[0] + 2 * self.pad, round(below)), px, weight, FAINT if number else INK
            )
            below += 1.3 * px

    def _place(
        self, width: int, height: int, box: tuple[float, float, float, float] | None
    ) -> tuple[int, int]:
        """Left and top of a label: where it covers least, and near its box (None: near the left top
        corner)."""
        step = max(2, self.text_px // 4)
        if width >= self.width or height >= self.height:
            return 0, 0
        totals = cv2.integral(self.cost)
        xs, ys = np.arange(0, self.width - width, step), np.arange(0, self.height - height, step)
        x, y = xs[None, :], ys[:, None]
        covered = (
            totals[y + height, x + width]
            - totals[y, x + width]
            - totals[y + height, x]
            + totals[y, x]
        )
        if box is None:
            away = 0.5 * np.hypot(x, y)
        else:
            left, top, right, bottom = box
            beside = np.maximum(np.maximum(left - (x + width), x - right), 0)
            over = np.maximum(np.maximum(top - (y + height), y - bottom), 0)
            away = np.hypot(beside, over) + 0.1 * np.abs(x - left) + 0.15 * np.maximum(y - top, 0)
        cost = covered / (self.text_px * 1.0) + 1.5 * away
        row, column = np.unravel_index(int(cost.argmin()), cost.shape)
        return int(xs[column]), int(ys[row])

    def _leader(
        self,
        box: tuple[float, float, float, float],
        x: int,
        y: int,
        width: int,
        height: int,
        colour: Colour,
    ) -> None:
        """A line from a label to its tool, if they are not beside each other."""
        left, top, right, bottom = box
        end = np.clip(((x + width / 2), (y + height / 2)), (left, top), (right, bottom))
        start = np.clip(end, (x, y), (x + width, y + height))
        if float(np.hypot(*(end - start))) > self.text_px:
            for thickness, ink in ((self.stroke + 2, PAPER), (self.stroke, colour)):
                cv2.polylines(
                    self.canvas,
                    [_fine(np.array([start, end]))],
                    False,
                    ink,
                    thickness,
                    cv2.LINE_AA,
                    4,
                )

    def _paper(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        part = self.canvas[y : y + height, x : x + width]
        part[:] = cv2.addWeighted(part, 0.18, np.full_like(part, PAPER), 0.82, 0)
        part[:, : self.pad] = colour
        self.cost[y : y + height, x : x + width] = 64

    def _wide(self, text: str, px: int, weight: int) -> int:
        _, _, width, _ = cv2.getTextSize(
            (self.width, self.height), text, (0, 0), self.font, px, weight
        )
        return int(width)

    def _text(self, text: str, at: tuple[int, int], px: int, weight: int, colour: Colour) -> None:
        cv2.putText(self.canvas, text, (at[0], at[1] + px), colour, self.font, px, weight)


def _fine(points: Floats) -> NDArray[np.int32]:
    """Points for drawing to a sixteenth of a px."""
    return np.round(points * 16).astype(np.int32)


def _warm(canvas: Pixels, heat: Heat) -> None:
    """Lay the heat over the picture: nothing up to half of what is hot, then yellow, and red from
    there on."""
    warmth = cv2.warpAffine(
        heat.values, heat.matrix, (canvas.shape[1], canvas.shape[0]), flags=cv2.INTER_LINEAR
    )
    x, y, width, height = cv2.boundingRect((warmth > 0.5).astype(np.uint8))
    part, warm = canvas[y : y + height, x : x + width], warmth[y : y + height, x : x + width, None]
    colour = np.concatenate(
        [np.zeros_like(warm), 255 * np.clip(2 - warm * 4 / 3, 0, 1), np.full_like(warm, 255)],
        axis=2,
    )
    share = np.clip(warm - 0.5, 0, 0.5)
    part[:] = np.rint(part * (1 - share) + colour * share).astype(np.uint8)
