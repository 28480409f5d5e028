"""What is seen on a box: each story does one thing to it that happens in a plant, and returns what
was seen, or raises."""

import json
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2

from broker.client import Client, Consumer, Producer
from deploy.demo.state import CAMERA
from node.cameras import synthetic
from schemas.settings import BrokerSettings
from tests.rig.box import image
from tests.rig.box.machines import Box
from tests.rooms.installation.processes import ROOT
from tests.rooms.promise.promise import wait_for

READY = "http://127.0.0.1:5000/api/v1/health/ready"
UNITS = "inspection-node inspection-web"
NODE, STATION = "press-3", "cam1"
OPT, ETC = "/opt/inspection-node", "/etc/inspection-node"


def asking(box: Box, user: str) -> BrokerSettings:
    """The box's broker as one of its users."""
    password = box.run(
        f"cat {ETC}/credentials/{'web_broker_password' if user == 'web' else f'broker_{user}'}"
    ).stdout.strip()
    return BrokerSettings.model_validate(
        {
            "url": f"mqtt://127.0.0.1:{box.broker_port}",
            "username": user,
            "password": password,
            "allow_clear_text": True,
        }
    )


def answered(box: Box, limit_s: float = 60) -> dict[str, Any]:
    """One part, inspected: the result. It has to be drawn and judged, not only answered."""
    with Producer(asking(box, "plc"), NODE) as producer:
        result = producer.inspect(STATION, {"part_id": "box"}, timeout_s=limit_s * box.slow)
    assert result["verdict"] in ("OK", "NG"), result
    return result


def well(box: Box, limit_s: float = 180) -> float:
    """Seconds until node and web say that they are well."""
    began = time.monotonic()
    box.run(f"inspection-node healthy --wait {limit_s * box.slow:.0f}", limit_s=limit_s + 30)
    return time.monotonic() - began


def install(box: Box, bundle: Path | None, slow: float | None = None) -> str:
    """install.sh, from nothing to a station that is Ready; without a bundle everything comes from
    the registries. slow: of the machine that its disk is put into later."""
    if bundle is None:
        tree = BytesIO()
        with tarfile.open(fileobj=tree, mode="w") as packed:
            for name in image.PACKED:
                packed.add(
                    ROOT / name,
                    f"src/{name}",
                    filter=lambda each: None if "__pycache__" in each.name else each,
                )
        box.run("tar -x -C /root", given=tree.getvalue(), limit_s=120)
        script, update = "/root/src/deploy/install/install.sh", "apt-get update -qq && "
    else:
        box.put(bundle, "/root/bundle.tar.gz")
        box.run("tar -xz -C /root -f /root/bundle.tar.gz", limit_s=180)
        script, update = "/root/inspection-node/install/install.sh", ""
    began = time.monotonic()
    box.run(f"{update}{script} --node-id {NODE}", limit_s=900)
    installed = time.monotonic() - began
    program(box, slow or box.slow)
    well(box)
    ready = time.monotonic() - began
    score = box.run(
        "systemctl is-system-running; systemctl is-enabled inspection-node inspection-web mosquitto"
        " nginx",
        check=False,
    ).stdout.split()
    assert score[1:] == ["enabled"] * 4, score
    again = box.run(f"{script} --node-id {NODE}" if bundle else "true", limit_s=300).stdout
    assert "wrote" not in again, again
    assert "made" not in again, again
    answered(box)
    return (
        f"installed in {installed:.0f} s, Ready after {ready:.0f} s, a part judged; system"
        f" {score[0]}"
    )


def program(box: Box, slow: float) -> None:
    """The drawn parts' program, imported and made the active one, as an administrator does it;
    with a limit per part that a machine that is so slow can keep."""
    drawn = synthetic.program(CAMERA)
    drawn["limits_ms"] = min(round(drawn["limits_ms"] * slow**1.5), 60000)
    master = cv2.imencode(".png", synthetic.master(CAMERA))[1].tobytes()
    name = str(drawn.get("master") or "master.png")
    box.run("mkdir -p /root/program && cat > /root/program/" + name, given=master)
    box.run(
        "cat > /root/program/program.json", given=json.dumps({**drawn, "master": name}).encode()
    )
    box.run(
        "inspection-node program import /root/program/program.json && inspection-node program"
        f" activate {STATION} {drawn['id']}"
    )


def killed(box: Box) -> str:
    """kill -9 of each service; each comes back, and a part is judged."""
    told = []
    for service in ("inspection-node", "inspection-web", "mosquitto", "nginx"):
        before = main_pid(box, service)
        began = time.monotonic()
        # systemd itself ends what is left of a service, where the kernel lets it
        left = "" if box.ends_groups else f"$(ps -o pid= --ppid {before})"
        box.run(f"kill -9 {before} {left}")
        wait_for(
            lambda service=service, before=before: main_pid(box, service) not in ("0", "", before),
            60 * box.slow,
            f"{service} runs again",
        )  # type: ignore[misc]
        well(box)
        answered(box)
        told.append(f"{service} {time.monotonic() - began:.0f} s")
    return ", ".join(told)


def main_pid(box: Box, service: str) -> str:
    """The process of a service."""
    return box.run(f"systemctl show -p MainPID --value {service}").stdout.strip()


def nightly(box: Box) -> str:
    """The nightly backup by its unit, beside the line: it is whole, only root can read it, and an
    old one goes."""
    folder, old = "/var/backups/inspection-node", f"inspection-node-{NODE}-2020-01-01T000000000Z"
    timer = box.run("systemctl is-active inspection-backup.timer", check=False).stdout.strip()
    assert timer == "active", timer
    box.run(f"touch -d 2020-01-01 {folder}/{old}.tar.gz")
    with parts(box) as counted:
        began = time.monotonic()
        box.run("systemctl start inspection-backup", limit_s=300)
        took = time.monotonic() - began
    newest, *others = box.run(f"ls -t {folder}").stdout.split()
    assert f"{old}.tar.gz" not in (newest, *others), "it is older than 30 days"
    assert box.run(f"stat -c '%a %U' {folder}/{newest}").stdout.split() == ["600", "root"]
    files = json.loads(box.run(f"tar -xzOf {folder}/{newest} manifest.json").stdout)["files"]
    assert any(file["name"] == "state/ledger.db" for file in files), files
    return f"{len(files)} files in {took:.0f} s, one of 2020 is gone; {counted()}"


def watchdog(box: Box) -> str:
    """systemd ends a node that stands still and starts it again."""
    before = main_pid(box, "inspection-node")
    began = time.monotonic()
    box.run(f"kill -STOP {before}")
    wait_for(
        lambda: main_pid(box, "inspection-node") not in ("0", "", before),
        120 * box.slow,
        "the watchdog",
    )
    took = time.monotonic() - began
    assert (
        "watchdog"
        in box.run("journalctl -u inspection-node -o cat --no-pager | tail -40").stdout.lower()
    )
    well(box)
    answered(box)
    return f"started again after {took:.0f} s"


def start_limit(box: Box) -> str:
    """Five ends in two minutes: it stays down, its lines are made inactive, the web goes on and
    says why."""
    box.run("systemctl reset-failed inspection-node")

    def down() -> bool:
        if box.run("systemctl is-failed inspection-node", check=False).stdout.strip() == "failed":
            return True
        pid = main_pid(box, "inspection-node")
        if pid not in ("0", ""):
            box.run(f"kill -9 {pid}", check=False)
        return False

    wait_for(down, 110, "the start limit")
    told = box.run("journalctl -u inspection-node -o cat --no-pager | tail -30").stdout
    assert ": inactive" in told, told
    page = box.run(
        f"python3 -c 'import urllib.request as r; print(r.urlopen(\"{READY}\", timeout=10).status)'"
    ).stdout
    assert page.strip() == "200", page
    health = box.run("inspection-node healthy --wait 1", check=False).stdout.strip()
    assert "node" in health, health
    box.run("systemctl reset-failed inspection-node && systemctl start inspection-node")
    well(box)
    answered(box)
    return f"stays down ('{health[:60]}'), lines inactive, the web answers; by hand it works again"


def highest(box: Box) -> int:
    """The number of the newest result, as the node reports it."""
    with Client(asking(box, "operator"), NODE) as client:
        latest = client.retained("latest", STATION) or {}
    return int(latest.get("seq", 0))


class Heard:
    """What was sent to a box and heard of it while parts ran; called, it says so."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.heard: list[str] = []
        self.at_s: list[float] = []

    def gap_s(self, began_s: float, ended_s: float) -> float:
        """The longest time without a result between two moments (monotonic s), as somebody beside
        the line sees it; what goes on at its end counts whole."""
        at = [each for each in self.at_s if each > began_s]
        gaps = [later - each for each, later in pairwise([began_s, *at]) if each < ended_s]
        return max(gaps, default=ended_s - began_s)

    def __call__(self) -> str:
        return f"{len(self.sent)} parts, each judged and heard once"


@contextmanager
def parts(box: Box) -> Iterator[Heard]:
    """Sends parts, five per second, while the block runs; afterwards each of them has one result,
    which was heard once."""
    seen = Heard()
    stop = threading.Event()
    plc, operator = asking(box, "plc"), asking(box, "operator")
    with Producer(plc, NODE) as producer, Consumer(operator, NODE) as consumer:

        def line() -> None:
            while not stop.wait(0.2 * box.slow):
                seen.sent.append(f"p-{time.time_ns()}")
                producer.submit(STATION, {"trigger_id": seen.sent[-1]})

        def lamp() -> None:
            for result in consumer:
                seen.at_s.append(time.monotonic())
                seen.heard.append(result["trigger_id"])

        threads = [threading.Thread(target=each, daemon=True) for each in (line, lamp)]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(seen.heard) >= 5, 60 * box.slow, "the first parts")
        try:
            yield seen
        finally:
            stop.set()
            threads[0].join(10)
        wait_for(lambda: producer.under_way == 0, 120 * box.slow, "that all is accepted")
        wait_for(lambda: set(seen.sent) <= set(seen.heard), 120 * box.slow, "that all is heard")
    twice = len([each for each in seen.heard if each in set(seen.sent)]) - len(set(seen.sent))
    assert twice == 0, f"{twice} results were heard twice"
