"""Model files: what a tool was taught, as arrays in an .npz. Nothing that files from outside claim
is believed."""

import io
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas import Problem
from schemas.store.programs.bundle import check_directory

Array = NDArray[Any]
MAX_BYTES = 64 * 1024 * 1024  # unpacked
MAX_ENTRIES = 32
BROKEN = (
    zipfile.BadZipFile, zlib.error, ValueError, TypeError, OSError, EOFError, KeyError, NotImplementedError, RuntimeError,  # noqa: E501
    MemoryError,
)  # fmt: skip


def pack(kind: str, arrays: dict[str, Any]) -> bytes:
    """The model file of a tool of that kind; the same bytes for the same arrays."""
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        kind=np.array(kind),
        **{key: np.asarray(arrays[key]) for key in sorted(arrays)},
    )
    return buffer.getvalue()


def arrays_of(data: bytes, most_bytes: int) -> dict[str, Array]:
    """The arrays of an .npz by name, inflated in pieces. Raises Problem MODEL_INVALID.

    numpy.load would inflate a member that is not an array whole, whatever size it says: 0.4 MB took
    800 MB of the process that inspects. Here a member is an array or refused, and no more is
    inflated of it than it says.
    """
    try:
        check_directory(data)
        arrays = {}
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > most_bytes:
                raise ValueError("it is too large")
            for entry in entries:
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ValueError("it is compressed in another way than deflate")
                with archive.open(entry) as file:
                    name = entry.filename.removesuffix(".npy")
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    except BROKEN as error:
        raise Problem("MODEL_INVALID", f"the model file cannot be read: {error}"[:300]) from error
    except Problem as problem:
        raise Problem(
            "MODEL_INVALID", f"the model file cannot be read: {problem.message}"[:300]
        ) from None
    return arrays


def unpack(data: bytes, kind: str, shapes: dict[str, tuple[str, int]]) -> dict[str, Array]:
    """The arrays by name. shapes: for each its type (numpy's kind: f, i, u, U) and number of
    dimensions.

    Raises Problem MODEL_INVALID for anything else, and for numbers that are not finite.
    """
    arrays = arrays_of(data, MAX_BYTES)
    said = str(arrays.pop("kind", "nothing"))[:40]
    if said != kind:
        raise Problem("MODEL_INVALID", f"the model file is for {said!a}, not for {kind}")
    if set(arrays) != set(shapes):
        raise Problem(
            "MODEL_INVALID",
            f"the model file lacks {sorted(set(shapes) - set(arrays))} or has too much in it",
        )
    for name, (dtype, dimensions) in shapes.items():
        array = arrays[name]
        if (
            array.dtype.kind != dtype
            or array.ndim != dimensions
            or (array.size == 0 and dimensions)
        ):
            raise Problem(
                "MODEL_INVALID", f"{name} of the model file is {array.dtype} {array.shape}"
            )
        if dtype == "f" and not np.isfinite(array).all():
            raise Problem(
                "MODEL_INVALID", f"{name} of the model file has a number that is not finite"
            )
    return arrays
