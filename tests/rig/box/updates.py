"""What is seen of updates on a box: good ones and bad ones under load, and one during which the
power fails."""

import time

from tests.rig.box import image
from tests.rig.box.machines import Box
from tests.rig.box.stories import OPT, answered, parts, well

BREAK = 'raise RuntimeError("this version is broken")'


def version(box: Box, name: str, *, broken: bool = False) -> None:
    """Another version beside the one that runs, the same but for its number; broken: its web cannot
    be started."""
    web = f"{OPT}/versions/{name}/lib/python3.*/site-packages/web"
    spoil = (
        f"for each in {web}/app.py; do echo '{BREAK}' > $each; done; rm -rf {web}/__pycache__"
        if broken
        else ":"
    )
    box.run(
        f"""set -e; cd {OPT}/versions; old=$(readlink ../current); old=${{old#versions/}}
        cp -a $old {name}; cd {name}
        grep -rlIF versions/$old bin pyvenv.cfg | xargs sed -i "s,versions/$old,versions/{name},g"
        mv lib/python3.*/site-packages/inspection_node-*.dist-info lib/$(ls lib)/site-packages/inspection_node-{name}.dist-info
        sed -i 's/^Version: .*/Version: {name}/' lib/python3.*/site-packages/inspection_node-*.dist-info/METADATA
        sed -i '/METADATA,/s/,.*/,,/' lib/python3.*/site-packages/inspection_node-*.dist-info/RECORD
        {spoil}""",  # noqa: E501
        limit_s=300,
    )


def current(box: Box) -> str:
    """The version that is in place."""
    return box.run(f"readlink {OPT}/current").stdout.strip().removeprefix("versions/")


def update(box: Box) -> str:
    """Under load: a good version stays, one whose health check fails is undone, and one goes back
    to the version before; no part is lost."""
    version(box, "9.1")
    version(box, "9.2", broken=True)
    first = current(box)
    with parts(box) as counted:
        began = time.monotonic()
        box.run(f"{OPT}/current/install/deploy.sh 9.1 --wait {60 * box.slow:.0f}", limit_s=400)
        good = time.monotonic() - began
        assert current(box) == "9.1"
        began = time.monotonic()
        done = box.run(
            f"{OPT}/current/install/deploy.sh 9.2 --wait {15 * box.slow:.0f}",
            check=False,
            limit_s=400,
        )
        bad = time.monotonic() - began
        assert (done.returncode, current(box)) == (1, "9.1"), (done.stdout, done.stderr)
        box.run(f"{OPT}/current/install/rollback.sh", limit_s=400)
        assert current(box) == first
    return f"good {good:.0f} s, broken and undone {bad:.0f} s, rolled back; {counted()}"


def twenty(box: Box) -> str:
    """Twenty updates under load, there and back (two where every instruction is translated): no
    part is lost, and the longest time without a result."""
    first, rounds = current(box), 20 if box.slow == 1 else 2
    version(box, "9.3")
    with parts(box) as counted:
        for number in range(rounds):
            name = ("9.3", first)[number % 2]
            box.run(
                f"{OPT}/current/install/deploy.sh {name} --wait {60 * box.slow:.0f}", limit_s=400
            )
            assert current(box) == name
    return f"{rounds} updates, {counted.gap_s():.1f} s without a result at the longest; {counted()}"


def cut_updating(box: Box) -> str:
    """The power fails at three points of an update while parts run: twice with a version that is
    there already, and as soon as a bundle that has just been unpacked is the current version.
    Afterwards one whole version runs, every part is answered once, and the update can be done
    again."""
    told = []
    for place, name in (("backed up", "9.5"), ("Stopped", "9.6"), ("current version", "9.7")):
        if place == "current version":
            wanted = f"/root/bundle-{name}.tar.gz"
            box.put(image.newer_bundle(name), wanted)
        else:
            wanted = name
            version(box, name)
        script = f"{OPT}/current/install/deploy.sh {wanted} --wait {60 * box.slow:.0f}"
        with parts(box) as counted:
            box.run(f"journalctl --rotate -q; systemd-run -q --unit update-{name} {script}")
            _told(box, name, place)
            box.cut()
            box.start()
            well(box)
        runs = current(box)
        files = whole(box)
        if runs != name:
            again = script.replace("/current/", f"/versions/{runs}/")
            box.run(again, limit_s=900)
        assert current(box) == name
        which = "the new one" if runs == name else "the old one"
        told.append(f"at '{place}': {which} ran, its {files} files whole, {counted()}")
    answered(box)
    return "; ".join(told)


def _told(box: Box, name: str, place: str) -> None:
    """Wait on the box itself until an update says something: how soon the power is cut must not
    hang on how long a command takes to get there."""
    seen = (
        f"for n in $(seq {600 * box.slow * 5:.0f}); do journalctl -q -b -o cat -u update-{name} -u"
        f" inspection-node --since -2min | grep -q '{place}' && exit 0; sleep 0.2; done; exit 1"
    )
    box.run(seen, limit_s=660)


# On the box: each file that a version was installed from, against the hash that its wheel has.
WHOLE = """
import base64, csv, hashlib, pathlib, sys
count = 0
for record in pathlib.Path(sys.argv[1]).glob("lib/python3.*/site-packages/*.dist-info/RECORD"):
    for name, digest, _ in csv.reader(record.read_text().splitlines()):
        if not digest or name.startswith(".."):  # what pip writes for a place has that in it
            continue
        path = record.parent.parent / name
        kind, _, wanted = digest.partition("=")
        seen = base64.urlsafe_b64encode(hashlib.new(kind, path.read_bytes()).digest())
        if seen.decode().rstrip("=") != wanted:
            sys.exit(f"{path} is not what its wheel has: {path.stat().st_size} bytes")
        count += 1
print(count)
"""


def whole(box: Box) -> int:
    """How many files the current version has, each as its wheel brought it. Raises RuntimeError
    naming one that is not."""
    told = box.run(
        f"python3 - $(readlink -f {OPT}/current)", given=WHOLE.encode(), limit_s=300
    ).stdout
    return int(told)
