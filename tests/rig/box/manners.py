"""The real-time settings of a station, without and with the drop-ins of docs/production.md, on a
systemd that holds to what its units say."""

import json
import re
import time

from tests.rig.box.machines import Box
from tests.rig.box.stories import ETC, NODE, STATION, answered, main_pid, well
from tests.rooms.installation.processes import ROOT
from tests.rooms.promise.promise import wait_for

DROP_INS = "/etc/systemd/system/{}.service.d/realtime.conf"
UNITS = ("inspection-node", "mosquitto")
ASKED = 'priority = 20\nlock_memory = true\ncpus = "0"\n'
READ = """
import os, pathlib, re, subprocess
node = subprocess.run(['systemctl', 'show', '-p', 'MainPID', '--value', 'inspection-node'],
                      capture_output=True, text=True).stdout.strip()
started = (task.joinpath('children').read_text() for task in pathlib.Path('/proc/' + node + '/task').iterdir())
for pid in ' '.join(started).split():
    line = pathlib.Path('/proc/' + pid + '/cmdline').read_bytes()
    if b'node.worker' in line and b'cam1' in line:
        said = pathlib.Path('/proc/' + pid + '/status').read_text()
        locked = int(re.search(r'VmLck:\\s+(\\d+)', said)[1])
        policies = sorted(os.sched_getscheduler(int(task)) & 0xFF for task in os.listdir('/proc/' + pid + '/task'))
        cores = sorted(os.sched_getaffinity(int(pid)))
        print(policies.count(os.SCHED_FIFO), locked, ','.join(map(str, cores)), end=' ')
tasks = os.listdir('/proc/' + node + '/task')
print(sum(os.sched_getscheduler(int(task)) & 0xFF == os.SCHED_RR for task in tasks), len(tasks))
"""  # noqa: E501


def manners(box: Box) -> str:
    """What the unit as shipped does not allow is an alarm, and parts are judged; with the page's
    drop-ins, word by word, worker, node and broker go first, the worker's memory is locked, and it
    keeps to its core."""
    page = (ROOT / "docs/production.md").read_text()
    drop_ins = {
        unit: re.search(
            rf"{unit}\.service\.d/realtime\.conf`:\n\n```ini\n(.*?)```", page, re.DOTALL
        )
        for unit in UNITS
    }
    settings = box.run(f"cat {ETC}/node.toml").stdout
    asks = settings.replace('id = "cam1"\n', f'id = "cam1"\n{ASKED}', 1)
    assert asks != settings
    try:
        box.run(f"cat > {ETC}/node.toml", given=asks.encode())
        without = _restarted(box)
        answered(box)
        told = wait_for(lambda: _alarm(box), 30 * box.slow, f"an alarm; the worker: {without}")
        assert "priority = 20 is not possible" in told, told
        assert "lock_memory is not possible" in told, told
        assert without.split()[:2] == ["0", "0"], without
        assert without.split()[3] == "0", without
        if box.run("prlimit --rtprio=49 true", check=False).returncode:
            return f"as shipped: {told}; NOT TRIED: the host lends no such limits to a container"
        for unit, found in drop_ins.items():
            assert found is not None, unit
            path = DROP_INS.format(unit)
            box.run(f"mkdir -p $(dirname {path}) && cat > {path}", given=found[1].encode())
        box.run("systemctl daemon-reload && systemctl restart mosquitto")
        broker = box.run("chrt -p $(systemctl show -p MainPID --value mosquitto)").stdout
        assert "SCHED_RR" in broker, broker
        first, locked_kb, cores, leading, threads = _restarted(box).split()
        answered(box)
        # with cores = "0" there is no gate: who looks, and hearing, pictures, showing and telling
        assert (first, cores) == ("5", "0"), (first, cores, _alarm(box))
        assert int(leading) > int(threads) / 2, (leading, threads)
        assert int(locked_kb) > 10_000, locked_kb
        wait_for(lambda: _alarm(box) == "", 30 * box.slow, "no alarm")
    finally:
        box.run(f"rm -f {' '.join(map(DROP_INS.format, UNITS))} && systemctl daemon-reload")
        box.run(f"cat > {ETC}/node.toml", given=settings.encode())
        box.run("systemctl restart mosquitto inspection-node")
        well(box)
    return (
        f"as shipped: {told}; with the drop-ins the broker, {first} threads of the worker and"
        f" {leading} of {threads} of the node go first, {int(locked_kb) // 1024} MB are locked,"
        f" core {cores}"
    )


def _restarted(box: Box) -> str:
    """What the station's worker is like after a restart: see READ."""
    box.run("systemctl restart inspection-node")
    well(box)
    time.sleep(2.0 * box.slow)  # it tells what it could not get once it has begun
    assert main_pid(box, "inspection-node") != "0"
    return box.run("python3 -", given=READ.encode()).stdout.strip()


def _alarm(box: Box) -> str:
    """What REALTIME says, "" if it is not set: as the broker retains it."""
    retained = box.run(
        f"mosquitto_sub -u web -P $(cat {ETC}/credentials/web_broker_password) -C 1 -W 3"
        f" -t inspection/v1/{NODE}/alarm/REALTIME.{STATION}",
        check=False,
    ).stdout
    return str(json.loads(retained)["message"]) if retained else ""
