"""Where a bad part failed: the place of the tool that says most, shown close beside the verdict."""

import numpy as np

from node.seen import Inspection
from schemas import ToolResult
from schemas.store.live_pictures import WHOLE, Place
from schemas.tools.base import RegionTool

AROUND = 0.15  # share of its larger side that is shown around a place
LEAST = 0.04  # of the picture's larger side: a mark alone would show nothing but itself


def failed_at(inspection: Inspection) -> Place | None:
    """The place of the first tool that made the verdict, as the page names it; None if no tool did,
    or where it looked at most of the picture anyway."""
    tools = inspection.program.tools if inspection.program is not None else ()
    bad = [each for each in zip(inspection.findings, tools, strict=False) if _bad(each[0].result)]
    bad.sort(key=lambda each: each[0].result.verdict != inspection.verdict)
    if inspection.frame is None or not bad:
        return None
    finding, tool = bad[0]
    matrix = inspection.placement.matrix
    if isinstance(tool.settings, RegionTool):
        points = np.array(tool.settings.region.corners, float) @ matrix[:, :2].T + matrix[:, 2]
    else:
        points = np.vstack([np.empty((0, 2)), *(mark.points for mark in finding.marks())])
    if not len(points):
        return None
    size = np.array(inspection.frame.gray.shape[::-1], float)
    least, most = points.min(axis=0), points.max(axis=0)
    margin = max(AROUND * float((most - least).max()), LEAST * float(size.max()))
    low = np.clip((least - margin) / size, 0, 1)
    high = np.clip((most + margin) / size, 0, 1)
    left, top = (int(v) for v in np.floor(WHOLE * low))
    right, bottom = (int(v) for v in np.ceil(WHOLE * high))
    place = left, top, right - left, bottom - top
    return place if min(place[2:]) > 0 and place[2] * place[3] < WHOLE * WHOLE / 2 else None


def _bad(result: ToolResult) -> bool:
    return result.verdict != "OK"
