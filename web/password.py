"""Passwords: which are good enough, and their argon2id hashes."""

import re
import unicodedata

from argon2 import PasswordHasher

from schemas import Problem
from schemas.load import WELL_KNOWN

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 128
HASHER = PasswordHasher()  # RFC 9106, second recommendation: argon2id, 64 MiB, t=3; OWASP asks for 19 MiB, t=2 at least


def normal(password: str) -> str:
    """The same password however it was typed (NIST SP 800-63B asks for NFKC), for hashing and for checking."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str, username: str) -> str:
    """The hash to store. Raises Problem USER_INVALID if the password is not good enough."""
    password = normal(password)
    reason = _weakness(password, username)
    if reason is not None:
        raise Problem("USER_INVALID", f"the password {reason}")
    return HASHER.hash(password)


def _weakness(password: str, username: str) -> str | None:
    if len(password) < LEAST_CHARACTERS:
        return f"is shorter than {LEAST_CHARACTERS} characters"
    if len(password) > MOST_CHARACTERS:
        return f"is longer than {MOST_CHARACTERS} characters"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in password):
        return "has a control character"
    lowered = password.casefold()
    if username.casefold() in lowered:
        return "contains the user name"
    letters = re.sub(r"[^a-z]", "", lowered)
    if len(set(lowered)) < 5 or any(letters == word * n for word in WELL_KNOWN for n in (1, 2, 3)):
        return "is one of the first that are guessed"
    if lowered in "abcdefghijklmnopqrstuvwxyz" * 2 or lowered in "0123456789" * 20 or lowered[::-1] in "9876543210" * 20:
        return "is one of the first that are guessed"
    return None
