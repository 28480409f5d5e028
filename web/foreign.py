"""What the system and the libraries say in English where a message of ours repeats it: errors of
files and connections, of JSON, and of values that a model refuses."""

import errno
import os
import re

from pydantic_core._pydantic_core import list_all_errors

# what a file, a disk, a device or a connection can answer
SYSTEM = (
    "EACCES EADDRINUSE EADDRNOTAVAIL EBUSY ECONNREFUSED ECONNRESET EDQUOT EEXIST EHOSTUNREACH EIO"
    " EISDIR EMFILE ENETUNREACH ENODEV ENOENT ENOMEM ENOSPC ENOTDIR EPERM EPIPE EROFS ETIMEDOUT"
)
NAMES = (  # of the resolver: gai_strerror(3)
    "Name or service not known",
    "Temporary failure in name resolution",
    "No address associated with hostname",
    "timed out",
    "The read operation timed out",
    "Connection lost",
)
# json.decoder
JSON = (
    "Expecting value",
    "Expecting ',' delimiter",
    "Expecting ':' delimiter",
    "Expecting property name enclosed in double quotes",
    "Unterminated string starting at",
    "Invalid control character at",
    "Invalid \\escape",
    "Extra data",
)
# of pydantic: those that a field of our shapes can cause
REFUSED = (
    "bool_type dict_type extra_forbidden finite_number float_type greater_than"
    " greater_than_equal int_from_float int_type less_than less_than_equal list_type"
    " literal_error missing model_type multiple_of"
    " string_pattern_mismatch string_too_long string_too_short string_type too_long"
    " too_short tuple_type union_tag_invalid union_tag_not_found"
)
PLURAL = "{expected_plural}"


def foreign() -> list[str]:
    """Their sentences, with {a}, {b}, ... where values stand."""
    system = [os.strerror(getattr(errno, name)) for name in SYSTEM.split()]
    templates: dict[str, str] = {
        each["type"]: each["message_template_python"] for each in list_all_errors()
    }
    refused = [
        templates[name].replace(PLURAL, plural)
        for name in REFUSED.split()
        for plural in (("", "s") if PLURAL in templates[name] else ("",))
    ]
    return list(dict.fromkeys([*system, *NAMES, *JSON, *map(_placed, refused)]))


def _placed(template: str) -> str:
    places = iter("abcdefgh")
    return re.sub(r"\{\w+\}", lambda _: f"{{{next(places)}}}", template)
