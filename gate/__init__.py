"""Who may ask: the rules that stand before both servers' routes, whichever program launches them."""

from gate.access import Access
from gate.arrival import Arrivals
from gate.crowd import Crowd, leave
from gate.keys import NOBODY, SCOPES, SERVICE, Key, KeyFile
from gate.origins import is_own
from gate.rates import RateLimit
from gate.wsgi import Gate, Rules

__all__ = [
    "NOBODY",
    "SCOPES",
    "SERVICE",
    "Access",
    "Arrivals",
    "Crowd",
    "Gate",
    "Key",
    "KeyFile",
    "RateLimit",
    "Rules",
    "is_own",
    "leave",
]
