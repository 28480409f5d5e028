"""What production refuses: secrets in files or that can be guessed, and what others could read on
the way."""

from pathlib import Path

import pytest

from schemas.settings.load import load
from tests.schemas.settings.test_load import GOOD_SECRET, errors, write

RANDOM = "9f2c4be1d07a6358c1e0f4a2b7d9683512ce40fa8b76d3915e20c8fa47b1d6e3"


def test_a_secret_in_the_file_is_refused_in_production_only(tmp_path: Path) -> None:
    text = f'[broker]\nusername = "node"\npassword = "{GOOD_SECRET}"'
    (error,) = errors(write(tmp_path, text))
    assert "INSPECTION_BROKER__PASSWORD" in error
    assert GOOD_SECRET not in error
    password = load(
        write(tmp_path, 'environment = "development"\n' + text), {}
    ).settings.broker.password
    assert password is not None


@pytest.mark.parametrize(
    "secret",
    [
        "tiny!",
        "elevenchars",
        "password1234",
        "ChangeMe!!!!",
        "passwordpassword",
        "aaaaaaaaaaaaaaaa",
        "123456789012",
        "mosquitto123",
    ],
)
def test_a_short_or_default_secret_is_refused_in_production_and_never_shown(
    tmp_path: Path, secret: str
) -> None:
    text = '[broker]\nusername = "node"'
    (error,) = errors(write(tmp_path, text), {"INSPECTION_BROKER__PASSWORD": secret})
    assert error.startswith("broker.password: ")
    assert secret not in error
    load(
        write(tmp_path, 'environment = "development"\n' + text),
        {"INSPECTION_BROKER__PASSWORD": secret},
    )


def test_a_user_without_a_secret_is_refused_in_production(tmp_path: Path) -> None:
    (error,) = errors(write(tmp_path, '[broker]\nusername = "node"'))
    assert "missing" in error


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[broker]\nurl = "mqtt://10.0.0.9:1883"\nusername = "node"', "broker.url"),
        (
            '[broker]\nurl = "mqtt://broker.plant:1883"\n[web]\nbroker_username = "web"',
            "broker.url",
        ),
        ('[broker]\nurl = "mqtt://127.0.0.1.plant.example:1883"\nusername = "node"', "broker.url"),
        ('[broker]\nurl = "mqtt://[::ffff:10.0.0.9]:1883"\nusername = "node"', "broker.url"),
        ('[web]\nbind = "0.0.0.0:5000"', "web.bind"),
        ('[web]\nbind = "[::]:5000"', "web.bind"),
        ('[web]\nbind = "127.0.0.1.plant.example:5000"', "web.bind"),
    ],
)
def test_production_sends_no_password_in_clear_text_unless_it_is_told_to(
    tmp_path: Path, more: str, says: str
) -> None:
    environ = {"INSPECTION_ENVIRONMENT": "production"}
    if "username" in more:
        environ[
            (
                "INSPECTION_BROKER__PASSWORD"
                if "[web]" not in more
                else "INSPECTION_WEB__BROKER_PASSWORD"
            )
        ] = GOOD_SECRET
    path = write(tmp_path, more)
    (error,) = errors(path, environ)
    assert error.startswith(f"{says}: ")
    assert "clear" in error
    allow = (
        "INSPECTION_BROKER__ALLOW_CLEAR_TEXT"
        if says == "broker.url"
        else "INSPECTION_WEB__ALLOW_CLEAR_TEXT"
    )
    load(path, {**environ, allow: "true"})
    load(path, {**environ, "INSPECTION_ENVIRONMENT": "development"})


@pytest.mark.parametrize(
    "more",
    [
        '[broker]\nurl = "mqtts://10.0.0.9:8883"\nusername = "node"',
        '[broker]\nurl = "mqtt://127.0.0.1:1883"\nusername = "node"',
        '[broker]\nurl = "mqtt://10.0.0.9:1883"',
        '[web]\nbind = "0.0.0.0:5000"\nproxy_hops = 1',
    ],
)
def test_production_takes_what_nobody_else_can_read(tmp_path: Path, more: str) -> None:
    environ = {"INSPECTION_ENVIRONMENT": "production"}
    if "username" in more:
        environ["INSPECTION_BROKER__PASSWORD"] = GOOD_SECRET
    load(write(tmp_path, more), environ)


@pytest.mark.parametrize("bind", ["0.0.0.0:9464", "[::]:9464", "10.0.0.4:9464"])
def test_production_shows_its_figures_to_other_machines_with_a_token_only(
    tmp_path: Path, bind: str
) -> None:
    environ = {"INSPECTION_ENVIRONMENT": "production"}
    path = write(tmp_path, f'[metrics]\nbind = "{bind}"')
    (error,) = errors(path, environ)
    assert error.startswith("metrics.bind: ")
    assert "metrics.token" in error
    load(path, {**environ, "INSPECTION_METRICS__TOKEN": RANDOM})
    load(path, {**environ, "INSPECTION_METRICS__ALLOW_WITHOUT_TOKEN": "true"})
    load(path, {**environ, "INSPECTION_METRICS__ENABLED": "false"})
    load(path, {**environ, "INSPECTION_ENVIRONMENT": "development"})
    load(write(tmp_path, '[metrics]\nbind = "[::1]:9464"'), environ)


@pytest.mark.parametrize(
    ("key", "good"),
    [
        ("secretsecretsecretsecretsecret1234", False),
        ("inspectioninspectioninspectioninspection99", False),
        ("0123456789abcdef0123456789abcdef", False),
        ("abcdefghijklmnopqrstuvwxyz0123456789", False),
        ("correct horse battery staple correct horse", False),
        (RANDOM, True),
        ("q7Vv3x0JpYb1n9Wc5uTz8eRk2mLs4hGd6fAiOoEw_yU", True),
    ],
)
def test_a_key_of_production_is_judged_by_how_many_guesses_it_takes(
    tmp_path: Path, key: str, good: bool
) -> None:
    environ = {"INSPECTION_ENVIRONMENT": "production", "INSPECTION_WEB__JWT_KEY": key}
    if good:
        load(write(tmp_path), environ)
    else:
        assert any(error.startswith("web.jwt_key: ") for error in errors(write(tmp_path), environ))
