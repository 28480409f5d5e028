"""What keeping costs the line: a backup of 100,000 results made meanwhile, and pictures copied to a
share; and how long that backup and its restore take."""

import subprocess
import sys
import time
from pathlib import Path

import cv2

from node.cameras import synthetic
from schemas import as_program
from schemas.store.programs import Programs
from tests.bench.figures import Figure, ratio, share
from tests.bench.history import RESULTS, fill
from tests.bench.latency import in_turns
from tests.bench.plc import Plc
from tests.bench.site import SMALL, Site, camera_of
from tests.rooms.installation.processes import ROOT, NodeProcess

PARTS = 400
BLOCK = 50
RESTORE_S = 60


def measure(site: Site, rounds: int) -> list[Figure]:
    """p99 with a backup under way over p99 without; seconds of backup and restore."""
    node = site.prepare("node-backup", SMALL)
    fill(node.ledger)
    kept = site.folder / "kept"
    kept.mkdir()
    pairs, took = [], []
    with site.started(node, "node-backup"), Plc(site.broker.port) as plc:
        plc.one_by_one("node-backup", site.truth, 150)
        for _ in range(rounds):
            without = plc.one_by_one("node-backup", site.truth, PARTS).times_ms
            meanwhile: list[float] = []
            while len(meanwhile) < PARTS:
                began = time.monotonic()
                process = _command(node, "backup", str(kept))
                while process.poll() is None:
                    meanwhile += plc.one_by_one("node-backup", site.truth, BLOCK).times_ms
                assert process.returncode == 0
                took.append(time.monotonic() - began)
            pairs.append((share(meanwhile, 0.99), share(without, 0.99)))
    name = f"latency 640x480 p99, a backup of {RESULTS:,} results meanwhile / none"
    moved = ratio(name, pairs, "ms", "<= 1.2", lambda value: value <= 1.2)
    newest = max(kept.iterdir(), key=lambda path: path.stat().st_mtime)
    began = time.monotonic()
    assert _command(node, "restore", str(newest)).wait(600) == 0
    restored = time.monotonic() - began
    detail: dict[str, float | str] = {"backup s": round(min(took), 1), "MB": _mb(newest)}
    return [
        moved,
        Figure(
            f"restore of {RESULTS:,} results",
            round(restored, 1),
            "s",
            f"<= {RESTORE_S}",
            restored <= RESTORE_S,
            detail,
        ),
    ]


def exports(site: Site, rounds: int) -> list[Figure]:
    """p50 and p99 of a node that copies every picture to a folder over one that only keeps them."""
    share_folder = site.folder / "share"
    share_folder.mkdir()
    target = {"kind": "folder", "path": str(share_folder), "mounted": False}
    ours = site.prepare("node-exports", SMALL, exports={"pictures": {"target": target}})
    plain = site.prepare("node-keeps", SMALL)
    for node in (ours, plain):
        _keep_all(node)
    with (
        site.started(ours, "node-exports") as one,
        site.started(plain, "node-keeps") as other,
        Plc(site.broker.port) as plc,
    ):
        samples = in_turns(plc, site, (one, other), rounds, PARTS)
    arrived = sum(1 for _ in share_folder.rglob("*.jpg"))
    assert arrived > rounds * PARTS / 2
    figures = []
    for part, limit in ((0.5, 1.05), (0.99, 1.2)):
        pairs = [(share(a, part), share(b, part)) for a, b in samples]
        name = f"latency 640x480 p{part * 100:.0f}, every picture copied to a folder / kept only"
        found = ratio(name, pairs, "ms", f"<= {limit}", lambda v, limit=limit: v <= limit)  # type: ignore[misc]
        found.detail["arrived"] = arrived
        figures.append(found)
    return figures


def _command(node: NodeProcess, *words: str) -> "subprocess.Popen[bytes]":
    """A command, as unobtrusive as its unit makes it (CPUSchedulingPolicy=idle)."""
    return subprocess.Popen(
        [
            "chrt",
            "-i",
            "0",
            sys.executable,
            "-m",
            "deploy.cli.command",
            *words,
            "--config",
            node.config,
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )


def _keep_all(node: NodeProcess) -> None:
    settings = camera_of(SMALL)
    document = synthetic.program(settings) | {"keep": {"ng": True, "ok_every": 1}}
    master = cv2.imencode(".png", synthetic.master(settings))[1].tobytes()
    Programs(node.state / "programs").save(as_program(document), master, by="bench")


def _mb(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 1)
