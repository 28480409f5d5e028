"""`make alerts`: really causes what each alert rule is for; the alert then has to arrive at a real
Alertmanager.

The rules are the shipped ones except for their patience: windows of minutes are 20 s here, and
nothing has to last. Two nodes, a web, brokers, Prometheus and Alertmanager run as processes, one
node on a small disk (which needs root, or a user namespace).

One file: one plant, and a cause for each rule in the order of the rules.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import paho.mqtt.publish

from deploy.demo.broker_process import BrokerProcess, start_broker
from node.cameras import synthetic
from schemas import SyntheticCamera, as_program
from schemas.store.programs import Programs
from tests.rooms.installation.certificates import certificate
from tests.rooms.installation.processes import ROOT, NodeProcess, free_port
from tests.rooms.installation.web_process import Web
from tests.rooms.people.people import PASSWORD
from tests.rooms.promise.promise import wait_for

LIMIT_S, AGAIN_S = 240.0, 8.0
DISK = "size=300m"
SHIPPED = ROOT / "deploy" / "prometheus"
TOKEN = "metrics-token-0123456789-abcdefghij"


def impatient(rules: str) -> str:
    """The rules, with windows of 20 s, in which nothing has to last."""
    return re.sub(
        r"for: \w+",
        "for: 0s",
        re.sub(r"\[\d+m\]", "[20s]", re.sub(r"offset \d+m", "offset 20s", rules)),
    )


class Plant:
    """Everything that runs, and what is done to it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.children = folder, []  # type: ignore[var-annotated]
        self.brokers: list[BrokerProcess] = [
            start_broker(folder / f"broker-{n}", 0) for n in range(2)
        ]
        camera = SyntheticCamera(seed=3)
        lines = {"kind": "memory", "ok": 1, "ng": 2, "error": 3}
        drawn = {"kind": "synthetic", "seed": 3}
        stations: list[dict[str, Any]] = [
            {
                "id": "slow",
                "program": "synthetic-part",
                "camera": drawn,
                "lines": lines,
                "queue_limit": 1,
                "trigger_delay_ms": 900,
            },
            {
                "id": "blind",
                "program": "synthetic-part",
                "camera": {"kind": "folder", "path": str(folder / "nothing")},
            },
            {
                "id": "dumb",
                "program": "synthetic-part",
                "camera": drawn,
                "lines": {"kind": "gpiod", "chip": "no-such-chip", "ok": 1},
            },
            {
                "id": "bad",
                "program": "always-bad",
                "camera": drawn,
                "lines": lines,
                "timer_ms": 200,
            },
        ]
        ending = certificate(folder / "ending.crt", 10)
        self.disk = folder / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(self.disk)], check=True)
        self.node = NodeProcess(
            folder / "disk", self.brokers[0].port, stations, certificates=[str(ending)]
        )
        (folder / "other").mkdir()
        one = {"id": "cam1", "program": "synthetic-part", "camera": drawn, "lines": lines}
        timed = {**one, "id": "timed", "timer_ms": 500}
        self.other = NodeProcess(folder / "other", self.brokers[1].port, [one, timed])
        program = {**synthetic.program(camera), "limits_ms": 5000}  # a busy machine is not a hang
        wrong = {
            "kind": "brightness",
            "name": "glow",
            "region": {"x": 0, "y": 0, "width": 40, "height": 40},
            "low": 254.0,
            "high": 255.0,
        }
        for node in (self.node, self.other):
            master = cv2.imencode(".png", synthetic.master(camera))[1].tobytes()
            store = Programs(node.state / "programs")
            store.save(as_program(program), master, by="test")
            store.save(
                as_program(
                    {
                        **program,
                        "id": "always-bad",
                        "name": "Bad",
                        "locator": None,
                        "tools": [wrong],
                    }
                ),
                master,
                by="test",
            )
        (folder / "web").mkdir()
        self.web = Web(folder / "web", INSPECTION_WEB__METRICS_TOKEN=TOKEN)
        self.token = ""

    def start(self) -> None:
        """Nodes and web; the web has an account."""
        self.node.start()
        self.start_other()
        self.token = self.web.ready().sign_in()

    def start_other(self) -> None:
        """The node whose inspections may hang."""
        self.other.start()
        wait_for(lambda: answers(self.other), 60, "the other node")

    def trigger(self, broker: int, station: str, **trigger: Any) -> None:
        """One trigger, as a PLC sends it."""
        topic, port = f"inspection/v1/node-01/trigger/{station}", self.brokers[broker].port
        paho.mqtt.publish.single(topic, json.dumps(trigger), qos=1, hostname="127.0.0.1", port=port)

    # What goes wrong

    def flood(self) -> None:
        """More triggers than there are places for, and one that is too old when its turn comes."""
        for n in range(6):
            self.trigger(0, "slow", max_age_ms=400 if n % 2 else 60_000)
            time.sleep(0.05)

    def blind(self) -> None:
        """A part that cannot be judged."""
        self.trigger(0, "blind")

    def hang(self) -> None:
        """An inspection that does not end: the process that does it, and that did the one before,
        stands still."""
        signal_worker(self.other, "cam1", signal.SIGCONT)
        before = self.judged()

        def judges() -> bool:
            self.trigger(1, "cam1")
            time.sleep(0.5)
            return self.judged() > before

        wait_for(judges, 60, "the other node judges")
        signal_worker(self.other, "cam1", signal.SIGSTOP)
        self.trigger(1, "cam1", trigger_id=f"hang-{time.time_ns()}")

    def judged(self) -> float:
        """How many parts of its first station the other node has judged."""
        return sum(
            number
            for name, number in self.other.metrics().items()
            if name.startswith("inspection_results_total{")
            and 'station="cam1"' in name
            and 'verdict="ERROR"' not in name
        )

    def end_worker(self) -> None:
        """A worker process of the node is killed, as memory that runs out or a crash does it."""
        signal_worker(self.node, "bad", signal.SIGKILL)

    def restart(self) -> None:
        """The other node is killed and comes back, twice, each time long enough to be seen."""
        for _ in range(2):
            self.other.kill()
            self.start_other()
            time.sleep(3)

    def fill(self) -> None:
        """The disk of the node is full."""
        with (self.disk / "ballast").open("ab") as file, contextlib.suppress(OSError):
            more = shutil.disk_usage(self.disk).free - 8 * 2**20
            os.posix_fallocate(file.fileno(), file.tell(), max(more, 1))

    def reuse(self) -> None:
        """A refresh token is used twice."""
        status, answer = self.web.ask(
            "POST", "/api/v1/auth/login", {"username": "ada", "password": PASSWORD}
        )
        assert status == 200, answer
        for _ in range(2):
            self.web.ask(
                "POST", "/api/v1/auth/refresh", {"refresh_token": answer["data"]["refresh_token"]}
            )

    def fail(self) -> None:
        """A store that the web reads is damaged."""
        (self.web.state / "ledger.db").write_text("this is no database")
        self.web.ask("GET", "/api/v1/results", token=self.token)

    def slow_web(self) -> None:
        """Somebody holds the web's database while people sign in."""
        with sqlite3.connect(self.web.state / "accounts.db", timeout=20) as db:
            db.execute("BEGIN EXCLUSIVE")
            body = {"username": "ada", "password": PASSWORD}
            people = [
                threading.Thread(target=self.web.ask, args=("POST", "/api/v1/auth/login", body))
                for _ in range(4)
            ]
            for each in people:
                each.start()
            time.sleep(2.5)
            db.rollback()
        for each in people:
            each.join(30)

    def end(self) -> None:
        """Stop everything."""
        for child in self.children:
            child.terminate()
            child.wait(20)
        self.web.end()
        self.node.end()
        self.other.end()
        for broker in self.brokers:
            broker.stop()
        subprocess.run(["umount", "-l", str(self.disk)], check=False)


def answers(node: NodeProcess) -> bool:
    """Whether a node's metrics can be read."""
    try:
        return bool(node.metrics())
    except OSError:
        return False


def signal_worker(node: NodeProcess, station: str, what: signal.Signals) -> None:
    """Send a signal to the worker process of a station, if it has one just now."""
    assert node.process is not None
    for thread in Path(f"/proc/{node.process.pid}/task").glob("*/children"):
        for pid in thread.read_text().split():
            with contextlib.suppress(OSError):  # it has just ended
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"node.worker" in words and station.encode() in words:
                    os.kill(int(pid), what)


class Watchers:
    """Prometheus and Alertmanager over a plant, with the shipped files."""

    def __init__(self, plant: Plant) -> None:
        folder, self.port, self.alerts_port = plant.folder, free_port(), free_port()
        (folder / "rules.yml").write_text(impatient((SHIPPED / "rules.yml").read_text()))
        (folder / "token").write_text(TOKEN)
        nodes = ", ".join(f'"127.0.0.1:{node.metrics_port}"' for node in (plant.node, plant.other))
        config = (SHIPPED / "prometheus.yml").read_text().replace("interval: 15s", "interval: 1s")
        for old, new in (
            ('"127.0.0.1:9093"', f'"127.0.0.1:{self.alerts_port}"'),
            ('"127.0.0.1:9464"', nodes),
            ('"127.0.0.1:5000"', f'"127.0.0.1:{plant.web.port}"'),
            ("/etc/prometheus/inspection-metrics-token", str(folder / "token")),
            ("/etc/prometheus/inspection-web-metrics-token", str(folder / "token")),
        ):
            assert old in config
            config = config.replace(old, new)
        (folder / "prometheus.yml").write_text(config)
        (folder / "alertmanager.yml").write_text((SHIPPED / "alertmanager.yml").read_text())
        self._run(
            plant,
            "prometheus",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
        )
        listen = f"--web.listen-address=127.0.0.1:{self.alerts_port}"
        self._run(
            plant,
            "prometheus-alertmanager",
            listen,
            f"--storage.path={folder / 'am'}",
            "--cluster.listen-address=",
        )

    @staticmethod
    def _run(plant: Plant, program: str, *words: str) -> None:
        config = plant.folder / f"{program.removeprefix('prometheus-')}.yml"
        with (plant.folder / f"{program}.log").open("wb") as log:
            plant.children.append(
                subprocess.Popen(
                    [program, f"--config.file={config}", *words],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                )
            )

    def fired(self) -> set[str]:
        """Names of the alerts that have arrived."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.alerts_port}/api/v2/alerts", timeout=5
            ) as answer:
                return {alert["labels"]["alertname"] for alert in json.load(answer)}
        except OSError:
            return set()

    def ask(self, query: str) -> bool:
        """Whether an expression gets a non-empty answer."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?query={urllib.request.quote(query)}"  # type: ignore[attr-defined]
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(json.load(answer)["data"]["result"])


def main() -> int:
    """0 if every alert has arrived, and every panel of the dashboard has shown something."""
    names = re.findall(r"- alert: (\S+)", (SHIPPED / "rules.yml").read_text())
    seen: dict[str, float] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="alerts-") as place:
        plant = Plant(Path(place))
        try:
            plant.start()
            watchers = Watchers(plant)

            def until(*wanted: str, doing: Callable[[], None] | None = None) -> None:
                end, again = time.monotonic() + LIMIT_S, time.monotonic() + AGAIN_S
                if doing is not None:  # even if something else has set it off
                    doing()
                while not set(wanted) <= set(seen) and time.monotonic() < end:
                    if doing is not None and time.monotonic() >= again:
                        doing()
                        again = time.monotonic() + AGAIN_S
                    for name in watchers.fired() - set(seen):
                        seen[name] = time.monotonic() - began
                        print(f"{seen[name]:6.0f} s  {name}", flush=True)
                    time.sleep(0.5)

            until(
                "InspectionSimulated",
                "InspectionCameraLost",
                "InspectionCertificateEnds",
                doing=plant.blind,
            )
            plant.brokers[1].stop()
            until(
                "InspectionOverrun",
                "InspectionStale",
                "InspectionSlow",
                "InspectionErrors",
                doing=plant.flood,
            )
            until("InspectionTokenReused", doing=plant.reuse)
            until("InspectionWebErrors", doing=plant.fail)
            until("InspectionWebSlow", doing=plant.slow_web)
            until(
                "InspectionRejects",
                "InspectionOutputsFailed",
                "InspectionStationNotReady",
                "InspectionAlarm",
            )
            until("InspectionWorkerEnds", doing=plant.end_worker)
            until("InspectionBrokerAway", "InspectionResultsWait")
            empty = [title for title, query in panels() if not watchers.ask(query)]
            until("InspectionDiskLow", "InspectionPicturesDropped", doing=plant.fill)
            plant.brokers[1] = start_broker(plant.folder / "broker-1", plant.brokers[1].port)
            until("InspectionHung", doing=plant.hang)
            until("InspectionNodeRestarts", doing=plant.restart)
            plant.other.kill()
            plant.web.end()
            until("InspectionNodeDown", "InspectionWebDown")
        finally:
            plant.end()
    missing = [name for name in names if name not in seen]
    print(
        f"{len(names) - len(missing)} of {len(names)} alerts arrived"
        + (f"; missing: {', '.join(missing)}" if missing else "")
    )
    print(f"panels without a figure: {', '.join(empty) or 'none'}")
    return 1 if missing or empty else 0


def panels() -> list[tuple[str, str]]:
    """The dashboard's panels and expressions, over 20 s."""
    found = json.loads((ROOT / "deploy" / "grafana" / "inspection.json").read_text())["panels"]
    swaps = (("$__rate_interval", "20s"), ("$instance", ".*"), ("$station", ".*"), (":5m", ":5m"))
    answers = []
    for panel in found:
        for target in panel["targets"]:
            query = target["expr"]
            for old, new in swaps:
                query = query.replace(old, new)
            answers.append((f"{panel['title']} {target['legendFormat']}", query))
    return answers


if __name__ == "__main__":
    for program in ("prometheus", "prometheus-alertmanager", "mount"):
        if shutil.which(program) is None:
            sys.exit(
                f"{program} is not installed (Debian: apt install prometheus"
                " prometheus-alertmanager mount)"
            )
    if os.geteuid() != 0:
        os.execvp(
            "unshare", ["unshare", "-rm", sys.executable, "-m", "tests.alerts", *sys.argv[1:]]
        )
    sys.exit(main())
