"""The disks of the boxes: a fresh Debian with systemd, made once by debootstrap and kept; and what
is installed on it."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.cli.bundle import make
from tests.rooms.installation.processes import ROOT

CACHE = Path(os.environ.get("BOX_CACHE", Path.home() / ".cache" / "inspection-box"))
RELEASE, MIRROR = "bookworm", "http://deb.debian.org/debian"
PACKAGES = (
    "systemd,systemd-sysv,dbus,udev,linux-image-cloud-amd64,initramfs-tools,openssh-server,iproute2,ca-certificates,"
    "python3,python3-venv,openssl,kmod,procps"
)
# what a source tree is installed from
PACKED = (
    "schemas", "broker", "node", "web", "deploy", "pyproject.toml", "requirements.lock",
    "README.md", "LICENSE", "mosquitto.conf",
)  # fmt: skip
# what install.sh asks the registry for
OF_THE_BOX = ("mosquitto", "mosquitto-clients", "nginx-light")
NEEDED = {
    "debootstrap": "debootstrap",
    "ssh": "openssh-client",
    "systemd-nspawn": "systemd-container",
    "slirp4netns": "slirp4netns",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mkfs.ext4": "e2fsprogs",
    "nsenter": "util-linux",
}
# systemd's limits of a box that is emulated without KVM: about twenty times as slow as this machine
UNHURRIED = {
    "etc/systemd/system.conf.d/unhurried.conf": "[Manager]\nDefaultTimeoutStartSec=15min\n"
    "DefaultTimeoutStopSec=5min\nDefaultDeviceTimeoutSec=15min\n",
    "etc/systemd/system/inspection-node.service.d/unhurried.conf": "[Service]\n"
    "TimeoutStartSec=15min\nTimeoutStopSec=5min\nWatchdogSec=5min\n",
    "etc/systemd/system/inspection-web.service.d/unhurried.conf": "[Service]\n"
    "TimeoutStartSec=15min\nTimeoutStopSec=5min\n",
}
# what a Debian does by the clock, and would do while it is looked at
BY_THE_CLOCK = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
                "e2scrub_all.timer", "fstrim.timer", "man-db.timer")  # fmt: skip
SAID = "systemd's limits are 15 min for a start, 5 min for an end and the watchdog, a part's 42 s"
NETWORK = "[Match]\nName=en* eth* host0\n[Network]\nDHCP=ipv4\n"


def lacking() -> str:
    """What this machine still needs, as a sentence; empty if it has everything."""
    if os.geteuid() != 0:
        return "root is needed: a Debian is made and booted"
    missing = sorted(
        package
        for name, package in NEEDED.items()
        if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None
    )
    return (
        f"install these first: apt-get install --no-install-recommends {' '.join(missing)}"
        if missing
        else ""
    )


def shell(*words: str | Path, limit_s: float = 600, **more: object) -> str:
    """Run a command of the host; what it prints. Raises RuntimeError with its last lines."""
    done = subprocess.run(
        [*map(str, words)], check=False, capture_output=True, text=True, timeout=limit_s, **more
    )  # type: ignore[call-overload]
    if done.returncode != 0:
        raise RuntimeError(
            f"{words[0]} {words[1] if len(words) > 1 else ''}:"
            f" {(done.stderr or done.stdout)[-800:]}"
        )
    return str(done.stdout)


def root(*, packaged: bool = False) -> Path:
    """The tree of a fresh Debian; packaged: with Debian's broker and proxy on it, as a box without
    a registry must have them."""
    made = CACHE / ("packaged" if packaged else "bare")
    if (made / ".complete").exists():
        return made
    CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(made, ignore_errors=True)
    if packaged:
        shell("cp", "-a", root(), made)
        (made / ".complete").unlink()
        shutil.copy("/etc/resolv.conf", made / "etc/resolv.conf")
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        shell(
            "chroot",
            made,
            "apt-get",
            "install",
            "-y",
            "-qq",
            "--no-install-recommends",
            *OF_THE_BOX,
            limit_s=900,
            env=environ,
        )
        _network(made)
    else:
        shell(
            "debootstrap",
            "--variant=minbase",
            "--components=main",
            f"--include={PACKAGES}",
            RELEASE,
            made,
            MIRROR,
            limit_s=1800,
        )
        _network(made)
        (made / "etc/hostname").write_text("box\n")
        (made / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 box\n")
        (made / "etc/fstab").write_text("/dev/vda / ext4 errors=remount-ro 0 1\n")
        (made / "etc/machine-id").write_text("uninitialized\n")
        _let_in(made)
    (made / ".complete").touch()
    return made


def disk() -> Path:
    """The same as a disk image, which is only ever read: each box writes into an overlay of its
    own."""
    made, tree = CACHE / "packaged.img", root(packaged=True)
    if not made.exists():
        part = made.with_suffix(".part")
        disk_of(tree, part)
        part.replace(made)
    return made


def disk_of(tree: Path, made: Path) -> None:
    """A tree as a disk image."""
    shell("mkfs.ext4", "-q", "-F", "-d", tree, "-L", "box", made, "8G")


def unhurried(tree: Path) -> None:
    """The limits that systemd sets, for a machine whose every instruction is translated."""
    for place, text in UNHURRIED.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        (tree / place).write_text(text)
    for timer in BY_THE_CLOCK:
        (tree / "etc/systemd/system" / timer).unlink(missing_ok=True)
        (tree / "etc/systemd/system" / timer).symlink_to("/dev/null")


def boot(name: str) -> Path:
    """The kernel (vmlinuz) or the initial RAM disk (initrd.img) of that Debian."""
    return next((root() / "boot").glob(f"{name}-*"))


def key() -> Path:
    """The key by which the boxes let us in."""
    made = CACHE / "key"
    if not made.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        shell("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made)
    return made


def bundle() -> Path:
    """The bundle of this tree; made anew where the tree has changed since."""
    made, marked = CACHE / "bundle.tar.gz", CACHE / "bundle.of"
    if not made.exists() or not marked.exists() or marked.read_text() != digest():
        CACHE.mkdir(parents=True, exist_ok=True)
        marked.unlink(missing_ok=True)
        shell(sys.executable, "-m", "deploy.cli.command", "bundle", made, limit_s=900, cwd=ROOT)
        marked.write_text(digest())
    return made


def newer_bundle(version: str) -> Path:
    """A bundle of this tree under another version number, with the wheels that the first one
    brings: what a site is sent as an update."""
    made = CACHE / f"bundle-{version}.tar.gz"
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        tree, first = Path(scratch) / "tree", Path(scratch) / "first"
        for name in (*PACKED, "docs"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, tree)
        text = (tree / "pyproject.toml").read_text()
        (tree / "pyproject.toml").write_text(
            re.sub(r'^version = ".*"', f'version = "{version}"', text, count=1, flags=re.M)
        )
        first.mkdir()
        shell("tar", "-xzf", bundle(), "-C", first)

        def pip(words: Sequence[str]) -> None:
            if words[0] == "wheel":
                shell(sys.executable, "-m", "pip", "-q", *words)
                return
            for wheel in (first / "inspection-node" / "wheels").glob("*.whl"):
                if not wheel.name.startswith("inspection_node-"):
                    shutil.copy(wheel, words[words.index("-d") + 1])

        make(tree, made, pip)
    return made


def digest(*more: str) -> str:
    """What this tree installs, and more of its folders, as one hash: the same tree needs no new
    bundle and no new disk."""
    seen = hashlib.sha256()
    for name in (*PACKED, *more):
        source = ROOT / name
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_file() and "__pycache__" not in path.parts:
                seen.update(f"{path.relative_to(ROOT)}\0".encode())
                seen.update(path.read_bytes())
    return seen.hexdigest()


def _network(made: Path) -> None:
    (made / "etc/systemd/network/box.network").write_text(NETWORK)
    wanted = made / "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
    if not wanted.is_symlink():
        wanted.symlink_to("/lib/systemd/system/systemd-networkd.service")
    (made / "etc/resolv.conf").unlink(missing_ok=True)
    (made / "etc/resolv.conf").write_text("nameserver 10.0.2.3\n")


def _let_in(made: Path) -> None:
    folder = made / "root/.ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(f"{key()}.pub", folder / "authorized_keys")
    # this site's, behind which the registries are
    for given in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        shutil.copy(given, made / "usr/local/share/ca-certificates")
    shell("chroot", made, "update-ca-certificates")
