"""The web application: where it listens, who may come, and how often."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from schemas.base import Float, Shape
from schemas.settings.addresses import (
    HostName,
    Origin,
    SyslogTarget,
    WebBind,
    checked_port,
    is_loopback,
)
from schemas.user import UserRole

SECRET_BYTES = 32


class WebSettings(Shape):
    """The web application."""

    bind: WebBind = Field(
        default="127.0.0.1:5000",
        description=(
            "Address and port; or unix:/PATH, a socket that only the proxy's account or group can"
            " reach."
        ),
    )
    socket_group: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] | None = (
        Field(
            default=None,
            description=(
                "Group that may connect to a socket unix:/PATH besides our own account: the"
                " proxy's."
            ),
        )
    )
    notice: Annotated[str, StringConstraints(min_length=1, max_length=2000)] | None = Field(
        default=None,
        description=(
            "What everybody reads before signing in: who may use this, and that it is recorded."
        ),
    )
    allow_clear_text: bool = Field(
        default=False,
        description=(
            "Whether production may be reached from other machines without a proxy that speaks TLS."
        ),
    )
    jwt_key: SecretStr | None = Field(
        default=None,
        description=(
            "Key that signs tokens, 32 bytes or more; from the environment or a file only."
            " Production needs one."
        ),
    )
    jwt_old_key: SecretStr | None = Field(
        default=None,
        description=(
            "Earlier keys, separated by spaces: what they signed stays valid until it expires."
        ),
    )
    broker_username: str | None = Field(
        default=None,
        description=(
            "User name at the broker of the web and of commands such as `trigger`, with other"
            " rights than the node's; else the node's."
        ),
    )
    broker_password: SecretStr | None = Field(
        default=None, description="Its password; from the environment or a file only."
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="Bearer token that may read metrics and health details, 32 bytes or more.",
    )
    hosts: Annotated[tuple[HostName, ...], Field(max_length=32, strict=False)] = Field(
        default=(),
        description=(
            "Names this site answers to, besides localhost, IP addresses and the machine's own"
            " name."
        ),
    )
    origin: Origin | None = Field(
        default=None,
        description=(
            "The address at which people open this site, such as https://line3.example, as"
            " passkeys and identity providers are told it. Without it passkeys work at"
            " https://NAME for the names in web.hosts and, to try them, at http://localhost."
        ),
    )
    origins: Annotated[tuple[Origin, ...], Field(max_length=32, strict=False)] = Field(
        default=(),
        description="Other sites whose pages may call the API with a bearer token (CORS).",
    )
    proxy_hops: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0,
        description=(
            "How many of our proxies are in front: that many entries of X-Forwarded-For are"
            " believed."
        ),
    )
    access_minutes: Annotated[int, Field(ge=1, le=120)] = Field(
        default=15, description="How long an access token is good, in minutes."
    )
    idle_hours: Float = Field(
        default=12.0,
        gt=0,
        le=720,
        description="Hours without a refresh after which a session ends.",
    )
    session_days: Float = Field(
        default=30.0, gt=0, le=365, description="Days after which a session ends in any case."
    )
    audit_rows: Annotated[int, Field(ge=1000, le=1_000_000_000)] = Field(
        default=1_000_000,
        description=(
            "How many rows the audit may have; from nine tenths on the alarm AUDIT is raised."
        ),
    )
    audit_syslog: SyslogTarget | None = Field(
        default=None,
        description=(
            "Where each row of the audit is sent by syslog (RFC 5424): HOST:PORT (UDP), or"
            " /dev/log."
        ),
    )
    initial_password_hours: Float = Field(
        default=72.0,
        ge=0,
        le=8760,
        description=(
            "Hours within which a password that somebody else has chosen must be replaced; 0 for"
            " no limit."
        ),
    )
    second_factor_for: Annotated[tuple[UserRole, ...], Field(max_length=3, strict=False)] = Field(
        default=(),
        description="Roles that can do nothing but set up their second factor while it is off.",
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=100,
        description="Requests from one person, or one address, that are answered in a minute.",
    )
    sign_ins_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=5,
        description=(
            "Attempts to sign in from one address in a minute; one with the right password is not"
            " counted, up to ten times as many."
        ),
    )
    triggers_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=10, description="Inspections that one person may start by hand in a minute."
    )
    _check = field_validator("bind")(checked_port)

    @model_validator(mode="after")
    def _pairs(self) -> "WebSettings":
        if self.broker_password is not None and self.broker_username is None:
            raise ValueError("broker_password is given, but no broker_username")
        if self.bind.startswith("unix:") and not self.proxy_hops:
            raise ValueError(
                "bind is a socket, but proxy_hops is 0: behind it only the proxy knows whose"
                " address is whose"
            )
        if self.socket_group is not None and not self.bind.startswith("unix:"):
            raise ValueError("socket_group is given, but bind is no unix:/PATH")
        return self

    @field_validator("audit_syslog")
    @classmethod
    def _target(cls, target: str | None) -> str | None:
        return target if target is None or target.startswith("/") else checked_port(target)

    @field_validator("jwt_key", "jwt_old_key", "metrics_token")
    @classmethod
    def _strong(cls, secret: SecretStr | None) -> SecretStr | None:
        """HMAC with SHA-256 asks for 32 bytes (RFC 7518, 3.2)."""
        for word in secret.get_secret_value().split(" ") if secret else []:
            if len(word.encode()) < SECRET_BYTES or len(set(word)) < 8:
                raise ValueError(
                    f"it is shorter than {SECRET_BYTES} bytes or has less than 8 different"
                    " characters"
                )
        return secret

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.bind.rpartition(":")[0].strip("[]"))
