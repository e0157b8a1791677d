"""WeFlow's and EchoTrace's JSON and WeFlow's CSV for WeClone: the story, who spoke, spoiled files."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, LeftOut, Message
from dataprep.sources import BY_NAME, UnreadableSource, look_at
from tests.dataprep.sources.wechat_story import OTHER, SELF, STORY, read, spoiled, survives, times, told, writer

EVENING: list[tuple[str, int, int | None, str, int]] = [
    ("文本消息", 1, 0, "在吗", 0),
    ("文本消息", 1, 1, "在\n刚下课，NA", 5),
    ("图片消息", 3, 0, "[图片]", 9),
    ("文本消息", 1, 0, "晚上打球吗", 20),
    ("引用消息", 244813135921, 1, "可以，七点见[引用 小满：晚上打球吗]", 40),
    ("语音消息", 34, 0, "[语音消息] 那我先订场地", 60),
    ("系统消息", 10000, None, "你撤回了一条消息", 70),
    ("系统消息", 266287972401, None, '"小满" 拍了拍我', 80),
    ("卡片式链接", 21474836529, 0, "[链接] 球馆价目\nhttps://example.com/a,b", 120),
    ("文件消息", 25769803825, 0, "[文件] 名单 v3(终).xlsx", 180),
    ("转账卡片", 8589934592049, 1, "[转账] ￥20.00 球费 (林 转账给 小满)", 240),
    ("通话消息", 50, 0, "[语音通话] 通话时长 00:42", 3600),
    ("动画表情", 47, 1, "[动画表情]", 7200),
    ("文本消息", 1, 0, "[捂脸] 忘带拍子了", 7290),
]
SESSION = {
    "wxid": OTHER,
    "nickname": "man",
    "remark": "小满",
    "displayName": "小满",
    "type": "私聊",
    "messageCount": 14,
}
START = 1740823200


def message(number: int, **changes: Any) -> dict[str, Any]:
    """One message of the evening as WeFlow writes it, counted from 0."""
    kind, code, is_send, content, seconds = EVENING[number]
    who = {"senderUsername": SELF if is_send else OTHER, "senderDisplayName": "林" if is_send else "小满"}
    made = {"localId": number, "createTime": START + seconds, "type": kind, "localType": code, "content": content}
    return {**made, "isSend": is_send, **who, "platformMessageId": f"70{number}", **changes}


def document(*messages: Any, **changes: Any) -> str:
    """A whole export of these messages."""
    whole = {"weflow": {"version": "1.0.3"}, "session": SESSION, "messages": messages, **changes}
    return json.dumps(whole, ensure_ascii=False, indent=1)


WHOLE = document(*(message(number) for number in range(len(EVENING))))


def test_the_evening_is_told_whole(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("chat.json", WHOLE))
    assert name == "weflow-json"
    assert told(rows) == STORY
    assert times(rows) == [seconds for *_, seconds in EVENING]
    assert [row.place.row for row in rows] == list(range(1, 15))


def test_echotrace_is_the_same_without_the_key(tmp_path: Path) -> None:
    whole = json.loads(WHOLE)
    del whole["weflow"]
    name, rows = read(writer(tmp_path)("chat.json", json.dumps(whole)))
    assert name == "echotrace-json"
    assert told(rows) == STORY


def test_the_chat_and_its_people_keep_their_ids_and_names(tmp_path: Path) -> None:
    rows = read(writer(tmp_path)("chat.json", WHOLE))[1]
    first, second, recall = (row for row in (rows[0], rows[1], rows[6]) if isinstance(row, Message))
    assert (first.chat_id, first.chat_name, first.is_group, first.message_id) == (OTHER, "小满", False, "700")
    assert (second.sender_id, second.sender_name) == (SELF, "林")
    assert (recall.sender_id, recall.sender_name) == ("", "")


@pytest.mark.parametrize("session", [{"accountId": "8@chatroom"}, {"wxid": "8", "type": "群聊"}])
def test_a_session_is_found_after_its_messages_too(tmp_path: Path, session: dict[str, str]) -> None:
    text = json.dumps({"weflow": {"version": "2"}, "messages": [message(0)], "session": session})
    row = read(writer(tmp_path)("chat.json", text))[1][0]
    assert isinstance(row, Message)
    assert (row.chat_id[0], row.is_group) == ("8", True)


def test_a_quote_named_in_its_own_fields_is_cut_off_exactly(tmp_path: Path) -> None:
    text = "看[引用 不是引用]吧[引用 小满：去[引用 哪：里]吗]"
    made = message(4, content=text, quotedSender="小满", quotedContent="去[引用 哪：里]吗")
    assert told(read(writer(tmp_path)("a.json", document(made)))[1]) == [
        (True, Kind.REPLY, "看[引用 不是引用]吧", "去[引用 哪：里]吗")
    ]


@pytest.mark.parametrize("content", ["行[引用 小满：那呢[引用 林：六点]]", "行"])
def test_what_the_quoted_message_quotes_itself_is_not_quoted_again(tmp_path: Path, content: str) -> None:
    made = message(4, content=content, quotedSender="小满", quotedContent="那呢[引用 林：六点]")
    assert told(read(writer(tmp_path)("a.json", document(made)))[1]) == [(True, Kind.REPLY, "行", "那呢")]


def test_a_type_without_a_known_name_goes_by_its_number(tmp_path: Path) -> None:
    strange = [message(0, type="新类型", localType=code) for code in (25769803825, 43, 3 << 70, "x", -1)]
    rows = read(writer(tmp_path)("a.json", document(*strange)))[1]
    assert [row.kind for row in rows if isinstance(row, Message)] == [Kind.FILE, Kind.VIDEO, *[Kind.OTHER] * 3]


def test_a_text_that_nobody_sent_is_the_programs(tmp_path: Path) -> None:
    rows = read(writer(tmp_path)("a.json", document(message(0, isSend=None))))[1]
    assert told(rows) == [(False, Kind.SYSTEM, "在吗", "")]


@pytest.mark.parametrize(
    "row",
    [
        *(5, None, [], message(0, createTime=0), message(0, createTime="soon"), message(0, createTime=10**400)),
        *(message(0, content={"a": 1}), message(0, isSend="?"), message(0, senderUsername=[]), {"createTime": START}),
    ],
)
def test_a_broken_element_is_left_out_alone(tmp_path: Path, row: object) -> None:
    _, rows = read(writer(tmp_path)("a.json", document(message(0), row, message(1))))
    assert [row.reason if isinstance(row, LeftOut) else "" for row in rows] == ["", "broken_row", ""]


def test_an_export_that_breaks_off_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = writer(tmp_path)("a.json", WHOLE[:-400])
    with pytest.raises(UnreadableSource, match="Export it again"):
        read(file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"messages": {}}', '{"messages": []}', '{"a" 1}', "{1: 2}"])
def test_what_holds_no_messages_is_refused(tmp_path: Path, text: str) -> None:
    head = look_at(writer(tmp_path)("a.json", text))
    with pytest.raises(UnreadableSource):
        list(BY_NAME["weflow-json"].read(head))


def test_utf16_and_raw_line_separators_are_read(tmp_path: Path) -> None:
    text = document(message(0, content="一\u2028二"))
    assert told(read(writer(tmp_path)("a.json", text.encode("utf-16")))[1]) == [(False, Kind.TEXT, "一\u2028二", "")]


TYPES = {3: "image", 34: "voice", 47: "sticker", 25769803825: "file"}


def weclone_table() -> str:
    """The evening as WeFlow writes it for WeClone: most kinds are called text."""
    lines = ["id,MsgSvrID,type_name,is_sender,talker,msg,src,CreateTime"]
    for number, (_, code, is_send, content, seconds) in enumerate(EVENING, 1):
        who, cell = ("林" if is_send else "小满"), content.replace('"', '""')
        time = f"2025-03-01T{18 + seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}+08:00"
        lines.append(f'{number},70{number},{TYPES.get(code, "text")},{is_send or 0},{who},"{cell}",,{time}')
    return "\ufeff" + "\r\n".join(lines) + "\r\n"


def test_mistyped_rows_get_their_true_kinds_by_their_words(tmp_path: Path) -> None:
    name, rows = read(writer(tmp_path)("小满.csv", weclone_table()))
    assert name == "weflow-csv"
    assert told(rows) == STORY
    assert times(rows) == [seconds for *_, seconds in EVENING]


def test_a_table_without_rooms_is_a_groups_if_several_people_talk(tmp_path: Path) -> None:
    lines = weclone_table().replace("6,706,voice,0,小满", "6,706,voice,0,阿青")
    for table, is_group in ((weclone_table(), False), (lines, True)):
        rows = read(writer(tmp_path)("群.csv", table))[1]
        assert {row.is_group for row in rows if isinstance(row, Message)} == {is_group}


def test_portraits_do_not_hide_an_export(tmp_path: Path) -> None:
    session = {**SESSION, "lastTimestamp": START}
    text = json.dumps({"session": session, "avatars": {"a": "A" * 99_000}, "messages": [message(0)]})
    name, rows = read(writer(tmp_path)("a.json", text))
    assert (name, len(rows)) == ("echotrace-json", 1)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(WHOLE.encode()))
def test_spoiled_json_gives_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "weflow-json", data)
    assert survives(tmp_path, "echotrace-json", data)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=spoiled(weclone_table().encode()))
def test_spoiled_tables_give_rows_or_a_refusal(tmp_path: Path, data: bytes) -> None:
    assert survives(tmp_path, "weflow-csv", data)
