"""PyWxDump's and WeClone's exports: the story, pages of one chat, contacts, spoiled files."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, LeftOut, Message
from dataprep.sources import BY_NAME, UnreadableSource, look_at
from tests.dataprep.sources.wechat_story import OTHER, STORY, read, spoiled, survives, times, told, writer

HEADER = ["id", "MsgSvrID", "type_name", "is_sender", "talker", "room_name", "msg", "src", "CreateTime"]
EVENING = [
    ("文本", 0, "在吗", "2025-03-01 18:00:00"),
    ("文本", 1, "在\n刚下课，NA", "2025-03-01 18:00:05"),
    ("图片", 0, "图片", "2025-03-01 18:00:09"),
    ("文本", 0, "晚上打球吗", "2025-03-01 18:00:20"),
    ("引用回复", 1, "可以，七点见\n\n[引用](2025-03-01 18:00:20)小满:晚上打球吗", "2025-03-01 18:00:40"),
    ("语音", 0, "语音时长：2.10秒\n翻译结果：那我先订场地", "2025-03-01 18:01:00"),
    ("系统通知", 1, "你撤回了一条消息", "2025-03-01 18:01:10"),
    ("拍一拍", 0, '"小满" 拍了拍我', "2025-03-01 18:01:20"),
    (
        "(分享)卡片式链接",
        0,
        '球馆价目\n周末另计\n\n<a href="https://example.com/a,b">点击查看详情</a>',
        "2025-03-01 18:02:00",
    ),
    ("文件", 0, "名单 v3(终).xlsx", "2025-03-01 18:03:00"),
    ("转账", 1, "转账：￥20.00\n转账说明：球费\n转账时间：2025-03-01 18:04:00\n", "2025-03-01 18:04:00"),
    ("语音通话", 0, "语音/视频通话[通话时长 00:42]", "2025-03-01 19:00:00"),
    ("动画表情", 1, "表情", "2025-03-01 20:00:00"),
    ("文本", 0, "[捂脸] 忘带拍子了", "2025-03-01 20:01:30"),
]


def cells(number: int) -> list[str]:
    """One row of the evening as PyWxDump writes it, counted from 0."""
    kind, is_sender, text, time = EVENING[number]
    return [str(number + 1), f"70{number}", kind, str(is_sender), "我" if is_sender else OTHER, OTHER, text, "", time]


def table(*rows: list[str], header: list[str] = HEADER) -> str:
    """Rows as CSV with CRLF between them."""
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


WHOLE = table(*(cells(number) for number in range(len(EVENING))))


def test_the_evening_is_told_whole(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("wxid_xiaoman_0_5000.csv", WHOLE))
    assert name == "pywxdump-csv"
    assert told(rows) == STORY
    assert times(rows)[1:] == [5, 9, 20, 40, 60, 70, 80, 120, 180, 240, 3600, 7200, 7290]


def test_each_row_is_placed_by_its_first_line(tmp_path: Path) -> None:
    _, rows = read(writer(tmp_path)("a_0_9.csv", table(cells(0), cells(1), cells(3))))
    assert [row.place.row for row in rows] == [2, 3, 5]


def test_pages_of_one_chat_have_its_id_and_the_names_beside_them(tmp_path: Path) -> None:
    write = writer(tmp_path)
    pages = [write("wxid_xiaoman_0_2.csv", table(cells(0), cells(1))), write("wxid_xiaoman_2_4.csv", table(cells(3)))]
    write("users.json", json.dumps({OTHER: {"wxid": OTHER, "nickname": "man", "remark": "小满"}}))
    messages = [row for page in pages for row in read(page)[1] if isinstance(row, Message)]
    assert {(message.chat_id, message.chat_name) for message in messages} == {(OTHER, "小满")}
    assert [message.sender_name for message in messages] == ["小满", "我", "小满"]


def test_contacts_are_no_chat(tmp_path: Path) -> None:
    contacts = {name: {"wxid": name, "nOrder": 1} for name in ("wxid_a", "wxid_b")}
    name, rows = read(writer(tmp_path)("users.json", json.dumps(contacts)))
    assert name == "pywxdump-contacts"
    assert [row.reason for row in rows if isinstance(row, LeftOut)] == ["contacts", "contacts"]


def test_json_tells_the_same(tmp_path: Path) -> None:
    rows = [dict(zip([*HEADER, "extra"], [*cells(number), {}], strict=True)) for number in range(len(EVENING))]
    name, read_rows = read(writer(tmp_path)("wxid_xiaoman_0_5000.json", json.dumps(rows, ensure_ascii=False)))
    assert name == "pywxdump-json"
    assert told(read_rows) == STORY


@pytest.mark.parametrize("columns", [8, 9, 10])
def test_weclone_tables_of_any_width_tell_the_same(tmp_path: Path, columns: int) -> None:
    rows = [cells(number) for number in range(len(EVENING))]
    header = HEADER
    if columns == 8:
        header, rows = HEADER[:5] + HEADER[6:], [row[:5] + row[6:] for row in rows]
    elif columns == 10:
        header, rows = [*HEADER, "is_forward"], [[*row, "False"] for row in rows]
    else:
        rows = [[*row[:8], "2025/3/1 9:05"] for row in rows]
    name, read_rows = read(writer(tmp_path)("chat.csv", table(*rows, header=header)))
    assert name == "weclone-csv"
    assert told(read_rows) == STORY
    assert {row.chat_id for row in read_rows if isinstance(row, Message)} == {"chat" if columns == 8 else OTHER}


def test_times_without_seconds_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [[*cells(number)[:8], f"2025/3/1 9:0{number}"] for number in (0, 1)]
    assert times(read(writer(tmp_path)("chat.csv", table(*rows)))[1]) == [0, 60]


def test_a_room_is_a_group_with_its_senders(tmp_path: Path) -> None:
    row = [*cells(0)[:5], "77@chatroom", *cells(0)[6:]]
    message = read(writer(tmp_path)("77@chatroom_0_1.csv", table(row)))[1][0]
    assert isinstance(message, Message)
    assert (message.is_group, message.chat_id, message.sender_id) == (True, "77@chatroom", OTHER)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([*cells(0)[:3], "maybe", *cells(0)[4:]], "broken_row"),
        ([*cells(0)[:8], "yesterday"], "broken_row"),
        ([*cells(0)[:8], "9999-99-99 00:00:00"], "broken_row"),
        (cells(0)[:4], "broken_row"),
        ([*cells(0), "one too many"], "broken_row"),
        ([], "blank"),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out_alone(tmp_path: Path, row: list[str], reason: str) -> None:
    _, rows = read(writer(tmp_path)("chat.csv", table(cells(0), row, cells(1))))
    assert [row.reason if isinstance(row, LeftOut) else "" for row in rows] == ["", reason, ""]


@pytest.mark.parametrize(("row", "count"), [(["1"], "1 cell"), (cells(0)[:4], "4 cells")])
def test_how_many_cells_a_broken_row_has_is_told(tmp_path: Path, row: list[str], count: str) -> None:
    [left] = [one for one in read(writer(tmp_path)("chat.csv", table(cells(0), row)))[1] if isinstance(one, LeftOut)]
    assert left.detail.startswith(f"{count} under a header of")


def test_an_unknown_type_is_other_and_a_numbered_recall_a_recall(tmp_path: Path) -> None:
    strange = [["1", "7", kind, *cells(0)[3:]] for kind in ("未知", "消息撤回57", "粘贴的文本")]
    _, rows = read(writer(tmp_path)("chat.csv", table(*strange)))
    assert [row.kind for row in rows if isinstance(row, Message)] == [Kind.OTHER, Kind.RECALL, Kind.TEXT]


@pytest.mark.parametrize(
    ("name", "content"),
    [("pywxdump-csv", ""), ("pywxdump-csv", "a,b\n1,2\n"), ("pywxdump-json", "[]"), ("pywxdump-json", '[{"id":')],
)
def test_what_is_no_such_export_is_refused(tmp_path: Path, name: str, content: str) -> None:
    head = look_at(writer(tmp_path)("file", content))
    with pytest.raises(UnreadableSource):
        list(BY_NAME[name].read(head))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(WHOLE.encode()))
def test_spoiled_tables_give_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "pywxdump-csv", data)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(json.dumps([dict(zip(HEADER, cells(number), strict=True)) for number in range(6)]).encode()))
def test_spoiled_json_gives_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "pywxdump-json", data)
    assert survives(tmp_path, "pywxdump-contacts", data.replace(b"[", b"{", 1))
