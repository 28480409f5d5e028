"""The network of OpenCV, for where there is no onnxruntime."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

def blobFromImage(
    image: NDArray[Any],
    scalefactor: float = ...,
    size: tuple[int, int] = ...,
    mean: float | tuple[float, ...] = ...,
    swapRB: bool = ...,
    crop: bool = ...,
) -> NDArray[np.float32]: ...
def readNetFromONNX(buffer: NDArray[np.uint8]) -> Any: ...
