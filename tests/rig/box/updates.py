"""What is seen of updates on a box: good ones and bad ones under load, and one during which the
power fails."""

import sys
import time
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from tests.rig.box import image
from tests.rig.box.kept import one_result_each, whole
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
    began_s = []
    with parts(box) as counted:
        for number in range(rounds):
            name = ("9.3", first)[number % 2]
            began_s.append(time.monotonic())
            box.run(
                f"{OPT}/current/install/deploy.sh {name} --wait {60 * box.slow:.0f}", limit_s=400
            )
            assert current(box) == name
    one_result_each(box, counted.sent)
    gaps = [counted.gap_s(began, ended) for began, ended in pairwise([*began_s, time.monotonic()])]
    seen = f"without a result {median(gaps):.1f} s (median), {max(gaps):.1f} s (longest)"
    return f"{rounds} updates, {seen}; {counted()}"


def beside(box: Box) -> str:
    """Each version that is cut off from its power later is built from a bundle and put in place
    once, for a machine on which pip takes half an hour; the first one is in place again."""
    first = current(box)
    for number, moment in enumerate(MOMENTS, 5):
        if moment != HALF_BUILT:
            name = f"9.{number}"
            box.put(image.newer_bundle(name), f"/root/{name}.tar.gz")
            box.run(f"{OPT}/current/install/deploy.sh /root/{name}.tar.gz", limit_s=400)
            box.run(f"{OPT}/current/install/deploy.sh {first}; rm /root/{name}.tar.gz", limit_s=400)
    assert current(box) == first
    return f"{len(MOMENTS) - 1} newer versions were in place, {first} is again"


def _there(box: Box, name: str) -> bool:
    """Whether a version lies beside the one that runs."""
    return box.run(f"test -e {OPT}/versions/{name}/complete", check=False).returncode == 0


def cut_updating(box: Box) -> str:
    """The power fails at four points of an update while parts run: as soon as a version that was
    just built from a bundle is the current one (or one that lies beside, where pip takes half an
    hour), twice else, and in the middle of what a bundle brings. Afterwards a whole version is the
    current one, it judges, every part has one result, one can go back, and the update can be made
    again."""
    told, bundles = [], {current(box): image.bundle()}
    for number, moment in enumerate(MOMENTS, 5):
        if moment == HALF_BUILT and box.slow > 1:
            continue  # there, what follows it takes an hour
        first, name = current(box), f"9.{number}"
        wanted = name
        if _there(box, name):
            bundles[name] = image.newer_bundle(name)
        elif moment in ("current version", HALF_BUILT):
            bundles[name], wanted = image.newer_bundle(name), f"/root/{name}.tar.gz"
            box.put(bundles[name], wanted)
        else:
            bundles[name] = bundles[first]
            version(box, name)
        wait = f"--wait {60 * box.slow:.0f}"
        with parts(box) as counted:
            _started_until(
                box, f"{OPT}/current/install/deploy.sh {wanted} {wait}", name, MOMENTS[moment]
            )
            box.cut()
            began = time.monotonic()
            box.start()
            well(box)
            took = time.monotonic() - began
        answered(box)
        one_result_each(box, counted.sent)
        runs = current(box)
        assert runs in MOMENTS[moment].leaves(first, name), (moment, runs)
        seen = f"{'new' if runs == name else 'old'} version, its {whole(box, runs, bundles[runs])}"
        seen += f" files whole, well after {took:.0f} s, {counted()}"
        if moment == "current version":
            box.run(f"{OPT}/current/install/rollback.sh {wait}", limit_s=400)
            assert current(box) == first
            answered(box)
            runs = first
            seen += ", can go back"
        if runs != name:
            again = wanted if moment == HALF_BUILT else name
            box.run(f"{OPT}/current/install/deploy.sh {again} {wait}", limit_s=900)
            assert current(box) == name
            seen += " and on again"
        told.append(f"{moment}: {seen}")
        print(told[-1], file=sys.stderr, flush=True)
    answered(box)
    return "; ".join(told)


class Moment(NamedTuple):
    """How far an update has come: a command that is given what its journal tells since it began,
    and says whether it has; and which version may be the current one after a power cut there."""

    seen: str
    old: bool
    new: bool

    def leaves(self, old: str, new: str) -> list[str]:
        """The versions one of which is left as the current one."""
        return [name for name, may in ((old, self.old), (new, self.new)) if may]


HALF_BUILT = "half built"
MOMENTS = {
    "current version": Moment("grep -q 'current version'", False, True),
    "Stopped": Moment("grep -q '^Stopped inspection-node'", False, True),
    "backed up": Moment("grep -q 'backed up'", True, True),  # the switch follows at once
    HALF_BUILT: Moment(
        f"[ $(find {OPT}/versions/9.8 -name '*.py' 2>/dev/null | wc -l) -gt 900 ]", True, False
    ),
}


def _started_until(box: Box, script: str, name: str, moment: Moment) -> None:
    """Start an update, and wait on the box itself until it has come that far: how soon the power is
    cut must not hang on how long a command takes to get there."""
    journal = "journalctl -q -b -o cat --cursor-file=/run/cut -u inspection-node"
    looks = f"{600 * box.slow * 5:.0f}"
    done = box.run(
        f"journalctl -q -b -n 1 --cursor-file=/run/cut >/dev/null; systemd-run -q --unit"
        f" update-{name} {script}; for n in $(seq {looks}); do {journal} -u update-{name} |"
        f" {moment.seen} && exit 0; systemctl is-active -q update-{name} || break;"
        f" sleep 0.2; done; journalctl -b -o cat --no-pager -n 20 -u update-{name}; exit 1",
        check=False,
        limit_s=660,
    )
    assert done.returncode == 0, f"it has not come to that: {done.stdout}"
