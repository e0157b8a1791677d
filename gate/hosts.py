"""The Host header: the one thing that tells a rebound name from this machine's own (DNS rebinding)."""

import ipaddress
import re
from collections.abc import Set as AbstractSet

from wire.errors import ApiError, BadRequest

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?", re.ASCII)


def require_known(host: str | None, known: AbstractSet[str]) -> None:
    """Let a request through whose `Host` names, with any port, one of `known` (lower case, IPv6 without brackets).

    Raises:
        BadRequest: 400 missing_host, invalid_host; a request has exactly one (RFC 9112, 3.2).
        ApiError: 403 host_not_allowed.
    """
    if not host:
        raise BadRequest("The request has no Host header.", code="missing_host")
    if "," in host:  # how granian hands on two headers
        raise BadRequest("The request has more than one Host header.", code="invalid_host")
    read = _HOST.fullmatch(host.lower())
    if read is None or (read[1] or read[2]) not in known:
        message = f"The Host header is {host[:100]!a}, which is no name of this server; ALLOWED_HOSTS takes more names."
        raise ApiError(message, code="host_not_allowed", status=403)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches who listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def known_hosts(host: str, more: str) -> frozenset[str]:
    """Return the names of who listens on `host`, an address of this machine alone counted in, with `more` of them."""
    own = {host.lower()} if is_loopback(host) else set()
    return LOOPBACK | own | {name.strip("[]") for name in more.lower().split()}
