"""Lists as the wire pages them; `after` is exclusive and `has_more` is always there (wire reference 2.4, 9.3)."""

from collections.abc import Sequence
from typing import Any

from wire.errors import BadRequest


def page(rows: Sequence[dict[str, Any]], limit: int) -> dict[str, Any]:
    """Return one page of at most `limit` rows; pass one row more than `limit` when there are more."""
    data = list(rows[:limit])
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(rows) > limit,
    }


def unknown_cursor(after: str | None) -> BadRequest:
    """Return the refusal of a page behind something that is not in the list and never was."""
    return BadRequest(f"No such object in this list: {after}", code="invalid_value", param="after")
