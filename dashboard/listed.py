"""Lists of upstreams that may have none: servers that only answer keep neither files nor jobs."""

from collections.abc import Callable
from typing import Any

from services.failures import is_unserved
from wire.errors import ApiError


def listed(ask: Callable[[dict[str, Any]], dict[str, Any]], query: dict[str, Any]) -> dict[str, Any]:
    """Return a page of what is listed; an empty one, marked as `unserved`, where the upstream has no such call."""
    try:
        return ask(query)
    except ApiError as failure:
        if "after" in query or not is_unserved(failure):
            raise
        return {"data": [], "has_more": False, "unserved": True}
