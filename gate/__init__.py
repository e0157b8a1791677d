"""Who may ask: the rules that stand before both servers' routes, whichever program launches them."""

from gate.access import Access
from gate.hosts import is_loopback, known_hosts
from gate.keys import NOBODY, SCOPES, Key, KeyFile
from gate.origins import Origins
from gate.rates import RateLimit
from gate.wsgi import Gate

__all__ = [
    "NOBODY",
    "SCOPES",
    "Access",
    "Gate",
    "Key",
    "KeyFile",
    "Origins",
    "RateLimit",
    "is_loopback",
    "known_hosts",
]
