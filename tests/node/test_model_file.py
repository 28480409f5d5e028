"""Model files from outside that say something other than what they hold: refused in little memory,
in the process that inspects."""

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from node.model_file import arrays_of, pack
from schemas import Problem
from tests.rooms.installation.processes import ROOT

pytestmark = pytest.mark.slow

SAID, HELD_MB = 60_000, 400


def bomb(name: str) -> bytes:
    """A member that claims 60,000 bytes, and whose stream gives 400 MB that are not an array."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(HELD_MB)) + deflate.flush()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, stream)
    data = bytearray(buffer.getvalue())
    # method, checksum, and size as it is said
    for at, shift in ((0, 8), (data.rfind(b"PK\1\2"), 10)):
        struct.pack_into("<H", data, at + shift, zipfile.ZIP_DEFLATED)
        struct.pack_into("<LLL", data, at + shift + 6, zlib.crc32(bytes(SAID)), len(stream), SAID)
    return bytes(data)


def test_a_member_that_says_a_false_size_is_not_inflated_beyond_it_by_any_tool_that_has_a_model(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bomb.npz"
    path.write_bytes(bomb("version.npy"))
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from node.model_file import unpack\n"
        "from node.tools.difference import _read\n"
        "from schemas import Problem\n"
        "data = Path(sys.argv[1]).read_bytes()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for read in (_read, lambda data: unpack(data, 'learned', {})):\n"
        " try:\n  read(data)\n"
        " except Problem as problem:\n  print(problem.code, len(problem.message) < 500)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    said = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    assert said[:-1] == ["MODEL_INVALID", "True"] * 2
    assert int(said[-1]) < HELD_MB // 4, "MB more"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_is_compressed_so_that_no_piece_of_it_has_a_bound_is_refused(
    method: int,
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        file = io.BytesIO()
        np.save(file, np.zeros(10))
        archive.writestr("bank.npy", file.getvalue())
    with pytest.raises(Problem, match=r"MODEL_INVALID.*another way"):
        arrays_of(buffer.getvalue(), 1 << 20)


def test_a_directory_of_a_million_members_is_refused_before_it_is_read() -> None:
    directory = (b"PK\1\2" + bytes(42)) * 100_000
    data = (
        directory + b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    )
    with pytest.raises(Problem, match=r"MODEL_INVALID.*directory"):
        arrays_of(data, 1 << 20)


def test_what_was_packed_is_read_as_it_was() -> None:
    given = {"bank": np.arange(12.0).reshape(3, 4), "names": np.array(["good", "bad"])}
    found = arrays_of(pack("learned", given), 1 << 20)
    assert str(found.pop("kind")) == "learned"
    assert found.keys() == given.keys()
    assert all(np.array_equal(found[name], given[name]) for name in given)
