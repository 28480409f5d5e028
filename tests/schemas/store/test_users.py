"""Accounts: names are unique, and an administrator is always left."""

from pathlib import Path

import pytest

from schemas import Problem
from schemas.store.users import Users

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"


@pytest.fixture
def users(tmp_path: Path) -> Users:
    users = Users(tmp_path)
    users.add("ada", "Ada", "ADMIN", HASH)
    users.add("olaf", "Olaf", "OPERATOR", HASH)
    return users


def test_accounts_are_found_by_name_and_by_id(users: Users) -> None:
    ada = users.get("ada")
    assert users.get(ada.id) == ada
    assert [user.username for user in users.list()] == ["ada", "olaf"]
    assert ada.password_hash == HASH


def test_a_user_name_is_taken_once(users: Users) -> None:
    with pytest.raises(Problem, match=r"USER_INVALID.*taken"):
        users.add("ada", "Another", "VIEWER", HASH)
    assert len(users.list()) == 2


@pytest.mark.parametrize("username", ["Ada", "аda", "", "a b", "a\n", "-a", "x" * 33, "../x"])
def test_user_names_are_plain(users: Users, username: str) -> None:
    with pytest.raises(Problem, match="USER_INVALID"):
        users.add(username, "X", "VIEWER", HASH)


@pytest.mark.parametrize(
    "changes", [{"role": "OPERATOR"}, {"disabled": True}, {"role": "VIEWER", "disabled": True}]
)
def test_the_last_administrator_cannot_be_demoted_or_disabled(
    users: Users, changes: dict[str, object]
) -> None:
    with pytest.raises(Problem, match=r"USER_INVALID.*last administrator"):
        users.set("ada", **changes)
    assert users.get("ada").role == "ADMIN"
    assert not users.get("ada").disabled


def test_the_last_administrator_cannot_be_removed(users: Users) -> None:
    with pytest.raises(Problem, match="last administrator"):
        users.remove("ada")


def test_a_disabled_administrator_does_not_count(users: Users) -> None:
    users.add("eve", "Eve", "ADMIN", HASH)
    users.set("eve", disabled=True)
    with pytest.raises(Problem, match="last administrator"):
        users.remove("ada")
    users.set("eve", disabled=False)
    users.remove("ada")
    assert [user.username for user in users.list()] == ["eve", "olaf"]


def test_a_new_password_is_dated_and_other_changes_are_not(users: Users) -> None:
    before = users.get("olaf")
    assert users.set("olaf", name="Olaf II").password_changed_at == before.password_changed_at
    after = users.set("olaf", password_hash=HASH + "x")
    assert after.password_hash == HASH + "x"
    assert after.password_changed_at >= before.password_changed_at
    assert after == users.get("olaf")


@pytest.mark.parametrize(
    "changes", [{"role": "ROOT"}, {"id": "x"}, {"username": "other"}, {"disabled": 1}, {"x": 1}]
)
def test_other_changes_are_refused(users: Users, changes: dict[str, object]) -> None:
    with pytest.raises(Problem, match="USER_INVALID"):
        users.set("olaf", **changes)


def test_an_unknown_user_is_not_found(users: Users) -> None:
    for call in (
        lambda: users.get("nobody"),
        lambda: users.set("nobody", name="X"),
        lambda: users.remove("nobody"),
    ):
        with pytest.raises(Problem, match="USER_NOT_FOUND"):
            call()
