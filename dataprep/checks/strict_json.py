"""Reads one line as JSON, strictly, and says in plain words what is wrong with it; it knows nothing of chats."""

import json
import math
import re
from typing import NoReturn

from dataprep.checks.limits import are_too_short
from dataprep.checks.report import Problem
from dataprep.checks.whereabouts import find_half, find_repeated_key, find_value
from dataprep.checks.wording import show

# An example with more brackets and commas than this is an attack on memory, not training data.
MAX_VALUES = 1_000_000

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_BETWEEN = re.compile(r"[ \t\r\n]*,?[ \t\r\n]*")
_FINDERS = {"duplicate_key": find_repeated_key, "lone_surrogate": find_half}
_CURLY = "\u201c\u201d\u201e\u00ab\u00bb\uff02\u2018\u2019\u300c\u300d"
_WAY = "Write the line anew with a JSON library."
_WAYS = {
    "Expecting value": "Put text into double quotation marks.",
    "Expecting ',' delimiter": 'A comma is missing, or a quotation mark inside of a text is not written \\".',
    "Expecting ':' delimiter": "A key and its value stand apart by a colon.",
    "Expecting property name enclosed in double quotes": "Keys stand in double quotation marks.",
}
_CUT_OFF = "the JSON ends in the middle. Put each whole object on one line of its own."


class Unreadable(Exception):
    """The line is not strict JSON; `problem` says why and what to do, `token` is what to look for in the line."""

    def __init__(self, code: str, detail: str, fix: str | None = None, token: str = "") -> None:
        super().__init__(detail)
        self.problem = Problem("", code, detail, fix=fix)
        self.token = token

    def located(self, line: str) -> "Unreadable":
        """The same with its column and its JSON pointer, where the line shows them."""
        find = _FINDERS.get(self.problem.code, find_value)
        place = find(line, self.token) if self.token else None
        if place is not None:
            detail = f"at column {place.column}: {self.problem.detail}"
            self.problem = self.problem._replace(pointer=place.pointer, detail=detail)
        return self


def read_line(line: bytes) -> object:
    """Decode one line; raises Unreadable on bad UTF-8, bad JSON, duplicate keys, NaN, lone surrogates, bombs."""
    if len(line) > MAX_VALUES and sum(line.count(sign) for sign in (b"{", b"[", b",")) > MAX_VALUES:
        raise Unreadable("json_too_large", f"the example holds more than {MAX_VALUES} values. Split it.")
    text = _decode_text(line)
    try:
        value: object = _DECODER.decode(text)
        if _SURROGATE_ESCAPE.search(line):
            _refuse_lone_surrogates(value)
    except Unreadable as unreadable:
        raise unreadable.located(text) from None
    except json.JSONDecodeError as error:
        explanation = _explain(text, error)
        raise Unreadable("invalid_json", explanation, _fix_of(text, explanation)) from None
    except RecursionError:
        raise Unreadable("json_too_deep", "the JSON is nested too deeply. No example needs that.") from None
    except ValueError:
        raise Unreadable("invalid_number", "a number has too many digits to be read. Write it as a string.") from None
    return value


def _decode_text(line: bytes) -> str:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1} of the line, 0x{line[error.start]:02x}, is not UTF-8"
        raise Unreadable("invalid_utf8", f"{where}. Save the file as UTF-8.") from None
    if text.startswith("\ufeff"):
        raise Unreadable(
            "byte_order_mark", "a byte order mark (U+FEFF) stands before the object. Remove it.", "drop_bom"
        )
    return text


def _explain(text: str, error: json.JSONDecodeError) -> str:
    where = f"not valid JSON at column {error.pos + 1}: "
    rest = text[error.pos : error.pos + 8]
    before = text[: error.pos].rstrip()
    if error.msg == "Extra data" and text[error.pos :].strip() == ",":
        return where + "trailing comma. Remove the comma after the object; each stands on a line of its own."
    if error.msg == "Extra data":
        return where + f"{show(rest.strip())} follows the end of the object. Write one object a line, nothing else."
    if not rest.strip() or error.msg.startswith("Unterminated string"):
        return where + _CUT_OFF
    if "trailing comma" in error.msg or (rest[0] in "]}" and before.endswith(",")):
        return where + "trailing comma. Remove the comma before the closing bracket."
    if rest[0] == "'":
        return where + "single quotes. JSON strings and keys stand in double quotes."
    if rest.startswith(("//", "/*", "#")):
        return where + "a comment. JSON has none: remove it."
    if rest.startswith(("True", "False", "None")):
        return where + "Python's True, False, None are written true, false, null in JSON."
    if error.msg.startswith("Invalid control character"):
        return where + "a raw tab or control character in a string. Write \\t or \\u00XX."
    if error.msg.startswith("Invalid \\"):
        return where + "a backslash that escapes nothing. Write it twice."
    if rest[0] in _CURLY:
        return where + f"{show(rest[0])}, which is no quotation mark of JSON's. Write \"."
    return where + f"{error.msg[0].lower()}{error.msg[1:]}, found {show(rest)}. {_WAYS.get(error.msg, _WAY)}"


def _fix_of(text: str, explanation: str) -> str | None:
    """The mend of a line that is no JSON, where only one thing can be meant."""
    if "trailing comma" in explanation:
        return "drop_trailing_comma"
    if "raw tab or control character" in explanation:
        return "escape_control"
    return "split_lines" if count_objects(text) > 1 else None


def count_objects(text: str) -> int:
    """How many JSON objects stand in a row in a text, with nothing or a comma between; 0 if they are no examples."""
    at, count = 0, 0
    while (at := _BETWEEN.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError, Unreadable):
            return 0
        count += 1
        if not isinstance(value, dict) or are_too_short(count, at):
            return 0
    return count


def _refuse_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        detail = (
            f"\\u{ord(half):04x} is half of a character (a lone surrogate), which is not text. Remove or repair it."
        )
        raise Unreadable("lone_surrogate", detail, token=half) from None


def _build_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    built = dict(pairs)
    if len(built) == len(pairs):
        return built
    seen: set[str] = set()
    twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    raise Unreadable("duplicate_key", f"key {show(twice)} is given twice in one object. Keep one of them.", token=twice)


def _refuse_constant(name: str) -> NoReturn:
    raise Unreadable("invalid_number", f"{name} is not a JSON number. Write null, or a real number.", token=name)


def _read_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        detail = f"{show(digits)} is too large for a number. Write a smaller one, or a string."
        raise Unreadable("invalid_number", detail, token=digits)
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_build_object, parse_constant=_refuse_constant, parse_float=_read_float)
