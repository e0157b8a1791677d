"""How numbers, times and names are written on a page; what they are called is the templates' matter."""

import re
from datetime import UTC, datetime

from markupsafe import Markup

_JOINTS = re.compile(r"(?<=[:/\-])(?=.)")


def utc(unix: int | None) -> str:
    """Return a time as 2026-11-29 22:10 UTC, a dash for none."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M UTC") if unix else "–"


def iso(unix: int) -> str:
    """Return a time for machines."""
    return datetime.fromtimestamp(unix, UTC).isoformat()


def clock(seconds: float) -> str:
    """Return a span as 4:07 or 1:02:03."""
    minutes, left = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def size(count: int) -> str:
    """Return a number of bytes as 1.7 KB."""
    figure, unit = float(count), "B"
    for bigger in ("KB", "MB", "GB"):
        if figure < 1000:
            break
        figure, unit = figure / 1000, bigger
    return f"{figure:.1f} {unit}" if unit != "B" else f"{count} B"


def figure(value: float | None) -> str:
    """Return a loss or a share with three decimals, a dash for none."""
    return f"{value:.3f}" if isinstance(value, int | float) else "–"


def jointed(name: str) -> Markup:
    """Return a model's name as HTML that breaks behind its colons, hyphens and slashes."""
    return Markup("<wbr>").join(_JOINTS.split(name))
