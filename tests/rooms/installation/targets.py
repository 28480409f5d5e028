"""Real export targets on this machine: an OpenSSH server and an S3-compatible store."""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import psutil
from moto.server import ThreadedMotoServer

from tests.rooms.installation.processes import free_port

BUCKET = "inspection"
SECRET = "moto-takes-every-secret-of-32-bytes"


class SshServer:
    """OpenSSH on 127.0.0.1 that knows one key; it can be stopped and started again on its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.username = pwd.getpwuid(os.geteuid()).pw_name
        self.key = folder / "client"
        self.path = folder / "share"
        self.log = folder / "sshd.log"
        self.path.mkdir(parents=True)
        for name in ("host", "client"):
            words = [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "",
                "-f",
                str(folder / name),
            ]
            subprocess.run(words, check=True, timeout=20)
        shutil.copy(folder / "client.pub", folder / "authorized")
        self.host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        settings = {
            "ListenAddress": f"127.0.0.1:{self.port}",
            "HostKey": folder / "host",
            "AuthorizedKeysFile": folder / "authorized",
            "PasswordAuthentication": "no",
            "StrictModes": "no",
            "UsePAM": "no",
            "PidFile": "none",
            "PermitRootLogin": "prohibit-password",
            "Subsystem": "sftp internal-sftp",
            "LogLevel": "DEBUG1",
        }
        (folder / "config").write_text(
            "".join(f"{key} {value}\n" for key, value in settings.items())
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Take connections; returns once a connection would be taken."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        server = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
        assert server is not None, "install openssh-server"
        with self.log.open("ab") as log:
            words = [server, "-D", "-e", "-f", str(self.folder / "config")]
            self._process = subprocess.Popen(words, stderr=log)
        end = time.monotonic() + 20
        while (
            "Server listening"
            not in self.log.read_text(errors="replace").rpartition("started\n")[2]
        ):
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-800:]
            assert time.monotonic() < end
            time.sleep(0.02)

    def freeze(self) -> None:
        """Let every connection stand still, until it is ended."""
        assert self._process is not None
        for child in psutil.Process(self._process.pid).children(recursive=True):
            child.suspend()

    def stop(self) -> None:
        """End it and every connection; it can be called twice."""
        if self._process is not None:
            for child in psutil.Process(self._process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            self._process.kill()
            self._process.wait(10)
            self._process = None
            with self.log.open("a") as log:
                log.write("started\n")

    def settings(self, **more: Any) -> dict[str, Any]:
        """It as a target in the settings."""
        return {
            "kind": "sftp",
            "host": "127.0.0.1",
            "port": self.port,
            "username": self.username,
            "path": str(self.path),
            "host_key": self.host_key,
            "key_file": str(self.key),
            **more,
        }


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """A running one."""
    server = SshServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Store:
    """moto's S3 server with one empty bucket."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="somebody",
            aws_secret_access_key=SECRET,
        )
        self._client.create_bucket(Bucket=BUCKET)

    def settings(self, **more: Any) -> dict[str, Any]:
        """It as a target in the settings."""
        return {
            "kind": "s3",
            "endpoint": self.endpoint,
            "bucket": BUCKET,
            "prefix": "line3/",
            "access_key": "somebody",
            "secret_key": SECRET,
            **more,
        }

    def files(self) -> dict[str, bytes]:
        """What the bucket holds, as another client reads it."""
        found = self._client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {
            each["Key"]: self._client.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
            for each in found
        }


@contextmanager
def s3_store() -> Iterator[Store]:
    """A running one."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield Store(server.get_host_and_port()[1])
    finally:
        server.stop()


def files_below(folder: Path) -> dict[str, bytes]:
    """Name and content of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
