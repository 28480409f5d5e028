"""The annotated picture: where the part was found, what each tool saw of it, the verdict, and why
it is not OK.

Only what is not good has a label, with its value against its limits, in names, codes, numbers and
signs, which are no language: a good part is not hidden by words. Labels hide nothing where that
can be had: each goes to the place near its tool that covers the fewest marks, regions and labels,
and nothing of what is shown close, with a line to its tool if it is not beside it. What is
covered is counted in cells, some to a letter, so that a large picture costs no more than a small
one. Every stroke lies on a light and a dark one, so that it shows on any colour. Colours come with
words: NG and ERROR are written.

One file: where each label goes depends on all that was drawn before.
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
from node.pictures.failed_at import failed_at
from node.seen import Inspection
from schemas import Compare, Marks, Pose, Region, ToolResult
from schemas.geometry import AnyRegion, Circle, Ring, RotatedRectangle
from schemas.locators import CornerLocator, Locator
from schemas.store.live_pictures import WHOLE
from schemas.tools.base import RegionTool

Colour = tuple[int, int, int]
Floats = NDArray[np.float64]
_Place = tuple[int, int, int, int]  # left, top, width, height

COLOURS: dict[str, Colour] = {"OK": (90, 220, 90), "NG": (80, 80, 255), "ERROR": (0, 190, 255)}
POSE: Colour = (255, 200, 60)
PAPER: Colour = (32, 28, 26)
INK: Colour = (255, 255, 255)
FAINT: Colour = (205, 205, 205)
MOST_NOTES = 24  # labels with a second line: above this many they are one line each
# what it costs to cover a px of detail; one of a region costs 1, of a mark 8, of what is shown
# close 32, of a label 64
DETAIL = 0.3

_fonts = threading.local()


class _Note(NamedTuple):
    """A label: what it says, in which colour, and the box in the frame that it belongs to (left,
    top, right, bottom)."""

    lines: tuple[str, ...]
    colour: Colour
    box: tuple[float, float, float, float] | None


def annotate(inspection: Inspection) -> Pixels:
    """The frame with pose, regions, marks, verdict, and the values of what is not good; BGR."""
    frame, program = inspection.frame, inspection.program
    assert frame is not None
    canvas: Pixels = np.array(
        frame.pixels if frame.coloured else cv2.cvtColor(frame.pixels, cv2.COLOR_GRAY2BGR), np.uint8
    )
    pen = _Pen(canvas, frame.gray)
    for finding in inspection.findings:
        if finding.measurement is not None and finding.measurement.heat is not None:
            _warm(canvas, finding.measurement.heat())
    notes: list[_Note] = []
    matrix = inspection.placement.matrix
    locator = program.program.locator if program is not None else None
    if inspection.pose is not None and locator is not None:
        _located(pen, locator, inspection.pose, matrix)
    elif (
        locator is not None
        and inspection.fault is not None
        and inspection.fault.code == "PART_NOT_FOUND"
    ):
        notes.append(_missed(pen, locator, inspection.places))
    tools = program.tools if program else ()
    failed = sum(finding.result.verdict != "OK" for finding in inspection.findings)
    for finding, tool in zip(inspection.findings, tools, strict=False):
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
        if finding.result.verdict != "OK":
            notes.append(_Note(_lines(finding.result, failed <= MOST_NOTES), colour, _around(seen)))
    verdict = "ERROR" if inspection.fault else inspection.verdict
    close = failed_at(inspection)
    if close is not None:  # it is shown beside the verdict, without labels
        pen.spare(close)
    pen.write(verdict, inspection.fault.code if inspection.fault else None, COLOURS[verdict], notes)
    return canvas


def _lines(result: ToolResult, limits: bool) -> tuple[str, ...]:
    """What is written of a tool that is not good: its value, and its limits."""
    why = result.error.code if result.error is not None else shown(result.value, result.unit)
    said = f"{result.name}  {result.verdict}  {why}"
    if not limits:
        return (said,)
    read = (f"“{result.text[:28]}”",) if result.text else ()
    return (said, *read, limits_of(result))


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
    """The limits in signs that every language has."""
    if result.low is None:
        return f"≤ {shown(result.high)}"
    return (
        f"≥ {shown(result.low)}"
        if result.high is None
        else f"{shown(result.low)} – {shown(result.high)}"
    )


def _located(pen: "_Pen", locator: Locator, pose: Pose, matrix: Floats) -> None:
    """Draw what was located and its axes."""
    borders = [np.array(place.corners, float) for place in _places(locator)]
    # which looks at the same places wherever the part lies
    if not isinstance(locator, CornerLocator):
        borders = [border @ matrix[:, :2].T + matrix[:, 2] for border in borders]
    for border in borders:
        pen.outline(border, POSE)
    pen.axes(pose)


def _missed(pen: "_Pen", locator: Locator, places: tuple[Pose, ...]) -> _Note:
    """Draw where the part was looked for, and where it may be if there are several; the label has
    the code, and pages say the sentence in their language."""
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
    return _Note((f"{locator.kind}  ERROR  PART_NOT_FOUND",), COLOURS["ERROR"], _around(borders))


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
    """Draws on a canvas in strokes that show on any colour, and remembers what must not be covered.

    gray: the gray levels of what is drawn on.
    """

    def __init__(self, canvas: Pixels, gray: Pixels) -> None:
        self.canvas = canvas
        self.height, self.width = canvas.shape[:2]
        self.text_px = int(min(max(round(self.height / 36), 12), 48, max(9, self.width // 24)))
        self.stroke = max(1, round(self.height / 300))
        self.cell = max(1, self.text_px // 6)  # px per side of what one number of the cost is for
        size = -(-self.width // self.cell), -(-self.height // self.cell)
        seen = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
        self.cost = (DETAIL * (np.abs(cv2.Laplacian(seen, cv2.CV_16S)) > 24)).astype(np.float32)
        self.line_px = round(1.3 * self.text_px)
        self.pad = max(2, self.text_px // 4)
        if not hasattr(_fonts, "sans"):  # one per thread: that one may be shared is not documented
            _fonts.sans = cv2.FontFace("sans")
        self.font = _fonts.sans

    def outline(self, points: Floats, colour: Colour) -> None:
        """A closed line around a place that was looked at."""
        self._line([_fine(points)], True, colour, self.stroke)
        left, top, right, bottom = (int(v // self.cell) for v in _around([points]) or (0, 0, 0, 0))
        part = self.cost[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
        np.maximum(part, 1, out=part)

    def _line(
        self, lines: list[NDArray[np.int32]], closed: bool, colour: Colour, stroke: int
    ) -> None:
        """Lines in one colour, on a light stroke and a dark one."""
        for wide, ink in ((3.5, PAPER), (1.5, INK), (0, colour)):
            thickness = stroke + round(wide * max(2, self.stroke))
            cv2.polylines(self.canvas, lines, closed, ink, thickness, cv2.LINE_AA, 4)

    def _cells(self, points: Floats) -> NDArray[np.int32]:
        return np.floor(points / self.cell).astype(np.int32)

    def mark(self, mark: Mark, colour: Colour) -> None:
        """What was found: a line if it is joined up, else points."""
        if len(mark.points) == 0:
            return
        if mark.closed:
            for thickness, ink in ((self.stroke + 2, PAPER), (self.stroke, colour)):
                cv2.polylines(
                    self.canvas, [_fine(mark.points)], True, ink, thickness, cv2.LINE_AA, 4
                )
            cv2.polylines(self.cost, [self._cells(mark.points)], True, (8,), 3)
            return
        few = len(mark.points) < 5
        size = self.text_px * (0.45 if few else 0.16)
        arms = np.array([[(-size, 0), (size, 0)], [(0, -size), (0, size)]])
        crosses = list(_fine((mark.points[:, None, None] + arms).reshape(-1, 2, 2)))
        if few:
            self._line(crosses, False, colour, self.stroke)
        else:
            cv2.polylines(self.canvas, crosses, False, colour, self.stroke, cv2.LINE_AA, 4)
        cv2.polylines(self.cost, list(self._cells(mark.points)[:, None]), True, (8,), 4)

    def spare(self, place: tuple[int, int, int, int]) -> None:
        """No label is to lie there, if there is room elsewhere: left, top, width and height in
        thousandths of the picture."""
        rows, columns = self.cost.shape
        left, top, width, height = place
        part = self.cost[
            top * rows // WHOLE : -(-(top + height) * rows // WHOLE),
            left * columns // WHOLE : -(-(left + width) * columns // WHOLE),
        ]
        np.maximum(part, 32, out=part)

    def axes(self, pose: Pose) -> None:
        """The place of the part: its x axis is the long arm."""
        c, s = math.cos(math.radians(pose.angle_deg)), math.sin(math.radians(pose.angle_deg))
        for length, (ux, uy) in ((3.0, (c, s)), (1.8, (-s, c))):
            reach = length * self.text_px
            arm = np.array([(pose.x, pose.y), (pose.x + reach * ux, pose.y + reach * uy)])
            self._line([_fine(arm)], False, POSE, 2 * self.stroke)
            cv2.polylines(self.cost, [self._cells(arm)], False, (8,), 6)
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
        self._take(x, y, width, height)
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
        """Left and top of a label: where it covers least, near its box or the left top corner."""
        if width >= self.width or height >= self.height:
            return 0, 0
        cell, totals = self.cell, cv2.integral(self.cost)
        columns = np.arange((self.width - width) // cell + 1)[None, :]
        rows = np.arange((self.height - height) // cell + 1)[:, None]
        right = np.minimum(columns + -(-width // cell), self.cost.shape[1])
        below = np.minimum(rows + -(-height // cell), self.cost.shape[0])
        covered = (
            totals[below, right]
            - totals[rows, right]
            - totals[below, columns]
            + totals[rows, columns]
        )
        x, y = columns * cell, rows * cell
        if box is None:
            away = 0.5 * np.hypot(x, y)
        else:
            left, top, right, bottom = box
            beside = np.maximum(np.maximum(left - (x + width), x - right), 0)
            over = np.maximum(np.maximum(top - (y + height), y - bottom), 0)
            away = np.hypot(beside, over) + 0.1 * np.abs(x - left) + 0.15 * np.maximum(y - top, 0)
        cost = covered * cell * cell / self.text_px + 1.5 * away
        row, column = np.unravel_index(int(cost.argmin()), cost.shape)
        return int(column) * cell, int(row) * cell

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
            self._line([_fine(np.array([start, end]))], False, colour, self.stroke)

    def _paper(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        part = self.canvas[y : y + height, x : x + width]
        part[:] = cv2.addWeighted(part, 0.18, np.full_like(part, PAPER), 0.82, 0)
        part[:, : self.pad] = colour
        self._take(x, y, width, height)

    def _take(self, x: int, y: int, width: int, height: int) -> None:
        """A place is a label's: no other is to lie there."""
        cell = self.cell
        self.cost[y // cell : -(-(y + height) // cell), x // cell : -(-(x + width) // cell)] = 64

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
