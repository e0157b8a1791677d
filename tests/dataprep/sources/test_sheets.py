"""Sheets of questions and answers as CSV, TSV and XLSX: which columns they are, what is left out, what is refused."""

import tempfile
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings

from dataprep.sources.source import UnreadableSource
from tests.dataprep.sources.opened import (
    assert_reads_or_refuses,
    count_rows,
    damaged,
    left_out,
    read_as,
    recognised,
    turns_of,
)

Table = list[list[object]]

FAQ: Table = [
    ["厨房常见问题（内部）", "", ""],
    ["No.", "问题", "答案"],
    ["1", "水壶在哪里？", "在左边的架子上"],
    ["2", "Cups?", ""],
    ["3", "", "In the drawer"],
    ["", "", ""],
    ["4", "=1+1", "NA"],
    ["5", 'two\nlines, "quoted"', "null"],
]
PAIRS = [("水壶在哪里？", "在左边的架子上"), ("=1+1", "NA"), ('two\nlines, "quoted"', "null")]
LEFT = [(1, "header"), (4, "no_answer"), (5, "no_question"), (6, "blank")]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def text_sheet(path: Path, table: Table, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    rows = (delimiter.join('"' + str(cell).replace('"', '""') + '"' for cell in row) for row in table)
    path.write_bytes("\r\n".join(rows).encode(encoding))
    return path


def sheet_xml(table: Table) -> str:
    rows = []
    for number, row in enumerate(table, 1):
        cells = (_cell(chr(65 + at) + str(number), value) for at, value in enumerate(row) if value != "")
        rows.append(f'<row r="{number}">{"".join(cells)}</row>')
    return "".join(rows)


def _cell(place: str, value: object) -> str:
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def workbook(path: Path, *sheets: str, hidden: int = 0, more: dict[str, str] | None = None) -> Path:
    """An XLSX file of these sheets' XML, the last `hidden` of them hidden, and further members."""
    numbers = range(1, len(sheets) + 1)
    states = ["visible"] * (len(sheets) - hidden) + ["hidden"] * hidden
    listed = "".join(f'<sheet name="S{n}" sheetId="{n}" state="{states[n - 1]}" r:id="r{n}"/>' for n in numbers)
    links = [f'<Relationship Id="r{n}" Type="{{d}}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers]
    links.append('<Relationship Id="t" Type="{d}/sharedStrings" Target="sharedStrings.xml"/>')
    members = {
        "_rels/.rels": _links(['<Relationship Id="b" Type="{d}/officeDocument" Target="xl/workbook.xml"/>']),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _links(links),
        **(more or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
        for number, rows in enumerate(sheets, 1):
            data = f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
            archive.writestr(f"xl/worksheets/sheet{number}.xml", data)
    return path


def _links(links: list[str]) -> str:
    return f'<Relationships xmlns="{_PACKAGE}">{"".join(links).format(d=_DOCUMENT)}</Relationships>'


def pairs_in(path: Path, name: str) -> list[tuple[str, str]]:
    return [(turns[-2][1], turns[-1][1]) for turns in turns_of(read_as(name, path))]


@pytest.mark.parametrize(
    ("file", "delimiter", "encoding", "name"),
    [
        ("faq.csv", ",", "utf-8-sig", "qa-csv"),
        ("faq.csv", ",", "gb18030", "qa-csv"),
        ("faq.CSV", ";", "utf-8", "qa-csv"),
        ("faq.tsv", "\t", "utf-16", "qa-tsv"),
    ],
)
def test_a_text_sheet_gives_its_pairs_and_accounts_for_every_row(
    tmp_path: Path, file: str, delimiter: str, encoding: str, name: str
) -> None:
    path = text_sheet(tmp_path / file, FAQ, delimiter, encoding)
    assert recognised(path) == name
    rows = read_as(name, path)
    assert [(turns[0][1], turns[1][1]) for turns in turns_of(rows)] == PAIRS
    assert left_out(rows) == LEFT
    assert count_rows(rows) == len(FAQ) - 1


@pytest.mark.parametrize("file", ["faq.xlsx", "renamed.csv"])
def test_a_workbook_gives_the_same_and_leaves_hidden_sheets_out(tmp_path: Path, file: str) -> None:
    path = workbook(tmp_path / file, sheet_xml(FAQ), sheet_xml([["a note"]]), sheet_xml(FAQ[1:4]), hidden=1)
    assert recognised(path) == "qa-xlsx"
    rows = read_as("qa-xlsx", path)
    assert [(turns[0][1], turns[1][1]) for turns in turns_of(rows)] == PAIRS
    assert left_out(rows) == [*LEFT, (1, "no_columns"), (1, "hidden_sheet")]
    assert rows[-1].place.file == f"{file}#S3"
    assert count_rows(rows) == len(FAQ) - 1 + 1 + 3


def test_numbers_in_cells_read_as_people_see_them(tmp_path: Path) -> None:
    table: Table = [["question", "answer"], ["How many?", 5], ["How much?", 2.5], ["Really?", True]]
    assert pairs_in(workbook(tmp_path / "faq.xlsx", sheet_xml(table)), "qa-xlsx") == [
        ("How many?", "5"),
        ("How much?", "2.5"),
        ("Really?", "TRUE"),
    ]


@pytest.mark.parametrize(
    "header",
    ["Question,Answer", "q,a", "Prompt,Completion", "INSTRUCTION,output", "*问题（必填）,答案：", "标准问,回答"],
)
def test_headers_go_by_many_names(tmp_path: Path, header: str) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(header + "\nx,y\n", encoding="utf-8")
    assert pairs_in(path, "qa-csv") == [("x", "y")]


def test_similar_questions_share_the_answer_and_count_as_their_row(tmp_path: Path) -> None:
    table: Table = [["标准问", "相似问1", "相似问2", "答案"], ["kettle?", "a kettle?|kettle?", "tea?", "left shelf"]]
    rows = read_as("qa-csv", text_sheet(tmp_path / "faq.csv", table))
    asked = [turns[0][1] for turns in turns_of(rows)]
    assert asked == ["kettle?", "a kettle?", "tea?"]
    assert count_rows(rows) == 1


def test_instruction_sheets_keep_input_and_system(tmp_path: Path) -> None:
    table: Table = [["system", "instruction", "input", "output"], ["Be brief", "Translate", "tea", "茶"]]
    [turns] = turns_of(read_as("qa-csv", text_sheet(tmp_path / "faq.csv", table)))
    assert turns == [("system", "Be brief"), ("user", "Translate\ntea"), ("assistant", "茶")]


def test_without_names_two_columns_of_text_are_question_and_answer(tmp_path: Path) -> None:
    table: Table = [["1", "Where?", "Here"], ["2", "When?", "Now"]]
    assert pairs_in(text_sheet(tmp_path / "faq.csv", table), "qa-csv") == [("Where?", "Here"), ("When?", "Now")]


@pytest.mark.parametrize(
    "table",
    [
        [["sender", "text"], ["ada", "hi"]],
        [["时间", "发送人", "内容"], ["2026-11-18", "ada", "hi"]],
        [["one", "two", "three"], ["a", "b", "c"]],
        [["1", "2"], ["3", "4"]],
        [["alone"]],
    ],
)
def test_other_tables_are_refused_with_the_way_out(tmp_path: Path, table: Table) -> None:
    for name, path in (
        ("qa-csv", text_sheet(tmp_path / "t.csv", table)),
        ("qa-xlsx", workbook(tmp_path / "t.xlsx", sheet_xml(table))),
    ):
        with pytest.raises(UnreadableSource, match="name two columns"):
            read_as(name, path)


def test_a_quotation_mark_that_swallows_megabytes_is_told_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text('q,a\nx,y\nz,"' + "never closed\n" * 2_000_000, encoding="utf-8")
    rows = read_as("qa-csv", path)
    assert turns_of(rows) == [[("user", "x"), ("assistant", "y")]]
    assert left_out(rows)[0] == (3, "broken_row")


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "faq.xlsx"
    for data in (b"\xd0\xcf\x11\xe0 an encrypted one", b"PK\3\4 cut off", b""):
        path.write_bytes(data)
        assert recognised(path) == "qa-xlsx"
        with pytest.raises(UnreadableSource, match="Save its sheet alone"):
            read_as("qa-xlsx", path)


FAR = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
FAR_WITHOUT_PLACES = "<row><c><v>1</v></c></row>" * 9000 + "<row>" + "<c><v>1</v></c>" * 9000 + "</row>"
SHARED = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 9000))
LONG_TEXT = {"xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}"><si><t>{"x" * 30000}</t></si></sst>'}


@pytest.mark.parametrize(
    ("rows", "more", "reason"),
    [
        (FAR, {}, "cells"),
        (FAR_WITHOUT_PLACES, {}, "cells"),
        (SHARED, LONG_TEXT, "MiB of text"),
        ("<row/>" * 12_000_000, {}, "bomb"),
        ("<row>" * 1_000_000, {}, "a row begins within a row"),
    ],
)
def test_a_workbook_that_would_fill_the_memory_is_refused_unopened(
    tmp_path: Path, rows: str, more: dict[str, str], reason: str
) -> None:
    path = workbook(tmp_path / "faq.xlsx", rows, more=more)
    for name in ("qa-xlsx", "weflow-xlsx", "memotrace-xlsx"):
        with pytest.raises(UnreadableSource, match=reason):
            read_as(name, path)


def test_empty_cells_far_away_do_no_harm(tmp_path: Path) -> None:
    rows = sheet_xml([["q", "a"], ["x", "y"]]) + '<row r="1048576"><c r="XFD1048576" s="1"/></row>'
    assert pairs_in(workbook(tmp_path / "faq.xlsx", rows), "qa-xlsx") == [("x", "y")]


@settings(max_examples=80, deadline=None)
@given(damaged("\n".join(",".join(map(str, row)) for row in FAQ).encode()))
def test_damage_to_text_never_raises(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, file in (("qa-csv", "faq.csv"), ("qa-tsv", "faq.tsv")):
            path = Path(folder) / file
            path.write_bytes(data)
            assert_reads_or_refuses(name, path)


def sound_workbook() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return workbook(Path(folder) / "faq.xlsx", sheet_xml(FAQ)).read_bytes()


@settings(max_examples=80, deadline=None)
@given(damaged(sound_workbook()))
def test_damage_to_a_workbook_never_raises(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "faq.xlsx"
        path.write_bytes(data)
        assert_reads_or_refuses("qa-xlsx", path)


@settings(max_examples=80, deadline=None)
@given(damaged(sheet_xml(FAQ).encode()))
def test_damage_within_a_sheet_never_raises(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = workbook(Path(folder) / "faq.xlsx", data.decode("latin-1"))
        assert_reads_or_refuses("qa-xlsx", path)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("question,answer\nHow?,Open it, then press, then wait.\nWhere?,Here.\n", 2),
        ("question;answer\nWhat jumps?;A fox; brown\nWhere?;Here.\n", 2),
        ("Where?,Here.\nHow?,Open it, then wait.\n", None),
    ],
)
def test_a_row_cut_in_its_words_is_told_and_not_trained(tmp_path: Path, text: str, broken: int | None) -> None:
    path = tmp_path / "faq.csv"
    path.write_text(text, encoding="utf-8")
    if broken is None:
        with pytest.raises(UnreadableSource):
            read_as("qa-csv", path)
        return
    rows = read_as("qa-csv", path)
    assert turns_of(rows) == [[("user", "Where?"), ("assistant", "Here.")]]
    assert left_out(rows) == [(broken, "broken_row")]


def test_columns_called_by_the_sides_of_a_talk_are_a_question_and_its_answer(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text("user,assistant\nWhere?,Here.\n", encoding="utf-8")
    assert turns_of(read_as("qa-csv", path)) == [[("user", "Where?"), ("assistant", "Here.")]]


def test_a_quotation_mark_without_an_end_spoils_its_row_alone(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text('question,answer\nwhen,now\nwho,"me\nwhat,this\n', encoding="utf-8")
    rows = read_as("qa-csv", path)
    assert turns_of(rows) == [[("user", "when"), ("assistant", "now")], [("user", "what"), ("assistant", "this")]]
    assert left_out(rows) == [(3, "broken_row")]
