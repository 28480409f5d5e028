"""Whether 100,000 results in the ledger change how long the next one takes."""

import random
import sqlite3
import time
from pathlib import Path

from schemas import new_id
from schemas.store.ledger import Ledger
from tests.bench.figures import Figure, ratio, share
from tests.bench.latency import in_turns
from tests.bench.plc import Plc
from tests.bench.site import SMALL, Site

RESULTS = 100_000
BYTES = 1470  # of a result with five tools


def measure(site: Site, rounds: int) -> list[Figure]:
    """p50 of a node with a full ledger over that of a node with an empty one."""
    full_node, empty_node = site.prepare("node-full", SMALL), site.prepare("node-empty", SMALL)
    fill(full_node.ledger)
    with (
        site.started(full_node, "node-full") as full,
        site.started(empty_node, "node-empty") as empty,
        Plc(site.broker.port) as plc,
    ):
        samples = in_turns(plc, site, (full, empty), rounds, 300)
    pairs = [(share(ours, 0.5), share(theirs, 0.5)) for ours, theirs in samples]
    name = f"latency 640x480 p50, {RESULTS:,} results in the ledger / none"
    figure = ratio(name, pairs, "ms", "0.95 to 1.05", lambda value: value <= 1.05)
    figure.detail["ledger"] = f"{full_node.ledger.stat().st_size / 1e6:.0f} MB"
    return [figure]


def fill(path: Path) -> None:
    """A ledger with old results, each confirmed, over the last day."""
    ledger = Ledger(path)
    boot = ledger.boot
    ledger.close()
    db = sqlite3.connect(path, isolation_level=None)
    dice = random.Random(1)
    began = time.time() - 86400
    payload = b"{" + b" " * (BYTES - 2) + b"}"
    db.execute("BEGIN")
    for number in range(1, RESULTS + 1):
        at = began + 86000 * number / RESULTS
        trigger_id = f"old-{dice.getrandbits(96):x}"
        db.execute(
            "INSERT INTO triggers VALUES (?, 'cam1', ?, ?, '{}', 0, 'mqtt', ?, 0, ?)",
            (number, trigger_id, dice.randbytes(16), at, boot),
        )
        db.execute(
            "INSERT INTO results VALUES (?, ?, 'cam1', ?, ?, NULL, 'synthetic-part', 1, NULL, ?,"
            " 5.0, 0, ?)",
            (number, new_id(), number, "NG" if number % 4 == 0 else "OK", at, payload),
        )
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
