"""The authenticator app as a second factor of one's own account: set up, on, off; and recovery
codes."""

import base64
import io

import pyotp
import segno
from flask import Blueprint, Response
from pydantic import Field
from typing_extensions import TypedDict

from schemas import Problem, Shape
from web.access import current, requires
from web.credentials.factor import Code, WithPassword
from web.credentials.proof import PROOF, prove, recovery_codes, step_of
from web.response import ok
from web.site import actor, site

twofactor = Blueprint("twofactor", __name__, url_prefix="/api/v1/auth/2fa")


class WithCode(Shape):
    """Turning the authenticator app on."""

    code: Code = Field(description="The code that the app shows now.")


class Secret(TypedDict):
    """The second factor that is being set up; `qr` is a data URI."""

    secret: str
    uri: str
    qr: str


class RecoveryCodes(TypedDict):
    """Shown once."""

    recovery_codes: list[str]


@twofactor.post("/setup")
@requires(
    "VIEWER",
    body=WithPassword,
    limit="auth",
    data=Secret,
    codes=(*PROOF, "TWO_FACTOR_STATE", "BUSY"),
)
def setup(body: WithPassword) -> Response:
    """A new secret as text, URI and QR code; signing in does not ask for it until `enable`. Takes
    the password, and a factor that is on."""
    here, person = site(), current()
    totp = here.accounts.factors.of(person.id).totp
    if totp is not None and totp.enabled:
        raise Problem("TWO_FACTOR_STATE", "it is on")
    prove(here, person.username, body.password, body, person.session)
    secret = pyotp.random_base32()
    with here.audited("2fa.setup", person.id):
        if not here.accounts.factors.propose_totp(person.id, secret):
            raise Problem("TWO_FACTOR_STATE", "it is on")
    uri = pyotp.TOTP(secret).provisioning_uri(
        name=person.username, issuer_name=f"Inspection {here.settings.node_id}"
    )
    picture = io.BytesIO()
    segno.make(uri, error="m").save(
        picture, kind="svg", scale=4, border=4, dark="#000", light="#fff", xmldecl=False
    )
    data = base64.b64encode(picture.getvalue()).decode()
    return ok({"secret": secret, "uri": uri, "qr": f"data:image/svg+xml;base64,{data}"})


@twofactor.post("/enable")
@requires(
    "VIEWER",
    body=WithCode,
    limit="auth",
    data=RecoveryCodes,
    codes=("TWO_FACTOR_INVALID", "TWO_FACTOR_STATE"),
)
def enable(body: WithCode) -> Response:
    """Ask for it from now on; with the first factor the answer has ten recovery codes, which are
    shown only this once."""
    here, person = site(), current()
    factor = here.accounts.factors.of(person.id).totp
    if factor is None or factor.enabled:
        raise Problem("TWO_FACTOR_STATE", "it is on" if factor else "it is not being set up")
    step = step_of(factor.secret, body.code)
    if step is None:
        raise Problem("TWO_FACTOR_INVALID")
    codes, digests = recovery_codes(here, person.id)
    if not here.accounts.factors.enable_totp(person.id, factor.secret, step, digests, actor()):
        raise Problem("TWO_FACTOR_STATE", "it was set up again in the meantime")
    here.accounts.end_all(person.id, "session.void", actor(), but=person.session)
    return ok({"recovery_codes": codes}, "keep these codes where the phone is not")


@twofactor.post("/disable")
@requires("VIEWER", body=WithPassword, limit="auth", codes=(*PROOF, "TWO_FACTOR_STATE", "BUSY"))
def disable(body: WithPassword) -> Response:
    """Stop asking for it; takes the password and a second factor."""
    here, person = site(), current()
    if here.accounts.factors.of(person.id).totp is None:
        raise Problem("TWO_FACTOR_STATE", "it is off")
    prove(here, person.username, body.password, body, person.session)
    here.accounts.factors.disable_totp(person.id, actor())
    here.accounts.end_all(person.id, "session.void", actor(), but=person.session)
    return ok(None, "the second factor is off")
