"""WeFlow's TXT and XLSX: the story, stray lines, groups, spoiled files."""

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, LeftOut, Message
from dataprep.sources import BY_NAME, UnreadableSource, look_at
from tests.dataprep.sources.test_weflow import EVENING
from tests.dataprep.sources.wechat_story import OTHER, SELF, STORY, read, spoiled, survives, times, told, writer
from tests.dataprep.sources.workbooks import packed_workbook

COMPACT = ["序号", "时间", "发送者身份", "消息类型", "内容"]
FULL = ["序号", "时间", "发送者昵称", "发送者账号ID", "发送者备注", "发送者身份", "消息类型", "内容"]


def clock(seconds: int) -> str:
    """A time of the evening, so many seconds after six."""
    return f"2025-03-01 {18 + seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def block(seconds: int, name: str, text: str) -> str:
    """One message as the TXT has it."""
    return f"{clock(seconds)} '{name}'\n{text}\n\n"


TEXT = "".join(block(seconds, "我" if sent else "小满", content) for _, _, sent, content, seconds in EVENING)


def workbook(rows: Sequence[Sequence[str]]) -> bytes:
    """A workbook of one sheet with these rows of text."""
    lines = (
        "".join(f'<c t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>' for cell in row)
        for row in rows
    )
    sheet = "".join(f'<row r="{number}">{line}</row>' for number, line in enumerate(lines, 1))
    return packed_workbook(sheet)


def sheet(header: list[str], chat_id: str = OTHER) -> bytes:
    """The evening under this header, which is in row 4."""
    rows = [["会话信息"], ["账号ID", chat_id, "", "昵称", "man"], ["导出工具", "WeFlow"], header]
    for number, (kind, _, sent, content, seconds) in enumerate(EVENING, 1):
        people = ["林", SELF, ""] if sent else ["man", OTHER, "小满"]
        who = people if len(header) > 5 else []
        rows.append([str(number), clock(seconds), *who, "我" if sent else "小满", kind, content])
    return workbook(rows)


def test_the_text_tells_the_evening(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("小满.txt", TEXT))
    assert name == "weflow-txt"
    assert told(rows) == STORY
    assert times(rows) == [seconds for *_, seconds in EVENING]
    assert {row.chat_id for row in rows if isinstance(row, Message)} == {"小满"}


def test_blank_lines_and_times_inside_a_message_belong_to_it(tmp_path: Path) -> None:
    text = block(0, "我", f"一\n\n二\n{clock(3)} '不是'\n三") + block(9, "小满", "好")
    rows = read(writer(tmp_path)("a.txt", text.replace("\n", "\r\n")))[1]
    assert [text for _, _, text, _ in told(rows)] == [f"一\n\n二\n{clock(3)} '不是'\n三", "好"]


def test_lines_before_the_first_message_are_stray(tmp_path: Path) -> None:
    head = look_at(writer(tmp_path)("a.txt", "导出自某处\n\n第二行\n\n" + block(0, "我", "好")))
    rows = list(BY_NAME["weflow-txt"].read(head))
    assert [(row.place.row, row.reason) for row in rows if isinstance(row, LeftOut)] == [
        (1, "stray_line"),
        (3, "stray_line"),
    ]
    assert len(rows) == 3


def test_a_group_does_not_say_who_exported_it(tmp_path: Path) -> None:
    text = block(0, "甲", "来") + block(1, "乙", "不来") + block(2, "丙", "[图片] 这个字样是我打的")
    rows = read(writer(tmp_path)("群.txt", text))[1]
    assert [(row.is_self, row.is_group, row.kind) for row in rows if isinstance(row, Message)] == [
        (None, True, Kind.TEXT)
    ] * 3


def test_an_impossible_time_breaks_its_message_alone(tmp_path: Path) -> None:
    text = "2025-13-41 25:00:00 '我'\n早\n\n" + block(1, "我", "好")
    rows = read(writer(tmp_path)("a.txt", text))[1]
    assert [row.reason for row in rows if isinstance(row, LeftOut)] == ["broken_row"]
    assert [text for _, _, text, _ in told(rows)] == ["好"]


@pytest.mark.parametrize("header", [COMPACT, FULL, [*FULL[:3], "发送者微信ID", *FULL[4:]]])
def test_the_sheet_tells_the_evening(tmp_path: Path, header: list[str]) -> None:
    name, rows = read(writer(tmp_path)("小满.xlsx", sheet(header)))
    assert name == "weflow-xlsx"
    assert told(rows) == STORY
    assert [row.place.row for row in rows] == list(range(5, 19))
    first = rows[0]
    assert isinstance(first, Message)
    assert (first.chat_id, first.sender_id, first.sender_name) == (OTHER, OTHER if len(header) > 5 else "小满", "小满")


def test_the_sheet_of_a_group_does_not_say_who_exported_it(tmp_path: Path) -> None:
    rows = read(writer(tmp_path)("群.xlsx", sheet(FULL, "9@chatroom")))[1]
    assert {(row.is_self, row.is_group) for row in rows if isinstance(row, Message)} == {(None, True)}


def test_a_sheet_without_the_header_is_refused(tmp_path: Path) -> None:
    head = look_at(writer(tmp_path)("a.xlsx", workbook([["问", "答"], ["一", "二"]])))
    assert BY_NAME["weflow-xlsx"].recognise(head) is None
    with pytest.raises(UnreadableSource, match="no header"):
        list(BY_NAME["weflow-xlsx"].read(head))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(TEXT.encode()))
def test_spoiled_text_gives_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "weflow-txt", data)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(sheet(FULL)))
def test_spoiled_sheets_give_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "weflow-xlsx", data)
