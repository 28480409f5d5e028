"""The settings: each key with its value and where it came from, and whether what the file says now
is in force. Secrets only say whether they are set.

An administrator changes what is safe (schemas/settings/editable.py), by proving who it is; the
file is checked whole before it is written, and the one before it is kept. Where the file is not
ours, as on an installed machine, all of them are to read.
"""

from functools import cache
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, current_app, request
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from schemas import Problem
from schemas.base import Float
from schemas.settings.editable import why
from schemas.settings.fingerprint import fingerprint
from schemas.settings.load import Loaded
from schemas.settings.override import secrets, variable
from schemas.store.settings_file import Planned
from web.access import current, requires
from web.credentials.factor import Proof
from web.credentials.proof import PROOF, ask_again
from web.reloading import NODE_COMMAND, WEB_COMMAND, Asked, reload_node
from web.response import ok
from web.site import Site, site

configuration = Blueprint("configuration", __name__, url_prefix="/api/v1/settings")
AGAIN = ("PROOF_REQUIRED", *PROOF)
CHANGING = (
    *AGAIN,
    *("PRECONDITION_REQUIRED", "SETTINGS_CONFLICT", "SETTINGS_READ_ONLY", "SETTINGS_INVALID"),
    *("STORE_FAILED", "BUSY"),
)
# what a form needs to know about a key
ASKED = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "maxLength", "default")
GIVEN_ELSEWHERE = ("web.bind",)  # a platform's PORT takes precedence
NodeHas = Literal["same", "other", "unknown"]
SettingValue = bool | int | Float | str | None


class Setting(TypedDict):
    """One key. `value` is what this web goes by, `in_file` what the file says now; `editable` says
    why the web may change it, null where it may not, and `form` what may be given."""

    key: str
    value: Any
    in_file: Any
    source: str
    secret: bool
    variable: str
    description: str
    editable: str | None
    form: dict[str, Any]


class SettingsShown(TypedDict):
    """All settings. `closed`: why the file is only to read here; `wrong`: why it could not be read
    as it is now; `node`: whether the node has read what the file says now."""

    file: str
    closed: str | None
    wrong: str | None
    previous: bool
    node: NodeHas
    commands: dict[str, str]
    settings: list[Setting]


class ChangedSettings(TypedDict):
    """What was written, and who was asked to read it again."""

    before: dict[str, Any]
    after: dict[str, Any]
    node: Asked | None
    web: Asked | None


class Changes(Proof):
    """Other values by their keys; null is a default. Asks for the own password."""

    changes: Annotated[dict[str, SettingValue], Field(min_length=1, max_length=100)] = Field(
        description="Value by key, such as station.cam1.queue_limit."
    )
    reload: bool = Field(
        default=True, description="Whether node and web are asked to read them at once."
    )


class Back(Proof):
    """The settings before the last change. Asks for the own password."""

    reload: bool = Field(
        default=True, description="Whether node and web are asked to read them at once."
    )


@configuration.get("")
@requires("ADMIN", data=SettingsShown, codes=("STORE_FAILED",))
def show() -> Response:
    """All settings; the ETag is what a change sends as If-Match."""
    here = site()
    file = here.settings_file
    now, wrong, tag = None, None, None
    try:
        tag = file.tag  # first: a change made meanwhile is a conflict, not something that was shown
        now = file.now()
    except Problem as problem:
        wrong = problem.message
    answer = ok(
        {
            "file": str(file.path),
            "closed": file.closed() if wrong is None else "it is wrong",
            "wrong": wrong,
            "previous": file.previous.is_file(),
            "node": node_has(here, now),
            "commands": {"node": NODE_COMMAND, "web": WEB_COMMAND},
            "settings": list(rows(here, now)),
        }
    )
    if tag is not None:
        answer.set_etag(tag)
    return answer


@configuration.put("")
@requires("ADMIN", body=Changes, data=ChangedSettings, codes=CHANGING)
def change(body: Changes) -> Response:
    """Change some of the settings that are safe to change; the whole file is checked first."""
    here = site()
    ask_again(here, current(), body)
    planned = here.settings_file.planned(_tag(), body.changes)
    return _written(here, "settings.change", planned, body.reload)


@configuration.post("/previous")
@requires("ADMIN", body=Back, data=ChangedSettings, codes=(*CHANGING, "NOT_FOUND"))
def back(body: Back) -> Response:
    """Go back to the settings before the last change made here; the present ones are kept in
    turn."""
    here = site()
    ask_again(here, current(), body)
    return _written(here, "settings.back", here.settings_file.back(_tag()), body.reload)


@configuration.post("/reload")
@requires("ADMIN", data=ChangedSettings)
def reload() -> Response:
    """Ask the node and the web to read the settings again."""
    here = site()
    here.audit("settings.reload", here.settings_file.path.name)
    return ok({"before": {}, "after": {}, **_reloaded(here)})


def _written(here: Site, action: str, planned: Planned, reload: bool) -> Response:
    told = {"before": planned.before, "after": planned.after}
    with here.audited(action, here.settings_file.path.name, **told):
        here.settings_file.write(planned)
    asked = _reloaded(here) if reload else {"node": None, "web": None}
    return ok({**told, **asked})


def _reloaded(here: Site) -> dict[str, Asked]:
    web = current_app.config.get("RELOAD")  # the server's own: Gunicorn makes its workers anew
    node = reload_node(here.state)
    if web is not None:
        web()
    return {"node": node, "web": "asked" if web is not None else "not allowed"}


def _tag() -> str:
    given = request.headers.get("If-Match")
    if given is None:
        raise Problem(
            "PRECONDITION_REQUIRED", "its value is the ETag of the settings that were read"
        )
    return given.strip().removeprefix("W/").strip('"')


def node_has(here: Site, now: Loaded | None) -> NodeHas:
    """Whether the node goes by what the file says now, as far as it has told."""
    told = (here.watch.info or {}).get("settings")
    if now is None or not told or here.watch.presence != "ok":
        return "unknown"
    return "same" if told == fingerprint(now.settings) else "other"


def rows(here: Site, now: Loaded | None) -> list[dict[str, Any]]:
    """Every key; see Setting."""
    hidden = {".".join(path) for path in secrets()}
    file = dict(_leaves(now.settings.model_dump(mode="json"), ())) if now is not None else {}
    listed = []
    for path, value in _leaves(here.settings.model_dump(mode="json"), ()):
        key = ".".join(path)
        secret = key in hidden
        source = here.loaded.sources.get(key, "default")
        said = value if now is None or key in GIVEN_ELSEWHERE else file.get(path)
        reason = None if secret or source == "environment" else why(key)
        description, form = _told(here.settings, path)
        listed.append(
            {
                "key": key,
                "value": (value is not None) if secret else value,
                "in_file": (value is not None) if secret else said,
                "source": source,
                "secret": secret,
                "variable": variable(path),
                "description": description,
                "editable": reason,
                "form": form if reason is not None else {},
            }
        )
    return listed


def _told(settings: BaseModel, path: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """What the model says of a key in one sentence (that of its table where it has none), and what
    may be given."""
    description, form = "", {}
    here: Any = settings
    for part in path:
        if isinstance(here, tuple):
            here = next(each for each in here if each.id == part)
        elif isinstance(here, BaseModel):
            model = type(here)
            description = model.model_fields[part].description or description
            form = _fields(model).get(part, {})
            here = getattr(here, part)
    many = [{**form, **each} for each in form.get("anyOf", [form]) if each.get("type") != "null"]
    asked = {name: many[0][name] for name in ASKED if many and name in many[0]}
    return description, {**asked, "empty": len(many) < len(form.get("anyOf", [form]))}


@cache
def _fields(model: type[BaseModel]) -> dict[str, Any]:
    fields: dict[str, Any] = model.model_json_schema()["properties"]
    return fields


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    """The values in nested tables by their keys; stations by id."""
    if isinstance(value, dict) and (value or not path):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, str(key)))]
    if path == ("station",):
        return [leaf for station in value for leaf in _leaves(station, (*path, station["id"]))]
    return [(path, value)]
