"""The settings of an identity provider (OpenID Connect) by which people may sign in."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from schemas.base import Float, Name, Shape
from schemas.user import UserRole

Claim = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Group = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Scope = Annotated[str, StringConstraints(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}$")]


def is_reached_safely(url: str) -> bool:
    """Whether the address of a provider is https, or is on this machine for a trial."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018
    except ValueError:
        return False
    host = parts.hostname or ""
    local = host in ("localhost", "127.0.0.1", "::1")
    return (
        bool(host)
        and not parts.username
        and (parts.scheme == "https" or (parts.scheme == "http" and local))
    )


class OidcSettings(Shape):
    """Signing in by an identity provider (OpenID Connect): off without an issuer. Local accounts
    stay."""

    issuer: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        default=None,
        description=(
            "The provider's issuer, https://...; web.origin must be given too. Its redirect address"
            " for us is ORIGIN/app/oidc/callback."
        ),
    )
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = Field(
        default=None, description="Who we are at the provider."
    )
    client_secret: SecretStr | None = Field(
        default=None,
        description=(
            "Our password at the provider; from the environment or a file only. None for a public"
            " client."
        ),
    )
    name: Name = Field(default="single sign-on", description="What the sign-in page calls it.")
    scopes: Annotated[tuple[Scope, ...], Field(max_length=16, strict=False)] = Field(
        default=("openid", "profile"),
        description="What the provider is asked for; some give groups with a scope of its own.",
    )
    username_claim: Claim = Field(
        default="preferred_username", description="Claim that becomes the user name here."
    )
    group_claim: Claim = Field(
        default="groups", description="Claim that lists the groups of a person."
    )
    roles: dict[Group, UserRole] = Field(
        default_factory=dict,
        description=(
            "Role of each group; the highest counts, and a person in none of them is refused."
        ),
    )
    ask_each_time: bool = Field(
        default=True,
        description=(
            "Whether the provider has to ask for credentials at each sign-in (prompt=login,"
            " auth_time is checked), so that at a shared panel nobody gets in as the previous"
            " person."
        ),
    )
    session_hours: Float = Field(
        default=12.0,
        gt=0,
        le=720,
        description=(
            "Hours after which a session ends; until then it outlives a change of groups."
        ),
    )
    ca_file: Annotated[str, StringConstraints(pattern=r"^/[^\x00]+$")] | None = Field(
        default=None,
        description=(
            "Certificates of the authorities to trust for the provider (PEM); else those of the"
            " system."
        ),
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, issuer: str | None) -> str | None:
        if issuer is not None and (not is_reached_safely(issuer) or "?" in issuer or "#" in issuer):
            raise ValueError("the issuer is not https://HOST/..., without a query")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _scopes(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("openid is missing")
        return scopes

    @model_validator(mode="after")
    def _pairs(self) -> "OidcSettings":
        if self.issuer is not None and self.client_id is None:
            raise ValueError("an issuer is given, but no client_id")
        return self
