"""What the tests of programs give to the web: documents, pictures, forms and archives."""

import io
import json
import struct
import zipfile
import zlib
from typing import Any

from tests.rooms.installation.site_of_web import Someone


def program(low: float = 10.0, **more: Any) -> dict[str, Any]:
    region = {"x": 10, "y": 10, "width": 50, "height": 50}
    tool = {"kind": "brightness", "name": "light", "region": region, "low": low, "high": 250.0}
    return {
        "schema": "program/1",
        "id": "bottle-cap",
        "name": "Bottle cap",
        "tools": [tool],
        **more,
    }


def png(width: int, height: int) -> bytes:
    """A gray picture; the pixels of a large one are not all there."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = [
        (b"IHDR", head),
        (b"IDAT", zlib.compress(b"\0" * min((width + 1) * height, 100_000))),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def created(admin: Someone) -> str:
    answer = admin.ask("POST", "/programs", json=program())
    assert answer.status_code == 201, answer.text
    assert answer.json["data"]["checked"] == "structure"  # the node is away, and it says so
    return str(answer.headers["ETag"])


def form(document: dict[str, Any], master: bytes | None = None, **more: bytes) -> dict[str, Any]:
    parts = {
        "program": json.dumps(document).encode(),
        **({} if master is None else {"master": master}),
        **more,
    }
    return {"data": {name: (io.BytesIO(data), f"../../{name}") for name, data in parts.items()}}


def archive(*entries: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries:
            made.writestr(name, data)
    return buffer.getvalue()
