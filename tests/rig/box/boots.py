"""What is seen of a box that starts again: because it was told to, or after a power cut."""

import time

from tests.rig.box.kept import one_result_each
from tests.rig.box.machines import Box
from tests.rig.box.stories import answered, parts, well


def reboot(box: Box) -> str:
    """Everything comes back by itself, in order."""
    began = time.monotonic()
    box.restart()  # type: ignore[attr-defined]
    up = time.monotonic() - began
    well(box)
    answered(box)
    judged = time.monotonic() - began
    return f"let us in after {up:.0f} s, a part judged after {judged:.0f} s; {in_order(box)}"


def in_order(box: Box) -> str:
    """Broker, node, web: each started once, when the one before it had said that it is ready."""
    names = ("ExecMainStartTimestampMonotonic", "ActiveEnterTimestampMonotonic", "NRestarts")
    moments = []
    for service in ("mosquitto", "inspection-node", "inspection-web"):
        started, ready, again = (
            int(box.run(f"systemctl show -p {name} --value {service}").stdout) for name in names
        )
        assert again == 0, f"{service} was started {again} times more"
        moments += [started, ready]
    assert moments == sorted(moments), moments
    failed = box.run("systemctl list-units --failed --plain --no-legend").stdout.strip()
    assert "inspection" not in failed, failed
    seen = ", ".join(f"{each / 1e6:.0f}" for each in moments[1::2])
    return f"broker, node and web ready in this order, {seen} s after the kernel"


def cut_inspecting(box: Box) -> str:
    """The power fails during inspections."""
    with parts(box) as counted:
        box.cut()
        began = time.monotonic()
        box.start()
        well(box)
        took = time.monotonic() - began
    answered(box)
    one_result_each(box, counted.sent)
    return f"well {took:.0f} s after the power came; {counted()}"
