"""Accounts at rest. Passwords come here as hashes only."""

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tinydb import where

from schemas.base import explain, new_id, utc
from schemas.errors import Problem
from schemas.store.documents import Documents, SnapshotDatabase
from schemas.user import User

CHANGEABLE = ("name", "role", "password_hash", "password_initial", "disabled")


class Users:
    """The accounts in `users.json` of a folder. Methods raise Problem USER_INVALID, USER_NOT_FOUND,
    STORE_...

    There is always an administrator who can sign in, once there has been one.
    """

    def __init__(self, folder: Path, on_problem: Callable[[Problem], None] | None = None) -> None:
        self.folder = folder
        self._documents = Documents(folder / "users.json", on_problem)

    @property
    def problem(self) -> Problem | None:
        """Why a copy is in use instead of the file, as of the last read."""
        return self._documents.problem

    @property
    def stamp(self) -> bytes:
        """Unlike any earlier stamp when an account has changed since, by any process."""
        return self._documents.stamp()

    def add(
        self, username: str, name: str, role: str, password_hash: str, *, initial: bool = False
    ) -> User:
        """A new account; user names are unique."""
        now = utc()
        user = _valid(
            {
                "id": new_id(),
                "username": username,
                "name": name,
                "role": role,
                "password_hash": password_hash,
                "created_at": now,
                "password_changed_at": now,
                "password_initial": initial,
            }
        )
        with self._documents.change() as database:
            if database.table("users").contains(where("username") == username):
                raise Problem("USER_INVALID", f"the user name {username} is taken")
            database.table("users").insert(user.model_dump(mode="json"))
        return user

    def add_screen(self, name: str, token_hash: str) -> User:
        """An account that nobody signs in with: a link's token opens it, which only sees."""
        user_id, now = new_id(), utc()
        user = _valid(
            {
                "id": user_id,
                "username": f"screen-{user_id[-12:]}",
                "name": name,
                "role": "SCREEN",
                "password_hash": "",
                "created_at": now,
                "password_changed_at": now,
                "screen": token_hash,
            }
        )
        with self._documents.change() as database:
            database.table("users").insert(user.model_dump(mode="json"))
        return user

    def list(self) -> tuple[User, ...]:
        """All accounts, by user name."""
        return tuple(sorted(_all(self._documents.read()), key=lambda user: user.username))

    def get(self, key: str) -> User:
        """The account with an id or a user name."""
        return _find(_all(self._documents.read()), key)

    def set(self, key: str, **changes: Any) -> User:
        """Change name, role, password_hash, password_initial or disabled of an account."""
        if unknown := sorted(set(changes) - set(CHANGEABLE)):
            raise Problem(
                "USER_INVALID",
                f"{', '.join(unknown)} cannot be changed; {', '.join(CHANGEABLE)} can",
            )
        if "password_hash" in changes:
            changes = {"password_initial": False, **changes, "password_changed_at": utc()}
        with self._documents.change() as database:
            users = _all(database)
            old = _find(users, key)
            if (old.role == "SCREEN") != (changes.get("role", old.role) == "SCREEN") or (
                old.role == "SCREEN" and "password_hash" in changes
            ):
                raise Problem(
                    "USER_INVALID", "a screen stays one: it has no password, and only sees"
                )
            if old.subject is not None and {"password_hash", "role"} & set(changes):
                raise Problem(
                    "USER_INVALID",
                    f"{old.username} has no password here, and its role is by its groups: see its"
                    " provider",
                )
            user = _valid({**old.model_dump(mode="json"), **changes})
            _guard(users, old, user)
            database.table("users").update(user.model_dump(mode="json"), where("id") == user.id)
        return user

    def follow(self, subject: str, username: str, name: str, role: str) -> User:
        """The account of who an identity provider says that this is, made or brought up to date.

        Raises Problem USER_INVALID where another account has that user name: none is taken over by
        its name.
        """
        with self._documents.change() as database:
            users = _all(database)
            old = next((user for user in users if user.subject == subject), None)
            taken = next((user for user in users if user.username == username), None)
            if taken is not None and taken != old:
                raise Problem(
                    "USER_INVALID", f"the user name {username} belongs to another account"
                )
            now = utc()
            facts = (
                old.model_dump(mode="json")
                if old
                else {"id": new_id(), "created_at": now, "password_changed_at": now}
            )
            told = {
                "username": username,
                "name": name,
                "role": role,
                "password_hash": "",
                "subject": subject,
            }
            user = _valid({**facts, **told})
            if old is None:
                database.table("users").insert(user.model_dump(mode="json"))
            elif user != old:
                database.table("users").update(user.model_dump(mode="json"), where("id") == user.id)
        return user

    def rehash(self, key: str, old_hash: str, password_hash: str) -> None:
        """The same password by a newer method: nothing about the account changes, unless it has
        another password by now."""
        with self._documents.change() as database:
            person = _find(_all(database), key)
            if person.password_hash != old_hash:
                return
            user = _valid({**person.model_dump(mode="json"), "password_hash": password_hash})
            database.table("users").update(user.model_dump(mode="json"), where("id") == user.id)

    def remove(self, key: str) -> None:
        """Remove an account."""
        with self._documents.change() as database:
            users = _all(database)
            old = _find(users, key)
            _guard(users, old, None)
            database.table("users").remove(where("id") == old.id)


def _all(database: SnapshotDatabase) -> builtins.list[User]:
    return [_valid(dict(row)) for row in database.table("users").all()]


def _find(users: builtins.list[User], key: str) -> User:
    for user in users:
        if key in (user.id, user.username):
            return user
    raise Problem("USER_NOT_FOUND", f"{key!r:.80}")


def _valid(values: dict[str, Any]) -> User:
    try:
        return User.model_validate(values)
    except ValidationError as error:
        raise Problem("USER_INVALID", explain(error)) from None


def _administers(user: User | None) -> bool:
    return user is not None and user.role == "ADMIN" and not user.disabled and user.subject is None


def _guard(users: builtins.list[User], old: User, new: User | None) -> None:
    """Refuse to lose the last administrator who can sign in, whatever happens to identity
    providers."""
    others = any(_administers(user) for user in users if user.id != old.id)
    if _administers(old) and not _administers(new) and not others:
        raise Problem(
            "USER_INVALID", f"{old.username} is the last administrator with a password here"
        )
