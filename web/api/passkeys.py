"""The passkeys of one's own account: list, register, remove."""

from typing import Any

from flask import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Shape
from schemas.base import Name
from schemas.store.accounts.twofactor import Passkey
from web.access import current, requires
from web.credentials import ceremony
from web.credentials.factor import Attested, Proof, WithPassword
from web.credentials.proof import PROOF, ask_again, prove, recovery_codes
from web.response import ok
from web.site import actor, site

passkeys = Blueprint("passkeys", __name__, url_prefix="/api/v1/auth/passkeys")


class NewPasskey(Shape):
    """Registering a passkey."""

    name: Name = Field(description="Name for people, such as the key's colour.")
    credential: Attested = Field(
        description="What the browser's authenticator made of the options."
    )


class PasskeyRow(TypedDict):
    """A passkey of one's own; `host` is the name that it was made for."""

    id: str
    name: str
    host: str
    created_at: str
    used_at: str | None


class PasskeyMade(TypedDict):
    """A passkey that is asked for from now on; recovery codes come with the first second factor,
    and are shown once."""

    passkey: PasskeyRow
    recovery_codes: list[str]


@passkeys.get("")
@requires("VIEWER", data=list[PasskeyRow])
def list_() -> Response:
    """Your own passkeys, oldest first."""
    return ok([_shown(each) for each in site().accounts.factors.of(current().id).passkeys])


@passkeys.post("/options")
@requires(
    "VIEWER",
    body=WithPassword,
    limit="auth",
    data=dict[str, Any],
    codes=(*PROOF, "PASSKEY_INVALID", "BUSY"),
)
def options(body: WithPassword) -> Response:
    """What to pass to the browser's navigator.credentials.create(). Takes the password, and a
    factor that is on."""
    here, person = site(), current()
    user = prove(here, person.username, body.password, body, person.session)
    return ok(ceremony.creation_options(here, user, person.session))


@passkeys.post("")
@requires(
    "VIEWER",
    body=NewPasskey,
    limit="auth",
    data=PasskeyMade,
    status=201,
    codes=("PASSKEY_INVALID",),
)
def add(body: NewPasskey) -> Response:
    """Register the passkey that the browser made from the options of this session; the first factor
    comes with ten recovery codes."""
    here, person = site(), current()
    made = ceremony.made(here, here.user(person.id), person.session, body.name, body.credential)
    codes, digests = recovery_codes(here, person.id)
    here.accounts.factors.add_passkey(made, digests, actor())
    here.accounts.end_all(person.id, "session.void", actor(), but=person.session)
    return ok(
        {"passkey": _shown(made), "recovery_codes": codes},
        "the passkey is asked for from now on",
        201,
    )


@passkeys.delete("/<id>")
@requires(
    "VIEWER",
    body=Proof,
    limit="auth",
    codes=("PASSKEY_NOT_FOUND", "PROOF_REQUIRED", *PROOF, "BUSY"),
)
def remove(id: str, body: Proof) -> Response:
    """Remove one of your own passkeys. With one's own password and second factor."""
    here, person = site(), current()
    if id not in {each.id for each in here.accounts.factors.of(person.id).passkeys}:
        raise Problem("PASSKEY_NOT_FOUND", f"{id!r:.80}")
    ask_again(here, person, body)
    here.accounts.factors.remove_passkey(person.id, id, actor())
    here.accounts.end_all(person.id, "session.void", actor(), but=person.session)
    return ok(None, "the passkey is removed")


def _shown(passkey: Passkey) -> dict[str, Any]:
    return {
        "id": passkey.id,
        "name": passkey.name,
        "host": passkey.rp,
        "created_at": passkey.created_at,
        "used_at": passkey.used_at,
    }
