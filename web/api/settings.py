"""The settings to read: each key with its value and where it came from. Secrets only say whether
they are set."""

from typing import Any

from flask import Blueprint, Response
from pydantic import BaseModel
from typing_extensions import TypedDict

from schemas.settings.override import secrets, variable
from web.access import requires
from web.response import ok
from web.site import Site, site

configuration = Blueprint("configuration", __name__, url_prefix="/api/v1/settings")


class Setting(TypedDict):
    """One key of the settings."""

    key: str
    value: Any
    source: str
    secret: bool
    variable: str
    description: str


class SettingsShown(TypedDict):
    """All settings."""

    file: str
    settings: list[Setting]


@configuration.get("")
@requires("ADMIN", data=SettingsShown)
def show() -> Response:
    """All settings."""
    here = site()
    return ok({"file": str(here.loaded.path), "settings": list(rows(here))})


def rows(here: Site) -> list[dict[str, Any]]:
    """key, value, source, secret, the variable that overrides it, and its sentence."""
    hidden = {".".join(path) for path in secrets()}
    found = []
    for path, value in _leaves(here.settings.model_dump(mode="json"), ()):
        key = ".".join(path)
        secret = key in hidden
        found.append(
            {
                "key": key,
                "value": (value is not None) if secret else value,
                "source": here.loaded.sources.get(key, "default"),
                "secret": secret,
                "variable": variable(path),
                "description": sentence(here.settings, path),
            }
        )
    return found


def sentence(settings: BaseModel, path: tuple[str, ...]) -> str:
    """What the model says of a key, in one sentence; that of its table where it has none."""
    found: str = ""
    here: Any = settings
    for part in path:
        if isinstance(here, tuple):
            here = next(each for each in here if each.id == part)
        elif isinstance(here, BaseModel):
            found = type(here).model_fields[part].description or found
            here = getattr(here, part)
    return found


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    """The values in nested tables by their keys; stations by id."""
    if isinstance(value, dict) and (value or not path):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, str(key)))]
    if path == ("station",):
        return [leaf for station in value for leaf in _leaves(station, (*path, station["id"]))]
    return [(path, value)]
