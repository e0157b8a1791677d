"""Reads a long JSON array one element at a time, so that memory holds one element; it does not know what they mean."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, TextIO

CHUNK_CHARS = 256 * 1024
LARGEST_CHUNK_CHARS = 8 * 1024 * 1024
# No conversation needs more; beyond it a missing bracket would pull the whole file into memory.
MAX_ELEMENT_CHARS = 32 * 1024 * 1024
# A literal, a number or an escape that the window's edge cut in two ends within so many characters.
_LONGEST_CUT_TOKEN = 400
_MAX_DIGITS = 4000
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_find_text = re.compile(r"\S").search


class BrokenJson(ValueError):
    """The JSON ends or goes wrong; `row` is the number of the element, from 1, that could not be read."""

    def __init__(self, row: int, detail: str) -> None:
        super().__init__(f"element {row}: {detail}")
        self.row = row
        self.detail = detail


class JsonStream:
    """A text file of JSON seen through a window that moves on; raises json.JSONDecodeError on what is not JSON."""

    def __init__(self, file: TextIO, start: str = "") -> None:
        self._file = file
        self._text = start
        self._at = 0

    def peek(self) -> str:
        """Return the next character that is no white space, or an empty string at the end."""
        while not (found := _find_text(self._text, self._at)):
            self._at = len(self._text)
            if not self._read_on():
                return ""
        self._at = found.start()
        return self._text[self._at]

    def skip(self) -> None:
        """Step over the character that `peek` showed."""
        self._at += 1

    def value(self) -> Any:
        """Return the JSON value that starts here; halves of characters (lone surrogates) become U+FFFD."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._is_cut(error) and self._read_on():
                    continue
                if self._is_too_long():
                    detail = f"a value is longer than {MAX_ELEMENT_CHARS >> 20} million characters"
                    raise json.JSONDecodeError(detail, "", 0) from None
                raise
            if end == len(self._text) and self._read_on():
                continue
            source, self._at = self._text[self._at : end], end
            return _mend(value) if _SURROGATE_ESCAPE.search(source) else value

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        if self._is_too_long():
            return False
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _LONGEST_CUT_TOKEN

    def _is_too_long(self) -> bool:
        return len(self._text) - self._at > MAX_ELEMENT_CHARS

    def _read_on(self) -> bool:
        self._text = self._text[self._at :]
        self._at = 0
        chunk = self._file.read(min(max(CHUNK_CHARS, len(self._text)), LARGEST_CHUNK_CHARS))
        self._text += chunk
        return bool(chunk)


def read_elements(file: TextIO) -> Iterator[tuple[int, Any]]:
    """Yield (row, value) of an array, or of objects that just follow each other; raises BrokenJson."""
    stream = JsonStream(file)
    if stream.peek() == "[":
        stream.skip()
        yield from read_array(stream)
        return
    row = 0
    while stream.peek():
        row += 1
        yield row, _value(stream, row)
        if stream.peek() == ",":
            stream.skip()


def read_array(stream: JsonStream) -> Iterator[tuple[int, Any]]:
    """Yield (row, value) of an array whose opening bracket is behind the stream; raises BrokenJson."""
    row = 0
    while (sign := stream.peek()) != "]":
        row += 1
        if not sign:
            raise BrokenJson(row, "the file ends before the array does")
        yield row, _value(stream, row)
        if stream.peek() == ",":
            stream.skip()
    stream.skip()


def _value(stream: JsonStream, row: int) -> Any:
    try:
        return stream.value()
    except json.JSONDecodeError as error:
        raise BrokenJson(row, f"not valid JSON ({error.msg})") from None
    except RecursionError:
        raise BrokenJson(row, "nested too deeply") from None


def _mend(value: Any) -> Any:
    text = json.dumps(value, ensure_ascii=False)
    return _DECODER.decode(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _read_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


def _read_float(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _read_constant(_name: str) -> None:
    return None


# What JSON has no place for (NaN, a number beyond all measure) reads as null.
_DECODER = json.JSONDecoder(parse_int=_read_int, parse_float=_read_float, parse_constant=_read_constant, strict=False)
