"""Times as exports write them, in seconds since 1970; a clock without a zone is read as UTC, and none is guessed."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

_WRITTEN = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r" ?(?:(Z)|([+-])(\d{2}):?(\d{2}))?",
    re.ASCII,
)
_NUMBER = re.compile(r"\d{1,16}(?:\.\d{1,9})?", re.ASCII)
# A number of seconds above the first lies after the year 5000: it counts milliseconds; above the second microseconds.
_MILLISECONDS_FROM, _MICROSECONDS_FROM = 10**11, 10**14
_LARGEST = 10**16
_YEAR_10000 = 253_402_300_800


def seconds_of(value: object) -> float | None:
    """Return a time given in seconds, milli- or microseconds, as number or text, or as a date; None if it is none."""
    if isinstance(value, str):
        word = value.strip()
        return _count(float(word)) if _NUMBER.fullmatch(word) else _written(word)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _count(float(value)) if 0 < value < _LARGEST else None
    return None


def seconds_at(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> float | None:
    """Return the time of a date and clock in figures, as if in UTC; None if there is no such moment."""
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _count(number: float) -> float | None:
    if number >= _MICROSECONDS_FROM:
        number /= 1_000_000
    elif number >= _MILLISECONDS_FROM:
        number /= 1000
    return number if 0 < number < _YEAR_10000 else None


def _written(word: str) -> float | None:
    match = _WRITTEN.fullmatch(word)
    if not match:
        return None
    *figures, fraction, _, sign, hours, minutes = match.groups()
    seconds = seconds_at(*(int(part or 0) for part in figures))
    if seconds is None:
        return None
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes)).total_seconds()
        seconds += -offset if sign == "+" else offset
    seconds += float(f"0.{fraction}") if fraction else 0.0
    return seconds if 0 < seconds < _YEAR_10000 else None
