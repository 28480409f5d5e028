"""Accounts of people."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base import Name, Shape

UserRole = Literal["ADMIN", "OPERATOR", "VIEWER"]
AnyRole = UserRole | Literal["SCREEN"]
UserName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]


class User(Shape):
    """One account at rest."""

    id: str = Field(description="Id (UUID version 7).")
    username: UserName = Field(description="Name to sign in with.")
    name: Name = Field(description="Name for people.")
    role: AnyRole = Field(
        description="ADMIN edits, OPERATOR runs, VIEWER sees; SCREEN sees the Run page only."
    )
    password_hash: str = Field(
        description="argon2id; empty where an identity provider knows who it is, and of a screen."
    )
    disabled: bool = Field(default=False, description="Whether signing in is refused.")
    created_at: str = Field(description="When, UTC.")
    password_changed_at: str = Field(description="When, UTC.")
    password_initial: bool = Field(
        default=False, description="Whether somebody else has chosen the password."
    )
    subject: str | None = Field(
        default=None,
        description=(
            "Who this is at an identity provider: its issuer, a space, and its name for the person."
        ),
    )
    screen: str | None = Field(
        default=None, description="SHA-256 of the token in a screen's link, in hex; of no person."
    )
