"""What the parts agree on: the whole vocabulary on one screen."""

from schemas.base import Shape, canonical, new_id, read_json, utc
from schemas.camera import CameraSettings, FolderCamera, QualityLimits, SyntheticCamera, UsbCamera
from schemas.command import COMMANDS, Command, Reply
from schemas.errors import CATALOGUE, Problem
from schemas.geometry import Pose, Region
from schemas.program import Keep, Program, StoredProgram, as_program, parse_program
from schemas.result import EVALUATION, Fault, Images, Result, ToolResult, Verdict
from schemas.settings import GpiodLines, MemoryLines, Settings, StationSettings
from schemas.state import Alarm, Event, Info, Marker, Metrics, NodeState, ProgramInfo, StationState
from schemas.tools import Area, Brightness, ColourArea, EdgePixels, Locator, Outline, Pattern, Tool
from schemas.trigger import Trigger, parse_trigger
from schemas.user import User

__all__ = [
    "CATALOGUE",
    "COMMANDS",
    "EVALUATION",
    "Alarm",
    "Area",
    "Brightness",
    "CameraSettings",
    "ColourArea",
    "Command",
    "EdgePixels",
    "Event",
    "Fault",
    "FolderCamera",
    "GpiodLines",
    "Images",
    "Info",
    "Keep",
    "Locator",
    "Marker",
    "MemoryLines",
    "Metrics",
    "NodeState",
    "Outline",
    "Pattern",
    "Pose",
    "Problem",
    "Program",
    "ProgramInfo",
    "QualityLimits",
    "Region",
    "Reply",
    "Result",
    "Settings",
    "Shape",
    "StationSettings",
    "StationState",
    "StoredProgram",
    "SyntheticCamera",
    "Tool",
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
    "utc",
]
