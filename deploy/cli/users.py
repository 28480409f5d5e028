"""`user`: the accounts of the web application. Passwords are never taken from the command line,
where others can read them."""

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from deploy.cli import addressee, show
from schemas import Problem, User
from schemas.store.accounts import Accounts
from schemas.store.users import Users

T = TypeVar("T")
MAX_PASSWORD_BYTES = 1024


def list_(args: argparse.Namespace) -> int:
    """All accounts, without their hashes."""
    users = _with_store(args, lambda store: store.list())
    if args.json:
        show.document([_facts(user) for user in users])
    else:
        columns = "user", "name", "role", "disabled", "created", "password changed"
        show.table(columns, (tuple(_facts(user).values())[1:] for user in users))
    return 0


def add(args: argparse.Namespace) -> int:
    """The first account is an administrator, as otherwise nobody could ever sign in to make one.
    Raises Problem USER_INVALID."""
    from web.credentials.password import hash_password

    known = _with_store(args, lambda store: store.list())
    role = args.role or ("VIEWER" if known else "ADMIN")
    if not known and role != "ADMIN":
        raise Problem("USER_INVALID", "role: the first account must be ADMIN")
    if any(user.username == args.user for user in known):  # before a password is asked for
        raise Problem("USER_INVALID", f"the user name {args.user} is taken")
    hashed = hash_password(_password(args.password_file), args.user)
    return _changed(
        args,
        "add",
        lambda store: store.add(args.user, args.name or args.user, role, hashed),
        "is added as",
    )


def role(args: argparse.Namespace) -> int:
    """Give an account another role."""
    return _changed(args, "role", lambda store: store.set(args.user, role=args.role), "is now")


def passwd(args: argparse.Namespace) -> int:
    """Give an account another password."""
    from web.credentials.password import hash_password

    user = _with_store(args, lambda store: store.get(args.user))
    hashed = hash_password(_password(args.password_file), user.username)
    return _changed(
        args,
        "password",
        lambda store: store.set(args.user, password_hash=hashed),
        "has another password and is",
    )


def disable(args: argparse.Namespace) -> int:
    """Let an account sign in no more."""
    return _changed(
        args,
        "disable",
        lambda store: store.set(args.user, disabled=True),
        "cannot sign in any more, and was",
    )


def enable(args: argparse.Namespace) -> int:
    """Let an account sign in again."""
    return _changed(
        args, "enable", lambda store: store.set(args.user, disabled=False), "can sign in again as"
    )


def unlock(args: argparse.Namespace) -> int:
    """Let an account sign in at once, after too many failed attempts."""
    state = Path(addressee.loaded(args).settings.state_dir)
    with addressee.owner(state):
        user = Users(state / "users").get(args.user)
        with closing(Accounts(state / "accounts.db")) as accounts:
            accounts.unlock(user.username, user.id, who())
    if args.json:
        show.document(_facts(user))
    else:
        print(f"{user.username} can try to sign in again")
    return 0


def _changed(
    args: argparse.Namespace, action: str, change: Callable[[Users], User], what: str
) -> int:
    """Make a change that is written down first, as the web's are."""

    def work(store: Users) -> User:
        audit = Accounts(store.folder.parent / "accounts.db")
        details = {"role": args.role} if getattr(args, "role", None) else {}
        audit.record(f"user.{action}", args.user, details, **who())
        try:
            return change(store)
        except Problem as problem:
            audit.record(f"user.{action}.failed", args.user, {"code": problem.code}, **who())
            raise
        finally:
            audit.close()

    user = _with_store(args, work)
    if args.json:
        show.document(_facts(user))
    else:
        print(f"{user.username} {what} {user.role}")
    return 0


def who() -> dict[str, str]:
    """Who sits at this machine, for the audit."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        name = str(os.getuid())
    return {"username": f"local:{name}", "address": "", "request_id": ""}


def _with_store(args: argparse.Namespace, work: Callable[[Users], T]) -> T:
    state = Path(addressee.loaded(args).settings.state_dir)
    with addressee.owner(state):
        store = Users(state / "users")
        answer = work(store)
        if store.problem is not None:
            show.note(f"inspection-node: {store.problem.code}: {store.problem.message}")
        return answer


def _password(file: Path | None) -> str:
    """From a file, asked for twice on a terminal, or the first line of a pipe. Raises Problem
    USER_INVALID."""
    if file is None and sys.stdin.isatty():
        first = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != first:
            raise Problem("USER_INVALID", "the two passwords are not the same")
        return first
    try:
        if file is None:
            data = sys.stdin.buffer.readline(MAX_PASSWORD_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MAX_PASSWORD_BYTES + 1)
        if len(data) > MAX_PASSWORD_BYTES:
            raise Problem("USER_INVALID", f"the password is longer than {MAX_PASSWORD_BYTES} bytes")
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise Problem("USER_INVALID", f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise Problem("USER_INVALID", "the password is not UTF-8") from None


def _facts(user: User) -> dict[str, Any]:
    return user.model_dump(mode="json", exclude={"password_hash", "screen"})
