"""Node and web of the image at work, beside a broker with passwords and rights."""

import gzip
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from broker.client import Producer
from deploy.demo.state import CAMERA
from node.cameras import synthetic
from schemas.settings import BrokerSettings
from tests.image import confined
from tests.image.confined import Image
from tests.image.rows import Row, row
from tests.rooms.installation.processes import ROOT, free_port
from tests.rooms.promise.promise import wait_for

NODE = "node-01"
FOR_NODE = ["broker_password", "metrics_token"]
FOR_WEB = ["web_jwt_key", "web_metrics_token", "web_broker_password"]
START_S = 60.0
PIECE = 8 * 1024 * 1024


class Plant:
    """A site as prepare.py makes one, with its broker; on ports that are free here."""

    def __init__(self, root: Path, config: dict[str, Any], folder: Path) -> None:
        self.site = folder / "site"
        prepare = [sys.executable, ROOT / "deploy/containers/prepare.py", self.site]
        self.told = subprocess.run(prepare, check=True, capture_output=True, text=True).stdout
        self.image = Image(root, config, self.site)
        self.broker_port, self.web_port, self.metrics_port = (free_port() for _ in range(3))
        self.logs = {
            name: self.site / f"{name}.log" for name in ("broker", "node", "web", "command")
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        text = (self.site / "node.toml").read_text()
        for old, new in (
            ("mqtt://mosquitto:1883", f"mqtt://mosquitto:{self.broker_port}"),
            ("0.0.0.0:9464", f"0.0.0.0:{self.metrics_port}"),
            ("0.0.0.0:5000", f"0.0.0.0:{self.web_port}"),
            ('id = "cam1"\n', 'id = "cam1"\nprogram = "drawn"\n'),
        ):
            assert old in text, old
            text = text.replace(old, new)
        drawn = {**synthetic.program(CAMERA), "id": "drawn", "master": "master.png"}
        (self.site / "etc" / "node.toml").write_text(text)
        (self.site / "etc" / "program.json").write_text(json.dumps(drawn))
        master = cv2.imencode(".png", synthetic.master(CAMERA))[1].tobytes()
        (self.site / "etc" / "master.png").write_bytes(master)

    def secret(self, name: str) -> str:
        """One of the secrets that prepare.py made."""
        return (self.site / "secrets" / name).read_text().strip()

    def start_broker(self) -> None:
        """This machine's mosquitto with the very same settings, and the folders of this site."""
        settings = (self.site / "mosquitto.conf").read_text()
        for old, new in (
            ("listener 1883", f"listener {self.broker_port} 127.0.0.1"),
            ("/run/secrets/", f"{self.site}/secrets/"),
            ("/mosquitto/config/", f"{self.site}/"),
            ("/mosquitto/data/", f"{self.site}/"),
        ):
            assert old in settings, old
            settings = settings.replace(old, new, 1)
        (self.site / "here.conf").write_text(f"{settings}\nuser root\n")
        with self.logs["broker"].open("ab") as log:
            words = ["mosquitto", "-c", str(self.site / "here.conf")]
            self.running["broker"] = subprocess.Popen(words, stderr=log, stdout=log)

    def start(self, name: str, words: list[str], secrets: list[str], **environ: str) -> None:
        """Node or web."""
        self.running[name] = self.image.start(words, secrets, self.logs[name], environ)

    def command(self, *words: str, secrets: list[str] = FOR_NODE, limit_s: float = 60) -> str:
        """What a command of the image prints. Raises AssertionError if it fails."""
        self.logs["command"].write_bytes(b"")
        code = self.image.run([*words], secrets, self.logs["command"], limit_s)
        told = self.logs["command"].read_text(errors="replace")
        assert code == 0, f"{' '.join(words)}: {code}: {told[-600:]}"
        return told

    def asking(self, user: str) -> BrokerSettings:
        """The broker, as one of its users."""
        values = {"url": f"mqtt://127.0.0.1:{self.broker_port}", "username": user}
        return BrokerSettings.model_validate({**values, "password": self.secret(f"broker_{user}")})

    def web(self, path: str, port: int | None = None) -> int:
        """The status by which the web answers; 0 if it does not."""
        try:
            url = f"http://127.0.0.1:{port or self.web_port}{path}"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return 0

    def end(self) -> None:
        """End everything that runs."""
        for name, process in self.running.items():
            if name == "broker":
                process.terminate()
                process.wait(10)
            else:
                confined.end(process)
        self.running.clear()


def rows(root: Path, config: dict[str, Any], folder: Path) -> Iterator[Row]:
    """What is seen of it, one thing after the other."""
    plant = Plant(root, config, folder)
    try:
        plant.start_broker()
        yield row("a program imported by its command", lambda: _program(plant))
        yield row("node: cold start to answering", lambda: _node(plant))
        yield row("web: cold start to ready", lambda: _web(plant))
        yield row("a trigger", lambda: _trigger(plant))
        yield row("health checks", lambda: _health(plant))
        yield row("root read-only, no rights", lambda: _confined(plant))
        yield row("web on $PORT, as on Cloud Run", lambda: _port(plant))
        yield row("secrets", lambda: _secrets(plant))
        yield row("its end", lambda: _end(plant))
    finally:
        plant.end()


def _program(plant: Plant) -> str:
    return plant.command("program", "import", "/etc/inspection-node/program.json").strip()[-60:]


def _node(plant: Plant) -> str:
    began = time.monotonic()
    plant.start("node", ["run"], FOR_NODE)
    wait_for(lambda: b"is running" in plant.logs["node"].read_bytes(), START_S)
    running = time.monotonic() - began
    answered = _inspect(plant, 20)
    return f"runs after {running:.1f} s, first part answered {answered} after {_since(began)}"


def _web(plant: Plant) -> str:
    began = time.monotonic()
    plant.start("web", ["web"], FOR_WEB)
    wait_for(lambda: plant.web("/api/v1/health/ready") == 200, START_S)
    return _since(began)


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def _inspect(plant: Plant, limit_s: float = 10) -> str:
    with Producer(plant.asking("plc"), NODE) as producer:
        verdict = str(producer.inspect("cam1", {"part_id": "SN1"}, timeout_s=limit_s)["verdict"])
    assert verdict in ("OK", "NG"), verdict
    return verdict


def _trigger(plant: Plant) -> str:
    verdicts = [_inspect(plant) for _ in range(5)]
    assert plant.web("/") == 200
    return f"5 parts by a PLC with its password: {', '.join(verdicts)}; the web answers"


def _health(plant: Plant) -> str:
    check = plant.image.config["Healthcheck"]["Test"]
    assert check[:2] == ["CMD", "inspection-node"], check
    node = plant.command(*check[2:])
    web = plant.command("healthy", "--only", "web", "--wait", "5", secrets=FOR_WEB)
    return f"{node.strip()}; {web.strip()}"


def _confined(plant: Plant) -> str:
    found = {}
    for name in ("node", "web"):
        status = Path(f"/proc/{confined.inside(plant.running[name])}/status").read_text()
        found[name] = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert found[name]["Uid"].split() == ["10001"] * 4, found[name]["Uid"]
        assert all(int(found[name][each], 16) == 0 for each in ("CapEff", "CapPrm", "CapBnd"))
        assert found[name]["NoNewPrivs"] == "1"
        mounts = Path(f"/proc/{confined.inside(plant.running[name])}/mountinfo").read_text()
        here = next(line.split() for line in mounts.splitlines() if line.split()[4] == "/")
        assert "ro" in here[5].split(","), here
    return "node and web run as 10001 with no capability, and can write nothing but state and /tmp"


def _port(plant: Plant) -> str:
    port = free_port()
    plant.logs["web-port"] = plant.site / "web-port.log"
    plant.start("web-port", ["web"], FOR_WEB, PORT=str(port))
    wait_for(lambda: plant.web("/api/v1/health/live", port) == 200, START_S)
    confined.end(plant.running.pop("web-port"))
    return "answers there, on all addresses"


def _secrets(plant: Plant) -> str:
    """Each is looked for in the image, logs, command lines, environments and a backup."""
    names = [
        each.name for each in (plant.site / "secrets").iterdir() if "passwords" not in each.name
    ]
    values = [plant.secret(name).encode() for name in names]
    plant.command("backup", "/var/lib/inspection-node/backup.tar.gz", "--pictures", "all")
    backup = plant.image.state / "backup.tar.gz"
    places: dict[str, bytes] = {
        "a backup": gzip.decompress(backup.read_bytes()),
        "what was printed": plant.told.encode(),
        "logs": b"".join(path.read_bytes() for path in plant.logs.values() if path.exists()),
        "command lines": b"".join(_read(path) for path in Path("/proc").glob("[0-9]*/cmdline")),
        "environments": b"".join(
            _read(Path(f"/proc/{confined.inside(plant.running[name])}/environ"))
            for name in ("node", "web")
        ),
    }
    for place, data in places.items():
        assert data or place == "what was printed", place
        assert not [name for name, value in zip(names, values, strict=True) if value in data], place
    for path in plant.image.root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = _read(path)
            assert not any(value in data for value in values), path
    assert not _private_keys(plant.image.root)
    return f"{len(names)}, none in {', '.join(places)} or the image, which has no private key"


def _private_keys(root: Path) -> list[Path]:
    """Files with a private key in the image, but for the examples of libraries' own tests."""
    return [
        path
        for path in root.rglob("*")
        if path.suffix in (".pem", ".key", "") and path.is_file() and not path.is_symlink()
        if b"PRIVATE KEY-----\n" in _read(path)
        if "site-packages" not in path.parts
    ]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read()
    except OSError:
        return b""


def _end(plant: Plant) -> str:
    took = {}
    for name in ("node", "web"):
        began = time.monotonic()
        confined.end(plant.running.pop(name))
        took[name] = time.monotonic() - began
    assert b"has ended" in plant.logs["node"].read_bytes()
    return ", ".join(f"{name} ends in {seconds:.1f} s" for name, seconds in took.items())
