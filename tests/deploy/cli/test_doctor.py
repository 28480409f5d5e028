"""`doctor`: what is wrong is found, and what is not wrong is not."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import doctor, machine
from deploy.cli.command import main
from deploy.demo.broker_process import BrokerProcess
from node.state_lock import lock_state
from schemas import Settings
from schemas.settings import BrokerSettings
from tests.broker.fake_broker import FakeBroker
from tests.conftest import synthetic_node
from tests.rooms.installation.certificates import certificate
from tests.rooms.installation.processes import NodeProcess, free_port
from tests.rooms.promise.promise import wait_for

pytestmark = pytest.mark.slow

Examine = Callable[..., tuple[int, dict[str, dict[str, str]]]]


@pytest.fixture
def examine(node: NodeProcess, capsys: pytest.CaptureFixture[str]) -> Examine:
    """Exit code and rows by check, the worst of each."""

    def call(*words: str) -> tuple[int, dict[str, dict[str, str]]]:
        code = main(["doctor", "--json", *(words or ("--config", str(node.config)))])
        answer = json.loads(capsys.readouterr().out)
        assert answer["ok"] == (code == 0)
        order = ["ok", "warn", "fail"]
        rows: dict[str, dict[str, str]] = {}
        for row in sorted(answer["checks"], key=lambda row: order.index(row["status"])):
            rows[row["check"]] = row
            assert row["todo"] or row["status"] == "ok"
        return code, rows

    return call


def edit(node: NodeProcess, old: str, new: str) -> None:
    text = node.config.read_text()
    assert old in text
    node.config.write_text(text.replace(old, new))


def test_a_good_site_without_a_running_node_fails_in_nothing(
    examine: Examine, broker: BrokerProcess
) -> None:
    code, rows = examine()
    assert code == 0, [row for row in rows.values() if row["status"] == "fail"]
    for check in (
        "settings",
        "broker",
        "broker retained",
        "disk space",
        "programs",
        "lines cam1",
        "camera cam1",
        "permissions",
    ):
        assert rows[check]["status"] == "ok"
    assert rows["node"]["status"] == "warn"
    assert "simulated" in rows["camera cam1"]["found"]


def test_a_broker_that_is_away_fails(examine: Examine, broker: BrokerProcess) -> None:
    broker.stop()
    code, rows = examine()
    assert code == 1
    assert rows["broker"]["status"] == "fail"
    assert "BROKER_AWAY" in rows["broker"]["found"]


def test_every_wrong_key_is_a_row_of_its_own(
    examine: Examine, node: NodeProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(node, "node-01", "Node 1")
    edit(node, "synthetic-part", "Synthetic Part")
    assert main(["doctor", "--config", str(node.config)]) == 1
    told = capsys.readouterr().out
    assert "node_id" in told
    assert "station.cam1.program" in told


def test_a_program_that_cannot_be_loaded_fails(examine: Examine, node: NodeProcess) -> None:
    for master in (node.state / "programs" / "masters").iterdir():
        master.unlink()
    code, rows = examine()
    assert code == 1
    assert "MASTER_IMAGE_NOT_FOUND" in rows["program synthetic-part"]["found"]


def test_a_program_that_the_settings_name_but_nobody_imported_fails(
    examine: Examine, node: NodeProcess
) -> None:
    edit(node, "synthetic-part", "other-part")
    code, rows = examine()
    assert code == 1
    assert "PROGRAM_NOT_FOUND" in rows["program of cam1"]["found"]


def test_files_that_others_can_read_or_write_fail(
    examine: Examine, node: NodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.state.chmod(0o757)
    code, rows = examine()
    assert code == 1
    assert "can be written by everybody" in rows["permissions"]["found"]
    node.state.chmod(0o750)
    assert examine()[0] == 0
    secret = tmp_path / "secret"
    secret.write_text("violet tram 88 lime")
    secret.chmod(0o644)
    edit(
        node,
        "[broker]" if "[broker]" in node.config.read_text() else "broker = { url",
        'broker = { username = "node-01", url',
    )
    monkeypatch.setenv("INSPECTION_BROKER__PASSWORD_FILE", str(secret))
    code, rows = examine()
    assert (code, rows["permissions"]["status"]) == (1, "fail")
    assert str(secret) in rows["permissions"]["found"]
    secret.chmod(0o600)
    assert examine()[1]["permissions"]["status"] == "ok"


def test_a_chip_that_is_not_there_fails_and_simulation_is_a_warning_in_production(
    tmp_path: Path, broker: BrokerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    node = synthetic_node(
        tmp_path, broker.port, lines={"kind": "gpiod", "chip": "no-such-chip", "ok": 1}
    )
    edit(node, '"testing"', '"production"')
    assert main(["doctor", "--json", "--config", str(node.config)]) == 1
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)["checks"]}
    assert rows["lines cam1"]["status"] == "fail"
    assert "no-such-chip" in rows["lines cam1"]["found"]
    assert rows["camera cam1"]["status"] == "warn"


def test_a_camera_without_pictures_fails(
    tmp_path: Path, broker: BrokerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    stations: list[dict[str, Any]] = [
        {"id": "cam1", "camera": {"kind": "folder", "path": "no-pictures"}}
    ]
    node = NodeProcess(tmp_path, broker.port, stations)
    assert main(["doctor", "--json", "--config", str(node.config)]) == 1
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)["checks"]}
    assert rows["camera cam1"]["status"] == "fail"


def test_a_held_state_folder_means_that_the_node_is_asked(
    examine: Examine, node: NodeProcess
) -> None:
    held = lock_state(node.state)
    code, rows = examine()
    os.close(held)
    assert code == 1
    assert "NODE_AWAY" in rows["node"]["found"]
    assert "camera cam1" not in rows


@pytest.mark.system
def test_a_running_node_tells_about_its_stations(
    examine: Examine, node: NodeProcess, broker: BrokerProcess
) -> None:
    node.start()
    laptop = ("--broker", f"mqtt://127.0.0.1:{broker.port}", "--node", "node-01")
    wait_for(
        lambda: examine(*laptop)[1].get("station cam1", {}).get("status") == "ok",
        40,
        "a ready node",
    )
    for words in ((), laptop):
        code, rows = examine(*words)
        assert code == 0, [row for row in rows.values() if row["status"] == "fail"]
        assert (
            rows["node"]["status"]
            == rows["camera cam1"]["status"]
            == rows["outputs cam1"]["status"]
            == "ok"
        )
        assert "synthetic-part" in rows["station cam1"]["found"]


def test_a_broker_without_tcp_nodelay_is_smelt(examine: Examine, tmp_path: Path) -> None:
    mosquitto = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
    if mosquitto is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    conf = tmp_path / "slow.conf"
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([mosquitto, "-c", str(conf)], stderr=subprocess.DEVNULL)
    try:
        rows = wait_for(
            lambda: _with(examine(f"--broker=mqtt://127.0.0.1:{port}")[1], "broker speed"),
            10,
            "the broker",
        )
        assert rows["broker speed"]["status"] == "warn"
        assert "set_tcp_nodelay" in rows["broker speed"]["todo"]
    finally:
        process.terminate()
        process.wait(10)


def _with(rows: dict[str, Any], check: str) -> dict[str, Any] | None:
    return rows if check in rows else None


@pytest.mark.parametrize(
    ("rules", "check"),
    [
        ({"terms": {"retain": 0}}, "broker retained"),
        ({"terms": {"max_qos": 0}}, "broker QoS"),
        ({"terms": {"expiry": 60}}, "broker sessions"),
        ({"terms": {"wildcards": 0}}, "broker wildcards"),
        ({"terms": {"max_packet": 2048}}, "broker packets"),
        ({"v5": "refuse"}, "broker MQTT 5"),
        ({"id_bytes": 23}, None),
    ],
)
def test_what_the_broker_has_less_is_a_row_of_its_own(
    rules: dict[str, Any], check: str | None
) -> None:
    fake = FakeBroker(**rules)
    try:
        rows = list(
            doctor.broker(BrokerSettings(url=f"mqtt://127.0.0.1:{fake.port}"), "node-01", ours=True)
        )
    finally:
        fake.close()
    assert {row.check for row in rows if row.status != "ok"} == ({check} if check else set())
    assert fake.broken == []


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({}, []),
        ({"web": {"bind": "127.0.0.1:5000", "proxy_hops": 1}}, []),
        ({"web": {"bind": "0.0.0.0:5000", "proxy_hops": 1}}, ["reach web"]),
        ({"web": {"bind": "[::]:5000", "proxy_hops": 2}}, ["reach web"]),
        ({"web": {"bind": "10.0.0.4:5000", "allow_clear_text": True}}, ["reach web"]),
        ({"metrics": {"bind": "0.0.0.0:9464", "allow_without_token": True}}, ["reach metrics"]),
        ({"metrics": {"bind": "0.0.0.0:9464", "token": "n4Kx" * 16}}, []),
        ({"metrics": {"bind": "0.0.0.0:9464", "enabled": False}}, []),
    ],
)
def test_ports_that_more_than_the_proxy_or_the_scraper_can_reach_are_warned_of(
    settings: dict[str, Any], warned: list[str]
) -> None:
    station = {"id": "cam1", "camera": {"kind": "synthetic"}}
    rows = list(machine.reach(Settings.model_validate({**settings, "station": [station]})))
    assert [row.check for row in rows if row.status != "ok"] == warned
    assert all(row.todo for row in rows if row.status != "ok")


@pytest.mark.parametrize(("days", "status"), [(31.5, "ok"), (29.5, "warn"), (-1, "fail")])
def test_certificates_that_end_soon_are_warned_of_and_those_that_have_ended_fail(
    tmp_path: Path, days: float, status: str
) -> None:
    good, file = certificate(tmp_path / "ca.crt", 4000), certificate(tmp_path / "node.crt", days)
    broker = BrokerSettings(
        url="mqtts://broker:8883", ca_file=str(good), cert_file=str(file), key_file=str(file)
    )
    settings = Settings.model_construct(broker=broker, certificates=(str(file),))
    rows = list(machine.certificates(settings))
    assert [(row.check, row.status) for row in rows] == [
        ("certificate", "ok"),
        *[("certificate", status)] * 2,
    ]
    assert all(row.todo for row in rows if row.status != "ok")
    file.write_text("no certificate")
    assert list(machine.certificates(settings))[1].status == "fail"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another account")
def test_accounts_that_share_the_state_by_its_group_are_not_foreign_to_one_another(
    examine: Examine, node: NodeProcess
) -> None:
    (node.state / "users").mkdir(exist_ok=True)
    file = node.state / "users" / "users.json"
    file.write_text("{}")
    file.chmod(0o660)
    os.chown(file, 61002, node.state.stat().st_gid)
    code, rows = examine()
    assert (code, rows["settings"]["status"]) == (1, "fail")
    assert "belongs to another account" in rows["settings"]["found"]
    node.state.chmod(0o2770)
    assert examine()[1]["permissions"]["status"] == "ok"
