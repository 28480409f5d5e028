"""The settings of a node: one TOML file, environment variables over it, secrets from the
environment or from files.

Every key can be overridden: INSPECTION_BROKER__URL, INSPECTION_STATION__CAM1__MAX_AGE_MS (stations
by id). Secrets are INSPECTION_BROKER__PASSWORD, ..._FILE with a path, or a file broker_password in
$CREDENTIALS_DIRECTORY (systemd).
"""

import re
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from schemas.base import Float, NodeId, ProgramId, Shape, StationId
from schemas.settings.cameras import CameraSettings
from schemas.settings.oidc import OidcSettings
from schemas.trigger import Plain
from schemas.user import UserRole


def _absolute(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise ValueError("give an absolute path: it begins with /")
    return path


AbsolutePath = Annotated[
    str, AfterValidator(_absolute), WithJsonSchema({"type": "string", "pattern": "^/"})
]
Bind = Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$")]
WebBind = Annotated[
    str,
    StringConstraints(
        pattern=r"^(unix:/[^\x00-\x20]{1,100}|(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5})$"
    ),
]
SyslogTarget = Annotated[
    str,
    StringConstraints(
        pattern=r"^(/[^\x00]{1,100}|(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[1-9][0-9]{0,4})$"
    ),
]
HostName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")
]
Origin = Annotated[
    str, StringConstraints(pattern=r"^https?://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?$")
]
SECRET_BYTES = 32
KEY_PREFIX = "ed25519:"
PublicKey = Annotated[str, StringConstraints(pattern=rf"^{KEY_PREFIX}[A-Za-z0-9+/]{{43}}=$")]
KeyName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}[A-Za-z0-9]$")
]
Role = Literal["ready", "busy", "ok", "ng", "error", "result_valid", "heartbeat"]
OUTPUTS = tuple(f"OUT{n}" for n in range(1, 9))


def _port(bind: str) -> str:
    if bind.startswith("unix:"):
        return bind
    if not 1 <= int(bind.rpartition(":")[2]) <= 65535:
        raise ValueError("the port is not between 1 and 65535")
    return bind


def _is_loopback(host: str) -> bool:
    """Whether it is this machine; a name that only begins like an address of it is a name
    (127.0.0.1.example.com)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
            "By what id the broker knows the node; by default inspection-node-NODE_ID. Empty: the"
            " broker gives one. Its connection for commands has control- before it."
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
        return _is_loopback(self.host)

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.startswith("mqtts:")


class MetricsSettings(Shape):
    """Prometheus metrics of the node."""

    enabled: bool = Field(default=True, description="Whether the metrics port is opened.")
    bind: Bind = Field(default="127.0.0.1:9464", description="Address and port.")
    token: SecretStr | None = Field(
        default=None,
        description=(
            "Bearer token that whoever reads them has to send; from the environment or a file only."
        ),
    )
    allow_without_token: bool = Field(
        default=False,
        description=(
            "Whether production may show them to other machines without a token; doctor still"
            " warns."
        ),
    )
    _check = field_validator("bind")(_port)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.bind.startswith("unix:") or _is_loopback(
            self.bind.rpartition(":")[0].strip("[]")
        )


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
            "Keys before it, separated by spaces: what they signed stays valid until it expires."
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
            "Where people open this site, such as https://line3.example: what passkeys and identity"
            " providers are told. If missing, passkeys work at https://NAME of web.hosts, and to"
            " try them at http://localhost."
        ),
    )
    origins: Annotated[tuple[Origin, ...], Field(max_length=32, strict=False)] = Field(
        default=(),
        description="Other sites whose pages may call the API with a bearer token (CORS).",
    )
    proxy_hops: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0,
        description=(
            "How many proxies of ours are in front: so many of X-Forwarded-For are believed."
        ),
    )
    access_minutes: Annotated[int, Field(ge=1, le=120)] = Field(
        default=15, description="How long an access token is good, in minutes."
    )
    idle_hours: Float = Field(
        default=12.0,
        gt=0,
        le=720,
        description="A session not refreshed for so long ends, in hours.",
    )
    session_days: Float = Field(
        default=30.0, gt=0, le=365, description="A session ends after so long in any case, in days."
    )
    audit_rows: Annotated[int, Field(ge=1000, le=1_000_000_000)] = Field(
        default=1_000_000,
        description="How many rows the audit may have; from nine tenths on alarm AUDIT says so.",
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
            "A password that somebody else has chosen has to be replaced within so many hours; 0"
            " for no limit."
        ),
    )
    second_factor_for: Annotated[tuple[UserRole, ...], Field(max_length=3, strict=False)] = Field(
        default=(),
        description="Roles that can do nothing but set up their second factor while it is off.",
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=100,
        description="Requests of one person, or one address, that are answered in a minute.",
    )
    sign_ins_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=5, description="Attempts to sign in from one address in a minute."
    )
    triggers_per_minute: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=10, description="Manual inspections of one person in a minute."
    )
    _check = field_validator("bind")(_port)

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
        return target if target is None or target.startswith("/") else _port(target)

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
        return _is_loopback(self.bind.rpartition(":")[0].strip("[]"))


class LineSettings(Shape):
    """One line of a GPIO chip."""

    line: Annotated[int, Field(ge=0, le=1023)] = Field(
        description="Offset of the line on its chip."
    )
    active: Literal["high", "low"] = Field(default="high", description="Which level means active.")


LineOrOffset = LineSettings | Annotated[int, Field(ge=0, le=1023)]


class InputSettings(LineSettings):
    """The input line that triggers an inspection."""

    edge: Literal["rising", "falling"] = Field(
        default="rising", description="Which edge (of the active level) triggers."
    )
    debounce_ms: Float = Field(
        default=5.0, ge=0, le=1000, description="Edges closer than this are one, in ms."
    )


class PulseSettings(Shape):
    """How verdict lines are driven."""

    mode: Literal["pulse", "latch"] = Field(
        default="pulse",
        description=(
            "pulse: back to inactive after pulse_ms; latch: until the next inspection begins."
        ),
    )
    pulse_ms: Float = Field(
        default=100.0, ge=1, le=10000, description="Length of a verdict pulse in ms."
    )
    delay_ms: Float = Field(
        default=0.0, ge=0, le=10000, description="Time from the verdict to the lines in ms."
    )


class LinesBase(Shape):
    """What all kinds of lines share: roles to lines, unused if not given."""

    ready: LineOrOffset | None = Field(
        default=None, description="Active while the station takes triggers."
    )
    busy: LineOrOffset | None = Field(default=None, description="Active while a part is inspected.")
    ok: LineOrOffset | None = Field(default=None, description="Verdict OK.")
    ng: LineOrOffset | None = Field(default=None, description="Verdict NG.")
    error: LineOrOffset | None = Field(default=None, description="Verdict ERROR.")
    result_valid: LineOrOffset | None = Field(
        default=None, description="Strobe: verdict lines may be read now."
    )
    heartbeat: LineOrOffset | None = Field(default=None, description="1 Hz while the node lives.")
    outputs: dict[Annotated[str, StringConstraints(pattern=r"^OUT[1-8]$")], LineOrOffset] = Field(
        default_factory=dict, description="OUT1 to OUT8: lines that a program assigns."
    )
    trigger: InputSettings | None = Field(
        default=None, description="Input line that triggers an inspection."
    )
    drive: PulseSettings = Field(
        default_factory=PulseSettings, description="How verdict lines are driven."
    )

    @property
    def roles(self) -> dict[str, LineSettings]:
        """Every assigned output, role or OUTn, to its line."""
        given: dict[str, LineOrOffset | None] = {
            "ready": self.ready,
            "busy": self.busy,
            "ok": self.ok,
            "ng": self.ng,
            "error": self.error,
            "result_valid": self.result_valid,
            "heartbeat": self.heartbeat,
            **self.outputs,
        }
        return {
            role: LineSettings(line=line) if isinstance(line, int) else line
            for role, line in given.items()
            if line is not None
        }

    @model_validator(mode="after")
    def _distinct(self) -> "LinesBase":
        taken: dict[int, str] = {}
        for role, line in [
            *self.roles.items(),
            *([("trigger", self.trigger)] if self.trigger else []),
        ]:
            if line.line in taken:
                raise ValueError(f"{taken[line.line]} and {role} are on one line ({line.line})")
            taken[line.line] = role
        return self


class MemoryLines(LinesBase):
    """Lines in memory that record a timeline: simulated, and said to be so everywhere."""

    kind: Literal["memory"] = "memory"


class GpiodLines(LinesBase):
    """Lines of a GPIO chip of the Linux kernel."""

    kind: Literal["gpiod"] = "gpiod"
    chip: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="Label of the chip (see gpiodetect), or its path /dev/gpiochipN."
    )


Lines = Annotated[MemoryLines | GpiodLines, Field(discriminator="kind")]


class StationSettings(Shape):
    """One inspection point: a camera, its trigger sources, its output lines, its program."""

    id: StationId = Field(description="Name of the station in topics.")
    program: ProgramId | None = Field(
        default=None, description="Active program at the first start; later the ledger remembers."
    )
    camera: CameraSettings = Field(description="The camera.")
    lines: Lines = Field(
        default_factory=MemoryLines, description="Output lines and the trigger input."
    )
    queue_limit: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=16, description="Triggers that may wait; one more is answered ERROR / OVERRUN."
    )
    max_age_ms: Annotated[int, Field(ge=1, le=3_600_000)] = Field(
        default=2000,
        description="A trigger older than this is answered ERROR / TRIGGER_STALE, in ms.",
    )
    clocks_synced: bool = Field(
        default=False,
        description="Whether the sender's clock and ours agree, so that sent_at can be believed.",
    )
    mqtt: bool = Field(default=True, description="Whether MQTT triggers are taken.")
    timer_ms: Annotated[int, Field(ge=0, le=86_400_000)] = Field(
        default=0, description="Period of the timer trigger, 0 is off."
    )
    trigger_delay_ms: Annotated[int, Field(ge=0, le=60000)] = Field(
        default=0, description="Time from a trigger to the exposure in ms."
    )
    plain: Plain = Field(
        default="part_id",
        description="What a plain number or word is that comes as a trigger, such as 4711.",
    )
    ack: Literal["asked", "always"] = Field(
        default="asked",
        description=(
            "When accepted/{station} tells that a trigger is in the ledger: asked is for triggers"
            " with ack true only."
        ),
    )
    short: bool = Field(
        default=False,
        description=(
            "Whether each result goes out on short/{station} too, in at most 200 bytes for fixed"
            " buffers."
        ),
    )

    @model_validator(mode="after")
    def _delay(self) -> "StationSettings":
        if 0 < self.timer_ms < 10:
            raise ValueError("timer_ms is below 10 ms")
        return self


class CommandSettings(Shape):
    """What is done of the commands that come."""

    max_age_ms: Annotated[int, Field(ge=100, le=3_600_000)] = Field(
        default=5000,
        description=(
            "A command that waited longer while the node was away moves and starts nothing:"
            " COMMAND_STALE, in ms."
        ),
    )
    per_second: Float = Field(
        default=20.0,
        gt=0,
        le=100_000,
        description="Commands a second that are done in the long run; more are answered BUSY.",
    )
    burst: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=60, description="Commands that may come at once."
    )


class ProgramSettings(Shape):
    """Programs that come from elsewhere, and go there."""

    require_signature: bool = Field(
        default=False,
        description="Whether an import has to be a bundle that one of trusted_keys has signed.",
    )
    trusted_keys: Annotated[dict[KeyName, PublicKey], Field(max_length=64)] = Field(
        default_factory=dict,
        description="Who may sign bundles: a name for people, and the public key.",
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description=(
            "Key that signs what is exported, made by `secrets bundle-key`; from the environment or"
            " a file only."
        ),
    )

    @field_validator("signing_key")
    @classmethod
    def _key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and re.fullmatch("[0-9a-f]{64}", key.get_secret_value()) is None:
            raise ValueError(
                "it is not 64 hexadecimal digits, as `inspection-node secrets bundle-key` makes"
                " them"
            )
        return key

    @model_validator(mode="after")
    def _somebody(self) -> "ProgramSettings":
        if self.require_signature and not self.trusted_keys and self.signing_key is None:
            raise ValueError(
                "require_signature is true, but there are no trusted_keys: nothing could be"
                " imported"
            )
        return self


class PictureSettings(Shape):
    """How long pictures of results are kept: the strictest of the limits holds, oldest first."""

    max_count: Annotated[int, Field(ge=0)] = Field(
        default=100_000, description="Most picture files."
    )
    max_days: Float = Field(default=30.0, gt=0, description="Greatest age in days.")
    max_mb: Annotated[int, Field(ge=1)] = Field(default=20_000, description="Most space in MB.")
    min_free_percent: Float = Field(
        default=10.0, ge=0, le=95, description="Least free space of the disk in percent."
    )
    jpeg_quality: Annotated[int, Field(ge=10, le=100)] = Field(
        default=90, description="JPEG quality of raw pictures."
    )


class LogSettings(Shape):
    """How, and where, log lines are written."""

    format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="auto: JSON in production unless somebody looks on at a terminal, else text.",
    )
    folder: AbsolutePath | None = Field(
        default=None,
        description=(
            "Folder for files: node/ and web/, each with app.log, error.log and the web's"
            " access.log; by default lines go to the standard error output, which systemd puts into"
            " the journal."
        ),
    )
    file_mb: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=10, description="A file of that size is put aside, in MB."
    )
    keep_days: Float = Field(
        default=30.0, gt=0, le=3650, description="What was put aside is removed after so many days."
    )
    most_mb: Annotated[int, Field(ge=2, le=1_000_000)] = Field(
        default=500,
        description=(
            "Most space of one kind of file with what was put aside of it, in MB; the oldest goes"
            " first."
        ),
    )

    sentry_dsn: SecretStr | None = Field(
        default=None,
        description=(
            "DSN of a Sentry that is told errors, without secrets and variables; from the"
            " environment or a file only. Needs inspection-node[sentry]."
        ),
    )

    @field_validator("sentry_dsn")
    @classmethod
    def _there(cls, dsn: SecretStr | None) -> SecretStr | None:
        if dsn is not None and find_spec("sentry_sdk") is None:
            raise ValueError(
                "it is given, but sentry-sdk is not installed: pip install"
                " 'inspection-node[sentry]'"
            )
        return dsn


class TracingSettings(Shape):
    """Traces by OpenTelemetry."""

    endpoint: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]{1,200}$")] | None = (
        Field(
            default=None,
            description=(
                "Collector of OTLP over HTTP, such as http://127.0.0.1:4318: each inspection"
                " becomes a span, with its steps below it. A trigger's user property traceparent"
                " comes back with its result anyway."
            ),
        )
    )


class HistorySettings(Shape):
    """How long results are kept."""

    max_count: Annotated[int, Field(ge=1000)] = Field(
        default=5_000_000, description="Most results."
    )
    max_days: Float = Field(default=365.0, gt=0, description="Greatest age in days.")
    dedupe_hours: Float = Field(
        default=48.0,
        gt=0,
        description="How long trigger ids are remembered; longer than the broker's session.",
    )
    outbox_limit: Annotated[int, Field(ge=100)] = Field(
        default=1_000_000, description="Most results that wait for the broker; see outbox_full."
    )
    outbox_full: Literal["stop", "drop"] = Field(
        default="stop",
        description=(
            "At outbox_limit: stop answers triggers STORE_FAILED until the broker takes results;"
            " drop goes on, and lets the oldest go unpublished: they stay in the history, and the"
            " command resend gives them."
        ),
    )


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
            "More certificates of this box (the broker's, the proxy's) whose end is told 30 days"
            " before, by alarm CERTIFICATE and `doctor`; those of [broker] are looked at anyway."
        ),
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
