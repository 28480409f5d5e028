"""Pictures from people, decoded in a child: as the decoder itself would, and whatever ends the
child refuses only one picture."""

import io
import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from node.pictures import sandbox
from node.pictures.decode import decode
from node.pictures.sandbox import Decoder
from schemas import Problem
from tests.rooms.installation.processes import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    made = Decoder()
    yield made
    made.close()


def its_child(decoder: Decoder) -> psutil.Process:
    """The child of this decoder, whatever other tests in this process have left."""
    assert decoder._child is not None
    return psutil.Process(decoder._child.pid)


def picture(kind: str, pixels: np.ndarray) -> bytes:
    return cv2.imencode(kind, pixels)[1].tobytes()


@pytest.mark.parametrize("kind", [".png", ".jpg", ".webp", ".bmp"])
def test_the_child_gives_the_same_pixels(decoder: Decoder, kind: str) -> None:
    drawn = np.random.default_rng(7).integers(0, 255, (48, 64, 3), np.uint8)
    data = picture(kind, drawn)
    assert np.array_equal(decoder.decode(data), decode(data))
    gray = picture(".png", drawn[:, :, 0])
    assert decoder.decode(gray).shape == (48, 64)


def test_what_is_no_picture_is_refused_and_the_child_goes_on(decoder: Decoder) -> None:
    good = picture(".png", np.zeros((32, 32, 3), np.uint8))
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d))
        for k, d in ((b"IHDR", head), (b"IEND", b""))
    )
    for data in (b"", b"GIF89a", good[:-30], bomb, b"<svg/>"):
        with pytest.raises(Problem, match="IMAGE_INVALID"):
            decoder.decode(data)
        assert decoder.decode(good).shape == (32, 32, 3)


def test_a_child_that_dies_or_hangs_refuses_the_picture_and_a_new_one_decodes_the_next(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = picture(".png", np.zeros((32, 32, 3), np.uint8))
    decoder.decode(good)
    child = its_child(decoder)
    os.kill(child.pid, signal.SIGSTOP)  # it hangs
    monkeypatch.setattr(sandbox, "LIMIT_S", 0.2)
    with pytest.raises(Problem, match="too long"):
        decoder.decode(good)
    monkeypatch.undo()
    assert decoder.decode(good).shape == (32, 32, 3)
    assert not child.is_running()


def test_a_child_that_says_what_is_no_answer_is_replaced(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = picture(".png", np.zeros((32, 48, 3), np.uint8))
    other = picture(".png", np.zeros((64, 32, 3), np.uint8))
    plain = sandbox._answer
    monkeypatch.setattr(
        sandbox, "_answer", lambda stdout: plain(io.BytesIO(b"libpng warning: something\n"))
    )
    with pytest.raises(Problem, match="IMAGE_INVALID"):
        decoder.decode(good)
    monkeypatch.undo()
    assert decoder.decode(other).shape == (64, 32, 3)


def test_the_child_has_no_secrets_no_network_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cv2.py").write_text("raise SystemExit('taken from the working folder')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INSPECTION_BROKER__PASSWORD", "a-secret-of-the-node")
    with closing(Decoder()) as made:
        made.decode(picture(".png", np.zeros((32, 32, 3), np.uint8)))
        child = its_child(made)
        environ = Path(f"/proc/{child.pid}/environ").read_bytes()
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{child.pid}/status").read_text().splitlines()
        )
        assert child.cwd() == "/"
    assert b"a-secret-of-the-node" not in environ
    assert b"INSPECTION" not in environ
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


@pytest.mark.parametrize(
    "step",
    [
        "import socket; socket.socket()",
        "import os; os.fork()",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.kill(os.getppid(), 0)",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.unlink(ours)",
        "import os; os.rename(ours, ours + '.gone')",
        "import os; os.truncate(ours, 0)",
        "import os; os.ftruncate(held, 0)",
        "import os; os.chmod(ours, 0o666)",
        "import os; os.utime(ours)",
        "import os; os.link(ours, ours + '.too')",
        "import os; os.symlink('/etc/passwd', ours + '.link')",
        "import os; os.mkdir(ours + '.folder')",
        "import os, signal; signal.pidfd_send_signal(process, 0)",
        "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
        "import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    ],
)
def test_what_a_confined_process_may_not_do(step: str, tmp_path: Path) -> None:
    ours = tmp_path / "ledger.db"
    ours.write_text("what the node has stored")
    script = (
        "import os, sys\nfrom node.pictures.confine import confine\n"
        "ours, held = sys.argv[1], os.open(sys.argv[1], os.O_RDWR)\n"
        "process = os.pidfd_open(os.getppid())\nassert confine()\ntry:\n"
        f" {step}\nexcept PermissionError:\n print('refused')"
    )
    command = [sys.executable, "-c", script, str(ours)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr) == ("refused\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]
    assert ours.read_text() == "what the node has stored"


def test_a_confined_process_still_has_threads() -> None:
    script = (
        "from node.pictures.confine import confine\nconfine()\nimport threading\n"
        "t = threading.Thread(target=print, args=('there',)); t.start(); t.join()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == "there\n"
