"""Cuts CSV files into records that know their place; it knows no format and turns no cell into a number."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from dataprep.sources.source import Head
from dataprep.sources.text_lines import open_export

# A cell longer than this is an unclosed quote that swallows the file, not a message.
MAX_CELL_CHARACTERS = 16 * 1024 * 1024


def read_records(file: Path | Head, delimiter: str = ",") -> Iterator[tuple[int, list[str] | None]]:
    """Yield (number of the record's first line, its cells), None for a broken one; raises UnreadableSource."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    with open_export(file) as text:
        yield from _records(text, delimiter)


def records_in(text: str, delimiter: str = ",") -> Iterator[tuple[int, list[str] | None]]:
    """Yield the same of a text, such as the first look at a file has, whose last record may be cut off."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    return _records(io.StringIO(text, newline=""), delimiter)


def _records(file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    reader = csv.reader(file, delimiter=delimiter)
    while True:
        row = reader.line_num + 1
        try:
            yield row, next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield row, None
