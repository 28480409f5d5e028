"""The plant's certificates: a client with one is let in, a client with another plant's is not, and
nothing is overwritten."""

import os
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from tests.rooms.installation.processes import ROOT

SCRIPT = ROOT / "deploy" / "install" / "certs.sh"
pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None and not os.environ.get("CI"),
    reason="openssl is not installed; .ci/run installs it",
)


def certs(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), "--dir", str(folder), *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plant") / "pki"
    for words in (
        ["ca", "Test plant"],
        ["server", "broker", "localhost", "127.0.0.1"],
        ["client", "plc-1"],
    ):
        done = certs(folder, *words)
        assert done.returncode == 0, done.stderr
    return folder


def shake(server: Path, client: Path | None, name: str, authority: Path) -> str:
    """The common name with which a client gets in at a server that demands a certificate. Raises
    ssl.SSLError."""
    inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inside.load_cert_chain(server.with_suffix(".crt"), server.with_suffix(".key"))
    inside.load_verify_locations(authority)
    inside.verify_mode = ssl.CERT_REQUIRED
    outside = ssl.create_default_context(cafile=str(authority))
    if client is not None:
        outside.load_cert_chain(client.with_suffix(".crt"), client.with_suffix(".key"))
    found: list[str] = []
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with ours, inside.wrap_socket(ours, server_side=True) as secured:
                subject = secured.getpeercert()["subject"]  # type: ignore[index]
                found.append(dict(pair for group in subject for pair in group)["commonName"])  # type: ignore[misc]
                secured.sendall(b"in")
        except OSError:
            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with theirs, outside.wrap_socket(theirs, server_hostname=name) as secured:
            if secured.recv(2) != b"in":
                raise ssl.SSLError("turned away")
    finally:
        thread.join(10)
    return found[0]


def test_a_client_of_the_plant_is_let_in_under_its_name(plant: Path) -> None:
    assert shake(plant / "broker", plant / "plc-1", "localhost", plant / "ca.crt") == "plc-1"
    assert shake(plant / "broker", plant / "plc-1", "127.0.0.1", plant / "ca.crt") == "plc-1"


def test_no_certificate_another_name_another_plant_and_another_use_are_refused(
    plant: Path, tmp_path: Path
) -> None:
    with pytest.raises(ssl.SSLError):
        shake(plant / "broker", None, "localhost", plant / "ca.crt")
    with pytest.raises(ssl.SSLError, match="mismatch"):
        shake(plant / "broker", plant / "plc-1", "elsewhere", plant / "ca.crt")
    with pytest.raises(ssl.SSLError):
        # a client's certificate cannot be a server's
        shake(plant / "plc-1", plant / "plc-1", "plc-1", plant / "ca.crt")
    certs(tmp_path, "ca")
    certs(tmp_path, "client", "plc-1")
    with pytest.raises(ssl.SSLError):
        shake(plant / "broker", tmp_path / "plc-1", "localhost", plant / "ca.crt")


def test_keys_are_private_and_nothing_that_exists_is_overwritten(plant: Path) -> None:
    before = {path.name: path.read_bytes() for path in plant.iterdir()}
    for words in (["ca"], ["server", "broker", "localhost"], ["client", "plc-1"]):
        done = certs(plant, *words)
        assert done.returncode == 1
        assert "exists" in done.stderr
    assert {path.name: path.read_bytes() for path in plant.iterdir()} == before
    assert {
        path.name: oct(path.stat().st_mode & 0o777)
        for path in plant.iterdir()
        if path.suffix == ".key"
    } == dict.fromkeys(("ca.key", "broker.key", "plc-1.key"), "0o600")


def test_a_renewed_certificate_has_the_same_names_and_another_key(plant: Path) -> None:
    old = (plant / "broker.key").read_bytes()
    assert certs(plant, "renew", "broker").returncode == 0
    assert (plant / "broker.key").read_bytes() != old == (plant / "broker.key.old").read_bytes()
    assert shake(plant / "broker", plant / "plc-1", "127.0.0.1", plant / "ca.crt") == "plc-1"


def test_what_is_about_to_expire_is_told(plant: Path, tmp_path: Path) -> None:
    assert certs(plant, "list").returncode == 0
    shutil.copytree(plant, tmp_path / "pki")
    script = tmp_path / "certs.sh"
    script.write_text(SCRIPT.read_text().replace(" days=397", " days=29"))
    script.chmod(0o700)
    subprocess.run(
        [str(script), "--dir", str(tmp_path / "pki"), "client", "short"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    done = certs(tmp_path / "pki", "list")
    assert done.returncode == 1
    assert "certs.sh renew" in done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("short")] in (
        [["short", "28"]],
        [["short", "29"]],
    )


@pytest.mark.parametrize(
    "words", [["client", "../x"], ["client", "ca"], ["server", "web", "a b"], ["client", ""]]
)
def test_names_that_are_none_are_refused(plant: Path, words: list[str]) -> None:
    before = sorted(path.name for path in plant.iterdir())
    assert certs(plant, *words).returncode == 1
    assert sorted(path.name for path in plant.iterdir()) == before
