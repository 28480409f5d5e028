"""The two ceremonies of passkeys (WebAuthn): one is made, and one signs.

Each begins with a challenge that is good once, for a few minutes, for one account and one session
(none while somebody signs in). What comes back must have been made at our origin, for our host
name, of that challenge, and its counter must have grown. The origin is `web.origin`; without it
that of the request, where its name is one that only this site can have: https and the usual port at
a name of `web.hosts`, or `http://localhost` at our own port, to try it. A name that merely leads
here may lead elsewhere too, and a port of the same name may be another program's.
"""

import ipaddress
import logging
import secrets
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask import request
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_client_data_json
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from schemas import Problem, User, new_id, utc
from schemas.base import plain
from schemas.store.accounts.twofactor import Passkey
from web.credentials import cookies
from web.credentials.factor import Attested, Signed
from web.site import Site, actor

log = logging.getLogger(__name__)
LIMIT_S = 300.0
CHALLENGE_BYTES = 32
MAKE, SIGN = "passkey.make", "passkey.sign"
TRANSPORTS = {transport.value: transport for transport in AuthenticatorTransport}


class Party(NamedTuple):
    """The relying party of passkeys: the host name that they are made for, and the origin of our
    pages."""

    host: str
    origin: str


def party(here: Site) -> Party | None:
    """The relying party at this request; None if there can be none."""
    web = here.settings.web
    if web.origin is not None:
        origin = urlsplit(web.origin.lower())
    else:
        origin = urlsplit(f"{request.scheme}://{request.host}".lower())
        trying = (
            cookies.plain(here.settings)
            and origin.netloc == f"localhost:{web.bind.rpartition(':')[2]}"
        )
        if not trying and not (
            origin.scheme == "https" and origin.netloc in {name.lower() for name in web.hosts}
        ):
            return None
    host = origin.hostname or ""
    if _is_address(host) or (origin.scheme != "https" and host != "localhost"):
        return None  # browsers have passkeys only for names, and where nobody can listen
    usual = {"https": 443, "http": 80}[origin.scheme]
    return Party(
        host,
        f"{origin.scheme}://{host}"
        + (f":{origin.port}" if origin.port not in (None, usual) else ""),
    )


def creation_options(here: Site, user: User, session: str) -> dict[str, Any]:
    """The options for navigator.credentials.create(). Raises Problem PASSKEY_INVALID if there can
    be no passkeys."""
    us = _needed(here)
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    options = generate_registration_options(
        rp_id=us.host,
        rp_name=f"Inspection {here.settings.node_id}",
        user_id=user.id.encode(),
        user_name=user.username,
        user_display_name=user.name,
        challenge=challenge,
        timeout=int(LIMIT_S * 1000),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(here.accounts.factors.of(user.id).passkeys, us),
    )
    here.accounts.factors.ask(challenge, MAKE, user.id, session)
    return options_to_json_dict(options)


def made(here: Site, user: User, session: str, name: str, given: Attested) -> Passkey:
    """The passkey that was made, not stored yet. Raises Problem PASSKEY_INVALID."""
    us = _needed(here)
    credential = {
        "id": given.id,
        "rawId": given.id,
        "type": "public-key",
        "response": {"clientDataJSON": given.client_data, "attestationObject": given.attestation},
    }
    try:
        challenge = _asked(here, MAKE, user, session, given.client_data)
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=us.host,
            expected_origin=us.origin,
        )
    except Problem:
        raise
    except Exception as error:  # whatever a parser says about a stranger's bytes
        raise Problem("PASSKEY_INVALID", plain(str(error), 200)) from None
    transports = " ".join(each for each in given.transports if each in TRANSPORTS)
    key = verified.credential_public_key
    return Passkey(
        new_id(),
        verified.credential_id,
        user.id,
        name,
        us.host,
        key,
        verified.sign_count,
        transports,
        utc(),
        None,
    )


def request_options(
    here: Site, user: User, passkeys: tuple[Passkey, ...], session: str
) -> dict[str, Any] | None:
    """The options for navigator.credentials.get(); None if no passkey of the account can sign."""
    us = party(here)
    usable = _descriptors(passkeys, us) if us is not None else []
    if us is None or not usable:
        return None
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    here.accounts.factors.ask(challenge, SIGN, user.id, session)
    options = generate_authentication_options(
        rp_id=us.host,
        challenge=challenge,
        timeout=int(LIMIT_S * 1000),
        allow_credentials=usable,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json_dict(options)


def signed(
    here: Site, user: User, passkeys: tuple[Passkey, ...], given: Signed, session: str
) -> bool:
    """Whether a passkey of the account has signed what it was asked, here and now, and never
    before."""
    us = party(here)
    try:
        credential = base64url_to_bytes(given.id)
        passkey = next((each for each in passkeys if each.credential == credential), None)
        challenge = _asked(here, SIGN, user, session, given.client_data)
        if us is None or passkey is None or passkey.rp != us.host:
            return False
        verified = verify_authentication_response(
            credential={
                "id": given.id,
                "rawId": given.id,
                "type": "public-key",
                "response": {
                    "clientDataJSON": given.client_data,
                    "authenticatorData": given.authenticator_data,
                    "signature": given.signature,
                },
            },
            expected_challenge=challenge,
            expected_rp_id=us.host,
            expected_origin=us.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,  # compared below, in the transaction that raises it
        )
    except Problem as problem:
        if problem.code != "PASSKEY_INVALID":
            raise
        return False
    except Exception as error:  # as above
        log.info("a passkey was refused: %s", plain(str(error), 200))
        return False
    if not here.accounts.factors.use_passkey(passkey, verified.new_sign_count):
        here.accounts.record(
            action="passkey.counter",
            target=user.id,
            details={
                "passkey": passkey.id,
                "name": passkey.name,
                "counter": verified.new_sign_count,
            },
            **{**actor(), "username": user.username},
        )
        # it may have been copied
        here.event("passkey.counter", username=user.username, passkey=passkey.name)
        return False
    return True


def _needed(here: Site) -> Party:
    us = party(here)
    if us is None:
        raise Problem(
            "PASSKEY_INVALID", "this address has none; set web.origin, and open the site there"
        )
    return us


def _asked(here: Site, purpose: str, user: User, session: str, client_data: str) -> bytes:
    """The challenge that was answered, if it was put to this account and session: it is good once,
    whatever comes of it."""
    challenge = parse_client_data_json(base64url_to_bytes(client_data)).challenge
    if here.accounts.factors.answered(challenge, purpose, user.id, session, LIMIT_S) is None:
        raise Problem(
            "PASSKEY_INVALID",
            "this was not asked, or not of this session, or it was already answered, or it is too"
            " late",
        )
    return challenge


def _descriptors(passkeys: tuple[Passkey, ...], us: Party) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            each.credential, transports=[TRANSPORTS[name] for name in each.transports.split()]
        )
        for each in passkeys
        if each.rp == us.host
    ]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
