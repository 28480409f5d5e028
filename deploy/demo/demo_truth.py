"""What the parts of the demo really are: drawn parts from their number, photographs from the names
their makers gave them."""

import json
import math
import re
from pathlib import Path

from schemas import Result, SyntheticCamera, Verdict

SCREWS = Path(__file__).parents[1] / "pictures" / "screws"
NEAR_PX = 3.0  # the photographs' part positions are at least 8 px apart


class DemoTruth:
    """The true verdicts of the two stations of the demo."""

    def __init__(self, camera: SyntheticCamera) -> None:
        self._camera = camera
        self._photos: list[dict[str, float | str]] = list(
            json.loads((SCREWS / "truth.json").read_text()).values()
        )

    def of(self, result: Result) -> Verdict | None:
        """The true verdict of the part in a result; None if it is not known, or no picture of it
        was taken."""
        if result.captured_at is None:
            return None
        return self._drawn(result) if result.station == "cam1" else self._photographed(result)

    def _drawn(self, result: Result) -> Verdict | None:
        from node.cameras.synthetic import truth  # here, because it loads OpenCV

        named = re.search(r"part-(\d{1,9})$", result.part_id or "")
        return truth(self._camera, int(named[1])).verdict if named else None

    def _photographed(self, result: Result) -> Verdict | None:
        """The photograph is recognised by where its first screw lies: that says which one it is,
        not how it is judged."""
        if result.pose is None or result.program != "four-screws":
            return None
        for photo in self._photos:
            if (
                math.dist((result.pose.x, result.pose.y), (float(photo["x"]), float(photo["y"])))
                < NEAR_PX
            ):
                return photo["verdict"]  # type: ignore[return-value]
        return None
