"""Reads a record as JSON and mends what can be meant in one way only; what examples hold is not looked at."""

import re
from typing import NamedTuple

from dataprep.checks.examples import holds_examples
from dataprep.checks.strict_json import Unreadable, read_line
from dataprep.fixing.framing import split_objects

_STRING_OR_COMMA = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|,(?=\s*+[}\]])', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


class Reading(NamedTuple):
    """The values of one record, and the codes of what had to be mended to read them."""

    values: list[object]
    mended: list[str]


def read(text: str) -> Reading | None:
    """Read a record; None if it is no JSON that could be meant in one way only."""
    try:
        return _take_apart(read_line(_encode(text)), [])
    except Unreadable as unreadable:
        if unreadable.problem.code != "invalid_json":
            return None
    mended = list[str]()
    tidy = _tidy(text, mended)
    objects = split_objects(tidy)
    if len(objects) > 1:
        mended.append("split_lines")
    elif tidy.rstrip().endswith(","):
        mended.append("drop_trailing_comma")
    if not mended:
        return None
    try:
        if not objects:
            return _take_apart(read_line(_encode(tidy)), sorted(set(mended)))
        return Reading([read_line(_encode(one)) for one in objects], sorted(set(mended)))
    except Unreadable:
        return None


def _take_apart(value: object, mended: list[str]) -> Reading:
    """The reading of one value: of the examples in it, where it is an array of such."""
    if isinstance(value, list) and holds_examples(value):
        return Reading(value, [*mended, *("array_to_lines" for _ in value)])
    return Reading([value], mended)


def _tidy(text: str, mended: list[str]) -> str:
    """The text without commas before closing brackets, and with control characters in strings escaped."""

    def replace(match: re.Match[str]) -> str:
        found = match[0]
        if found == ",":
            mended.append("drop_trailing_comma")
            return ""
        if _CONTROL.search(found):
            mended.append("escape_control")
            return _CONTROL.sub(lambda sign: _SHORT.get(sign[0], f"\\u{ord(sign[0]):04x}"), found)
        return found

    return _STRING_OR_COMMA.sub(replace, text)


def _encode(text: str) -> bytes:
    # Bytes that fit no encoding travel as surrogates; as bytes they are refused like everywhere else.
    return text.encode("utf-8", "surrogateescape")
