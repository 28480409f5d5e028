"""What must not stand in a log: secrets of the settings wherever they appear, and whatever looks
like one."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

HIDDEN = "[hidden]"
SHORTEST = 6  # characters; a shorter secret would hide words that are not secret
SECRET = re.compile(
    r"(?i)password|passwd|secret|token|recovery_codes?|api_?key|jwt_key|signing_key|authorization|cookie"
)
PAIR = re.compile(r"""(?<![\w-])(?P<name>[\w-]++)["']?\s*+(?P<sign>[=:])\s*+""")
VALUE = re.compile(
    r"""(?i:Bearer|Basic)\s+[^\s,;&}]+|"[^"]{0,2000}"|'[^']{0,2000}'|\[[^\]]{0,2000}\]|[^\s,;&})\]]+"""
)
# each begins where a word does and looks ahead no further than a bound, so that no text can hold up
# a thread
LOOKS = (
    re.compile(r"(?P<keep>(?i:\b(?:bearer|basic)\s++))[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(
        r"(?P<keep>(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}+://[^/\s:@]{0,500}+:)[^@\s/]{1,500}+(?=@)"
    ),
    re.compile(r"(?P<keep>(?<![\w-]))eyJ[\w-]{5,}+\.[\w-]{5,}+\.[\w-]*+"),  # a JSON web token
    re.compile(r"(?P<keep>\b)[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b"),  # a recovery code
)


def secrets_of(shape: BaseModel) -> Iterator[str]:
    """Every secret in some settings."""
    for name in type(shape).model_fields:
        value = getattr(shape, name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, SecretStr):
                yield from (
                    word for word in one.get_secret_value().split() if len(word) >= SHORTEST
                )
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
        text = _without_named(text)
        for look in LOOKS:
            text = look.sub(rf"\g<keep>{HIDDEN}", text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        """The same for anything that becomes JSON, in which a name alone may say that its value is
        a secret."""
        if SECRET.search(name) and value is not None and not isinstance(value, bool):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(inner, str(key)) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(inner) for inner in value]
        return value if isinstance(value, (int, float, type(None))) else self.text(str(value))


def _without_named(text: str) -> str:
    """A text without the values that follow a name which says that they are secret."""
    parts, at, done = [], 0, 0
    while (pair := PAIR.search(text, at)) is not None:
        at = pair.end()
        name = pair["name"]
        a_code = pair["sign"] == ":" and name.isupper()  # as in TOKEN_INVALID: a sentence follows
        if not a_code and SECRET.search(name) and (value := VALUE.match(text, at)) is not None:
            parts += [text[done:at], HIDDEN]
            at = done = value.end()
    return "".join([*parts, text[done:]])
