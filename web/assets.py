"""What browsers load besides pages: scripts, styles and catalogues, from memory, compressed once,
under names that stay.

The name holds the hash of all files together, so that modules import each other by relative names
without a build step, and every browser may keep them for a year.
"""

import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from schemas import Problem
from web.access import requires
from web.site import NAME, Site

assets = Blueprint("assets", __name__)
FOLDER = Path(__file__).parent / "static"
EXTENSION = "assets"
FEW = ".few.json"  # of a catalogue: without what only the forms of programs and settings show
YEAR_S = 365 * 86400
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """One file: as it is, its type, and compressed when somebody first asks for it."""

    data: bytes
    mimetype: str

    @cached_property
    def gzipped(self) -> bytes | None:
        """None where that is not shorter."""
        made = gzip.compress(self.data, 9, mtime=0)
        return made if len(made) < 0.9 * len(self.data) else None


class Assets:
    """All files below web/static, as they were when this process began; in development, as they
    are."""

    def __init__(self, *, follow: bool) -> None:
        self._follow = follow
        self._stamp = _stamp() if follow else 0
        self.tree, self.files = _read()

    def now(self) -> "Assets":
        """Where a file is found. Raises KeyError if it does not exist."""
        if self._follow and (stamp := _stamp()) != self._stamp:
            self._stamp = stamp
            self.tree, self.files = _read()
        return self

    def url(self, name: str) -> str:
        """Where a file is found. Raises KeyError for one that is not there."""
        self.now().files[name]
        return f"/static/{self.tree}/{name}"


def register(app: Flask) -> None:
    """Read the files, and give templates `asset(name)`."""
    here: Site = app.extensions[NAME]
    follow = here.settings.environment == "development"
    kept = app.extensions[EXTENSION] = Assets(follow=follow)
    app.jinja_env.auto_reload = follow
    app.jinja_env.globals["asset"] = kept.url


@assets.get("/static/<tree>/<path:name>")
@requires("PUBLIC", limit="off")
def static(tree: str, name: str) -> Response:
    """A script, style sheet, catalogue or icon."""
    kept: Assets = current_app.extensions[EXTENSION]
    asset = kept.now().files.get(name)
    if asset is None:
        raise Problem("NOT_FOUND")
    answer = Response(asset.data, mimetype=asset.mimetype)
    if request.accept_encodings["gzip"] > 0 and asset.gzipped is not None:
        answer.set_data(asset.gzipped)
        answer.headers["Content-Encoding"] = "gzip"
    answer.vary.add("Accept-Encoding")
    fresh = (
        tree == kept.tree
        # a page of the previous version asks for its own tree, and gets today's files without
        # keeping them
    )
    answer.headers["Cache-Control"] = (
        f"public, max-age={YEAR_S}, immutable" if fresh else "no-cache"
    )
    answer.set_etag(f"{kept.tree}-{name}", weak=True)
    answer.make_conditional(request)
    return answer


def _paths() -> list[Path]:
    return sorted(path for path in FOLDER.rglob("*") if path.is_file())


def _stamp() -> int:
    return max((path.stat().st_mtime_ns for path in _paths()), default=0)


def _read() -> tuple[str, dict[str, Asset]]:
    whole = hashlib.sha256()
    read = {}
    folder = files("schemas") / "json_schemas"
    forms = {
        text
        for name in ("program", "settings")
        for text in described(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
    }
    for path in _paths():
        name, data = path.relative_to(FOLDER).as_posix(), path.read_bytes()
        whole.update(f"{name} {len(data)}\n".encode() + data)
        if path.parent.name == "words":
            texts = dict(sorted(json.loads(data).items()))  # what is alike compresses better
            few = {text: said for text, said in texts.items() if text not in forms}
            read[name.replace(".json", FEW)] = Asset(_packed(few), TYPES[".json"])
            data = _packed(texts)
        mimetype = (
            TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        )
        read[name] = Asset(data, mimetype)
    return whole.hexdigest()[:12], read


def _packed(catalogue: dict[str, str]) -> bytes:
    return json.dumps(catalogue, ensure_ascii=False, separators=(",", ":")).encode()


def described(schema: Any) -> list[str]:
    """What a schema says of its fields, in order; only their forms show it: a fourth of a
    catalogue."""
    if isinstance(schema, list):
        return [text for item in schema for text in described(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["description"]] if isinstance(schema.get("description"), str) else []
    return own + [text for item in schema.values() for text in described(item)]
