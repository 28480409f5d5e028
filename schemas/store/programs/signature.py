"""Signed bundles: who made a program, and that not a byte of it has changed since.

A signed bundle has one member more, `signature.json`: the SHA-256 of every other member, the public
key, and an Ed25519 signature (RFC 8032) of both. It is taken only as it was written, byte for byte:
an archive made anew from the same files is another one. Whom a site trusts, and what it calls them,
is in its settings; a bundle names nobody.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field, StringConstraints, ValidationError

from schemas.base import Shape, canonical, read_json
from schemas.errors import Problem
from schemas.settings import KEY_PREFIX, ProgramSettings
from schemas.store.programs.bundle import DOCUMENT, SIGNATURE, zipped

if TYPE_CHECKING:  # loaded where it is used: most commands sign nothing
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

OURS = "this node"
REFUSALS = ("SIGNATURE_MISSING", "SIGNATURE_INVALID", "SIGNER_UNKNOWN")
SAID_FOR = b"inspection-node bundle 1\n"  # so that a bundle's signature is valid for nothing else
MOST_BYTES = 64 * 1024
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]


class Signature(Shape):
    """What `signature.json` holds."""

    key: str = Field(description="Public key that signed.")
    members: dict[str, Digest] = Field(
        description="Every other member of the bundle, and its SHA-256."
    )
    signature: str = Field(description="Ed25519 signature of key and members, in base64.")


class Signer(NamedTuple):
    """A public key that has signed, and what this site calls it; None if it does not know it."""

    key: str
    name: str | None

    def __str__(self) -> str:
        return f"{self.name} ({self.key})" if self.name else f"an unknown key ({self.key})"


def public_key(secret: str) -> str:
    """`ed25519:...`, the public half of a signing key of 64 hexadecimal digits."""
    return _told(_private(secret).public_key().public_bytes_raw())


def signed(document: bytes, files: Mapping[str, bytes], secret: str) -> bytes:
    """The bundle of these members, signed; the same bytes for the same members and key."""
    key, members = public_key(secret), _digests(document, files)
    signature = _private(secret).sign(_message(key, members))
    return zipped(document, {**files, SIGNATURE: _text(key, members, signature)})


def signer_of(
    archive: bytes, document: bytes, files: Mapping[str, bytes], settings: ProgramSettings
) -> Signer | None:
    """Who signed this archive, which holds these members; None if nobody did.

    Raises Problem SIGNATURE_INVALID for a signature that does not fit, and where the settings ask
    for one, SIGNATURE_MISSING, SIGNER_UNKNOWN.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    given = files.get(SIGNATURE)
    if given is None:
        refuse_unsigned(settings)
        return None
    try:
        said = Signature.model_validate(
            read_json(given, limit=MOST_BYTES, code="SIGNATURE_INVALID")
        )
        signature = base64.b64decode(said.signature, validate=True)
        key = base64.b64decode(said.key.removeprefix(KEY_PREFIX), validate=True)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _message(said.key, said.members))
    except (ValidationError, ValueError, binascii.Error, InvalidSignature):
        raise Problem("SIGNATURE_INVALID", f"{SIGNATURE} is not what it should be") from None
    others = {name: data for name, data in files.items() if name != SIGNATURE}
    if changed := sorted(said.members.items() ^ _digests(document, others).items()):
        raise Problem("SIGNATURE_INVALID", f"{changed[0][0]!r:.80} is another one than was signed")
    if given != _text(_told(key), said.members, signature) or zipped(document, files) != archive:
        raise Problem("SIGNATURE_INVALID", "the archive is not as it was written")
    names = {known: name for name, known in settings.trusted_keys.items()}
    if settings.signing_key is not None:
        names.setdefault(public_key(settings.signing_key.get_secret_value()), OURS)
    if said.key not in names and settings.require_signature:
        raise Problem("SIGNER_UNKNOWN", f"{said.key} is not among programs.trusted_keys")
    return Signer(said.key, names.get(said.key))


def refuse_unsigned(settings: ProgramSettings) -> None:
    """For what bears no signature. Raises Problem SIGNATURE_MISSING where the settings ask for
    one."""
    if settings.require_signature:
        raise Problem(
            "SIGNATURE_MISSING", "this site takes signed bundles only (programs.require_signature)"
        )


def _digests(document: bytes, files: Mapping[str, bytes]) -> dict[str, str]:
    return {
        name: f"sha256:{hashlib.sha256(data).hexdigest()}"
        for name, data in {**files, DOCUMENT: document}.items()
    }


def _message(key: str, members: Mapping[str, str]) -> bytes:
    return SAID_FOR + canonical({"key": key, "members": members})


def _text(key: str, members: Mapping[str, str], signature: bytes) -> bytes:
    return canonical(
        {"key": key, "members": members, "signature": base64.b64encode(signature).decode()}
    )


def _told(key: bytes) -> str:
    return KEY_PREFIX + base64.b64encode(key).decode()


def _private(secret: str) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
