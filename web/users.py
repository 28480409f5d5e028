"""The accounts, for administrators."""

from typing import Any

from flask import Blueprint, Response

from schemas import Problem, User
from web.access import requires
from web.answers import Somebody
from web.auth import facts
from web.bodies import ChangedUser, NewUser
from web.password import hash_password
from web.reply import ok
from web.signin import FREE_BY_USER
from web.site import Site, actor, site

users = Blueprint("users", __name__, url_prefix="/api/v1/auth/users")
UNKNOWN = ("USER_NOT_FOUND",)


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
@requires("ADMIN", body=NewUser, data=Somebody, status=201, codes=("USER_INVALID", "BUSY"))
def add(body: NewUser) -> Response:
    """Make an account."""
    here = site()
    hashed = hash_password(body.password, body.username)
    with here.audited("user.add", body.username, role=body.role):
        user = here.users.add(body.username, body.name or body.username, body.role, hashed)
    return ok(_shown(here, user), "", 201)


@users.put("/<id>")
@requires("ADMIN", body=ChangedUser, data=Somebody, codes=(*UNKNOWN, "USER_INVALID", "BUSY"))
def change(id: str, body: ChangedUser) -> Response:
    """Change an account; it counts at its next request."""
    here = site()
    old = here.users.get(id)
    changes: dict[str, Any] = body.model_dump(exclude_none=True)
    if not changes:
        raise Problem("VALIDATION_FAILED", "nothing is to be changed")
    told = {key: value for key, value in changes.items() if key != "password"}
    if "password" in changes:
        changes["password_hash"] = hash_password(changes.pop("password"), old.username)
        told["password"] = "changed"
    with here.audited("user.change", old.id, **told):
        user = here.users.set(old.id, **changes)
    if user.disabled or "password_hash" in changes:
        here.accounts.end_all(user.id, "session.void", actor())
    return ok(_shown(here, user))


@users.delete("/<id>")
@requires("ADMIN", codes=(*UNKNOWN, "USER_INVALID"))
def remove(id: str) -> Response:
    """Remove an account; its sessions end."""
    here = site()
    user = here.users.get(id)
    with here.audited("user.remove", user.id, username=user.username):
        here.users.remove(user.id)
    here.accounts.end_all(user.id, "session.void", actor())
    here.accounts.disable_twofactor(user.id, actor())
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
@requires("ADMIN", data=Somebody, codes=(*UNKNOWN, "TWO_FACTOR_STATE"))
def forget_twofactor(id: str) -> Response:
    """Turn the second factor of an account off: phone and recovery codes are lost."""
    here = site()
    user = here.users.get(id)
    if not here.accounts.disable_twofactor(user.id, actor()):
        raise Problem("TWO_FACTOR_STATE", "it is off")
    return ok(_shown(here, user))


def _shown(here: Site, user: User) -> dict[str, Any]:
    factor = here.accounts.twofactor(user.id)
    failures = here.accounts.failures_of(user.username)
    return {
        **facts(user),
        "twofactor": factor is not None and factor.enabled,
        "failures": failures,
        "locked": failures >= FREE_BY_USER,
        "sessions": len(here.accounts.sessions(user.id)),
    }
