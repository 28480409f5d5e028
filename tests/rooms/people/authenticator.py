"""A WebAuthn authenticator in software: it makes passkeys and signs with them, and lies where a
test tells it to."""

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

UP, UV, AT = 0x01, 0x04, 0x40  # flags: somebody was there, was verified, a new credential follows


def b64(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """Back again."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One credential (ES256), as a security key and the browser in front of it would answer;
    `counter` is that of the next use."""

    origin: str = "http://localhost:5000"
    counter: int = 1
    credential: bytes = field(default_factory=lambda: os.urandom(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, options: dict[str, Any], **lies: Any) -> dict[str, Any]:
        """navigator.credentials.create(): what `credential` of POST /auth/passkeys is."""
        numbers = self.key.public_key().public_numbers()
        cose = cbor2.dumps(
            {
                1: 2,
                3: -7,
                -1: 1,
                -2: numbers.x.to_bytes(32, "big"),
                -3: numbers.y.to_bytes(32, "big"),
            }
        )
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cose
        data = self._data(options["rp"]["id"], AT, lies) + attested
        return {
            "id": b64(self.credential),
            "client_data": b64(self._client("webauthn.create", options["challenge"], lies)),
            "attestation": b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["usb", "nfc"],
        }

    def sign(self, options: dict[str, Any], **lies: Any) -> dict[str, Any]:
        """navigator.credentials.get(): what `passkey` of POST /auth/login is. Lies: origin, host,
        kind, challenge, flags."""
        data = self._data(options["rpId"], 0, lies)
        client = self._client("webauthn.get", options["challenge"], lies)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return {
            "id": b64(self.credential),
            "client_data": b64(client),
            "authenticator_data": b64(data),
            "signature": b64(signature),
        }

    def _data(self, host: str, more: int, lies: dict[str, Any]) -> bytes:
        flags = lies.get("flags", UP | UV) | more
        counter, self.counter = self.counter, self.counter + 1
        return (
            hashlib.sha256(lies.get("host", host).encode()).digest()
            + bytes([flags])
            + counter.to_bytes(4, "big")
        )

    def _client(self, kind: str, challenge: str, lies: dict[str, Any]) -> bytes:
        said = {"type": lies.get("kind", kind), "challenge": lies.get("challenge", challenge)}
        return json.dumps(
            {**said, "origin": lies.get("origin", self.origin), "crossOrigin": False}
        ).encode()
