"""Decodes pictures from outside: JPEG, PNG, WebP and BMP, told by their first bytes, measured
before they are decoded.

The header is read here first, because a decoder allocates what the header asks for (a PNG of 17 kB
can ask for 430 MB), and because OpenCV shows what it can of a damaged picture as if all were well.
What stands in a PNG beside its picture is left out: the decoder would inflate each text and each
profile (400 kB of them took 9 s), and nobody looks at them.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import cv2
import numpy as np

from node.frame import Pixels
from node.pictures import jpeg
from schemas import Problem

MAX_PIXELS = 64_000_000
MIN_SIDE = 16
PIECE_BYTES = 256 * 1024
PNG = b"\x89PNG\r\n\x1a\n"
PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")  # the chunks that pixels are made of
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# x, y, and steps
PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
MOST_CHUNKS = 65_536  # 64 million pixels in pieces of 8 kB, as libpng writes them, are half as many
SLACK_BYTES = 64 * 1024  # some encoders write more than the picture
JPEG = b"\xff\xd8\xff"


class Header(NamedTuple):
    """What a picture says about itself, in px."""

    width: int
    height: int
    bits: int | None = None  # significant ones of a channel, if it says so


def decode(data: bytes, *, foreign: bool = False) -> Pixels:
    """The picture as height x width x 3 (BGR) or height x width (gray), uint8.

    16-bit pictures are scaled to 8 bits by their significant bits (`_eight_bits`), transparency is
    dropped. EXIF orientation is ignored: pixels are as the sensor gave them, as those of a camera
    are. Raises Problem IMAGE_INVALID: no picture of these four kinds, truncated, animated, CMYK,
    more than 64 Mpixel or a side below 16 px. foreign: what somebody sent; then also a PNG that
    unpacks to more than its picture, for which it is inflated once more.
    """
    header = measure(data)
    if data.startswith(PNG):
        if foreign:
            _refuse_bomb(data)
        data = _bare(data)
    if data.startswith(JPEG):
        return jpeg.decode(data, jpeg.measure(data))
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        _refuse(f"it cannot be decoded: {error.err}")
    if pixels is None:
        _refuse("it cannot be decoded")
    if pixels.shape[:2] != (header.height, header.width):
        _refuse("its size is not what its header says")
    if pixels.dtype == np.uint16:
        pixels = _eight_bits(pixels, header.bits)
    if pixels.dtype != np.uint8:
        _refuse(f"its pixels are {pixels.dtype}")
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        _refuse(f"it has {pixels.shape[2]} channels")
    return pixels


def _eight_bits(pixels: Any, bits: int | None) -> Any:
    """16 bits as 8. Cameras of 10 to 14 bits write their levels to the upper bits or, with sBIT or
    without, to the lower.

    With sBIT that is told by whether a level needs more bits. Without it, a picture that uses less
    than a quarter of the range is refused: divided by 257 it would be nearly black, or it is.
    """
    most = int(pixels.max())
    if bits is not None and most < 2**bits:
        return cv2.convertScaleAbs(pixels, alpha=255 / (2**bits - 1))
    if bits is None and 0 < most < 2**14:
        _refuse(
            f"its 16 bits use {(most + 1) / 2**16:.1%} of their range: let the camera say how many"
            " bits are significant (sBIT of the PNG), write its levels to the upper bits, or give"
            " more light"
        )
    return cv2.convertScaleAbs(pixels, alpha=1 / 257)


def measure(data: bytes) -> Header:
    """Size of a complete picture, by its header alone. Raises Problem IMAGE_INVALID like
    decode()."""
    if not data:
        _refuse("it is empty")
    try:
        if data.startswith(PNG):
            header = _png(data)
        elif data.startswith(JPEG):
            header = Header(*jpeg.measure(data)[:2])
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            header = _webp(data)
        elif data.startswith(b"BM"):
            header = _bmp(data)
        else:
            _refuse("it is not a JPEG, PNG, WebP or BMP picture")
    except (struct.error, IndexError):
        _refuse("it is truncated")
    if header.width < MIN_SIDE or header.height < MIN_SIDE:
        _refuse(
            f"{header.width} x {header.height} px are too small, a side has at least {MIN_SIDE} px"
        )
    if header.width * header.height > MAX_PIXELS:
        _refuse(
            f"{header.width} x {header.height} px are more than {MAX_PIXELS // 1_000_000} Mpixel"
        )
    return header


def _refuse_bomb(data: bytes) -> None:
    """Refuse a PNG that inflates to more than its picture: a decoder would go on to its end, to
    throw that away."""
    width, height, bits, colours, _, _, interlaced = struct.unpack(">IIBBBBB", data[16:29])
    left = SLACK_BYTES
    for x, y, across, down in PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // across), -(-(height - y) // down)
        left += (
            rows * (1 + (columns * bits * CHANNELS.get(colours, 4) + 7) // 8)
            if columns > 0 < rows
            else 0
        )
    inflating = zlib.decompressobj()
    for kind, start, end in _chunks(data):
        if kind != b"IDAT":
            continue
        for at in range(start + 8, end - 4, PIECE_BYTES):  # what is left over is copied each time
            piece = data[at : min(at + PIECE_BYTES, end - 4)]
            while piece and not inflating.eof:
                try:
                    left -= len(inflating.decompress(piece, PIECE_BYTES))
                except zlib.error:  # the decoder says so
                    return
                if left < 0:
                    _refuse("it unpacks to more than its picture")
                piece = inflating.unconsumed_tail


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, begin and end of each chunk of a PNG whose chunks have been looked at."""
    at = len(PNG)
    kind = b""
    while kind != b"IEND":
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        yield kind, at, at + 12 + length
        at += 12 + length


def _bare(data: bytes) -> bytes:
    """A PNG with nothing but its picture."""
    kept = [(start, end) for kind, start, end in _chunks(data) if kind in PICTURE]
    if sum(end - start for start, end in kept) + len(PNG) == len(data):
        return data
    return PNG + b"".join(data[start:end] for start, end in kept)


def _refuse(reason: str) -> NoReturn:
    raise Problem("IMAGE_INVALID", reason)


def _png(data: bytes) -> Header:
    """W3C PNG specification, 5: signature, then chunks of length, type, data, CRC, up to IEND."""
    at, view = len(PNG), memoryview(data)
    header: Header | None = None
    for _ in range(MOST_CHUNKS):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        (crc,) = struct.unpack_from(">I", data, at + 8 + length)
        if header is None:
            if kind != b"IHDR" or length != 13:
                _refuse("the PNG has no header")
            header = Header(*struct.unpack_from(">II", data, at + 8))
        if kind == b"sBIT" and length:  # 11.3.2.7
            header = header._replace(
                bits=min(max(data[at + 8 : at + 8 + min(length, 3)]), 16) or None
            )
        if kind == b"acTL":
            _refuse("it is animated")
        if zlib.crc32(view[at + 4 : at + 8 + length]) != crc:
            _refuse("a checksum of the PNG is wrong")
        if kind == b"IEND":
            return header
        at += 12 + length
    _refuse(f"the PNG has more than {MOST_CHUNKS} chunks")


def _webp(data: bytes) -> Header:
    """RFC 9649, 2: a RIFF container that begins with VP8, VP8L or VP8X."""
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        _refuse("it is truncated")
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind != b"VP8X":
        _refuse("the WebP has no header")
    if data[20] & 0x02:
        _refuse("it is animated")
    return Header(
        int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    )


def _bmp(data: bytes) -> Header:
    """BITMAPINFOHEADER and later, not compressed; a negative height is a picture from top to
    bottom."""
    start, size, width, height, _, bits, packing = struct.unpack_from("<4xIIiiHHI", data, 6)
    if size < 40 or packing not in (0, 3):
        _refuse("this kind of BMP is not supported")
    height = abs(height)
    if start + (width * bits + 31) // 32 * 4 * height > len(data):
        _refuse("it is truncated")
    return Header(width, height)
