"""Programs that come from elsewhere, and go there."""

import re
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from schemas.base import Shape

KEY_PREFIX = "ed25519:"
PublicKey = Annotated[str, StringConstraints(pattern=rf"^{KEY_PREFIX}[A-Za-z0-9+/]{{43}}=$")]
KeyName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}[A-Za-z0-9]$")
]


class ProgramSettings(Shape):
    """Programs that come from elsewhere, and go there."""

    require_signature: bool = Field(
        default=False,
        description="Whether an import has to be a bundle that one of trusted_keys has signed.",
    )
    trusted_keys: Annotated[dict[KeyName, PublicKey], Field(max_length=64)] = Field(
        default_factory=dict,
        description="Who may sign bundles: a name for people, and the public key.",
    )
    signing_key: SecretStr | None = Field(
        default=None,
        description=(
            "Key that signs what is exported, made by `secrets bundle-key`; from the environment or"
            " a file only."
        ),
    )

    @field_validator("signing_key")
    @classmethod
    def _key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and re.fullmatch("[0-9a-f]{64}", key.get_secret_value()) is None:
            raise ValueError(
                "it is not 64 hexadecimal digits, as `inspection-node secrets bundle-key` makes"
                " them"
            )
        return key

    @model_validator(mode="after")
    def _somebody(self) -> "ProgramSettings":
        if self.require_signature and not self.trusted_keys and self.signing_key is None:
            raise ValueError(
                "require_signature is true, but there are no trusted_keys: nothing could be"
                " imported"
            )
        return self
