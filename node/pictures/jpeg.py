"""JPEG (ITU-T T.81), read strictly: what a decoder only warns of is a damaged picture.

libjpeg fills what is missing or cannot be decoded with gray or with moved blocks, and warns; a lost
packet then looks like a plain part. Each of its warnings is a refusal here: codes that do not
exist, too few or too many of them for the picture, markers that come too early or in another order.
JPEG has no checksum: damage after which there are by chance just as many blocks leaves no trace
(some in a hundred where a block takes many bytes, more in the refining scans of progressive files).
A run of zeros, which is how most transports leave a gap, is told by the code that zeros would be.
"""

import re
import struct
from typing import NamedTuple

import simplejpeg

from node.frame import Pixels
from schemas import Problem

WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD8)}
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
TABLES, SCAN, END = 0xC4, 0xDA, b"\xff\xd9"
SCANS = bytes((0xFF, SCAN))
# of a progressive picture, which has ten: each goes over the whole picture, however few bytes it
# has
MOST_SCANS = 100
GAP, REFINED_GAP = (
    bytes(32),
    bytes(128),
)  # more bits than a block has coefficients; more than an encoder lets corrections wait (libjpeg)
# in a scan: 0 is a stuffed byte, D0 to D7 restarts
MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


class Jpeg(NamedTuple):
    """What the markers up to the first scan say; scan: where that one's header begins."""

    width: int
    height: int
    channels: int
    scan: int


def measure(data: bytes) -> Jpeg:
    """Annex B: markers with lengths up to the first scan; after it an end marker must come.

    Raises Problem IMAGE_INVALID, struct.error or IndexError if it ends before.
    """
    at, header = 2, None
    while True:
        if data[at] != 0xFF:
            raise Problem("IMAGE_INVALID", "the JPEG has no marker where one is due")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in WITHOUT_LENGTH:
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if marker in FRAMES:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            if bits != 8 or channels not in (1, 3):
                raise Problem(
                    "IMAGE_INVALID",
                    f"a JPEG of {bits} bits and {channels} channels is not supported",
                )
            header = Jpeg(width, height, channels, 0)
        if marker == SCAN:
            break
        at += 2 + max(length, 2)
    if header is None:
        raise Problem("IMAGE_INVALID", "the JPEG has no frame header")
    if data.find(END, at) < 0:
        raise Problem("IMAGE_INVALID", "it is truncated")
    if data.count(SCANS, at) > MOST_SCANS:
        raise Problem("IMAGE_INVALID", f"the JPEG has more than {MOST_SCANS} scans")
    return header._replace(scan=at)


def decode(data: bytes, header: Jpeg) -> Pixels:
    """The picture, height x width (x 3, BGR).

    Raises Problem IMAGE_INVALID for whatever libjpeg warns of, and for gaps of zeros.
    """
    if data.find(GAP, header.scan) >= 0 and _has_gap(data):
        raise Problem("IMAGE_INVALID", "the JPEG is damaged: zeros where its picture should be")
    try:
        pixels = simplejpeg.decode_jpeg(
            data, "GRAY" if header.channels == 1 else "BGR", strict=True
        )
    except ValueError as error:
        raise Problem("IMAGE_INVALID", f"the JPEG is damaged: {error}") from None
    return pixels[:, :, 0] if header.channels == 1 else pixels  # type: ignore[no-any-return]


def _has_gap(data: bytes) -> bool:
    """Whether zeros stand in a scan where no encoder would write them.

    The code of zeros alone is the first of its table. Only where that means `as before` (no
    difference of the mean, no coefficients) can it come again and again, in a plain surface;
    elsewhere it would be a block of 63 equal coefficients.
    """
    first: dict[int, int] = {}  # of each Huffman table, by class and number (annex B.2.4.2)
    at = 2
    while True:
        start = data.find(b"\xff", at)
        if start < 0 or start + 4 > len(data) or data[start + 1] == END[1]:
            return False
        marker = data[start + 1]
        if marker == 0xFF or marker in WITHOUT_LENGTH:
            at = start + (1 if marker == 0xFF else 2)
            continue
        (length,) = struct.unpack_from(">H", data, start + 2)
        at = start + 2 + max(length, 2)
        segment = data[start + 4 : at]
        if marker == TABLES:
            while len(segment) > 17:
                first[segment[0]] = segment[17]
                segment = segment[17 + sum(segment[1:17]) :]
        if marker == SCAN and segment:
            end = MARKER.search(data, at)
            stop = end.start() if end else len(data)
            gap = _gap(segment, first)
            if gap and data.find(gap, at, stop) >= 0:
                return True
            at = stop


def _gap(scan: bytes, first: dict[int, int]) -> bytes | None:
    """The least run of zeros that is damage in the scan with this header (annex B.2.3); None if it
    may hold any."""
    if len(scan) < 4 + 2 * scan[0]:
        return None
    low, high, bits = scan[1 + 2 * scan[0] :][:3]
    if bits >> 4:  # it refines what came before; of means each bit stands by itself
        return None if low == 0 else REFINED_GAP
    tables = scan[2 : 2 + 2 * scan[0] : 2]
    means = low > 0 or all(first.get(table >> 4, 0) == 0 for table in tables)
    others = high == 0 or all(first.get(0x10 | table & 15, 1) == 0 for table in tables)
    return None if means and others else GAP
