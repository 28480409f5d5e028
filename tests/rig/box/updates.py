"""What is seen of updates on a box: good ones and bad ones under load, and one during which the
power fails."""

import time

from tests.rig.box.machines import Box
from tests.rig.box.stories import OPT, answered, parts, well
from tests.rooms.promise.promise import wait_for

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


def cut_updating(box: Box) -> str:
    """The power fails at three points of an update; afterwards one whole version runs, and the
    update can be done again."""
    told = []
    for number, place in enumerate(("backed up", "Stopped", "current version")):
        name = f"9.{5 + number}"
        version(box, name)
        script = f"{OPT}/current/install/deploy.sh {name} --wait {60 * box.slow:.0f}"
        box.run(f"journalctl --rotate -q; systemd-run -q --unit update-{number} {script}")
        seen = (
            f"journalctl -q -b -o cat -u update-{number} -u inspection-node --since -2min | grep -q"
            f" '{place}'"
        )
        wait_for(
            lambda seen=seen: box.run(seen, check=False).returncode == 0,
            120 * box.slow,
            f"the update tells '{place}'",
        )  # type: ignore[misc]
        box.cut()
        box.start()
        well(box)
        answered(box)
        runs = current(box)
        if runs != name:
            box.run(script.replace("/current/", f"/versions/{runs}/"), limit_s=400)
        assert current(box) == name
        told.append(f"at '{place}': {'the new one' if runs == name else 'the old one'} ran")
    answered(box)
    return "; ".join(told)
