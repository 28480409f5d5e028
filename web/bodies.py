"""What the account routes take: each a strict shape, so that a key too many is an error and never a change."""

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas import Shape
from schemas.base import Name
from schemas.user import UserName, UserRole

Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Code = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
RecoveryCode = Annotated[str, StringConstraints(min_length=16, max_length=32)]
TokenText = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class SignIn(Shape):
    """Signing in."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(description="User name.")
    password: Password = Field(description="Password.")
    code: Code | None = Field(default=None, description="Code of the second factor, where it is on.")
    recovery_code: RecoveryCode | None = Field(default=None, description="A recovery code in place of the code.")
    tokens: bool = Field(default=True, description="Whether the answer holds the tokens too; false: in cookies only.")


class Refresh(Shape):
    """Replacing tokens: the refresh token here, or in the cookie."""

    refresh_token: TokenText | None = Field(default=None, description="The refresh token; the cookie's if missing.")


class ChangePassword(Shape):
    """Another password for oneself. All other sessions end."""

    old_password: Password = Field(description="The password so far.")
    new_password: Password = Field(description="12 to 128 characters, and not one of the first that are guessed.")


class Setup(Shape):
    """The first administrator."""

    token: TokenText = Field(description="The one-time token that the start has printed.")
    username: UserName = Field(description="User name.")
    name: Name | None = Field(default=None, description="Name for people; the user name if missing.")
    password: Password = Field(description="12 to 128 characters, and not one of the first that are guessed.")


class Proof(Shape):
    """The own password of who asks, and the second factor where it is on: a session alone gives nobody more rights."""

    own_password: Password | None = Field(default=None, description="The password of who asks.")
    own_code: Code | None = Field(default=None, description="The code of who asks, where the second factor is on.")
    own_recovery_code: RecoveryCode | None = Field(default=None, description="A recovery code in place of that code.")


class NewUser(Proof):
    """A new account; making an administrator asks for the proof."""

    username: UserName = Field(description="User name.")
    name: Name | None = Field(default=None, description="Name for people; the user name if missing.")
    role: UserRole = Field(default="VIEWER", description="ADMIN edits, OPERATOR runs, VIEWER sees.")
    password: Password = Field(description="12 to 128 characters, and not one of the first that are guessed.")


class ChangedUser(Proof):
    """Changes of an account; what is missing stays. Another role or password asks for the proof."""

    name: Name | None = Field(default=None, description="Name for people.")
    role: UserRole | None = Field(default=None, description="ADMIN edits, OPERATOR runs, VIEWER sees.")
    disabled: bool | None = Field(default=None, description="Whether signing in is refused; all sessions end.")
    password: Password | None = Field(
        default=None, description="Another password, which has to be used within three days; all sessions end."
    )


class WithPassword(Shape):
    """Something that asks for the password again."""

    password: Password = Field(description="The password.")


class WithCode(Shape):
    """Turning the second factor on."""

    code: Code = Field(description="The code that the app shows now.")


class DisableTwoFactor(Shape):
    """Turning the second factor off."""

    password: Password = Field(description="The password.")
    code: Code | None = Field(default=None, description="The code that the app shows now.")
    recovery_code: RecoveryCode | None = Field(default=None, description="A recovery code in place of the code.")
