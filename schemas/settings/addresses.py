"""Folders, hosts, ports and origins as settings give them."""

import errno
import os
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema


def _absolute(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise ValueError("give an absolute path: it begins with /")
    return path


AbsolutePath = Annotated[
    str, AfterValidator(_absolute), WithJsonSchema({"type": "string", "pattern": "^/"})
]
Bind = Annotated[str, StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$")]
WebBind = Annotated[
    str,
    StringConstraints(
        pattern=r"^(unix:/[^\x00-\x20]{1,100}|(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5})$"
    ),
]
SyslogTarget = Annotated[
    str,
    StringConstraints(
        pattern=r"^(/[^\x00]{1,100}|(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[1-9][0-9]{0,4})$"
    ),
]
HostName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")
]
Origin = Annotated[
    str, StringConstraints(pattern=r"^https?://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?$")
]


def checked_port(bind: str) -> str:
    """An address whose port may be one; a socket has none. Raises ValueError."""
    if bind.startswith("unix:"):
        return bind
    if not 1 <= int(bind.rpartition(":")[2]) <= 65535:
        raise ValueError("the port is not between 1 and 65535")
    return bind


def not_had(setting: str, bind: str, error: OSError) -> str:
    """What to say of an address that cannot be listened on: which setting, why, and what to do."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.EADDRINUSE:
        port = bind.rpartition(":")[2]
        advice = (
            f"another program listens there (`ss -ltnp 'sport = :{port}'` names it): end it, or"
            f" give {setting} another port"
        )
    elif error.errno == errno.EADDRNOTAVAIL:
        advice = f"give {setting} an address that this machine has (`ip address` names them)"
    elif error.errno == errno.EACCES:
        advice = f"ports below 1024 need a right: give {setting} a greater one"
    else:
        advice = f"look at {setting}"
    return f"{setting} {bind}: {reason}; {advice}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine; a name that only begins like one of its addresses is just a
    name (127.0.0.1.example.com)."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
