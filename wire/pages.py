"""Lists as the wire pages them; `after` is exclusive and `has_more` is always there (wire reference 2.4, 9.3)."""

from collections.abc import Sequence
from typing import Any


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
