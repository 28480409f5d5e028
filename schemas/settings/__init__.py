"""The settings of a node: one TOML file, environment variables over it, secrets from the
environment or from files.

Every key can be overridden: INSPECTION_BROKER__URL, INSPECTION_STATION__CAM1__MAX_AGE_MS (stations
by id). Secrets are INSPECTION_BROKER__PASSWORD, ..._FILE with a path, or a file broker_password in
$CREDENTIALS_DIRECTORY (systemd).
"""

from schemas.settings.broker import BrokerSettings, CommandSettings
from schemas.settings.keeping import HistorySettings, PictureSettings
from schemas.settings.lines import (
    GpiodLines,
    InputSettings,
    LineRole,
    LineSettings,
    MemoryLines,
    PulseSettings,
)
from schemas.settings.logs import LogSettings, TracingSettings
from schemas.settings.metrics import MetricsSettings
from schemas.settings.node import Settings
from schemas.settings.programs import KEY_PREFIX, ProgramSettings
from schemas.settings.station import StationSettings
from schemas.settings.web import SECRET_BYTES, WebSettings

__all__ = [
    "KEY_PREFIX",
    "SECRET_BYTES",
    "BrokerSettings",
    "CommandSettings",
    "GpiodLines",
    "HistorySettings",
    "InputSettings",
    "LineRole",
    "LineSettings",
    "LogSettings",
    "MemoryLines",
    "MetricsSettings",
    "PictureSettings",
    "ProgramSettings",
    "PulseSettings",
    "Settings",
    "StationSettings",
    "TracingSettings",
    "WebSettings",
]
