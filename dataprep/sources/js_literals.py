"""Reads object literals of JavaScript, JSON among them, as values; nothing is ever executed or looked up."""

import re
from collections.abc import Callable

MAX_DEPTH = 60
_TOKEN = re.compile(
    r"""\s*+(?:(?P<sign>[{}\[\]:,])
    |'(?P<single>(?:[^'\\]|\\.)*+)'
    |"(?P<double>(?:[^"\\]|\\.)*+)"
    |(?P<number>[-+]?(?:\d[\d.]{0,30}(?:[eE][-+]?\d{1,5})?)(?![\w.]))
    |(?P<word>[A-Za-z_$][\w$]*))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,8})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}
_WORDS = {"true": True, "false": False, "null": None, "undefined": None, "NaN": None, "None": None}


class BrokenLiteral(ValueError):
    """What stands at `at` is no literal; `at_end` says that the text ended before the literal did."""

    def __init__(self, at: int, at_end: bool) -> None:
        super().__init__(f"no literal at character {at}")
        self.at = at
        self.at_end = at_end


def read_literal(text: str, at: int) -> tuple[object, int]:
    """Return the value that starts at a position, and where it ends; raises BrokenLiteral."""
    return _Reader(text).value(at, 0)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def value(self, at: int, depth: int) -> tuple[object, int]:
        found = self._token(at)
        if found["sign"] in ("{", "[") and depth < MAX_DEPTH:
            read: Callable[[int, int], tuple[object, int]] = self._object if found["sign"] == "{" else self._array
            return read(found.end(), depth + 1)
        if found["sign"] or (found["word"] and found["word"] not in _WORDS):
            raise BrokenLiteral(found.end(), at_end=False)
        if found["number"]:
            return _number(found["number"]), found.end()
        if found["word"]:
            return _WORDS[found["word"]], found.end()
        return _unescape(found["single"] if found["single"] is not None else found["double"]), found.end()

    def _object(self, at: int, depth: int) -> tuple[object, int]:
        members: dict[str, object] = {}
        while not (found := self._token(at))["sign"]:
            key = found["word"] or found["single"] or found["double"] or found["number"] or ""
            members[key], at = self.value(self._sign(found.end(), ":"), depth)
            at = self._comma(at, "}")
        return members, self._closed(found, "}")

    def _array(self, at: int, depth: int) -> tuple[object, int]:
        members: list[object] = []
        while (found := self._token(at))["sign"] != "]":
            member, at = self.value(at, depth)
            members.append(member)
            at = self._comma(at, "]")
        return members, found.end()

    def _token(self, at: int) -> re.Match[str]:
        found = _TOKEN.match(self._text, at)
        if found:
            return found
        rest = self._text[at : at + 200].lstrip()
        raise BrokenLiteral(at + 1, at_end=rest[:1] in ("", "'", '"'))

    def _sign(self, at: int, sign: str) -> int:
        return self._closed(self._token(at), sign)

    def _comma(self, at: int, end: str) -> int:
        """Return where the next member begins: after a comma, or at the closing sign."""
        found = self._token(at)
        if found["sign"] == end:
            return at
        return self._closed(found, ",")

    def _closed(self, found: re.Match[str], sign: str) -> int:
        if found["sign"] != sign:
            raise BrokenLiteral(found.end(), at_end=False)
        return found.end()


def _number(digits: str) -> float | int | None:
    try:
        return int(digits) if digits.lstrip("+-").isdecimal() else float(digits)
    except ValueError:
        return None


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_character, text)
    # Two halves of a character meet here; a half that is alone becomes U+FFFD.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(found: re.Match[str]) -> str:
    wide, narrow, byte, simple = found.groups()
    if simple is not None:
        return _SIMPLE.get(simple, simple)
    code = int(wide or narrow or byte, 16)
    return chr(code) if code < 0x110000 else "\ufffd"
