"""Cuts CSV files into records that know their place; it knows no format and turns no cell into a number."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from dataprep.decoding import open_text
from dataprep.sources.source import UnreadableSource

# A cell longer than this is an unclosed quote that swallows the file, not a message.
MAX_CELL_CHARACTERS = 16 * 1024 * 1024


def read_records(path: Path) -> Iterator[tuple[int, list[str] | None]]:
    """Yield (number of the record's first line, its cells), None for a broken one; raises UnreadableSource."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    try:
        with open_text(path) as file:
            yield from _records(file)
    except (LookupError, UnicodeError) as error:
        raise UnreadableSource(f"The file's encoding cannot be read ({error}). Save it as UTF-8.") from None


def _records(file: TextIO) -> Iterator[tuple[int, list[str] | None]]:
    reader = csv.reader(file)
    while True:
        row = reader.line_num + 1
        try:
            yield row, next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield row, None
