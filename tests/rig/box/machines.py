"""Two kinds of box: a container with a systemd of its own at the speed of this machine, and an
emulated one with its kernel."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.rig.box import image
from tests.rooms.installation.processes import free_port
from tests.rooms.promise.promise import wait_for


class Box:
    """A box that is reached by ssh, and whose broker is reached through it.

    slow: by what every limit is multiplied. ends_groups: whether systemd can end everything that is
    left of a service.
    """

    slow = 1.0
    power_cut = "kill -9"
    leader = 0
    ends_groups = True

    def __init__(self, folder: Path, name: str, *, offline: bool) -> None:
        self.folder, self.name, self.offline = folder, name, offline
        self.ssh_port, self.broker_port = free_port(), free_port()
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Switch it on; returns when it lets us in."""
        self._switch_on()
        wait_for(
            lambda: self.run("true", check=False, limit_s=20).returncode == 0,
            200 * self.slow,
            f"{self.name} lets nobody in",
        )
        self._open_way()

    def cut(self) -> None:
        """Cut the power: nothing inside gets any notice."""
        if self.leader:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.leader, signal.SIGKILL)  # and everything that it has started
            self.leader = 0
        for process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(20)
        self.processes.clear()

    def run(
        self, script: str, *, check: bool = True, limit_s: float = 120, given: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of the shell as root. Raises RuntimeError with its last words if it fails
        and `check`."""
        done = subprocess.run(
            self._ssh(script),
            check=False,
            capture_output=True,
            input=given,
            timeout=limit_s * self.slow,
        )
        text = subprocess.CompletedProcess(
            script, done.returncode, done.stdout.decode(), done.stderr.decode()
        )
        if check and done.returncode != 0:
            raise RuntimeError(
                f"{self.name}: {script[:120]!r} ended with {done.returncode}:"
                f" {(text.stderr + text.stdout)[-900:]}"
            )
        return text

    def last_words(self) -> str:
        """The end of its journal, for people looking for a fault."""
        try:
            return self.run(
                "journalctl -b -o short-monotonic --no-pager -n 30; for each in inspection-node"
                " inspection-web; do journalctl -b -o cat --no-pager -n 30 -u $each; done",
                check=False,
                limit_s=20,
            ).stdout
        except subprocess.TimeoutExpired:
            return f"{self.name} does not answer"

    def put(self, file: Path, target: str) -> None:
        """Copy a file to the box."""
        self.run(f"cat > {target}", given=file.read_bytes(), limit_s=300)

    def boot_id(self) -> str:
        """Which boot of the box this is; empty while it lets nobody in."""
        return self.run(
            "cat /proc/sys/kernel/random/boot_id; systemctl show -p UserspaceTimestampMonotonic",
            check=False,
            limit_s=20,
        ).stdout

    def _ssh(self, script: str | None = None, *options: str) -> list[str]:
        known = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            f"ConnectTimeout={10 * self.slow:.0f}",
            "LogLevel=ERROR",
        ]
        given = [word for option in known for word in ("-o", option)]
        words = [
            "ssh",
            "-i",
            str(image.key()),
            *given,
            "-p",
            str(self.ssh_port),
            *options,
            "root@127.0.0.1",
        ]
        return [*words, script] if script is not None else words

    def _open_way(self) -> None:
        """The box's broker, which listens only inside the box, as a port of this machine."""
        words = ["-N", "-o", "ExitOnForwardFailure=yes", "-o", "ServerAliveInterval=2"]
        self._spawn(self._ssh(None, *words, "-L", f"{self.broker_port}:127.0.0.1:1883"))

    def _spawn(self, words: list[str], **environ: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{self.name}-{Path(words[0]).name}.log").open("ab") as log:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **environ},
            )
        self.processes.append(process)
        return process

    def _switch_on(self) -> None:
        raise NotImplementedError


class Container(Box):
    """systemd-nspawn: systemd is process 1, the kernel is the host's. Its network is slirp4netns,
    without which it has none."""

    power_cut = "kill -9 of every process of the container"
    # the host lends it cgroups that cannot be killed: nginx leaves its workers behind, and they
    # hold the port
    ends_groups = False

    def __init__(self, folder: Path, name: str, *, offline: bool) -> None:
        super().__init__(folder, name, offline=offline)
        self.root = folder / name
        image.shell("cp", "-a", image.root(packaged=offline), self.root, limit_s=900)

    def _switch_on(self) -> None:
        nspawn = self._spawn(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", f"--directory={self.root}",  # noqa: E501
             "--private-network", "--console=pipe", "--kill-signal=SIGRTMIN+3"],
            SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1",
        )  # fmt: skip
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")

        def booted() -> str:
            for pid in children.read_text().split():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                        return pid
            return ""

        leader = wait_for(booted, 60, "systemd in the container")
        self.leader = int(leader)
        sock = self.folder / f"{self.name}.sock"
        sock.unlink(missing_ok=True)
        network = ["--disable-dns"] if self.offline else []
        self._spawn(
            [
                "slirp4netns",
                "--configure",
                "--mtu=65520",
                "--disable-host-loopback",
                f"--api-socket={sock}",
                *network,
                leader,
                "host0",
            ]
        )
        wait_for(lambda: self._forwarded(sock), 20, "the network of the container")

    def _forwarded(self, sock: Path) -> bool:
        wanted = {
            "proto": "tcp",
            "host_addr": "127.0.0.1",
            "host_port": self.ssh_port,
            "guest_addr": "10.0.2.100",
            "guest_port": 22,
        }
        with socket.socket(socket.AF_UNIX) as asking, contextlib.suppress(OSError):
            asking.connect(str(sock))
            asking.sendall(json.dumps({"execute": "add_hostfwd", "arguments": wanted}).encode())
            asking.shutdown(socket.SHUT_WR)
            return "return" in json.loads(asking.recv(4096))
        return False

    def restart(self) -> None:
        """`systemctl reboot`; a container ends with it, and is switched on again."""
        self.run("systemctl reboot", check=False)
        self.processes[0].wait(120)
        self.leader = 0
        self.cut()
        self.start()


class Emulated(Box):
    """qemu: its own kernel, its own disk. Without /dev/kvm that this processor can use, every
    instruction is translated."""

    power_cut = "kill -9 of qemu"

    def __init__(self, folder: Path, name: str, *, offline: bool, disk: Path | None = None) -> None:
        super().__init__(folder, name, offline=offline)
        self.disk = folder / f"{name}.qcow2"
        below = disk or image.disk()
        image.shell("qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", "raw", self.disk)
        for part in ("vmlinuz", "initrd.img"):
            shutil.copy(image.boot(part), folder / part)
        self.slow = slowness()

    def _switch_on(self) -> None:
        given = f"user,id=n,hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22" + (
            ",restrict=on" if self.offline else ""
        )
        # without AVX: numpy's sort by AVX2 ends with SIGSEGV where qemu 7.2 translates it
        processor = ["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "Westmere"]
        if kvm():
            processor = ["-accel", "kvm", "-cpu", "host"]
        self._spawn(
            ["qemu-system-x86_64", *processor,
             "-m", "3000", "-smp", "2", "-display", "none", "-monitor", "none",
             "-serial", f"file:{self.folder / self.name}.console", "-kernel", str(self.folder / "vmlinuz"),  # noqa: E501
             "-initrd", str(self.folder / "initrd.img"), "-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1",  # noqa: E501
             "-drive", f"file={self.disk},if=virtio,format=qcow2", "-netdev", given, "-device", "virtio-net-pci,netdev=n",  # noqa: E501
             "-device", "virtio-rng-pci"]
        )  # fmt: skip

    def restart(self) -> None:
        """`systemctl reboot`."""
        before = self.boot_id()
        self.run("systemctl reboot", check=False)
        wait_for(
            lambda: self.boot_id() not in ("", before), 300 * self.slow, f"{self.name} comes again"
        )
        self.processes[-1].send_signal(signal.SIGTERM)
        self.processes.pop().wait(20)
        time.sleep(1)
        self._open_way()


def slowness() -> float:
    """How many times as long an emulated box may take as this machine."""
    return 1.0 if kvm() else 12.0


def kvm() -> bool:
    """Whether this processor runs the instructions of a box itself."""
    flags = set(Path("/proc/cpuinfo").read_text().split())
    return os.access("/dev/kvm", os.W_OK) and not flags.isdisjoint(("vmx", "svm"))


KINDS: dict[str, type[Container] | type[Emulated]] = {"container": Container, "qemu": Emulated}
