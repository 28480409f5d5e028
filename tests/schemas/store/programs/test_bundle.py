"""Archives from outside that say something other than what they hold: refused in little memory."""

import io
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest

from schemas import Problem
from schemas.store.programs.bundle import unpack
from tests.rooms.installation.processes import ROOT

pytestmark = pytest.mark.slow

SAID = 60_000


def bomb(folder: Path, crc: int) -> Path:
    """An entry whose header claims 60,000 bytes, and whose stream gives 1 GiB."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    stream = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(1024)) + deflate.flush()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("program.json", stream)
    data = bytearray(buffer.getvalue())
    directory = data.rfind(b"PK\1\2")
    for at, shift in ((0, 8), (directory, 10)):  # method, crc, and size as it is said
        struct.pack_into("<H", data, at + shift, zipfile.ZIP_DEFLATED)
        struct.pack_into("<LLL", data, at + shift + 6, crc, len(stream), SAID)
    path = folder / "bomb.zip"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("crc", [0, zlib.crc32(bytes(SAID))])
def test_a_bomb_with_a_false_size_is_inflated_in_pieces(tmp_path: Path, crc: int) -> None:
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from schemas import Problem\n"
        "from schemas.store.programs.bundle import unpack\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n unpack(Path(sys.argv[1]).read_bytes())\n"
        "except Problem as problem:\n print(problem.code)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(bomb(tmp_path, crc))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout.split()
    assert int(said[-1]) < 64, "MB more"


@pytest.mark.parametrize(
    "names", [("m.npz", "./m.npz"), ("a/m.npz", "a//m.npz"), ("m.npz", "m.npz")]
)
def test_two_names_of_one_file_are_refused(names: tuple[str, str]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own, of the same name
        for name in ("program.json", *names):
            archive.writestr(name, name.encode())
    with pytest.raises(Problem, match=r"PROGRAM_INVALID.*(one file|twice)"):
        unpack(buffer.getvalue())


def test_a_directory_of_a_million_entries_is_refused_before_it_is_read() -> None:
    entry = b"PK\1\2" + bytes(42)
    directory = entry * 400_000
    data = (
        directory + b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 0xFFFF, 0xFFFF, len(directory), 0, 0)
    )
    with pytest.raises(Problem, match="directory") as caught:
        unpack(data)
    assert caught.value.code == "PROGRAM_INVALID"


def test_an_entry_that_is_shorter_than_it_says_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("program.json", b"{}" * 500)
    data = bytearray(buffer.getvalue())
    for at, shift in ((0, 22), (data.rfind(b"PK\1\2"), 24)):
        struct.pack_into("<L", data, at + shift, 2000)
    with pytest.raises(Problem) as caught:
        unpack(bytes(data))
    assert caught.value.code == "PROGRAM_INVALID"
