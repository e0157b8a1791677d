"""Reads the sheets of an XLSX file row by row, in little memory whatever the file claims; styles are not looked at."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from dataprep.sources.archive import ZIP_FAULTS, open_zip
from dataprep.sources.source import UnreadableSource

MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAX_STRINGS_BYTES = 48 * 1024 * 1024
MAX_COLUMNS = 256
# No cell of Excel's holds more than 32 KiB of text, and no tag comes near that.
MAX_TOKEN_BYTES = 4 * 1024 * 1024
_CHUNK = 64 * 1024
_SHEET = re.compile(r"xl/worksheets/sheet(\d{1,4})\.xml")
_COLUMN = re.compile(r"[A-Z]{1,3}")
_STRINGS = "xl/sharedStrings.xml"
_TOO_LARGE = "The workbook holds more text than can be read safely. Save its sheet as CSV."
_NOT_A_BOOK = "It is not a sound XLSX workbook. Open it and save it again, or save its sheet as CSV."


class _Cells:
    """Collects rows of cells from a worksheet's XML, or the entries of the shared strings as rows of one cell."""

    def __init__(self, strings: list[str], of_strings: bool) -> None:
        self.rows: list[tuple[int, list[str]]] = []
        self._strings, self._row_tag, self._cell_tag = strings, "row", "c"
        if of_strings:
            self._row_tag = self._cell_tag = "si"
        self._number, self._cells = 0, dict[int, str]()
        self._column, self._type, self._parts, self._length = -1, "", list[str](), 0
        self._inside = self._phonetic = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        tag = tag.rpartition(":")[2]
        if tag == self._row_tag:
            number = attributes.get("r", "")
            self._number = int(number) if number.isdecimal() and len(number) < 9 else self._number + 1
            self._cells, self._column = {}, -1
        if tag == self._cell_tag:
            self._column, self._type = self._place(attributes), attributes.get("t", "")
            self._parts, self._length = [], 0
        self._phonetic = self._phonetic or tag == "rPh"
        self._inside = tag in ("v", "t") and not self._phonetic

    def text(self, text: str) -> None:
        """Take characters."""
        if self._inside:
            self._parts.append(text)
            self._length += len(text)
            if self._length > MAX_TOKEN_BYTES:
                raise UnreadableSource(_TOO_LARGE)

    def end(self, tag: str) -> None:
        """End an element."""
        tag = tag.rpartition(":")[2]
        self._inside = False
        self._phonetic = self._phonetic and tag != "rPh"
        if tag == self._cell_tag and 0 <= self._column < MAX_COLUMNS:
            self._cells[self._column] = self._value()
        if tag == self._row_tag:
            width = max(self._cells, default=-1) + 1
            self.rows.append((self._number, [self._cells.get(column, "") for column in range(width)]))

    def _place(self, attributes: dict[str, str]) -> int:
        letters = _COLUMN.match(attributes.get("r", ""))
        if not letters or self._cell_tag == "si":
            return self._column + 1
        column = 0
        for letter in letters[0]:
            column = column * 26 + ord(letter) - 64
        return column - 1

    def _value(self) -> str:
        value = "".join(self._parts)
        if self._type != "s":
            return value
        index = int(value) if value.isdecimal() and len(value) < 9 else -1
        return self._strings[index] if 0 <= index < len(self._strings) else ""


def sheets_of(path: Path) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Yield each sheet as an iterator of (row number from 1, cells as text); raises UnreadableSource on a bad file.

    A sheet can be read as long as the iterator of the sheets is held.
    """
    with open_zip(path, MAX_UNPACKED_BYTES) as book:
        sizes = {entry.filename: entry.file_size for entry in book.infolist()}
        if sizes.get(_STRINGS, 0) > MAX_STRINGS_BYTES:
            raise UnreadableSource(_TOO_LARGE)
        strings = [cells[0] for _, cells in _parse(book, _STRINGS, [])] if _STRINGS in sizes else []
        numbered = sorted((int(found[1]), name) for name in sizes if (found := _SHEET.fullmatch(name)))
        if not numbered:
            raise UnreadableSource(_NOT_A_BOOK)
        for _, name in numbered:
            yield _parse(book, name, strings)


def _parse(book: zipfile.ZipFile, name: str, strings: list[str]) -> Iterator[tuple[int, list[str]]]:
    cells, parser = _Cells(strings, of_strings=name == _STRINGS), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = cells.start
    parser.EndElementHandler = cells.end
    parser.CharacterDataHandler = cells.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = 0
    try:
        for chunk in _chunks(book, name):
            fed += len(chunk)
            parser.Parse(chunk, False)
            _refuse_endless_token(fed - parser.CurrentByteIndex)
            yield from cells.rows
            cells.rows.clear()
        parser.Parse(b"", True)
        yield from cells.rows
    except (expat.ExpatError, *ZIP_FAULTS) as error:
        raise UnreadableSource(_NOT_A_BOOK) from error


def _chunks(book: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with book.open(name) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _refuse_endless_token(length: int) -> None:
    if length > MAX_TOKEN_BYTES:
        raise UnreadableSource(_TOO_LARGE)


def _refuse_doctype(*_: object) -> None:
    raise UnreadableSource(_NOT_A_BOOK)
