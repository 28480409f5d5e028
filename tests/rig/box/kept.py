"""What a box has on its disk after its power was cut: versions as their wheels brought them, and a
ledger with one result for each part."""

import csv
import json
import tarfile
import zipfile
from collections import Counter
from io import BytesIO, TextIOWrapper
from pathlib import Path

from tests.rig.box.machines import Box

OPT = "/opt/inspection-node"
LEDGER = "/var/lib/inspection-node/ledger.db"

# On the box: each file that a version has to have, against the hash that its wheel names.
WHOLE = """
import base64, hashlib, json, pathlib, sys
[place] = pathlib.Path(sys.argv[1]).glob("lib/python3.*/site-packages")
for name, told in json.load(open("/root/wheels.json")).items():
    kind, _, wanted = told.partition("=")
    path = place / name
    data = path.read_bytes() if path.is_file() else None
    seen = data is not None and base64.urlsafe_b64encode(hashlib.new(kind, data).digest())
    if not seen or seen.decode().rstrip("=") != wanted:
        size = "not there" if data is None else f"{len(data)} bytes"
        sys.exit(f"{path} is not what its wheel has: {size}")
"""

# On the box: the parts since the first of these that have a result, and what is wrong with the
# ledger.
RESULTS = f"""
import json, sqlite3, sys
db = sqlite3.connect("file:{LEDGER}?mode=ro", uri=True, timeout=30)
[told] = db.execute("PRAGMA quick_check(1)").fetchone()
found = db.execute("SELECT trigger_id FROM triggers JOIN results USING (id)"
    " WHERE trigger_id GLOB 'p-*' AND trigger_id >= ?", (sys.argv[1],)).fetchall()
print(json.dumps([told, [each for (each,) in found]]))
"""


def whole(box: Box, version: str, bundle: Path) -> int:
    """How many files a version has, each as the wheels of that bundle bring it. Raises RuntimeError
    naming one that is not."""
    wanted = _hashes(bundle)
    box.run("cat > /root/wheels.json", given=json.dumps(wanted).encode())
    box.run(f"python3 - {OPT}/versions/{version}", given=WHOLE.encode(), limit_s=300)
    return len(wanted)


def _hashes(bundle: Path) -> dict[str, str]:
    """Files below site-packages by the hash that their wheel's RECORD has, such as `sha256=...`;
    without our own metadata, in which the version's number is."""
    found: dict[str, str] = {}
    with tarfile.open(bundle) as packed:
        for member in packed:
            if not member.name.endswith(".whl"):
                continue
            data = packed.extractfile(member)
            assert data is not None
            with zipfile.ZipFile(BytesIO(data.read())) as wheel:
                [record] = [n for n in wheel.namelist() if n.endswith(".dist-info/RECORD")]
                with TextIOWrapper(wheel.open(record), "utf-8", newline="") as rows:
                    for name, told, _ in csv.reader(rows):
                        top = name.split("/")[0]
                        ours = top.startswith("inspection_node-")
                        if told and not ours and not top.endswith(".data"):
                            found[name] = told
    assert len(found) > 1000, len(found)
    return found


def one_result_each(box: Box, sent: list[str]) -> None:
    """The ledger is sound, and has exactly one result for each part. Raises AssertionError."""
    told, found = json.loads(
        box.run(f"python3 - {min(sent)}", given=RESULTS.encode(), limit_s=300).stdout
    )
    assert told == "ok", told
    assert Counter(found) == Counter(sent), (set(sent) - set(found), len(found), len(sent))
