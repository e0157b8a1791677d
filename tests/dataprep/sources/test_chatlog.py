"""chatlog's JSON, CSV and TXT: the story, years, groups, quotes, spoiled files."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, LeftOut, Message
from dataprep.sources import BY_NAME, UnreadableSource, look_at
from tests.dataprep.sources.wechat_story import OTHER, SELF, STORY, read, spoiled, survives, times, told, writer

HOST = "http://127.0.0.1:5030"
# Sender, type, subtype, text as CSV and TXT have it, seconds after six; JSON's own words follow from these.
EVENING: list[tuple[str, int, int, str, int]] = [
    (OTHER, 1, 0, "在吗", 0),
    (SELF, 1, 0, "在\n刚下课，NA", 5),
    (OTHER, 3, 0, f"![图片]({HOST}/image/9f1c)", 9),
    (OTHER, 1, 0, "晚上打球吗", 20),
    (SELF, 49, 57, "> 小满(wxid_xiaoman) 03-01 18:00:20\n> 晚上打球吗\n可以，七点见", 40),
    (OTHER, 34, 0, f"[语音]({HOST}/voice/701)", 60),
    ("系统消息", 10000, 0, "你撤回了一条消息", 70),
    (OTHER, 49, 62, '"小满" 拍了拍我', 80),
    (OTHER, 49, 5, "[链接|球馆价目](https://example.com/a,b?c=(1))", 120),
    (OTHER, 49, 6, f"[文件|名单 v3(终).xlsx]({HOST}/file/01ab)", 180),
    (SELF, 49, 2000, "[转账|发送 ￥20.00](球费)", 240),
    (OTHER, 50, 0, "[语音通话]", 3600),
    (SELF, 47, 0, "[动画表情]", 7200),
    (OTHER, 1, 0, "[捂脸] 忘带拍子了", 7290),
]
TITLES = {5: "球馆价目", 6: "名单 v3(终).xlsx"}
# Neither what was said in a voice message nor how long a call took is in these files.
SILENT = [(*row[:2], "" if row[1] in (Kind.VOICE, Kind.CALL) else row[2], row[3]) for row in STORY]


def clock(seconds: int) -> str:
    """A time of the evening, so many seconds after six."""
    return f"{18 + seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def element(number: int, **changes: Any) -> dict[str, Any]:
    """One message of the evening as JSON has it, counted from 0."""
    sender, code, sub, text, seconds = EVENING[number]
    made: dict[str, Any] = {"seq": number, "time": f"2025-03-01T{clock(seconds)}+08:00", "talker": OTHER}
    made |= {
        "talkerName": "小满",
        "isChatRoom": False,
        "sender": sender,
        "senderName": "小满" if sender == OTHER else "",
    }
    made |= {"isSelf": sender == SELF, "type": code, "subType": sub, "content": ""}
    if code in (1, 10000) or sub in (62, 2000):
        made["content"] = text
    elif sub == 57:
        made |= {"content": "可以，七点见", "contents": {"refer": {"type": 1, "content": "晚上打球吗"}}}
    elif sub in TITLES:
        made["contents"] = {"title": TITLES[sub], "url": "https://example.com"}
    return {**made, **changes}


def table(rows: list[tuple[str, int, int, str, int]], talker: str = OTHER) -> str:
    """Messages as CSV with LF between them."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["Time", "SenderName", "Sender", "TalkerName", "Talker", "Content"])
    for sender, _, _, content, seconds in rows:
        lines.writerow(
            [f"2025-03-01 {clock(seconds)}", "小满" if sender == OTHER else "", sender, "小满", talker, content]
        )
    return text.getvalue()


def block(sender: str, time: str, text: str) -> str:
    """One message as TXT has it."""
    return f"{sender} {time}\n{text}\n\n"


def text_of(date: str) -> str:
    """The evening as TXT, with this before each time."""
    names = {OTHER: f"小满({OTHER})", SELF: "我", "系统消息": "系统消息"}
    return "".join(block(names[sender], date + clock(seconds), text) for sender, _, _, text, seconds in EVENING)


WHOLE = json.dumps([element(number) for number in range(len(EVENING))], ensure_ascii=False)
SECONDS = [seconds for *_, seconds in EVENING]


def test_json_tells_the_evening(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("a.json", WHOLE))
    assert name == "chatlog-json"
    assert told(rows) == SILENT
    assert times(rows) == SECONDS


def test_csv_tells_the_evening_and_knows_the_exporter_by_not_being_the_other(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("a.csv", table(EVENING)))
    assert name == "chatlog-csv"
    assert told(rows) == SILENT
    assert times(rows) == SECONDS
    assert [(row.chat_id, row.chat_name) for row in rows if isinstance(row, Message)] == [(OTHER, "小满")] * 14


@pytest.mark.parametrize("date", ["03-01 ", "2025-03-01 ", ""])
def test_txt_tells_the_evening_however_much_of_the_date_it_has(tmp_path: Path, date: str) -> None:
    name, rows = read(writer(tmp_path)("小满.txt", text_of(date)))
    assert name == "chatlog-txt"
    assert told(rows) == SILENT
    assert times(rows) == SECONDS


def test_a_month_that_falls_starts_the_next_year(tmp_path: Path) -> None:
    lines = [("12-31 23:59:50", 0.0), ("01-01 00:00:10", 20.0), ("01-03 00:00:10", 172_820.0)]
    text = "".join(block("我", time, "好") for time, _ in lines)
    assert times(read(writer(tmp_path)("a.txt", text))[1]) == [after for _, after in lines]


def test_the_exporters_own_name_stands_before_the_word_for_me(tmp_path: Path) -> None:
    text = block("林(我)", "03-01 18:00:00", "好") + block("wxid_nobody", "03-01 18:00:01", "嗯")
    rows = [row for row in read(writer(tmp_path)("a.txt", text))[1] if isinstance(row, Message)]
    assert [(row.sender_id, row.sender_name, row.is_self) for row in rows] == [
        ("我", "林", True),
        ("wxid_nobody", "wxid_nobody", False),
    ]


def test_a_text_of_several_rooms_keeps_them_apart(tmp_path: Path) -> None:
    rooms = ("一班(1@chatroom)", "二班(2@chatroom)")
    text = "".join(block(f"小满({OTHER}) [{room}]", "03-01 18:00:00", "好") for room in rooms)
    rows = [row for row in read(writer(tmp_path)("a.txt", text))[1] if isinstance(row, Message)]
    assert [(row.chat_id, row.chat_name, row.is_group) for row in rows] == [
        ("1@chatroom", "一班", True),
        ("2@chatroom", "二班", True),
    ]


def test_a_room_in_a_table_does_not_say_who_exported_it(tmp_path: Path) -> None:
    rows = read(writer(tmp_path)("a.csv", table(EVENING[:2], "9@chatroom")))[1]
    assert [(row.is_self, row.is_group) for row in rows if isinstance(row, Message)] == [(None, True)] * 2


@pytest.mark.parametrize(
    ("text", "kind", "words", "quoted"),
    [
        ("> 甲(a) 03-01 18:00:20\n> 一\n> 二\n好\n的", Kind.REPLY, "好\n的", "一\n二"),
        (f"> 甲(a) 03-01 18:00:20\n> ![图片]({HOST}/image/1)\n好看", Kind.REPLY, "好看", ""),
        ("> [引用]\n好", Kind.REPLY, "好", ""),
        ("> 这是我打的引号", Kind.TEXT, "> 这是我打的引号", ""),
        ("![图片]我打的", Kind.TEXT, "![图片]我打的", ""),
        ("[链接|有](括号)的标题](https://example.com)", Kind.LINK, "有](括号)的标题", ""),
        ("[视频号|短片](https://example.com)", Kind.SHARE, "短片", ""),
        ("[分享|标题|描述](https://example.com)", Kind.LINK, "标题|描述", ""),
        ("[小程序]", Kind.SHARE, "", ""),
        ("[强]", Kind.TEXT, "[强]", ""),
        ("Type: 9999 Content: x", Kind.OTHER, "Type: 9999 Content: x", ""),
    ],
)
def test_marks_are_read_as_what_they_stand_for(tmp_path: Path, text: str, kind: Kind, words: str, quoted: str) -> None:
    rows = read(writer(tmp_path)("a.csv", table([(OTHER, 1, 0, text, 0)])))[1]
    assert told(rows) == [(False, kind, words, quoted)]


@pytest.mark.parametrize("row", [1, {}, element(0, time="soon"), element(0, isSelf="?"), element(0, content=[])])
def test_a_broken_element_is_left_out_alone(tmp_path: Path, row: object) -> None:
    _, rows = read(writer(tmp_path)("a.json", json.dumps([element(0), row, element(1)])))
    assert [row.reason if isinstance(row, LeftOut) else "" for row in rows] == ["", "broken_row", ""]


@pytest.mark.parametrize(
    ("name", "text"), [("chatlog-json", "{}"), ("chatlog-json", ""), ("chatlog-csv", "Time,Sender\n")]
)
def test_what_is_no_such_export_is_refused(tmp_path: Path, name: str, text: str) -> None:
    head = look_at(writer(tmp_path)("a", text))
    with pytest.raises(UnreadableSource):
        list(BY_NAME[name].read(head))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(WHOLE.encode()))
def test_spoiled_json_gives_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "chatlog-json", data)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(table(EVENING).encode()))
def test_spoiled_tables_give_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "chatlog-csv", data)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(text_of("03-01 ").encode()))
def test_spoiled_text_gives_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "chatlog-txt", data)
