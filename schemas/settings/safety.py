"""What production refuses: secrets that are weak or missing, and what others on the network could
read."""

import re
from collections.abc import Iterator
from typing import Any, Literal

from schemas.settings import Settings
from schemas.settings.exports import S3Target, SftpTarget
from schemas.settings.override import Raw, secrets, variable

SECRET_CHARACTERS = 12
KEY_GUESSES = 2**96
# what machines remember: a random secret, not a password
KEYS = ("jwt_key", "jwt_old_key", "metrics_token", "token", "signing_key")
WELL_KNOWN = (  # noqa: SIM905
    "abc admin administrator broker changeit changeme correcthorsebatterystaple default guest"
    " iloveyou inspection inspectionnode letmein mosquitto mqtt pass passwort password qwerty"
    " qwertyuiop raspberry root secret test user welcome"
).split()
BrokerUser = Literal["node", "web", "nobody"]


def weak_secrets(raw: Raw) -> Iterator[str]:
    """Secrets that are short, well known, or can be guessed."""
    for path in secrets():
        value: Any = raw
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            continue
        if not isinstance(value, str) or len(value) < SECRET_CHARACTERS:
            yield (
                f"{'.'.join(path)}: shorter than {SECRET_CHARACTERS} characters, which production"
                " does not allow"
            )
        elif _well_known(value):
            yield f"{'.'.join(path)}: a well-known password, which production does not allow"
        elif path[-1] in KEYS and any(_guessable(word) for word in value.split(" ")):
            yield (
                f"{'.'.join(path)}: can be guessed, which production does not allow;"
                " `inspection-node secrets new` makes one"
            )


def no_password(raw: Raw, user: BrokerUser) -> Iterator[str]:
    """The user name by which this process signs in at the broker without any proof of it."""
    broker, web = (
        table if isinstance(table := raw.get(name), dict) else {} for name in ("broker", "web")
    )
    if user == "web" and web.get("broker_username"):
        table, keys = web, ("web", "broker_username", "broker_password")
    else:
        table, keys = broker, ("broker", "username", "password")
    key = (keys[0], keys[2])
    if table.get(keys[1]) and not table.get(keys[2]) and not broker.get("cert_file"):
        yield (
            f"{'.'.join(key)}: missing for the user {table[keys[1]]!r:.40}; give {variable(key)} or"
            f" {variable(key)}_FILE"
        )


def no_key(settings: Settings) -> Iterator[str]:
    """Targets to which pictures are copied without any proof of who copies them."""
    target = settings.exports.pictures.target
    path = ("exports", "pictures", "target")
    if isinstance(target, S3Target) and target.secret_key is None:
        key = (*path, "secret_key")
    elif isinstance(target, SftpTarget) and target.password is None and target.key_file is None:
        key = (*path, "password")
    else:
        return
    also = "; or key_file" if key[-1] == "password" else ""
    yield f"{'.'.join(key)}: missing; give {variable(key)} or {variable(key)}_FILE{also}"


def open_to_others(settings: Settings, user: BrokerUser) -> Iterator[str]:
    """What others on the network could read; production does not allow that unless it is said."""
    broker, web, metrics = settings.broker, settings.web, settings.metrics
    if not (broker.tls or broker.loopback or broker.allow_clear_text) and (
        broker.username or web.broker_username
    ):
        yield (
            f"broker.url: {broker.url} would carry the password in clear text to another machine; "
            "use mqtts://, or say broker.allow_clear_text = true"
        )
    if not (web.loopback or web.proxy_hops or web.allow_clear_text):
        yield (
            f"web.bind: {web.bind} is reached from other machines in clear text; put a proxy with"
            " TLS in front (web.proxy_hops), or say web.allow_clear_text = true"
        )
    if (
        user == "node"
        and metrics.enabled
        and not (metrics.loopback or metrics.token or metrics.allow_without_token)
    ):
        yield (
            f"metrics.bind: {metrics.bind} shows the figures to everybody on the network; give"
            " metrics.token (INSPECTION_METRICS__TOKEN), or say metrics.allow_without_token = true"
        )


def _guessable(secret: str) -> bool:
    """Whether a key takes fewer guesses than 96 random bits would, by zxcvbn's estimate."""
    from zxcvbn import zxcvbn  # takes a tenth of a second to load, and only production needs it

    return bool(zxcvbn(secret[:64], list(WELL_KNOWN))["guesses"] < KEY_GUESSES)


def _well_known(secret: str) -> bool:
    """Whether it is a usual default, also with digits around it, or said two or three times."""
    letters = re.sub(r"[^a-z]", "", secret.lower())
    repeated = any(letters == word * n for word in WELL_KNOWN for n in (1, 2, 3))
    return repeated or len(set(secret)) < 5 or secret in "0123456789" * 5
