"""Settings: every source, their order, and every bad input reported by key, value and what is
allowed.

One file: sources, order and refusals of the settings are one table of cases.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from schemas import Problem
from schemas.settings.load import Loaded, load

STATION = """
[[station]]
id = "cam-1"
camera = { kind = "synthetic" }
"""
GOOD_SECRET = "kZ8-hornet-lantern-42"


def write(tmp_path: Path, text: str = "", station: str = STATION) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(f'state_dir = "{tmp_path}/state"\n{text}\n{station}')
    return path


def errors(path: Path | None, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(Problem) as caught:
        load(path, environ or {})
    assert caught.value.code == "SETTINGS_INVALID"
    told: list[str] = caught.value.details["errors"]
    assert all(error in caught.value.message for error in told)
    return told


def test_the_file_is_found_by_argument_then_variable_then_folder(tmp_path: Path) -> None:
    default = write(tmp_path, 'node_id = "here"')
    other = tmp_path / "etc" / "other.toml"
    other.parent.mkdir()
    other.write_text(default.read_text().replace("here", "there"))
    assert load(None, {}).settings.node_id == "here"
    assert load(None, {"CONFIG_PATH": str(other)}).settings.node_id == "there"
    assert load(default, {"CONFIG_PATH": str(other)}).settings.node_id == "here"
    assert load(None, {"CONFIG_PATH": str(other)}).path == other


def test_a_missing_file_is_told_with_the_ways_to_name_one(tmp_path: Path) -> None:
    (error,) = errors(None)
    assert "node.toml" in error
    assert "CONFIG_PATH" in error


@pytest.mark.parametrize(
    "data",
    [b"a = ", b"\xff\xfe", b"a = 1\na = 2", b"x" * 2_000_000, b"a = " + b"[" * 100_000, b"\x00"],
)
def test_a_file_that_is_not_toml_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "node.toml"
    path.write_bytes(data)
    (error,) = errors(path)
    assert "not TOML" in error


def test_each_key_knows_where_it_came_from(tmp_path: Path) -> None:
    path = write(tmp_path, 'node_id = "a"\nenvironment = "testing"')
    secret = tmp_path / "secret"
    secret.write_text(GOOD_SECRET + "\n")
    environ = {
        "INSPECTION_NODE_ID": "b",
        "INSPECTION_STATION__CAM_1__MAX_AGE_MS": "77",
        "INSPECTION_BROKER__USERNAME": "node",
        "INSPECTION_BROKER__PASSWORD_FILE": str(secret),
    }
    loaded: Loaded = load(path, environ)
    wanted = {
        "node_id": "environment",
        "environment": "file",
        "station.cam-1.id": "file",
        "station.cam-1.max_age_ms": "environment",
        "station.cam-1.queue_limit": "default",
        "station.cam-1.camera.kind": "file",
        "broker.username": "environment",
        "broker.password": "secret file",
        "broker.url": "default",
    }
    assert {key: loaded.sources[key] for key in wanted} == wanted
    assert loaded.settings.node_id == "b"
    assert loaded.settings.station[0].max_age_ms == 77
    assert GOOD_SECRET not in repr(loaded)


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("LOG_LEVEL", "DEBUG", lambda s: s.log_level == "DEBUG"),
        ("NODE_ID", "12", lambda s: s.node_id == "12"),
        ("PREVIEW", "true", lambda s: s.preview is True),
        ("PICTURES__MAX_DAYS", "7", lambda s: s.pictures.max_days == 7.0),
        ("PICTURES__MAX_DAYS", "7.5", lambda s: s.pictures.max_days == 7.5),
        ("STATION__CAM_1__CAMERA__SEED", "9", lambda s: s.station[0].camera.seed == 9),
        (
            "STATION__CAM_1__CAMERA__QUALITY__SHARPNESS_LOW",
            "3",
            lambda s: s.station[0].camera.quality.sharpness_low == 3,
        ),
        ("STATION__CAM_1__LINES__BUSY", "5", lambda s: s.station[0].lines.roles["busy"].line == 5),
        (
            "STATION__CAM_1__LINES__BUSY__LINE",
            "6",
            lambda s: s.station[0].lines.roles["busy"].line == 6,
        ),
        (
            "STATION__CAM_1__LINES__OUTPUTS__OUT3",
            "7",
            lambda s: s.station[0].lines.roles["OUT3"].line == 7,
        ),
        (
            "STATION__CAM_1__LINES",
            '{kind="gpiod",chip="c",ok=1}',
            lambda s: s.station[0].lines.chip == "c",
        ),
        (
            "STATION__CAM_1__CAMERA",
            '{kind="folder",path="p"}',
            lambda s: s.station[0].camera.path == "p",
        ),
        ("STATION__CAM_1__PROGRAM", "cap", lambda s: s.station[0].program == "cap"),
    ],
)
def test_every_key_can_be_overridden_and_has_its_type(
    tmp_path: Path, name: str, text: str, read: Any
) -> None:
    assert read(load(write(tmp_path), {f"INSPECTION_{name}": text}).settings)


def test_a_kind_by_variable_decides_which_keys_there_are(tmp_path: Path) -> None:
    environ = {
        "INSPECTION_STATION__CAM_1__CAMERA__KIND": "folder",
        "INSPECTION_STATION__CAM_1__CAMERA__PATH": "pictures",
    }
    camera = load(write(tmp_path), environ).settings.station[0].camera
    assert (camera.kind, getattr(camera, "path", "")) == ("folder", "pictures")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("NODE_IDD", "x", "node_idd"),
        ("BROKER__URLL", "x", "username"),
        ("STATION__CAM_2__MAX_AGE_MS", "5", "cam-1"),
        ("STATION__CAM_1__MAX_AGE", "5", "max_age_ms"),
        ("STATION__CAM_1__MAX_AGE_MS", "soon", "TOML"),
        ("STATION__CAM_1__MAX_AGE_MS", "5\nx = 1", "TOML"),
        ("STATION__CAM_1__MAX_AGE_MS", "0", "INSPECTION_STATION__CAM_1__MAX_AGE_MS"),
        ("NODE_ID__X", "5", "no keys"),
        ("", "5", "no key"),
    ],
)
def test_a_variable_that_fits_no_key_is_refused(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    (error,) = errors(write(tmp_path), {f"INSPECTION_{name}": text})
    assert says in error


def test_dotenv_is_read_beside_the_file_and_the_environment_wins(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    path = write(folder)
    (folder / ".env").write_text("INSPECTION_NODE_ID=beside\nINSPECTION_LOG_LEVEL=DEBUG\nOTHER=x\n")
    assert load(path, {}).settings.node_id == "beside"
    assert load(path, {}).settings.log_level == "DEBUG"
    assert load(path, {"INSPECTION_NODE_ID": "strongest"}).settings.node_id == "strongest"
    (folder / ".env").write_text("INSPECTION_NODE_IDD=beside\n")
    assert "INSPECTION_NODE_IDD" in errors(path)[0]


def test_dotenv_of_the_working_folder_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once sent the user name and password of the named settings to another broker."""
    folder = tmp_path / "etc"
    folder.mkdir()
    path = write(folder)
    (tmp_path / ".env").write_text(
        "INSPECTION_BROKER__URL=mqtt://127.0.0.1:45999\nCONFIG_PATH=/tmp/other.toml\n"
    )
    monkeypatch.chdir(tmp_path)
    before = load(path, {}).settings.broker.url
    assert "45999" not in before
    assert load(None, {"CONFIG_PATH": str(path)}).settings.broker.url == before


def test_dotenv_of_another_account_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)
    (tmp_path / ".env").write_text("INSPECTION_NODE_ID=beside\n")
    real = Path.stat

    def of_another(self: Path, **given: bool) -> os.stat_result:
        found = real(self, **given)
        return os.stat_result((*found[:4], 12345, *found[5:])) if self.name == ".env" else found

    monkeypatch.setattr(Path, "stat", of_another)
    assert "another account" in errors(path)[0]


def test_a_secret_comes_from_variable_file_or_credentials(tmp_path: Path) -> None:
    path = write(tmp_path, '[broker]\nusername = "node"')
    (tmp_path / "broker_password").write_text(GOOD_SECRET + "\n")
    for environ in (
        {"INSPECTION_BROKER__PASSWORD": GOOD_SECRET},
        {"INSPECTION_BROKER__PASSWORD_FILE": str(tmp_path / "broker_password")},
        {"CREDENTIALS_DIRECTORY": str(tmp_path)},
    ):
        password = load(path, environ).settings.broker.password
        assert password is not None
        assert password.get_secret_value() == GOOD_SECRET
    assert (
        "both"
        in errors(
            path,
            {"INSPECTION_BROKER__PASSWORD": GOOD_SECRET, "INSPECTION_BROKER__PASSWORD_FILE": "x"},
        )[0]
    )
    assert (
        "cannot be read"
        in errors(path, {"INSPECTION_BROKER__PASSWORD_FILE": str(tmp_path / "none")})[0]
    )


def test_an_empty_credential_is_none_and_one_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for data in ("", "\n"):
        (tmp_path / "broker_password").write_text(data)
        assert (
            load(write(tmp_path), {"CREDENTIALS_DIRECTORY": str(tmp_path)}).settings.broker.password
            is None
        )
    (tmp_path / "broker_password").unlink()
    (tmp_path / "broker_password").mkdir()
    (error,) = errors(write(tmp_path), {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "cannot be read" in error


@pytest.mark.parametrize("data", [b"", b"\n", b"a\nb", b"\xff", b"a\x00b", b"x" * 5000])
def test_a_secret_file_holds_one_line_of_text(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path, '[broker]\nusername = "node"')
    (tmp_path / "secret").write_bytes(data)
    told = errors(path, {"INSPECTION_BROKER__PASSWORD_FILE": str(tmp_path / "secret")})
    assert "does not hold one line" in told[0]


GPIOD = (
    '[[station]]\nid = "cam-1"\ncamera = {{ kind = "synthetic" }}\nlines = {{ kind = "gpiod", chip'
    ' = "c", {0} }}\n'
)


@pytest.mark.parametrize(
    ("text", "station", "key", "value", "allowed"),
    [
        ("surprise = 1", STATION, "surprise", "1", "node_id"),
        ("[web]\nbnd = 'x'", STATION, "web.bnd", "'x'", "did you mean bind"),
        ("preview = 1", STATION, "preview", "1", "boolean"),
        ("node_id = 5", STATION, "node_id", "5", "string"),
        ("node_id = 'Ä'", STATION, "node_id", "'Ä'", "pattern"),
        (
            "environment = 'prod'",
            STATION,
            "environment",
            "'prod'",
            "'production', 'development' or 'testing'",
        ),
        ("broker = 1", STATION, "broker", "1", "dictionary"),
        ("[broker]\nkeepalive_s = 10.5", STATION, "broker.keepalive_s", "10.5", "integer"),
        ("[broker]\nkeepalive_s = 60", STATION, "broker.keepalive_s", "60", "15"),
        ("[broker]\nurl = 'mqtt://h:0'", STATION, "broker.url", "'mqtt://h:0'", "1 and 65535"),
        ("[broker]\nurl = 'mqtt://h:70000'", STATION, "broker.url", "'mqtt://h:70000'", "65535"),
        ("[broker]\nurl = 'http://h'", STATION, "broker.url", "'http://h'", "mqtts://HOST:PORT"),
        (
            "[metrics]\nbind = '127.0.0.1:0'",
            STATION,
            "metrics.bind",
            "'127.0.0.1:0'",
            "1 and 65535",
        ),
        (
            "[web]\nbind = '127.0.0.1:70000'",
            STATION,
            "web.bind",
            "'127.0.0.1:70000'",
            "1 and 65535",
        ),
        ("[web]\nbind = 5000", STATION, "web.bind", "5000", "string"),
        ("[pictures]\nmax_days = nan", STATION, "pictures.max_days", "nan", "finite"),
        ("[pictures]\nmax_days = inf", STATION, "pictures.max_days", "inf", "finite"),
        (
            "",
            GPIOD.format("ok = 17, ng = 17"),
            "station.cam-1.lines",
            "17",
            "ok and ng are on one line",
        ),
        (
            "",
            GPIOD.format("ready = 3, busy = {line=3}"),
            "station.cam-1.lines",
            "3",
            "ready and busy are on one line",
        ),
        ("", GPIOD.format("ok = 1, trigger = {line=1}"), "station.cam-1.lines", "1", "trigger"),
        ("", GPIOD.format("ok = -1"), "station.cam-1.lines.ok", "-1", "greater than or equal to 0"),
        (
            "",
            GPIOD.format("ok = {line=1,active='lo'}"),
            "station.cam-1.lines.ok.active",
            "'lo'",
            "'high' or 'low'",
        ),
        (
            "",
            STATION.replace("synthetic", "webcam"),
            "station.cam-1.camera",
            "'webcam'",
            "'synthetic', 'folder', 'usb'",
        ),
        (
            "",
            STATION.replace('"synthetic"', '"folder"'),
            "station.cam-1.camera.path",
            "",
            "missing",
        ),
        ("", STATION + STATION, "settings", "", "two stations have the same id"),
        ("", "", "station", "", "missing"),
    ],
)
def test_a_bad_setting_is_told_by_key_value_and_what_is_allowed(
    tmp_path: Path, text: str, station: str, key: str, value: str, allowed: str
) -> None:
    (error,) = errors(write(tmp_path, text, station))
    assert error.startswith(f"{key}: ")
    assert value in error
    assert allowed in error


def test_two_stations_cannot_share_a_line(tmp_path: Path) -> None:
    stations = GPIOD.format("ok = 17") + GPIOD.format("ok = 17").replace("cam-1", "cam-2")
    (error,) = errors(write(tmp_path, "", stations))
    assert "share line 17" in error


def test_a_relative_state_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text('state_dir = "state"\n' + STATION)
    (error,) = errors(path)
    assert error == "state_dir: 'state' is not allowed: give an absolute path: it begins with /"


def test_a_state_folder_that_cannot_be_written_is_told_unless_it_does_not_matter(
    tmp_path: Path,
) -> None:
    path = tmp_path / "node.toml"
    (tmp_path / "file").write_text("")
    for folder in (f"{tmp_path}/file", f"{tmp_path}/file/state", "/proc/inspection-state"):
        path.write_text(f'state_dir = "{folder}"\n' + STATION)
        (error,) = errors(path)
        assert error.startswith(f"state_dir: {folder!r} is not a folder that can be written")
        assert load(path, {}, disk=False).settings.state_dir == folder
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        path.write_text(f'state_dir = "{tmp_path}/locked"\n' + STATION)
        assert errors(path)


def test_a_missing_certificate_is_told(tmp_path: Path) -> None:
    text = (
        f'[broker]\nurl = "mqtts://h"\nca_file = "{tmp_path}/ca.pem"\ncert_file ='
        f' "cert.pem"\nkey_file = "{tmp_path}"'
    )
    told = errors(write(tmp_path, text))
    assert [error.split(":")[0] for error in told] == [
        "broker.cert_file",
        "broker.ca_file",
        "broker.key_file",
    ]
    assert "cannot be read" in told[1]
    (error,) = errors(write(tmp_path, '[broker]\nca_file = "/dev/null"'))[:1]
    assert "mqtts://" in error


def test_all_errors_are_told_at_once_and_no_secret_with_them(tmp_path: Path) -> None:
    text = """node_id = "A"
[broker]
url = "mqtt://me:hunter2hunter2@h"
passwrod = "swordfish-swordfish"
[web]
bind = "x"
"""
    told = errors(
        write(tmp_path, text), {"INSPECTION_X": "1", "INSPECTION_BROKER__PASSWORD": "tiny-secret"}
    )
    assert {error.split(":")[0] for error in told} == {
        "INSPECTION_X",
        "node_id",
        "broker.url",
        "broker.passwrod",
        "web.bind",
        "broker.password",
    }
    shown = " ".join(told)
    for secret in ("hunter2", "swordfish", "tiny-secret"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("web", "why"),
    [
        ('bind = "unix:/run/web.sock"', "proxy_hops is 0"),
        ('bind = "unix:web.sock"\nproxy_hops = 1', "bind"),
        ('socket_group = "www-data"', "bind is no unix"),
        ('notice = ""', "notice"),
    ],
)
def test_a_socket_needs_a_proxy_and_a_group_a_socket(tmp_path: Path, web: str, why: str) -> None:
    path = tmp_path / "node.toml"
    station = '[[station]]\nid = "a"\ncamera = { kind = "synthetic" }\n'
    path.write_text(f'environment = "testing"\nstate_dir = "{tmp_path}/s"\n[web]\n{web}\n{station}')
    with pytest.raises(Problem, match=why):
        load(path, {})
