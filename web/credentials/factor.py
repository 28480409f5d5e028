"""What is given to prove who one is, passwords, codes, what passkeys sign: strict shapes, for a key
too many is an error."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas import Shape

Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
RecoveryCode = Annotated[str, StringConstraints(min_length=16, max_length=32)]
Base64Url = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", min_length=1, max_length=8192)
]
Transport = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,20}$")]
TokenText = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class Signed(Shape):
    """What a passkey has signed (WebAuthn's AuthenticatorAssertionResponse), each part as
    base64url."""

    id: Base64Url = Field(description="Id of the credential.")
    client_data: Base64Url = Field(description="clientDataJSON.")
    authenticator_data: Base64Url = Field(description="authenticatorData.")
    signature: Base64Url = Field(description="signature.")


class Factor(Shape):
    """A second factor: exactly one of these, if the account has one on."""

    code: Code | None = Field(
        default=None, description="The code that the authenticator app shows now."
    )
    passkey: Signed | None = Field(
        default=None,
        description="What a passkey signed of the challenge that TWO_FACTOR_REQUIRED came with.",
    )
    recovery_code: RecoveryCode | None = Field(
        default=None, description="A recovery code in place of them."
    )

    @property
    def given(self) -> bool:
        """Whether one was given."""
        return self.code is not None or self.passkey is not None or self.recovery_code is not None


class Proof(Shape):
    """The own password of whoever asks, and the second factor where it is on: a session alone gives
    nobody more rights."""

    own_password: Password | None = Field(default=None, description="The password of whoever asks.")
    own_code: Code | None = Field(
        default=None, description="The code of whoever asks, where the second factor is on."
    )
    own_passkey: Signed | None = Field(
        default=None, description="What a passkey of whoever asks has signed."
    )
    own_recovery_code: RecoveryCode | None = Field(
        default=None, description="A recovery code in place of that code."
    )

    @property
    def own_factor(self) -> Factor:
        """The second factor of whoever asks."""
        return Factor(
            code=self.own_code, passkey=self.own_passkey, recovery_code=self.own_recovery_code
        )


class WithPassword(Factor):
    """Something that asks for the password again, and for the second factor where it is on."""

    password: Password = Field(description="The password.")


class Attested(Shape):
    """A passkey that was made (WebAuthn's AuthenticatorAttestationResponse), each part as
    base64url."""

    id: Base64Url = Field(description="Id of the credential.")
    client_data: Base64Url = Field(description="clientDataJSON.")
    attestation: Base64Url = Field(description="attestationObject.")
    transports: Annotated[tuple[Transport, ...], Field(max_length=8, strict=False)] = Field(
        default=(), description="How a browser reaches it, as getTransports() says."
    )
