"""DiscordChatExporter's JSON: kinds, times, replies, and what is damaged."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from dataprep.records import Kind
from dataprep.sources.source import UnreadableSource
from tests.dataprep.sources.opened import (
    assert_reads_or_refuses,
    count_rows,
    damaged,
    left_out,
    messages_of,
    read_as,
    recognised,
    write_json,
)


def message(number: int, content: str = "", **more: Any) -> dict[str, Any]:
    author = {"id": "70", "name": "ada", "nickname": "Ada"} if number % 2 else {"id": "71", "name": "bo"}
    stamp = f"2026-09-21T10:00:{number:02}.500+08:00"
    return {"id": str(number), "type": "Default", "timestamp": stamp, "content": content, "author": author, **more}


def export(path: Path, messages: list[Any], kind: str = "GuildTextChat") -> Path:
    channel = {"id": "9", "type": kind, "name": "kettles", "topic": 'we say "messages": [ here'}
    value = {"guild": {"id": "8", "name": "Kitchen"}, "channel": channel, "exportedAt": "2026-09-22T00:00:00Z"}
    return write_json(path, {**value, "messages": messages, "messageCount": len(messages)})


TALK = [
    message(1, "kettle?"),
    message(2, "left shelf", type="Reply", reference={"messageId": "1"}),
    message(3, "", type="GuildMemberJoin"),
]


def test_messages_keep_author_time_reply_and_channel(tmp_path: Path) -> None:
    path = export(tmp_path / "talk.json", TALK)
    assert recognised(path) == "discord-json"
    rows = read_as("discord-json", path)
    assert count_rows(rows) == 3
    first, second, third = messages_of(rows)
    assert [row.place.row for row in rows] == [1, 2, 3]
    assert (first.sender_id, first.sender_name, second.sender_name) == ("70", "Ada", "bo")
    assert first.timestamp == 1789956001.5
    assert (second.kind, second.text, second.reply_to) == (Kind.REPLY, "left shelf", "1")
    assert third.kind == Kind.SYSTEM
    assert {(one.chat_id, one.chat_name, one.is_group, one.is_self) for one in (first, second, third)} == {
        ("9", "kettles", True, None)
    }


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"attachments": [{"fileName": "a.PNG"}]}, (Kind.IMAGE, "")),
        ({"attachments": [{"fileName": "a.ogg"}]}, (Kind.VOICE, "")),
        ({"attachments": [{"fileName": "plan.pdf"}]}, (Kind.FILE, "plan.pdf")),
        ({"stickers": [{"id": "1"}]}, (Kind.STICKER, "")),
        ({"embeds": [{"title": "A page"}]}, (Kind.LINK, "A page")),
        ({"type": "Call"}, (Kind.CALL, "")),
        ({"forwardedMessage": {"content": "from there"}}, (Kind.FORWARD, "from there")),
        ({}, (Kind.OTHER, "")),
    ],
)
def test_a_message_without_words_has_a_kind(tmp_path: Path, more: dict[str, Any], expected: tuple[Kind, str]) -> None:
    [row] = messages_of(read_as("discord-json", export(tmp_path / "talk.json", [message(1, **more)])))
    assert (row.kind, row.text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dress.png", (Kind.IMAGE, "which one?")),
        ("clip.mp4", (Kind.VIDEO, "which one?")),
        ("plan.pdf", (Kind.FILE, "plan.pdf\nwhich one?")),
    ],
)
def test_an_attachment_beside_words_is_not_lost(tmp_path: Path, name: str, expected: tuple[Kind, str]) -> None:
    made = message(1, "which one?", type="Reply", reference={"messageId": "8"}, attachments=[{"fileName": name}])
    [row] = messages_of(read_as("discord-json", export(tmp_path / "talk.json", [made])))
    assert (row.kind, row.text) == expected
    assert row.reply_to == "8"


@pytest.mark.parametrize(("bot", "kind"), [(True, Kind.SYSTEM), (False, Kind.TEXT), ("true", Kind.TEXT)])
def test_what_a_robot_says_is_nobodys_question(tmp_path: Path, bot: object, kind: Kind) -> None:
    made = message(1, "Welcome!", author={"id": "72", "name": "greeter", "isBot": bot})
    [row] = messages_of(read_as("discord-json", export(tmp_path / "talk.json", [made])))
    assert (row.kind, row.text) == (kind, "Welcome!")


def test_a_direct_chat_is_no_group(tmp_path: Path) -> None:
    [row] = messages_of(read_as("discord-json", export(tmp_path / "t.json", [message(1, "hm")], "DirectTextChat")))
    assert not row.is_group


def test_a_long_export_reads_through_the_window(tmp_path: Path) -> None:
    talk = [message(number % 60, f"line {number} " + "å" * 700) for number in range(1000)]
    rows = messages_of(read_as("discord-json", export(tmp_path / "talk.json", talk)))
    assert [row.text for row in rows] == [one["content"] for one in talk]


def test_what_is_no_message_is_left_out_and_a_cut_file_names_the_row(tmp_path: Path) -> None:
    path = export(tmp_path / "talk.json", [TALK[0], 7, TALK[1]])
    assert left_out(read_as("discord-json", path)) == [(2, "broken_row")]
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rindex("left shelf")], encoding="utf-8")
    with pytest.raises(UnreadableSource, match="Message 3"):
        read_as("discord-json", path)


def test_a_file_without_messages_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "talk.json", {"guild": {}, "channel": {}, "exportedAt": ""})
    with pytest.raises(UnreadableSource, match='no "messages"'):
        read_as("discord-json", path)


def sound_export() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return export(Path(folder) / "talk.json", TALK).read_bytes()


@settings(max_examples=100, deadline=None)
@given(damaged(sound_export()))
def test_damage_never_raises(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.json"
        path.write_bytes(data)
        assert_reads_or_refuses("discord-json", path)


def test_times_beyond_the_calendar_are_no_times(tmp_path: Path) -> None:
    stamps = ["0001-01-01T00:00:00+14:00", "later", [17], None]
    talk = [message(1, "x") | {"timestamp": stamp} for stamp in stamps]
    path = export(tmp_path / "talk.json", talk)
    assert json.loads(path.read_text(encoding="utf-8"))["messageCount"] == 4
    assert [row.timestamp for row in messages_of(read_as("discord-json", path))][1:] == [None, None, None]
