"""Opens an XLSX workbook, once it is known to fit in memory; what its cells mean is for others to say."""

import math
import re
import zipfile
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from dataprep.sources.archive import open_zip
from dataprep.sources.source import UnreadableSource

MAX_UNPACKED_BYTES = 256 * 1024**2
# A sheet becomes a grid out to its farthest cell, with every text copied into it, before the first row is read.
MAX_CELLS = 4_000_000
MAX_TEXT_BYTES = 128 * 1024**2
_CHUNK_BYTES = 1024**2
_OTHER_BOOKS = {"xl/workbook.bin", "content.xml"}
_WAY_OUT = "Save its sheet alone as a new XLSX or CSV file."
_NO_WORKBOOK = f"It is no XLSX workbook, or it is protected by a password. {_WAY_OUT}"
# A row, its end, a cell that holds something, or its value: enough to know where cells stand and what they repeat.
_find_tokens = re.compile(
    rb"<(?:(?P<end>/(?:\w+:)?row\b)"
    rb"|(?:\w+:)?(?:(?P<row>row\b)|(?P<cell>c\b)|(?P<value>v\s*>\s*(?P<number>\d{1,9}))))(?P<rest>[^<>]*)"
).finditer
_find_ends = re.compile(rb"</(?:\w+:)?si\s*>").finditer
_find_place = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})(\d{1,7})""").search
_is_shared = re.compile(rb"""\bt\s*=\s*["']s["']""").search


@dataclass(frozen=True, slots=True)
class Sheet:
    """One worksheet: its name, whether people see it, and its rows as texts, the first being row 1."""

    name: str
    is_hidden: bool
    rows: Iterator[list[str]]


@contextmanager
def open_workbook(path: Path) -> Iterator[Iterator[Sheet]]:
    """Open the worksheets of an XLSX file; raises UnreadableSource if it is none, damaged, or too large for memory."""
    with open_zip(path, MAX_UNPACKED_BYTES, _WAY_OUT) as packed:
        _refuse_beyond_memory(packed)
    book = _open_book(path)
    try:
        yield _sheets(book)
    finally:
        book.close()


def _open_book(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(path)
    except (CalamineError, OSError, ValueError):
        raise UnreadableSource(_NO_WORKBOOK) from None
    except BaseException as error:
        _refuse_panic(error)
        raise


def _sheets(book: CalamineWorkbook) -> Iterator[Sheet]:
    for about in book.sheets_metadata:
        if about.typ == SheetTypeEnum.WorkSheet:
            hidden = about.visible != SheetVisibleEnum.Visible
            yield Sheet(about.name, hidden, _rows(_open_sheet(book, about.name)))


def _open_sheet(book: CalamineWorkbook, name: str) -> CalamineSheet:
    try:
        return book.get_sheet_by_name(name)
    except (CalamineError, OSError, ValueError) as error:
        raise UnreadableSource(f"The sheet {name!r:.60} is damaged ({error}). {_WAY_OUT}") from None
    except BaseException as error:
        _refuse_panic(error)
        raise


def _refuse_panic(error: BaseException) -> None:
    """A panic of the parser written in Rust comes as a BaseException without a public name."""
    if type(error).__name__ == "PanicException":
        raise UnreadableSource(_NO_WORKBOOK) from None


def _rows(sheet: CalamineSheet) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        yield [_text_of(cell) for cell in row]


def _text_of(cell: Any) -> str:
    """A cell as people see it: no `.0` after a whole number, no time after a day."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and math.isfinite(cell) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _refuse_beyond_memory(packed: zipfile.ZipFile) -> None:
    names = packed.namelist()
    parts = {name.replace("\\", "/").lower() for name in names}
    # What the parser would try next are formats that are not measured here.
    if "xl/workbook.xml" not in parts or parts & _OTHER_BOOKS or len(parts) < len(names):
        raise UnreadableSource(_NO_WORKBOOK)
    lengths = max((_measure_shared(packed, name) for name in names), key=sum)
    for name in names:
        _measure_sheet(packed, name, lengths)


def _measure_shared(packed: zipfile.ZipFile, name: str) -> "array[int]":
    """The bytes of each shared text, in order, if the member holds them: its name tells nothing."""
    lengths, last, position = array("L"), 0, 0
    for chunk in _chunks(packed, name):
        for end in _find_ends(chunk):
            lengths.append(position + end.start() - last)
            last = position + end.end()
        position += len(chunk)
    return lengths


def _measure_sheet(packed: zipfile.ZipFile, name: str, lengths: "array[int]") -> None:
    grid = _Grid(lengths)
    for chunk in _chunks(packed, name):
        for token in _find_tokens(chunk):
            grid.take(token)
    if grid.last_row * grid.last_column > MAX_CELLS:
        size = f"{grid.last_row} rows by {grid.last_column} columns"
        raise UnreadableSource(f"A sheet reaches over {size}, more than {MAX_CELLS} cells. {_WAY_OUT}")
    if grid.text_bytes > MAX_TEXT_BYTES:
        raise UnreadableSource(f"The cells of a sheet hold {grid.text_bytes // 1024**2} MiB of text. {_WAY_OUT}")


class _Grid:
    """How far the cells of a sheet reach that hold something, and how many bytes of the shared texts they repeat."""

    def __init__(self, lengths: "array[int]") -> None:
        self._lengths = lengths
        self._row = self._column = 0
        self._shared = self._within_row = False
        self.last_row = self.last_column = self.text_bytes = 0

    def take(self, token: re.Match[bytes]) -> None:
        """Go on to a row, a cell or a cell's value."""
        rest = token["rest"]
        if token["end"]:
            self._within_row = False
        elif token["row"]:
            self._take_row(rest)
        elif token["cell"]:
            self._take_cell(rest)
        elif self._shared and int(token["number"]) < len(self._lengths):
            self.text_bytes += self._lengths[int(token["number"])]

    def _take_row(self, rest: bytes) -> None:
        if self._within_row:  # a million rows, each in the one before, take the parser seconds
            raise UnreadableSource(f"A sheet is damaged: a row begins within a row. {_WAY_OUT}")
        place = _find_place(rest)
        self._row, self._column = int(place[2]) if place else self._row + 1, 0
        self._within_row = not rest.endswith(b"/")

    def _take_cell(self, rest: bytes) -> None:
        place = _find_place(rest)
        self._column = _column_of(place[1]) if place else self._column + 1
        self._shared = bool(_is_shared(rest))
        if not rest.endswith(b"/"):
            self.last_row = max(self.last_row, int(place[2]) if place else self._row)
            self.last_column = max(self.last_column, self._column)


def _column_of(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _chunks(packed: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A member in pieces that end before a tag, so that none is cut in two."""
    with packed.open(name) as member:
        kept = b""
        while piece := member.read(_CHUNK_BYTES):
            data = kept + piece
            cut = max(data.rfind(b"<"), 0) if len(data) < 4 * _CHUNK_BYTES else len(data)
            yield data[:cut]
            kept = data[cut:]
        yield kept
