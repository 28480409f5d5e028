"""The second factor: on with a code, asked for at sign-in, each code good once, recovery codes
too."""

import base64
import time

import pyotp
import pytest
from flask import Flask

from tests.rooms.people.people import PASSWORD, PROOF, Caller, code, data, sign_in, site_of

pytestmark = pytest.mark.slow


def at(secret: str, steps: int) -> str:
    """The code that many steps from now, in the middle of what is left of the step."""
    left_s = 30 - time.time() % 30
    if left_s < 3:
        time.sleep(left_s)  # a code must not change while it is on its way
    return pyotp.TOTP(secret).at(int(time.time()) + 30 * steps)


def turned_on(caller: Caller) -> tuple[str, list[str]]:
    """Its secret and recovery codes."""
    secret = data(caller.ask("POST", "/auth/2fa/setup", json={"password": PASSWORD}))["secret"]
    codes = data(caller.ask("POST", "/auth/2fa/enable", json={"code": at(secret, -1)}))[
        "recovery_codes"
    ]
    return secret, codes


def test_it_is_set_up_with_a_picture_and_turned_on_with_a_code(app: Flask, ada: Caller) -> None:
    assert (
        code(ada.ask("POST", "/auth/2fa/setup", json={"password": "wrong"}))
        == "CREDENTIALS_INVALID"
    )
    assert code(ada.ask("POST", "/auth/2fa/enable", json={"code": "123456"})) == "TWO_FACTOR_STATE"
    made = data(ada.ask("POST", "/auth/2fa/setup", json={"password": PASSWORD}))
    kind, _, picture = made["qr"].partition(";base64,")
    assert kind == "data:image/svg+xml"
    assert b"<svg" in base64.b64decode(picture)
    assert pyotp.parse_uri(made["uri"]).secret == made["secret"]
    assert sign_in(app.test_client(), "ada").status_code == 200, "it is asked for before it is on"
    assert (
        code(ada.ask("POST", "/auth/2fa/enable", json={"code": at(made["secret"], 5)}))
        == "TWO_FACTOR_INVALID"
    )
    codes = data(ada.ask("POST", "/auth/2fa/enable", json={"code": at(made["secret"], 0)}))[
        "recovery_codes"
    ]
    assert len(set(codes)) == 10
    assert ada.get("/auth/me")["twofactor"] is True
    assert (
        code(ada.ask("POST", "/auth/2fa/setup", json={"password": PASSWORD})) == "TWO_FACTOR_STATE"
    )
    stored = (site_of(app).state / "accounts.db").read_bytes() + (
        site_of(app).state / "accounts.db-wal"
    ).read_bytes()
    assert not [
        text
        for text in codes
        if text.encode() in stored or text.replace("-", "").encode() in stored
    ]


def test_it_is_asked_for_and_each_code_is_good_once(app: Flask, ada: Caller) -> None:
    secret, _ = turned_on(ada)
    client = app.test_client()
    assert code(sign_in(client, "ada")) == "TWO_FACTOR_REQUIRED"
    assert code(sign_in(client, "ada", "wrong")) == "CREDENTIALS_INVALID"
    good = at(secret, 0)
    assert sign_in(client, "ada", code=good).status_code == 200
    assert code(sign_in(client, "ada", code=good)) == "TWO_FACTOR_INVALID"
    assert code(sign_in(client, "ada", code=at(secret, -1))) == "TWO_FACTOR_INVALID", (
        "an older one after a newer one"
    )


@pytest.mark.parametrize(
    "given", ["abcdef", "12345", "1234567", "１２３４５６", "123456\n", " 12345", "", 123456]
)
def test_what_is_no_code_is_refused(app: Flask, ada: Caller, given: object) -> None:
    turned_on(ada)
    assert code(sign_in(app.test_client(), "ada", code=given)) == "VALIDATION_FAILED"


@pytest.mark.parametrize("steps", [-2, 2, 1000])
def test_a_code_two_steps_off_is_refused(app: Flask, ada: Caller, steps: int) -> None:
    secret, _ = turned_on(ada)
    assert code(sign_in(app.test_client(), "ada", code=at(secret, steps))) == "TWO_FACTOR_INVALID"


def test_guessing_codes_is_locked_even_with_the_right_password_in_between(
    app: Flask, ada: Caller
) -> None:
    secret, _ = turned_on(ada)
    refusals = []
    for _ in range(5):
        refusals.append(code(sign_in(app.test_client(), "ada")))
        refusals.append(code(sign_in(app.test_client(), "ada", code=at(secret, 100))))
    assert set(refusals) == {"TWO_FACTOR_REQUIRED", "TWO_FACTOR_INVALID"}
    assert code(sign_in(app.test_client(), "ada", code=at(secret, 1))) == "LOCKED_OUT"


def test_a_recovery_code_is_good_once_however_it_is_typed(app: Flask, ada: Caller) -> None:
    _, codes = turned_on(ada)
    assert sign_in(app.test_client(), "ada", recovery_code=codes[0]).status_code == 200
    assert code(sign_in(app.test_client(), "ada", recovery_code=codes[0])) == "TWO_FACTOR_INVALID"
    typed = codes[1].replace("-", " ").upper()
    assert sign_in(app.test_client(), "ada", recovery_code=typed).status_code == 200
    assert ada.get("/auth/me")["recovery_codes_left"] == 8


def test_it_is_turned_off_with_password_and_code_only(app: Flask, ada: Caller) -> None:
    secret, codes = turned_on(ada)
    assert (
        code(ada.ask("POST", "/auth/2fa/disable", json={"password": PASSWORD}))
        == "TWO_FACTOR_REQUIRED"
    )
    wrong = {"password": "wrong", "recovery_code": codes[0]}
    assert code(ada.ask("POST", "/auth/2fa/disable", json=wrong)) == "CREDENTIALS_INVALID"
    assert (
        ada.ask(
            "POST", "/auth/2fa/disable", json={"password": PASSWORD, "code": at(secret, 0)}
        ).status_code
        == 200
    )
    assert sign_in(app.test_client(), "ada").status_code == 200


def test_an_administrator_helps_who_has_lost_phone_and_codes(app: Flask, ada: Caller) -> None:
    olaf = Caller(app, "olaf", "OPERATOR")
    turned_on(olaf)
    assert code(olaf.ask("DELETE", f"/auth/users/{olaf.id}/2fa")) == "PERMISSION_DENIED"
    assert data(ada.ask("DELETE", f"/auth/users/{olaf.id}/2fa", json=PROOF))["twofactor"] is False
    assert sign_in(app.test_client(), "olaf").status_code == 200
