"""Cuts text into lines and CSV records that know their place; it knows no format."""

import csv
import io
from collections.abc import Iterator

# A cell longer than this is an unclosed quote that swallows the file, not a message.
MAX_CELL_CHARACTERS = 16 * 1024 * 1024


def text_lines(file: io.TextIOBase) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end); lines end at LF or CRLF alone, never at U+2028 or CR."""
    number, held = 1, list[str]()
    for piece in file:
        held.append(piece)
        if piece.endswith("\n"):
            yield number, "".join(held)[:-1].removesuffix("\r")
            number, held = number + 1, []
    if held:
        yield number, "".join(held)


def csv_records(file: io.TextIOBase) -> Iterator[tuple[int, list[str] | None]]:
    """Yield (number of the record's first line, its cells as text), with None for a record that is broken."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    reader = csv.reader(file)
    while True:
        row = reader.line_num + 1
        try:
            yield row, next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield row, None
