"""Passwords: which are good enough, and their argon2id hashes, of which few are made at a time and
few wait."""

import base64
import os
import re
import socket
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from schemas import Problem, Settings
from schemas.settings.safety import WELL_KNOWN

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 128
# argon2id, 64 MiB, t=3: four times what OWASP asks for; one core each
HASHER = PasswordHasher(parallelism=1)
# 64 MiB and a core each: guessing must not take them all
AT_ONCE = min(2, max(1, (os.cpu_count() or 1) // 2))
# people who are served or wait: each holds a thread that others may need
PLACES = threading.BoundedSemaphore(AT_ONCE + 4)
SLOTS = threading.BoundedSemaphore(AT_ONCE)
SLOT_WAIT_S = 5.0
LEAST_GUESSES = 10**10  # zxcvbn's best score: safe even where the hashes are stolen
MOST_JUDGED = 64
CALENDAR = (  # noqa: SIM905
    "spring summer autumn winter monday tuesday wednesday thursday friday saturday sunday januar"
    " februar märz april mai juni juli august september oktober november dezember frühling"
    " fruehling sommer herbst montag dienstag mittwoch donnerstag freitag samstag sonntag"
).split()


def normal(password: str) -> str:
    """The same password however it was typed (NIST SP 800-63B asks for NFKC), for hashing and for
    checking."""
    return unicodedata.normalize("NFKC", password)


def words_of(settings: Settings) -> tuple[str, ...]:
    """What an attacker who knows the site tries first: the names of node, stations and hosts."""
    names = [
        settings.node_id,
        *(station.id for station in settings.station),
        *settings.web.hosts,
        socket.gethostname(),
    ]
    return tuple(
        {
            word
            for name in (*names, settings.broker.base)
            for word in re.split(r"[^A-Za-z]+", name)
            if len(word) > 2
        }
    )


def hash_password(password: str, username: str, words: Iterable[str] = ()) -> str:
    """The hash to store. Raises Problem USER_INVALID if the password is not good enough; `words`
    are those of the site."""
    password = normal(password)
    reason = _weakness(password, username) or _guessed(password, (username, *words))
    if reason is not None:
        raise Problem("USER_INVALID", f"the password {reason}", field="password")
    with _slot():
        return HASHER.hash(password)


def matches(password: str, hashed: str | None) -> bool:
    """Whether the password has this hash. None, for an account that is not there, takes as long and
    is never right."""
    with _slot():
        try:
            HASHER.verify(hashed if hashed is not None else _nobody(), normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return hashed is not None


def outdated(hashed: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return HASHER.check_needs_rehash(hashed)


def rehashed(password: str) -> str:
    """A new hash of a password that was just found to be right."""
    with _slot():
        return HASHER.hash(normal(password))


@contextmanager
def turn() -> Iterator[None]:
    """A place among those being checked. Raises Problem BUSY at once if too many are waiting
    already."""
    if not PLACES.acquire(blocking=False):
        raise Problem("BUSY", "too many are signing in", retry_after_s=2)
    try:
        yield
    finally:
        PLACES.release()


@contextmanager
def _slot() -> Iterator[None]:
    if not SLOTS.acquire(timeout=SLOT_WAIT_S):
        raise Problem("BUSY", "too many are signing in", retry_after_s=5)
    try:
        yield
    finally:
        SLOTS.release()


def _nobody() -> str:
    """A hash with today's parameters that belongs to no password."""
    salt, digest = (
        base64.b64encode(os.urandom(length)).decode().rstrip("=")
        for length in (HASHER.salt_len, HASHER.hash_len)
    )
    return f"$argon2id$v=19$m={HASHER.memory_cost},t={HASHER.time_cost},p={HASHER.parallelism}${salt}${digest}"  # noqa: E501


def _guessed(password: str, words: Iterable[str]) -> str | None:
    """By how many guesses it takes (zxcvbn: 30,000 common passwords, words, names, rows of keys,
    dates, l33t)."""
    known = [*WELL_KNOWN, *CALENDAR, *(word.lower() for word in words)]
    letters = re.sub(r"[^a-z]", "", password.casefold())
    repeated = any(letters == word * n for word in known for n in (1, 2, 3))
    if repeated or zxcvbn(password[:MOST_JUDGED], known)["guesses"] < LEAST_GUESSES:
        return "is one of the first that are guessed"
    return None


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
    if len(set(lowered)) < 5:
        return "is one of the first that are guessed"
    if (
        lowered in "abcdefghijklmnopqrstuvwxyz" * 2
        or lowered in "0123456789" * 20
        or lowered[::-1] in "9876543210" * 20
    ):
        return "is one of the first that are guessed"
    return None
