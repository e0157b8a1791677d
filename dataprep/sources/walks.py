"""The walk over a file's rows: tables, JSON arrays, blocks of text; what a row means is not known here."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dataprep.plural import counted
from dataprep.records import LeftOut, Place, Row
from dataprep.sources.csv_records import read_records
from dataprep.sources.json_stream import JsonStream
from dataprep.sources.json_stream import read_array as read_elements
from dataprep.sources.source import Head, UnreadableSource
from dataprep.sources.text_lines import open_export, read_lines

_HEADER_LINE, _HEADER_BLOCK = 16 * 1024, 400

Cells = dict[str, Any]
Make = Callable[[Place, Cells], Row]
Find = Callable[[str], re.Match[str] | None]


class BrokenRow(Exception):
    """A row that cannot be read; the message says what is wrong with it."""


def attempt(make: Callable[[], Row], place: Place) -> Row:
    """Return what `make` returns, or the row as left out if it is broken."""
    try:
        return make()
    except BrokenRow as broken:
        return LeftOut(place, "broken_row", str(broken))


def text_of(cells: Cells, name: str) -> str:
    """Return a cell as text, empty for none; raises BrokenRow for what is neither text nor number."""
    value = cells.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BrokenRow(f"{name} is neither text nor a number")
    return str(value)


def flag_of(cells: Cells, name: str) -> bool:
    """Return a cell that says yes or no; raises BrokenRow for anything else."""
    value = cells.get(name)
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word not in ("0", "1", "true", "false"):
        raise BrokenRow(f"{name} is neither 0 nor 1")
    return word in ("1", "true")


def header_of(head: Head) -> list[str]:
    """Return the cells of a table's first line, without blanks around them; empty where there is none."""
    line = head.text[:_HEADER_LINE].partition("\n")[0].rstrip("\r")
    try:
        return [cell.strip() for cell in next(csv.reader([line]), [])]
    except csv.Error:
        return []


def stem_of(head: Head) -> str:
    """Return the name of an input's file without its folder and its ending."""
    return Path(head.label).stem


def chat_of(head: Head) -> str:
    """Return an id for the chat in a file that names none: its path without its ending; a name alone is not one."""
    path = Path(head.label)
    return str(path.parent / path.stem)


def read_csv(head: Head, columns: Iterable[str], make: Make) -> Iterator[Row]:
    """Yield a record for each row under the header, of which `make` gets the cells by name.

    A row is placed by its first line in the file, the header being line 1. Raises UnreadableSource without `columns`.
    """
    records = read_records(head)
    header = [cell.strip() for cell in next(records, (1, None))[1] or []]
    if missing := [name for name in columns if name not in header]:
        raise UnreadableSource(f"{head.label} has no column {missing[0]}; name another format or mend its header.")
    for line, record in records:
        yield _row_of(Place(head.label, line), header, record, make)


def _row_of(place: Place, header: list[str], record: list[str] | None, make: Make) -> Row:
    if record is None:
        return LeftOut(place, "broken_row", "no sound CSV")
    if not any(cell.strip() for cell in record):
        return LeftOut(place, "blank")
    if len(record) < len(header) or any(record[len(header) :]):
        return LeftOut(place, "broken_row", f"{counted(len(record), 'cell')} under a header of {len(header)}")
    return attempt(partial(make, place, dict(zip(header, record, strict=False))), place)


@contextmanager
def _open_json(head: Head) -> Iterator[JsonStream]:
    try:
        with open_export(head) as file:
            yield JsonStream(file)
    except (ValueError, RecursionError, LookupError) as error:
        reason = f"{head.label} is not valid JSON ({error}). Export it again, or mend it."
        raise UnreadableSource(reason) from error


def _skip_to(stream: JsonStream, wanted: str) -> Iterator[str]:
    """Yield the keys of an object, each before its value is passed over; stops before the value of `wanted`."""
    if stream.peek() != "{":
        raise ValueError("there is no object")
    stream.skip()
    while stream.peek() != "}":
        key = stream.value()
        if not isinstance(key, str) or stream.peek() != ":":
            raise ValueError("an object has a key that is none")
        stream.skip()
        stream.peek()
        yield key
        if key == wanted:
            return
        stream.value()
        if stream.peek() == ",":
            stream.skip()


def read_keys(head: Head) -> Iterator[str]:
    """Yield the keys of the JSON object that a file is; raises UnreadableSource if it is none."""
    with _open_json(head) as stream:
        yield from _skip_to(stream, "")


def read_member(head: Head, key: str) -> Any:
    """Return one value of the JSON object that a file is, None if it lacks it; raises UnreadableSource."""
    with _open_json(head) as stream:
        return stream.value() if key in _skip_to(stream, key) else None


def read_array(head: Head, key: str, make: Make) -> Iterator[Row]:
    """Yield a record for each element of the array at `key` of a JSON object, or without a key of the file itself.

    Only one element is held at a time. Raises UnreadableSource where there is no such array, or nothing in it.
    """
    number = 0
    with _open_json(head) as stream:
        if (key and key not in _skip_to(stream, key)) or stream.peek() != "[":
            raise ValueError(f"there is no array {key}".rstrip())
        stream.skip()
        for number, item in read_elements(stream):
            place = Place(head.label, number)
            if isinstance(item, dict):
                yield attempt(partial(make, place, item), place)
            else:
                yield LeftOut(place, "broken_row", "not an object")
    if not number:
        raise UnreadableSource(f"{head.label} holds no messages; choose another export or name another format.")


def find_headers(head: Head, find: Find) -> Iterator[re.Match[str]]:
    """Yield the lines of a text that look like a message's header, wherever they stand."""
    for _, line in read_lines(head):
        if len(line) <= _HEADER_BLOCK and (header := find(line)):
            yield header


def read_blocks(head: Head, find: Find, make: Callable[[Place, re.Match[str], str], Row]) -> Iterator[Row]:
    """Yield a record for each header line and the text under it; a header follows a blank line or nothing.

    Lines before the first header are left out one by one; blank lines there are no rows.
    """
    place, header, lines = Place(head.label, 0), None, list[str]()
    after_blank = True
    for number, line in read_lines(head):
        found = find(line) if after_blank and len(line) <= _HEADER_BLOCK else None
        after_blank = not line.strip()
        if found:
            yield from _block(place, header, lines, make)
            place, header, lines = Place(head.label, number), found, []
        elif header:
            lines.append(line)
        elif line.strip():
            yield LeftOut(Place(head.label, number), "stray_line", line[:80])
    yield from _block(place, header, lines, make)


def _block(
    place: Place, header: re.Match[str] | None, lines: list[str], make: Callable[[Place, re.Match[str], str], Row]
) -> Iterator[Row]:
    if header:
        yield attempt(lambda: make(place, header, "\n".join(lines).strip("\n")), place)
