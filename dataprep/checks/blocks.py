"""Reads a large file in blocks and passes over the lines that are certainly clean chats and new; others it hands on.

It decides nothing about what it hands on, and makes no difference to what a check finds: only to how long it takes.
"""

from collections.abc import Generator, Iterator
from io import BytesIO
from itertools import count, repeat
from typing import BinaryIO

from dataprep.checks.disguise import BYTE_ORDER_MARK
from dataprep.checks.limits import MAX_LINE_BYTES, Line
from dataprep.checks.report import Report
from dataprep.checks.scanner import Scanner
from dataprep.checks.suspicion import may_hold_bearer, may_hold_rare_letters, may_hold_secret


class Blocks:
    """One pass over the rest of a stream. What is passed over is counted in the report, as far as the pass has come.

    `seen` has the numbers of lines by their hashes; `longest` is how many bytes a line may have to be passed over.
    """

    def __init__(self, stream: BinaryIO, report: Report, seen: dict[int, int], stride: int, longest: int) -> None:
        self._stream = stream
        self._start = stream.tell()
        self._report = report
        self._seen = seen
        self._stride = stride
        self._longest = longest

    def lines(self, size: int) -> Iterator[Line]:
        """The lines that have to be read one by one: doubtful, like an earlier one, too long, or of the sample."""
        scanner = Scanner(size, self._stride, self._longest)
        number, offset, chats = 0, 0, True
        while block := self._read(offset, size):
            # A mark at the start is taken off before its line is compared with others.
            marked = not offset and block.startswith(BYTE_ORDER_MARK)
            chats = chats and not marked and self._report.kind in (None, "chat")
            whole = block if block.endswith(b"\n") else block + b"\n"
            if chats and len(whole) <= size:
                suspect = (scanner.load(whole) and may_hold_bearer(block)) or may_hold_rare_letters(block)
                number = yield from self._choose(scanner, block, suspect, number, offset)
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

    def _choose(
        self, scanner: Scanner, block: bytes, suspect: bool, number: int, offset: int
    ) -> Generator[Line, None, int]:
        """Hand on the lines of a block that cannot be passed over; returns the number of its last line."""
        report, at = self._report, 0
        while at < len(block):
            # What kind of file it is, the first lines tell: a chat is out of place among others.
            fits = report.kind == "chat"
            found, at, last = scanner.scan(at, number, offset, everything=suspect or not fits)
            for line in found:
                text = block[line.start : line.end]
                if line.first is not None:
                    self._remember(*line.first)
                if fits and line.passable and not may_hold_secret(text):
                    continue
                report.examples += line.number - number - 1
                report.bytes = offset + line.start
                number = line.number
                yield number, text, suspect
            report.examples += last - number
            report.bytes = offset + min(at, len(block))
            number = last
        return number

    def _remember(self, number: int, offset: int) -> None:
        """See to it that the hash of a line that was passed over is seen."""
        self._stream.seek(self._start + offset)
        self._seen.setdefault(hash(self._stream.readline()), number)
