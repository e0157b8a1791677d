"""XLSX files row by row: where cells stand, what they hold, and what is refused."""

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from dataprep.sources.source import UnreadableSource
from dataprep.sources.workbook import sheets_of


def book(folder: Path, sheet: str, strings: str = "") -> Path:
    """An XLSX file of one sheet with these rows and shared strings, as XML."""
    file = folder / "a.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", f"<worksheet><sheetData>{sheet}</sheetData></worksheet>")
        packed.writestr("xl/sharedStrings.xml", f"<sst>{strings}</sst>")
    return file


def rows(file: Path) -> list[tuple[int, list[str]]]:
    """The rows of the one sheet."""
    (only,) = [list(sheet) for sheet in sheets_of(file)]
    return only


def test_cells_stand_in_their_columns_and_rows(tmp_path: Path) -> None:
    sheet = '<row r="2"><c r="B2"><v>7</v></c><c><v>8</v></c></row><row><c r="A3" t="s"><v>1</v></c></row>'
    assert rows(book(tmp_path, sheet, "<si><t>a</t></si><si><t>b</t></si>")) == [(2, ["", "7", "8"]), (3, ["b"])]


def test_runs_are_joined_and_readings_left_away(tmp_path: Path) -> None:
    text = '<si><r><t>東</t></r><r><t xml:space="preserve"> 京</t></r><rPh><t>トウキョウ</t></rPh></si>'
    assert rows(book(tmp_path, '<row r="1"><c r="A1" t="s"><v>0</v></c></row>', text)) == [(1, ["東 京"])]


def test_a_shared_text_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert rows(book(tmp_path, '<row r="1"><c r="A1" t="s"><v>9</v></c><c r="B1"><v>x</v></c></row>')) == [
        (1, ["", "x"])
    ]


def test_a_far_cell_costs_no_memory(tmp_path: Path) -> None:
    sheet = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    tracemalloc.start()
    assert rows(book(tmp_path, sheet)) == [(1, ["1"]), (1048576, [])]
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    "sheet",
    ["<row>", '<!DOCTYPE a [<!ENTITY b "c">]>', f"<row><c><v>{'12345678' * 800_000}</v></c></row>"],
    ids=["cut off", "doctype", "an endless cell"],
)
def test_what_is_no_sound_sheet_is_refused(tmp_path: Path, sheet: str) -> None:
    with pytest.raises(UnreadableSource, match="CSV"):
        rows(book(tmp_path, sheet))


def test_an_endless_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource):
        rows(book(tmp_path, f"<row a='{'12345678' * 1_000_000}'></row>"))


def test_a_zip_without_sheets_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("word/document.xml", "<a/>")
    with pytest.raises(UnreadableSource, match="workbook"):
        rows(file)
