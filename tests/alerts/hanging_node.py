"""A node in which the inspection of a part hangs for ever if its trigger's id begins with
`hang`."""

import os
import sys
import time
from pathlib import Path
from typing import Any

from node import inspection
from node.__main__ import main

measure = inspection.measure  # type: ignore[attr-defined]


def _measure(frame: Any, placement: Any, program: Any, trigger: Any, **more: Any) -> Any:
    if (trigger.trigger_id or "").startswith("hang"):
        time.sleep(3600)
    return measure(frame, placement, program, trigger, **more)


inspection.measure = _measure  # type: ignore[attr-defined]
sys.exit(main(Path(sys.argv[1]), os.environ))
