"""Who may ask: the rules that stand before both servers' routes, whichever program launches them."""

from gate.access import Access
from gate.keys import NOBODY, SCOPES, Key, KeyFile
from gate.rates import RateLimit
from gate.wsgi import Gate, Rules

__all__ = ["NOBODY", "SCOPES", "Access", "Gate", "Key", "KeyFile", "RateLimit", "Rules"]
