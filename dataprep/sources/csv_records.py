"""Cuts CSV files into records that know their place; it knows no format and turns no cell into a number."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from dataprep.sources.source import Head, UnreadableSource
from dataprep.sources.text_lines import open_export

# A cell longer than this is an unclosed quote that swallows the file, not a message.
MAX_CELL_CHARACTERS = 16 * 1024 * 1024
# A row has no more cells than spreadsheets have columns; within quotation marks a line may hold more delimiters.
MAX_COLUMNS = 16_384
# No table has such a line, which would be in memory as a whole.
MAX_LINE_CHARACTERS, MAX_DELIMITERS = 2 * MAX_CELL_CHARACTERS, 64 * MAX_COLUMNS
# Behind so many quotation marks without an end nobody looks for one that has one.
MAX_UNCLOSED = 20


def read_records(file: Path | Head, delimiter: str = ",") -> Iterator[tuple[int, list[str] | None]]:
    """Yield (number of the record's first line, its cells), None for a broken one; raises UnreadableSource."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    with open_export(file) as text:
        lines, before, row = _Lines(_bounded(text, delimiter)), 0, 0
        for _ in range(MAX_UNCLOSED):
            for row, cells in _records(lines, delimiter):
                yield before + row, cells
            if not lines.is_open:
                return
            # What follows the line with the mark is read as if that did not stand there.
            before, row, lines = before + row, 0, _Lines(iter(lines.held[1:]))
        yield from ((number, None) for number, _ in enumerate(lines, before + 1))


def _bounded(text: TextIO, delimiter: str) -> Iterator[str]:
    while line := text.readline(MAX_LINE_CHARACTERS):
        if len(line) == MAX_LINE_CHARACTERS or line.count(delimiter) > MAX_DELIMITERS:
            bounds = f"{MAX_LINE_CHARACTERS} characters or {MAX_DELIMITERS} delimiters"
            raise UnreadableSource(f"A line has over {bounds}, as no table has. Is a quotation mark never closed?")
        yield line


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
        yield row, cells if len(cells) <= MAX_COLUMNS else None
