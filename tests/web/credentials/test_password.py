"""Passwords: which are refused, and that what is hashed is the same however it was typed."""

import unicodedata
from contextlib import ExitStack
from pathlib import Path

import pytest

from schemas import Problem
from tests.rooms.people.people import account, application, code, sign_in
from web.credentials import password
from web.credentials.password import HASHER, hash_password, normal


@pytest.mark.parametrize(
    "password",
    [
        "",
        "elevenchars",
        "x" * 200,
        "violet\x00tram88lime",
        "violet\x1b[31mtram88",
        "my name is Joan today",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "password123456",
        "PassWord!!!2026",
        "adminadminadmin1",
        "123456789012345",
        "abcdefghijklmnop",
        "\ud800violet tram 88",
        "1qaz2wsx3edc",
        "p@ssw0rd1234",
        "Passw0rd1234",
        "Summer2026!!",
        "Sommer2026!!",
        "Autumn2025!!",
        "December2025",
        "Januar2026!!",
        "football1234",
        "Keyence12345",
        "Siemens12345",
        "unbelievable",
        "MyPassword123!",
        "Passwort1234!",
        "Inspection01!",
        "trustno1trustno1",
        "zaq12wsxcde3",
        "Monday2026!!",
        "Schalke04Schalke04",
        "node-01 node-01",
        "Bottleplant2026",
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(Problem) as caught:
        hash_password(password, "joan", ("bottleplant", "node"))
    assert caught.value.code == "USER_INVALID"
    assert password[:200] not in caught.value.message or password == ""


@pytest.mark.parametrize(
    "password", ["violet tram 88 lime", "grün-Straße-9-日本語", "x9!kQ-7zp_Lm2"]
)
def test_a_good_password_is_hashed_with_enough_work(password: str) -> None:
    hashed = hash_password(password, "joan")
    assert HASHER.verify(hashed, normal(password))
    assert hashed.startswith("$argon2id$")
    assert HASHER.memory_cost >= 19 * 1024
    assert HASHER.time_cost >= 2


def test_a_password_is_the_same_in_every_unicode_form() -> None:
    hashed = hash_password(unicodedata.normalize("NFD", "Müller fährt 88"), "joan")
    assert HASHER.verify(hashed, normal(unicodedata.normalize("NFC", "Müller fährt 88")))


def test_who_finds_too_many_waiting_is_told_at_once_and_not_counted_as_one_who_failed(
    tmp_path: Path,
) -> None:
    app = application(tmp_path, sign_ins_per_minute=5)
    account(app, "ada", "ADMIN")
    places = password.AT_ONCE + 4
    with ExitStack() as stack:
        for _ in range(places):
            stack.enter_context(password.turn())
        for _ in range(8):
            answer = sign_in(app.test_client(), "ada")
            assert (answer.status_code, code(answer)) == (503, "BUSY")
            assert int(answer.headers["Retry-After"]) > 0
    assert sign_in(app.test_client(), "ada").status_code == 200
    assert HASHER.parallelism == 1, "one who signs in takes every processor"
