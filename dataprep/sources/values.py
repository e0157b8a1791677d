"""What a JSON value is worth when nobody vouches for its type: the wanted type, or an empty one; it never raises."""

import math
from datetime import UTC, datetime
from typing import Any


def as_text(value: Any) -> str:
    """Return a text, or a whole number in digits; anything else is empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**30 else ""


def as_dict(value: Any) -> dict[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_dicts(value: Any) -> list[dict[str, Any]]:
    """Return the objects of an array."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def as_seconds(value: Any) -> float | None:
    """Return seconds from a number or from a number in a text; None where it is neither, or beyond all measure."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def seconds_of_iso(value: Any) -> float | None:
    """Return the seconds of a date and time as ISO 8601 writes it; without a zone it is read as UTC."""
    try:
        moment = datetime.fromisoformat(as_text(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
