"""The port of the node's metrics."""

from pydantic import Field, SecretStr, field_validator

from schemas.base import Shape
from schemas.settings.addresses import Bind, checked_port, is_loopback


class MetricsSettings(Shape):
    """Prometheus metrics of the node."""

    enabled: bool = Field(default=True, description="Whether the metrics port is opened.")
    bind: Bind = Field(default="127.0.0.1:9464", description="Address and port.")
    token: SecretStr | None = Field(
        default=None,
        description=(
            "Bearer token that readers have to send; from the environment or a file only."
        ),
    )
    allow_without_token: bool = Field(
        default=False,
        description=(
            "Whether production may show them to other machines without a token; doctor still"
            " warns."
        ),
    )
    _check = field_validator("bind")(checked_port)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.bind.startswith("unix:") or is_loopback(
            self.bind.rpartition(":")[0].strip("[]")
        )
