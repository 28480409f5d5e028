"""From px to mm: a plain scale, or a lens and a plane taken from pictures of a checkerboard."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import Float, Shape

MatrixRow = Annotated[tuple[Float, Float, Float], Field(strict=False)]
Matrix = Annotated[tuple[MatrixRow, MatrixRow, MatrixRow], Field(strict=False)]
Five = Annotated[tuple[Float, Float, Float, Float, Float], Field(strict=False)]
PictureSide = Annotated[int, Field(ge=1, le=65535)]


class Scale(Shape):
    """One scale for the whole picture: camera square to the part, and a lens without distortion."""

    kind: Literal["scale"] = "scale"
    mm_per_px: Float = Field(gt=0, le=1000, description="Millimetres a px.")


class Checkerboard(Shape):
    """Camera and lens as learned from pictures of a checkerboard (pinhole with 5 coefficients of
    distortion)."""

    kind: Literal["checkerboard"] = "checkerboard"
    camera_matrix: Matrix = Field(description="3 x 3: focal lengths and principal point in px.")
    distortion: Five = Field(description="k1, k2, p1, p2, k3 of the lens.")
    mm_per_px: Float = Field(
        gt=0,
        le=1000,
        description="Millimetres an undistorted px, where the plane is parallel to the sensor.",
    )
    plane: Matrix | None = Field(
        default=None,
        description=(
            "3 x 3 homography from undistorted px to mm on the part's plane; null is a plane"
            " parallel to the sensor."
        ),
    )
    width: PictureSide = Field(
        description="Columns of the pictures it was made from, in px: it is not valid for others."
    )
    height: PictureSide = Field(description="Rows of the pictures it was made from, in px.")
    error_px: Float | None = Field(
        default=None, ge=0, description="Reprojection error of the calibration (RMS) in px."
    )

    @model_validator(mode="after")
    def _a_camera(self) -> "Checkerboard":
        camera = self.camera_matrix
        focal, zeros = (camera[0][0], camera[1][1]), (camera[0][1], camera[1][0], *camera[2][:2])
        if min(focal) <= 0 or any(zeros) or camera[2][2] != 1:
            raise ValueError(
                "calibration: camera_matrix is not [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]"
            )
        if self.plane is not None:
            (a, b, c), (d, e, f), (g, h, i) = self.plane
            if abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)) < 1e-12:
                raise ValueError("calibration: plane is not invertible")
        return self


Calibration = Annotated[Scale | Checkerboard, Field(discriminator="kind")]
