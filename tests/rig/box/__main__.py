"""`python -m tests.rig.box`: a fresh Debian with systemd, and what happens to it in a plant, as a
table.

`make box` runs it; BOX="--kind container" for all of it at the speed of this machine, BOX="--only
update" for a part. It needs root, Debian's registry and, for the installation from the registries,
PyPI; the Debian is made once, in $BOX_CACHE (else ~/.cache/inspection-box).
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.rig.box import (
    boots,
    guides,
    image,
    manners,
    pages,
    restoring,
    stories,
    unseen,
    updates,
)
from tests.rig.box.machines import KINDS, Box, Container, Emulated, kvm, slowness

STORIES: dict[str, Callable[[Box], str]] = {
    "reboot": boots.reboot,
    "kill": stories.killed,
    "nightly": stories.nightly,
    "secrets": unseen.unseen,
    "pages": pages.pages,
    "watchdog": stories.watchdog,
    "start-limit": stories.start_limit,
    "manners": manners.manners,
    "update": updates.update,
    "twenty": updates.twenty,
    "cut-inspecting": boots.cut_inspecting,
    "cut-updating": updates.cut_updating,
    "guides": guides.guides,
}


def main(argv: list[str] | None = None) -> int:
    """0 if every story that was asked for went well."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.rig.box", description="A fresh Debian, and what happens in a plant."
    )
    parser.add_argument(
        "--kind",
        choices=list(KINDS),
        default="qemu",
        help="qemu: a kernel of its own; container: only a systemd",
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=["registries", *STORIES, "restore"],
        help="may be repeated",
    )
    parser.add_argument(
        "--installed",
        action="store_true",
        help="qemu: the disk of a container on which it was installed; where no KVM is, an"
        " installation takes most of an hour",
    )
    args = parser.parse_args(argv)
    if told := image.lacking():
        print(f"make box: {told}", file=sys.stderr)
        return 1
    wanted = args.only or ["registries", *STORIES, "restore"]
    rows: list[tuple[str, bool, str]] = []
    with tempfile.TemporaryDirectory(
        prefix="box-", dir=image.CACHE if image.CACHE.exists() else None
    ) as scratch:
        folder, boxes = Path(scratch), list[Box]()

        def made(name: str, *, offline: bool) -> Box:
            boxes.append(KINDS[args.kind](folder, name, offline=offline))
            boxes[-1].start()
            return boxes[-1]

        def installed(name: str, bundle: Path) -> Box:
            """A box with its own kernel, on the disk of a container on which it was installed. The
            disk is kept: this tree needs it once."""
            kept = image.CACHE / f"installed-{image.digest('tests/rig/box')[:16]}.img"
            if not kept.exists():
                first = Container(folder, f"{name}-first", offline=True)
                boxes.append(first)
                first.start()
                told = story(
                    "bundle",
                    lambda: f"{stories.install(first, bundle, slowness())} (in a container)",
                )
                if told and not kvm():
                    told = story("beside", lambda: updates.beside(first))
                first.run("systemctl poweroff", check=False)
                first.processes[0].wait(120)
                boxes.pop().cut()
                if not told:
                    raise RuntimeError("it could not be installed")
                if not kvm():
                    image.unhurried(first.root)
                for old in image.CACHE.glob("installed-*.img"):
                    old.unlink()
                image.disk_of(first.root, kept.with_suffix(".part"))
                kept.with_suffix(".part").replace(kept)
            boxes.append(Emulated(folder, name, offline=True, disk=kept))
            began = time.monotonic()
            boxes[-1].start()
            stories.well(boxes[-1])
            print(
                f"{name}: booted in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
            )
            return boxes[-1]

        def story(name: str, does: Callable[[], str]) -> bool:
            began = time.monotonic()
            try:
                rows.append((name, True, does()))
            except Exception as error:  # the others are still tried, and the table says so
                traceback.print_exc()
                for each in boxes:
                    print(each.last_words(), file=sys.stderr)
                rows.append((name, False, f"{type(error).__name__}: {str(error)[:400]}"))
            print(
                f"{name}: {rows[-1][2]} ({time.monotonic() - began:.0f} s)",
                file=sys.stderr,
                flush=True,
            )
            return rows[-1][1]

        try:
            bundle = image.bundle()
            if "registries" in wanted:
                story("registries", lambda: stories.install(made("online", offline=False), None))
                if boxes:
                    boxes.pop().cut()
            ready = args.installed and args.kind == "qemu"
            box = installed("box", bundle) if ready else made("box", offline=True)
            if ready or story("bundle", lambda: stories.install(box, bundle)):
                for name in STORIES:
                    if name in wanted:
                        story(name, lambda name=name: STORIES[name](box))  # type: ignore[misc]
                if "restore" in wanted:

                    def another() -> Box:
                        if ready:
                            return installed("other", bundle)
                        other = made("other", offline=True)
                        stories.install(other, bundle)
                        return other

                    story("restore", lambda: restoring.restore(box, another))
        finally:
            for each in boxes:
                each.cut()
    told = f"{args.kind}; a power cut is {KINDS[args.kind].power_cut}"
    if args.kind == "qemu" and not kvm():
        told += f"; without KVM, so {image.SAID}"
    print(f"\n| on a box ({told}) | held | seen |\n|---|---|---|")
    for name, good, seen in rows:
        print(f"| {name} | {'yes' if good else 'NO'} | {seen} |".replace("\n", " "))
    return 0 if all(good for _, good, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
