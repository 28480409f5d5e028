"""All settings of a node."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import NodeId, Shape
from schemas.settings.addresses import AbsolutePath
from schemas.settings.broker import BrokerSettings, CommandSettings
from schemas.settings.exports import ExportSettings
from schemas.settings.keeping import HistorySettings, PictureSettings
from schemas.settings.lines import GpiodLines
from schemas.settings.logs import LogSettings, TracingSettings
from schemas.settings.metrics import MetricsSettings
from schemas.settings.oidc import OidcSettings
from schemas.settings.programs import ProgramSettings
from schemas.settings.station import StationSettings
from schemas.settings.web import WebSettings


class Settings(Shape):
    """All settings of a node."""

    node_id: NodeId = Field(default="node-01", description="Name of this node in topics.")
    environment: Literal["production", "development", "testing"] = Field(
        default="production", description="production is strict about secrets."
    )
    state_dir: AbsolutePath = Field(
        default="/var/lib/inspection-node", description="Folder of programs, ledger and pictures."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least level logged."
    )
    preview: bool = Field(
        default=False, description="Whether JPEG previews are published to image/{station}."
    )
    broker: BrokerSettings = Field(default_factory=BrokerSettings, description="The MQTT broker.")
    metrics: MetricsSettings = Field(
        default_factory=MetricsSettings, description="Prometheus metrics."
    )
    web: WebSettings = Field(default_factory=WebSettings, description="The web application.")
    oidc: OidcSettings = Field(
        default_factory=OidcSettings, description="Signing in by an identity provider."
    )
    commands: CommandSettings = Field(
        default_factory=CommandSettings, description="Limits of commands."
    )
    programs: ProgramSettings = Field(
        default_factory=ProgramSettings, description="Programs from elsewhere."
    )
    pictures: PictureSettings = Field(
        default_factory=PictureSettings, description="Retention of pictures."
    )
    history: HistorySettings = Field(
        default_factory=HistorySettings, description="Retention of results."
    )
    certificates: Annotated[tuple[AbsolutePath, ...], Field(max_length=32, strict=False)] = Field(
        default=(),
        description=(
            "More certificates of this box (the broker's, the proxy's): the alarm CERTIFICATE and"
            " `doctor` warn 30 days before they end; those of [broker] are checked anyway."
        ),
    )
    exports: ExportSettings = Field(
        default_factory=ExportSettings, description="Pictures and backups, copied elsewhere."
    )
    tracing: TracingSettings = Field(default_factory=TracingSettings, description="Traces.")
    logs: LogSettings = Field(default_factory=LogSettings, description="Log lines.")
    station: Annotated[
        tuple[StationSettings, ...], Field(min_length=1, max_length=32, strict=False)
    ] = Field(description="The stations.")

    @property
    def asking(self) -> BrokerSettings:
        """The broker as the web and the commands meet it: with the web's own user, where there is
        one."""
        if self.web.broker_username is None:
            return self.broker
        return self.broker.model_copy(
            update={"username": self.web.broker_username, "password": self.web.broker_password}
        )

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        ids = [station.id for station in self.station]
        if len(set(ids)) != len(ids):
            raise ValueError("two stations have the same id")
        if self.metrics.enabled and self.metrics.bind == self.web.bind:
            raise ValueError("metrics.bind and web.bind are the same")
        if self.oidc.issuer is not None and self.web.origin is None:
            raise ValueError(
                "oidc.issuer is given, but no web.origin, to which the provider sends people back"
            )
        if self.history.dedupe_hours * 3600 <= self.broker.session_expiry_s:
            raise ValueError("history.dedupe_hours must be longer than broker.session_expiry_s")
        taken: dict[tuple[str, int], str] = {}
        for station in self.station:
            if not isinstance(station.lines, GpiodLines):
                continue
            lines = [
                *station.lines.roles.values(),
                *([station.lines.trigger] if station.lines.trigger else []),
            ]
            for line in lines:
                key = (station.lines.chip, line.line)
                if key in taken:
                    raise ValueError(
                        f"stations {taken[key]} and {station.id} share line {line.line} of {key[0]}"
                    )
                taken[key] = station.id
        if len(
            {
                str(s.camera.device or s.camera.serial)
                for s in self.station
                if s.camera.kind == "usb"
            }
        ) != sum(s.camera.kind == "usb" for s in self.station):
            raise ValueError("two stations share one camera")
        return self
