"""Cuts CSV files into records that know their place; it knows no format and turns no cell into a number."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from dataprep.sources.source import Head
from dataprep.sources.text_lines import open_export

# A cell longer than this is an unclosed quote that swallows the file, not a message.
MAX_CELL_CHARACTERS = 16 * 1024 * 1024


def read_records(file: Path | Head, delimiter: str = ",") -> Iterator[tuple[int, list[str] | None]]:
    """Yield (number of the record's first line, its cells), None for a broken one; raises UnreadableSource."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    with open_export(file) as text:
        lines: _Lines | None = _Lines(text)
        before = 0
        while lines is not None:
            row = 0
            for row, cells in _records(lines, delimiter):
                yield before + row, cells
            before, lines = before + row, lines.swallowed()


class _Lines:
    """The lines of a text; `held` are those of the record that is being read, `ended` whether it asked for more."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.held: list[str] = []
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.held.append(line)
        return line

    @property
    def is_open(self) -> bool:
        """Whether a quotation mark without an end has made one record of all the lines that follow it."""
        return self.ended and len(self.held) > 1

    def swallowed(self) -> "_Lines | None":
        """Return the lines behind the one with such a mark, to be read as if that did not stand there."""
        return _Lines(iter(self.held[1:])) if self.is_open else None


def records_in(text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str] | None]]:
    """Yield the same of a text, such as the first look at a file has, whose last record may be cut off."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    return _records(_Lines(io.StringIO(text, newline="")), delimiter, may_resume=False)


def _records(lines: _Lines, delimiter: str, *, may_resume: bool = True) -> Iterator[tuple[int, list[str] | None]]:
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        row = reader.line_num + 1
        lines.held.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield row, None
            continue
        if may_resume and lines.is_open:
            yield row, None
            return
        yield row, cells
