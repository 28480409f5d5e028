"""The same by testcontainers, where a Docker engine answers: built, and a trigger is answered.

Where no registry of images is reached, the environment names what is there: IMAGE_BASE and
IMAGE_BUILD_BASE for the Dockerfile's own arguments, IMAGE_BROKER for the broker's image.
"""

import json
import os
import tempfile
import time
from pathlib import Path

from tests.rooms.installation.processes import ROOT

IMAGE = "inspection-node:test"
SECRETS = ("broker_password", "metrics_token", "web_jwt_key", "web_metrics_token")
BROKER = os.environ.get("IMAGE_BROKER", "eclipse-mosquitto:2")
GIVEN = {
    name: os.environ[f"IMAGE_{name}"]
    for name in ("BASE", "BUILD_BASE")
    if f"IMAGE_{name}" in os.environ
}
BUILD_S = 1500
LIMIT_S = 60


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
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.image import DockerImage
    from testcontainers.core.network import Network

    from deploy.containers import prepare

    with (
        tempfile.TemporaryDirectory() as scratch,
        DockerImage(
            ROOT,
            docker_client_kw={"timeout": BUILD_S},
            tag=IMAGE,
            dockerfile_path="deploy/containers/Dockerfile",
            network_mode="host",  # as whoever builds reaches the registries
            buildargs=GIVEN,
        ),
        Network() as network,
    ):
        site = Path(scratch)
        prepare.prepare(site, "node-01")
        broker = DockerContainer(BROKER).with_network(network)
        broker.with_network_aliases("mosquitto")
        broker.with_kwargs(user="1883:1883", read_only=True, cap_drop=["ALL"])
        broker.with_volume_mapping(site / "mosquitto.conf", "/mosquitto/config/mosquitto.conf")
        broker.with_volume_mapping(site / "acl.conf", "/mosquitto/config/acl.conf")
        broker.with_volume_mapping(site / "secrets", "/run/secrets")
        node = DockerContainer(IMAGE).with_network(network).with_command("run")
        node.with_volume_mapping(site / "node.toml", "/etc/inspection-node/node.toml")
        node.with_volume_mapping(site / "secrets", "/run/secrets")
        node.with_kwargs(read_only=True, cap_drop=["ALL"])
        node.with_tmpfs_mount("/tmp")
        began = time.monotonic()
        with broker, node:
            while (
                found := node.exec("inspection-node healthy --only node --any-station")
            ).exit_code:
                assert time.monotonic() - began < LIMIT_S, found.output
            words = "inspection-node trigger cam1 --json --username plc"
            told = node.exec(f"{words} --password-file /run/secrets/broker_plc")
            verdict = json.loads(told.output)["verdict"]
        return f"healthy after {time.monotonic() - began:.0f} s, a trigger answered {verdict}"
