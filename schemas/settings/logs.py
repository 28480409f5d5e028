"""Log lines, and traces."""

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, field_validator

from schemas.base import Float, Shape
from schemas.settings.addresses import AbsolutePath


class LogSettings(Shape):
    """How, and where, log lines are written."""

    format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="auto: JSON in production unless it runs at a terminal, otherwise text.",
    )
    folder: AbsolutePath | None = Field(
        default=None,
        description=(
            "Folder for files: node/ and web/, each with app.log, error.log and the web's"
            " access.log; by default lines go to standard error, which systemd puts into the"
            " journal."
        ),
    )
    file_mb: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=10, description="Size at which a log file is set aside, in MB."
    )
    keep_days: Float = Field(
        default=30.0,
        gt=0,
        le=3650,
        description="Days after which log files that were set aside are removed.",
    )
    most_mb: Annotated[int, Field(ge=2, le=1_000_000)] = Field(
        default=500,
        description=(
            "Most space for one kind of log file, including those set aside, in MB; the oldest go"
            " first."
        ),
    )

    sentry_dsn: SecretStr | None = Field(
        default=None,
        description=(
            "DSN of the Sentry to which errors are sent, without secrets and variables; from the"
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
