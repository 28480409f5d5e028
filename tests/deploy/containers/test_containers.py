"""What runs node and web in containers is well formed and does what it says."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from broker.client import Producer
from deploy.containers import prepare
from deploy.demo.broker_process import CONF
from deploy.demo.children import port_answers
from schemas import Problem
from schemas.settings import BrokerSettings
from schemas.settings.load import load
from schemas.settings.override import secrets
from tests.rooms.installation.processes import ROOT, free_port
from tests.rooms.promise.promise import wait_for

CONTAINERS = ROOT / "deploy" / "containers"
COMPOSE = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())
DOCKERFILE = (CONTAINERS / "Dockerfile").read_text()
MANIFESTS = [
    document
    for path in sorted(CONTAINERS.glob("kubernetes/base/*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
DEPLOYMENTS = [each for each in MANIFESTS if each["kind"] == "Deployment"]
CREDENTIALS = {"_".join(path) for path in secrets()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What prepare.py makes."""
    made = tmp_path_factory.mktemp("site")
    words = [sys.executable, str(CONTAINERS / "prepare.py"), str(made), "--node", "press-3"]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60)
    for secret in (made / "secrets").iterdir():
        assert secret.read_text().strip() not in done.stdout
    return made


def test_compose_is_what_its_specification_says() -> None:
    schema = json.loads((ROOT / "tests/data/compose-spec/compose_spec.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(COMPOSE)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_is_confined_and_its_secrets_are_files_of_this_site(
    name: str, site: Path
) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    told = json.dumps(service.get("environment", {}))
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|KEY)\"", told), "a secret as environment"
    for secret in service.get("secrets", ()):
        file = COMPOSE["secrets"][secret]["file"].replace("${SITE}", str(site))
        assert Path(file).is_file()
        assert (site / "secrets").stat().st_mode & 0o077 == 0
    for volume in service["volumes"]:
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (CONTAINERS / source).exists(), volume
        elif source.startswith("${SITE"):
            assert (site / volume.split("}/")[1].split(":")[0]).is_file(), volume
        else:
            assert source in COMPOSE["volumes"]


def test_node_and_web_get_their_own_secrets_by_the_names_of_the_settings() -> None:
    node, web = (set(COMPOSE["services"][name]["secrets"]) for name in ("node", "web"))
    assert node | web <= CREDENTIALS
    assert node & web == {"web_broker_password"}, "by which commands in the node's ask the node"
    assert not web & {"broker_password", "metrics_token"}
    for pod in DEPLOYMENTS:
        for volume in pod["spec"]["template"]["spec"]["volumes"]:
            if volume["name"] in ("node-secrets", "web-secrets"):
                given = {item["path"] for item in volume["secret"]["items"]}
                assert given == (node if volume["name"] == "node-secrets" else web)


def test_the_settings_of_a_site_are_those_of_production_and_each_lacks_nothing_with_its_secrets(
    site: Path, tmp_path: Path
) -> None:
    for user in ("node", "web"):
        folder = tmp_path / user
        folder.mkdir()
        for name in COMPOSE["services"][user]["secrets"]:
            (folder / name).write_text((site / "secrets" / name).read_text())
        environ = {"CREDENTIALS_DIRECTORY": str(folder), "INSPECTION_STATE_DIR": str(tmp_path)}
        found = load(site / "node.toml", environ, user=user).settings  # type: ignore[arg-type]
        assert (found.node_id, found.environment) == ("press-3", "production")
    with pytest.raises(Problem, match="password"):
        load(site / "node.toml", {"INSPECTION_STATE_DIR": str(tmp_path)})


def test_what_is_there_stays_and_a_shipped_file_that_changed_is_told(site: Path) -> None:
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}
    prepare.prepare(site, "press-3")
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before
    with pytest.raises(SystemExit, match="any more"):
        prepare.broker("listener 1884\n")


@pytest.fixture
def mosquitto(site: Path, tmp_path: Path) -> Iterator[int]:
    """A real one with this site's settings, passwords and rights; its port."""
    text, port = (site / "mosquitto.conf").read_text(), free_port()
    assert text != CONF.read_text()
    for old, new in (
        ("listener 1883", f"listener {port} 127.0.0.1"),
        ("/run/secrets/", f"{site}/secrets/"),
        ("/mosquitto/config/", f"{site}/"),
        ("/mosquitto/data/", f"{tmp_path}/"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "mosquitto.conf").write_text(f"{text}\nuser root\n")
    broker = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    assert broker is not None, "install mosquitto"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([broker, "-c", str(tmp_path / "mosquitto.conf")], stderr=log)
        try:
            wait_for(lambda: port_answers(port), 20)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def test_its_broker_lets_in_who_has_the_password_and_nobody_else(
    site: Path, mosquitto: int
) -> None:
    def asked(**user: str) -> str:
        values = {"url": f"mqtt://127.0.0.1:{mosquitto}", **user}
        with Producer(BrokerSettings.model_validate(values), "press-3") as producer:
            try:
                producer.inspect("cam1", {}, timeout_s=0.5)
            except Problem as problem:
                return problem.code
        return "answered"

    password = (site / "secrets" / "broker_plc").read_text().strip()
    refused = asked(username="plc", password="not-the-password")
    assert refused == asked()
    assert asked(username="plc", password=password) != refused


def test_prometheus_finds_the_containers_and_their_tokens(site: Path) -> None:
    found = yaml.safe_load((site / "prometheus.yml").read_text())
    targets = {job["static_configs"][0]["targets"][0] for job in found["scrape_configs"]}
    assert targets == {"node:9464", "web:5000"}
    assert COMPOSE["services"]["web"]["hostname"] == "web", "a name that the web answers to"
    tokens = {job["authorization"]["credentials_file"] for job in found["scrape_configs"]}
    given = {f"/run/secrets/{name}" for name in COMPOSE["services"]["prometheus"]["secrets"]}
    assert tokens == given


def test_every_pod_is_confined_probed_and_one() -> None:
    assert len(DEPLOYMENTS) == 2
    for each in DEPLOYMENTS:
        assert each["spec"]["replicas"] == 1
        assert each["spec"]["strategy"] == {"type": "Recreate"}
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert any("persistentVolumeClaim" in volume for volume in pod["volumes"])
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"readinessProbe", "livenessProbe", "resources"} <= set(container)
            assert not [name for name in container.get("env", ()) if "value" in name]


def test_nobody_is_let_in_or_out_but_by_a_policy_that_names_whom() -> None:
    policies = {
        each["metadata"]["name"]: each["spec"]
        for each in MANIFESTS
        if each["kind"] == "NetworkPolicy"
    }
    nothing = policies.pop("inspection-nothing")
    assert nothing["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(nothing)
    for spec in policies.values():
        rules = [*spec.get("ingress", ()), *spec.get("egress", ())]
        assert rules
        assert all((rule.get("from") or rule.get("to")) and rule["ports"] for rule in rules)


def test_the_image_is_of_two_stages_and_runs_as_nobody_with_a_health_check() -> None:
    stages = DOCKERFILE.split("\nFROM ")[1:]
    assert len(stages) == 2
    last = stages[1]
    assert "--require-hashes" in stages[0]
    assert re.search(r"^USER 10001:10001$", last, re.M)
    assert re.search(r"^HEALTHCHECK ", last, re.M)
    assert "pip" not in re.sub(r"^#.*", "", last, flags=re.M)
    assert not re.search(r"(ARG|ENV).*(PASSWORD|SECRET|TOKEN)", DOCKERFILE)
    copied = set(re.findall(r"^COPY (?!--from)(.*) \S+$", stages[0], re.M))
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {name for words in copied for name in words.split()} == let_in


def test_cloud_run_gets_the_web_alone_which_listens_where_it_is_told() -> None:
    service: dict[str, Any] = yaml.safe_load((CONTAINERS / "cloudrun.yaml").read_text())
    (container,) = service["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["web"]
    names = {each["name"] for each in container["env"]}
    assert not [name for name in names if "KEY" in name and not name.endswith("_FILE")]
    assert "PORT" not in names, "the platform sets it"
