"""A process in the root of an image, as an engine would run it.

With its account, its environment, a read-only root, two places to write, secrets as files, and no
capability.
"""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

UNSHARED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c")
SCRIPT = """\
set -e
root=$1 state=$2 settings=$3 secrets=$4 hosts=$5; shift 5
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for each in null zero random urandom full; do
  touch "$root/dev/$each"; mount --bind "/dev/$each" "$root/dev/$each"
done
mkdir "$root/dev/shm"; mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777,size=256m tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir "$root/run/secrets"; mount --bind "$secrets" "$root/run/secrets"
mount --bind "$state" "$root/var/lib/inspection-node"
mount --bind "$settings" "$root/etc/inspection-node"
mount --bind "$hosts" "$root/etc/hosts"
mount -o remount,bind,ro "$root"
mount -o remount,bind,ro "$root/etc/inspection-node"
exec /usr/sbin/chroot "$root" /usr/bin/setpriv --no-new-privs --bounding-set=-all --inh-caps=-all \
  --reuid=10001 --regid=10001 --clear-groups /usr/bin/env -C /var/lib/inspection-node "$@"
"""


class Image:
    """An image's root and what it says of itself; with the places of one site."""

    def __init__(self, root: Path, config: dict[str, Any], site: Path) -> None:
        self.root, self.config, self.site = root, config, site
        self.state = site / "state"
        (site / "hosts").write_text("127.0.0.1 localhost mosquitto node web\n")
        (site / "etc").mkdir()
        self.state.mkdir()
        os.chown(self.state, 10001, 10001)
        self.state.chmod(0o700)

    def start(
        self, words: list[str], secrets: list[str], log: Path, environ: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A process of it: entry point and words; only those secrets are there."""
        folder = self.site / f"secrets-{log.stem}"
        folder.mkdir(exist_ok=True)
        for name in secrets:
            (folder / name).write_text((self.site / "secrets" / name).read_text())
            (folder / name).chmod(0o444)
        given = dict(each.split("=", 1) for each in self.config["Env"]) | (environ or {})
        places = [self.root, self.state, self.site / "etc", folder, self.site / "hosts"]
        words = [*self.config["Entrypoint"], *words]
        with log.open("ab") as written:
            return subprocess.Popen(
                [*UNSHARED, SCRIPT, "sh", *map(str, places), *words],
                env=given,
                stdout=written,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def run(self, words: list[str], secrets: list[str], log: Path, limit_s: float = 60) -> int:
        """The exit code of a command of it; what it prints is in the log."""
        return self.start(words, secrets, log).wait(limit_s)


def inside(process: subprocess.Popen[bytes]) -> int:
    """The id of the process in the image, as this machine sees it: the child of what unshares."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def end(process: subprocess.Popen[bytes], limit_s: float = 15) -> None:
    """SIGTERM to the process in the image; waits until all of it has ended."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(inside(process), signal.SIGTERM)
        process.wait(limit_s)
