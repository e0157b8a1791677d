"""CSV records and their places: quoted line ends, broken quotes, encodings."""

import codecs
from pathlib import Path

import pytest

from dataprep.sources import csv_records
from dataprep.sources.csv_records import read_records
from dataprep.sources.source import UnreadableSource


def test_a_record_is_placed_at_its_first_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes('a,"b\nc\r\nd"\r\nNA,null\r\n\r\n"x\u2028y",\r\n'.encode("utf-8-sig"))
    assert list(read_records(file)) == [(1, ["a", "b\nc\r\nd"]), (4, ["NA", "null"]), (5, []), (6, ["x\u2028y", ""])]


def test_other_encodings_are_read(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(codecs.BOM_UTF16_LE + "在吗,在\n".encode("utf-16-le"))
    assert list(read_records(file)) == [(1, ["在吗", "在"])]


def test_a_quote_that_never_closes_breaks_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "MAX_CELL_CHARACTERS", 1000)
    file = tmp_path / "a.csv"
    file.write_text('a,b\n"' + "line\n" * 300 + "c,d\n", encoding="utf-8")
    records = list(read_records(file))
    assert records[0] == (1, ["a", "b"])
    assert records[1] == (2, None)
    assert records[-1][1] == ["c", "d"]


def test_a_quotation_mark_without_an_end_spoils_its_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"1\n2",x\n"stray,y\nc,d\ne,f\n', encoding="utf-8")
    whole = [(1, ["a", "b"]), (2, ["1\n2", "x"])]
    assert list(read_records(path)) == [*whole, (4, None), (5, ["c", "d"]), (6, ["e", "f"])]


def test_behind_many_such_marks_the_rest_is_broken_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + 'x","y\n' * 8000, encoding="utf-8")
    records = list(read_records(path))
    assert records[0] == (1, ["a", "b"])
    assert [row for row, _ in records] == list(range(1, 8002))
    assert {cells is None for _, cells in records[-7900:]} == {True}


def test_a_row_of_more_cells_than_a_spreadsheet_has_is_broken_but_what_stands_in_quotation_marks_is_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "," * 20_000 + '\n"' + "1," * 20_000 + '",c\n', encoding="utf-8")
    assert list(read_records(path)) == [(1, ["a", "b"]), (2, None), (3, ["1," * 20_000, "c"])]


@pytest.mark.parametrize("line", ["," * 1_048_577, '"' + "b" * 33_554_432], ids=["delimiters", "characters"])
def test_a_line_that_no_table_has_ends_the_reading(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"a,b\n{line}\n", encoding="utf-8")
    records = read_records(path)
    assert next(records) == (1, ["a", "b"])
    with pytest.raises(UnreadableSource, match="as no table has"):
        next(records)
