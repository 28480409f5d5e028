"""Whether two processes have read the same settings, without telling them."""

import hashlib
from typing import Any

from schemas.base import canonical
from schemas.settings import Settings
from schemas.settings.override import secrets

OWN = ("web", "oidc")  # what only the web uses: a platform may have given it another port
LENGTH = 16


def fingerprint(settings: Settings) -> str:
    """Hex digits that differ if any setting of the node differs; secrets do not count, since node
    and web are each given their own only."""
    values = settings.model_dump(mode="json", exclude=set(OWN))
    for path in secrets():
        table: Any = values
        for part in path[:-1]:
            table = table.get(part) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table.pop(path[-1], None)
    return hashlib.sha256(canonical(values)).hexdigest()[:LENGTH]
