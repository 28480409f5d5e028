"""What a person has seen, alarms and the last bad part of a station: one small file that the web
writes; an alarm that comes again must be seen again, and so must the next bad part."""

import json
from pathlib import Path
from typing import Any

from schemas.base import utc
from schemas.store.disk import failed, locked, replace

MOST = 500


class Acknowledged:
    """The file of acknowledgements; `since` tells one occurrence from the next: since when an alarm
    is active, which result a bad part is. Raises Problem STORE_FAILED."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, dict[str, str]]:
        """By code: since when, by whom and when it was acknowledged. A damaged file acknowledges
        nothing."""
        try:
            value = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        except OSError as error:
            raise failed(self._path.name, error) from error
        if not isinstance(value, dict):
            return {}
        return {str(code): entry for code, entry in value.items() if isinstance(entry, dict)}

    def add(self, code: str, since: str, by: str) -> dict[str, str]:
        """Somebody has seen this occurrence."""
        entry = {"since": since, "by": by, "at": utc()}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._path.with_name(f"{self._path.name}.lock")):
                kept: dict[str, Any] = {**self.all(), code: entry}
                newest = dict(sorted(kept.items(), key=lambda item: str(item[1].get("at")))[-MOST:])
                replace(self._path, json.dumps(newest, indent=1).encode())
        except OSError as error:
            raise failed(self._path.name, error) from error
        return entry
