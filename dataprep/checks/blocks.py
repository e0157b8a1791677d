"""Reads a large file in blocks and passes over the lines that are certainly clean chats and new; others it hands on.

It decides nothing about what it hands on, and makes no difference to what a check finds: only to how long it takes.
"""

from codecs import utf_8_decode
from collections.abc import Generator, Iterator
from io import BytesIO
from itertools import count, repeat
from typing import BinaryIO

import numpy as np

from dataprep.checks.disguise import BYTE_ORDER_MARK
from dataprep.checks.grammar import Numbers, Survey, make_room, survey
from dataprep.checks.limits import MAX_LINE_BYTES, MAX_REMEMBERED, Line
from dataprep.checks.report import Report
from dataprep.checks.suspicion import may_hold_bearer, may_hold_rare_letters, may_hold_secret

# So much is decoded at a time: for more the system would have to find new pages each time.
_PIECE = 1 << 16
# An offset and a number in one; no such mark is kept where the line's hash is.
_NUMBER_BITS = MAX_REMEMBERED.bit_length()
_HASHED = 0
_BEARER = np.frombuffer(b"bearearearerrer ", "<u4")


class Blocks:
    """One pass over the rest of a stream. What is passed over is counted in the report, as far as the pass has come.

    `seen` has the numbers of lines by their hashes; `longest` is how many bytes a line may have to be passed over.
    """

    def __init__(self, stream: BinaryIO, report: Report, seen: dict[int, int], stride: int, longest: int) -> None:
        self._stream = stream
        self._start = stream.tell()
        self._report = report
        self._seen = seen
        # Where the first line of each sketch is: it is worth a hash once another one is like it.
        self._sketched: dict[int, int] = {}
        self._stride = stride
        self._longest = longest

    def lines(self, size: int) -> Iterator[Line]:
        """The lines that have to be read one by one: doubtful, like an earlier one, too long, or of the sample."""
        number, offset, chats, room = 0, 0, True, make_room(size)
        while block := self._read(offset, size):
            # A mark at the start is taken off before its line is compared with others.
            marked = not offset and block.startswith(BYTE_ORDER_MARK)
            chats = chats and not marked and self._report.kind in (None, "chat")
            whole = block if block.endswith(b"\n") else block + b"\n"
            if chats and len(whole) <= size:
                number = yield from self._choose(block, survey(whole, room), number, offset)
            else:
                yield from zip(count(number + 1), BytesIO(block), repeat(True))
                number += whole.count(b"\n")
            offset += len(block)

    def _read(self, offset: int, size: int) -> bytes:
        """As many whole lines as fit; one that does not fit, or has no end, by itself."""
        self._stream.seek(self._start + offset)
        block = self._stream.read(size)
        end = block.rfind(b"\n") + 1
        return block[:end] if end else block + self._stream.readline(MAX_LINE_BYTES + 1 - len(block))

    def _choose(self, block: bytes, found: Survey, number: int, offset: int) -> Generator[Line, None, int]:
        """Hand on the lines of a block that cannot be passed over; returns the number of its last line."""
        report, suspect = self._report, _may_hold_secret(block)
        stops = found.ends + 1
        starts = np.concatenate(([0], stops[:-1]))
        numbers = np.arange(number + 1, number + 1 + len(stops))
        passed = found.clean & (numbers % self._stride != 0) & (stops - starts <= self._longest)
        passed[self._meet(found, numbers, starts + offset)] = False
        # What kind of file it is, the first lines tell.
        if report.kind is None or not _is_text(block):
            passed[:] = False
        if suspect:
            passed[[at for at in np.flatnonzero(passed) if may_hold_secret(block[starts[at] : stops[at]])]] = False
        done = 0
        for at in np.flatnonzero(~passed).tolist():
            report.examples += at - done
            report.bytes = offset + int(starts[at])
            done = at + 1
            yield number + done, block[starts[at] : stops[at]], suspect
        report.examples += len(stops) - done
        report.bytes = offset + len(block)
        return number + len(stops)

    def _meet(self, found: Survey, numbers: Numbers, offsets: Numbers) -> Numbers:
        """Remember the sketches of clean lines; returns which lines look like earlier ones, whose hashes are seen."""
        clean = np.flatnonzero(found.clean)
        sketches = found.sketches[clean].tolist()
        marks = (offsets[clean] << _NUMBER_BITS | numbers[clean]).tolist()
        remember = self._sketched.setdefault if numbers[0] <= MAX_REMEMBERED else self._sketched.get
        first = list(map(remember, sketches, marks))
        if first == marks:
            return clean[:0]
        alike = [at for at, mark in enumerate(marks) if first[at] != mark]
        for at in alike:
            self._hash(sketches[at])
        return clean[alike]

    def _hash(self, sketch: int) -> None:
        """See to it that the hash of a sketch's first line is seen."""
        mark = self._sketched[sketch]
        number = mark & ((1 << _NUMBER_BITS) - 1)
        if mark == _HASHED or number > MAX_REMEMBERED:
            return
        self._stream.seek(self._start + (mark >> _NUMBER_BITS))
        self._seen.setdefault(hash(self._stream.readline()), number)
        self._sketched[sketch] = _HASHED


def _may_hold_secret(block: bytes) -> bool:
    """Whether a line of it may hold one."""
    if may_hold_rare_letters(block):
        return True
    # Four aligned bytes of the seven of "bearer " are there wherever it begins.
    words = np.frombuffer(block, "<u4", len(block) // 4)
    return any((words == four).any() for four in _BEARER) and may_hold_bearer(block)


def _is_text(block: bytes) -> bool:
    """Whether it is UTF-8."""
    if block.isascii():
        return True
    pieces, start = memoryview(block), 0
    try:
        while start < len(block):
            start += utf_8_decode(pieces[start : start + _PIECE], "strict", start + _PIECE >= len(block))[1]
    except UnicodeDecodeError:
        return False
    return True
