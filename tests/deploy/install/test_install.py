"""What install.sh puts on a machine, below a folder that stands for it: whole, once, and from
nothing but its own files.

One file: one installation below a folder, looked at from all sides.
"""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deploy.demo.broker_process import find_mosquitto
from node.limits import END_S, WATCHDOG_S
from schemas import Problem
from schemas.settings.load import load
from schemas.settings.override import secrets
from schemas.settings.safety import BrokerUser as Who
from tests.broker.test_acl import User
from tests.rooms.installation.processes import ROOT, free_port
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

INSTALL = ROOT / "deploy" / "install"
UNITS = (
    "inspection-node.service",
    "inspection-web.service",
    "inspection-backup.service",
    "inspection-backup.timer",
)
FILES = {"node": "broker_password", "web": "web_broker_password"}
VERSION = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]  # type: ignore[index]


def script(name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"] + ":/usr/sbin"}
    return subprocess.run(
        [str(INSTALL / name), *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=environ,
    )


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A root on which this version has been built already: its environment is that of the tests."""
    root = tmp_path / "root"
    built = root / "opt" / "inspection-node" / "versions" / VERSION
    built.mkdir(parents=True)
    for name in ("bin", "lib", "pyvenv.cfg"):
        (built / name).symlink_to(Path(sys.prefix) / name)
    (built / "complete").touch()
    return root


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    made = tmp_path / f"inspection_node-{VERSION}-py3-none-any.whl"
    made.touch()
    return made


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and "versions" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_a_dry_run_says_everything_and_writes_nothing(machine: Path, wheel: Path) -> None:
    before = tree(machine)
    done = script("install.sh", "--root", machine, "--from", wheel, "--dry-run")
    assert done.returncode == 0, done.stderr
    for told in (
        "sysusers.d",
        "node.toml",
        "credentials",
        "mosquitto.conf",
        "nginx",
        *UNITS,
        f"switch: /opt/inspection-node/current to {VERSION}",
    ):
        assert told in done.stdout
    assert tree(machine) == before


def test_settings_keys_and_files_are_put_in_place_once(machine: Path, wheel: Path) -> None:
    first = script(
        "install.sh", "--root", machine, "--from", wheel, "--node-id", "press-3", "--no-broker"
    )
    assert first.returncode == 0, first.stderr
    keys = machine / "etc/inspection-node/credentials"
    values = [path.read_bytes().strip() for path in keys.iterdir() if path.stat().st_size > 8]
    assert len(values) > 4
    for where, data in {**tree(machine), "printed": (first.stdout + first.stderr).encode()}.items():
        if "/credentials/" not in where:
            assert not [value for value in values if value in data], f"a secret stands in {where}"
    loaded = load(
        machine / "etc/inspection-node/node.toml", {"CREDENTIALS_DIRECTORY": str(keys)}, disk=False
    )
    assert (
        loaded.settings.node_id,
        loaded.settings.environment,
        loaded.settings.web.proxy_hops,
    ) == (
        "press-3",
        "production",
        1,
    )
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}
    assert stat.S_IMODE((machine / "var/lib/inspection-node").stat().st_mode) == 0o2770
    assert (machine / "opt/inspection-node/current").readlink() == Path("versions") / VERSION
    for unit in UNITS:
        assert (machine / "etc/systemd/system" / unit).read_text() == (INSTALL / unit).read_text()

    (machine / "etc/inspection-node/node.toml").write_text("# mine\n")
    (machine / "etc/systemd/system" / UNITS[0]).write_text("# broken\n")
    before = tree(machine)
    again = script(
        "install.sh", "--root", machine, "--from", wheel, "--node-id", "other", "--no-broker"
    )
    assert again.stdout.splitlines() == [f"wrote: /etc/systemd/system/{UNITS[0]}"]
    unit = str(Path("etc/systemd/system") / UNITS[0])
    assert tree(machine) == before | {unit: (INSTALL / UNITS[0]).read_bytes()}


def test_a_version_is_on_the_disk_before_it_says_that_it_is_whole(tmp_path: Path) -> None:
    """After a power cut an empty file must not pass for an installed one (ext4 writes late)."""
    maker = tmp_path / "python"
    maker.write_text(
        "#!/bin/bash\n"
        'mkdir -p "$4/bin"\n'
        'for name in pip inspection-node; do cp /bin/true "$4/bin/$name"; done\n'
    )
    maker.chmod(0o755)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "inspection_node-2.0-py3-none-any.whl").touch()
    (tmp_path / "here").mkdir()
    steps = f"""set -euo pipefail
        . {INSTALL}/steps.sh
        sync() {{
          local whole=no
          [ ! -e "$root$opt/versions/2.0/complete" ] || whole=yes
          echo "sync $whole $(readlink "$root$opt/current" || echo none): $*"
          command sync "$@"
        }}
        root={tmp_path}/root source_kind=bundle source_path={tmp_path} version=2.0
        python={maker} here={tmp_path}/here
        build_version
        switch_to 2.0"""
    done = subprocess.run(
        ["bash", "-c", steps], check=True, capture_output=True, text=True, timeout=60
    )
    home = f"{tmp_path}/root/opt/inspection-node"
    version = f"{home}/versions/2.0"
    assert [line for line in done.stdout.splitlines() if line.startswith("sync")] == [
        f"sync no none: -f {version}",
        f"sync yes none: {version}/complete {version}",
        f"sync yes versions/2.0: {home}",
    ]


def test_uninstalling_keeps_settings_and_state_unless_told(machine: Path, wheel: Path) -> None:
    script("install.sh", "--root", machine, "--from", wheel, "--no-broker")
    (machine / "var/lib/inspection-node/ledger.db").write_text("results")
    assert script("install.sh", "--root", machine, "--uninstall").returncode == 0
    left = tree(machine)
    assert "var/lib/inspection-node/ledger.db" in left
    assert "etc/inspection-node/node.toml" in left
    assert not any(
        name.startswith(("opt/", "etc/systemd/", "etc/sysusers.d/", "etc/tmpfiles.d/", "usr/"))
        for name in left
    )
    assert script("install.sh", "--root", machine, "--uninstall", "--purge").returncode == 1
    assert (
        script("install.sh", "--root", machine, "--from", wheel, "--purge", "--yes").returncode == 1
    )
    assert tree(machine) == left
    assert (
        script("install.sh", "--root", machine, "--uninstall", "--purge", "--yes").returncode == 0
    )
    assert tree(machine) == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--from", "/nowhere"], "there is no /nowhere"),
        (["--node-id", "a/b"], "is no id"),
        (["--python", "/bin/false"], "--python"),
    ],
)
def test_what_cannot_be_installed_is_told_before_anything_is_written(
    machine: Path, wheel: Path, words: list[str], told: str
) -> None:
    before = tree(machine)
    done = script("install.sh", "--root", machine, "--from", wheel, *words)
    assert done.returncode == 1
    assert told in done.stderr
    assert tree(machine) == before


def test_a_changed_bundle_is_refused(machine: Path, tmp_path: Path) -> None:
    wheels = tmp_path / "bundle" / "wheels"
    wheels.mkdir(parents=True)
    made = wheels / f"inspection_node-{VERSION}-py3-none-any.whl"
    made.write_text("as built")
    listed = subprocess.run(
        ["sha256sum", made.name], check=True, capture_output=True, text=True, cwd=wheels
    ).stdout
    (wheels / "MANIFEST").write_text(listed)
    assert (
        script(
            "install.sh", "--root", machine, "--from", wheels.parent, "--no-broker", "--dry-run"
        ).returncode
        == 0
    )
    made.write_text("as changed")
    done = script("install.sh", "--root", machine, "--from", wheels.parent, "--no-broker")
    assert done.returncode == 1
    assert "changed or cut off" in done.stderr


@pytest.mark.skipif(
    find_mosquitto() is None and not os.environ.get("CI"),
    reason="mosquitto is not installed; .ci/run installs it",
)
def test_the_broker_lets_in_its_users_only_and_each_to_its_topics(
    machine: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etc, port = machine / "etc/mosquitto", free_port()
    etc.mkdir(parents=True)
    seen = _written_down("mosquitto_passwd", tmp_path, monkeypatch)
    (etc / "mosquitto.conf").write_text("# of the system\n")
    done = script("install.sh", "--root", machine, "--from", wheel, "--node-id", "press-3")
    assert done.returncode == 0, done.stderr
    shipped = (etc / "mosquitto.conf").read_text()
    (etc / "mosquitto.conf").write_text(shipped + "# a listener of the site\n")
    assert script("install.sh", "--root", machine, "--from", wheel).stdout == ""
    assert (etc / "mosquitto.conf").read_text() == shipped + "# a listener of the site\n"
    assert (etc / "mosquitto.conf.before-inspection-node").read_text() == "# of the system\n"
    conf = (
        (etc / "mosquitto.conf")
        .read_text()
        .replace("1883 127.0.0.1", f"{port} 127.0.0.1")
        .replace("/etc/mosquitto/", f"{etc}/")
    )
    (tmp_path / "state").mkdir()
    (tmp_path / "mosquitto.conf").write_text(
        conf.replace("/var/lib/mosquitto/", f"{tmp_path}/state/") + "\nuser root\n"
    )
    keys = machine / "etc/inspection-node/credentials"
    broker = subprocess.Popen(
        [str(find_mosquitto()), "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: _listens(port), 20, "the broker")
        users = {
            name: User(port, name, (keys / file).read_text().strip())
            for name, file in {
                "press-3": "broker_password",
                "plc": "broker_plc",
                "viewer": "broker_viewer",
            }.items()
        }
        stranger = User(port, "plc", "wrong")
        trigger, result = "inspection/v1/press-3/trigger/cam1", "inspection/v1/press-3/result/cam1"
        assert {name: user.ready for name, user in users.items()} == dict.fromkeys(users, True)
        assert stranger.ready is False
        assert len(seen.read_text().splitlines()) == 5
        assert not [
            file for file in keys.iterdir() if file.read_text().strip() in seen.read_text()
        ], "in a list of processes"
        assert {name for name, user in users.items() if user.publish(trigger, b"{}")} == {"plc"}
        assert {name for name, user in users.items() if user.publish(result, b"{}")} == {"press-3"}
        for user in (*users.values(), stranger):
            user.mqtt.disconnect()
            user.mqtt.loop_stop()
    finally:
        broker.terminate()
        broker.wait(10)


def _written_down(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that has a line for each call of a command, with its words as a list of processes
    shows them."""
    found = shutil.which(command, path=os.environ["PATH"] + ":/usr/sbin")
    assert found
    (folder / "bin").mkdir()
    (folder / "bin" / command).write_text(
        f'#!/bin/sh\necho "$@" >>{folder}/seen\nexec {found} "$@"\n'
    )
    (folder / "bin" / command).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    return folder / "seen"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("name", UNITS[:3])
@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and not os.environ.get("CI"),
    reason="systemd is not installed; .ci/run installs it",
)
def test_units_are_well_formed_and_hardened(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(INSTALL / name)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    score = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert score, done.stdout + done.stderr
    assert float(score[1]) <= 2.0, done.stdout


@pytest.mark.parametrize("name", UNITS[:2])
def test_a_unit_is_given_secrets_by_their_names_in_the_settings_and_one_that_lacks_stops_nothing(
    name: str,
) -> None:
    text = (INSTALL / name).read_text()
    given = dict(re.findall(r"^LoadCredential=(.*?):(.*)$", text, re.M))
    known = {"_".join(path) for path in secrets()}
    assert given
    assert set(given) <= known
    assert given == {
        credential: f"/etc/inspection-node/credentials/{credential}" for credential in given
    }
    assert dict(re.findall(r"^SetCredential=(.*?):(.*)$", text, re.M)) == dict.fromkeys(
        given, r"\n"
    )
    others = {"web": "broker_password", "node": "web_broker_password"}
    assert others[name.split("-")[1].removesuffix(".service")] not in given


def test_every_secret_reaches_a_unit_and_every_page_that_a_unit_names_is_installed() -> None:
    texts = [(INSTALL / name).read_text() for name in UNITS[:3]]
    given = {
        credential
        for text in texts
        for credential in re.findall(r"^LoadCredential=(.*?):", text, re.M)
    }
    # root's backup reads the credentials themselves, as deploy/install/inspection-node lets it
    by_root = {"_".join(path) for path in secrets() if path[:2] == ("exports", "backups")}
    assert given | by_root == {"_".join(path) for path in secrets()}
    assert not given & by_root
    installed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "data-files"
    ]
    pages = {
        f"{folder}/{file.name}"
        for folder, globs in installed.items()
        for each in globs
        for file in ROOT.glob(each)
    }
    named = [
        page
        for text in texts
        for page in re.findall(
            r"^Documentation=file:///opt/inspection-node/current/(.*)$", text, re.M
        )
    ]
    assert len(named) == 3
    assert set(named) <= pages


def test_node_and_web_start_with_what_their_units_are_given(
    machine: Path, wheel: Path, tmp_path: Path
) -> None:
    assert (
        script(
            "install.sh", "--root", machine, "--from", wheel, "--node-id", "press-3", "--no-broker"
        ).returncode
        == 0
    )
    etc = machine / "etc/inspection-node"
    users: list[Who] = ["node", "web"]
    for user, unit in zip(users, UNITS[:2], strict=True):
        folder = tmp_path / user
        folder.mkdir()
        for credential in re.findall(r"^LoadCredential=(.*?):", (INSTALL / unit).read_text(), re.M):
            made = etc / "credentials" / credential
            (folder / credential).write_text(made.read_text() if made.exists() else "\n")
        found = load(
            etc / "node.toml", {"CREDENTIALS_DIRECTORY": str(folder)}, disk=False, user=user
        ).settings
        spoken = found.broker if user == "node" else found.asking
        assert spoken.username == {"node": "press-3", "web": "web"}[user]
        assert spoken.password is not None
        assert (
            spoken.password.get_secret_value()
            == (etc / "credentials" / FILES[user]).read_text().strip()
        )
        other = users[1 - users.index(user)]
        with pytest.raises(Problem, match="missing for the user"):
            load(etc / "node.toml", {"CREDENTIALS_DIRECTORY": str(folder)}, disk=False, user=other)
    assert load(etc / "node.toml", {}, disk=False, user="nobody").settings.broker.password is None


def test_the_command_of_a_machine_finds_its_settings(machine: Path, wheel: Path) -> None:
    assert script("install.sh", "--root", machine, "--from", wheel, "--no-broker").returncode == 0
    command = machine / "usr/local/bin/inspection-node"
    assert stat.S_IMODE(command.stat().st_mode) == 0o755
    text = command.read_text()
    (machine / "cmd").write_text(
        text.replace("exec /opt/inspection-node/current/bin/inspection-node", "env; echo")
    )
    for given, found in (
        ({}, "/etc/inspection-node/node.toml"),
        ({"CONFIG_PATH": "/mine.toml"}, "/mine.toml"),
    ):
        told = subprocess.run(
            ["/bin/sh", str(machine / "cmd"), "doctor"],
            check=True,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", **given},
        ).stdout.splitlines()
        assert f"CONFIG_PATH={found}" in told
        assert told[-1] == "doctor"


def test_the_folder_of_the_socket_that_the_page_names_is_made_by_the_unit() -> None:
    named = set(
        re.findall(r'web\.bind = "unix:(/run/[^"]+)"', (ROOT / "docs" / "web.md").read_text())
    )
    made = re.findall(r"^RuntimeDirectory=(.*)$", (INSTALL / UNITS[1]).read_text(), re.M)
    assert {str(Path(socket).parent) for socket in named} == {f"/run/{folder}" for folder in made}
    assert named


def test_the_unit_waits_longer_than_the_node_does() -> None:
    unit = dict(re.findall(r"^(\w+)=(\d+)$", (INSTALL / UNITS[0]).read_text(), re.M))
    assert float(unit["WatchdogSec"]) == WATCHDOG_S
    assert float(unit["TimeoutStopSec"]) > END_S
