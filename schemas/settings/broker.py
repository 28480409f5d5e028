"""The MQTT broker and how to reach it, and what is done about the commands that come."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from schemas.base import Float, Shape
from schemas.settings.addresses import AbsolutePath, is_loopback


class BrokerSettings(Shape):
    """The MQTT broker and how to reach it."""

    url: str = Field(
        default="mqtt://127.0.0.1:1883",
        description="mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS.",
    )
    base: Annotated[
        str,
        StringConstraints(
            pattern=r"^[^+#$/\x00-\x1f][^+#\x00-\x1f]*[^+#/\x00-\x1f]$", max_length=200
        ),
    ] = Field(
        default="inspection/v1",
        description="What every topic begins with; a Unified Namespace path may come before.",
    )
    username: str | None = Field(default=None, description="User name at the broker.")
    password: SecretStr | None = Field(
        default=None, description="Password; from the environment or a file only."
    )
    ca_file: AbsolutePath | None = Field(
        default=None, description="Certificates of the authorities to trust (PEM)."
    )
    cert_file: AbsolutePath | None = Field(default=None, description="Client certificate (PEM).")
    key_file: AbsolutePath | None = Field(
        default=None, description="Key of the client certificate (PEM)."
    )
    allow_clear_text: bool = Field(
        default=False,
        description="Whether production may send the password to another machine without TLS.",
    )
    client_id: (
        Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00-\x1f]*$")] | None
    ) = Field(
        default=None,
        description=(
            "Client id of the node at the broker, by default inspection-node-NODE_ID; empty lets"
            " the broker assign one. The connection for commands puts control- in front of it."
        ),
    )
    keepalive_s: Annotated[int, Field(ge=2, le=15)] = Field(
        default=10, description="MQTT keep alive in seconds."
    )
    session_expiry_s: Annotated[int, Field(ge=60, le=30 * 86400)] = Field(
        default=86400,
        description="How long the broker keeps our session while we are away, in seconds.",
    )

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError("the url is not mqtt://HOST:PORT or mqtts://HOST:PORT")
        if parts.username or parts.password:
            raise ValueError("user name and password do not belong in the url")
        if parts.path or parts.query or parts.fragment:
            raise ValueError("the url has more than a host and a port")
        if parts.port == 0:
            raise ValueError("the port is not between 1 and 65535")
        return url

    @model_validator(mode="after")
    def _pairs(self) -> "BrokerSettings":
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        if (self.ca_file or self.cert_file) and not self.tls:
            raise ValueError("certificates are given, but the url is not mqtts://")
        if self.password is not None and self.username is None:
            raise ValueError("a password is given, but no username")
        return self

    @property
    def host(self) -> str:
        """Host name or address of the broker."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """TCP port of the broker."""
        return urlsplit(self.url).port or (8883 if self.tls else 1883)

    @property
    def loopback(self) -> bool:
        """Whether it runs on this machine."""
        return is_loopback(self.host)

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("mqtts:")


class CommandSettings(Shape):
    """What is done about the commands that come."""

    max_age_ms: Annotated[int, Field(ge=100, le=3_600_000)] = Field(
        default=5000,
        description=(
            "Commands that waited longer than this while the node was away move and start nothing:"
            " COMMAND_STALE, in ms."
        ),
    )
    per_second: Float = Field(
        default=20.0,
        gt=0,
        le=100_000,
        description=(
            "Commands a second that are carried out in the long run; more are answered BUSY."
        ),
    )
    burst: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=60, description="Commands that may come at once."
    )
