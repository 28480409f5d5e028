"""What people upload: taken whole within a size, and looked at only as far as its first bytes; the
node decodes it.

A PNG of 17 kB can hold 411 MB of pixels, so the size in pixels is read from the head of the file
before anybody decodes it.
"""

import struct
from typing import NamedTuple

from flask import current_app, request

from schemas import Problem
from web.access import access_of

MAX_PIXELS = 36_000_000
MAX_PICTURE_BYTES = 8 * 1024 * 1024  # 11 MiB as base64, the most a command takes
# of a form's parser: its fields, and what it has read of a file at a time
FORM_MEMORY = 2 * 1024 * 1024
NO_SIZE = (0x01, *range(0xD0, 0xD9))  # JPEG markers without a length
FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)


class PictureHead(NamedTuple):
    """What the head of a picture says."""

    kind: str
    width: int
    height: int


def uploaded() -> bytes:
    """The body, of a type that the route takes, or the one file of a form; its name is not looked
    at.

    Raises Problem CONTENT_TYPE, TOO_LARGE.
    """
    access = access_of(current_app, request.endpoint)
    mimetypes = tuple(access.takes) if access is not None else ()
    limit = request.max_content_length or 0
    if request.mimetype == "multipart/form-data":
        request.max_form_memory_size = FORM_MEMORY
        files = [file for name in request.files for file in request.files.getlist(name)]
        if len(files) != 1:
            raise Problem(
                "VALIDATION_FAILED", f"file: the form has {len(files)} files instead of one"
            )
        data = files[0].stream.read(limit + 1)
    elif request.mimetype in mimetypes:
        data = request.get_data(cache=False)
    else:
        raise Problem("CONTENT_TYPE", f"send {' or '.join(mimetypes)}, or a form with one file")
    if len(data) > limit:
        raise Problem("TOO_LARGE", f"at most {limit} bytes")
    if not data:
        raise Problem("VALIDATION_FAILED", "the file is empty")
    return data


def check_picture(data: bytes, max_pixels: int = MAX_PIXELS) -> PictureHead:
    """Kind and size in pixels by the head of the file. Raises Problem IMAGE_INVALID for anything
    but a fitting PNG or JPEG."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        head = _png(data)
    elif data.startswith(b"\xff\xd8\xff"):
        head = _jpeg(data)
    else:
        raise Problem("IMAGE_INVALID", "it is neither PNG nor JPEG")
    if head.width < 16 or head.height < 16:
        raise Problem("IMAGE_INVALID", f"{head.width} x {head.height} px is too small")
    if head.width * head.height > max_pixels:
        raise Problem(
            "IMAGE_INVALID",
            f"{head.width} x {head.height} px is more than {max_pixels / 1e6:g} million pixels",
        )
    return head


def _png(data: bytes) -> PictureHead:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise Problem("IMAGE_INVALID", "the PNG is cut off")
    width, height = struct.unpack(">II", data[16:24])
    if data.find(b"acTL", 33, 4096) != -1:
        raise Problem("IMAGE_INVALID", "the PNG is animated")
    return PictureHead("png", width, height)


def _jpeg(data: bytes) -> PictureHead:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in NO_SIZE:
            at += 2
        elif marker in FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return PictureHead("jpg", width, height)
        else:
            at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
    raise Problem("IMAGE_INVALID", "the JPEG is cut off before it says its size")
