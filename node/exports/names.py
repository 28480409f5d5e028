"""What a picture is called at a target: a template's fields, fit for every file system."""

import hashlib
import re
import unicodedata
from datetime import datetime

from schemas.result import Result
from schemas.settings.exports import FIELD, PictureKind

MOST_FIELD = 64
MOST_SEGMENT_BYTES = 180  # with a dot and .part it stays below the 255 that file systems take
EXTENSION = ".jpg"
DIGEST = 12
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)  # of Windows
NONE = "none"


def name_of(template: str, result: Result, picture: PictureKind) -> str:
    """The name of one of a result's pictures, with / between levels. Times are UTC."""
    at = datetime.fromisoformat(result.captured_at or result.finished_at)
    values: dict[str, object] = {
        "node": result.node,
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H%M%S}",
        "station": result.station,
        "verdict": result.verdict,
        "code": result.error.code if result.error else None,
        "program": result.program,
        "program_version": result.program_version,
        "part_id": result.part_id,
        "trigger_id": result.trigger_id,
        "result_id": result.result_id,
        "seq": result.seq,
        "picture": picture,
    }
    filled = FIELD.sub(lambda match: safe(values[match[1]]), template.removesuffix(EXTENSION))
    *folders, last = filled.split("/")
    return "/".join([*map(_segment, folders), _segment(last) + EXTENSION])


def safe(value: object) -> str:
    """A value without what separates levels or is refused by some file system; `none` if there is
    none."""
    text = unicodedata.normalize("NFC", "" if value is None else str(value))[:MOST_FIELD]
    text = "".join(sign if sign.isalnum() or sign in "._=@+-" else "_" for sign in text)
    return text.strip(".") or NONE


def _segment(text: str) -> str:
    """One level: not longer than a file system takes, and no device's name."""
    data = text.encode()
    if len(data) > MOST_SEGMENT_BYTES:  # what is cut off still tells it from others
        digest = hashlib.sha256(data).hexdigest()[:DIGEST]
        text = f"{data[: MOST_SEGMENT_BYTES - DIGEST - 1].decode(errors='ignore')}-{digest}"
    return f"_{text}" if DEVICES.fullmatch(text) else text
