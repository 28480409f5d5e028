"""Tokens: only ours, of the right kind, in time, signed with a key in use."""

import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Flask

from schemas import Problem
from schemas.settings.load import load
from tests.rooms.people.people import API, Caller, application, code, data, settings, site_of
from web.credentials.keys import FILE, FOLDER, keys_of
from web.site import Site

pytestmark = pytest.mark.slow

OLD, NEW = "old-Vq7t0ZpYw3nK9cB5u8eR2mLs4hGd6fAi", "new-xJ1b9Wc5uTz8kQ2rM4sHd6gLf0vYp3nE"


def forged(
    here: Site,
    caller: Caller,
    key: Any = None,
    head: dict[str, Any] | None = None,
    alg: str = "HS256",
    **claims: Any,
) -> str:
    """Her access token with other claims or another head."""
    body = jwt.decode(caller.data["access_token"], options={"verify_signature": False})
    body.update(claims)
    body = {name: value for name, value in body.items() if value is not None}
    headers = {"typ": "at+jwt", "kid": here.keys.first, **(head or {})}
    return jwt.encode(body, here.keys.signing if key is None else key, alg, headers=headers)


def me(caller: Caller, token: str) -> Any:
    return caller.client.get(f"{API}/auth/me", headers={"Authorization": f"Bearer {token}"})


def test_a_token_made_as_ours_is_taken(app: Flask, ada: Caller) -> None:
    assert data(me(ada, forged(site_of(app), ada)))["username"] == "ada"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"alg": "none", "key": ""}, "TOKEN_INVALID"),
        ({"alg": "HS512"}, "TOKEN_INVALID"),
        ({"key": b"another key of quite enough bytes 1234567890"}, "TOKEN_INVALID"),
        ({"head": {"crit": ["exp"]}}, "TOKEN_INVALID"),
        ({"head": {"crit": ["new"], "new": 1}}, "TOKEN_INVALID"),
        ({"head": {"typ": "rt+jwt"}}, "TOKEN_INVALID"),
        ({"head": {"typ": "JWT"}}, "TOKEN_INVALID"),
        ({"head": {"kid": "other"}}, "TOKEN_INVALID"),
        ({"head": {"kid": "../../../dev/null"}}, "TOKEN_INVALID"),
        ({"aud": "other"}, "TOKEN_INVALID"),
        ({"aud": ["inspection-node", "other"]}, "TOKEN_INVALID"),
        ({"aud": "inspection-node/refresh"}, "TOKEN_INVALID"),
        ({"iss": "inspection-node/node-02"}, "TOKEN_INVALID"),
        ({"exp": 1}, "TOKEN_EXPIRED"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"exp": "never"}, "TOKEN_INVALID"),
        ({"iat": time.time() + 3600}, "TOKEN_INVALID"),
        ({"nbf": time.time() + 3600}, "TOKEN_INVALID"),
        ({"sid": None}, "TOKEN_INVALID"),
        ({"sid": "x"}, "TOKEN_INVALID"),
        ({"sid": 7}, "TOKEN_INVALID"),
        ({"sub": "somebody else"}, "TOKEN_INVALID"),
        ({"jti": None}, "TOKEN_INVALID"),
    ],
)
def test_a_token_that_is_not_ours_in_every_respect_is_refused(
    app: Flask, ada: Caller, change: dict[str, Any], refusal: str
) -> None:
    answer = me(ada, forged(site_of(app), ada, **change))
    assert (answer.status_code, code(answer)) == (401, refusal)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer  ", "Basic YWRhOng=", "Bearer a.b.c", "Bearer é", "Bearer " + "x" * 8000],
)
def test_an_authorization_header_that_is_no_token_is_refused(ada: Caller, header: str) -> None:
    answer = ada.client.get(f"{API}/auth/me", headers={"Authorization": header})
    assert (answer.status_code, code(answer)) == (401, "TOKEN_INVALID")


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(
    app: Flask, ada: Caller
) -> None:
    assert code(me(ada, ada.data["refresh_token"])) == "TOKEN_INVALID"
    swapped = ada.client.post(
        f"{API}/auth/refresh", json={"refresh_token": ada.data["access_token"]}
    )
    assert code(swapped) == "TOKEN_INVALID"
    huge = ada.client.post(f"{API}/auth/refresh", json={"refresh_token": "x" * 100_000})
    assert code(huge) == "TOO_LARGE"


def test_two_authorization_headers_are_refused(ada: Caller) -> None:
    token = ada.data["access_token"]
    answer = ada.client.get(
        f"{API}/auth/me",
        headers=[("Authorization", f"Bearer {token}"), ("Authorization", "Bearer x")],
    )
    assert (answer.status_code, code(answer)) == (401, "TOKEN_INVALID")


def test_after_a_change_of_keys_old_tokens_stay_valid_by_the_old_key_only(tmp_path: Path) -> None:
    before = application(tmp_path, environ={"INSPECTION_WEB__JWT_KEY": OLD})
    ada = Caller(before, "ada", "ADMIN")
    between = application(
        tmp_path, environ={"INSPECTION_WEB__JWT_KEY": NEW, "INSPECTION_WEB__JWT_OLD_KEY": OLD}
    )
    ada.client = between.test_client(use_cookies=False)
    assert ada.get("/auth/me")["username"] == "ada"
    fresh = data(
        ada.client.post(f"{API}/auth/refresh", json={"refresh_token": ada.data["refresh_token"]})
    )
    after = application(tmp_path, environ={"INSPECTION_WEB__JWT_KEY": NEW})
    ada.client = after.test_client(use_cookies=False)
    assert code(ada.ask("GET", "/auth/me")) == "TOKEN_INVALID"
    ada.data = fresh
    assert ada.get("/auth/me")["username"] == "ada"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "INSPECTION_WEB__JWT_KEY"),
        ({"INSPECTION_WEB__JWT_KEY": "short-but-not-known"}, "shorter than 32 bytes"),
        ({"INSPECTION_WEB__JWT_KEY": "changeme" * 4}, "different characters|well-known"),
        ({"INSPECTION_WEB__JWT_KEY": "a" * 64}, "different characters"),
        (
            {"INSPECTION_WEB__JWT_KEY": NEW, "INSPECTION_WEB__JWT_OLD_KEY": f"{OLD} short"},
            "jwt_old_key",
        ),
        (
            {"INSPECTION_WEB__JWT_KEY": NEW, "INSPECTION_WEB__METRICS_TOKEN": "token-77"},
            "metrics_token",
        ),
    ],
)
def test_production_does_not_start_without_a_good_key(
    tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(Problem, match=rf"(?s)SETTINGS_INVALID.*({said})") as raised:
        application(tmp_path, "production", environ)
    assert not any(value in str(raised.value) for value in environ.values())


def test_a_key_in_the_settings_file_is_refused_in_production(tmp_path: Path) -> None:
    with pytest.raises(
        Problem, match=r"web.jwt_key: a secret does not belong in the settings file"
    ):
        load(settings(tmp_path, "production", jwt_key=NEW), {})


def test_a_key_comes_from_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "web_jwt_key").write_text(NEW + "\n")
    for environ in (
        {"INSPECTION_WEB__JWT_KEY_FILE": str(tmp_path / "web_jwt_key")},
        {"CREDENTIALS_DIRECTORY": str(tmp_path)},
    ):
        assert (
            keys_of(load(settings(tmp_path, "production"), environ).settings).signing
            == NEW.encode()
        )


def test_outside_production_a_state_folder_keeps_a_random_key_for_its_owner_only(
    tmp_path: Path,
) -> None:
    keys = [keys_of(load(settings(folder), {}).settings) for folder in _folders(tmp_path)]
    assert keys[0] == keys[1] != keys[2]
    file = tmp_path / "a" / "state" / FOLDER / FILE
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert len(keys[0].signing) >= 32


def _folders(tmp_path: Path) -> list[Path]:
    for name in "ab":
        (tmp_path / name).mkdir()
    return [tmp_path / "a", tmp_path / "a", tmp_path / "b"]
