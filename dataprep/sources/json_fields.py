"""Values out of JSON that nobody vouches for: wrong types become empty ones; it knows no format.

A JSON file is read whole: it takes about ten times its size in memory. JSON Lines take one line at a time.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataprep.sources.source import Head, UnreadableSource
from dataprep.sources.text_lines import open_export

MAX_JSON_BYTES = 512 * 1024**2

Object = dict[str, Any]
Pairs = list[tuple[str, Any]]


def read_json_text(source: Path | Head) -> str:
    """Return the text of a JSON file, without a byte order mark; raises UnreadableSource if it is too large."""
    size = (source.path if isinstance(source, Head) else source).stat().st_size
    if size > MAX_JSON_BYTES:
        limit = f"more than the {MAX_JSON_BYTES // 1024**2} MiB that are read at once"
        raise UnreadableSource(f"The JSON file has {size / 1024**2:.0f} MiB, {limit}. Export it in parts.")
    with open_export(source) as file:
        return file.read().removeprefix("\ufeff")


def parse_json(text: str, hook: Callable[[Pairs], Any] | None = None) -> Any:
    """Decode JSON with raw control characters allowed; raises UnreadableSource with the place of the fault."""
    try:
        return json.loads(text, strict=False, object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise UnreadableSource(f"The file is not valid JSON ({where}). Export it again, or repair it.") from None
    except RecursionError:
        raise UnreadableSource("The JSON is nested too deeply for any chat export. Export it again.") from None
    except ValueError:
        raise UnreadableSource("The JSON holds a number with too many digits. Repair that number.") from None


def parse_line(line: str) -> Object | None:
    """Decode one line that should be a JSON object; None if it is not."""
    try:
        value = parse_json(line)
    except UnreadableSource:
        return None
    return value if isinstance(value, dict) else None


def as_text(value: object) -> str:
    """Return a string as it is, a number as its digits, everything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def first_text(*values: object) -> str:
    """Return the first of the values that is a text with something in it."""
    return next((text for text in map(as_text, values) if text.strip()), "")


def as_object(value: object) -> Object:
    """Return an object as it is, everything else as an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return an array as it is, everything else as an empty one."""
    return value if isinstance(value, list) else []
