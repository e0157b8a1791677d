"""Which web pages may call: their own origin, and those that the settings name; by Go's CrossOriginProtection.

A browser says where a page comes from, and a page cannot change what it says. Others (curl, Postman) say nothing.
"""

from dataclasses import dataclass
from typing import Any

from wire.errors import ApiError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PREFLIGHT = (
    ("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE"),
    (
        "Access-Control-Allow-Headers",
        "authorization, content-type, idempotency-key, last-event-id, x-request-id, x-confirm-new-job, "
        "x-confirm-over-budget",
    ),
    ("Access-Control-Max-Age", "600"),
)
_READABLE = "X-Request-Id, Retry-After, Idempotent-Replayed"

Headers = list[tuple[str, str]]


def is_own(environ: dict[str, Any]) -> bool:
    """Whether a page of this server asks, its user, or no browser."""
    origin, site = environ.get("HTTP_ORIGIN", ""), environ.get("HTTP_SEC_FETCH_SITE", "")
    own = origin.partition("://")[2] == environ.get("HTTP_HOST") if origin else True
    return site in ("same-origin", "none") or (not site and own)


@dataclass(frozen=True)
class Origins:
    """`allowed` are origins as browsers write them, such as `https://intranet.example`; compared letter for letter."""

    allowed: frozenset[str] = frozenset()

    def require_known(self, environ: dict[str, Any]) -> None:
        """Let through what changes nothing, what no browser sent, and what a page of a known origin sent.

        Raises:
            ApiError: 403 origin_not_allowed.
        """
        origin = environ.get("HTTP_ORIGIN", "")
        if environ["REQUEST_METHOD"] in SAFE_METHODS or origin in self.allowed or is_own(environ):
            return
        shown = origin or "another site"
        message = f"A page of {shown[:100]!a} may not call this server; ALLOWED_ORIGINS takes origins that may."
        raise ApiError(message, code="origin_not_allowed", status=403)

    def headers(self, environ: dict[str, Any]) -> Headers:
        """Return what lets a page of an allowed origin read the answer; nothing for others."""
        origin = environ.get("HTTP_ORIGIN", "")
        if origin not in self.allowed:
            return [("Vary", "Origin")] if self.allowed else []
        return [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Expose-Headers", _READABLE),
            ("Vary", "Origin"),
        ]

    def preflight(self, environ: dict[str, Any]) -> Headers | None:
        """Return the answer to a browser that asks before it sends; None if this is no such question of ours."""
        asks = environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        if not asks or environ.get("HTTP_ORIGIN", "") not in self.allowed:
            return None
        return [*self.headers(environ), *_PREFLIGHT]
