"""When the certificates end that a node needs: those of its settings, and others on the box that it
is told to look at."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from schemas.settings import Settings

WARN_DAYS = 30


class Certificate(NamedTuple):
    """One file: the setting that names it, when the first certificate in it ends, or why that
    cannot be said."""

    key: str
    path: str
    ends: datetime | None
    wrong: str = ""

    def days(self, now: datetime | None = None) -> float | None:
        """Days until then, negative if it has ended; None if that cannot be said."""
        return (
            None
            if self.ends is None
            else (self.ends - (now or datetime.now(UTC))).total_seconds() / 86400
        )

    def trouble(self, now: datetime | None = None) -> str | None:
        """What people are to be told about it: that it ends within 30 days, has ended, or cannot be
        read; None if it is good."""
        days = self.days(now)
        if days is None:
            return f"{self.key}: {self.path} is no certificate: {self.wrong}"
        if days >= WARN_DAYS:
            return None
        assert self.ends is not None
        told = f"ends in {int(days)} days" if days >= 0 else "has ended"
        return f"{self.key}: {self.path} {told} ({self.ends:%Y-%m-%d})"


def certificates(settings: "Settings") -> Iterator[Certificate]:
    """Every certificate that the settings name, read now."""
    named = [
        ("broker.ca_file", settings.broker.ca_file),
        ("broker.cert_file", settings.broker.cert_file),
    ]
    for key, path in (*named, *(("certificates", path) for path in settings.certificates)):
        if path is not None:
            yield _read(key, path)


def _read(key: str, path: str) -> Certificate:
    from cryptography import x509  # which takes a moment, and most nodes have none

    try:
        chain = x509.load_pem_x509_certificates(Path(path).read_bytes())
        return Certificate(key, path, min(each.not_valid_after_utc for each in chain))
    except (OSError, ValueError, x509.InvalidVersion) as error:
        return Certificate(key, path, None, str(error))
