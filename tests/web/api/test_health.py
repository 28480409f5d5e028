"""Health and metrics: one word for strangers, everything for people and for the metrics token."""

import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask

from schemas.settings import WebSettings
from schemas.settings.fingerprint import fingerprint
from tests.rooms.people.people import API, Caller, application, code, data, site_of
from web.health_checks import CHECKS, _one

pytestmark = pytest.mark.slow

TOKEN = "metrics-token-0123456789-abcdefghij"
PATHS = ("/health", "/health/detailed", "/status", "/api/system/status", f"{API}/health")


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return application(tmp_path, environ={"INSPECTION_WEB__METRICS_TOKEN": TOKEN})


@pytest.mark.parametrize("path", PATHS)
def test_strangers_get_the_status_and_nothing_else(app: Flask, path: str) -> None:
    assert data(app.test_client().get(path)) == {"status": "degraded"}


@pytest.mark.parametrize("path", PATHS)
def test_who_is_signed_in_sees_each_component_and_what_to_do(app: Flask, path: str) -> None:
    ada = Caller(app, "ada", "VIEWER")
    for token in (ada.data["access_token"], TOKEN):
        asked = {"Authorization": f"Bearer {token}"}, {"SERVER_SOFTWARE": "Werkzeug/test"}
        found = data(ada.client.get(path, headers=asked[0], environ_base=asked[1]))
        assert found["status"] == "degraded"
        assert (found["version"], found["production_mode"], found["environment"]) == (
            version("inspection-node"),
            False,
            "testing",
        )
        assert found["wsgi_server"] == "Werkzeug/test"
        assert {"node_id", "python", "pid", "uptime_s", "at"} <= set(found)
        assert set(found["components"]) == {
            "accounts",
            "audit",
            "programs",
            "ledger",
            "disk",
            "exports",
            "broker",
            "node",
            "settings",
        }
        assert found["components"]["ledger"]["advice"] == "inspection-node run"
        assert all(
            part["advice"] for part in found["components"].values() if part["status"] != "ok"
        )


def test_a_damaged_store_is_an_error_and_not_ready(app: Flask, tmp_path: Path) -> None:
    client = app.test_client()
    assert client.get(f"{API}/health/ready").status_code == 200
    again = application(tmp_path)
    (tmp_path / "state" / "users").mkdir(exist_ok=True)
    (tmp_path / "state" / "users" / "users.json").write_text("not what was written")
    answer = again.test_client().get(f"{API}/health/ready")
    assert (answer.status_code, data(answer)) == (503, {"status": "not ready"})
    assert again.test_client().get("/health").status_code == 503
    assert again.test_client().get(f"{API}/health/live").status_code == 200


def test_metrics_are_for_the_token_and_for_people(app: Flask) -> None:
    client = app.test_client()
    assert code(client.get("/metrics")) == "SIGN_IN_REQUIRED"
    assert (
        code(client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}x"}))
        == "TOKEN_INVALID"
    )
    good = {"Authorization": f"Bearer {TOKEN}"}
    answer = client.get(f"{API}/metrics", headers=good)
    assert answer.mimetype == "text/plain"
    assert 'inspection_web_requests_total{route="/metrics",status="401"} 2.0' in answer.text
    found = data(client.get("/metrics", headers={**good, "Accept": "application/json"}))
    assert {"cpu", "memory", "disk", "process", "pool", "threads", "stores"} <= set(found)
    assert 0 <= found["cpu"]["percent"] <= 100
    assert "MainThread" in found["threads"]
    assert found["stores"]["accounts"]["bytes"] > 0
    assert found["process"]["memory_mb"] > 10
    assert code(client.get(f"{API}/auth/me", headers=good)) == "PERMISSION_DENIED"


def test_the_root_says_what_runs(app: Flask) -> None:
    found = app.test_client().get("/").json
    assert found is not None
    assert (found["name"], found["status"], set(found)) == (
        "inspection-node",
        "running",
        {"name", "version", "status"},
    )


def test_an_audit_that_is_nearly_as_large_as_it_may_be_is_told(tmp_path: Path) -> None:
    app = application(tmp_path, audit_rows=1000)
    ada = Caller(app, "ada", "ADMIN")
    for n in range(901):
        site_of(app).audit("test", str(n))
    assert "of 1000 rows" in ada.ask("GET", "/health").text


def test_a_disk_of_which_the_node_drops_pictures_is_not_called_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk(
        environ: dict[str, str], blocks: tuple[int, int], alarm: str | None = None
    ) -> dict[str, str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        here = site_of(application(folder, environ=environ))
        here.watch.alarms = (
            {} if alarm is None else {"DISK": {"code": "DISK", "message": alarm, "since": "x"}}
        )
        found = SimpleNamespace(f_bavail=blocks[0], f_blocks=blocks[1])
        monkeypatch.setattr("web.health_checks.os.statvfs", lambda _: found)
        return _one(CHECKS["disk"], here)

    assert disk({}, (60, 1000))["status"] == "degraded", (
        "6 %: the node has dropped pictures since 10 %"
    )
    assert disk({}, (60, 1000))["advice"]
    assert disk({}, (110, 1000)) == {
        "status": "ok",
        "message": "11 % free",
        "advice": "",
        "said": [{"text": "{n} % free", "values": {"n": 11}}],
        "since": None,
    }
    assert disk({"INSPECTION_PICTURES__MIN_FREE_PERCENT": "5"}, (60, 1000))["status"] == "ok"
    told = disk({}, (500, 1000), "pictures are dropped")
    assert (told["status"], told["message"]) == ("degraded", "50 % free; pictures are dropped")


def test_a_node_that_is_gone_is_told_with_its_unit_and_its_log(tmp_path: Path) -> None:
    here = site_of(application(tmp_path))
    found = _one(CHECKS["node"], here)
    assert (found["status"], found["message"]) == ("error", "the node is not heard")
    assert "systemctl status inspection-node" in found["advice"]
    assert "journalctl -u inspection-node" in found["advice"]


def test_a_component_says_since_when_and_where_its_log_tells_more(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    (logs / "node").mkdir(parents=True)
    (logs / "node" / "error.log").write_text("the first\nthe last one\n\n")
    app = application(tmp_path, environ={"INSPECTION_LOGS__FOLDER": str(logs)})
    found = Caller(app, "ada", "VIEWER").get("/health")
    assert found["status"] == "degraded", "the web goes on without its node"
    node, disk = found["components"]["node"], found["components"]["disk"]
    assert (node["status"], node["unit"], node["line"]) == (
        "error",
        "inspection-node",
        "the last one",
    )
    assert node["log"] == f"tail -n 50 {logs}/node/error.log"
    assert node["since"] <= found["at"]
    assert (disk["log"], disk["line"]) == ("", "")


def test_a_node_that_goes_by_other_settings_is_told_once_that_has_lasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site_of(application(tmp_path))
    watch = here._watch
    monkeypatch.setattr(watch, "start", lambda: watch)  # what it hears is said below
    watch.broker, watch.state, watch.heard_at = None, {"state": "Ready"}, time.monotonic()
    other = here.settings.model_copy(update={"preview": True})
    assert fingerprint(other) != fingerprint(here.settings)
    own = here.settings.model_copy(update={"web": WebSettings(notice="hello")})
    assert fingerprint(own) == fingerprint(here.settings), "the web's own is no matter of the node"
    watch.info = {"settings": fingerprint(other)}
    assert _one(CHECKS["settings"], here)["status"] == "ok", "a reload of both takes a moment"
    monkeypatch.setattr("web.presence.APART_S", 0.0)
    found = _one(CHECKS["settings"], here)
    assert found["message"] == "Node and web have read different settings"
    assert found["advice"] == "systemctl reload inspection-node inspection-web"
    watch.info = {"settings": fingerprint(here.settings)}
    assert _one(CHECKS["settings"], here)["status"] == "ok"
