"""`python3 prepare.py SITE`: what compose.yaml needs for a site: settings, keys and passwords.

Needs nothing but Python 3.9. What is there already stays: run it again after an update. Keys and
passwords are files that only those who may enter the folder (0700) can read; none is printed.
"""

import argparse
import base64
import hashlib
import os
import re
import secrets
import sys
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent
SECRETS = (
    "broker_password",
    "web_broker_password",
    "web_jwt_key",
    "web_metrics_token",
    "metrics_token",
)
OTHERS = ("broker_plc", "broker_operator", "broker_viewer", "grafana_password")
ROUNDS = 20_000
NODE = """\
# Settings of this node in containers. Every key: deploy/node.example.toml.
# Keys and passwords never stand here: they are files below /run/secrets.
node_id = "{node}"
environment = "production"
state_dir = "/var/lib/inspection-node"

# Other containers of this site are reached over a network of their own, which nobody else is in.
[broker]
url = "mqtt://mosquitto:1883"
username = "{node}"
allow_clear_text = true

[metrics]
bind = "0.0.0.0:9464"

# Published to this machine only. With a proxy in front: proxy_hops = 1, no allow_clear_text.
[web]
bind = "0.0.0.0:5000"
broker_username = "web"
allow_clear_text = true

# Simulated parts until there is a camera: camera = {{ kind = "usb", device = "/dev/video0" }}
[[station]]
id = "cam1"
camera = {{ kind = "synthetic" }}
lines = {{ kind = "memory" }}
"""


def main(argv: list[str]) -> int:
    """0, or 64 for wrong usage."""
    parser = argparse.ArgumentParser(
        description="Settings, keys and passwords of a site in containers."
    )
    parser.add_argument("site", type=Path, help="the folder, made if it is not there")
    parser.add_argument("--node", default="node-01", help="id of the node (default node-01)")
    args = parser.parse_args(argv)
    if not re.match(r"[a-z0-9][a-z0-9-]{0,31}$", args.node):
        parser.error("an id is made of a-z, 0-9 and -, at most 32 of them")
    prepare(args.site, args.node)
    return 0


def prepare(site: Path, node: str) -> None:
    """Write what is missing below `site`."""
    site.mkdir(parents=True, exist_ok=True)
    kept = site / "secrets"
    kept.mkdir(mode=0o700, exist_ok=True)
    for name in SECRETS + OTHERS:
        write(
            kept / name, secrets.token_hex(32) + "\n", 0o444
        )  # read by the accounts of the containers
    users = {node: "broker_password", "web": "web_broker_password"}
    users.update({name: "broker_" + name for name in ("plc", "operator", "viewer")})
    lines = [f"{user}:{hashed((kept / name).read_text().strip())}" for user, name in users.items()]
    write(kept / "broker_passwords", "\n".join(lines) + "\n", 0o444)
    write(site / "node.toml", NODE.format(node=node), 0o644)
    acl = (DEPLOY / "acl.conf").read_text().replace("node-01", node)
    write(site / "acl.conf", acl, 0o644)
    write(site / "mosquitto.conf", broker((DEPLOY / "mosquitto.conf").read_text()), 0o644)
    shipped = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    write(site / "prometheus.yml", watched(shipped), 0o644)


def broker(shipped: str) -> str:
    """The shipped mosquitto.conf, for others on its network who have a password."""
    for old, new in (
        ("listener 1883 127.0.0.1", "listener 1883"),
        (
            "allow_anonymous true",
            "allow_anonymous false\npassword_file /run/secrets/broker_passwords\n"
            "acl_file /mosquitto/config/acl.conf",
        ),
        ("persistence_location /var/lib/mosquitto/", "persistence_location /mosquitto/data/"),
    ):
        shipped = replaced(shipped, old, new)
    return shipped


def watched(shipped: str) -> str:
    """The shipped prometheus.yml, with the names of the containers; alerts stay in Prometheus."""
    alerting = shipped[shipped.index("alerting:") : shipped.index("scrape_configs:")]
    for old, new in (
        (alerting, ""),
        ("127.0.0.1:9464", "node:9464"),
        ("127.0.0.1:5000", "web:5000"),
        ("/etc/prometheus/inspection-metrics-token", "/run/secrets/metrics_token"),
        ("/etc/prometheus/inspection-web-metrics-token", "/run/secrets/web_metrics_token"),
    ):
        shipped = replaced(shipped, old, new)
    return shipped


def replaced(text: str, old: str, new: str) -> str:
    """Replace one occurrence. If it is not there any more, that is a fault of this file."""
    if old not in text:
        raise SystemExit(f"prepare.py: the shipped file has no {old!r} any more")
    return text.replace(old, new, 1)


def hashed(password: str) -> str:
    """As mosquitto_passwd writes it: PBKDF2 with SHA-512."""
    salt = os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS)
    return "$".join(
        ["", "7", str(ROUNDS), *(base64.b64encode(part).decode() for part in (salt, key))]
    )


def write(path: Path, text: str, mode: int) -> None:
    """A new file; one that is there stays as it is."""
    try:
        descriptor = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    path.chmod(mode)
    print("wrote:", path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
