"""Telegram Desktop's JSON, of one chat and of all, valid and not: one row a message."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from dataprep.records import Kind, Message
from dataprep.sources.registry import look_at
from dataprep.sources.source import UnreadableSource
from dataprep.sources.telegram import SOURCES
from tests.dataprep.sources.exports import messages, numbers, read, retyped, spoiled, try_to_read, write

LEO, MIA = "user111", "user222"


def said(number: int, sender: str, text: object, **more: object) -> dict[str, Any]:
    """One message of the file."""
    return {
        "id": number,
        "type": "message",
        "date": "2024-05-01T10:00:00",
        "date_unixtime": str(1714557600 + number),
        "from": {LEO: "Leo", MIA: "Mia"}.get(sender),
        "from_id": sender,
        "text": text,
        **more,
    }


SERVICE = {"id": 1, "type": "service", "date_unixtime": "1714557601", "actor": "Mia", "actor_id": MIA, "text": ""}
LINK = {"type": "link", "text": "https://example.org"}
MESSAGES = [
    {**SERVICE, "action": "phone_call"},
    said(2, MIA, ["see ", LINK, " soon"]),
    said(3, LEO, "will do", reply_to_message_id=2),
    said(4, MIA, "look", photo="(File not included. Change data exporting settings to download.)"),
    said(5, MIA, "", file="s.webp", media_type="sticker", sticker_emoji="🐸"),
    said(6, MIA, "", file="r.mp4", media_type="video_message"),
    said(7, LEO, "old news", forwarded_from=None, photo="p.jpg"),
    said(8, LEO, "for you", file="plan.pdf", file_name="plan.pdf"),
    {"id": 9, "type": "unsupported"},
    said(10, "user333", "who was I?"),
    said(11, LEO, [LINK]),
    said(12, LEO, "", poll={"question": "Tea?", "answers": []}),
    said(13, LEO, "raw", text_entities=[{"type": "plain", "text": "whole"}]),
    {**SERVICE, "id": 14, "action": "pin_message"},
]
CHAT = {"name": "Mia", "type": "personal_chat", "id": 222, "messages": MESSAGES}
NOTES = {"type": "saved_messages", "id": 111, "messages": [said(1, LEO, "milk")]}
GROUP = {"name": "Mia", "type": "private_supergroup", "id": 222, "messages": [said(2, MIA, "hi"), "?"]}
ALL = {"about": "", "personal_information": {"user_id": 111}, "chats": {"about": "", "list": [CHAT, NOTES, GROUP]}}


def read_chat(tmp_path: Path, *replaced: tuple[str, str]) -> list[Message]:
    """The messages of the single chat, its file changed by these replacements."""
    text = json.dumps(CHAT, ensure_ascii=False, indent=1)
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    return messages(read(write(tmp_path, "result.json", text), "telegram-json"))


def test_each_kind_of_content_has_its_kind_and_words(tmp_path: Path) -> None:
    assert [(one.kind, one.text) for one in read_chat(tmp_path)] == [
        (Kind.CALL, ""),
        (Kind.TEXT, "see https://example.org soon"),
        (Kind.REPLY, "will do"),
        (Kind.IMAGE, "look"),
        (Kind.STICKER, "🐸"),
        (Kind.VIDEO, ""),
        (Kind.FORWARD, "old news"),
        (Kind.FILE, "plan.pdf\nfor you"),
        (Kind.SYSTEM, ""),
        (Kind.TEXT, "who was I?"),
        (Kind.LINK, "https://example.org"),
        (Kind.SHARE, "Tea?"),
        (Kind.TEXT, "whole"),
        (Kind.SYSTEM, "pin message"),
    ]


def test_one_chat_does_not_say_who_exported_it(tmp_path: Path) -> None:
    rows = read_chat(tmp_path)
    assert {one.is_self for one in rows} == {None}
    assert (rows[2].quoted_text, rows[2].reply_to) == ("see https://example.org soon", "2")
    assert [rows[at].sender_name for at in (0, 2, 8, 9)] == ["Mia", "Leo", "", "user333"]
    assert (rows[1].timestamp, rows[8].timestamp) == (1714557602, None)


def test_an_export_of_all_chats_knows_self_and_keeps_chats_apart(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "result.json", ALL), "telegram-json")
    assert numbers(rows) == list(range(1, len(MESSAGES) + 4))
    found = messages(rows)
    assert {one.chat_id for one in found} == {"personal_chat:222", "saved_messages:111", "private_supergroup:222"}
    assert [one.is_self for one in found if one.text in ("will do", "milk", "hi")] == [True, True, False]
    assert (found[-1].is_group, found[0].is_group) == (True, False)


def test_a_reply_into_another_chat_quotes_nothing_of_this_one(tmp_path: Path) -> None:
    other = ('"reply_to_message_id": 2', '"reply_to_message_id": 2, "reply_to_peer_id": "channel9"')
    assert read_chat(tmp_path, other)[2].quoted_text == ""


def test_hexadecimal_escapes_are_repaired_and_escaped_backslashes_are_not(tmp_path: Path) -> None:
    rows = read_chat(tmp_path, ("will do", r"\x07 \\\x1F \\x07"))
    assert rows[2].text == "\x07 \\\x1f \\x07"


def test_a_path_without_quotes_is_repaired(tmp_path: Path) -> None:
    bare = ('"type": "link"', '"document_id": video_files/sticker (2).webm,\n"type": "link"')
    last = ('"text": "whole"', '"text": "whole",\n "document_id": (File not included. Change settings.)')
    assert read_chat(tmp_path, bare, last)[12].text == "whole"


def test_of_a_text_given_twice_the_empty_one_does_not_win(tmp_path: Path) -> None:
    assert read_chat(tmp_path, ('"text": "will do"', '"text": "will do", "text": ""'))[2].text == "will do"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"name": "a", "type": "bot_chat", "messages": [', "not valid JSON"),
        ('{"type": "replies"}', "no Telegram chat"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, content: str, why: str) -> None:
    with pytest.raises(UnreadableSource, match=why):
        read(write(tmp_path, "result.json", content), "telegram-json")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spoiled(json.dumps(ALL, indent=1).encode())
    | retyped({**ALL, "chats": {"list": [{**CHAT, "messages": MESSAGES[:3]}]}})
)
def test_no_spoiled_export_raises(tmp_path: Path, content: object) -> None:
    rows = try_to_read(SOURCES[0], write(tmp_path, "result.json", content))
    assert numbers(rows) == list(range(1, len(rows) + 1))


def test_deep_json_is_refused_and_not_a_crash(tmp_path: Path) -> None:
    content = '{"type": "replies", "messages": ' + "[" * 200_000
    with pytest.raises(UnreadableSource):
        list(SOURCES[0].read(look_at(write(tmp_path, "result.json", content))))
