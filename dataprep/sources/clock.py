"""Times as exports write them, in seconds; a clock without a zone is read as UTC, and none is ever guessed."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

_WRITTEN = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r" ?(?:(Z)|([+-])(\d{2}):?(\d{2}))?",
    re.ASCII,
)
_NUMBER = re.compile(r"\d{1,16}(?:\.\d{1,9})?", re.ASCII)
_MILLISECONDS = 100_000_000_000
_YEAR_10000 = 253_402_300_800


def seconds_of(value: object) -> float | None:
    """Return a time in seconds since 1970, from seconds, milliseconds or a date in figures; None if it is no time."""
    if isinstance(value, str):
        word = value.strip()
        return _count(float(word)) if _NUMBER.fullmatch(word) else _written(word)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _count(float(value)) if 0 < value < 10**16 else None
    return None


def _count(number: float) -> float | None:
    seconds = number / 1000 if number >= _MILLISECONDS else number
    return seconds if 0 < seconds < _YEAR_10000 else None


def _written(word: str) -> float | None:
    match = _WRITTEN.fullmatch(word)
    if not match:
        return None
    *date, second, fraction, _, sign, hours, minutes = match.groups()
    year, month, day, hour, minute = (int(part) for part in date)
    try:
        moment = datetime(year, month, day, hour, minute, int(second or 0), tzinfo=UTC)
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            moment += -offset if sign == "+" else offset
    except (ValueError, OverflowError):
        return None
    return moment.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)
