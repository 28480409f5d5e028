"""What a camera of each kind can be told. `CAMERAS` in node/cameras holds the drivers of the same
names."""

import re
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Float, Shape

FrameSide = Annotated[int, Field(ge=16, le=16384)]
TimeoutMs = Annotated[int, Field(ge=10, le=60000)]


class QualityLimits(Shape):
    """The image quality gate: a frame outside of these is ERROR / IMAGE_QUALITY, whatever the tools
    would say."""

    brightness_low: Float = Field(
        default=8.0, ge=0, le=255, description="Least mean gray of a frame, 0 to 255."
    )
    brightness_high: Float = Field(
        default=247.0, ge=0, le=255, description="Greatest mean gray of a frame."
    )
    sharpness_low: Float = Field(
        default=6.0,
        ge=0,
        le=255,
        description=(
            "Least sharpness: absolute Laplacian of the sharpest 0.5 % of the shrunk frame, less"
            " its noise, 0 to 255."
        ),
    )
    clipped_high: Float = Field(
        default=0.95,
        ge=0,
        le=1,
        description=(
            "Greatest share of pixels that are fully black, or that are burnt out in a colour."
        ),
    )

    @model_validator(mode="after")
    def _ordered(self) -> "QualityLimits":
        if self.brightness_low > self.brightness_high:
            raise ValueError("brightness_low is above brightness_high")
        return self


class CameraBase(Shape):
    """What all cameras share."""

    timeout_ms: TimeoutMs = Field(
        default=1000, description="How long to wait for a frame newer than its trigger."
    )
    quality: QualityLimits = Field(
        default_factory=QualityLimits, description="Limits of the image quality gate."
    )

    def lasting(self, part_id: str | None) -> bool:  # noqa: ARG002
        """Whether a picture that is taken for this part and never judged changes nothing for those
        that follow."""
        return False


class SyntheticCamera(CameraBase):
    """Draws a conveyor of parts with seeded defects, so that the true verdict of every frame is
    known."""

    kind: Literal["synthetic"] = "synthetic"
    width: FrameSide = Field(
        default=640, ge=320, le=4096, description="Columns of the drawn frame in px."
    )
    height: FrameSide = Field(
        default=480, ge=240, le=4096, description="Rows of the drawn frame in px."
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(
        default=1, description="Seed of the line of parts."
    )
    defect_rate: Float = Field(
        default=0.25, ge=0, le=1, description="Share of parts drawn with a defect."
    )
    exposure_ms: Float = Field(default=0.0, ge=0, le=10000, description="Simulated exposure in ms.")

    def number(self, part_id: str | None) -> int | None:
        """The part of the line that a part_id `part-N` asks for; None if it names none, which is
        the next one."""
        named = re.search(r"part-(\d{1,9})$", part_id or "")
        return None if named is None else int(named[1])

    def lasting(self, part_id: str | None) -> bool:
        """See CameraBase: the line goes on with each part that is not named."""
        return self.number(part_id) is not None


class FolderCamera(CameraBase):
    """Shows stored pictures as if a camera took them."""

    kind: Literal["folder"] = "folder"
    path: Annotated[str, StringConstraints(min_length=1)] = Field(
        description=(
            "Folder of pictures; a relative path is taken from the folder of the settings file."
        )
    )
    order: Literal["name", "part_id", "newest"] = Field(
        default="name",
        description=(
            "name: one after another, then from the first again; part_id: the picture whose name"
            " (without ending) is the trigger's part_id; newest: waits for a picture written after"
            " the trigger."
        ),
    )
    cache_mb: Annotated[int, Field(ge=0, le=65536)] = Field(
        default=256, description="Memory for decoded pictures in MB, 0 for none."
    )

    def lasting(self, part_id: str | None) -> bool:
        """See CameraBase: the other orders show each picture once."""
        return self.order == "part_id" and part_id is not None


class UsbCamera(CameraBase):
    """A USB or other V4L2 camera."""

    kind: Literal["usb"] = "usb"
    device: str | None = Field(
        default=None,
        pattern=r"^/dev/[A-Za-z0-9._:/-]+$",
        description=(
            "Device path; /dev/v4l/by-id/... or /dev/v4l/by-path/... stays the same when the"
            " camera is unplugged."
        ),
    )
    serial: str | None = Field(
        default=None,
        min_length=1,
        max_length=128,
        description="USB serial number, instead of a device path.",
    )
    width: FrameSide = Field(default=640, description="Columns asked of the camera in px.")
    height: FrameSide = Field(default=480, description="Rows asked of the camera in px.")
    fps: Float = Field(
        default=30.0, gt=0, le=1000, description="Frames a second asked of the camera."
    )
    fourcc: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{4}$")] | None = Field(
        default=None, description="Pixel format asked of the camera, such as MJPG or YUYV."
    )
    frozen_frames: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=5,
        description=(
            "So many identical frames in a row are FRAME_FROZEN; 0 turns the check off. Frames"
            " darker than quality.brightness_low do not count, and a trigger waits for a lighter"
            " one: a lamp may flash for each part."
        ),
    )

    def lasting(self, part_id: str | None) -> bool:  # noqa: ARG002
        """See CameraBase: it takes pictures whether somebody asks for them or not."""
        return True

    @model_validator(mode="after")
    def _one_name(self) -> "UsbCamera":
        if (self.device is None) == (self.serial is None):
            raise ValueError("give either device or serial")
        return self


CameraSettings = Annotated[SyntheticCamera | FolderCamera | UsbCamera, Field(discriminator="kind")]
