"""What must not stand in a log: secrets of the settings wherever they appear, and whatever looks like one."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

HIDDEN = "[hidden]"
SHORTEST = 6  # characters; a shorter secret would hide words that are none
NAMES = r"[\w-]*(?:password|passwd|secret|token|recovery_codes?|api_?key|jwt_key|signing_key|authorization|cookie)[\w-]*"
VALUE = r"""(?:"[^"]*"|'[^']*'|\[[^\]]*\]|(?:Bearer|Basic)\s+[^\s,;&}]+|[^\s,;&})\]]+)"""
NAME = re.compile(rf"(?i)^{NAMES}$")
LOOKS = (
    re.compile(rf"(?P<keep>(?i:\b{NAMES})[\"']?\s*=\s*){VALUE}"),
    re.compile(rf"(?P<keep>(?![A-Z_]+\b)(?i:\b{NAMES})[\"']?\s*:\s*){VALUE}"),  # not TOKEN_INVALID: which is a code
    re.compile(r"(?P<keep>(?i:\b(?:bearer|basic)\s+))[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?P<keep>[a-z][a-z0-9+.-]*://[^/\s:@]*:)[^@\s/]+(?=@)"),
    re.compile(r"(?P<keep>\b)eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"),  # a JSON web token
    re.compile(r"(?P<keep>\b)[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b"),  # a recovery code
)


def secrets_of(shape: BaseModel) -> Iterator[str]:
    """Every secret of some settings."""
    for name in type(shape).model_fields:
        value = getattr(shape, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, SecretStr):
                yield from (word for word in one.get_secret_value().split() if len(word) >= SHORTEST)
            elif isinstance(one, BaseModel):
                yield from secrets_of(one)


class Redaction:
    """Hides these secrets, and what looks like one."""

    def __init__(self, secrets: Iterator[str]) -> None:
        known = sorted(set(secrets), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """A text without them."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for look in LOOKS:
            text = look.sub(rf"\g<keep>{HIDDEN}", text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """The same for anything that becomes JSON, in which a name alone may say that its value is a secret."""
        if NAME.match(name) and value is not None and not isinstance(value, bool):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(inner) for inner in value]
        return value if isinstance(value, (int, float, type(None))) else self.text(str(value))
