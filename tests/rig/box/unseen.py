"""No secret of a box is where others can read it."""

from tests.rig.box.machines import Box
from tests.rig.box.stories import ETC, UNITS

LOOK = f"""
import gzip, pathlib, subprocess
held = [p for p in pathlib.Path('{ETC}/credentials').iterdir() if p.stat().st_size > 8]
values = dict((p.name, p.read_bytes().strip()) for p in held)
def read(path):
    try: return path.read_bytes()
    except OSError: return b''
def of(pattern): return b''.join(map(read, pathlib.Path('/').glob(pattern)))
def said(*words): return subprocess.run(words, capture_output=True).stdout
newest = max(pathlib.Path('/var/backups/inspection-node').glob('*.tar.gz'))
places = dict(processes=of('proc/[0-9]*/cmdline'), environments=of('proc/[0-9]*/environ'),
  units=of('etc/systemd/system/**/*.service') + said('systemctl', 'show', *'{UNITS} mosquitto nginx'.split()),
  journal=said('journalctl', '--no-pager', '-o', 'cat'), logs=of('var/log/**/*.log'), backup=gzip.decompress(newest.read_bytes()))
for place, data in places.items():
    found = [name for name, value in values.items() if value in data]
    assert data or place == 'logs', 'nothing was read of ' + place
    assert not found, (place, found)
print(len(values), 'secrets, none in', ', '.join(places))
"""  # noqa: E501


def unseen(box: Box) -> str:
    """No secret of the box is where others can read it."""
    box.run("systemctl start inspection-backup", limit_s=300)
    return box.run("python3 -", given=LOOK.encode(), limit_s=120).stdout.strip()
