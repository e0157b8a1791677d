"""What inputs turn out to be, and how little is made of rows that are nothing."""

import zipfile
from pathlib import Path

import pytest

from dataprep.conversion.convert import convert
from dataprep.conversion.inputs import MAX_BROKEN, find_inputs, labelled
from dataprep.conversion.options import Options
from dataprep.records import LeftOut, Row
from dataprep.sources.source import UnreadableSource
from tests.dataprep.chats import ME, SHE, converted, left, said
from tests.dataprep.sources import test_chatgpt as chatgpt

SHEET = "question,answer\nLit?,Since dusk.\n"


def rows_of(path: Path, format_name: str = "") -> list[Row]:
    inputs, _ = find_inputs(labelled([path]), format_name)
    return [row for one in inputs for row in one.rows()]


@pytest.mark.parametrize("junk", ["\n", ",\n", "x\n", ",y\n"])
def test_half_a_million_rows_without_an_example_are_one_and_all_are_counted(junk: str, tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(SHEET + junk * 20_000, encoding="utf-8")
    rows = rows_of(path)
    assert len(rows) == 2
    assert isinstance(rows[1], LeftOut)
    assert rows[1].rows == 20_000


def test_neighbours_left_for_different_reasons_stay_apart_and_are_all_counted(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(SHEET + "a,\nb,\n,c\n\n\nd,\n", encoding="utf-8")
    left_rows = [row for row in rows_of(path) if isinstance(row, LeftOut)]
    assert [(one.place.row, one.reason, one.rows, one.detail) for one in left_rows] == [
        (3, "no_answer", 2, "a"),
        (5, "no_question", 1, "c"),
        (6, "blank", 2, ""),
        (8, "no_answer", 1, "d"),
    ]


@pytest.mark.parametrize("format_name", ["messages", "alpaca", "chatlab-jsonl", "memotrace-txt", "weflow-txt"])
def test_a_file_of_broken_rows_is_refused_before_all_of_them_are_looked_at(format_name: str, tmp_path: Path) -> None:
    path = tmp_path / "junk.txt"
    path.write_text("x\n" * (MAX_BROKEN * 3), encoding="utf-8")
    with pytest.raises(UnreadableSource, match=rf"^junk.txt: {MAX_BROKEN} of its first {MAX_BROKEN} rows are blank or"):
        rows_of(path, format_name)


def test_many_broken_rows_among_more_sound_ones_are_left_behind_and_counted() -> None:
    talk = [said(row, SHE if row % 2 else ME, row / 9, f"{row}") for row in range(1, 4001)]
    broken = [LeftOut(said(9000 + row, ME, 0, "").place, "broken_row", "no time") for row in range(MAX_BROKEN + 5)]
    conversion = converted([*talk, *broken])
    assert left(conversion)["broken_row"] == MAX_BROKEN + 5


def test_a_zip_bomb_is_called_one_though_no_reader_knows_it(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.json", "0" * 40_000_000)
    with pytest.raises(
        UnreadableSource, match=r"bomb\.zip: The ZIP file would unpack to 38 MiB, \d+ times its own size"
    ):
        rows_of(path)


def test_a_zip_that_is_no_slack_export_is_told_to_be_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "chats.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(UnreadableSource, match=r"no Slack export and no workbook. Unpack it and give the folder"):
        rows_of(path)


def test_every_export_of_chatgpt_below_a_folder_is_read_and_so_is_what_lies_beside_it(tmp_path: Path) -> None:
    for name, word in (("old", "left"), ("new", "right")):
        talk = chatgpt.conversation(chatgpt.said("user", f"{name}?"), chatgpt.said("assistant", word))
        chatgpt.export(tmp_path / name / "conversations-000.json", talk)
    chatgpt.export(tmp_path / "new" / "conversations-001.json", talk)
    (tmp_path / "new" / "user.json").write_text('{"id": 1}', encoding="utf-8")
    (tmp_path / "sheet.csv").write_text(SHEET, encoding="utf-8")
    inputs, unread = find_inputs(labelled([tmp_path]))
    assert [one.head.label.removeprefix(f"{tmp_path.name}/") for one in inputs] == [
        "new/conversations-000.json",
        "new/conversations-001.json",
        "old/conversations-000.json",
        "sheet.csv",
    ]
    assert [one.label.rpartition("/")[2] for one in unread] == ["user.json"]


def test_what_cannot_be_read_in_a_folder_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text(SHEET, encoding="utf-8")
    (tmp_path / "numbers.csv").write_text("1\n2\n3\n", encoding="utf-8")
    conversion = convert(labelled([tmp_path]), Options())
    assert len(conversion.training) == 1
    assert [one.head.path.name for one in conversion.inputs] == ["good.csv"]
    [unread] = conversion.unread
    assert unread.label.endswith("/numbers.csv")
    assert "columns" in unread.reason


def test_of_a_file_that_breaks_off_in_a_folder_what_was_read_is_kept_and_the_break_is_a_row(tmp_path: Path) -> None:
    talk = chatgpt.conversation(chatgpt.said("user", "Lit?"), chatgpt.said("assistant", "Since dusk."))
    path = chatgpt.export(tmp_path / "conversations.json", talk, talk)
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    conversion = convert(labelled([tmp_path]), Options())
    total = conversion.ledger.total()
    assert (total.rows, total.used, dict(total.left)) == (2, 1, {"breaks_off": 1})
    [(place, detail)] = conversion.ledger.details()["breaks_off"]
    assert (place.row, "Conversation 2" in detail) == (2, True)


def test_a_folder_of_which_nothing_can_be_read_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("1\n2\n3\n", encoding="utf-8")
    with pytest.raises(UnreadableSource, match=r"numbers\.csv: .*columns"):
        convert(labelled([tmp_path]), Options())


def test_a_file_that_was_named_itself_is_refused_if_it_cannot_be_read(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "numbers.csv"
    good.write_text(SHEET, encoding="utf-8")
    bad.write_text("1\n2\n3\n", encoding="utf-8")
    with pytest.raises(UnreadableSource, match=r"numbers\.csv"):
        convert(labelled([good, bad]), Options())


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\xff\xfe"])
@pytest.mark.parametrize(("name", "format_name"), [("a.csv", ""), ("a.xlsx", ""), ("a.jsonl", ""), ("a", "qa-csv")])
def test_an_empty_file_is_called_so(name: str, format_name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableSource, match=f"^{name}: It is empty"):
        rows_of(tmp_path / name, format_name)
    (tmp_path / "faq.csv").write_text(SHEET, encoding="utf-8")
    _, unread = find_inputs(labelled([tmp_path]))
    assert [(one.label, one.reason[:11]) for one in unread] == [(f"{tmp_path.name}/{name}", "it is empty")]
