"""Addresses of clients as they are counted: all addresses that one host can have count as one."""

import ipaddress
from functools import lru_cache


@lru_cache(maxsize=4096)
def counted(address: str | None) -> str:
    """An IPv4 address as it is, also one written as IPv6; of an IPv6 address its /64, which every
    host has to itself."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(ip) >> 64 << 64, 64)))
    return str(ip)
