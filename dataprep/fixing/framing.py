"""Cuts a text into records, one JSON value each, whether it is lines, an array or objects over many lines.

It looks only at quotation marks and brackets; whether a record is valid JSON is for its reader to find out.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, TextIO

from dataprep.checks.examples import recognise
from dataprep.checks.limits import are_too_short

# As much as is ever held of one record, in characters.
MAX_RECORD = 32 * 1024 * 1024
# Nothing reads JSON that is nested as deeply.
MAX_DEPTH = 10_000
_PIECE = 1024 * 1024
BLANK = " \t\r\n\f\v"
_BLANK_OR_MARK = "\ufeff" + BLANK

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},"]', re.DOTALL)
_MOVES = re.compile(r'[\[\]{}"]').search
_MORE_THAN_OPENS = re.compile(r'["\]},]').search
_REST_OF_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


# A line that waits for its record to end: its number, its text, and how often it came in a row.
Held = tuple[int, str, int]


class Record(NamedTuple):
    """One value, or one line that is none; `line` is its first, `origin` a change's code unless it had a line alone.

    The same line again and again, of which there may be a million, is one record; `lines` is how many.
    """

    line: int
    text: str
    origin: str = ""
    lines: int = 1


class TooLong(ValueError):
    """A single record is larger than anything that could be held in memory."""


class Scanner:
    """Follows quotation marks and brackets through pieces of text that end anywhere but behind a backslash."""

    def __init__(self) -> None:
        self.depth = 0
        self.in_string = False

    def passes(self, piece: str) -> bool:
        """Whether a piece only opens brackets, or less: most lines of a broken file; it is followed then."""
        if self.in_string or _MORE_THAN_OPENS(piece):
            return False
        self.depth += piece.count("{") + piece.count("[")
        return True

    def scan(self, piece: str) -> Iterator[tuple[int, str]]:
        """Yield the place of each bracket and comma outside strings; `depth` is that behind the sign."""
        at = 0
        if self.in_string:
            rest = _REST_OF_STRING.match(piece)
            if rest is None:
                return
            at, self.in_string = rest.end(), False
        for token in _TOKEN.finditer(piece, at):
            sign = token[0]
            if sign == '"':
                self.in_string = True
                return
            if sign in "[{":
                self.depth += 1
            elif sign in "]}":
                self.depth -= 1
            elif sign != ",":
                continue
            yield token.start(), sign


def split_objects(text: str) -> list[str]:
    """The objects that stand in a row in one text, with nothing or a comma between them; [] if they are no examples."""
    scanner, objects, start = Scanner(), list[str](), 0
    for at, sign in scanner.scan(text):
        if sign in "]}" and scanner.depth == 0:
            objects.append(text[start : at + 1].strip(BLANK + ",") if objects else text[start : at + 1].strip(BLANK))
            start = at + 1
        if scanner.depth < 0 or are_too_short(len(objects), start):
            return []
    rest = text[start:].strip(BLANK)
    sound = not scanner.in_string and scanner.depth == 0 and rest in ("", ",")
    return objects if sound and all(one.startswith("{") for one in objects) else []


class Framer:
    """One pass over a text; `lines` counts what was read of it, `crlf` how many lines end as on Windows."""

    def __init__(self, stream: TextIO) -> None:
        self.lines = 0
        self.crlf = 0
        self._stream = stream
        self._again: deque[tuple[int, str]] = deque()
        self._in_array = False
        self._at_start = True

    def records(self) -> Iterator[Record]:
        """Yield every record of the text; raises TooLong."""
        started = False
        while (numbered := self._next()) is not None:
            number, piece = numbered
            text = piece.lstrip(_BLANK_OR_MARK)
            if not started and text.startswith("["):
                yield from self._array(number, text[1:])
            elif piece.startswith("{") and not text.rstrip(BLANK + ",").endswith("}"):
                yield from self._spread(number, self._whole(number, piece))
            elif not (self._in_array and text.strip(BLANK) == "]"):
                line = self._whole(number, piece)
                yield Record(number, line.rstrip("\r\n"), lines=1 + self._skip_same(line))
            started = started or bool(text)

    def _skip_same(self, line: str) -> int:
        """Pass over the lines that say the same as the one before them, and count them."""
        skipped = 0
        while line.endswith("\n") and (numbered := self._next()) is not None:
            if numbered[1] != line:
                self._again.appendleft(numbered)
                break
            skipped += 1
        return skipped

    def _next(self) -> tuple[int, str] | None:
        """The next line, or the next piece of a very long one, with the number of its line."""
        if self._again:
            return self._again.popleft()
        piece = self._stream.readline(_PIECE)
        while piece.endswith("\\") and (more := self._stream.readline(1)):
            piece += more
        if not piece:
            return None
        self.lines += self._at_start
        self._at_start = piece.endswith("\n")
        self.crlf += piece.endswith("\r\n")
        return self.lines, piece

    def _whole(self, number: int, piece: str) -> str:
        """The whole line that begins with this piece."""
        if piece.endswith("\n"):
            return piece
        parts, size = [piece], len(piece)
        while not parts[-1].endswith("\n") and (more := self._next()) is not None:
            if more[0] != number:
                self._again.appendleft(more)
                break
            parts.append(more[1])
            size += len(more[1])
            if size > MAX_RECORD:
                raise TooLong(f"line {number} is longer than {MAX_RECORD >> 20} MiB. Is a line break missing?")
        return "".join(parts)

    def _array(self, number: int, piece: str) -> Iterator[Record]:
        """The elements of an array that begins the file; where its brackets go wrong, the lines as they are."""
        scanner = Scanner()
        held, size, first, times = list[Held](), 0, number, 1
        while True:
            start = 0
            for at, sign in () if scanner.passes(piece) else scanner.scan(piece):
                ends = scanner.depth < 0
                if not ends and (sign != "," or scanner.depth):
                    continue
                text = (_joined(held) + piece[start:at]).strip(BLANK)
                if text:
                    yield Record(first, text, "array_to_lines")
                start, size, first = at + 1, 0, number
                held.clear()
                if ends:
                    self._return([(number, piece[start:], 1)])
                    return
            held.append((number, piece[start:], times))
            size += (len(piece) - start) * times
            numbered = None if self._is_broken(scanner, piece, size) else self._next()
            if numbered is None:
                break
            number, piece = numbered
            times = self._times(scanner, piece)
            if len(held) == 1 and not held[0][1].strip(BLANK):
                first = number
                held.clear()
        self._in_array = True
        self._return(held)

    def _spread(self, number: int, line: str) -> Iterator[Record]:
        """An object over many lines; where it never closes, its lines as they are."""
        scanner, held, size, times = Scanner(), [(number, line, 1)], 0, 1
        while True:
            signs = () if scanner.passes(line) else scanner.scan(line)
            end = next((at for at, sign in signs if sign in "]}" and scanner.depth == 0), None)
            if end is not None:
                if len(held) == 1:
                    break
                yield Record(number, _joined(held[:-1]) + line[: end + 1], "join_lines")
                self._return([(held[-1][0], line[end + 1 :].lstrip(BLANK + ","), 1)])
                return
            size += len(line) * times
            numbered = None if self._is_broken(scanner, line, size) else self._next()
            if numbered is None:
                break
            if _begins_anew(line, numbered[1]):
                self._again.appendleft(numbered)
                break
            line, times = numbered[1], self._times(scanner, numbered[1])
            held.append((*numbered, times))
        for at, text, times in held:
            yield Record(at, text.rstrip("\r\n"), lines=times)

    def _is_broken(self, scanner: Scanner, piece: str, size: int) -> bool:
        return size > MAX_RECORD or scanner.depth > MAX_DEPTH or (scanner.in_string and piece.endswith("\n"))

    def _times(self, scanner: Scanner, line: str) -> int:
        """How often a line comes in a row, its repeats being passed over, if none of them begins or ends anything."""
        if scanner.in_string or (_MOVES(line) and not _is_closed(line)):
            return 1
        parts = scanner.depth == 0 and "," in line and bool(line.strip(BLANK + ","))
        return 1 if parts else 1 + self._skip_same(line)

    def _return(self, held: list[Held]) -> None:
        """Put back what belongs to no record yet."""
        lines = [
            (number + more, text) for number, text, times in held if text.strip(BLANK + ",") for more in range(times)
        ]
        self._again.extendleft(reversed(lines))


def _is_closed(line: str) -> bool:
    """Whether a line without a string closes what it opens, and nothing else."""
    depth = 0
    for sign in line if '"' not in line else "]":
        depth += (sign in "{[") - (sign in "}]")
        if depth < 0:
            return False
    return depth == 0


def _joined(held: list[Held]) -> str:
    return "".join(text * times for _, text, times in held)


def _begins_anew(before: str, line: str) -> bool:
    """Whether a line can only be the beginning of another example, not the inside of this one."""
    if not line.startswith("{"):
        return False
    if before.strip(BLANK) == "}":
        return True
    if not line.rstrip(BLANK).endswith("}"):
        return False
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and recognise(value) is not None
