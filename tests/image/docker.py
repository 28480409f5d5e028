"""The same by testcontainers, where a Docker engine answers: built, and a part is judged.

Where no registry of images is reached, the environment names what is there: IMAGE_BASE and
IMAGE_BUILD_BASE for the Dockerfile's own arguments, IMAGE_BROKER for the broker's image; and
TESTCONTAINERS_RYUK_DISABLED=true does without the image that cleans up after a test that was
killed.
"""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from deploy.demo.state import CAMERA
from node.cameras import synthetic
from tests.rooms.installation.processes import ROOT

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

IMAGE = "inspection-node:test"
BROKER = os.environ.get("IMAGE_BROKER", "eclipse-mosquitto:2")
GIVEN = {
    name: os.environ[f"IMAGE_{name}"]
    for name in ("BASE", "BUILD_BASE")
    if f"IMAGE_{name}" in os.environ
}
STATE, SETTINGS = "/var/lib/inspection-node", "/etc/inspection-node"
FOR_NODE = ("broker_password", "metrics_token", "web_broker_password", "broker_plc")
FOR_WEB = ("web_jwt_key", "web_metrics_token", "web_broker_password")
BUILD_S = 1500
LIMIT_S = 120


def missing() -> str:
    """Why there is no engine; empty if one answers."""
    import docker

    try:
        client = docker.from_env(timeout=5)
        client.ping()
    except Exception as error:
        return str(error)[:200]
    client.close()
    return ""


def trial() -> str:
    """Broker, node and web as compose.yaml runs them, on a network of their own. Raises."""
    from testcontainers.core.image import DockerImage

    with DockerImage(
        ROOT,
        docker_client_kw={"timeout": BUILD_S},
        tag=IMAGE,
        dockerfile_path="deploy/containers/Dockerfile",
        network_mode="host",  # in the way that the builder reaches the registries
        buildargs=GIVEN,
    ):
        return running()


def running() -> str:
    """The same, with the image that is there already."""
    with tempfile.TemporaryDirectory() as scratch, _plant(Path(scratch)) as (node, web):
        began = time.monotonic()
        _until_well(node, "node --any-station")
        took = time.monotonic() - began
        _told(node, f"program import {SETTINGS}/drawn/program.json")
        _until_well(web, "web")
        _told(node, "program activate cam1 drawn")
        words = "trigger cam1 --json --username plc --password-file /run/secrets/broker_plc"
        # 2 is that of a bad part
        verdict = json.loads(_told(node, words, codes=(0, 2)))["verdict"]
        assert verdict in ("OK", "NG"), verdict
    return f"node well after {took:.0f} s, the web well, a program made active, a part {verdict}"


@contextlib.contextmanager
def _plant(site: Path) -> Iterator[tuple["DockerContainer", "DockerContainer"]]:
    """Node and web, beside a broker."""
    import docker
    from testcontainers.core.network import Network

    from deploy.containers import prepare

    prepare.prepare(site, "node-01")
    drawn = site / "drawn"
    drawn.mkdir()
    program = {**synthetic.program(CAMERA), "id": "drawn", "master": "master.png"}
    (drawn / "program.json").write_text(json.dumps(program))
    cv2.imwrite(str(drawn / "master.png"), synthetic.master(CAMERA))
    client = docker.from_env()
    state = client.volumes.create()
    try:
        with Network() as network:
            broker = _confined(BROKER, site, ("broker_passwords",), user="1883:1883")
            broker.with_network(network).with_network_aliases("mosquitto")
            for name in ("mosquitto.conf", "acl.conf"):
                broker.with_volume_mapping(site / name, f"/mosquitto/config/{name}")
            both = []
            for verb, secrets in (("run", FOR_NODE), ("web", FOR_WEB)):
                one = _confined(IMAGE, site, secrets)
                one.with_command(verb).with_network(network).with_tmpfs_mount("/tmp")
                one.with_volume_mapping(state.name, STATE, "rw")
                one.with_volume_mapping(site / "node.toml", f"{SETTINGS}/node.toml")
                one.with_volume_mapping(drawn, f"{SETTINGS}/drawn")
                both.append(one)
            with broker, both[0], both[1]:
                yield both[0], both[1]
    finally:
        state.remove()
        client.close()


def _confined(image: str, site: Path, secrets: tuple[str, ...], **more: str) -> "DockerContainer":
    """Its root is read-only, and it has no rights but its user's; each secret is a file of its own,
    as their folder lets nobody in."""
    from testcontainers.core.container import DockerContainer

    one = DockerContainer(image)
    alone = ["no-new-privileges:true"]
    one.with_kwargs(read_only=True, cap_drop=["ALL"], security_opt=alone, **more)
    for name in secrets:
        one.with_volume_mapping(site / "secrets" / name, f"/run/secrets/{name}")
    return one


def _told(one: "DockerContainer", words: str, codes: tuple[int, ...] = (0,)) -> str:
    found = one.exec(f"inspection-node {words}")
    text = str(found.output.decode())
    assert found.exit_code in codes, f"{words}: {text[-600:]}"
    return text


def _until_well(one: "DockerContainer", which: str) -> None:
    until = time.monotonic() + LIMIT_S
    while (found := one.exec(f"inspection-node healthy --only {which}")).exit_code:
        logs = b"".join(one.get_logs()).decode()[-1500:]
        assert time.monotonic() < until, f"{found.output.decode()}\n{logs}"
