"""Settings from one TOML file, `.env`, the environment and secret files, checked whole: every error
is told at once.

Strongest first: environment, `.env` beside the settings file and of the same owner, the file. What
lies in the folder where a command happens to be started is believed in nothing. A secret comes from
INSPECTION_BROKER__PASSWORD, INSPECTION_BROKER__PASSWORD_FILE, or the file `broker_password` in
$CREDENTIALS_DIRECTORY.
"""

import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError

from schemas.base import plain
from schemas.errors import Problem
from schemas.settings import Settings
from schemas.settings.faults import told_faults
from schemas.settings.override import Raw, apply, kinds_of, model_of, secrets, variable
from schemas.settings.safety import BrokerUser, no_key, no_password, open_to_others, weak_secrets
from schemas.store.state import refuse_planted

MAX_BYTES = 1024 * 1024
MAX_SECRET_BYTES = 4096
ValueSource = Literal["file", "environment", "secret file", "default"]


@dataclass(frozen=True)
class Loaded:
    """The settings, where each key came from (`station.cam1.max_age_ms`: source), the file, and how
    it was read."""

    settings: Settings
    sources: dict[str, ValueSource]
    path: Path
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    user: BrokerUser = field(default="node", compare=False)

    def again(self, data: bytes | None = None) -> "Loaded":
        """What the file says now, or would say if it held `data`, read as this was. Raises Problem
        SETTINGS_INVALID."""
        return load(self.path, self.environ, user=self.user, data=data)


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    disk: bool = True,
    planted: bool = False,
    user: BrokerUser = "node",
    data: bytes | None = None,
) -> Loaded:
    """The settings in `path`, else in $CONFIG_PATH, else in ./node.toml. Raises Problem
    SETTINGS_INVALID with all errors.

    disk: whether certificates and the state folder are checked too (the folder is made if it is
    missing); a command that only talks to the broker does not need them. planted: whether links and
    files of other accounts may lie in the state folder, for those who remove them. user: whose
    password has to be there, for node and web are given their own only; nobody speaks to a broker,
    and reads no secret. data: what the file would hold, for a caller that is about to write it.
    Each error is also in the problem's details, `errors`.
    """
    errors: list[str] = []
    given = environ
    path, environ = _locate(path, environ, errors)
    raw = _read(path, errors) if data is None else _parsed(data, errors)
    if raw is None:
        raise _problem(path, errors)
    sources: dict[str, ValueSource] = dict.fromkeys(_leaves(raw), "file")
    variables = apply(raw, environ, errors.append)
    for key in variables:
        sources = {k: v for k, v in sources.items() if not k.startswith(f"{key}.")}
        sources[key] = "environment"
    for secret in secrets() if user != "nobody" else ():
        _add_secret(raw, secret, environ, sources, errors)
    settings = None
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        errors.extend(told_faults(error, raw, variables))
    if raw.get("environment", "production") == "production" and user != "nobody":
        errors.extend(weak_secrets(raw))
        errors.extend(no_password(raw, user))
        errors.extend(open_to_others(settings, user) if settings is not None else ())
    if settings is not None and user == "node":
        errors.extend(no_key(settings))
    if disk:
        errors.extend(_disk(raw, planted))
    if errors or settings is None:
        raise _problem(path, errors)
    for key in list(_leaves(settings.model_dump(mode="json"))):
        sources.setdefault(
            key, next((sources[k] for k in sources if key.startswith(f"{k}.")), "default")
        )
    return Loaded(settings, sources, path, given, user)


def _problem(path: Path, errors: list[str]) -> Problem:
    shown = [plain(error, 500) for error in errors[:50]]
    return Problem("SETTINGS_INVALID", f"{path}: " + "; ".join(shown), errors=shown)


def _locate(
    path: Path | None, environ: Mapping[str, str], errors: list[str]
) -> tuple[Path, dict[str, str]]:
    """The settings file, and the environment with the `.env` beside it below it."""
    path = Path(path or environ.get("CONFIG_PATH") or "node.toml").absolute()
    return path, {**_dotenv(path.parent / ".env", path, errors), **environ}


def _dotenv(path: Path, settings: Path, errors: list[str]) -> dict[str, str]:
    try:
        if not path.is_file():
            return {}
        if settings.exists() and path.stat().st_uid not in (settings.stat().st_uid, 0):
            errors.append(
                f"{path}: belongs to another account than {settings.name}: give it to the same, or"
                " remove it"
            )
            return {}
        return {
            key: value or ""
            for key, value in dotenv_values(path, interpolate=False, encoding="utf-8").items()
        }
    except (OSError, ValueError) as error:
        errors.append(f"{path}: cannot be read ({error.__class__.__name__})")
        return {}


def _read(path: Path, errors: list[str]) -> Raw | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        errors.append(
            f"the settings file cannot be read: {error.strerror}; give --config, CONFIG_PATH or"
            " ./node.toml"
        )
        return None
    return _parsed(data, errors)


def _parsed(data: bytes, errors: list[str]) -> Raw | None:
    try:
        if len(data) > MAX_BYTES:
            raise ValueError("larger than 1 MiB")
        return tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        reason = (
            "not UTF-8"
            if isinstance(error, UnicodeDecodeError)
            else str(error) or "nested too deep"
        )
        errors.append(f"the settings file is not TOML: {reason}")
        return None


def _add_secret(
    raw: Raw,
    path: tuple[str, ...],
    environ: Mapping[str, str],
    sources: dict[str, ValueSource],
    errors: list[str],
) -> None:
    """Put the secret where the file would have it, and refuse it in the file itself in
    production."""
    key, name = ".".join(path), variable(path)
    folder = environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder, "_".join(path)) if folder else None
    table: Any = raw
    for part in path[:-1]:
        table = table.get(part, {})
        if not isinstance(table, dict):
            return  # the model reports it
    if path[-1] in table and raw.get("environment", "production") == "production":
        errors.append(
            f"{key}: a secret does not belong in the settings file; give {name}, {name}_FILE or a"
            " credential"
        )
    if name in environ and f"{name}_FILE" in environ:
        errors.append(f"{name} and {name}_FILE are both given; give one")
    secret: str | None = None
    source: ValueSource = "secret file"
    if name in environ:
        secret, source = environ[name], "environment"
    elif f"{name}_FILE" in environ:
        secret = _secret_file(Path(environ[f"{name}_FILE"]), f"{name}_FILE", errors)
    elif credential and _has_place(raw, path) and _given(credential):
        secret = _secret_file(credential, key, errors)
    if secret is not None:
        table = raw
        for part in path[:-1]:
            table = table.setdefault(part, {})
        table[path[-1]], sources[key] = secret, source


def _has_place(raw: Raw, path: tuple[str, ...]) -> bool:
    """Whether the table of a secret is there where only one kind of it has that secret."""
    table: Any = raw
    model: type[BaseModel] | None = Settings
    for part in path[:-1]:
        kinds = kinds_of(model.model_fields[part].annotation) if model else []
        table = table.get(part) if isinstance(table, dict) else None
        if len(kinds) > 1 and table is None:
            return False
        model = model_of(kinds, table)
    return model is not None and path[-1] in model.model_fields


def _given(credential: Path) -> bool:
    """Whether there is such a credential; one that is empty, or has only a line end, is what a unit
    passes on when the site has none."""
    try:
        with credential.open("rb") as file:
            return file.read(MAX_SECRET_BYTES).strip() != b""
    except FileNotFoundError:
        return False
    except OSError:
        return True  # reading it will say why not


def _secret_file(file: Path, name: str, errors: list[str]) -> str | None:
    try:
        with file.open("rb") as opened:
            text = (
                opened.read(MAX_SECRET_BYTES + 1)
                .decode("utf-8")
                .removesuffix("\n")
                .removesuffix("\r")
            )
    except OSError as error:
        errors.append(f"{name}: {file} cannot be read ({error.strerror})")
        return None
    except UnicodeDecodeError:
        text = ""
    if not text or len(text) > MAX_SECRET_BYTES or not text.isprintable():
        errors.append(f"{name}: {file} does not hold one line of text")
        return None
    return text


def _disk(raw: Raw, planted: bool) -> Iterator[str]:
    broker = raw.get("broker")
    for key in ("ca_file", "cert_file", "key_file"):
        name = broker.get(key) if isinstance(broker, dict) else None
        if isinstance(name, str) and name.startswith("/"):
            try:
                with Path(name).open("rb") as file:
                    empty = not file.read(1)
                if empty:
                    yield f"broker.{key}: {name!r} is empty"
            except (OSError, ValueError) as error:
                yield f"broker.{key}: {name!r} cannot be read ({getattr(error, 'strerror', error)})"
    state = raw.get("state_dir", Settings.model_fields["state_dir"].default)
    if isinstance(state, str) and state.startswith("/"):
        try:
            Path(state).mkdir(mode=0o700, parents=True, exist_ok=True)
            if not planted:
                refuse_planted(Path(state))
            with tempfile.TemporaryFile(dir=state):
                pass
        except Problem as problem:
            yield f"state_dir: {problem.message}"
        except (OSError, ValueError) as error:
            yield (
                f"state_dir: {state!r} is not a folder that can be written"
                f" ({getattr(error, 'strerror', error)})"
            )


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The key paths of all values in nested tables; stations by id."""
    if isinstance(value, dict) and (value or not path):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    elif isinstance(value, list) and path == ("station",):
        for n, station in enumerate(value):
            yield from _leaves(
                station, (*path, str(station.get("id", n)) if isinstance(station, dict) else str(n))
            )
    else:
        yield ".".join(path)
