"""What is seen of a backup that is restored on another box: every row and every file of it."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.rig.box import image
from tests.rig.box.machines import Box
from tests.rig.box.stories import OPT, UNITS, answered, highest, well

# On the box: each file of the manifest with its hash, and each table of each database with how many
# rows it has and their hash; but the audit row by row, and sessions without their end.
SEEN = """
import hashlib, json, sqlite3, sys, tarfile
def sha(data): return hashlib.sha256(data).hexdigest()
with tarfile.open(sys.argv[1]) as packed:
    files = json.load(packed.extractfile("manifest.json"))["files"]
found = {}
for name in sorted(each["name"] for each in files):
    path = name.replace("state/", "/var/lib/inspection-node/", 1)
    if not path.startswith("/var/lib/"):
        continue
    if not name.endswith(".db"):
        found[name] = sha(open(path, "rb").read())
        continue
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1"):
        rows = db.execute(f'SELECT * FROM "{table}"').fetchall()
        if table == "sessions":  # the last columns are when it was ended, and by what
            found["open"] = sum(row[-2] is None for row in rows)
            rows = [row[:-2] for row in rows]
        rows = list(map(repr, rows))
        if table == "audit":
            found["audit"] = rows
            continue
        rows.sort()
        found[f"{name}:{table}"] = f"{len(rows)} {sha(chr(10).join(rows).encode())}"
print(json.dumps(found))
"""


# The ledger's stamp is made anew, so that nobody takes one ledger for the other; the audit's last
# number counts the restore, too.
OTHER = {"state/ledger.stamp", "state/accounts.db:sqlite_sequence"}


def restore(box: Box, another: Callable[[], Box]) -> str:
    """What the first box has is restored on a second one, after its end: the same rows and files,
    and it goes on with the next number."""
    answered(box)
    before = highest(box)
    box.run(f"systemctl stop {UNITS}", limit_s=180)
    box.run("rm -f /root/*.tar.gz; inspection-node backup /root", limit_s=180)
    saved = box.run("ls /root/inspection-node-*.tar.gz").stdout.strip()
    theirs = _seen(box, saved)
    packed = image.shell(*box._ssh(f"base64 {saved}"), limit_s=300 * box.slow)
    box.cut()
    other = another()
    other.run("base64 -d > /root/saved.tar.gz", given=packed.encode(), limit_s=300)
    began = time.monotonic()
    other.run(f"systemctl stop {UNITS} && inspection-node restore /root/saved.tar.gz", limit_s=300)
    restored = time.monotonic() - began
    ours = _seen(other, "/root/saved.tar.gz")
    theirs.pop("open")
    assert ours.pop("open") == 0, "a session that may have been stolen is open again"
    audit = _audited(theirs.pop("audit"), ours.pop("audit"))
    differing = {name for name in theirs | ours if theirs.get(name) != ours.get(name)}
    assert differing <= OTHER, sorted(differing - OTHER)
    other.run(f"systemctl start {UNITS}", limit_s=300)
    well(other)
    took = time.monotonic() - began
    result = answered(other)
    assert result["seq"] == before + 1, (result["seq"], before)
    tables = {name: int(told.split()[0]) for name, told in ours.items() if ":" in name}
    return (
        f"{sum(tables.values()) + audit} rows of {len(tables) + 1} tables and"
        f" {len(ours) - len(tables)} files"
        f" are the same; restored in {restored:.0f} s, well after {took:.0f} s, the next result is"
        f" number {before + 1}"
    )


def _audited(theirs: list[str], ours: list[str]) -> int:
    """How many rows of the audit came back, in their order; one more tells of the restore."""
    assert "state.restore" in ours[-1], ours[-1]
    assert ours[:-1] == theirs
    return len(theirs)


def _seen(box: Box, saved: str) -> dict[str, Any]:
    told = box.run(f"{OPT}/current/bin/python -P - {saved}", given=SEEN.encode(), limit_s=300)
    return dict(json.loads(told.stdout))
