"""Where a webhook may go: the rules for its URL and for the addresses behind it. It connects to nothing."""

import ipaddress
import re
from dataclasses import dataclass

from wire.errors import BadRequest

MAX_URL = 2048
PORTS = (443, 8443)
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?\.?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?](?:(?![#\\])[!-~])*)?",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# `is_global` lets these pass, or did in one version of Python or another: multicast, protocols, the relays of 6to4.
_SHUT_V4: tuple[_Network, ...] = tuple(map(ipaddress.ip_network, ("224.0.0.0/4", "192.0.0.0/24", "192.88.99.0/24")))
_UNICAST = ipaddress.ip_network("2000::/3")
# Teredo and other protocols, 6to4 (both carry an address of IPv4), documentation.
_SHUT_V6: tuple[_Network, ...] = tuple(map(ipaddress.ip_network, ("2001::/23", "2002::/16", "3fff::/20")))
# What a network of IPv6 alone makes of a public address of IPv4.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Target:
    """A URL that webhooks may be sent to; `trusted` says that the settings name its host."""

    url: str
    scheme: str
    host: str
    port: int
    trusted: bool

    @property
    def authority(self) -> str:
        """What belongs in the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, allowed: frozenset[str]) -> Target:
    """Return the target that `url` names; `allowed` are the hosts, or hosts with their port, that may be private.

    Raises:
        BadRequest: 400 invalid_value, it is no URL; 400 webhook_target_not_allowed, webhooks must not go there.
    """
    found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if found is None:
        shown = f"{url!r:.80}"
        raise BadRequest(
            f"Invalid value for 'url': {shown}. It must be https://, a host in ASCII, perhaps a port and a path; "
            f"no user, fragment or blanks, and at most {MAX_URL} characters.",
            code="invalid_value",
            param="url",
        )
    scheme, host = found["scheme"].lower(), found["host"].lower().strip("[]").rstrip(".")
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    target = Target(url, scheme, host, port, trusted=not allowed.isdisjoint(_names(host, port)))
    if not target.trusted and (scheme != "https" or port not in PORTS):
        raise not_allowed(f"'{scheme}' to port {port}")
    return target


def not_allowed(what: str) -> BadRequest:
    """Return the refusal of a target."""
    ports = " or ".join(map(str, PORTS))
    message = f"Webhooks do not go by {what}: only by https to port {ports} of a public address, or to hosts that "
    return BadRequest(
        f"{message}WEBHOOK_ALLOWED_HOSTS names on the engine's machine.", code="webhook_target_not_allowed", param="url"
    )


def is_public(address: str) -> bool:
    """Whether an address, as a resolver returns it, is of the public internet in every reading of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.scope_id is not None:
            return False
        carried = _carried(parsed)
        if carried is None:
            return parsed in _UNICAST and parsed.is_global and not _within(parsed, _SHUT_V6)
        parsed = carried
    return parsed.is_global and not _within(parsed, _SHUT_V4)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for, or None."""
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped


def _within(address: Address, networks: tuple[_Network, ...]) -> bool:
    return any(address in network for network in networks)


def _names(host: str, port: int) -> set[str]:
    """How a setting may name a host; an address of IPv6 stands in brackets there."""
    shown = f"[{host}]" if ":" in host else host
    return {shown, f"{shown}:{port}"}
