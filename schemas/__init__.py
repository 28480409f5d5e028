"""What the parts agree on: the whole vocabulary on one screen."""

from schemas.base import Shape, canonical, new_id, read_json, ready, utc
from schemas.calibration import Calibration, Checkerboard, Scale
from schemas.command import COMMANDS, Command, Reply
from schemas.errors import CATALOGUE, Problem
from schemas.geometry import Pose, Region
from schemas.locators import *  # noqa: F403
from schemas.locators import __all__ as _locators
from schemas.program import Keep, Program, StoredProgram, as_program, parse_program
from schemas.result import EVALUATION, Fault, Images, Result, ShortResult, ToolResult, Verdict
from schemas.settings import CommandSettings, GpiodLines, MemoryLines, Settings, StationSettings
from schemas.settings.cameras import (
    CameraSettings,
    FolderCamera,
    QualityLimits,
    SyntheticCamera,
    UsbCamera,
)
from schemas.state import (
    Alarm,
    AuditHead,
    Event,
    Info,
    Marker,
    Metrics,
    NodeState,
    ProgramInfo,
    StationState,
)
from schemas.tools import *  # noqa: F403
from schemas.tools import __all__ as _tools
from schemas.trigger import AcceptedTrigger, Trigger, parse_trigger
from schemas.user import User

__all__ = [
    *_locators,
    *_tools,
    "CATALOGUE",
    "COMMANDS",
    "EVALUATION",
    "AcceptedTrigger",
    "Alarm",
    "AuditHead",
    "Calibration",
    "CameraSettings",
    "Checkerboard",
    "Command",
    "CommandSettings",
    "Event",
    "Fault",
    "FolderCamera",
    "GpiodLines",
    "Images",
    "Info",
    "Keep",
    "Marker",
    "MemoryLines",
    "Metrics",
    "NodeState",
    "Pose",
    "Problem",
    "Program",
    "ProgramInfo",
    "QualityLimits",
    "Region",
    "Reply",
    "Result",
    "Scale",
    "Settings",
    "Shape",
    "ShortResult",
    "StationSettings",
    "StationState",
    "StoredProgram",
    "SyntheticCamera",
    "ToolResult",
    "Trigger",
    "UsbCamera",
    "User",
    "Verdict",
    "as_program",
    "canonical",
    "new_id",
    "parse_program",
    "parse_trigger",
    "read_json",
    "ready",
    "utc",
]
