"""ChatLab as one object and as lines: the same messages, and every row accounted for."""

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, LeftOut
from dataprep.sources.chatlab import SOURCES
from tests.dataprep.sources.exports import messages, numbers, read, reasons, retyped, spoiled, try_to_read, write

META = {"name": "Mia", "platform": "wechat", "type": "private", "ownerId": "wx_leo"}
MEMBERS = [{"platformId": "wx_leo", "accountName": "Leo"}, {"platformId": "wx_mia", "accountName": "Mia"}]


def said(sender: str, kind: int, content: str | None, number: int, **more: object) -> dict[str, Any]:
    """One message of the file."""
    return {
        "sender": sender,
        "timestamp": 1700000000 + number,
        "type": kind,
        "content": content,
        "platformMessageId": str(9000 + number),
        **more,
    }


MESSAGES = [
    said("wx_mia", 0, "咖啡机修好了吗 [捂脸]", 1),
    said("wx_leo", 25, "还没，缺个零件", 2, replyToMessageId="9001"),
    said("wx_mia", 1, "[图片]", 3),
    said("wx_mia", 5, None, 4),
    said("wx_leo", 2, "[语音消息] 晚点再说", 5),
    said("wx_mia", 7, "[链接] 维修手册\nhttps://example.org/m", 6),
    said("wx_mia", 80, '"Mia" 撤回了一条消息', 7),
    said("system", 80, "你们已经是朋友了", 8),
    said("wx_leo", 4711, "?", 9),
]
WHOLE = {"chatlab": {"version": "0.0.2"}, "meta": META, "members": MEMBERS, "messages": MESSAGES}
LINES = "\n".join(
    [
        "# made by hand",
        json.dumps({"_type": "header", "chatlab": {"version": "0.0.2"}, "meta": META}),
        *(json.dumps({"_type": "member", **member}) for member in MEMBERS),
        "",
        *(json.dumps({"_type": "message", **message}) for message in MESSAGES),
        '{"_type": "message", "content": ',
    ]
)


def test_an_object_gives_each_message_with_its_kind_and_words(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "chat.json", WHOLE), "chatlab-json")
    assert numbers(rows) == list(range(1, 10))
    assert [(one.kind, one.text) for one in messages(rows)] == [
        (Kind.TEXT, "咖啡机修好了吗 [捂脸]"),
        (Kind.REPLY, "还没，缺个零件"),
        (Kind.IMAGE, ""),
        (Kind.STICKER, ""),
        (Kind.VOICE, "晚点再说"),
        (Kind.LINK, "维修手册"),
        (Kind.RECALL, '"Mia" 撤回了一条消息'),
        (Kind.SYSTEM, "你们已经是朋友了"),
        (Kind.OTHER, "?"),
    ]


def test_the_owner_is_self_and_members_lend_their_names(tmp_path: Path) -> None:
    first, reply = messages(read(write(tmp_path, "chat.json", WHOLE), "chatlab-json"))[:2]
    assert (first.sender_name, first.is_self, reply.sender_name, reply.is_self) == ("Mia", False, "Leo", True)
    assert (first.timestamp, first.chat_name, first.is_group) == (1700000001, "Mia", False)


def test_without_an_owner_nobody_is_known_to_be_self(tmp_path: Path) -> None:
    meta = {**META, "ownerId": None}
    rows = read(write(tmp_path, "chat.json", {**WHOLE, "meta": meta}), "chatlab-json")
    assert {one.is_self for one in messages(rows)} == {None}


def test_a_reply_carries_the_words_it_answers(tmp_path: Path) -> None:
    reply = messages(read(write(tmp_path, "chat.json", WHOLE), "chatlab-json"))[1]
    assert (reply.reply_to, reply.quoted_text) == ("9001", "咖啡机修好了吗 [捂脸]")


def test_lines_give_the_same_messages_and_account_for_the_others(tmp_path: Path) -> None:
    whole = messages(read(write(tmp_path, "chat.json", WHOLE), "chatlab-json"))
    rows = read(write(tmp_path, "chat.jsonl", LINES), "chatlab-jsonl")
    assert numbers(rows) == list(range(1, 16))
    assert reasons(rows) == ["comment", "header", "header", "header", "blank", "broken_row"]
    assert [(one.text, one.is_self, one.chat_id) for one in messages(rows)] == [
        (one.text, one.is_self, one.chat_id) for one in whole
    ]


def test_a_message_that_is_no_object_is_a_broken_row(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "chat.json", {**WHOLE, "messages": [3, *MESSAGES]}), "chatlab-json")
    assert isinstance(rows[0], LeftOut)
    assert (rows[0].reason, len(rows)) == ("broken_row", 10)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spoiled(json.dumps(WHOLE).encode()) | spoiled(LINES.encode()) | retyped({**WHOLE, "messages": MESSAGES[:3]}))
def test_no_spoiled_file_raises(tmp_path: Path, content: object) -> None:
    path = write(tmp_path, "chat.json", content)
    for source in SOURCES:
        rows = try_to_read(source, path)
        assert numbers(rows) == list(range(1, len(rows) + 1))
