"""The date and time at the head of a WhatsApp line, in any locale; day and month are told apart by the whole file."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, NamedTuple

from dataprep.sources.clock import seconds_at

Order = Literal["ymd", "dmy", "mdy"]

_SPACE = "[ \u202f\u00a0\u2009]"
_MARKS = "[\u200e\u200f\ufeff\u202a\u202c]*"
_MORNING = ("上午", "凌晨", "清晨", "早上", "午前", "오전")
_AFTERNOON = ("下午", "中午", "傍晚", "晚上", "午後", "오후")
_BEFORE = "|".join(_MORNING + _AFTERNOON)
_AFTER = rf"[AaPp]\.?{_SPACE}?[Mm]\.?"
_DATE = rf"(\d{{1,4}})[./-]{_SPACE}?(\d{{1,2}})[./-]{_SPACE}?(\d{{1,4}})\.?"
_CLOCK = rf"({_BEFORE})?{_SPACE}?(\d{{1,2}})[:.](\d\d)(?:[:.](\d\d))?(?:{_SPACE}?({_AFTER}|{_BEFORE}))?"
_BETWEEN = rf"[,،]?{_SPACE}{{1,2}}(?:[a-zà]{{1,3}}\.?{_SPACE})?"
# `[date, time] rest` on iOS, `date, time - rest` on Android.
_END = rf"(?(1)\]{_SPACE}?|{_SPACE}[-–]{_SPACE})"
_HEADER = re.compile(rf"{_MARKS}(\[)?{_DATE}{_BETWEEN}{_CLOCK}{_END}(.*)", re.ASCII | re.DOTALL)


class Stamp(NamedTuple):
    """A line's head as it stands: the three numbers of the date in their order, the clock, and what follows."""

    date: tuple[int, int, int]
    year_first: bool
    clock: tuple[int, int, int]
    half: str
    is_ios: bool
    rest: str


def read_stamp(line: str) -> Stamp | None:
    """Return the head of a line that starts a message; None if the line goes on with the one before."""
    found = _HEADER.match(line)
    if not found:
        return None
    a, b, c = found[2], found[3], found[4]
    year_first = len(a) == 4
    if len(c) > 2 if year_first else len(a) > 2 or len(c) not in (2, 4):
        return None
    clock = int(found[6]), int(found[7]), int(found[8] or 0)
    half = (found[5] or found[9] or "").lower()
    return Stamp((int(a), int(b), int(c)), year_first, clock, half, found[1] is not None, found[10])


def infer_order(stamps: Iterable[Stamp]) -> Order:
    """Return the order of the date's parts: by parts above 12, then by the one in which time runs forwards."""
    dates: list[tuple[int, int, int]] = []
    firsts = seconds = halves = year_first = 0
    for stamp in stamps:
        halves += stamp.half[:1] in ("a", "p")
        if not dates or dates[-1] != stamp.date:
            dates.append(stamp.date)
            firsts += stamp.date[0] > 12
            seconds += stamp.date[1] > 12
            year_first += stamp.year_first
    if year_first > len(dates) / 2:
        return "ymd"
    # A part above 12 is no month; then the falls of time decide, then am and pm, for they go with the month first.
    doubts = firsts - seconds or _count_falls(dates, "mdy") - _count_falls(dates, "dmy")
    if doubts:
        return "dmy" if doubts > 0 else "mdy"
    return "mdy" if halves else "dmy"


def _count_falls(dates: list[tuple[int, int, int]], order: Order) -> int:
    days = [_day(date, order) for date in dates]
    return sum(1 for before, after in pairwise(days) if after < before)


def _day(date: tuple[int, int, int], order: Order) -> tuple[int, int, int]:
    a, b, c = date
    if order == "ymd":
        return a, b, c
    year = c + 2000 if c < 100 else c
    return (year, b, a) if order == "dmy" else (year, a, b)


def as_unix(stamp: Stamp, order: Order) -> float | None:
    """Return the moment as Unix seconds, as if in UTC; None if there is no such day or time."""
    hour, minute, second = stamp.clock
    if stamp.half:
        late = stamp.half in _AFTERNOON or stamp.half.startswith("p")
        hour = hour % 12 + 12 * late if hour <= 12 else hour
    return seconds_at(*_day(stamp.date, "ymd" if stamp.year_first else order), hour, minute, second)
