"""The demo's state folder: settings, programs and the first account, made where they are
missing."""

import json
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple

from broker import acl
from deploy.demo.broker_process import BrokerAccess
from deploy.demo.demo_truth import SCREWS
from schemas import Problem, SyntheticCamera, as_program
from schemas.settings.override import variable
from schemas.store.disk import refuse_foreign, replace
from schemas.store.programs import Programs
from schemas.store.users import Users

NODE = "node-01"
CAMERA = SyntheticCamera()
ADMIN = "admin"
USERS = acl.AclNames(node=NODE, node_user=NODE)
CREDENTIALS = "credentials"
CLIENTS = "mqtt"

# OUT1 to OUT8 are there for programs to assign
LINES = """{ kind = "memory", ready = 1, busy = 2, ok = 3, ng = 4, error = 5, result_valid = 6, heartbeat = 7, \
outputs = { OUT1 = 8, OUT2 = 9, OUT3 = 10, OUT4 = 11, OUT5 = 12, OUT6 = 13, OUT7 = 14, OUT8 = 15 }, trigger = { line = 0 } }"""  # noqa: E501

SETTINGS = """\
# Written by `inspection-node demo` at every start; copy it before you edit it.
node_id = "{node}"
environment = "development"
state_dir = {state}

# The passwords at the broker: one file for each user in `credentials`, as `.env` beside this file says.
[broker]
url = "mqtt://127.0.0.1:{ports.mqtt}"
username = "{node}"

[metrics]
bind = "127.0.0.1:{ports.metrics}"

[web]
bind = "127.0.0.1:{ports.web}"
broker_username = "{access.web}"

# Drawn parts whose true verdict is known.
[[station]]
id = "cam1"
program = "synthetic-part"
camera = {{ kind = "synthetic" }}
lines = {lines}

# Photographs of a board with four screws, one after the other.
[[station]]
id = "cam2"
program = "four-screws"
camera = {{ kind = "folder", path = {pictures}, order = "name" }}
lines = {lines}
"""  # noqa: E501


class Ports(NamedTuple):
    """TCP ports on 127.0.0.1."""

    mqtt: int
    web: int
    metrics: int


def write_settings(folder: Path, ports: Ports) -> Path:
    """node.toml in the folder; the node's own state is in `node` beside it."""
    path = folder / "node.toml"
    state = folder / "node"
    text = SETTINGS.format(
        node=NODE,
        state=_quoted(state),
        ports=ports,
        pictures=_quoted(SCREWS),
        lines=LINES,
        access=USERS,
    )
    replace(path, text.encode())
    files = {("broker", "password"): USERS.node_user, ("web", "broker_password"): USERS.web}
    secrets = (
        f"{variable(key)}_FILE={_single(credential(folder, user))}\n" for key, user in files.items()
    )
    replace(folder / ".env", "".join(secrets).encode())
    return path


def access(folder: Path) -> BrokerAccess:
    """Who gets in at the demo's broker: the users of the generated ACL, each with a random password
    that is made once."""
    (folder / CREDENTIALS).mkdir(mode=0o700, exist_ok=True)
    passwords = {}
    for user in (USERS.node_user, USERS.web, USERS.plc, USERS.operator, USERS.viewer):
        file = credential(folder, user)
        if not file.exists():
            replace(file, token_urlsafe(16).encode() + b"\n")
        passwords[user] = file.read_text().strip()
    return BrokerAccess(passwords, acl.text(USERS))


def credential(folder: Path, user: str) -> Path:
    """The file with a user's password at the broker."""
    return folder / CREDENTIALS / user


def write_clients(folder: Path, access: BrokerAccess, port: int) -> None:
    """What mosquitto_pub, _sub and _rr read with XDG_CONFIG_HOME=mqtt/USER, so that no list of
    processes shows a password."""
    for user, password in access.passwords.items():
        (folder / CLIENTS / user).mkdir(mode=0o700, parents=True, exist_ok=True)
        for command in ("mosquitto_pub", "mosquitto_sub", "mosquitto_rr"):
            replace(
                folder / CLIENTS / user / command, f"-p {port}\n-u {user}\n-P {password}\n".encode()
            )


def import_programs(folder: Path) -> None:
    """Both programs; if somebody has edited them, theirs stay. Raises Problem."""
    import cv2

    from node.cameras import synthetic

    drawn = as_program(synthetic.program(CAMERA))
    screws = as_program(json.loads((SCREWS / "program.json").read_text()))
    master = cv2.imencode(".png", synthetic.master(CAMERA))[1].tobytes()
    store = Programs(folder / "node" / "programs")
    edited = {head.id for head in store.list() if head.saved_by != "demo"}
    for program, picture in ((drawn, master), (screws, (SCREWS / str(screws.master)).read_bytes())):
        if program.id not in edited:
            store.save(program, picture, by="demo", note="comes with the demo")


def first_account(folder: Path) -> str | None:
    """The password of the administrator just made; None if there are accounts already. Only its
    hash is stored."""
    from web.credentials.password import hash_password

    users = Users(folder / "node" / "users")
    if users.list():
        return None
    password = token_urlsafe(12)
    users.add(ADMIN, "Demo administrator", "ADMIN", hash_password(password, ADMIN))
    return password


def make_folder(folder: Path) -> None:
    """The state folder, which nobody else may have prepared for us. Raises Problem STORE_FAILED."""
    for path in (
        folder,
        *(folder / name for name in (CREDENTIALS, CLIENTS, "node", "node/web", "node/users")),
    ):
        refuse_foreign(path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "node").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Problem("STORE_FAILED", f"{folder}: {error.strerror}") from error


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)


def _single(path: Path) -> str:
    """In single quotes, as `.env` has them."""
    escaped = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
