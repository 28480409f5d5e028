"""How long pictures and results are kept."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Float, Shape


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
            "What happens at outbox_limit. stop: triggers are answered STORE_FAILED until the"
            " broker takes results again. drop: work goes on and the oldest results go"
            " unpublished; they stay in the history, and the command resend sends them."
        ),
    )
