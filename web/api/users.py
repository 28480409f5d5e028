"""The accounts, for administrators."""

from typing import Any

from flask import Blueprint, Response
from pydantic import Field

from schemas import Problem, User
from schemas.base import Name
from schemas.user import UserName, UserRole
from web.access import current, requires
from web.credentials.factor import Password, Proof
from web.credentials.password import hash_password, words_of
from web.credentials.proof import FREE_BY_USER, PROOF, ask_again
from web.credentials.session import Account, facts
from web.response import ok
from web.site import Site, actor, site

users = Blueprint("users", __name__, url_prefix="/api/v1/auth/users")
UNKNOWN = ("USER_NOT_FOUND",)
AGAIN = ("PROOF_REQUIRED", *PROOF)


class NewUser(Proof):
    """A new account; making an administrator asks for the proof."""

    username: UserName = Field(description="User name.")
    name: Name | None = Field(
        default=None, description="Name for people; the user name if missing."
    )
    role: UserRole = Field(default="VIEWER", description="ADMIN edits, OPERATOR runs, VIEWER sees.")
    password: Password = Field(
        description="12 to 128 characters, and not one of the first that are guessed."
    )


class ChangedUser(Proof):
    """Changes of an account; what is missing stays. All but another name asks for the proof."""

    name: Name | None = Field(default=None, description="Name for people.")
    role: UserRole | None = Field(
        default=None, description="ADMIN edits, OPERATOR runs, VIEWER sees."
    )
    disabled: bool | None = Field(
        default=None, description="Whether signing in is refused; all sessions end."
    )
    password: Password | None = Field(
        default=None,
        description="Another password, which has to be used within three days; all sessions end.",
    )


class Somebody(Account):
    """An account as administrators see it."""

    twofactor: bool
    failures: int
    locked: bool
    sessions: int


@users.get("")
@requires("ADMIN", data=list[Somebody])
def list_() -> Response:
    """All accounts by user name."""
    here = site()
    return ok([_shown(here, user) for user in here.users.list()])


@users.get("/<id>")
@requires("ADMIN", data=Somebody, codes=UNKNOWN)
def show(id: str) -> Response:
    """One account."""
    here = site()
    return ok(_shown(here, here.users.get(id)))


@users.post("")
@requires("ADMIN", body=NewUser, data=Somebody, status=201, codes=(*AGAIN, "USER_INVALID", "BUSY"))
def add(body: NewUser) -> Response:
    """Make an account; its password must be used within three days. An administrator: with one's
    own password."""
    here = site()
    if body.role == "ADMIN":
        ask_again(here, current(), body)
    hashed = hash_password(body.password, body.username, words_of(here.settings))
    with here.audited("user.add", body.username, role=body.role):
        user = here.users.add(
            body.username, body.name or body.username, body.role, hashed, initial=True
        )
    return ok(_shown(here, user), "", 201)


@users.put("/<id>")
@requires(
    "ADMIN", body=ChangedUser, data=Somebody, codes=(*UNKNOWN, *AGAIN, "USER_INVALID", "BUSY")
)
def change(id: str, body: ChangedUser) -> Response:
    """Change an account; the change counts from its next request. All but its name: with one's own
    password."""
    here = site()
    old = here.users.get(id)
    changes: dict[str, Any] = body.model_dump(exclude_none=True, exclude=set(Proof.model_fields))
    if not changes:
        raise Problem("VALIDATION_FAILED", "there is nothing to change")
    if "password" in changes or any(
        changes.get(key, getattr(old, key)) != getattr(old, key) for key in ("role", "disabled")
    ):
        ask_again(here, current(), body)
    told = {key: value for key, value in changes.items() if key != "password"}
    if "password" in changes:
        changes["password_hash"] = hash_password(
            changes.pop("password"), old.username, words_of(here.settings)
        )
        changes["password_initial"] = old.id != current().id
        told["password"] = "changed"
    with here.audited("user.change", old.id, **told):
        user = here.users.set(old.id, **changes)
    if user.disabled or "password_hash" in changes:
        here.accounts.end_all(user.id, "session.void", actor())
    return ok(_shown(here, user))


@users.delete("/<id>")
@requires("ADMIN", body=Proof, codes=(*UNKNOWN, *AGAIN, "USER_INVALID", "BUSY"))
def remove(id: str, body: Proof) -> Response:
    """Remove an account; its sessions end, and its second factors are forgotten. With one's own
    password."""
    here = site()
    user = here.users.get(id)
    ask_again(here, current(), body)
    with here.audited("user.remove", user.id, username=user.username):
        here.users.remove(user.id)
    here.accounts.end_all(user.id, "session.void", actor())
    here.accounts.factors.forget(user.id, actor())
    return ok(None, f"{user.username} is removed")


@users.post("/<id>/unlock")
@requires("ADMIN", data=Somebody, codes=UNKNOWN)
def unlock(id: str) -> Response:
    """Forget the failed attempts of an account, and those of all addresses."""
    here = site()
    user = here.users.get(id)
    here.accounts.unlock(user.username, user.id, actor())
    return ok(_shown(here, user))


@users.delete("/<id>/2fa")
@requires("ADMIN", body=Proof, data=Somebody, codes=(*UNKNOWN, *AGAIN, "TWO_FACTOR_STATE", "BUSY"))
def forget_twofactor(id: str, body: Proof) -> Response:
    """Turn off all second factors of an account: phone, passkeys and recovery codes are lost. With
    one's own password."""
    here = site()
    user = here.users.get(id)
    ask_again(here, current(), body)
    if not here.accounts.factors.forget(user.id, actor()):
        raise Problem("TWO_FACTOR_STATE", "it is off")
    here.accounts.end_all(user.id, "session.void", actor(), but=current().session)
    return ok(_shown(here, user))


def _shown(here: Site, user: User) -> dict[str, Any]:
    failures = here.accounts.failures_of(user.username)
    return {
        **facts(user),
        "twofactor": here.accounts.factors.on(user.id),
        "failures": failures,
        "locked": failures >= FREE_BY_USER,
        "sessions": len(here.accounts.sessions(user.id)),
    }
