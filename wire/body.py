"""A strict reader of JSON request bodies; what a field may hold is `wire.requests`' matter."""

import json
import math
import re
from collections import Counter
from itertools import chain
from typing import Any, NoReturn, Protocol

import msgspec

from wire.errors import BadRequest, PayloadTooLarge, UnsupportedMediaType

MAX_BYTES = 8 * 1024 * 1024

MAX_DEPTH = 64
"""Levels, the values innermost counted; a schema of ten objects in lists, OpenAI's deepest, needs more than 32."""
_SHOWN = 20
_CHARSET = re.compile(r"""(?:^|;)\s*charset\s*=\s*["']?([^\s;"']+)""")
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")
_READ_BYTES = 64 * 1024
_CONTAINERS = (dict, list)
_DOUBTFUL = object()
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_EXACT = 2**53  # msgspec gives whole numbers beyond 64 bits as floats
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Readable(Protocol):
    """Bytes that come one block after the other, b"" at their end."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes."""


def read_whole(source: Readable, announced: int | None, most: int = MAX_BYTES, what: str = "A JSON body") -> bytes:
    """Return all of `source`, of which the head announced so many bytes; raises PayloadTooLarge beyond `most`.

    Werkzeug alone would read the first bytes of a chunked body that is too long, and say nothing.
    """
    if (announced or 0) > most:
        raise _too_large(what, most)
    if announced == 0:  # some launchers would wait for more
        return b""
    pieces, count = [], 0
    while piece := source.read(_READ_BYTES):
        pieces.append(piece)
        count += len(piece)
        if count > most:
            raise _too_large(what, most)
    return b"".join(pieces)


def parse_object(raw: bytes, content_type: str | None) -> dict[str, Any]:
    """Return the JSON object in `raw`; refuse other content types, broken or hostile JSON and anything but an object.

    Raises:
        UnsupportedMediaType: 415, the content type is not application/json, or names a charset other than UTF-8.
        BadRequest: 400, code invalid_json, invalid_encoding, duplicate_key, invalid_number, invalid_unicode,
            json_too_deep or body_must_be_object.
    """
    media_type, _, parameters = (content_type or "").lower().partition(";")
    media_type = media_type.strip()
    if media_type != "application/json":
        shown = media_type or "none at all"
        raise UnsupportedMediaType(
            f"The body's content type is {shown}; send JSON with 'Content-Type: application/json'.",
            code="unsupported_content_type",
        )
    charset = _CHARSET.search(parameters)
    if charset and charset[1] not in _CHARSETS:
        raise UnsupportedMediaType(
            f"The body's charset is said to be {charset[1]:.40}; send JSON in UTF-8.", code="unsupported_content_type"
        )
    body = _load(raw)
    if not isinstance(body, dict):
        raise BadRequest(f"The body is {_name(body)}; send a JSON object.", code="body_must_be_object")
    return body


def _too_large(what: str, most: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"{what} has at most {most} bytes.", code="body_too_large")


def refuse_encoded(encoding: str | None) -> None:
    """Refuse a body whose `Content-Encoding` is any: nothing here unpacks.

    Raises:
        UnsupportedMediaType: 415 unsupported_encoding.
    """
    if (encoding or "identity").lower() != "identity":
        message = f"The body is {encoding:.40}-encoded; send it as it is."
        raise UnsupportedMediaType(message, code="unsupported_encoding")


def _load(raw: bytes) -> Any:
    body = _read_quickly(raw)
    return _read_carefully(raw) if body is _DOUBTFUL else body


def _read_quickly(raw: bytes) -> Any:
    """Return what `raw` says, or `_DOUBTFUL`: whatever is wrong with it, or rare, is for `_read_carefully` to find.

    A key that stands twice is a string more in the text than in what becomes of it.
    """
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _DOUBTFUL
    quotes = (_ESCAPE.sub(b"", raw) if b"\\" in raw else raw).count(b'"')
    return body if _strings(body) * 2 == quotes else _DOUBTFUL


def _strings(body: Any) -> float:
    """Count the strings in `body`, keys too; NaN if it is too deep, or has a number that msgspec may have rounded."""
    level, strings = [body], int(type(body) is str)
    for _ in range(MAX_DEPTH):
        level = [item for item in level if type(item) in _CONTAINERS]
        if not level:
            return strings
        strings += sum(len(item) for item in level if type(item) is dict)
        level = [*chain.from_iterable(item.values() if type(item) is dict else item for item in level)]
        kinds = [*map(type, level)]
        strings += kinds.count(str)
        if float in kinds and any(type(item) is float and abs(item) >= _EXACT for item in level):
            break
    return math.nan


def _read_carefully(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8: {error}.", code="invalid_encoding") from None
    try:
        body = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise BadRequest(f"The JSON is nested deeper than {MAX_DEPTH} levels.", code="json_too_deep") from None
    except json.JSONDecodeError as error:
        raise BadRequest(_diagnose(error), code="invalid_json") from None
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    _refuse_deep(body)
    if _SURROGATE.search(text):  # UTF-8 itself has none
        _refuse_halves(body)
    return body


def _diagnose(error: json.JSONDecodeError) -> str:
    """Say where it breaks and what stands there: some shells change the quotes of a body before it is sent."""
    if not error.doc.strip():
        return "The body is empty; send a JSON object."
    if error.doc.startswith("\ufeff"):
        return "The body begins with a byte order mark; send UTF-8 without one."
    rest = error.doc[error.pos :]
    found = f"found {rest[:_SHOWN]!r}" if rest else "where it ends"
    return f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}, {found}."


def _refuse_deep(body: Any) -> None:
    level, depth = [body] if type(body) in _CONTAINERS else [], 1
    while level:
        depth += 1
        if depth > MAX_DEPTH and any(level):
            raise BadRequest(f"The JSON is nested deeper than {MAX_DEPTH} levels.", code="json_too_deep")
        within = chain.from_iterable(item.values() if type(item) is dict else item for item in level)
        level = [item for item in within if type(item) in _CONTAINERS]


def _refuse_halves(value: Any) -> None:
    """Refuse half a surrogate pair, which parses but breaks later."""
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise BadRequest("A string holds half of a surrogate pair (\\ud800 to \\udfff).", code="invalid_unicode")
    elif isinstance(value, _CONTAINERS):
        for inner in chain(value, value.values()) if isinstance(value, dict) else value:
            _refuse_halves(inner)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        _refuse_halves(twice)  # no answer could show them
        raise BadRequest(f"The key '{twice}' appears twice in one object.", code="duplicate_key", param=twice)
    return found


def _no_constant(constant: str) -> NoReturn:
    raise BadRequest(f"{constant} is not a JSON number.", code="invalid_number")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise BadRequest(f"The number {digits[:40]} is too large.", code="invalid_number")
    return value


def _name(body: Any) -> str:
    if body is None:
        return "null"
    return {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}[type(body)]
